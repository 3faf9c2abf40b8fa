//! `gc`: what it removes and refuses, and what every reader still finds.

#[cfg(feature = "cli")]
mod commands;

use crate::support::batch::{Batch, Record};
use crate::support::oracle::{Oracle, Outcome};
use crate::support::{dump, fast_folder, raw};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{
    ApplyOptions, Collected, ErrorKind, EventStore, GcOptions, GcProgress, Keep, Position, StoreOptions, Value,
};
use proptest::prelude::*;
use proptest::sample::Index;
use proptest::test_runner::{Config, TestRunner};
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

/// An operation on one of a few keys, and the number that it writes.
type Change = (Operation, u8, i64);

fn window(changes: &[Change], number: u64) -> Batch {
    let record = |(operation, key, value): &Change| {
        let record = Record::new(*operation, &format!("user{}", key % 2), &format!("key{key}"), 0);
        if *operation == Operation::Delete { record } else { record.with("n", Value::Int(*value)) }
    };
    Batch::new("test", Position::Numbered(number), WindowKind::Net, changes.iter().map(record).collect())
}

/// A store and its twin.
struct World {
    folder: tempfile::TempDir,
    options: StoreOptions,
    /// `None` only while it is closed.
    store: Option<EventStore>,
    oracle: Oracle,
}

impl World {
    fn new(options: StoreOptions) -> World {
        let folder = fast_folder();
        let store = Some(EventStore::open(folder.path().join("store"), options.clone()).unwrap());
        World { folder, options, store, oracle: Oracle::millis() }
    }

    fn with(windows: &[Vec<Change>]) -> World {
        let mut world = World::new(StoreOptions::default());
        windows.iter().for_each(|changes| world.apply(changes));
        world
    }

    fn store(&self) -> &EventStore {
        self.store.as_ref().unwrap()
    }

    fn apply(&mut self, changes: &[Change]) {
        let batch = window(changes, self.oracle.sequence + 1);
        let applied = self.store().apply(batch.to_change_batch()).unwrap();
        let Outcome::Applied(expected) = self.oracle.apply(&batch, &ApplyOptions::default()) else {
            panic!("the oracle refuses {batch:?}")
        };
        assert_eq!(applied.entry.counts, expected.counts);
    }

    fn collect(&self, keep: Keep) -> Collected {
        self.store().gc(&GcOptions { keep, dry_run: false }).unwrap()
    }

    /// Every commit from the horizon on must show what it left, and none before it may be read.
    #[track_caller]
    fn check(&self, horizon: u64) {
        let store = self.store();
        assert_eq!(store.status().unwrap().horizon.map_or(0, |horizon| horizon.sequence), horizon);
        for sequence in 0..=self.oracle.sequence {
            let snapshot = match (store.snapshot_at(sequence), sequence < horizon) {
                (Err(error), true) => {
                    assert_eq!(error.kind(), ErrorKind::Usage);
                    continue;
                }
                (snapshot, false) => snapshot.unwrap(),
                (Ok(_), true) => panic!("commit {sequence} is before the horizon {horizon}"),
            };
            let expected = self.oracle.as_of(sequence);
            assert_eq!(dump(&snapshot).unwrap(), expected, "at {sequence}");
            assert_eq!(snapshot.count(), expected.len() as u64);
            assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap(), "at {sequence}");
        }
    }

    fn close(&mut self) {
        let schema = self.store().snapshot().schema().clone();
        self.store = None;
        assert_eq!(raw::faults(&self.folder.path().join("store"), &schema), Vec::<String>::new());
    }

    fn reopen(&mut self) {
        self.close();
        self.store = Some(EventStore::open(self.folder.path().join("store"), self.options.clone()).unwrap());
    }
}

/// Inserts, changes and deletes a key, and changes another one.
fn life() -> Vec<Vec<Change>> {
    use Operation::{Delete, Insert, Update};
    vec![vec![(Insert, 0, 1), (Insert, 1, 1)], vec![(Update, 0, 2), (Update, 1, 2)], vec![(Delete, 0, 0)]]
}

fn windows() -> impl Strategy<Value = Vec<Vec<Change>>> {
    let operation = prop_oneof![Just(Operation::Insert), Just(Operation::Update), Just(Operation::Delete)];
    prop::collection::vec(prop::collection::vec((operation, 0u8..5, 0i64..3), 0..6), 1..7)
}

