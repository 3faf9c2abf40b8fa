//! Differences with their causes, samples of them, and their repair: one more pass over the extract, for whole rows.

use super::buckets::Found;
use super::cause::{self, Cause, NearMatches};
use super::extract::{Extract, ExtractRow};
use super::repair::Repair;
use super::{Verification, check_stop};
use crate::diff::columns::{self, ColumnDifference};
use crate::diff::times::Lone;
use crate::diff::{Kind, RowDifference};
use crate::error::{Error, ErrorKind, Result};
use crate::model::key::{self, EventKey};
use crate::model::position::Position;
use crate::model::row;
use crate::model::schema::Schema;
use crate::model::value::Event;
use crate::store::Snapshot;
use std::collections::{HashMap, HashSet};
use std::io::Write;
use std::sync::Arc;
use std::sync::atomic::AtomicBool;

/// A difference with all there is to know of it.
#[derive(Debug, Clone, PartialEq)]
pub struct Sample {
    /// How the key differs.
    pub kind: Kind,
    /// The key.
    pub key: EventKey,
    /// The extract's row; the first of several.
    pub expected: Option<Event>,
    /// The mirror's row.
    pub actual: Option<Event>,
    /// The columns that differ, where both have a row.
    pub columns: Vec<ColumnDifference>,
    /// Why, where that is known.
    pub cause: Option<Cause>,
    /// The mirror's time minus the extract's in the store's unit, where a near match differs in its time.
    pub offset: Option<i64>,
    /// Where the extract's row stands.
    pub place: Option<Place>,
    /// The batch that last wrote or deleted the key.
    pub touched: Option<Touched>,
}

/// A row of the extract.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Place {
    /// Name of the file.
    pub file: String,
    /// Line or row, counted from 1.
    pub row_number: u64,
}

/// A batch that wrote or deleted a key.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Touched {
    /// Its commit sequence.
    pub sequence: u64,
    /// Its source.
    pub source: String,
    /// Its position: a file's name or a number.
    pub position: Position,
}

/// A difference while it is looked into.
struct Case {
    difference: RowDifference,
    key: Vec<u8>,
    cause: Option<Cause>,
    /// The extract's row was seen.
    is_read: bool,
    /// Where the sample stands, if there is one of it.
    sample: Option<usize>,
}

struct Explainer<'a> {
    snapshot: &'a Snapshot,
    suppressed: Arc<HashSet<String>>,
    cases: Vec<Case>,
    by_hash: HashMap<u128, usize>,
    samples: Vec<Sample>,
    repair: Option<Repair<'a>>,
}

/// What may be asked for: samples of each kind, a place for the repair, a flag that ends it.
type Wishes<'a> = (usize, Option<&'a mut (dyn Write + Send)>, &'a AtomicBool);

/// Explains what was found and adds it to `result`.
pub(super) fn explain(
    snapshot: &Snapshot,
    extract: &Extract,
    found: Vec<Found>,
    (limit, repair, stop): Wishes<'_>,
    result: &mut Verification,
) -> Result<()> {
    let repair = repair.map(|out| Repair::new(out, snapshot.store().precision()));
    let mut explainer = Explainer::new(snapshot, found, limit, repair);
    explainer.read_extract(extract, stop)?;
    explainer.read_unexpected(stop)?;
    explainer.find_hazards()?;
    let near = explainer.find_near_matches();
    explainer.finish(&near, result)
}

impl<'a> Explainer<'a> {
    fn new(snapshot: &'a Snapshot, found: Vec<Found>, limit: usize, repair: Option<Repair<'a>>) -> Self {
        let mut samples = Vec::new();
        let mut taken: HashMap<Kind, usize> = HashMap::new();
        let mut case = |Found { difference, key }: Found| {
            let taken = taken.entry(difference.kind).or_default();
            let sample = (*taken < limit).then(|| {
                *taken += 1;
                samples.push(Sample::new(difference.kind));
                samples.len() - 1
            });
            let cause = difference.is_ambiguous.then_some(Cause::DuplicateInExtract);
            Case { difference, key, cause, is_read: false, sample }
        };
        let cases: Vec<Case> = found.into_iter().map(&mut case).collect();
        let by_hash = cases.iter().enumerate().map(|(index, case)| (case.difference.key_hash, index)).collect();
        Explainer { snapshot, suppressed: snapshot.suppressed(), cases, by_hash, samples, repair }
    }

