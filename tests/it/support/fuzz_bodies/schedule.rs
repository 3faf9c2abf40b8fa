//! Any bytes as a schedule of operations on a store, which must do what its naive twin does.

use super::Bytes;
use crate::support::batch::{Batch, Record, named};
use crate::support::notation::report;
use crate::support::oracle::{Oracle, Outcome};
use crate::support::{dump, fast_folder};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{
    ApplyOptions, EnabledOperations, EventStore, IdRules, Policies, Policy, Position, Rule, Scope, StoreOptions,
    TimePrecision, UpdateMode, Value,
};
use std::path::PathBuf;

/// Operations of a schedule at most: each takes a synced write.
const MOST_STEPS: usize = 24;
/// Re-openings at most: each takes as long as a dozen batches.
const MOST_REOPENINGS: usize = 3;
const USERS: [&str; 5] = ["ann", "annabel", "b\0b", "0b1a2c3d-4e5f-4a6b-8c7d-9e0f1a2b3c4d", "anonymous"];
const INSERT_IDS: [&str; 4] =
    ["1", "1\0", "8c1a2b3c-4d5e-4f60-8172-93a4b5c6d7e8", "8C1A2B3C-4d5e-4f60-8172-93a4b5c6d7e8"];
const TIMES: [(i64, u16); 6] = [(0, 0), (-1, 0), (1_000, 0), (1_000, 1), (1_999, 999), (1_700_000_000_123_000, 0)];
const COLUMNS: [&str; 3] = ["plan", "price", "properties"];

pub fn schedule(bytes: &[u8]) {
    let mut bytes = Bytes(bytes);
    let mut twins = Twins::open(&mut bytes);
    for _ in 0..MOST_STEPS {
        if bytes.is_empty() {
            break;
        }
        twins.step(&mut bytes);
    }
    twins.compare_history();
}

/// A store and what it should be.
struct Twins {
    options: StoreOptions,
    store: Option<EventStore>,
    reopenings: usize,
    /// Behind the store, so that it is closed before its folder is removed.
    folder: tempfile::TempDir,
    oracle: Oracle,
    /// A dry run after another one builds on it; the oracle's does not.
    is_dry: bool,
}

impl Twins {
    fn open(bytes: &mut Bytes) -> Twins {
        let choice = bytes.byte();
        let pick = |bit: u8, yes: usize, no: usize| if choice >> bit & 1 == 1 { yes } else { no };
        let options = StoreOptions {
            precision: Some(if choice & 1 == 1 { TimePrecision::Micros } else { TimePrecision::Millis }),
            chunk_bytes: pick(1, 1, 4 << 20),
            ingest_rows: pick(2, 1, 400_000),
            memory: pick(3, 1 << 10, 64 << 20),
            ..StoreOptions::default()
        };
        let folder = fast_folder();
        let nanos = options.precision.unwrap_or_default().micros() * 1_000;
        let oracle = Oracle::new(nanos.into());
        let mut twins = Twins { folder, options, store: None, reopenings: 0, oracle, is_dry: false };
        twins.reopen();
        twins
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("store")
    }

    fn store(&self) -> &EventStore {
        self.store.as_ref().unwrap()
    }

    fn reopen(&mut self) {
        self.store = None;
        self.store = Some(EventStore::open(self.path(), self.options.clone()).unwrap());
        self.is_dry = false;
    }

    fn step(&mut self, bytes: &mut Bytes) {
        match bytes.below(16) {
            0 if self.reopenings == MOST_REOPENINGS => {}
            0 => {
                self.reopenings += 1;
                self.reopen();
            }
            1 => {
                let user = USERS[bytes.below(5)];
                self.store().suppress(user).unwrap();
                self.oracle.suppressed.insert(user.to_owned());
            }
            2 => {
                let user = USERS[bytes.below(5)];
                self.store().lift_suppression(user).unwrap();
                self.oracle.suppressed.remove(user);
            }
            3 => self.broken(bytes),
            4 => self.compare_history(),
            _ => self.apply(bytes),
        }
        assert_eq!(dump(&self.store().snapshot()).unwrap(), self.oracle.table);
        assert_eq!(self.store().snapshot().count(), self.oracle.table.len() as u64);
    }

    fn apply(&mut self, bytes: &mut Bytes) {
        let options = apply_options(bytes);
        let batch = self.batch(bytes);
        let found = self.store().apply_with(batch.to_change_batch(), &options);
        match (self.oracle.apply(&batch, &options), found) {
            (Outcome::Applied(_), Ok(applied)) if options.guards.dry_run && self.is_dry => {
                assert!(!applied.already_applied);
            }
            (Outcome::Applied(mut expected), Ok(applied)) => {
                assert!(!applied.already_applied && applied.entry.counts.balances());
                let mut found = report(self.store(), &applied);
                if options.guards.dry_run {
                    // Nothing is written, no rejected row either.
                    (expected.rejections, found.rejections) = (Vec::new(), Vec::new());
                }
                // The store keeps a few near matches of a batch.
                let most = found.near_matches.len();
                assert!(most == expected.near_matches.len() || most == 10);
                expected.near_matches.retain(|near| found.near_matches.contains(near));
                assert_eq!(found, expected, "{batch:?} with {options:?}");
                self.is_dry = options.guards.dry_run;
            }
            (Outcome::Known { changed }, Ok(applied)) => {
                assert_eq!((applied.already_applied, applied.changed_after_apply), (true, changed));
            }
            (Outcome::Refused(kind), Err(error)) => assert_eq!(error.kind(), kind, "{error}"),
            (expected, found) => panic!("expected {expected:?}, found {found:?} for {batch:?} with {options:?}"),
        }
    }

