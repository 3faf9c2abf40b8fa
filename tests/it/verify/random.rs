//! Random pairs of tables through a verification, against an oracle of maps.

use super::super::support::fast_folder;
use super::{apply, open};
use eventmirror::diff::Kind;
use eventmirror::{
    Cause, Columns, Comparison, EventKey, EventStore, Extract, ScanRange, Snapshot, SourceOptions, StoreOptions,
    Verdict, Verification, VerifyOptions, verify,
};
use proptest::prelude::*;
use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

/// Values as a file writes them, each with what it means: equal numbers mean the same. `LARGE` stands for a large one.
const TOKENS: [(&str, u8); 15] = [
    ("null", 0),
    ("1", 1),
    ("1.0", 1),
    ("\"1\"", 2),
    ("{\"a\":1,\"b\":[2]}", 3),
    ("{ \"b\": [2.0], \"a\": 1 }", 3),
    ("[1,2]", 4),
    ("[2,1]", 5),
    ("\"x\"", 6),
    ("true", 7),
    ("123456789012345678901234567890.5", 8),
    ("\"\\u0000\u{e9}\\n\"", 9),
    ("1.25", 10),
    ("{\"large\":[LARGE,1]}", 11),
    ("{\"large\":[LARGE,2]}", 12),
];
/// A number and its text.
const DRIFT: [u8; 2] = [1, 2];
/// Numbers that are nearer to each other than [`TOLERANCE`].
const NEAR: [u8; 2] = [1, 10];
const TOLERANCE: f64 = 0.5;

type Key = (u8, u8, i64);
/// Indices of [`TOKENS`], one a column.
type Row = [usize; 2];
type Meaning = [u8; 2];
type Table = BTreeMap<Key, Row>;

fn text(token: usize) -> String {
    let large = (0..3_000).map(|n| format!("{{\"n\":{n}}}")).collect::<Vec<_>>();
    TOKENS[token].0.replace("LARGE", &large.join(","))
}

fn line(operation: &str, key: &Key, row: &Row) -> String {
    let ((user, insert, time), [one, two]) = (key, row.map(text));
    let columns = if operation == "DELETE" { String::new() } else { format!(",\"one\":{one},\"two\":{two}") };
    format!(
        "{{\"mutation_type\":\"{operation}\",\"user_id\":\"u{user}\",\"insert_id\":\"i{insert}\",\"event_time\":{time}{columns}}}\n"
    )
}

fn extract_line((key, row): &(Key, Row)) -> String {
    line("", key, row).replacen("\"mutation_type\":\"\",", "", 1)
}

fn rows(most: usize) -> impl Strategy<Value = Vec<(Key, Row)>> {
    prop::collection::vec(((0u8..4, 0u8..3, 0i64..3), [0..TOKENS.len(), 0..TOKENS.len()]), 0..most)
}

/// What is compared, and how.
#[derive(Debug, Clone)]
struct Choice {
    columns: Columns,
    is_near_equal: bool,
    user: Option<u8>,
    from: Option<i64>,
    to: Option<i64>,
    full: bool,
    /// So little memory that all hashes go to files.
    spills: bool,
    /// The first commit is verified, when the second is there already.
    is_earlier: bool,
}

fn choices() -> impl Strategy<Value = Choice> {
    let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
    let columns = prop_oneof![
        4 => Just(Columns::All),
        1 => Just(Columns::Only(names(&["one"]))),
        1 => Just(Columns::AllBut(names(&["one"]))),
    ];
    let bound = || prop::option::weighted(0.2, 0i64..3);
    let range = (prop::option::weighted(0.2, 0u8..4), bound(), bound());
    (columns, any::<bool>(), range, any::<[bool; 3]>()).prop_map(
        |(columns, is_near_equal, (user, from, to), [full, spills, is_earlier])| Choice {
            columns,
            is_near_equal,
            user,
            from,
            to,
            full,
            spills,
            is_earlier,
        },
    )
}

