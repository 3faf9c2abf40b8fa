//! The extract: its rows as hashes, and again as whole rows where they are wanted.

use super::files::Files;
use super::hashes::{Hashes, Seen};
use super::options::Plan;
use super::rows::for_each_row;
use crate::error::{Error, ErrorKind, Result};
use crate::event_store::EventStore;
use crate::model::change::RowPlace;
use crate::model::counts::Counts;
use crate::model::fingerprint::Fingerprint;
use crate::model::schema::Schema;
use crate::model::value::Event;
use crate::model::{key, row};
use crate::source::SourceOptions;
use crate::source::vendor_export::SYNTHETIC;
use crate::store::{Snapshot, StoreOptions};
use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

/// Rows that are handed over at a time.
const BATCH: usize = 1 << 14;

/// Rows of the warehouse, given for verification: every row is one of the table, whatever its columns are.
pub struct Extract(Rows);

enum Rows {
    Files(Box<Files>),
    Store(Snapshot),
}

impl Extract {
    /// The rows of these files, folders and patterns; a single folder that holds a store is that store. What a converter
    /// leaves out is left out. Of an archive of the vendor's Export API (a ZIP file) it is the events, each once. A Delta table is its rows at
    /// [`SourceOptions::to_version`], the latest version by default.
    ///
    /// # Errors
    /// Those of [`source::find`](crate::source::find) and [`EventStore::open`]; `InvalidInput` for a damaged archive.
    pub fn open(inputs: &[String], source: SourceOptions) -> Result<Extract> {
        match inputs {
            [one] if is_store(Path::new(one)) => {
                let options = StoreOptions { create: false, read_only: true, ..StoreOptions::default() };
                Ok(Extract::of_snapshot(EventStore::open(one, options)?.snapshot()))
            }
            _ => Ok(Extract(Rows::Files(Box::new(Files::find(inputs, source)?)))),
        }
    }

    /// The rows of another store.
    pub fn of_snapshot(snapshot: Snapshot) -> Extract {
        Extract(Rows::Store(snapshot))
    }

    /// Leaves out what cannot be compared: columns of the mirror that have the name of one that the vendor fills in.
    pub(super) fn narrow(&self, plan: &mut Plan<'_>) {
        let is_export = matches!(&self.0, Rows::Files(files) if files.is_export);
        let columns = plan.snapshot.schema().columns().iter().map(|column| &column.name);
        let synthetic = columns.filter(|name| is_export && SYNTHETIC.contains(&name.as_str())).cloned();
        plan.comparison.columns = std::mem::take(&mut plan.comparison.columns).but(synthetic);
    }

    /// Reads all rows as hashes; of a store just the fingerprints, where they are enough to tell the buckets that differ.
    pub(super) fn read(&self, plan: &Plan<'_>) -> Result<Read> {
        match &self.0 {
            Rows::Files(files) => files.hashes(plan),
            Rows::Store(snapshot) => {
                check_precisions(plan.snapshot, snapshot)?;
                let schema = Schema::clone(snapshot.schema());
                let columns = schema.columns().iter().map(|column| column.name.clone()).collect();
                let sums = if plan.has_fingerprints() { plan.fingerprints(snapshot)? } else { BTreeMap::new() };
                let counts = Counts { read: snapshot.count(), ..Counts::default() };
                Ok(Read { sums, counts, schema, columns, ..Read::new(plan) })
            }
        }
    }

    /// Adds what [`read`](Extract::read) left out: the rows of these buckets.
    pub(super) fn read_buckets(&self, plan: &Plan<'_>, buckets: &BTreeSet<u16>, read: &mut Read) -> Result<()> {
        let Rows::Store(snapshot) = &self.0 else { return Ok(()) };
        let mut rows = Vec::with_capacity(BATCH);
        for_each_row(plan, snapshot, buckets, &|_| true, &mut |row| {
            rows.push(Seen { bucket: row.bucket, entry: row.entry, place: RowPlace::default() });
            if rows.len() == BATCH { read.hashes.add(std::mem::take(&mut rows)) } else { Ok(()) }
        })?;
        read.hashes.add(rows)
    }

    /// How its rows are read, which is how rows that the store refused are read once more.
    pub(super) fn source(&self) -> SourceOptions {
        match &self.0 {
            Rows::Files(files) => files.source.clone(),
            Rows::Store(_) => SourceOptions::default(),
        }
    }

