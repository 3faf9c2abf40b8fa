//! The naive twin of the store: a sorted map, and the rules of the design written down a second time, as plainly as
//! possible and without looking at how the store does it. Whatever the two disagree on is a fault of one of them.

use super::Table;
use super::batch::{Batch, Record};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{
    ApplyOptions, Counter, Counts, ErrorKind, IdRules, Policy, Position, Rule, TimePrecision, UpdateMode, Value,
};
use std::collections::{BTreeMap, BTreeSet};

/// User id, insert id, event time in the store's unit.
pub type Key = (String, String, i64);
type Columns = BTreeMap<String, Value>;

/// What the store should be.
#[derive(Debug, Clone)]
pub struct Oracle {
    /// Nanoseconds in one unit of the store's event times.
    pub unit: i128,
    pub table: Table,
    /// What each commit changed: sequence, key, the columns afterwards.
    changes: Vec<(u64, Key, Option<Columns>)>,
    pub sequence: u64,
    watermarks: BTreeMap<String, u64>,
    names: BTreeMap<(String, String), [u8; 32]>,
    pub suppressed: BTreeSet<String>,
}

/// What should come of a batch.
#[derive(Debug, Clone, PartialEq)]
pub enum Outcome {
    Applied(Report),
    /// The position was applied before; `changed`: with other content.
    Known {
        changed: bool,
    },
    Refused(ErrorKind),
}

#[derive(Debug, Clone, PartialEq, Default)]
pub struct Report {
    pub counts: Counts,
    /// Row number and rule of every rejected row, sorted.
    pub rejections: Vec<(u64, Rule)>,
    /// For UPDATEs without a match: their key, and how far away the event with the same ids is. Sorted.
    pub near_matches: Vec<(Key, i64)>,
}

/// A record that no rule refused.
struct Accepted<'a> {
    record: &'a Record,
    index: usize,
    sequence: u64,
    /// The exact instant, in nanoseconds.
    nanos: i128,
}

impl Accepted<'_> {
    fn is(&self, operation: Operation) -> bool {
        self.record.operation == operation
    }

    fn is_put(&self) -> bool {
        self.is(Operation::Insert) || self.is(Operation::Update)
    }

    /// Null and absent are equal, so nulls are left out.
    fn columns(&self) -> Columns {
        let not_null = |(name, value): (&String, &Option<Value>)| Some((name.clone(), value.clone()?));
        self.record.columns.iter().filter_map(not_null).collect()
    }
}

impl Oracle {
    pub fn new(nanos_per_unit: i128) -> Oracle {
        Oracle {
            unit: nanos_per_unit,
            table: Table::new(),
            changes: Vec::new(),
            sequence: 0,
            watermarks: BTreeMap::new(),
            names: BTreeMap::new(),
            suppressed: BTreeSet::new(),
        }
    }

    /// For a store that keeps milliseconds.
    pub fn millis() -> Oracle {
        Oracle::new(1_000_000)
    }

    /// The table as a commit left it.
    pub fn as_of(&self, sequence: u64) -> Table {
        let mut table = Table::new();
        for (_, key, columns) in self.changes.iter().filter(|(of, ..)| *of <= sequence) {
            match columns {
                Some(columns) => drop(table.insert(key.clone(), columns.clone())),
                None => drop(table.remove(key)),
            }
        }
        table
    }

    /// How many row versions are there when those are gone that only commits before `horizon` show.
    pub fn versions(&self, horizon: u64) -> u64 {
        let later = self.changes.iter().filter(|(of, ..)| *of > horizon);
        (later.count() + self.as_of(horizon).len()) as u64
    }

