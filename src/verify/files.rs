//! An extract in files, or a Delta table, read twice: all rows as hashes, then those that differ whole.
//!
//! ```text
//! files ──one thread──▶ parts ──all cores──▶ hashed or wanted rows ──in the order of the files──▶ the caller
//! ```

use super::extract::{Place, Read, Wanted, WantedRow, event};
use super::hashes::Seen;
use super::input::Input;
use super::options::Plan;
use crate::diff::Entry;
use crate::diff::columns::Columns;
use crate::error::{Error, ErrorKind, Result};
use crate::ingest::{self, PreparedRow, PreparedRows, Rules, Scratch};
use crate::model::arena::Pool;
use crate::model::change::{ChangePart, RowPlace};
use crate::model::counts::Counts;
use crate::model::fingerprint::Fingerprint;
use crate::model::schema::Schema;
use crate::source::{self, Dialect, SourceOptions};
use crossbeam::channel::{self, Receiver, Sender};
use parking_lot::Mutex;
use std::collections::BTreeMap;
use std::sync::Arc;

const BUCKETS: usize = 1 << 16;
/// Decoding a file may always hold so much.
const LEAST_MEMORY: usize = 1 << 20;

/// The files, and how their rows are read.
pub(super) struct Files {
    inputs: Vec<Input>,
    pub(super) source: SourceOptions,
    /// The rows are events as the vendor exports them, and no converter reads them.
    pub(super) is_export: bool,
}

/// A part with its number among all, and that of its input.
struct Numbered {
    number: u64,
    input: usize,
    part: ChangePart,
}

/// What a thread has to prepare parts.
struct Worker<'a> {
    plan: &'a Plan<'a>,
    rules: Rules,
    schema: &'a Mutex<Schema>,
    scratch: Scratch,
    hash_scratch: Scratch,
}

/// What came of a part by its number.
type Done<T> = (u64, Result<T>);

impl Files {
    pub(super) fn find(inputs: &[String], source: SourceOptions) -> Result<Files> {
        let source = SourceOptions { dialect: Dialect::Backfill, ..source };
        if let Some(table) = Input::table(inputs, &source)? {
            return Ok(Files { inputs: vec![table], source, is_export: false });
        }
        let files = source::find(inputs, &source.inputs, None)?.files;
        let (files, is_export) = source::open_archives(files)?;
        let files = match &source.converter {
            Some(converter) => converter.select(files)?.0,
            None => files,
        };
        let is_export = is_export && source.converter.is_none();
        Ok(Files { inputs: files.into_iter().map(Input::File).collect(), source, is_export })
    }

    /// Reads all rows as hashes.
    pub(super) fn hashes(&self, plan: &Plan<'_>) -> Result<Read> {
        let mut read = Read::new(plan);
        let mut sums = vec![Fingerprint::default(); BUCKETS];
        let schema = Mutex::new(read.schema.clone());
        self.for_each_part(plan, &schema, None, &|worker, part| worker.hash(part), &mut |hashed: Hashed| {
            read.counts.add(&hashed.counts);
            read.out_of_range += hashed.out_of_range;
            read.columns.extend(hashed.columns);
            hashed.rows.iter().for_each(|row| sums[usize::from(row.bucket)].add(row.entry.row_hash));
            read.hashes.add(hashed.rows)
        })?;
        let with_rows = (0..=u16::MAX).zip(sums).filter(|(_, sum)| *sum != Fingerprint::default());
        read.sums = with_rows.collect();
        read.schema = schema.into_inner();
        Ok(read)
    }

    /// Reads the wanted rows again and hands them over.
    pub(super) fn wanted(
        &self,
        plan: &Plan<'_>,
        wanted: &Wanted<'_>,
        each: &mut dyn FnMut(WantedRow) -> Result<()>,
    ) -> Result<()> {
        let schema = Mutex::new(wanted.schema.clone());
        let work =
            |worker: &mut Worker<'_>, part: Numbered| worker.wanted(self.inputs[part.input].name(), part, wanted);
        let mut each = |rows: Vec<WantedRow>| rows.into_iter().try_for_each(&mut *each);
        self.for_each_part(plan, &schema, Some(wanted.places), &work, &mut each)
    }