    /// Reads the wanted rows again, in their order, and hands them over.
    pub(super) fn wanted(
        &self,
        plan: &Plan<'_>,
        wanted: &Wanted<'_>,
        each: &mut dyn FnMut(WantedRow) -> Result<()>,
    ) -> Result<()> {
        match &self.0 {
            Rows::Files(files) => files.wanted(plan, wanted, each),
            Rows::Store(snapshot) => {
                let index = wanted.index;
                for_each_row(plan, snapshot, wanted.buckets, &|key_hash| index(key_hash).is_some(), &mut |row| {
                    let Some(index) = index(row.entry.key_hash) else { return Ok(()) };
                    let (key, columns) = (row.stored.key, row.stored.row);
                    let unreadable = || Error::new(ErrorKind::Corrupt, "a row of the other store cannot be read");
                    let event = event(key, columns, snapshot.schema()).ok_or_else(unreadable)?;
                    each(WantedRow { index, place: None, row_hash: row.entry.row_hash, key: key.to_vec(), event })
                })
            }
        }
    }
}

/// Whether a folder holds a store, or at least a database.
fn is_store(path: &Path) -> bool {
    path.join("CURRENT").is_file() && path.join("IDENTITY").is_file()
}

/// Stores of different precisions have no keys in common.
pub(super) fn check_precisions(a: &Snapshot, b: &Snapshot) -> Result<()> {
    let (one, other) = (a.store().precision(), b.store().precision());
    match one == other {
        true => Ok(()),
        false => {
            let text = format!("one store keeps event times in {}, the other in {}", one.name(), other.name());
            Err(Error::new(ErrorKind::Usage, text).advice("compare stores of one precision"))
        }
    }
}

/// What the first pass over an extract gives.
#[derive(Debug)]
pub(super) struct Read {
    pub(super) hashes: Hashes,
    pub(super) sums: BTreeMap<u16, Fingerprint>,
    /// What was read, and what had no usable key.
    pub(super) counts: Counts,
    /// Rows of users and times that are not compared.
    pub(super) out_of_range: u64,
    /// The columns by their ids in encoded rows.
    pub(super) schema: Schema,
    /// The payload columns that the extract has.
    pub(super) columns: BTreeSet<String>,
}

impl Read {
    pub(super) fn new(plan: &Plan<'_>) -> Read {
        Read {
            hashes: Hashes::new(plan.memory / 4),
            sums: BTreeMap::new(),
            counts: Counts::default(),
            out_of_range: 0,
            schema: Schema::clone(plan.snapshot.schema()),
            columns: BTreeSet::new(),
        }
    }

    /// The hashes, which are not kept.
    pub(super) fn take_hashes(&mut self, plan: &Plan<'_>) -> Hashes {
        std::mem::replace(&mut self.hashes, Hashes::new(plan.memory))
    }
}

/// A row of the extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Line or row, counted from 1.
    pub row_number: u64,
}

/// Which rows of the extract are wanted.
pub(super) struct Wanted<'a> {
    /// The buckets that they are in.
    pub(super) buckets: &'a BTreeSet<u16>,
    /// The columns by their ids in encoded rows.
    pub(super) schema: &'a Schema,
    /// Where they stand, sorted.
    pub(super) places: &'a [RowPlace],
    /// What a key is known by to those who want it, by its hash.
    pub(super) index: &'a (dyn Fn(u128) -> Option<usize> + Sync),
}

/// A wanted row of the extract.
pub(super) struct WantedRow {
    /// What its key was found by.
    pub(super) index: usize,
    /// Where it stands, if that is a file.
    pub(super) place: Option<Place>,
    /// Hash of what is compared.
    pub(super) row_hash: u128,
    /// The encoded key.
    pub(super) key: Vec<u8>,
    pub(super) event: Event,
}

/// The event of an encoded key and row.
pub(super) fn event(key: &[u8], columns: &[u8], schema: &Schema) -> Option<Event> {
    let mut event = Event::new(key::decode(key)?);
    for field in row::fields(columns) {
        let (column, value) = field.ok()?;
        event.columns.push((schema.name(column)?.to_owned(), value.to_value()));
    }
    Some(event)
}
