//! Differences with their causes, samples of them, and their repair.
//!
//! Of each key that differs a few bytes are kept. An unexpected row is looked into as it is met in the store; a missing or
//! mismatched one when the extract is read again for whole rows. When all are known, near matches are found.

use super::Verification;
use super::cause::Cause;
use super::compare::Found;
use super::extract::{Extract, Read, Wanted, WantedRow, event};
use super::known::{Known, KnownKey};
use super::options::Plan;
use super::repair::Repair;
use super::rows::ComparedRow;
use super::sample::Sample;
use crate::diff::columns;
use crate::diff::times::{self, Lone, Shifts};
use crate::diff::{Kind, RowDifference};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::RowPlace;
use crate::model::hash;
use crate::model::key;
use crate::model::value::Event;
use std::collections::{BTreeMap, BTreeSet};

/// What is kept of a key that differs.
#[derive(Debug, Clone, Copy)]
struct Case {
    /// Hash of user id and insert id.
    bucket: u16,
    ids: u64,
    time: i64,
    cause: Option<Cause>,
    /// The cause, if the key has no near match either.
    fallback: Option<Cause>,
    state: State,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    /// The extract's row was not read yet.
    Unread,
    /// All is known.
    Known,
    /// The rows are equal by the tolerances that were given.
    Equal,
}

const DAY_MICROS: i64 = 24 * 60 * 60 * 1_000_000;
const MOST_DAYS: usize = 100_000;

/// The side of a key and its number there.
type Number = (bool, usize);
const MISSING: bool = false;
const UNEXPECTED: bool = true;

/// Looks into differences.
pub(super) struct Explainer<'a> {
    plan: &'a Plan<'a>,
    known: Known<'a>,
    /// Missing and mismatched keys, and where the extract has them; sorted by their hashes before it is read again.
    found: Vec<(RowDifference, RowPlace)>,
    /// What became of them.
    cases: Vec<Case>,
    unexpected: Vec<Case>,
    samples: BTreeMap<Number, Sample>,
    sampled: BTreeMap<Kind, usize>,
    repair: Option<Repair<'a>>,
}

impl<'a> Explainer<'a> {
    pub(super) fn new(plan: &'a Plan<'a>, repair: Option<Repair<'a>>) -> Result<Self> {
        Ok(Explainer {
            plan,
            known: Known::new(plan)?,
            found: Vec::new(),
            cases: Vec::new(),
            unexpected: Vec::new(),
            samples: BTreeMap::new(),
            sampled: BTreeMap::new(),
            repair,
        })
    }

    /// Takes a key that differs.
    pub(super) fn take(&mut self, found: &Found<'_>) -> Result<()> {
        match found.row.filter(|_| found.difference.kind == Kind::Unexpected) {
            Some(row) => self.unexpected_row(row),
            None => {
                self.found.push((found.difference, found.place));
                Ok(())
            }
        }
    }

    fn unexpected_row(&mut self, row: &ComparedRow<'_>) -> Result<()> {
        let damaged = || Error::new(ErrorKind::Corrupt, "a row of the store cannot be read");
        let encoded = row.stored.key;
        let key = key::decode(encoded).ok_or_else(damaged)?;
        let known = self.known.key(encoded, &key, None)?;
        let (case, cause_at) = self.case(Kind::Unexpected, encoded, &known);
        if let Some(repair) = &mut self.repair {
            repair.delete(&key)?;
        }
        if self.is_sampled(Kind::Unexpected) {
            let actual = event(encoded, row.stored.row, self.plan.snapshot.schema()).ok_or_else(damaged)?;
            let sample = Sample { actual: Some(actual), ..Sample::new(Kind::Unexpected, key) };
            self.sample((UNEXPECTED, self.unexpected.len()), sample, &known, cause_at)?;
        }
        self.unexpected.push(case);
        Ok(())
    }