    pub fn apply(&mut self, batch: &Batch, options: &ApplyOptions) -> Outcome {
        let mut report = Report::default();
        if let Some(outcome) = self.look_up_position(batch, options, &mut report) {
            return outcome;
        }
        let mut keys: BTreeMap<Key, Vec<Accepted>> = BTreeMap::new();
        for index in 0..batch.records.len() {
            if let Some((key, accepted)) = self.validate(batch, index, options, &mut report) {
                keys.entry(key).or_default().push(accepted);
            }
        }
        let key_changes = match batch.window {
            _ if batch.records.iter().any(|record| record.pair.is_some()) => {
                named_key_changes(&keys, &self.moved_out(batch, options))
            }
            WindowKind::Net => key_changes_by_sequence(&keys),
            WindowKind::Operations => 0,
        };
        count(&mut report.counts, Counter::KeyChange, key_changes);
        let mut changes = Vec::new();
        for (key, mut records) in keys {
            records.sort_by_key(|record| (record.sequence, record.is_put(), record.index));
            self.apply_key(&key, &records, batch.window, options, &mut report, &mut changes);
        }
        let rows = self.table.len() as f64;
        let limit = rows * options.guards.max_delete_percent / 100.0;
        if rows >= 1_000.0 && report.counts.deleted as f64 > limit {
            return Outcome::Refused(ErrorKind::InvalidInput);
        }
        if !options.guards.dry_run {
            self.commit(batch, changes);
        }
        report.rejections.sort_unstable();
        report.near_matches.sort();
        Outcome::Applied(report)
    }

    fn look_up_position(&self, batch: &Batch, options: &ApplyOptions, report: &mut Report) -> Option<Outcome> {
        match &batch.position {
            Position::Numbered(number) => {
                let watermark = *self.watermarks.get(&batch.source)?;
                if *number <= watermark {
                    return Some(Outcome::Known { changed: false });
                }
                let first = batch.first.unwrap_or(*number);
                let is_gap = first > watermark + 1 && !options.guards.allow_gap;
                is_gap.then_some(Outcome::Refused(ErrorKind::HistoryGap))
            }
            Position::Named(named) => {
                if let Some(hash) = self.names.get(&(batch.source.clone(), named.name.clone())) {
                    return Some(Outcome::Known { changed: *hash != named.hash });
                }
                let is_late = self.names.keys().any(|(source, name)| *source == batch.source && *name > named.name);
                count(&mut report.counts, Counter::LateFile, u64::from(is_late));
                None
            }
        }
    }

