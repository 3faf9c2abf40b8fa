//! What there is to know about a store as a whole.

use super::Store;
use super::keyspace::meta::Horizon;
use crate::error::{Error, ErrorKind, Result};
use crate::model::key::TimePrecision;
use crate::model::position::Position;
use crate::model::schema::Column;
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

impl Store {
    /// What there is to know about the store as a whole.
    pub fn status(&self) -> Result<Status> {
        let committed = self.0.committed.read().clone();
        let horizon = self.horizon();
        Ok(Status {
            path: self.0.path.clone(),
            format_version: self.0.format.version,
            precision: self.precision(),
            created_at: self.0.format.created_at,
            sequence: committed.sequence,
            horizon,
            rows: committed.rows,
            columns: committed.schema.columns().to_vec(),
            sources: self.sources()?,
            rejections: self.log().try_fold(0, |sum, entry| Ok::<_, Error>(sum + entry?.counts.rejected))?,
            suppressed_users: self.suppressed().len() as u64,
            disk_bytes: disk_bytes(&self.0.path)?,
        })
    }

    /// The commit as of which a source had come to a position: that of a name, or the last one up to a number.
    ///
    /// # Errors
    /// `Usage` where nothing of the source was applied up to there.
    pub fn sequence_at(&self, source: &str, position: &str) -> Result<u64> {
        let number: Option<u64> = position.parse().ok();
        let (mut found, mut is_reached) = (None, false);
        for entry in self.log() {
            let entry = entry?;
            match &entry.position {
                _ if entry.source != source => {}
                Position::Named(named) if named.name == position => (found, is_reached) = (Some(entry.sequence), true),
                Position::Numbered(at) if number.is_some_and(|number| *at <= number) => {
                    (found, is_reached) = (Some(entry.sequence), number == Some(*at));
                }
                Position::Numbered(_) => is_reached = true,
                Position::Named(_) => {}
            }
        }
        found.filter(|_| is_reached).ok_or_else(|| {
            let text = format!("nothing was applied of the source {source:?} up to the position {position:?}");
            Error::new(ErrorKind::Usage, text).advice("`eventmirror log` lists sources and positions")
        })
    }

    /// How far each source has come, by its name. Reads the whole log.
    pub fn sources(&self) -> Result<Vec<SourceStatus>> {
        let mut sources: BTreeMap<String, SourceStatus> = BTreeMap::new();
        for entry in self.log() {
            let entry = entry?;
            let status = sources.entry(entry.source.clone()).or_insert_with(|| SourceStatus {
                source: entry.source.clone(),
                watermark: None,
                names: 0,
                last_name: None,
                last_sequence: 0,
                applied_at: 0,
                newest: None,
            });
            (status.last_sequence, status.applied_at) = (entry.sequence, entry.committed_at);
            match entry.position {
                Position::Numbered(number) => status.watermark = Some(number),
                Position::Named(named) => {
                    status.names += 1;
                    status.newest = status.newest.max(named.modified.map(|nanos| nanos.div_euclid(1_000_000)));
                    status.last_name = status.last_name.take().max(Some(named.name));
                }
            }
        }
        Ok(sources.into_values().collect())
    }
}

/// What there is to know about a store as a whole.
#[derive(Debug, Clone)]
pub struct Status {
    /// The store's folder.
    pub path: PathBuf,
    /// Version of the format on disk.
    pub format_version: u32,
    /// Precision of event times.
    pub precision: TimePrecision,
    /// When it was created, milliseconds since 1970.
    pub created_at: i64,
    /// The last commit.
    pub sequence: u64,
    /// The oldest commit that can be read; `None` where all can.
    pub horizon: Option<Horizon>,
    /// Rows in the table.
    pub rows: u64,
    /// The columns in the order of their ids.
    pub columns: Vec<Column>,
    /// The sources by name.
    pub sources: Vec<SourceStatus>,
    /// Rejected rows of all commits.
    pub rejections: u64,
    /// Forgotten users.
    pub suppressed_users: u64,
    /// Bytes of all files of the store.
    pub disk_bytes: u64,
}

/// How far a source has come.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceStatus {
    /// The source.
    pub source: String,
    /// Highest numbered position applied.
    pub watermark: Option<u64>,
    /// How many names were applied.
    pub names: u64,
    /// The applied name that sorts last.
    pub last_name: Option<String>,
    /// The last commit of the source.
    pub last_sequence: u64,
    /// When that was, milliseconds since 1970.
    pub applied_at: i64,
    /// When the newest of its files was written, milliseconds since 1970, where that is known.
    pub newest: Option<i64>,
}

/// Bytes of all files in a store's folder.
pub(super) fn disk_bytes(path: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(path)? {
        // A file that RocksDB took away in between is no file of the store.
        let Ok(metadata) = entry?.metadata() else { continue };
        bytes += if metadata.is_file() { metadata.len() } else { 0 };
    }
    Ok(bytes)
}