/// How rows get to the disk.
fn options_of_kind(kind: usize) -> StoreOptions {
    let default = StoreOptions { memory: 64 << 20, ..StoreOptions::default() };
    match kind {
        0 => default,
        // Each row, and each removal, is a write of its own.
        1 => StoreOptions { chunk_bytes: 1, ..default },
        // Every batch is sorted files, and the index folds.
        _ => StoreOptions { memory: 0, chunk_bytes: 0, ingest_rows: 1, ..default },
    }
}

/// Applies windows, collects up to a commit of theirs, applies others, and collects up to one of all of them.
fn collect_twice(before: &[Vec<Change>], behind: &[Vec<Change>], (first, second): (Index, Index), kind: usize) {
    let mut world = World::new(options_of_kind(kind));
    before.iter().for_each(|changes| world.apply(changes));
    let horizon = first.index(before.len()) as u64 + 1;
    let would = world.store().gc(&GcOptions { keep: Keep::From(horizon), dry_run: true }).unwrap();
    world.check(0);
    let collected = world.collect(Keep::From(horizon));
    assert_eq!(collected.kept, world.oracle.versions(horizon), "neither more nor less is left");
    assert_eq!(collected.removed + collected.kept, world.oracle.versions(0));
    assert_eq!((would.removed, would.kept), (collected.removed, collected.kept));
    world.check(horizon);
    let again = world.collect(Keep::From(horizon));
    assert_eq!((again.removed, again.kept, again.horizon), (0, collected.kept, collected.horizon));
    world.reopen();
    world.check(horizon);
    behind.iter().for_each(|changes| world.apply(changes));
    world.check(horizon);
    let second = (second.index(before.len() + behind.len()) as u64 + 1).max(horizon);
    assert_eq!(world.collect(Keep::From(second)).kept, world.oracle.versions(second));
    world.check(second);
    world.apply(&behind[0]);
    world.check(second);
    world.close();
}

#[test]
fn every_commit_from_the_horizon_on_stays_what_it_was() {
    let config = Config { cases: 150, failure_persistence: None, ..Config::default() };
    let cases = (windows(), windows(), (any::<Index>(), any::<Index>()), 0..3usize);
    let run = |(before, behind, horizons, kind): (Vec<_>, Vec<_>, _, _)| {
        collect_twice(&before, &behind, horizons, kind);
        Ok(())
    };
    TestRunner::new(config).run(&cases, run).unwrap();
}

#[test]
fn a_horizon_that_nothing_reaches_changes_nothing() {
    let world = World::with(&life());
    for keep in [Keep::For(Duration::from_secs(86_400)), Keep::For(Duration::MAX), Keep::From(0)] {
        let collected = world.collect(keep);
        assert_eq!((collected.horizon, collected.removed, collected.kept), (None, 0, 5));
    }
    world.check(0);
}

#[test]
fn without_history_only_the_last_commit_stays() {
    let world = World::with(&life());
    let before = world.store().log().unwrap().last().unwrap().unwrap();
    let collected = world.collect(Keep::For(Duration::ZERO));
    let horizon = collected.horizon.unwrap();
    assert_eq!((horizon.sequence, horizon.committed_at, horizon.is_finished), (3, before.committed_at, true));
    assert_eq!((collected.removed, collected.kept), (4, 1));
    world.check(3);
}

#[test]
fn the_horizon_never_moves_back_and_never_beyond_the_last_commit() {
    let world = World::with(&life());
    assert_eq!(world.collect(Keep::From(2)).horizon.unwrap().sequence, 2);
    for keep in [Keep::From(1), Keep::For(Duration::from_secs(86_400))] {
        assert_eq!(world.collect(keep).horizon.unwrap().sequence, 2);
    }
    let error = world.store().gc(&GcOptions { keep: Keep::From(4), dry_run: false }).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("no commit 4; its last one is 3"), "{error}");
    world.check(2);
}