    fn validate<'a>(
        &self,
        batch: &'a Batch,
        index: usize,
        options: &ApplyOptions,
        report: &mut Report,
    ) -> Option<(Key, Accepted<'a>)> {
        let record = &batch.records[index];
        report.counts.read += 1;
        if self.was_applied(batch, index) {
            report.counts.skipped += 1;
            count(&mut report.counts, Counter::AlreadyApplied, 1);
            return None;
        }
        let is_on = match record.operation {
            Operation::Insert => options.operations.insert,
            Operation::Update | Operation::PreImage => options.operations.update,
            Operation::Delete => options.operations.delete,
            Operation::Unknown | Operation::Ignored => true,
        };
        if record.refused.is_none() && self.is_out_of_scope(record, options) {
            report.counts.skipped += 1;
            count(&mut report.counts, Counter::OutOfScope, 1);
            return None;
        }
        let user_id = record.user_id.clone().unwrap_or_default();
        let insert_id = record.insert_id.clone().unwrap_or_default();
        let vendor = options.id_rules == IdRules::Amplitude;
        let rule = if let Some(rule) = record.refused {
            rule
        } else if record.operation == Operation::Unknown {
            Rule::BadMutationType
        } else if record.operation == Operation::Ignored {
            report.counts.skipped += 1;
            count(&mut report.counts, Counter::EventIgnored, 1);
            return None;
        } else if !is_on {
            report.counts.skipped += 1;
            count(&mut report.counts, Counter::OpDisabled, 1);
            return None;
        } else if user_id.is_empty() {
            Rule::MissingUserId
        } else if insert_id.is_empty() {
            Rule::MissingInsertId
        } else if record.time.is_none() {
            Rule::MissingEventTime
        } else if vendor && ["anonymous", "unknown", "lmy47d", "null", "0"].contains(&user_id.as_str()) {
            Rule::UserIdForbidden
        } else if vendor && user_id.chars().count() < 5 {
            Rule::UserIdTooShort
        } else if self.suppressed.contains(&user_id) {
            Rule::SuppressedUser
        } else {
            let (micros, sub_micros) = record.time?;
            let nanos = i128::from(micros) * 1_000 + i128::from(sub_micros);
            // Floor: toward minus infinity, also before 1970.
            let time = nanos.div_euclid(self.unit);
            count(&mut report.counts, Counter::TimeTruncated, u64::from(time * self.unit != nanos));
            let accepted = Accepted { record, index, sequence: batch.sequence(index), nanos };
            return Some(((user_id, insert_id, time as i64), accepted));
        };
        reject(report, index, rule);
        None
    }

    /// Whether the key's time, floored to the store's unit, lies outside of the bounds.
    fn is_out_of_scope(&self, record: &Record, options: &ApplyOptions) -> bool {
        let precision = if self.unit == 1_000_000 { TimePrecision::Millis } else { TimePrecision::Micros };
        self.time(record).is_some_and(|time| !options.scope.contains(time, precision))
    }

    fn time(&self, record: &Record) -> Option<i64> {
        let (micros, sub_micros) = record.time?;
        Some((i128::from(micros) * 1_000 + i128::from(sub_micros)).div_euclid(self.unit) as i64)
    }

    /// An earlier batch reached the record's position.
    fn was_applied(&self, batch: &Batch, index: usize) -> bool {
        let watermark = batch.first.and_then(|_| self.watermarks.get(&batch.source));
        watermark.is_some_and(|watermark| batch.sequence(index) <= *watermark)
    }

    /// New halves of updates that the scope leaves out: their keys and pairs.
    fn moved_out(&self, batch: &Batch, options: &ApplyOptions) -> Vec<(Key, Option<u128>)> {
        let id = |id: &Option<String>| id.clone().filter(|id| !id.is_empty());
        let half = |(index, record): (usize, &Record)| {
            let is_new = record.operation == Operation::Update && !self.was_applied(batch, index);
            let is_out = is_new && record.refused.is_none() && self.is_out_of_scope(record, options);
            let key = (id(&record.user_id)?, id(&record.insert_id)?, self.time(record)?);
            is_out.then_some((key, record.pair))
        };
        batch.records.iter().enumerate().filter_map(half).collect()
    }

    /// `records` are all of one key, in the order in which they take effect.
    fn apply_key(
        &self,
        key: &Key,
        records: &[Accepted],
        window: WindowKind,
        options: &ApplyOptions,
        report: &mut Report,
        changes: &mut Vec<(Key, Option<Columns>)>,
    ) {
        let counts = &mut report.counts;
        let instants: BTreeSet<i128> = records.iter().map(|record| record.nanos).collect();
        count(counts, Counter::KeyCollision, instants.len() as u64 - 1);
        let is_hazard = window == WindowKind::Operations && records.len() > 1;
        count(counts, Counter::OrderHazard, u64::from(is_hazard));
        let last = &records[records.len() - 1];
        let rivals: Vec<&Accepted> =
            records.iter().filter(|record| record.is_put() && record.sequence == last.sequence).collect();
        if rivals.iter().any(|rival| !same(&rival.columns(), &last.columns())) {
            let others = (records.len() - rivals.len()) as u64;
            counts.coalesced += others;
            counts.event_volume += if window == WindowKind::Operations { others } else { 0 };
            rivals.iter().for_each(|rival| reject(report, rival.index, Rule::Conflict));
            return;
        }
        counts.coalesced += records.len() as u64 - 1;
        counts.event_volume += match window {
            WindowKind::Operations => records.len() as u64,
            // An event that came and went within a window is not seen by the vendor at all.
            WindowKind::Net => {
                let moved_on = records[0].is(Operation::Update) && last.is(Operation::PreImage);
                u64::from(last.is_put() || !(records[0].is(Operation::Insert) || moved_on))
            }
        };
        let old = self.table.get(key);
        if last.is_put() {
            self.put(key, old, records, options, report, changes);
        } else if old.is_some() {
            counts.deleted += 1;
            changes.push((key.clone(), None));
        } else {
            counts.without_effect += 1;
            let is_lone = !records.iter().any(Accepted::is_put);
            count(counts, Counter::DeleteWithoutMatch, u64::from(is_lone));
        }
    }

    fn put(
        &self,
        key: &Key,
        old: Option<&Columns>,
        records: &[Accepted],
        options: &ApplyOptions,
        report: &mut Report,
        changes: &mut Vec<(Key, Option<Columns>)>,
    ) {
        let policies = options.policies;
        let last = &records[records.len() - 1];
        let new = match policies.update_mode == UpdateMode::Merge && last.is(Operation::Update) {
            true => merged(old, records),
            false => last.columns(),
        };
        let are_inserts = records.iter().all(|record| record.is(Operation::Insert));
        // The old half of an update belongs to the update.
        let are_updates = records.iter().all(|record| record.is(Operation::Update) || record.is(Operation::PreImage));
        let counts = &mut report.counts;
        let contradiction = match old {
            None if are_updates => {
                count(counts, Counter::UpdateWithoutMatch, 1);
                let near = |(other, _): &(&Key, &Columns)| other.0 == key.0 && other.1 == key.1;
                let near = self.table.iter().find(near);
                report.near_matches.extend(near.map(|(other, _)| (key.clone(), other.2 - key.2)));
                Some((policies.on_unmatched_update, Rule::UpdateWithoutMatch))
            }
            Some(old) if are_inserts && !same(old, &new) => {
                count(counts, Counter::InsertConflict, 1);
                Some((policies.on_insert_conflict, Rule::InsertConflict))
            }
            _ => None,
        };
        match (contradiction, old) {
            (Some((Policy::Ignore, _)), _) => counts.without_effect += 1,
            (Some((Policy::Reject, rule)), _) => {
                // A rejected row is no event, so it is not counted as volume.
                counts.event_volume -= 1;
                reject(report, last.index, rule);
            }
            (_, Some(old)) if same(old, &new) => counts.unchanged += 1,
            (_, Some(_)) => {
                counts.updated += 1;
                changes.push((key.clone(), Some(new)));
            }
            (_, None) => {
                counts.inserted += 1;
                changes.push((key.clone(), Some(new)));
            }
        }
    }

    fn commit(&mut self, batch: &Batch, changes: Vec<(Key, Option<Columns>)>) {
        self.sequence += 1;
        match &batch.position {
            Position::Numbered(number) => drop(self.watermarks.insert(batch.source.clone(), *number)),
            Position::Named(named) => {
                self.names.insert((batch.source.clone(), named.name.clone()), named.hash);
            }
        }
        for (key, columns) in changes {
            match &columns {
                Some(columns) => drop(self.table.insert(key.clone(), columns.clone())),
                None => drop(self.table.remove(&key)),
            }
            self.changes.push((self.sequence, key, columns));
        }
    }
}

