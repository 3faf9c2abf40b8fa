//! A child process applies batches and is killed with SIGKILL at a moment that nobody chose. What it acknowledged must
//! be there whole, what it did not must be there whole or not at all, and the store must go on from there.
//!
//! Batch *n* writes *n* into a hundred keys of ten users, inserts a few events and deletes those of an earlier batch.
//! So a torn batch shows at a glance: two of the hundred keys hold different numbers.
//!
//! The seed of every round is printed; `EVENTMIRROR_CRASH_SEED` runs the rounds of that seed again, as far as the
//! operating system lets a process be killed twice at the same moment.
#![allow(missing_docs, unreachable_pub, dead_code, unused_imports, clippy::unwrap_used, clippy::print_stdout)]

#[path = "it/support/mod.rs"]
mod support;

use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{EventStore, GcOptions, Keep, Position, StoreOptions, Value};
use std::io::{BufRead, BufReader, Write};
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{Receiver, channel};
use std::time::{Duration, Instant};
use support::batch::{Batch, Record};
use support::oracle::{Oracle, Outcome};
use support::{Table, dump, raw};

/// How often a child is killed in one run, all kinds together.
const ROUNDS: u64 = 120;
const KEYS: u64 = 100;
const USERS: u64 = 10;
/// Events that batch *n* inserts and batch *n* + `LIFE` deletes.
const EXTRAS: u64 = 20;
const LIFE: u64 = 3;
/// Commits before the last one that a collection leaves.
const HISTORY: u64 = 2;
/// A child that is to apply batches: the folder of the store, and the kind of round.
const APPLIER: &str = "EVENTMIRROR_CRASH_APPLIER";
/// A child that is to open the store and close it again.
const OPENER: &str = "EVENTMIRROR_CRASH_OPENER";
const SEED: &str = "EVENTMIRROR_CRASH_SEED";

/// How a batch reaches the disk.
#[derive(Debug, Clone, Copy, PartialEq)]
enum Kind {
    /// In one write.
    Whole,
    /// In many writes, each with a few rows.
    Chunks,
    /// As sorted files that are ingested.
    Files,
    /// Spilled first, in many writes, and with all pages of the index.
    Small,
    /// Like `Files` and `Chunks` in turn; what opens the store afterwards is killed too, several times.
    Recovery,
    /// Like `Chunks`, and row versions of earlier batches are removed in between.
    Collected,
}

const KINDS: [Kind; 6] = [Kind::Whole, Kind::Chunks, Kind::Files, Kind::Small, Kind::Recovery, Kind::Collected];

impl Kind {
    fn options(self) -> StoreOptions {
        let default = StoreOptions { memory: 64 << 20, ..StoreOptions::default() };
        match self {
            Kind::Whole => default,
            Kind::Chunks | Kind::Collected => StoreOptions { chunk_bytes: 200, ..default },
            Kind::Files => StoreOptions { chunk_bytes: 0, ingest_rows: 1, ..default },
            Kind::Small => StoreOptions { memory: 0, chunk_bytes: 500, ..default },
            Kind::Recovery => StoreOptions { chunk_bytes: 200, ingest_rows: 150, ..default },
        }
    }
}

/// Batch `n` as the children apply it.
fn batch(n: u64) -> Batch {
    batch_with(n, "extra")
}

/// Batch `n` as the parent applies it after a crash: with other new events, so that what an unfinished batch left under
/// the same sequence would show.
fn other_batch(n: u64) -> Batch {
    batch_with(n, "other")
}

/// Batch `n` with new events of a name. Even numbers of the `Recovery` kind are large enough to go through files.
fn batch_with(n: u64, name: &str) -> Batch {
    let key = |operation, key: u64| Record::new(operation, &format!("user{}", key % USERS), &format!("key{key}"), 1);
    let mut records: Vec<Record> =
        (0..KEYS).map(|number| key(Operation::Update, number).with("n", Value::Int(n as i64))).collect();
    let event = |operation, name: &str, n: u64, number: u64| {
        Record::new(operation, &format!("user{}", number % USERS), &format!("{name}{n}-{number}"), n as i64)
    };
    let extra = |operation, n, number| event(operation, "extra", n, number);
    let extras = EXTRAS * (1 + 3 * (n % 2));
    let payload = Value::Text(format!("{n}").repeat(40));
    records.extend((0..extras).map(|number| event(Operation::Insert, name, n, number).with("text", payload.clone())));
    if let Some(old) = n.checked_sub(LIFE).filter(|old| *old > 0) {
        let extras = EXTRAS * (1 + 3 * (old % 2));
        records.extend((0..extras).map(|number| extra(Operation::Delete, old, number)));
        // A rejected row, because those are written outside the commit too.
        records.push(Record { user_id: None, ..extra(Operation::Insert, n, 0) });
    }
    let mut batch = Batch::new("crash", Position::Numbered(n), WindowKind::Net, records);
    batch.parts = vec![50, 50];
    batch
}