impl Choice {
    fn options(&self) -> VerifyOptions<'static> {
        let tolerances = ["one", "two"].map(|column| (column.to_owned(), TOLERANCE));
        let tolerances = tolerances.into_iter().filter(|(column, _)| self.is_near_equal && self.columns.has(column));
        let user_id = self.user.map(|user| format!("u{user}"));
        VerifyOptions {
            full: self.full,
            comparison: Comparison { columns: self.columns.clone(), tolerances: tolerances.collect() },
            range: ScanRange { user_id, from: self.from, to: self.to },
            limit: 1_000,
            memory: if self.spills { 0 } else { 512 << 20 },
            ..VerifyOptions::default()
        }
    }

    fn has(&self, key: &Key) -> bool {
        self.user.is_none_or(|user| user == key.0)
            && self.from.is_none_or(|from| key.2 >= from)
            && self.to.is_none_or(|to| key.2 < to)
    }

    /// Meaning of what is compared.
    fn meaning(&self, row: &Row) -> Meaning {
        let of = |column: &str, token: usize| if self.columns.has(column) { TOKENS[token].1 } else { 0 };
        [of("one", row[0]), of("two", row[1])]
    }

    fn is_equal(&self, a: &Meaning, b: &Meaning) -> bool {
        let is_near = |a: &u8, b: &u8| self.is_near_equal && NEAR.contains(a) && NEAR.contains(b);
        a.iter().zip(b).all(|(a, b)| a == b || is_near(a, b))
    }

    /// Whether the columns that differ do so in their type only.
    fn is_drift(&self, a: &Meaning, b: &Meaning) -> bool {
        let is_drift = |a: &u8, b: &u8| a != b && DRIFT.contains(a) && DRIFT.contains(b);
        let is_near = |a: &u8, b: &u8| self.is_near_equal && NEAR.contains(a) && NEAR.contains(b);
        a.iter().zip(b).all(|(a, b)| a == b || is_near(a, b) || is_drift(a, b))
    }
}

/// The mirror at the commit that is verified, and at the other one.
struct Mirror<'a> {
    now: &'a Table,
    other: &'a Table,
    is_earlier: bool,
}

/// Kind and cause of each key that differs, and how many are equal by a tolerance only.
fn oracle(extract: &[(Key, Row)], mirror: &Mirror<'_>, choice: &Choice) -> (BTreeMap<Key, (Kind, Option<Cause>)>, u64) {
    let mut wanted: BTreeMap<Key, BTreeSet<Meaning>> = BTreeMap::new();
    for (key, row) in extract.iter().filter(|(key, _)| choice.has(key)) {
        wanted.entry(*key).or_default().insert(choice.meaning(row));
    }
    let keys: BTreeSet<Key> = wanted.keys().chain(mirror.now.keys().filter(|key| choice.has(key))).copied().collect();
    let (mut found, mut near) = (BTreeMap::new(), 0);
    for key in keys {
        let rows: Vec<Meaning> = wanted.get(&key).into_iter().flatten().copied().collect();
        let (now, other) = (mirror.now.get(&key), mirror.other.get(&key));
        let now_means = now.map(|row| choice.meaning(row));
        let kind = match (rows.first(), now_means) {
            (None, _) => Kind::Unexpected,
            (Some(_), None) => Kind::Missing,
            (Some(_), Some(_)) => Kind::Mismatched,
        };
        if rows.len() > 1 {
            found.insert(key, (kind, Some(Cause::DuplicateInExtract)));
            continue;
        }
        if rows.first().copied() == now_means {
            continue;
        }
        if kind == Kind::Mismatched && choice.is_equal(&rows[0], &now_means.unwrap_or_default()) {
            near += 1;
            continue;
        }
        // The second commit writes what is new or means something else, and deletes what is gone.
        let is_shown = match (rows.first(), other) {
            (Some(row), Some(other)) => *row == choice.meaning(other),
            (None, None) => mirror.is_earlier,
            _ => false,
        };
        let cause = match (is_shown, kind) {
            (true, _) if mirror.is_earlier => Some(Cause::Pending),
            (true, _) => Some(Cause::Stale),
            (false, Kind::Mismatched) => {
                choice.is_drift(&rows[0], &now_means.unwrap_or_default()).then_some(Cause::TypeDrift)
            }
            (false, _) => None,
        };
        found.insert(key, (kind, cause));
    }
    pair(&mut found);
    (found, near)
}