    /// Reads the extract again for the rows that are missing or differ.
    pub(super) fn read_extract(&mut self, extract: &Extract, buckets: &BTreeSet<u16>, read: &Read) -> Result<()> {
        if self.found.is_empty() {
            return Ok(());
        }
        let mut found = std::mem::take(&mut self.found);
        found.sort_unstable_by_key(|(found, _)| found.key_hash);
        let index = |key_hash: u128| found.binary_search_by_key(&key_hash, |(found, _)| found.key_hash).ok();
        let mut places: Vec<RowPlace> = found.iter().map(|(_, place)| *place).collect();
        places.sort_unstable();
        self.known.find_rejected(&extract.source(), &|key_hash| index(key_hash).is_some())?;
        let unread = Case { bucket: 0, ids: 0, time: 0, cause: None, fallback: None, state: State::Unread };
        self.cases = vec![unread; found.len()];
        let wanted = Wanted { buckets, schema: &read.schema, places: &places, index: &index };
        extract.wanted(self.plan, &wanted, &mut |row| {
            self.plan.check_stop()?;
            match self.cases[row.index].state {
                State::Unread => self.extract_row(&found[row.index].0, row),
                _ => Ok(()),
            }
        })?;
        self.found = found;
        match self.cases.iter().any(|case| case.state == State::Unread) {
            true => Err(Error::new(ErrorKind::InvalidInput, "the extract changed while it was verified")
                .advice("verify again when it is complete")),
            false => Ok(()),
        }
    }

    fn extract_row(&mut self, found: &RowDifference, row: WantedRow) -> Result<()> {
        let (kind, WantedRow { index, event: expected, .. }) = (found.kind, &row);
        let mut known = self.known.key(&row.key, &expected.key, Some(row.row_hash))?;
        let actual = known.actual.take();
        let comparison = &self.plan.comparison;
        let columns = actual.as_ref().map_or_else(Vec::new, |actual| columns::compare(expected, actual, comparison));
        if columns.is_empty() && actual.is_some() && !found.is_ambiguous && !comparison.tolerances.is_empty() {
            self.cases[*index].state = State::Equal;
            return Ok(());
        }
        known.facts.is_ambiguous = found.is_ambiguous;
        known.facts.is_type_drift = !columns.is_empty() && columns.iter().all(|column| column.is_type_drift);
        let (case, cause_at) = self.case(kind, &row.key, &known);
        self.cases[*index] = case;
        // Forgotten users stay forgotten, and where the mirror has one of several rows, no other is better.
        let is_wrong = !found.is_one_of_them && !self.known.is_suppressed(&expected.key.user_id);
        if let Some(repair) = self.repair.as_mut().filter(|_| is_wrong) {
            match &actual {
                None => repair.insert(expected)?,
                Some(actual) => repair.update(&mended(expected, actual, self.plan))?,
            }
        }
        if self.is_sampled(kind) {
            let sample = Sample::new(kind, expected.key.clone());
            let (expected, place) = (Some(row.event), row.place);
            let sample = Sample { expected, actual, columns, place, ..sample };
            self.sample((MISSING, row.index), sample, &known, cause_at)?;
        }
        Ok(())
    }

    /// What is kept of a key, and the commit that its cause is about.
    fn case(&self, kind: Kind, encoded: &[u8], known: &KnownKey) -> (Case, Option<u64>) {
        let (ids, time) = encoded.split_last_chunk::<{ key::TIME_BYTES }>().unwrap_or((encoded, &[0; key::TIME_BYTES]));
        let cause = known.facts.cause(kind);
        let case = Case {
            bucket: key::encoded_bucket(encoded).unwrap_or_default(),
            ids: hash::key_hash(ids) as u64,
            time: key::time_of(*time),
            cause: cause.map(|(cause, _)| cause),
            fallback: known.facts.fallback(kind, self.plan.operations),
            state: State::Known,
        };
        (case, cause.and_then(|(_, at)| at))
    }

    fn is_sampled(&self, kind: Kind) -> bool {
        self.sampled.get(&kind).copied().unwrap_or_default() < self.plan.limit
    }