/// Not a test of its own: what the children run.
#[test]
fn child() {
    let Ok(arguments) = std::env::var(APPLIER).or_else(|_| std::env::var(OPENER)) else { return };
    let (kind, path) = arguments.split_once(':').unwrap();
    let kind = KINDS[kind.parse::<usize>().unwrap()];
    let store = EventStore::open(path, kind.options()).unwrap();
    say("opened");
    if std::env::var(OPENER).is_ok() {
        return;
    }
    for n in watermark(&store) + 1.. {
        store.apply(batch(n).to_change_batch()).unwrap();
        say(&format!("acknowledged {n}"));
        if kind == Kind::Collected {
            collect(&store, n.saturating_sub(HISTORY));
        }
    }
}

/// Removes what only commits before this one show.
fn collect(store: &EventStore, from: u64) {
    store.gc(&GcOptions { keep: Keep::From(from), dry_run: false }).unwrap();
}

/// Not by `println!`, whose output the test harness may hold back.
fn say(text: &str) {
    let mut out = std::io::stdout().lock();
    writeln!(out, "{text}").and_then(|()| out.flush()).unwrap();
}

fn watermark(store: &EventStore) -> u64 {
    store.status().unwrap().sources.first().and_then(|source| source.watermark).unwrap_or(0)
}

#[test]
fn a_killed_process_loses_nothing_that_it_acknowledged_and_leaves_nothing_half_done() {
    if std::env::var(APPLIER).is_ok() || std::env::var(OPENER).is_ok() {
        return;
    }
    let started = Instant::now();
    let seed = std::env::var(SEED).map_or_else(|_| time_seed(), |seed| seed.parse().unwrap());
    let mut random = Random(seed);
    let (mut interrupted, mut cut_off) = (0, 0);
    for (number, kind) in KINDS.into_iter().enumerate() {
        let mut rounds = Rounds::new(number, kind);
        for round in 0..ROUNDS / KINDS.len() as u64 {
            println!("{kind:?} round {round} of seed {seed}: {} batches applied", rounds.oracle.sequence);
            rounds.run(&mut random);
        }
        interrupted += rounds.interrupted;
        cut_off += rounds.cut_off;
    }
    say(&format!(
        "crash: {ROUNDS} kills with seed {seed}, {interrupted} of them in the middle of a batch, {cut_off} in the middle \
         of a collection, in {:.0?}",
        started.elapsed()
    ));
}

struct Rounds {
    folder: tempfile::TempDir,
    number: usize,
    kind: Kind,
    oracle: Oracle,
    /// Kills that left something to be cleaned up.
    interrupted: usize,
    /// Kills in the middle of a collection.
    cut_off: usize,
}

impl Rounds {
    fn new(number: usize, kind: Kind) -> Rounds {
        let folder = tempfile::tempdir().unwrap();
        Rounds { folder, number, kind, oracle: Oracle::millis(), interrupted: 0, cut_off: 0 }
    }

    fn path(&self) -> std::path::PathBuf {
        self.folder.path().join("store")
    }

    fn run(&mut self, random: &mut Random) {
        let acknowledged = self.apply_and_kill(random).max(self.oracle.sequence);
        if self.path().join("CURRENT").exists() {
            self.interrupted += usize::from(raw::has_intent(&self.path()));
        }
        if self.kind == Kind::Recovery {
            self.open_and_kill(random);
        }
        let store = EventStore::open(self.path(), self.kind.options()).unwrap();
        let applied = watermark(&store);
        assert!(applied == acknowledged || applied == acknowledged + 1, "{acknowledged} acknowledged, {applied} there");
        self.advance(applied);
        self.compare(&store);
        if self.kind == Kind::Collected {
            self.collect_again(&store);
        }
        // The next batch ends where it would have ended without the crash.
        let next = other_batch(applied + 1);
        store.apply(next.to_change_batch()).unwrap();
        assert!(matches!(self.oracle.apply(&next, &eventmirror::ApplyOptions::default()), Outcome::Applied(_)));
        self.compare(&store);
        let schema = store.snapshot().schema().clone();
        drop(store);
        assert_eq!(raw::faults(&self.path(), &schema), Vec::<String>::new());
    }