    /// Works on all parts, and hands over what comes of them in their order.
    fn for_each_part<T: Send>(
        &self,
        plan: &Plan<'_>,
        schema: &Mutex<Schema>,
        places: Option<&[RowPlace]>,
        work: &(dyn Fn(&mut Worker<'_>, Numbered) -> Result<T> + Sync),
        each: &mut dyn FnMut(T) -> Result<()>,
    ) -> Result<()> {
        let (parts, to_do) = channel::bounded::<Numbered>(2);
        let (done, results) = channel::bounded::<Done<T>>(4);
        std::thread::scope(|scope| {
            for _ in 0..std::thread::available_parallelism().map_or(1, usize::from) {
                let (to_do, done) = (to_do.clone(), done.clone());
                scope.spawn(move || Worker::new(plan, schema).run(&to_do, &done, work));
            }
            // When every worker is gone, so is the channel, and sending fails instead of waiting for ever.
            drop(to_do);
            scope.spawn(move || self.send_all(plan, places, &parts, &done));
            let (mut waiting, mut next) = (BTreeMap::new(), 0);
            for (number, result) in results {
                waiting.insert(number, result);
                while let Some(result) = waiting.remove(&next) {
                    each(result?)?;
                    next += 1;
                }
            }
            Ok(())
        })
    }

    /// Decodes the files that have rows at these places, or all. An error takes the place of the part that could not be
    /// read.
    fn send_all<T>(
        &self,
        plan: &Plan<'_>,
        places: Option<&[RowPlace]>,
        parts: &Sender<Numbered>,
        done: &Sender<Done<T>>,
    ) {
        let memory = self.source.memory.min((plan.memory / 4).max(LEAST_MEMORY));
        let mut source = SourceOptions { memory, ..self.source.clone() };
        let mut number = 0;
        let mut send = || -> Result<()> {
            for (index, input) in self.inputs.iter().enumerate() {
                source.only_rows = places.map(|places| rows_of(places, index));
                if source.only_rows.as_ref().is_some_and(|rows| rows.is_empty()) {
                    continue;
                }
                for part in input.parts(&source)? {
                    plan.check_stop()?;
                    let part = self.compared(plan, part?);
                    if parts.send(Numbered { number, input: index, part }).is_err() {
                        // The caller met an error and waits for no more.
                        return Ok(());
                    }
                    number += 1;
                }
            }
            Ok(())
        };
        if let Err(error) = send() {
            // Where nobody waits for it there is an earlier error.
            drop(done.send((number, Err(error))));
        }
    }

    /// A part with the columns that may be compared: of an export those that the mirror has too, since the vendor adds
    /// dozens.
    fn compared(&self, plan: &Plan<'_>, part: ChangePart) -> ChangePart {
        if !self.is_export {
            return part;
        }
        let mut part = source::vendor_export::as_sent(part);
        let (schema, mirror) = (part.rows.schema(), plan.snapshot.schema());
        let is_known = |index: &&usize| mirror.id(schema.field(**index).name()).is_some();
        part.payload = part.payload.iter().filter(is_known).copied().collect();
        part
    }
}

/// The numbers of an input's rows among these places.
fn rows_of(places: &[RowPlace], input: usize) -> Arc<[u64]> {
    let first = places.partition_point(|place| place.file() < input);
    let of_input = places[first..].iter().take_while(|place| place.file() == input);
    let mut rows: Vec<u64> = of_input.map(|place| place.row()).collect();
    rows.dedup();
    rows.into()
}

/// The rows of a part as hashes.
struct Hashed {
    rows: Vec<Seen>,
    counts: Counts,
    out_of_range: u64,
    columns: Vec<String>,
}

impl<'a> Worker<'a> {
    fn new(plan: &'a Plan<'a>, schema: &'a Mutex<Schema>) -> Self {
        // Rows of forgotten users are compared too: that they are missing has a cause.
        let rules = Rules { precision: plan.precision(), ..Rules::default() };
        let pool = Pool::new(plan.memory / 16);
        Worker { plan, rules, schema, scratch: Scratch::new(&pool), hash_scratch: Scratch::of_hashes(&pool) }
    }

    fn run<T>(
        mut self,
        parts: &Receiver<Numbered>,
        done: &Sender<Done<T>>,
        work: &(dyn Fn(&mut Worker<'_>, Numbered) -> Result<T> + Sync),
    ) {
        for part in parts {
            let number = part.number;
            if done.send((number, work(&mut self, part))).is_err() {
                // The caller met an error and waits for no more.
                return;
            }
        }
    }

    fn hash(&mut self, part: Numbered) -> Result<Hashed> {
        let schema = part.part.rows.schema();
        let columns = part.part.payload.iter().map(|index| schema.field(*index).name().clone()).collect();
        let compared = self.of_compared_columns(part.part);
        let prepared = ingest::prepare(&compared, 0, self.schema, &self.rules, &mut self.hash_scratch)?;
        let compared = prepared.rows.iter().filter(|row| self.plan.has(key(&prepared, row)));
        let seen = |row: &PreparedRow| Seen {
            bucket: row.bucket,
            entry: Entry { key_hash: row.key_hash, row_hash: row.row_hash },
            place: RowPlace::new(part.input as u32, row.place.row()),
        };
        let mut rows: Vec<Seen> = Vec::with_capacity(prepared.rows.len());
        rows.extend(compared.map(seen));
        let out_of_range = (prepared.rows.len() - rows.len()) as u64;
        Ok(Hashed { rows, counts: prepared.counts, out_of_range, columns })
    }

    fn wanted(&mut self, input: &str, part: Numbered, wanted: &Wanted<'_>) -> Result<Vec<WantedRow>> {
        let unreadable = || Error::new(ErrorKind::InvalidInput, "a row of the extract cannot be read").at(input);
        let place = |row: usize| RowPlace::new(part.input as u32, part.part.row_numbers.get(row));
        let count = part.part.rows.num_rows();
        let rows: Vec<usize> = (0..count).filter(|row| wanted.places.binary_search(&place(*row)).is_ok()).collect();
        if rows.is_empty() {
            return Ok(Vec::new());
        }
        let part = part.part.take(&rows).map_err(|error| unreadable().because(error))?;
        let compared = self.of_compared_columns(part.clone());
        let hashed = ingest::prepare(&compared, 0, self.schema, &self.rules, &mut self.scratch)?;
        // Samples and repairs show all columns, also those that are not compared.
        let whole = match self.plan.comparison.columns {
            Columns::All => None,
            _ => Some(ingest::prepare(&part, 0, self.schema, &self.rules, &mut self.scratch)?),
        };
        let rows = whole.as_ref().unwrap_or(&hashed);
        let schema = self.schema.lock();
        // Files of a table may have rows of one number: their keys tell which is meant.
        let is_wanted =
            |row: &PreparedRow| if self.plan.has(key(rows, row)) { (wanted.index)(row.key_hash) } else { None };
        let of = |(row, hashed): (&PreparedRow, &PreparedRow)| {
            let Some(index) = is_wanted(row) else { return Ok(None) };
            let columns = &rows.arena[row.offset as usize..][row.key_length as usize..][..row.row_length as usize];
            let place = Some(Place { file: input.to_owned(), row_number: row.place.row() });
            let key = key(rows, row).to_vec();
            let event = event(&key, columns, &schema).ok_or_else(unreadable)?;
            Ok(Some(WantedRow { index, place, row_hash: hashed.row_hash, key, event }))
        };
        rows.rows.iter().zip(&hashed.rows).filter_map(|row| of(row).transpose()).collect()
    }

    fn of_compared_columns(&self, mut part: ChangePart) -> ChangePart {
        let schema = part.rows.schema();
        let is_compared = |index: &&usize| self.plan.comparison.columns.has(schema.field(**index).name());
        part.payload = part.payload.iter().filter(is_compared).copied().collect();
        part
    }
}

/// The encoded key of a prepared row.
fn key<'a>(rows: &'a PreparedRows, row: &PreparedRow) -> &'a [u8] {
    &rows.arena[row.offset as usize..][..row.key_length as usize]
}