    fn sample(&mut self, number: Number, mut sample: Sample, known: &KnownKey, cause_at: Option<u64>) -> Result<()> {
        *self.sampled.entry(sample.kind).or_default() += 1;
        sample.cause_batch = self.known.batch(cause_at)?;
        sample.rule = known.rejected.filter(|(at, _)| Some(*at) == cause_at).map(|(_, rule)| rule);
        sample.touched = self.known.batch(known.facts.touched)?;
        self.samples.insert(number, sample);
        Ok(())
    }

    /// Pairs what has no other cause by user and insert id.
    fn find_near_matches(&mut self) -> Shifts {
        let mut shifts = Shifts::default();
        let lone = |is_unexpected, (index, case): (usize, &Case)| {
            case.cause.is_none().then_some(Lone { ids: case.ids, is_unexpected, time: case.time, index })
        };
        let missing = self.cases.iter().enumerate().filter(|(index, _)| self.found[*index].0.kind == Kind::Missing);
        let missing = missing.filter_map(|it| lone(MISSING, it));
        let unexpected = self.unexpected.iter().enumerate().filter_map(|it| lone(UNEXPECTED, it));
        // A million keys of one side alone need no list.
        if missing.clone().next().is_none() || unexpected.clone().next().is_none() {
            return shifts;
        }
        let mut all: Vec<Lone> = missing.chain(unexpected).collect();
        times::pair(&mut all, &mut |near| {
            shifts.note(&near);
            self.cases[near.missing].cause = Some(Cause::KeyNearMatch);
            self.unexpected[near.unexpected].cause = Some(Cause::KeyNearMatch);
            for number in [(MISSING, near.missing), (UNEXPECTED, near.unexpected)] {
                if let Some(sample) = self.samples.get_mut(&number) {
                    sample.offset = near.offset();
                }
            }
        });
        shifts
    }

    /// Counts all of it.
    pub(super) fn finish(mut self, result: &mut Verification) -> Result<()> {
        let units_a_day = DAY_MICROS / self.plan.precision().micros();
        result.shift = self.find_near_matches().main();
        let kinds = self.found.iter().map(|(found, _)| found.kind);
        let cases = kinds.zip(&self.cases).zip(0..).map(|((kind, case), index)| ((MISSING, index), kind, case));
        let unexpected = self.unexpected.iter().zip(0..);
        let unexpected = unexpected.map(|(case, index)| ((UNEXPECTED, index), Kind::Unexpected, case));
        for (number, kind, case) in cases.chain(unexpected) {
            if case.state == State::Equal {
                result.within_tolerance += 1;
                continue;
            }
            *result.differences.entry(kind).or_default() += 1;
            *result.buckets.entry(case.bucket).or_default() += 1;
            note_day(&mut result.days, case.time.div_euclid(units_a_day), kind);
            let cause = case.cause.or(case.fallback);
            if let Some(cause) = cause {
                *result.causes.entry(cause).or_default() += 1;
            }
            if let Some(sample) = self.samples.get_mut(&number) {
                sample.cause = cause;
            }
        }
        result.samples = self.samples.into_values().collect();
        result.samples.sort_by(|a, b| (a.kind, &a.key).cmp(&(b.kind, &b.key)));
        if let Some(repair) = self.repair {
            result.repairs = repair.finish()?;
        }
        Ok(())
    }
}

/// Counts a difference under its day. Times that are no times may be of a million days: beyond the first, one of those
/// that are there before it takes the count.
fn note_day(days: &mut BTreeMap<i64, BTreeMap<Kind, u64>>, day: i64, kind: Kind) {
    let day = match days.len() {
        MOST_DAYS.. => days.range(..=day).next_back().or(days.iter().next()).map_or(day, |(day, _)| *day),
        _ => day,
    };
    *days.entry(day).or_default().entry(kind).or_default() += 1;
}

/// The row that makes the mirror's equal to the extract's: columns that are not compared stay as they are.
fn mended(expected: &Event, actual: &Event, plan: &Plan<'_>) -> Event {
    let is_compared = |(column, _): &&(String, _)| plan.comparison.columns.has(column);
    let mut event = Event::new(expected.key.clone());
    event.columns.extend(expected.columns.iter().filter(is_compared).cloned());
    event.columns.extend(actual.columns.iter().filter(|column| !is_compared(column)).cloned());
    event
}
