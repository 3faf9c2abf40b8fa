//! A store and its twin that run schedules one after the other. Each schedule has users and a source of its own, so
//! that it starts from nothing although the store does not: opening one costs as much as many schedules.

use super::schedule::{Place, Plan, Step, USERS};
use crate::support::batch::{Batch, named};
use crate::support::notation::report;
use crate::support::oracle::{Oracle, Outcome};
use crate::support::{Table, dump, fast_folder, raw, scan};
use eventmirror::{ApplyOptions, EventStore, Guards, Named, Position, ScanRange, Snapshot, StoreOptions};

/// How stores are opened: the ways that a batch can take to the disk.
pub const KINDS: usize = 6;

fn options_of_kind(kind: usize) -> StoreOptions {
    let default = StoreOptions { memory: 64 << 20, ..StoreOptions::default() };
    match kind {
        // The rows go with the commit.
        0 => default,
        // Each row is a write of its own.
        1 => StoreOptions { chunk_bytes: 1, ..default },
        // Some batches go with the commit, some in several writes, some as sorted files.
        2 => StoreOptions { chunk_bytes: 150, ingest_rows: 4, ..default },
        // Every batch is sorted files.
        3 => StoreOptions { chunk_bytes: 0, ingest_rows: 1, ..default },
        // Rows spill to temporary files, pages are written and dropped from memory with every batch.
        4 => StoreOptions { memory: 0, ..default },
        _ => StoreOptions { memory: 0, chunk_bytes: 1, ingest_rows: 3, ..default },
    }
}

pub struct World {
    folder: tempfile::TempDir,
    options: StoreOptions,
    /// `None` only while it is being opened again.
    store: Option<EventStore>,
    oracle: Oracle,
    pub schedules: usize,
    pub batches: usize,
}

/// What one schedule has done so far.
#[derive(Default)]
struct Run {
    prefix: String,
    first_sequence: u64,
    next_number: u64,
    delivered: Vec<Batch>,
    held: Vec<(Snapshot, Table)>,
    has_dry_run: bool,
}

impl World {
    pub fn new(kind: usize) -> World {
        let options = options_of_kind(kind);
        let folder = fast_folder();
        let store = Some(EventStore::open(folder.path().join("store"), options.clone()).unwrap());
        World { folder, options, store, oracle: Oracle::millis(), schedules: 0, batches: 0 }
    }

    pub fn store(&self) -> &EventStore {
        self.store.as_ref().unwrap()
    }

    /// Runs a schedule. Panics where the store and its twin disagree.
    pub fn run(&mut self, schedule: &[Step]) {
        let prefix = format!("s{}-", self.schedules);
        self.schedules += 1;
        let mut run = Run { prefix, first_sequence: self.oracle.sequence, next_number: 1, ..Run::default() };
        for step in schedule {
            self.step(step, &mut run);
            self.compare_users(&run);
        }
        self.release(&mut run);
        assert_eq!(dump(&self.store().snapshot()).unwrap(), self.oracle.table, "the whole table");
        self.compare_history(&run);
    }

    /// Closes the store for good and looks at its files.
    pub fn close(mut self) {
        self.check_files();
    }

    fn step(&mut self, step: &Step, run: &mut Run) {
        match step {
            Step::Apply(plan) => {
                let batch = self.batch(plan, run);
                self.apply(&batch, &plan.options, run);
                run.delivered.push(batch);
            }
            Step::DryRun(plan) => self.dry_run(plan, run),
            Step::Broken(plan) => {
                let batch = self.batch(plan, run);
                let known = matches!(self.oracle.clone().apply(&batch, &plan.options), Outcome::Known { .. });
                let outcome = self.store().apply_with(batch.to_broken_change_batch(), &plan.options);
                assert_eq!(outcome.is_ok(), known, "a damaged batch is refused, unless it need not be read");
            }
            Step::Replay(index) => self.replay(run, index, false),
            Step::ReplayChanged(index) => self.replay(run, index, true),
            Step::Reopen => {
                self.release(run);
                self.check_files();
                let path = self.folder.path().join("store");
                self.store = Some(EventStore::open(path, self.options.clone()).unwrap());
            }
            Step::Hold => run.held.push((self.store().snapshot(), self.oracle.table.clone())),
            Step::ReadOnly => {
                let options = StoreOptions { read_only: true, ..self.options.clone() };
                let reader = EventStore::open(self.folder.path().join("store"), options).unwrap();
                assert_eq!(dump(&reader.snapshot()).unwrap(), self.oracle.table, "read-only beside the writer");
            }
            Step::Suppress(user) => {
                self.store().suppress(&run.user(*user)).unwrap();
                self.oracle.suppressed.insert(run.user(*user));
            }
            Step::Lift(user) => {
                self.store().lift_suppression(&run.user(*user)).unwrap();
                self.oracle.suppressed.remove(&run.user(*user));
            }
        }
    }