    /// Lets a child apply a few batches and kills it. Returns the last one that it acknowledged.
    fn apply_and_kill(&self, random: &mut Random) -> u64 {
        let (mut child, lines) = self.spawn(APPLIER);
        let wanted = random.below(4);
        let mut acknowledged = 0;
        let mut note = |line: String| {
            acknowledged = line.strip_prefix("acknowledged ").map_or(acknowledged, |n| n.parse().unwrap());
        };
        for _ in 0..wanted {
            lines.recv_timeout(Duration::from_secs(30)).map(&mut note).unwrap();
        }
        std::thread::sleep(Duration::from_micros(random.below(30_000)));
        child.kill().unwrap();
        child.wait().unwrap();
        // What it said before it died.
        lines.iter().for_each(&mut note);
        acknowledged
    }

    /// Kills what opens the store, again and again, so that the cleaning up is interrupted too.
    fn open_and_kill(&self, random: &mut Random) {
        for _ in 0..3 {
            let (mut child, lines) = self.spawn(OPENER);
            std::thread::sleep(Duration::from_micros(random.below(60_000)));
            child.kill().unwrap();
            child.wait().unwrap();
            drop(lines);
        }
    }

    fn spawn(&self, role: &str) -> (Child, Receiver<String>) {
        let mut child = Command::new(std::env::current_exe().unwrap())
            .args(["--exact", "child", "--nocapture", "--test-threads", "1"])
            .env(role, format!("{}:{}", self.number, self.path().display()))
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        let out = BufReader::new(child.stdout.take().unwrap());
        let (sender, lines) = channel();
        std::thread::spawn(move || {
            let wanted = |line: &String| line == "opened" || line.starts_with("acknowledged ");
            out.lines().map_while(Result::ok).filter(wanted).for_each(|line| drop(sender.send(line)));
        });
        (child, lines)
    }

    /// What a collection left that was cut off shows what it should, and so does what the next one leaves.
    fn collect_again(&mut self, store: &EventStore) {
        let horizon = store.status().unwrap().horizon;
        self.cut_off += usize::from(horizon.is_some_and(|horizon| !horizon.is_finished));
        let oldest = horizon.map_or(0, |horizon| horizon.sequence);
        self.compare_history(store, oldest);
        collect(store, oldest);
        self.compare_history(store, oldest);
    }

    fn compare_history(&self, store: &EventStore, oldest: u64) {
        assert!(oldest == 0 || store.snapshot_at(oldest - 1).is_err(), "commits before {oldest} cannot be read");
        for sequence in oldest..=self.oracle.sequence {
            let snapshot = store.snapshot_at(sequence).unwrap();
            assert_eq!(dump(&snapshot).unwrap(), self.oracle.as_of(sequence), "at {sequence}");
            assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap(), "at {sequence}");
        }
    }

    fn advance(&mut self, to: u64) {
        for n in self.oracle.sequence + 1..=to {
            let outcome = self.oracle.apply(&batch(n), &eventmirror::ApplyOptions::default());
            assert!(matches!(outcome, Outcome::Applied(_)));
        }
    }

    fn compare(&self, store: &EventStore) {
        let applied = watermark(store);
        let found = dump(&store.snapshot()).unwrap();
        assert_eq!(numbers(&found), if applied == 0 { vec![] } else { vec![applied as i64] }, "a torn batch");
        assert_eq!(found, self.oracle.table);
        assert_eq!(store.snapshot().count(), found.len() as u64);
        assert_eq!(store.snapshot().sequence(), applied);
        let rejected: u64 = store.log().unwrap().map(|entry| entry.unwrap().counts.rejected).sum();
        assert_eq!(store.rejections().unwrap().count() as u64, rejected);
    }
}

/// The different numbers that the hundred keys hold.
fn numbers(table: &Table) -> Vec<i64> {
    let mut numbers: Vec<i64> = table
        .values()
        .filter_map(|columns| match columns.get("n") {
            Some(Value::Int(n)) => Some(*n),
            _ => None,
        })
        .collect();
    numbers.sort_unstable();
    numbers.dedup();
    numbers
}

fn time_seed() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_nanos() as u64
}

/// SplitMix64.
struct Random(u64);

impl Random {
    fn below(&mut self, limit: u64) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mut z = self.0;
        z = (z ^ (z >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        z = (z ^ (z >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        (z ^ (z >> 31)) % limit
    }
}
