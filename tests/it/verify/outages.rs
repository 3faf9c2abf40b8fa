//! A live outage table, published every few minutes: the mirror as of one publication against another.

use super::super::support::fast_folder;
use super::{apply, check};
use eventmirror::diff::Kind;
use eventmirror::{Cause, EventStore, StoreOptions, Verdict, Verification};
use serde_json::{Map, Value, json};
use std::collections::{BTreeMap, BTreeSet};
use std::io::{BufRead, BufReader};
use std::path::Path;

const HISTORY: &str =
    concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/streams/pge-outages-2017.snapshots.jsonl.zst");
/// Publications that make up a window.
const EVERY: usize = 20;
const WINDOWS: usize = 60;
const PAIRS: usize = 20;

type Key = (String, String, i64);
/// A publication.
type Table = BTreeMap<Key, Value>;

fn table(file: &str) -> Option<Table> {
    let rows: Vec<Map<String, Value>> = serde_json::from_str(file).ok()?;
    let row = |mut row: Map<String, Value>| {
        let mut text = |name: &str| row.remove(name)?.as_str().map(str::to_owned);
        let (user, insert, start) = (text("regionName")?, text("outageNumber")?, text("outageStartTime")?);
        Some(((user, insert, start.parse::<i64>().ok()? * 1_000), Value::Object(row)))
    };
    rows.into_iter().map(row).collect()
}

/// The publications that somebody could read.
fn publications() -> impl Iterator<Item = Table> {
    let mut decoder = zstd::Decoder::new(std::fs::File::open(HISTORY).unwrap()).unwrap();
    decoder.window_log_max(27).unwrap();
    BufReader::new(decoder).lines().filter_map(|line| {
        let entry: Value = serde_json::from_str(&line.unwrap()).unwrap();
        table(entry["file"].as_str()?)
    })
}

fn line(operation: Option<&str>, (user, insert, time): &Key, properties: Option<&Value>) -> String {
    let mut row = json!({"user_id": user, "insert_id": insert, "time": time});
    if let Some(operation) = operation {
        row["mutation_type"] = operation.into();
    }
    if let Some(properties) = properties {
        row["event_properties"] = properties.clone();
    }
    format!("{row}\n")
}

/// The operations that turn one publication into the next, as the generator of windows writes them.
fn operations(old: &Table, new: &Table, out: &mut String) {
    old.keys().filter(|key| !new.contains_key(*key)).for_each(|key| *out += &line(Some("DELETE"), key, None));
    for (key, properties) in new {
        match old.get(key) {
            None => *out += &line(Some("INSERT"), key, Some(properties)),
            Some(before) if before != properties => *out += &line(Some("UPDATE"), key, Some(properties)),
            Some(_) => {}
        }
    }
}

/// Whether two values mean the same: 62 and 62.0 do.
fn is_same(a: &Value, b: &Value) -> bool {
    match (a, b) {
        (Value::Number(a), Value::Number(b)) => a.as_f64() == b.as_f64(),
        (Value::Array(a), Value::Array(b)) => a.len() == b.len() && a.iter().zip(b).all(|(a, b)| is_same(a, b)),
        (Value::Object(a), Value::Object(b)) => {
            let names: BTreeSet<&String> = a.keys().chain(b.keys()).collect();
            let of = |object: &Map<String, Value>, name: &String| object.get(name).cloned().unwrap_or_default();
            names.into_iter().all(|name| is_same(&of(a, name), &of(b, name)))
        }
        _ => a == b,
    }
}

fn expected(mirror: &Table, extract: &Table) -> BTreeMap<Key, Kind> {
    let keys: BTreeSet<&Key> = mirror.keys().chain(extract.keys()).collect();
    let kind = |key: &Key| match (extract.get(key), mirror.get(key)) {
        (Some(_), None) => Some(Kind::Missing),
        (None, Some(_)) => Some(Kind::Unexpected),
        (Some(a), Some(b)) if !is_same(a, b) => Some(Kind::Mismatched),
        _ => None,
    };
    keys.into_iter().filter_map(|key| Some((key.clone(), kind(key)?))).collect()
}

fn found(result: &Verification) -> BTreeMap<Key, Kind> {
    let key = |key: &eventmirror::EventKey| (key.user_id.clone(), key.insert_id.clone(), key.event_time);
    result.samples.iter().map(|sample| (key(&sample.key), sample.kind)).collect()
}

/// The store after all windows, and the publication at the end of each; the first is the empty table.
fn mirrored(folder: &Path) -> (EventStore, Vec<Table>) {
    let store = EventStore::open(folder.join("mirror"), StoreOptions::default()).unwrap();
    let (mut tables, mut window, mut before) = (vec![Table::new()], String::new(), Table::new());
    for (number, table) in publications().take(EVERY * WINDOWS).enumerate() {
        operations(&before, &table, &mut window);
        before = table;
        if number % EVERY == EVERY - 1 {
            let path = folder.join(format!("window-{:04}.json", tables.len()));
            std::fs::write(&path, std::mem::take(&mut window)).unwrap();
            apply(&store, &path);
            tables.push(before.clone());
        }
    }
    (store, tables)
}

#[test]
fn a_window_against_a_later_publication_differs_in_what_changed() {
    if !Path::new(HISTORY).exists() {
        println!("skipped: {HISTORY} is absent");
        return;
    }
    let folder = fast_folder();
    let (store, tables) = mirrored(folder.path());
    let extract = folder.path().join("extract.json");
    let write = |table: &Table| {
        let rows: String = table.iter().map(|(key, properties)| line(None, key, Some(properties))).collect();
        std::fs::write(&extract, rows).unwrap();
    };
    let mut total = 0;
    for n in 1..=PAIRS {
        let (k, later) = (n * 2 - 1, n * 3 - 1);
        write(&tables[later]);
        let result = check(&store.snapshot_at(k as u64).unwrap(), &extract, false, None);
        let expected = expected(&tables[k], &tables[later]);
        assert_eq!(found(&result), expected, "window {k} against {later}");
        assert_eq!((result.expected, result.actual), (tables[later].len() as u64, tables[k].len() as u64));
        assert_eq!(result.causes, BTreeMap::from([(Cause::Pending, expected.len() as u64)]), "later windows bring it");
        assert_eq!(result.verdict(), Verdict::Explained);
        total += expected.len();
    }
    assert!(total > 1_000, "{total} differences");

    // And back: what the mirror has of later windows differs, and its repair takes it there.
    for k in [WINDOWS / 2, 3, WINDOWS - 1] {
        write(&tables[k]);
        let repair = folder.path().join(format!("repair-{k}.json.gz"));
        let result = check(&store.snapshot(), &extract, false, Some(&repair));
        assert_eq!(result.repairs, result.total());
        apply(&store, &repair);
        assert_eq!(check(&store.snapshot(), &extract, false, None).verdict(), Verdict::Identical);
    }
    assert_eq!(
        store.snapshot().fingerprints_of_rows().unwrap(),
        store.snapshot_at(store.snapshot().sequence()).unwrap().fingerprints().unwrap()
    );
}
