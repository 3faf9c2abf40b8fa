//! Tables that Spark and Databricks wrote: the change rows of ranges, and the mirror of each.

use super::{Mirror, SHIPPED, from_first, keyed, shipped};
use eventmirror::model::{change, event_json};
use eventmirror::{DeltaTable, Result, SourceOptions, Value};
use serde_json::{Map, Value as Json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// Tables with the columns of their keys. A table without a time has a number, which is read as milliseconds.
const TABLES: [(&str, [&str; 3]); 8] = [
    ("cdf-table", ["name", "id", "birthday"]),
    ("cdf-table-data-change", ["id", "id", "id"]),
    ("cdf-table-delete-conditional-all-rows", ["id", "id", "id"]),
    ("cdf-table-delete-unconditional", ["id", "id", "id"]),
    ("cdf-table-partitioned", ["id", "id", "part"]),
    ("cdf-table-simple", ["id", "id", "id"]),
    ("cdf-table-with-dv", ["value", "value", "value"]),
    ("simple_table_with_cdc", ["id", "id", "id"]),
];
/// Larger than the others, so it is not shipped.
const SHARED: (&str, [&str; 3]) = ("cdf-table-non-partitioned", ["name", "id", "birthday"]);

type Row = Map<String, Json>;

/// A table, the columns of its key, its expected change rows by range, and its expected rows.
struct Case {
    table: PathBuf,
    key: [&'static str; 3],
    changes: Vec<(u64, Option<u64>, Vec<Row>)>,
    rows: Vec<Row>,
}

fn cases() -> Vec<Case> {
    let expected = |name: &str| {
        let beginning = format!("{name}__v");
        let files =
            std::fs::read_dir(Path::new(SHIPPED).join("expected-cdf")).unwrap().map(|file| file.unwrap().path());
        let of_table = |path: PathBuf| {
            let range = path.file_stem()?.to_str()?.strip_prefix(&beginning)?.to_owned();
            let (from, to) = range.split_once('-')?;
            Some((from.parse().ok()?, to.parse().ok(), lines(&path)))
        };
        files.filter_map(of_table).collect()
    };
    let shipped = TABLES.iter().map(|(name, key)| Case {
        table: shipped(name),
        key: *key,
        changes: expected(name),
        rows: lines(&Path::new(SHIPPED).join(format!("expected-final/{name}.jsonl"))),
    });
    shipped.chain(shared()).collect()
}

fn shared() -> Option<Case> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../shared/data/delta");
    if !folder.exists() {
        println!("skipped: {} is absent", folder.display());
        return None;
    }
    let (name, key) = SHARED;
    let changes = lines(&folder.join(format!("expected-cdf/kernel__{name}__v0-latest.jsonl")));
    let by_another = lines(&folder.join(format!("expected-cdf/deltalake-1.6.6__kernel__{name}__v0-latest.jsonl")));
    Some(Case {
        table: folder.join("kernel").join(name),
        key,
        changes: vec![(0, None, changes), (0, None, by_another)],
        rows: lines(&folder.join(format!("expected-final/deltalake-1.6.6__kernel__{name}.jsonl"))),
    })
}

fn lines(path: &Path) -> Vec<Row> {
    let text = std::fs::read_to_string(path).unwrap();
    text.lines().filter(|line| !line.is_empty()).map(|line| serde_json::from_str(line).unwrap()).collect()
}

fn rows(parts: change::Parts) -> Vec<Row> {
    let parts: Vec<_> = parts.collect::<Result<_>>().unwrap();
    let of_part = |part: &change::ChangePart| -> Vec<Row> {
        (0..part.rows.num_rows())
            .map(|row| serde_json::from_str(&event_json::arrow_row(&part.rows, row)).unwrap())
            .collect()
    };
    parts.iter().flat_map(of_part).collect()
}

/// Rows in an order of their own, as text.
fn sorted(rows: &[Row]) -> Vec<String> {
    let mut texts: Vec<String> =
        rows.iter().map(|row| format!("{:?}", row.iter().collect::<BTreeMap<_, _>>())).collect();
    texts.sort_unstable();
    texts
}

#[test]
fn a_range_gives_exactly_the_change_rows_of_the_table() {
    let mut ranges = 0;
    for case in cases() {
        let options = keyed(case.key);
        let table = DeltaTable::open(case.table.to_str().unwrap(), &options).unwrap();
        assert!(!case.changes.is_empty());
        for (from, to, expected) in &case.changes {
            let feed = table.feed(*from..=to.unwrap_or(table.latest()), &options).unwrap();
            assert_eq!(feed.notices, [""; 0]);
            let mut found = rows(feed.batch.parts);
            // The time when a log file was written differs between copies.
            found.iter_mut().for_each(|row| assert!(row.remove("_commit_timestamp").is_some()));
            assert_eq!(sorted(&found), sorted(expected), "{} {from}..={to:?}", case.table.display());
            ranges += 1;
        }
    }
    assert!(ranges >= 11);
}

#[test]
fn a_version_gives_exactly_the_rows_of_the_table() {
    for case in cases() {
        let options = keyed(case.key);
        let table = DeltaTable::open(case.table.to_str().unwrap(), &options).unwrap();
        let found = rows(table.rows(table.latest(), &options).unwrap());
        assert_eq!(sorted(&found), sorted(&case.rows), "{}", case.table.display());
    }
}

/// Key and payload of an expected row, as the store has them.
fn event(row: &Row, key: [&str; 3]) -> ((String, String, i64), BTreeMap<String, Value>) {
    let id = |column: &str| row[column].as_str().map_or_else(|| row[column].to_string(), str::to_owned);
    let time = match &row[key[2]] {
        Json::String(date) => {
            let date: jiff::civil::Date = date.parse().unwrap();
            date.to_zoned(jiff::tz::TimeZone::UTC).unwrap().timestamp().as_millisecond()
        }
        number => number.as_i64().unwrap(),
    };
    let payload = row.iter().filter(|(name, _)| !key.contains(&name.as_str()));
    let payload = payload.map(|(name, value)| (name.clone(), value_of(value)));
    ((id(key[0]), id(key[1]), time), payload.collect())
}

fn value_of(value: &Json) -> Value {
    match value {
        Json::Bool(value) => Value::Bool(*value),
        Json::Number(number) if number.is_i64() => Value::Int(number.as_i64().unwrap()),
        Json::Number(number) => Value::Float(number.as_f64().unwrap()),
        other => Value::Text(other.as_str().unwrap().to_owned()),
    }
}

#[test]
fn the_mirror_equals_the_table_whether_it_begins_at_the_first_or_the_latest_version() {
    for case in cases() {
        let expected: crate::support::Table = case.rows.iter().map(|row| event(row, case.key)).collect();
        assert_eq!(expected.len(), case.rows.len(), "the key is one");
        let latest = SourceOptions { to_version: last_honest(&case.table), ..keyed(case.key) };
        for options in [from_first(latest.clone()), latest] {
            let mirror = Mirror::new();
            let applied = mirror.apply(&case.table, &options).unwrap();
            assert_eq!(mirror.holds(), expected, "{} {:?}", case.table.display(), options.start);
            assert!(applied.iter().all(|applied| applied.entry.counts.rejected == 0));
        }
    }
}

/// Version 2 of `cdf-table-simple` was made by hand for a test of readers: it has change files with five inserts, but
/// adds no rows to the table. Its mirror follows the feed, and the table does not.
fn last_honest(table: &Path) -> Option<u64> {
    table.ends_with("cdf-table-simple").then_some(1)
}

#[test]
fn a_feed_that_contradicts_its_table_is_followed() {
    let mirror = Mirror::new();
    mirror.apply(&shipped("cdf-table-simple"), &from_first(keyed(["id", "id", "id"]))).unwrap();
    let users: Vec<String> = mirror.holds().into_keys().map(|(user, ..)| user).collect();
    assert_eq!(users, ["20", "21", "22", "23", "24"]);
}

#[test]
fn one_version_a_run_ends_where_one_run_for_all_does() {
    for case in cases() {
        let latest = DeltaTable::open(case.table.to_str().unwrap(), &SourceOptions::default()).unwrap().latest();
        let (whole, by_version) = (Mirror::new(), Mirror::new());
        whole.apply(&case.table, &from_first(keyed(case.key))).unwrap();
        for version in 0..=latest {
            let options = SourceOptions { to_version: Some(version), ..from_first(keyed(case.key)) };
            by_version.apply(&case.table, &options).unwrap();
        }
        assert_eq!(by_version.holds(), whole.holds(), "{}", case.table.display());
        assert_eq!(by_version.store.snapshot().sequence(), latest + 1);
    }
}

#[test]
fn an_update_that_moves_a_row_to_another_partition_moves_the_event() {
    let mirror = Mirror::new();
    let applied = mirror.apply(&shipped("cdf-table"), &from_first(keyed(["name", "id", "birthday"]))).unwrap();
    let counts = &applied[0].entry.counts;
    assert_eq!(counts.counters[&eventmirror::Counter::KeyChange], 6, "{counts:?}");
    assert_eq!((counts.read, counts.inserted), (23, 9));
}
