//! Verification, repair and diff: here through the built binary, below against an oracle of maps and real data.

mod causes;
#[cfg(feature = "vendor-export")]
mod extracts;
mod outages;
mod random;
mod reports;

use super::shell::Shell;
use super::support::fast_folder;
use eventmirror::model::value::{TimeUnit, Value as Cell};
use eventmirror::{
    ApplyOptions, Change, ChangeBatch, Event, EventKey, EventStore, Extract, Position, Snapshot, SourceOptions,
    StoreOptions, Verification, VerifyOptions, apply_files, verify,
};
use serde_json::{Value, json};
use std::fs;
use std::path::Path;
use std::sync::atomic::AtomicBool;

fn apply(store: &EventStore, path: &Path) {
    let inputs = [path.to_str().unwrap().to_owned()];
    let never = AtomicBool::new(false);
    let (source, options) = (SourceOptions::default(), ApplyOptions::default());
    let applied = apply_files(store, &inputs, &source, &options, &never, &mut |_| {}).unwrap();
    assert_eq!(applied.iter().map(|applied| applied.entry.counts.rejected).sum::<u64>(), 0, "{inputs:?}");
}

fn open(folder: &Path) -> EventStore {
    EventStore::open(folder.join("mirror"), StoreOptions::default()).unwrap()
}

fn check(snapshot: &Snapshot, extract: &Path, full: bool, repair: Option<&Path>) -> Verification {
    let extract = Extract::open(&[extract.to_str().unwrap().to_owned()], SourceOptions::default()).unwrap();
    let mut bytes = Vec::new();
    let options = VerifyOptions { full, limit: 1000, repair: Some(&mut bytes), ..VerifyOptions::default() };
    let result = verify(snapshot, &extract, options).unwrap();
    if let Some(path) = repair {
        fs::write(path, bytes).unwrap();
    }
    result
}

fn typed(day: i32) -> Event {
    Event::new(EventKey::new("ann", format!("a{day}"), i64::from(day) * 86_400_000))
        .with("seconds", Cell::Timestamp(-1, TimeUnit::Second))
        .with("at", Cell::Timestamp(i64::from(day) * 1_000 + 7, TimeUnit::Millisecond))
        .with("exact", Cell::Timestamp(i64::MAX, TimeUnit::Nanosecond))
        .with("day", Cell::Date(day))
        .with("raw", Cell::Bytes(vec![0, 255, b'"']))
        .with("ratio", Cell::Float(f64::NEG_INFINITY))
        .with("mutation_type", Cell::Text("no operation".into()))
        .with("Time", Cell::Timestamp(i64::from(day), TimeUnit::Microsecond))
        .with("eventmirror_columns", Cell::Int(i64::from(day)))
}

#[cfg(feature = "parquet")]
#[test]
fn values_that_json_has_no_type_for_survive_the_repair() {
    let case = Case::new();
    let warehouse = EventStore::open(case.path("warehouse"), StoreOptions::default()).unwrap();
    let rows = (0..4).map(|day| Change::Insert(typed(day))).collect();
    warehouse.apply(ChangeBatch::of_changes("w", Position::Numbered(1), rows)).unwrap();
    drop(warehouse);
    case.run(&["scan", "warehouse", "-o", "extract.parquet"], 0);
    let result = case.json(&["verify", "mirror", "extract.parquet", "--json", "--repair", "repair.json.gz"], 1);
    assert_eq!(result["differences"], json!({"missing": 4, "unexpected": 3, "mismatched": 0}));
    case.run(&["apply", "mirror", "repair.json.gz", "--strict"], 0);
    case.run(&["verify", "mirror", "extract.parquet", "--full"], 0);
    // The values are the same, not just their hashes.
    case.run(&["diff", "mirror", "warehouse"], 0);
    let store = EventStore::open(case.path("mirror"), StoreOptions::default()).unwrap();
    let event = store.snapshot().get(&typed(2).key).unwrap().unwrap();
    assert_eq!(event.get("exact"), Some(&Cell::Timestamp(i64::MAX, TimeUnit::Nanosecond)));
    assert_eq!(event.get("raw"), Some(&Cell::Bytes(vec![0, 255, b'"'])));
    assert!(store.snapshot().schema().id("eventmirror_columns").is_some(), "a column may have this name too");
}

