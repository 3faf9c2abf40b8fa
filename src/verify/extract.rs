//! The extract: its rows as hashes, and again as whole rows where they are wanted.

use super::check_stop;
use crate::diff::Entry;
use crate::error::Result;
use crate::ingest::{self, PreparedRow, PreparedRows, Rules, Scratch};
use crate::model::arena::Pool;
use crate::model::change::ChangePart;
use crate::model::counts::Counts;
use crate::model::fingerprint::Fingerprint;
use crate::model::key::TimePrecision;
use crate::model::schema::Schema;
use crate::source::{self, Dialect, InputFile, SourceOptions};
use crossbeam::channel;
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::atomic::AtomicBool;

/// Memory that buffers of rows may keep for their next use.
const POOL_BYTES: usize = 64 << 20;
const BUCKETS: usize = 1 << 16;

/// Rows of the warehouse, given for verification: every row is one of the table, whatever its columns are.
#[derive(Debug, Clone)]
pub struct Extract {
    files: Vec<InputFile>,
    source: SourceOptions,
}

impl Extract {
    /// The rows of these files, folders and patterns. What a converter leaves out is left out.
    ///
    /// # Errors
    /// Those of [`source::find`].
    pub fn open(inputs: &[String], source: SourceOptions) -> Result<Extract> {
        let source = SourceOptions { dialect: Dialect::Backfill, ..source };
        let files = source::find(inputs, &source.inputs, None)?.files;
        let files = match &source.converter {
            Some(converter) => converter.select(files)?.0,
            None => files,
        };
        Ok(Extract { files, source })
    }

    /// Reads all rows as hashes, on all cores.
    pub(super) fn hashes(&self, columns: Schema, precision: TimePrecision, stop: &AtomicBool) -> Result<Hashes> {
        let rules = Rules { precision, ..Rules::default() };
        let schema = Mutex::new(columns);
        let (sender, receiver) = channel::bounded::<ChangePart>(2);
        std::thread::scope(|scope| {
            let workers: Vec<_> = (0..std::thread::available_parallelism().map_or(1, usize::from))
                .map(|_| {
                    let receiver = receiver.clone();
                    let (schema, rules) = (&schema, &rules);
                    scope.spawn(move || hash_all(&receiver, schema, rules))
                })
                .collect();
            // When every worker is gone, so is the channel, and sending fails instead of waiting for ever.
            drop(receiver);
            let decoded = self.send_all(sender, stop);
            let mut all = Hashes::default();
            for worker in workers {
                all.add(worker.join().unwrap_or_else(|panic| std::panic::resume_unwind(panic))?);
            }
            decoded.map(|()| all)
        })
    }

    fn send_all(&self, sender: channel::Sender<ChangePart>, stop: &AtomicBool) -> Result<()> {
        for file in &self.files {
            for part in source::parts(file, &self.source)? {
                check_stop(stop)?;
                if sender.send(part?).is_err() {
                    // The workers met an error, which the caller finds when it joins them.
                    return Ok(());
                }
            }
        }
        Ok(())
    }

    /// Reads all rows again, in the order of the files, and hands those over that are wanted.
    pub(super) fn rows(
        &self,
        columns: Schema,
        precision: TimePrecision,
        is_wanted: &dyn Fn(u128) -> bool,
        stop: &AtomicBool,
        each: &mut dyn FnMut(ExtractRow<'_>) -> Result<()>,
    ) -> Result<()> {
        let rules = Rules { precision, ..Rules::default() };
        let schema = Mutex::new(columns);
        let mut scratch = Scratch::new(&Pool::new(POOL_BYTES));
        let mut wanted = Vec::new();
        for file in &self.files {
            for part in source::parts(file, &self.source)? {
                check_stop(stop)?;
                let rows = ingest::prepare(&part?, 0, &schema, &rules, &mut scratch)?;
                wanted.clear();
                wanted.extend(rows.rows.iter().filter(|row| is_wanted(row.key_hash)));
                let schema = schema.lock();
                wanted.iter().try_for_each(|row| each(ExtractRow::new(file, &rows, row, &schema)))?;
            }
        }
        Ok(())
    }
}

/// A wanted row of the extract.
pub(super) struct ExtractRow<'a> {
    pub(super) file: &'a str,
    pub(super) row_number: u64,
    pub(super) key_hash: u128,
    /// The encoded key.
    pub(super) key: &'a [u8],
    /// The encoded columns.
    pub(super) row: &'a [u8],
    pub(super) schema: &'a Schema,
}

impl<'a> ExtractRow<'a> {
    fn new(file: &'a InputFile, rows: &'a PreparedRows, row: &PreparedRow, schema: &'a Schema) -> Self {
        let (key, row_bytes) = rows.arena[row.offset as usize..].split_at(row.key_length as usize);
        ExtractRow {
            file: &file.name,
            row_number: row.place.row(),
            key_hash: row.key_hash,
            key,
            row: &row_bytes[..row.row_length as usize],
            schema,
        }
    }
}

/// A row of the extract by its hashes.
#[derive(Debug, Clone, Copy)]
pub(super) struct Seen {
    pub(super) bucket: u16,
    pub(super) entry: Entry,
}

/// All rows of the extract by their hashes.
#[derive(Debug, Default)]
pub(super) struct Hashes {
    pub(super) rows: Vec<Seen>,
    /// What was read, and what had no usable key.
    pub(super) counts: Counts,
    pub(super) sums: BTreeMap<u16, Fingerprint>,
}

impl Hashes {
    fn add(&mut self, mut other: Hashes) {
        self.rows.append(&mut other.rows);
        self.counts.add(&other.counts);
        for (bucket, sum) in other.sums {
            let all = self.sums.entry(bucket).or_default();
            *all = all.plus(sum);
        }
    }
}

fn hash_all(parts: &channel::Receiver<ChangePart>, schema: &Mutex<Schema>, rules: &Rules) -> Result<Hashes> {
    let mut scratch = Scratch::new(&Pool::new(POOL_BYTES));
    let mut all = Hashes::default();
    let mut sums = vec![Fingerprint::default(); BUCKETS];
    for part in parts {
        let rows = ingest::prepare(&part, 0, schema, rules, &mut scratch)?;
        all.counts.add(&rows.counts);
        for row in &rows.rows {
            sums[usize::from(row.bucket)].add(row.row_hash);
            let entry = Entry { key_hash: row.key_hash, row_hash: row.row_hash };
            all.rows.push(Seen { bucket: row.bucket, entry });
        }
    }
    let with_rows = (0..=u16::MAX).zip(sums).filter(|(_, sum)| *sum != Fingerprint::default());
    all.sums = with_rows.collect();
    Ok(all)
}