/// Updates that bring only some columns: each is laid over what stood there before it, be it the table's row or what an
/// earlier record of the window put. A delete or an old half leaves nothing to lay over.
fn merged(old: Option<&Columns>, records: &[Accepted]) -> Columns {
    let mut row = old.cloned().unwrap_or_default();
    for record in records {
        match record.record.operation {
            Operation::Update => row.extend(record.columns()),
            Operation::Insert => row = record.columns(),
            _ => row.clear(),
        }
    }
    row
}

/// Halves that a row id joins: an old half whose new half has another key is an event that moved. `out` are new halves
/// whose key is out of scope.
fn named_key_changes(keys: &BTreeMap<Key, Vec<Accepted>>, out: &[(Key, Option<u128>)]) -> u64 {
    let accepted = keys.iter().flat_map(|(key, records)| records.iter().map(move |record| (key, record)));
    let halves: Vec<(&Key, Option<u128>, bool)> = accepted
        .filter(|(_, half)| half.is(Operation::PreImage) || half.is_put())
        .map(|(key, half)| (key, half.record.pair, half.is(Operation::PreImage)))
        .chain(out.iter().map(|(key, pair)| (key, *pair, false)))
        .collect();
    // Halves without a row id are not joined to any other.
    let ids: BTreeSet<u128> = halves.iter().filter_map(|(_, pair, _)| *pair).collect();
    let keys_of = |id: u128, is_old: bool| -> BTreeSet<&Key> {
        halves.iter().filter(|half| half.1 == Some(id) && half.2 == is_old).map(|half| half.0).collect()
    };
    // How many keys an event left, or came to, whichever are fewer.
    let moved = |id| {
        let (old, new) = (keys_of(id, true), keys_of(id, false));
        old.difference(&new).count().min(new.difference(&old).count()) as u64
    };
    ids.into_iter().map(moved).sum()
}