/// Lone keys with the same ids are near matches.
fn pair(found: &mut BTreeMap<Key, (Kind, Option<Cause>)>) {
    let ids: BTreeSet<(u8, u8)> = found.keys().map(|key| (key.0, key.1)).collect();
    for ids in ids {
        let lone = |kind| -> Vec<Key> {
            let alike = found.iter().filter(|(key, is)| (key.0, key.1) == ids && **is == (kind, None));
            alike.map(|(key, _)| *key).collect()
        };
        for (missing, unexpected) in lone(Kind::Missing).into_iter().zip(lone(Kind::Unexpected)) {
            found.insert(missing, (Kind::Missing, Some(Cause::KeyNearMatch)));
            found.insert(unexpected, (Kind::Unexpected, Some(Cause::KeyNearMatch)));
        }
    }
}

fn run(snapshot: &Snapshot, extract: &Path, options: VerifyOptions<'_>) -> Verification {
    let extract = Extract::open(&[extract.to_str().unwrap().to_owned()], SourceOptions::default()).unwrap();
    verify(snapshot, &extract, options).unwrap()
}

fn found(result: &Verification) -> BTreeMap<Key, (Kind, Option<Cause>)> {
    let number = |id: &str| id[1..].parse().unwrap();
    let key = |key: &EventKey| (number(&key.user_id), number(&key.insert_id), key.event_time);
    result.samples.iter().map(|sample| (key(&sample.key), (sample.kind, sample.cause))).collect()
}

/// A store with two commits: these tables.
fn mirrored(folder: &Path, earlier: &Table, later: &Table) -> EventStore {
    let store = open(folder);
    let puts = |table: &Table| table.iter().map(|(key, row)| line("INSERT", key, row)).collect::<String>();
    let gone = earlier.iter().filter(|(key, _)| !later.contains_key(*key));
    let deletes: String = gone.map(|(key, row)| line("DELETE", key, row)).collect();
    for (name, content) in [("1.json", puts(earlier)), ("2.json", deletes + &puts(later))] {
        fs::write(folder.join(name), content).unwrap();
        apply(&store, &folder.join(name));
    }
    store
}

fn cases() -> u32 {
    std::env::var("EVENTMIRROR_TEST_CASES").ok().and_then(|cases| cases.parse().ok()).unwrap_or(40)
}