    /// A batch whose input turns out to be damaged leaves nothing.
    fn broken(&mut self, bytes: &mut Bytes) {
        let batch = self.batch(bytes);
        let options = ApplyOptions::default();
        let is_new = matches!(self.oracle.clone().apply(&batch, &options), Outcome::Applied(_));
        let found = self.store().apply_with(batch.to_broken_change_batch(), &options);
        assert_eq!(found.is_err_and(|error| error.kind() == eventmirror::ErrorKind::InvalidInput), is_new);
        self.is_dry = false;
    }

    fn batch(&self, bytes: &mut Bytes) -> Batch {
        let position = match bytes.below(6) {
            0 => named(["a", "b", "c"][bytes.below(3)], bytes.byte() & 1),
            1 => Position::Numbered(bytes.below(8) as u64),
            _ => Position::Numbered(self.oracle.sequence + 1),
        };
        let source = ["s3", "s"][bytes.below(2)];
        let window = [WindowKind::Operations, WindowKind::Net][bytes.below(2)];
        let shape = bytes.byte();
        let records = (0..bytes.below(12)).map(|_| record(shape, bytes)).collect();
        let mut batch = Batch::new(source, position, window, records);
        batch.parts = (0..bytes.below(4)).map(|_| bytes.below(4)).collect();
        batch
    }

    /// The table as every commit left it, and the fingerprints of all of them.
    fn compare_history(&self) {
        for sequence in 0..=self.oracle.sequence {
            let snapshot = self.store().snapshot_at(sequence).unwrap();
            let expected = self.oracle.as_of(sequence);
            assert_eq!(snapshot.count(), expected.len() as u64, "at {sequence}");
            assert_eq!(dump(&snapshot).unwrap(), expected, "at {sequence}");
            assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap(), "at {sequence}");
        }
        assert!(self.store().snapshot_at(self.oracle.sequence + 1).is_err());
    }
}

fn apply_options(bytes: &mut Bytes) -> ApplyOptions {
    let choice = bytes.byte();
    let mut options = ApplyOptions::default();
    options.guards.allow_gap = choice & 1 == 1;
    options.guards.dry_run = choice & 0b1110 == 0b1110;
    if choice >> 4 & 1 == 1 {
        options.policies = Policies {
            on_insert_conflict: [Policy::Apply, Policy::Ignore, Policy::Reject][bytes.below(3)],
            on_unmatched_update: [Policy::Apply, Policy::Ignore, Policy::Reject][bytes.below(3)],
            update_mode: [UpdateMode::Replace, UpdateMode::Merge][bytes.below(2)],
        };
    }
    if choice >> 5 & 1 == 1 {
        let on = bytes.byte();
        options.operations = EnabledOperations { insert: on & 1 == 1, update: on & 2 == 2, delete: on & 4 == 4 };
        options.id_rules = if on & 8 == 8 { IdRules::Amplitude } else { IdRules::Any };
    }
    if choice >> 6 & 1 == 1 {
        let bounds = [&["event_time < 0"][..], &["event_time >= 0"], &["event_time >= 1", "event_time < 2"]];
        options.scope = Scope::parse(bounds[bytes.below(3)]).unwrap();
    }
    options
}

/// `shape` says what all records of the batch have.
fn record(shape: u8, bytes: &mut Bytes) -> Record {
    let operation = [
        Operation::Insert,
        Operation::Update,
        Operation::Delete,
        Operation::Insert,
        Operation::Update,
        Operation::Delete,
        Operation::PreImage,
        Operation::Unknown,
    ][bytes.below(8)];
    let mut record = Record::new(operation, USERS[bytes.below(5)], INSERT_IDS[bytes.below(4)], 0);
    record.time = Some(TIMES[bytes.below(6)]);
    let fault = bytes.byte();
    match fault {
        0xff => record.user_id = None,
        0xfe => record.insert_id = Some(String::new()),
        0xfd => record.time = None,
        0xfc => record.refused = Some(Rule::BadEventTime),
        _ => {}
    }
    record.sequence = (shape & 1 == 1).then(|| bytes.below(4) as u64);
    record.pair = (shape & 2 == 2).then(|| bytes.below(4) as u128);
    for _ in 0..bytes.below(4) {
        record.columns.insert(COLUMNS[bytes.below(3)].to_owned(), value(bytes));
    }
    record
}

/// Few values, so that equal ones meet; the oracle knows that 1 = 1.0 and that null is absent.
fn value(bytes: &mut Bytes) -> Option<Value> {
    match bytes.below(8) {
        0 => None,
        1 => Some(Value::Int(1)),
        2 => Some(Value::Decimal("1.0".to_owned())),
        3 => Some(Value::Text("1".to_owned())),
        4 => Some(Value::Bool(true)),
        5 => Some(Value::Json("{\"a\":[1]}".to_owned())),
        6 => Some(Value::Bytes(vec![0, 255])),
        _ => Some(Value::Int(i64::from(bytes.byte()))),
    }
}