#[test]
fn exit_codes_and_the_documented_json() {
    let case = Case::new();
    let same = case.json(&["verify", "mirror", "same.json", "--json"], 0);
    let expected = json!({
        "schema": "eventmirror.verify/1", "verdict": "identical", "as_of": 1, "rows": {"expected": 3, "actual": 3},
        "differences": {"missing": 0, "unexpected": 0, "mismatched": 0}, "causes": {}, "left_out": {}, "repeated": 0,
        "out_of_range": 0, "within_tolerance": 0, "buckets_read": 0, "samples": [],
    });
    assert_eq!(same, expected);

    let other = case.json(&["verify", "mirror", "other.json", "--json"], 1);
    assert_eq!((&other["verdict"], &other["rows"]), (&json!("different"), &json!({"expected": 3, "actual": 3})));
    assert_eq!(other["differences"], json!({"missing": 1, "unexpected": 1, "mismatched": 1}));
    assert_eq!(other["causes"], json!({"key_near_match": 2, "type_drift": 1, "no_user_id": 1}));
    assert_eq!((&other["left_out"], &other["repeated"]), (&json!({"missing_user_id": 1}), &json!(1)));
    let samples = other["samples"].as_array().unwrap();
    let kinds: Vec<&Value> = samples.iter().map(|sample| &sample["kind"]).collect();
    assert_eq!(kinds, ["missing", "unexpected", "mismatched"]);
    assert_eq!(samples[0]["key"], json!({"user_id": "bob", "insert_id": "b1", "event_time": 3_600_005}));
    assert_eq!((&samples[0]["offset_ms"], &samples[1]["offset_ms"]), (&json!(-3_600_000), &json!(-3_600_000)));
    assert_eq!(samples[0]["extract"], json!({"file": "other.json", "row_number": 2}));
    assert_eq!(samples[2]["columns"], json!([{"column": "n", "expected": "1", "actual": 1}]));
    let batch = json!({"commit_sequence": 1, "source": "s3", "position": "changes.json"});
    assert_eq!((&samples[1]["last_batch"], &samples[2]["last_batch"]), (&batch, &batch));

    let accept = ["verify", "mirror", "other.json", "--json", "--accept"];
    case.json(&[&accept[..], &["type_drift"]].concat(), 1);
    let accepted = case.json(&[&accept[..], &["type_drift,key_near_match"]].concat(), 0);
    assert_eq!(accepted["verdict"], "different");
    let limited = case.json(&["verify", "mirror", "other.json", "--json", "--limit", "0", "--full"], 1);
    assert_eq!((&limited["samples"], &limited["differences"]), (&json!([]), &other["differences"]));
    assert_eq!(limited["causes"], other["causes"]);
}

#[test]
fn the_repair_makes_the_store_equal_to_the_extract() {
    let case = Case::new();
    case.json(&["verify", "mirror", "other.json", "--json", "--repair", "repair.json.gz"], 1);
    let before = case.json(&["count", "mirror", "--json"], 0);
    assert_eq!((&before["as_of"], &before["rows"]), (&json!(1), &json!(3)), "nothing is repaired silently");
    let report = case.json(&["apply", "mirror", "repair.json.gz", "--json"], 0);
    let totals = &report["totals"];
    assert_eq!(
        (&totals["read"], &totals["inserted"], &totals["updated"], &totals["deleted"]),
        (&json!(3), &json!(1), &json!(1), &json!(1))
    );
    assert_eq!(case.json(&["verify", "mirror", "other.json", "--json"], 0)["verdict"], "identical");
    // The extract that was right before is right as of then.
    assert_eq!(case.json(&["verify", "mirror", "same.json", "--json", "--as-of", "1"], 0)["as_of"], 1);
    case.json(&["verify", "mirror", "same.json", "--json"], 1);
    case.run(&["verify", "mirror", "same.json", "--as-of", "1", "--repair", "x.gz"], 2);
}

