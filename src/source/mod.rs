//! Bytes in, [change records](crate::model::change) out: one dialect a file, one file format a file.
//!
//! A source checks that bytes are what they claim to be, and finds each row's operation and key. It leaves the rules
//! (missing ids, forgotten users, conflicts) to `ingest`, and refuses only what `ingest` cannot see: a line that is no
//! object, an id that is no id, a time that cannot be read.
//!
//! ```text
//! inputs ──windows──▶ InputWindow ──open_window──▶ ChangeBatch ──parts──▶ ChangePart
//!                                     files/ bytes → columns;  mapping which column is what;
//!                                     s3, snowflake, databricks, bigquery, backfill operations;
//!                                     ids, time key columns → keys
//!                                     converter, where there is one: columns → the columns of events
//! a Delta table ──DeltaTable──▶ ChangeBatch            delta/ rows by the Delta kernel, then as those of a file
//! ```

mod backfill;
mod bigquery;
#[cfg(feature = "parquet")]
mod caught;
mod columns;
mod converter;
mod databricks;
#[cfg(feature = "delta")]
mod delta;
#[cfg(not(feature = "delta"))]
#[path = "delta/absent.rs"]
mod delta;
mod dialect;
mod files;
mod guess;
mod ids;
mod inputs;
mod labels;
mod mapping;
mod parts;
mod s3;
mod snowflake;
mod table;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod typed;
pub mod vendor_export;
mod versions;
mod windows;

pub use converter::Converter;
pub use delta::DeltaTable;
pub use dialect::Dialect;
pub use files::{CsvForm, FileFormat};
pub use inputs::{InputFile, InputOptions, Known, Listed, find, list, open_archives};
pub use mapping::Mapping;
#[cfg(feature = "cli")]
pub(crate) use mapping::split_columns;
pub use table::{Feed, TableStart};
pub use versions::number_by_version;
pub use windows::{InputWindow, WindowFiles, Windows, windows};

use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{ChangeBatch, Operation, Parts};
use crate::model::value::TimeUnit;
use std::collections::HashSet;
use std::sync::Arc;

/// The table's names of payload columns.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum ColumnNames {
    /// As they stand in the file.
    AsIs,
    /// Names without a lower-case letter in lower case: `EVENT_TYPE` is `event_type`.
    Lower,
}

/// What a caller knows about its change files.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// The dialect.
    pub dialect: Dialect,
    /// Whether the caller named the dialect. Files that may be of another one are refused otherwise.
    pub is_dialect_given: bool,
    /// The source's name, the scope of its positions; the dialect's name by default.
    pub source: Option<String>,
    /// How inputs behind URLs are listed and read.
    pub inputs: InputOptions,
    /// The file format; by default it is told by name and content.
    pub format: Option<FileFormat>,
    /// Columns of CSV files that have no header row.
    pub header: Option<Vec<String>>,
    /// How CSV files quote; by default as RFC 4180 says, and as Snowflake does by default where the dialect is
    /// Snowflake and a `header` is given.
    pub csv_form: Option<CsvForm>,
    /// Which column is which field.
    pub mapping: Mapping,
    /// The vendor's converter, which makes events out of rows; it takes the place of a mapping.
    pub converter: Option<Converter>,
    /// The table's names of payload columns; by default as they stand in the file, in lower case for Snowflake.
    pub column_names: Option<ColumnNames>,
    /// Which files are one window; by default each file for S3 and backfill, all files of the call for the warehouses.
    pub window: Option<WindowFiles>,
    /// Number of the first window's position; the others follow one by one. By default windows are named.
    pub position: Option<u64>,
    /// First commit version that Databricks exports cover, by default the lowest of their rows; first one whose changes
    /// are read of a Delta table, by default the one after the source's watermark.
    pub from_version: Option<u64>,
    /// Last commit version that Databricks exports cover, by default the highest of their rows; last one that is read of
    /// a Delta table, by default its latest.
    pub to_version: Option<u64>,
    /// Where the mirror of a Delta table begins; [`TableStart::Latest`] by default.
    pub start: Option<TableStart>,
    /// The time zone of times that name none. A time that a clock change skips or repeats is read with the offset that
    /// held before it.
    pub naive_tz: jiff::tz::TimeZone,
    /// The unit of event times that are plain numbers; milliseconds by default, the vendor's.
    pub time_unit: TimeUnit,
    /// Whether operations are read without regard to ASCII case.
    pub op_case_insensitive: bool,
    /// More texts for operations: `("I", Insert)`.
    pub op_aliases: Vec<(String, Operation)>,
    /// Bytes that decoding one file may hold at a time, about.
    pub memory: usize,
    /// Rows a part at most. A part may have fewer: where rows are large, or at the end of a Parquet row group.
    pub rows_per_part: usize,
    /// Numbers of rows, rising, for a second look at some rows of a file. Parquet gives these alone, other formats all of
    /// them. Not for batches: nothing counts what is left out.
    pub only_rows: Option<Arc<[u64]>>,
}

