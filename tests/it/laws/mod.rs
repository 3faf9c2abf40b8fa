//! Laws that hold for every schedule of operations, tried with generated ones against the oracle.

mod schedule;
mod world;

use crate::support::batch::{Batch, Record};
use crate::support::dump;
use crate::support::notation::Case;
use crate::support::oracle::Report;
use eventmirror::model::change::WindowKind;
use eventmirror::{Counts, Position, StoreOptions};
use proptest::prelude::*;
use proptest::test_runner::{Config, TestRunner};
use std::cell::{Cell, RefCell};
use std::io::Write;
use std::sync::atomic::{AtomicUsize, Ordering};
use world::{KINDS, World};

/// How many schedules one run tries. Nothing in the environment lowers it.
const SCHEDULES: u32 = 10_000;
/// How many windows the laws about the form of a window try.
const WINDOWS: u32 = 500;
/// One thread for each core of a small machine.
const THREADS: u32 = 2;
/// A store of each kind is closed after so many schedules: its files are looked at, and scans stay short. Kinds that
/// make files for every batch take twenty times as long as the others.
const SCHEDULES_PER_STORE: [usize; KINDS] = [100, 100, 60, 25, 10, 10];
/// Likewise for the stores of the laws about windows.
const WINDOWS_PER_STORE: u64 = 50;

fn config(cases: u32) -> Config {
    // A named number of cases: the default would be read from the environment.
    Config { cases, failure_persistence: None, max_shrink_iters: 3_000, max_shrink_time: 60_000, ..Config::default() }
}

/// Not by `println!`, whose output the test harness hides.
fn tell(text: &str) {
    writeln!(std::io::stdout(), "{text}").unwrap();
}

#[test]
fn every_schedule_agrees_with_the_oracle() {
    let (schedules, batches) = (AtomicUsize::new(0), AtomicUsize::new(0));
    std::thread::scope(|scope| {
        for thread in 0..THREADS {
            let (schedules, batches) = (&schedules, &batches);
            scope.spawn(move || run_schedules(thread as usize, schedules, batches));
        }
    });
    let ran = schedules.load(Ordering::Relaxed);
    tell(&format!("laws: {ran} schedules with {} batches agreed with the oracle", batches.load(Ordering::Relaxed)));
    assert!(ran >= SCHEDULES as usize);
}

fn run_schedules(thread: usize, schedules: &AtomicUsize, batches: &AtomicUsize) {
    // A world in which a schedule failed is gone: while the schedule is made smaller, each try starts from a new one.
    let world: RefCell<Option<World>> = RefCell::new(None);
    let kind = Cell::new(thread);
    let outcome = TestRunner::new(config(SCHEDULES / THREADS)).run(&schedule::schedules(), |schedule| {
        let mut at_hand = world.take().unwrap_or_else(|| World::new(kind.get()));
        at_hand.run(&schedule);
        schedules.fetch_add(1, Ordering::Relaxed);
        match at_hand.schedules < SCHEDULES_PER_STORE[kind.get()] {
            true => drop(world.replace(Some(at_hand))),
            false => {
                batches.fetch_add(at_hand.batches, Ordering::Relaxed);
                at_hand.close();
                kind.set((kind.get() + 1) % KINDS);
            }
        }
        Ok(())
    });
    if let Err(failure) = outcome {
        panic!("with a store of kind {}: {failure}", kind.get());
    }
    if let Some(rest) = world.take() {
        batches.fetch_add(rest.batches, Ordering::Relaxed);
        rest.close();
    }
}

/// A table to begin with, and a window to apply to it.
fn windows() -> impl Strategy<Value = (Vec<Record>, Vec<Record>)> {
    (schedule::windows_of_records(), schedule::windows_of_records())
}

/// Two stores that get the same windows in different forms. Each window has users of its own.
struct Pair {
    one: Case,
    other: Case,
    windows: u64,
}

impl Pair {
    fn new() -> Pair {
        let small = StoreOptions { memory: 8 << 20, chunk_bytes: 1, ..StoreOptions::default() };
        Pair { one: Case::new(), other: Case::with_store(small), windows: 0 }
    }

    /// Applies `before` to both, then the one form to the one and the other form, in parts, to the other.
    fn apply(&mut self, before: &[Record], one: &[Record], other: &[Record], parts: Vec<usize>) -> (Report, Report) {
        self.windows += 1;
        let first = 2 * self.windows - 1;
        let batch = |number, records: &[Record]| {
            let mut records = records.to_vec();
            for user in records.iter_mut().filter_map(|record| record.user_id.as_mut()).filter(|id| !id.is_empty()) {
                *user = format!("w{}-{user}", self.windows);
            }
            Batch::new("test", Position::Numbered(number), WindowKind::Net, records)
        };
        let (before, one) = (batch(first, before), batch(first + 1, one));
        let other = Batch { parts, ..batch(first + 1, other) };
        self.one.apply_batch(&before);
        self.other.apply_batch(&before);
        let reports = (self.one.apply_batch(&one), self.other.apply_batch(&other));
        let tables = (dump(&self.one.store.snapshot()).unwrap(), dump(&self.other.store.snapshot()).unwrap());
        assert_eq!(tables.0, tables.1);
        reports
    }
}

/// Runs a law over pairs of stores that serve many windows, and none behind one that failed.
fn try_windows<S: Strategy>(windows: &S, law: impl Fn(&mut Pair, S::Value) -> Result<(), TestCaseError>) {
    let pair: RefCell<Option<Pair>> = RefCell::new(None);
    let run = |window| {
        let mut at_hand = pair.take().unwrap_or_else(Pair::new);
        law(&mut at_hand, window)?;
        if at_hand.windows < WINDOWS_PER_STORE {
            pair.replace(Some(at_hand));
        }
        Ok(())
    };
    TestRunner::new(config(WINDOWS)).run(windows, run).unwrap();
}

#[test]
fn any_split_of_a_window_into_parts_ends_in_the_same_state_and_counts() {
    let parts = prop::collection::vec(0usize..4, 0..6);
    try_windows(&(windows(), parts), |pair, ((before, window), parts)| {
        let (whole, split) = pair.apply(&before, &window, &window, parts);
        prop_assert_eq!(whole, split);
        Ok(())
    });
}

#[test]
fn any_order_of_the_rows_of_a_window_with_a_sequence_ends_in_the_same_state() {
    let order = prop::collection::vec(0u64..20, 0..10);
    try_windows(&(windows(), order), |pair, ((before, mut window), order)| {
        window.iter_mut().for_each(|record| record.sequence = record.sequence.or(Some(1)));
        let mut shuffled: Vec<(u64, Record)> = order.into_iter().chain([0; 16]).zip(window.iter().cloned()).collect();
        shuffled.sort_by_key(|(rank, _)| *rank);
        let shuffled: Vec<Record> = shuffled.into_iter().map(|(_, record)| record).collect();
        let (one, other) = pair.apply(&before, &window, &shuffled, vec![3]);
        // Whether an event came with the window's first record is told by the order of rows at one sequence.
        let without_volume = |report: Report| Counts { event_volume: 0, ..report.counts };
        prop_assert_eq!(without_volume(one), without_volume(other));
        Ok(())
    });
}