#[test]
fn forgotten_users_and_order_hazards_are_explained() {
    let case = Case::new();
    let row = |operation: &str, n: u8| {
        format!(
            "{{\"mutation_type\":\"{operation}\",\"user_id\":\"eve\",\"insert_id\":\"e1\",\"event_time\":1,\"n\":{n}}}\n"
        )
    };
    fs::write(case.path("hazard.json"), row("INSERT", 1) + &row("UPDATE", 2)).unwrap();
    case.run(&["apply", "mirror", "hazard.json"], 0);
    fs::write(
        case.path("extract.json"),
        fs::read_to_string(case.path("same.json")).unwrap()
            + &row("INSERT", 1).replace("\"mutation_type\":\"INSERT\",", ""),
    )
    .unwrap();
    let result = case.json(&["verify", "mirror", "extract.json", "--json"], 1);
    assert_eq!((&result["verdict"], &result["causes"]), (&json!("explained"), &json!({"indeterminate": 1})));

    let store = EventStore::open(case.path("mirror"), StoreOptions::default()).unwrap();
    store.suppress("fay").unwrap();
    drop(store);
    let fay = "{\"user_id\":\"fay\",\"insert_id\":\"f1\",\"event_time\":1}\n";
    fs::write(case.path("extract.json"), fs::read_to_string(case.path("extract.json")).unwrap() + fay).unwrap();
    let words = ["verify", "mirror", "extract.json", "--json", "--repair", "repair.json.gz"];
    let result = case.json(&words, 1);
    assert_eq!(result["causes"], json!({"indeterminate": 1, "suppressed": 1}));
    let report = case.json(&["apply", "mirror", "repair.json.gz", "--json"], 0);
    assert_eq!((&report["totals"]["read"], &report["totals"]["rejected"]), (&json!(1), &json!(0)));
    let result = case.json(&["verify", "mirror", "extract.json", "--json"], 1);
    assert_eq!((&result["verdict"], &result["causes"]), (&json!("explained"), &json!({"suppressed": 1})));
}

#[test]
fn a_constant_offset_is_said_once() {
    let case = Case::new();
    let shifted: String = ["ann a1 1", "bob b1 5", "cem c1 9"]
        .into_iter()
        .map(|row| {
            let [user, insert, time] = row.split(' ').collect::<Vec<_>>()[..] else { unreachable!() };
            let time: i64 = time.parse().unwrap();
            format!("{{\"user_id\":\"{user}\",\"insert_id\":\"{insert}\",\"event_time\":{}}}\n", time + 7_200_000)
        })
        .collect();
    fs::write(case.path("shifted.json"), shifted).unwrap();
    let result = case.json(&["verify", "mirror", "shifted.json", "--json"], 1);
    assert_eq!(
        (&result["shift"], &result["causes"]),
        (&json!({"offset_ms": -7_200_000, "pairs": 3}), &json!({"key_near_match": 6}))
    );
}

#[test]
fn two_commits_and_two_stores_are_compared() {
    let case = Case::new();
    let changes = "{\"mutation_type\":\"DELETE\",\"user_id\":\"ann\",\"insert_id\":\"a1\",\"event_time\":1}\n\
        {\"mutation_type\":\"UPDATE\",\"user_id\":\"bob\",\"insert_id\":\"b1\",\"event_time\":5,\"n\":3}\n\
        {\"mutation_type\":\"INSERT\",\"user_id\":\"dan\",\"insert_id\":\"d1\",\"event_time\":9}\n";
    fs::write(case.path("more.json"), changes).unwrap();
    case.run(&["apply", "mirror", "more.json"], 0);
    let lines = |words: &[&str]| {
        let mut lines: Vec<String> = case.run(words, 1).0.lines().map(str::to_owned).collect();
        lines.sort();
        lines
    };
    let expected = [
        "+ {\"user_id\":\"dan\",\"insert_id\":\"d1\",\"event_time\":9}",
        "- {\"user_id\":\"ann\",\"insert_id\":\"a1\",\"event_time\":1,\"n\":1}",
        "~+ {\"user_id\":\"bob\",\"insert_id\":\"b1\",\"event_time\":5,\"n\":3}",
        "~- {\"user_id\":\"bob\",\"insert_id\":\"b1\",\"event_time\":5,\"n\":2}",
    ];
    assert_eq!(lines(&["diff", "mirror", "--from", "1", "--to", "2"]), expected);
    assert_eq!(lines(&["diff", "mirror", "--from", "1", "--stat"]), ["3 differences: +1 -1 ~1"]);
    assert_eq!(lines(&["diff", "mirror", "--from", "1", "--summary"]), ["3 differences: +1 -1 ~1", "~1 n"]);
    assert_eq!(case.json(&["diff", "mirror", "--from", "1", "--json"], 1)["columns"], json!({"n": 1}));
    assert_eq!(lines(&["diff", "mirror", "--from", "1", "--limit", "0"]), [""; 0]);
    let all = case.json(&["diff", "mirror", "--to", "1", "--json"], 1);
    assert_eq!(all["differences"], json!({"added": 3, "removed": 0, "changed": 0}));
    case.run(&["diff", "mirror", "--from", "2", "--to", "2"], 0);
    case.run(&["diff", "mirror"], 2);
    case.run(&["diff", "mirror", "--from", "9"], 2);

    // The same rows in another store, whose columns came in another order.
    case.run(&["apply", "other", "hello.json"], 0);
    let twin = case.json(&["diff", "mirror", "other", "--from", "1", "--json"], 1);
    assert_eq!(twin["differences"], json!({"added": 1, "removed": 0, "changed": 0}));
    assert_eq!(twin["samples"][0]["after"]["user_id"], "zoe");
}