    fn batch(&mut self, plan: &Plan, run: &Run) -> Batch {
        let position = match plan.position {
            Place::Next => Position::Numbered(run.next_number),
            Place::Gap(width) => Position::Numbered(run.next_number + u64::from(width)),
            Place::Range(_, beyond) => Position::Numbered(run.next_number + u64::from(beyond)),
            Place::Name(name, content) => named(&format!("{name}.json"), content),
        };
        let mut records = plan.records.clone();
        for user in records.iter_mut().filter_map(|record| record.user_id.as_mut()).filter(|user| !user.is_empty()) {
            *user = format!("{}{user}", run.prefix);
        }
        let source = format!("{}source", run.prefix);
        let first = match plan.position {
            Place::Range(before, _) => Some((run.next_number + 1).saturating_sub(u64::from(before))),
            _ => None,
        };
        if first.is_some() {
            // Some of the rows are of positions that were applied before.
            for record in &mut records {
                record.sequence = Some(record.sequence.unwrap_or_default() + run.next_number.saturating_sub(2));
            }
        }
        Batch { first, parts: plan.parts.clone(), ..Batch::new(&source, position, plan.window, records) }
    }

    fn apply(&mut self, batch: &Batch, options: &ApplyOptions, run: &mut Run) {
        let expected = self.oracle.apply(batch, options);
        let found = self.store().apply_with(batch.to_change_batch(), options);
        self.batches += 1;
        match (expected, found) {
            (Outcome::Refused(kind), Err(error)) => assert_eq!(error.kind(), kind),
            (Outcome::Known { changed }, Ok(applied)) => {
                assert!(applied.already_applied);
                assert_eq!(applied.changed_after_apply, changed);
            }
            (Outcome::Applied(expected), Ok(applied)) => {
                assert!(!applied.already_applied && applied.entry.counts.balances());
                assert_eq!(report(self.store(), &applied), expected);
                assert_eq!(applied.entry.rows, self.oracle.table.len() as u64);
                assert_eq!(applied.entry.position, batch.position);
                if let Position::Numbered(number) = batch.position {
                    run.next_number = number + 1;
                }
                run.has_dry_run = false;
            }
            (expected, found) => panic!("expected {expected:?}, found {found:?}"),
        }
    }

    /// Dry runs build on each other, which the oracle does not know, so only the first of a row is compared.
    fn dry_run(&mut self, plan: &Plan, run: &mut Run) {
        let guards = Guards { dry_run: true, ..plan.options.guards.clone() };
        let options = ApplyOptions { guards, ..plan.options.clone() };
        let batch = self.batch(plan, run);
        let found = self.store().apply_with(batch.to_change_batch(), &options);
        if let (Outcome::Applied(expected), false) = (self.oracle.apply(&batch, &options), run.has_dry_run) {
            assert_eq!(found.unwrap().entry.counts, expected.counts);
            run.has_dry_run = true;
        }
    }

    fn replay(&mut self, run: &mut Run, index: &proptest::sample::Index, is_changed: bool) {
        if run.delivered.is_empty() {
            return;
        }
        let mut batch = index.get(&run.delivered).clone();
        if let (Position::Named(named), true) = (&batch.position, is_changed) {
            batch.position = Position::Named(Named { hash: [9; 32], ..named.clone() });
        }
        self.apply(&batch, &ApplyOptions::default(), run);
    }

    /// The table is compared as far as the schedule reaches; the rest of it when the schedule ends.
    fn compare_users(&self, run: &Run) {
        let snapshot = self.store().snapshot();
        assert_eq!(snapshot.sequence(), self.oracle.sequence);
        assert_eq!(snapshot.count(), self.oracle.table.len() as u64);
        assert_eq!(events(&snapshot, run), of_run(&self.oracle.table, run));
    }

    /// Every commit of the schedule, read as of then.
    fn compare_history(&self, run: &Run) {
        for sequence in run.first_sequence..=self.oracle.sequence {
            let snapshot = self.store().snapshot_at(sequence).unwrap();
            let expected = self.oracle.as_of(sequence);
            assert_eq!(snapshot.count(), expected.len() as u64, "as of {sequence}");
            assert_eq!(events(&snapshot, run), of_run(&expected, run), "as of {sequence}");
        }
        let newer = self.store().snapshot_at(self.oracle.sequence + 1);
        assert!(newer.is_err(), "there is no commit beyond the last");
    }

    /// Held snapshots must show what they showed when they were taken.
    fn release(&self, run: &mut Run) {
        for (snapshot, table) in run.held.drain(..) {
            assert_eq!(snapshot.count(), table.len() as u64);
            assert_eq!(dump(&snapshot).unwrap(), table, "a held snapshot changed");
        }
    }

    fn check_files(&mut self) {
        let schema = self.store().snapshot().schema().clone();
        self.store = None;
        assert_eq!(raw::faults(&self.folder.path().join("store"), &schema), Vec::<String>::new());
    }
}

impl Run {
    fn user(&self, user: u8) -> String {
        format!("{}{user}", self.prefix)
    }
}

fn events(snapshot: &Snapshot, run: &Run) -> Table {
    let user = |user| ScanRange { user_id: Some(run.user(user)), ..ScanRange::default() };
    (0..USERS).flat_map(|number| scan(snapshot, user(number)).unwrap()).collect()
}

fn of_run(table: &Table, run: &Run) -> Table {
    table.iter().filter(|((user, ..), _)| user.starts_with(&run.prefix)).map(|(k, v)| (k.clone(), v.clone())).collect()
}