    fn read_extract(&mut self, extract: &Extract, stop: &AtomicBool) -> Result<()> {
        let by_hash = std::mem::take(&mut self.by_hash);
        let is_wanted = |key_hash| by_hash.contains_key(&key_hash);
        if self.cases.iter().all(|case| case.difference.kind == Kind::Unexpected) {
            return Ok(());
        }
        let (columns, precision) = (Schema::clone(self.snapshot.schema()), self.snapshot.store().precision());
        let mut each = |row: ExtractRow<'_>| match by_hash.get(&row.key_hash) {
            Some(&index) => self.extract_row(index, &row),
            None => Ok(()),
        };
        extract.rows(columns, precision, &is_wanted, stop, &mut each)?;
        match self.cases.iter().any(|case| case.difference.kind != Kind::Unexpected && !case.is_read) {
            true => Err(Error::new(ErrorKind::InvalidInput, "the extract changed while it was verified")
                .advice("verify again when it is complete")),
            false => Ok(()),
        }
    }

    fn extract_row(&mut self, index: usize, row: &ExtractRow<'_>) -> Result<()> {
        let case = &mut self.cases[index];
        if case.is_read || case.difference.kind == Kind::Unexpected {
            return Ok(());
        }
        case.is_read = true;
        case.key = row.key.to_vec();
        let expected = event(row)?;
        let actual = match case.difference.kind {
            Kind::Mismatched => self.snapshot.get(&expected.key)?,
            _ => None,
        };
        let columns = actual.as_ref().map_or_else(Vec::new, |actual| columns::compare(&expected, actual));
        if case.cause.is_none() && case.difference.kind == Kind::Missing {
            case.cause = self.suppressed.contains(&expected.key.user_id).then_some(Cause::Suppressed);
        }
        if case.cause.is_none() && !columns.is_empty() && columns.iter().all(|column| column.is_type_drift) {
            case.cause = Some(Cause::TypeDrift);
        }
        // Forgotten users stay forgotten, and where the mirror has one of several rows, no other is better.
        let is_wrong = !case.difference.is_one_of_them && !self.suppressed.contains(&expected.key.user_id);
        if let Some(repair) = self.repair.as_mut().filter(|_| is_wrong) {
            match case.difference.kind {
                Kind::Missing => repair.insert(&expected)?,
                _ => repair.update(&expected)?,
            }
        }
        if let Some(sample) = case.sample.map(|sample| &mut self.samples[sample]) {
            sample.key = expected.key.clone();
            sample.place = Some(Place { file: row.file.to_owned(), row_number: row.row_number });
            (sample.expected, sample.actual, sample.columns) = (Some(expected), actual, columns);
        }
        Ok(())
    }

    fn read_unexpected(&mut self, stop: &AtomicBool) -> Result<()> {
        for case in self.cases.iter().filter(|case| case.difference.kind == Kind::Unexpected) {
            if case.sample.is_none() && self.repair.is_none() {
                continue;
            }
            check_stop(stop)?;
            let key = key::decode(&case.key)
                .ok_or_else(|| Error::new(ErrorKind::Corrupt, "the key of a row of the store cannot be read"))?;
            if let Some(repair) = &mut self.repair {
                repair.delete(&key)?;
            }
            if let Some(sample) = case.sample.map(|sample| &mut self.samples[sample]) {
                sample.actual = self.snapshot.get(&key)?;
                sample.key = key;
            }
        }
        Ok(())
    }

    /// A key is indeterminate where nothing was decided about it since its last hazard.
    fn find_hazards(&mut self) -> Result<()> {
        let hazards = if self.cases.is_empty() { HashMap::new() } else { self.snapshot.hazards()? };
        for case in self.cases.iter_mut().filter(|case| case.cause.is_none()) {
            if let Some(&sequence) = hazards.get(&case.difference.key_hash)
                && self.snapshot.touched(&case.key)?.is_none_or(|touched| touched <= sequence)
            {
                case.cause = Some(Cause::Indeterminate);
            }
        }
        Ok(())
    }

    fn find_near_matches(&mut self) -> NearMatches {
        let lone = |kind| -> Vec<Lone> {
            let cases = self.cases.iter().filter(|case| case.cause.is_none() && case.difference.kind == kind);
            cases.filter_map(|case| cause::lone(&case.key, case.difference.key_hash)).collect()
        };
        let near = NearMatches::find(&lone(Kind::Missing), &lone(Kind::Unexpected));
        for case in self.cases.iter_mut().filter(|case| near.offset(case.difference.key_hash).is_some()) {
            case.cause = Some(Cause::KeyNearMatch);
        }
        near
    }

    fn finish(mut self, near: &NearMatches, result: &mut Verification) -> Result<()> {
        let mut batches: HashMap<u64, Option<Touched>> = HashMap::new();
        for case in &self.cases {
            if let Some(cause) = case.cause {
                *result.causes.entry(cause).or_default() += 1;
            }
            let Some(sample) = case.sample.map(|sample| &mut self.samples[sample]) else { continue };
            sample.cause = case.cause;
            sample.offset = near.offset(case.difference.key_hash).flatten();
            if let Some(sequence) = self.snapshot.touched(&case.key)? {
                let batch = match batches.get(&sequence) {
                    Some(batch) => batch.clone(),
                    None => batch(self.snapshot, sequence)?,
                };
                batches.insert(sequence, batch.clone());
                sample.touched = batch;
            }
        }
        result.shift = near.shift;
        result.samples = self.samples;
        result.samples.sort_by_key(|sample| sample.kind);
        if let Some(repair) = self.repair {
            result.repairs = repair.finish()?;
        }
        Ok(())
    }
}

fn batch(snapshot: &Snapshot, sequence: u64) -> Result<Option<Touched>> {
    let entry = snapshot.ledger_entry(sequence)?;
    Ok(entry.map(|entry| Touched { sequence, source: entry.source, position: entry.position }))
}

impl Sample {
    fn new(kind: Kind) -> Sample {
        let key = EventKey::new("", "", 0);
        Sample {
            kind,
            key,
            expected: None,
            actual: None,
            columns: Vec::new(),
            cause: None,
            offset: None,
            place: None,
            touched: None,
        }
    }
}

/// The event of an encoded row.
fn event(found: &ExtractRow<'_>) -> Result<Event> {
    let bad = || Error::new(ErrorKind::InvalidInput, "a row of the extract cannot be read").at(found.file);
    let mut event = Event::new(key::decode(found.key).ok_or_else(bad)?);
    for field in row::fields(found.row) {
        let (column, value) = field.map_err(|_| bad())?;
        event.columns.push((found.schema.name(column).ok_or_else(bad)?.to_owned(), value.to_value()));
    }
    Ok(event)
}