#[test]
fn what_is_wrong_is_said() {
    let case = Case::new();
    let (_, err) = case.run(&["verify", "nothing", "same.json"], 2);
    assert!(err.contains("there is no store"), "{err}");
    let (_, err) = case.run(&["verify", "mirror", "absent.json"], 3);
    assert!(err.contains("absent.json"), "{err}");
    fs::write(case.path("bad.json"), "{\"user_id\":\n").unwrap();
    let (_, err) = case.run(&["verify", "mirror", "bad.json", "--repair", "repair.json.gz"], 3);
    assert!(err.contains("bad.json, line 1"), "{err}");
    assert!(!case.path("repair.json.gz").exists(), "a repair appears whole or not at all");
}

/// A store of three rows, an extract that has the same ones, and one that has others.
struct Case(Shell);

impl Case {
    fn new() -> Case {
        let case = Case(Shell::new(&[]));
        let line = |user: &str, time: i64, n: Value| {
            let insert = format!("{}1", &user[..1]);
            format!("{}\n", json!({"user_id": user, "insert_id": insert, "event_time": time, "n": n}))
        };
        let (ann, bob, cem) = (line("ann", 1, json!(1)), line("bob", 5, json!(2)), line("cem", 9, json!([3])));
        fs::write(case.path("changes.json"), format!("{ann}{bob}{cem}")).unwrap();
        fs::write(case.path("same.json"), format!("{cem}{ann}{bob}")).unwrap();
        let hello = "{\"hello\":1,\"user_id\":\"zoe\",\"insert_id\":\"z1\",\"event_time\":1}\n";
        fs::write(case.path("hello.json"), format!("{hello}{cem}{ann}{bob}")).unwrap();
        let nobody = "{\"insert_id\":\"x1\",\"event_time\":1}\n";
        let (ann, bob) = (line("ann", 1, json!("1")), line("bob", 3_600_005, json!(2)));
        fs::write(case.path("other.json"), format!("{ann}{bob}{nobody}{cem}{cem}")).unwrap();
        case.run(&["apply", "mirror", "changes.json"], 0);
        case
    }

    fn path(&self, name: &str) -> std::path::PathBuf {
        self.0.path(name)
    }

    /// Runs a command that ends with this exit code; what it printed to standard output and standard error.
    fn run(&self, words: &[&str], code: i32) -> (String, String) {
        let (found, out, err) = self.0.run(words);
        assert_eq!(found, code, "{words:?}\n{out}\n{err}");
        (out, err)
    }

    fn json(&self, words: &[&str], code: i32) -> Value {
        serde_json::from_str(&self.run(words, code).0).unwrap()
    }
}

#[test]
fn the_fingerprint_of_a_range_is_that_of_its_buckets() {
    let folder = fast_folder();
    let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default()).unwrap();
    let event = |user: u32| Change::Insert(Event::new(EventKey::new(format!("u{user}"), "i", 1)));
    store.apply(ChangeBatch::of_changes("shop", Position::Numbered(1), (0..50).map(event).collect())).unwrap();
    let snapshot = store.snapshot();
    let whole = snapshot.fingerprint(0..=u16::MAX).unwrap();
    assert_eq!(whole.rows, 50);
    let (low, high) = (snapshot.fingerprint(0..=0x7fff).unwrap(), snapshot.fingerprint(0x8000..=u16::MAX).unwrap());
    assert!(low.rows > 0 && high.rows > 0);
    assert_eq!(low.plus(high), whole);
    assert_eq!(store.snapshot_at(0).unwrap().fingerprint(0..=u16::MAX).unwrap().rows, 0);
}