proptest! {
    #![proptest_config(ProptestConfig { cases: cases(), failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn what_differs_is_found_and_explained(
        extract in rows(24),
        earlier in rows(16),
        later in rows(24),
        agree in 0usize..24,
        choice in choices(),
    ) {
        let folder = fast_folder();
        // Some rows agree, and some stay; otherwise nearly all would differ.
        let earlier: Table = earlier.into_iter().chain(extract.iter().skip(agree).step_by(2).copied()).collect();
        let kept = earlier.iter().step_by(3).map(|(key, row)| (*key, *row));
        let later: Table = later.into_iter().chain(kept).chain(extract.iter().take(agree).copied()).collect();
        let store = mirrored(folder.path(), &earlier, &later);
        let file = folder.path().join("extract.json");
        fs::write(&file, extract.iter().map(extract_line).collect::<String>()).unwrap();

        let snapshot = if choice.is_earlier { store.snapshot_at(1).unwrap() } else { store.snapshot() };
        let (now, other) = if choice.is_earlier { (&earlier, &later) } else { (&later, &earlier) };
        let mirror = Mirror { now, other, is_earlier: choice.is_earlier };
        let (expected, near) = oracle(&extract, &mirror, &choice);
        let result = run(&snapshot, &file, choice.options());
        prop_assert_eq!(found(&result), expected.clone());
        prop_assert_eq!((result.total() as usize, result.within_tolerance), (expected.len(), near));
        let of_range = |key: &&Key| choice.has(key);
        let keys: BTreeSet<&Key> = extract.iter().map(|(key, _)| key).filter(of_range).collect();
        prop_assert_eq!((result.expected as usize, result.actual as usize), (keys.len(), now.keys().filter(of_range).count()));
        let distinct: BTreeSet<(Key, Meaning)> =
            extract.iter().filter(|(key, _)| choice.has(key)).map(|(key, row)| (*key, choice.meaning(row))).collect();
        let read = extract.iter().filter(|(key, _)| choice.has(key)).count();
        prop_assert_eq!(result.out_of_range as usize, extract.len() - read);
        prop_assert_eq!(result.repeated as usize, read - distinct.len());
    }

    #[test]
    fn the_repair_makes_the_mirror_equal(extract in rows(24), later in rows(24), agree in 0usize..24, choice in choices()) {
        let folder = fast_folder();
        let later: Table = later.into_iter().chain(extract.iter().take(agree).copied()).collect();
        let store = mirrored(folder.path(), &Table::new(), &later);
        let file = folder.path().join("extract.json");
        fs::write(&file, extract.iter().map(extract_line).collect::<String>()).unwrap();
        let mut repair = Vec::new();
        let before = run(&store.snapshot(), &file, VerifyOptions { repair: Some(&mut repair), ..choice.options() });
        fs::write(folder.path().join("repair.json.gz"), repair).unwrap();
        apply(&store, &folder.path().join("repair.json.gz"));

        let again = run(&store.snapshot(), &file, choice.options());
        let ambiguous = before.causes.get(&Cause::DuplicateInExtract).copied().unwrap_or_default();
        let verdict = if ambiguous == 0 { Verdict::Identical } else { Verdict::Explained };
        prop_assert_eq!((again.verdict(), again.total()), (verdict, ambiguous));
        prop_assert_eq!(again.repairs, 0, "a repair leaves nothing to repair");
        // What is not compared stays as it was, and so do rows out of range.
        for (key, row) in &later {
            let encoded = EventKey::new(format!("u{}", key.0), format!("i{}", key.1), key.2);
            let event = store.snapshot().get(&encoded).unwrap();
            if !choice.has(key) {
                prop_assert!(event.is_some());
            } else if let (Some(event), false) = (event, choice.columns.has("one")) {
                prop_assert_eq!(event.get("one").is_some(), TOKENS[row[0]].1 != 0);
            }
        }
    }

    #[test]
    fn another_store_is_an_extract_too(extract in rows(24), later in rows(24), agree in 0usize..24, choice in choices()) {
        let folder = fast_folder();
        let extract: Table = extract.into_iter().collect();
        let later: Table = later.into_iter().chain(extract.iter().take(agree).map(|(key, row)| (*key, *row))).collect();
        let store = mirrored(folder.path(), &Table::new(), &later);
        let other = EventStore::open(folder.path().join("other"), StoreOptions::default()).unwrap();
        // Its columns have other ids.
        fs::write(folder.path().join("0.json"), "{\"user_id\":\"v\",\"insert_id\":\"i\",\"event_time\":1,\"two\":1,\"one\":1}\n").unwrap();
        fs::write(folder.path().join("1.json"), extract.iter().map(|(key, row)| line("INSERT", key, row)).collect::<String>() + "{\"mutation_type\":\"DELETE\",\"user_id\":\"v\",\"insert_id\":\"i\",\"event_time\":1}\n").unwrap();
        ["0.json", "1.json"].iter().for_each(|name| apply(&other, &folder.path().join(name)));
        let file = folder.path().join("extract.json");
        let rows: String = extract.iter().map(|(key, row)| extract_line(&(*key, *row))).collect();
        fs::write(&file, rows).unwrap();

        let mut by_file = run(&store.snapshot(), &file, choice.options());
        let mut by_store = verify(&store.snapshot(), &Extract::of_snapshot(other.snapshot()), choice.options()).unwrap();
        prop_assert_eq!(found(&by_store), found(&by_file));
        for result in [&mut by_file, &mut by_store] {
            result.samples.iter_mut().for_each(|sample| {
                sample.place = None;
                sample.expected.iter_mut().chain(&mut sample.actual).for_each(|event| event.columns.sort_by(|a, b| a.0.cmp(&b.0)));
            });
            result.out_of_range = 0;
        }
        prop_assert_eq!(by_store, by_file);
    }
}