/// Halves that nothing joins: those of one sequence may belong together. A key that an INSERT puts again at the same
/// instant has not been left.
fn key_changes_by_sequence(keys: &BTreeMap<Key, Vec<Accepted>>) -> u64 {
    let sequences: BTreeSet<u64> = keys.values().flatten().map(|record| record.sequence).collect();
    let of = |sequence: u64| {
        let (mut left, mut reached) = (0, 0);
        for records in keys.values() {
            let has = |wanted| records.iter().any(|record| record.sequence == sequence && record.is(wanted));
            let (old, new) = (has(Operation::PreImage), has(Operation::Update));
            left += u64::from(old && !new && !has(Operation::Insert));
            reached += u64::from(new && !old);
        }
        left.min(reached)
    };
    sequences.into_iter().map(of).sum()
}

fn count(counts: &mut Counts, counter: Counter, by: u64) {
    if by > 0 {
        *counts.counters.entry(counter).or_default() += by;
    }
}

fn reject(report: &mut Report, index: usize, rule: Rule) {
    report.counts.rejected += 1;
    *report.counts.rejections.entry(rule).or_default() += 1;
    report.rejections.push((Batch::row_number(index), rule));
}

/// Whether two rows mean the same. The oracle knows numbers and leaves every other value as it was given; the tests of
/// the canonical form say the rest.
fn same(a: &Columns, b: &Columns) -> bool {
    let mean_the_same = |((name_a, a), (name_b, b)): ((&String, &Value), (&String, &Value))| {
        name_a == name_b && (a == b || number(a).is_some_and(|a| Some(a) == number(b)))
    };
    a.len() == b.len() && a.iter().zip(b).all(mean_the_same)
}

/// A plain decimal number without the zeros that mean nothing: sign, digits, how many of them are behind the point.
fn number(value: &Value) -> Option<(bool, String, usize)> {
    let text = match value {
        Value::Int(number) => number.to_string(),
        Value::UInt(number) => number.to_string(),
        Value::Decimal(text) if !text.contains(['e', 'E']) => text.clone(),
        _ => return None,
    };
    let (is_negative, text) = text.strip_prefix('-').map_or((false, text.as_str()), |rest| (true, rest));
    let (whole, part) = text.split_once('.').unwrap_or((text, ""));
    let part = part.trim_end_matches('0');
    let digits = format!("{whole}{part}").trim_start_matches('0').to_owned();
    Some((is_negative && !digits.is_empty(), digits, part.len()))
}