#[test]
fn whoever_reads_a_commit_keeps_it() {
    let world = World::with(&life());
    let (snapshot, expected) = (world.store().snapshot_at(1).unwrap(), world.oracle.as_of(1));
    let held = snapshot.clone();
    drop(snapshot);
    let mut scan = held.scan(Default::default()).unwrap();
    let moved_to = || world.collect(Keep::For(Duration::ZERO)).horizon.unwrap().sequence;
    assert_eq!(moved_to(), 1);
    assert_eq!(dump(&held).unwrap(), expected);
    drop(held);
    assert_eq!(moved_to(), 1, "a scan reads on");
    assert_eq!(scan.by_ref().count(), expected.len());
    drop(scan);
    assert_eq!(moved_to(), 3);
    world.check(3);
}

#[test]
fn a_reader_beside_the_writer_still_finds_what_was_there_when_it_opened() {
    let world = World::with(&life());
    let options = StoreOptions { read_only: true, ..StoreOptions::default() };
    let open = || EventStore::open(world.folder.path().join("store"), options.clone()).unwrap();
    let reader = open();
    world.collect(Keep::From(3));
    for sequence in 0..=3 {
        assert_eq!(dump(&reader.snapshot_at(sequence).unwrap()).unwrap(), world.oracle.as_of(sequence));
    }
    assert!(open().snapshot_at(2).is_err());
    let error = open().gc(&GcOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert_eq!(open().gc(&GcOptions { keep: Keep::From(3), dry_run: true }).unwrap().removed, 0);
}

/// Text that does not compress to nothing.
fn noise(mut seed: u64) -> String {
    let mut next = || {
        seed = seed.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        format!("{seed:016x}")
    };
    (0..40).map(|_| next()).collect()
}

#[test]
fn disk_is_given_back() {
    let mut world = World::new(StoreOptions { memory: 8 << 20, ..StoreOptions::default() });
    for n in 0..8 {
        let record = |key: u64| {
            let record = Record::new(Operation::Update, "user", &format!("key{key}"), 0);
            record.with("text", Value::Text(noise(key * 8 + n)))
        };
        let batch = Batch::new("test", Position::Numbered(n + 1), WindowKind::Net, (0..3_000).map(record).collect());
        world.store().apply(batch.to_change_batch()).unwrap();
    }
    // What a batch writes is in the log first, and in the files when the store is opened again.
    world.reopen();
    let collected = world.collect(Keep::For(Duration::ZERO));
    assert_eq!((collected.removed, collected.kept), (21_000, 3_000));
    assert!(collected.disk_bytes_after < collected.disk_bytes_before / 2, "{collected:?}");
}

/// Stopped behind any of the first steps, the store shows what it should, and the rest can be removed later.
#[test]
fn a_collection_that_is_stopped_can_be_called_again() {
    let deletes = |key: u64| Record::new(Operation::Delete, "user", &format!("key{key}"), 0);
    let puts = |key: u64| Record::new(Operation::Update, "user", &format!("key{key}"), 0).with("n", Value::Int(1));
    let batch = |number, records| Batch::new("test", Position::Numbered(number), WindowKind::Net, records);
    let batches = [
        batch(1, (0..6_000).map(puts).collect()),
        batch(2, (0..1_000).map(deletes).collect()),
        batch(3, (500..2_000).map(puts).collect()),
    ];
    let mut world = World::new(StoreOptions { chunk_bytes: 200, ..StoreOptions::default() });
    for batch in &batches {
        world.store().apply(batch.to_change_batch()).unwrap();
        world.oracle.apply(batch, &ApplyOptions::default());
    }
    let options = GcOptions { keep: Keep::From(2), dry_run: false };
    let collect = |steps: u32| {
        let (stop, mut left) = (AtomicBool::new(false), steps);
        world.store().gc_with(&options, &stop, &mut |progress| {
            left = left.saturating_sub(u32::from(progress != GcProgress::Compacting));
            stop.store(left == 0, Ordering::Relaxed);
        })
    };
    for steps in [1, 2] {
        let error = collect(steps).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Interrupted);
        world.check(2);
    }
    assert!(!world.store().status().unwrap().horizon.unwrap().is_finished);
    world.reopen();
    world.check(2);
    let collected = world.collect(Keep::From(2));
    assert_eq!((collected.kept, collected.horizon.unwrap().is_finished), (world.oracle.versions(2), true));
    world.check(2);
}