impl Default for SourceOptions {
    fn default() -> Self {
        SourceOptions {
            dialect: Dialect::default(),
            is_dialect_given: false,
            source: None,
            inputs: InputOptions::default(),
            format: None,
            header: None,
            csv_form: None,
            mapping: Mapping::default(),
            converter: None,
            column_names: None,
            window: None,
            position: None,
            from_version: None,
            to_version: None,
            start: None,
            naive_tz: jiff::tz::TimeZone::UTC,
            time_unit: TimeUnit::Millisecond,
            op_case_insensitive: false,
            op_aliases: Vec::new(),
            memory: 512 << 20,
            rows_per_part: 16_384,
            only_rows: None,
        }
    }
}

/// The parts of one file, for rows that are not applied. Errors are those of [`open_window`].
pub fn parts(file: &InputFile, options: &SourceOptions) -> Result<Parts> {
    let file = inputs::content::OpenedFile::new(file, file.stat()?, false);
    Ok(Box::new(parts::Parts::open(&file, 0, options)?.0))
}

impl SourceOptions {
    /// The source's name.
    pub fn source_name(&self) -> &str {
        self.source.as_deref().unwrap_or(self.dialect.name())
    }

    /// Errors, of kind `Usage`, where options contradict each other.
    pub fn check(&self) -> Result<()> {
        let usage = |text: String, place: &str| Err(Error::new(ErrorKind::Usage, text).at(place));
        self.mapping.check(self.dialect)?;
        let has_versions = self.dialect == Dialect::Databricks;
        if self.from_version.or(self.to_version).is_some() && !has_versions {
            let text = format!("the dialect {} has no commit versions", self.dialect.name());
            return usage(text, "--from-version, --to-version");
        }
        if self.start.is_some() && !has_versions {
            return usage("only Delta tables have a start, and their dialect is databricks".to_owned(), "--start");
        }
        if self.position.is_some() && has_versions {
            let text = "the position of databricks exports is their last commit version".to_owned();
            return usage(text, "--position");
        }
        if let Some(columns) = &self.header {
            if columns.is_empty() || columns.iter().any(String::is_empty) {
                return usage("a column needs a name".to_owned(), "--header");
            }
            let mut seen = HashSet::new();
            if let Some(twice) = columns.iter().find(|column| !seen.insert(column.as_str())) {
                return usage(format!("two columns are named {twice:?}"), "--header");
            }
        }
        Ok(())
    }
}

/// Opens one file as one change batch; see [`open_window`].
pub fn open(file: &InputFile, options: &SourceOptions) -> Result<ChangeBatch> {
    open_window(&InputWindow::of_file(file.clone()), options)
}

/// Opens the files of a window as one change batch. The rows are decoded as they are asked for, with bounded memory, one
/// file after the other, and the content is hashed meanwhile, unless the window is numbered.
///
/// Errors, here or from the parts: `Io` where the system refuses to read, `InvalidInput` where the bytes are not what
/// they claim to be or a mapped column is missing, `Unsupported` for a format this build leaves out, `Usage` where the
/// options do not fit the file. After an error the parts end, and the batch must not be applied.
pub fn open_window(window: &InputWindow, options: &SourceOptions) -> Result<ChangeBatch> {
    let opened = window.opened()?;
    let parts = parts::WindowParts::open(&opened, options)?;
    Ok(ChangeBatch {
        first: window.number.as_ref().and_then(|numbers| numbers.first),
        files: window.files.iter().map(|file| file.name.clone()).collect(),
        ..ChangeBatch::new(
            options.source_name(),
            window.position(opened),
            options.dialect.window_kind(),
            Box::new(parts),
        )
    })
}
