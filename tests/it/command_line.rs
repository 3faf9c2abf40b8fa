//! The command line as its users meet it: the built binary, its output, its exit codes.

#![allow(clippy::unwrap_used)]

use super::shell::Shell;
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use eventmirror::{EventStore, StoreOptions};
use serde_json::{Value, json};
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Stdio;
use std::time::{Duration, Instant};

/// 2017-09-10T21:42:00Z.
const TIME: i64 = 1_505_079_720_000;

/// A folder with two change files: ann gets a plan and changes it, bob comes, a row has no user.
struct Case(Shell);

impl Case {
    fn new() -> Case {
        let case = Case(Shell::new(&[]));
        fs::create_dir(case.path("changes")).unwrap();
        case.write(
            "changes/0001.json",
            &[
                row("INSERT", "ann", "a1", json!({"plan": "free", "n": 62})),
                row("INSERT", "bob", "b1", json!({"plan": "pro, yearly"})),
                row("INSERT", "", "c1", json!({})),
            ],
        );
        case.write(
            "changes/0002.json",
            &[row("UPDATE", "ann", "a1", json!({"plan": "pro"})), row("DELETE", "cem", "c1", json!({}))],
        );
        case
    }

    fn applied() -> Case {
        let case = Case::new();
        case.run(&["apply", "mirror", "changes"], 0);
        case
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path(name)
    }

    fn write(&self, name: &str, rows: &[Value]) {
        let lines: String = rows.iter().map(|row| format!("{row}\n")).collect();
        fs::write(self.path(name), lines).unwrap();
    }

    fn command(&self, words: &[&str]) -> Command {
        self.0.command(words)
    }

    /// Runs a command that ends with this exit code; what it printed to standard output and standard error.
    fn run(&self, words: &[&str], code: i32) -> (String, String) {
        let (found, out, err) = self.0.run(words);
        assert_eq!(found, code, "{words:?}\n{out}\n{err}");
        (out, err)
    }

    fn out(&self, words: &[&str]) -> String {
        self.run(words, 0).0
    }

    fn json(&self, words: &[&str]) -> Value {
        serde_json::from_str(&self.out(words)).unwrap()
    }

    fn lines(&self, words: &[&str]) -> Vec<Value> {
        self.out(words).lines().map(|line| serde_json::from_str(line).unwrap()).collect()
    }

    fn count(&self) -> String {
        self.out(&["count", "mirror"]).trim_end().to_owned()
    }
}

fn row(operation: &str, user_id: &str, insert_id: &str, columns: Value) -> Value {
    let mut row = json!({"mutation_type": operation, "user_id": user_id, "insert_id": insert_id, "event_time": TIME});
    row.as_object_mut().unwrap().extend(columns.as_object().unwrap().clone());
    row
}

const COUNTS: [&str; 9] =
    ["read", "inserted", "updated", "deleted", "unchanged", "coalesced", "without_effect", "skipped", "rejected"];

fn counts(batch: &Value) -> [u64; 9] {
    COUNTS.map(|key| batch[key].as_u64().unwrap())
}

#[test]
fn files_are_applied_once() {
    let case = Case::new();
    let first = case.json(&["apply", "mirror", "changes", "--json"]);
    assert_eq!(first["schema"], "eventmirror.apply/1");
    assert_eq!((&first["store"], &first["source"]), (&json!("mirror"), &json!("s3")));
    let batches = first["batches"].as_array().unwrap();
    assert_eq!(batches.iter().map(|batch| &batch["position"]).collect::<Vec<_>>(), ["0001.json", "0002.json"]);
    assert_eq!(counts(&batches[0]), [3, 2, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(counts(&batches[1]), [2, 0, 1, 0, 0, 0, 1, 0, 0]);
    assert_eq!(batches[0]["rejections"], json!({"missing_user_id": 1}));
    assert_eq!(batches[1]["counters"], json!({"delete_without_match": 1}));
    assert_eq!((&batches[1]["commit_sequence"], &batches[1]["already_applied"]), (&json!(2), &json!(false)));
    assert_eq!(counts(&first["totals"]), [5, 2, 1, 0, 0, 0, 1, 0, 1]);
    assert_eq!((&first["totals"]["batches"], &first["totals"]["already_applied"]), (&json!(2), &json!(0)));

    let again = case.json(&["apply", "mirror", "changes", "--json"]);
    assert_eq!((&again["totals"]["batches"], &again["totals"]["already_applied"]), (&json!(2), &json!(2)));
    for (batch, sequence) in again["batches"].as_array().unwrap().iter().zip([1, 2]) {
        assert_eq!(counts(batch), [0; 9]);
        assert_eq!((&batch["commit_sequence"], &batch["already_applied"]), (&json!(sequence), &json!(true)));
    }
    assert_eq!(case.count(), "2");
}

#[test]
fn the_report_keeps_the_order_of_its_keys() {
    let case = Case::new();
    let text = case.out(&["apply", "mirror", "changes/0002.json", "--json"]);
    let expected = "{\"schema\":\"eventmirror.apply/1\",\"store\":\"mirror\",\"source\":\"s3\",\"dry_run\":false,\
        \"batches\":[{\"position\":\"0002.json\",\"commit_sequence\":1,\"already_applied\":false,\"read\":2,\
        \"inserted\":1,\"updated\":0,\"deleted\":0,\"unchanged\":0,\"coalesced\":0,\"without_effect\":1,\"skipped\":0,\
        \"rejected\":0,\"counters\":{\"update_without_match\":1,\"delete_without_match\":1},\"rejections\":{},\
        \"event_volume\":2,";
    assert!(text.starts_with(expected), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[test]
fn a_pipe_gets_a_line_a_batch_and_a_sentence_on_standard_error() {
    let case = Case::new();
    let (out, err) = case.run(&["apply", "mirror", "changes"], 0);
    let lines: Vec<Value> = out.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines.iter().map(|line| &line["position"]).collect::<Vec<_>>(), ["0001.json", "0002.json"]);
    assert_eq!(err, "eventmirror: applied 2 batches, 1 row rejected; 2 rows in the store at sequence 2\n");
    let (_, err) = case.run(&["apply", "mirror", "changes"], 0);
    assert_eq!(err, "eventmirror: applied 0 batches, 2 already applied; 2 rows in the store at sequence 2\n");
}

#[test]
fn flags_reach_the_engine() {
    let case = Case::new();
    let words = ["apply", "mirror", "changes", "--json", "--ops", "insert", "--source", "shop"];
    let report = case.json(&words);
    assert_eq!(report["source"], "shop");
    assert_eq!(counts(&report["totals"]), [5, 2, 0, 0, 0, 0, 0, 2, 1]);
    let words = ["apply", "mirror", "changes", "--json", "--on-insert-conflict", "reject"];
    assert_eq!(counts(&case.json(&words)["totals"]), [5, 0, 1, 0, 2, 0, 1, 0, 1], "another source, so not known");

    fs::write(case.path("orders.csv"), "Customer,Invoice,Stock,Date,Kind\n7,1,A,2017-09-10 23:42:00,I\n").unwrap();
    let words = "apply other orders.csv --map user_id=Customer --map insert_id=Invoice+Stock --map event_time=Date \
        --map op=Kind --op-alias I=INSERT --naive-tz +02:00 --precision us";
    case.run(&words.split_whitespace().collect::<Vec<_>>(), 0);
    let events = case.lines(&["scan", "other"]);
    assert_eq!((&events[0]["user_id"], &events[0]["event_time"]), (&json!("7"), &json!(TIME * 1_000)));
    assert_eq!(case.json(&["status", "other", "--json"])["precision"], "us");
}

#[test]
fn a_table_moves_from_one_source_to_another_at_a_time() {
    let case = Case::new();
    let lines = [TIME - 1, TIME, TIME + 1].map(|time| json!({"user_id": "ann", "insert_id": "a1", "event_time": time}));
    case.write("events.json", &lines);
    let apply = |source: &str, scope: &[&str], code| {
        let words = [&["apply", "mirror", "events.json", "--json", "--source", source], scope].concat();
        case.run(&words, code)
    };
    for (source, bound, inserted, skipped) in
        [("old", "event_time < 2017-09-10T21:42:00Z", 1, 2), ("new", "event_time >= 1505079720000", 2, 1)]
    {
        let report: Value = serde_json::from_str(&apply(source, &["--scope", bound], 0).0).unwrap();
        assert_eq!(counts(&report["totals"]), [3, inserted, 0, 0, 0, 0, 0, skipped, 0], "{source}");
        assert_eq!(report["totals"]["counters"]["out_of_scope"], skipped);
    }
    assert_eq!(case.count(), "3");
    let both = ["--scope", "event_time >= 1505079720000", "--scope", "event_time < 1505079720001"];
    let report: Value = serde_json::from_str(&apply("third", &both, 0).0).unwrap();
    assert_eq!(counts(&report["totals"]), [3, 0, 0, 0, 1, 0, 0, 2, 0]);
    let (_, err) = apply("fourth", &["--scope", "time < 5"], 2);
    assert!(err.contains("--scope \"time < 5\"") && err.contains("event_time >= X"), "{err}");
}

#[test]
fn flags_are_environment_variables_too() {
    let case = Case::applied();
    let run = |words: &[&str], name: &str, value: &str| {
        let output = case.command(words).env(name, value).output().unwrap();
        (output.status.code(), String::from_utf8(output.stdout).unwrap())
    };
    let expected = "{\"schema\":\"eventmirror.count/1\",\"rows\":2,\"as_of\":2}\n".to_owned();
    assert_eq!(run(&["count", "mirror"], "EVENTMIRROR_JSON", "1"), (Some(0), expected));
    assert_eq!(run(&["count", "mirror"], "EVENTMIRROR_JSON", "0"), (Some(0), "2\n".to_owned()));
    assert_eq!(run(&["count", "mirror"], "EVENTMIRROR_AS_OF", "0"), (Some(0), "0\n".to_owned()));
    fs::write(case.path("other.json"), "{\"u\":\"ann\",\"i\":\"1\",\"t\":1}\n").unwrap();
    let (code, out) = run(&["apply", "other", "other.json"], "EVENTMIRROR_MAP", "user_id=u,insert_id=i,event_time=t");
    assert_eq!(code, Some(0), "{out}");
    assert_eq!(run(&["count", "mirror"], "EVENTMIRROR_AS_OF", "many").0, Some(2));
}

#[test]
fn an_event_is_found_by_its_key() {
    let case = Case::applied();
    let get = |time: &str, more: &[&str], code| {
        let words = ["get", "mirror", "--user-id", "ann", "--insert-id", "a1", "--event-time", time];
        case.run(&[&words, more].concat(), code)
    };
    let now = format!("{{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"event_time\":{TIME},\"plan\":\"pro\"}}\n");
    assert_eq!(get("1505079720000", &[], 0).0, now);
    assert_eq!(get("2017-09-10T21:42:00Z", &["--json"], 0).0, now);
    let then = get("2017-09-10T23:42:00+02:00", &["--as-of", "1"], 0).0;
    let then: Value = serde_json::from_str(&then).unwrap();
    assert_eq!((&then["plan"], &then["n"]), (&json!("free"), &json!(62)));

    let (out, err) = get("1", &[], 1);
    assert_eq!(out, "");
    assert!(err.starts_with("eventmirror: no event with this key"), "{err}");
    get("1505079720000", &["--as-of", "0"], 1);
    get("1505079720000", &["--as-of", "9"], 2);
    get("yesterday", &[], 2);
}

#[test]
fn scans_are_narrowed_and_limited() {
    let case = Case::applied();
    let users = |more: &[&str]| {
        let mut users: Vec<String> = case
            .lines(&[&["scan", "mirror"], more].concat())
            .iter()
            .map(|event| event["user_id"].as_str().unwrap().to_owned())
            .collect();
        users.sort();
        users
    };
    assert_eq!(users(&[]), ["ann", "bob"]);
    assert_eq!(users(&["--json"]), ["ann", "bob"]);
    assert_eq!(users(&["--user-id", "bob"]), ["bob"]);
    assert_eq!(users(&["--user-id", "bo"]), [""; 0]);
    assert_eq!(users(&["--from", "2017-09-10T21:42:00Z", "--to", "2017-09-11"]), ["ann", "bob"]);
    assert_eq!(users(&["--from", "2017-09-10T21:42:00.0001Z"]), [""; 0]);
    assert_eq!(users(&["--to", "1505079720000"]), [""; 0]);
    assert_eq!(users(&["--limit", "1"]).len(), 1);
    assert_eq!(users(&["--as-of", "0"]), [""; 0]);
    let table = case.out(&["scan", "mirror", "--format", "table", "--user-id", "ann"]);
    assert!(table.contains("user_id") && table.contains("ann") && !table.contains("bob"), "{table}");
    let (_, err) = case.run(&["scan", "mirror", "--format", "table", "--limit", "1"], 0);
    assert!(err.contains("only 1 event shown"), "{err}");
}

#[test]
fn a_csv_file_has_all_columns() {
    let case = Case::applied();
    let (out, err) = case.run(&["scan", "mirror", "-o", "events.csv"], 0);
    assert_eq!((out.as_str(), err.as_str()), ("", "eventmirror: 2 events written to events.csv\n"));
    let text = fs::read_to_string(case.path("events.csv")).unwrap();
    let mut lines: Vec<&str> = text.lines().collect();
    let header: Vec<&str> = lines.remove(0).split(',').collect();
    assert_eq!(header[..3], ["user_id", "insert_id", "event_time"]);
    let mut columns = header[3..].to_vec();
    columns.sort_unstable();
    assert_eq!(columns, ["n", "plan"]);
    assert_eq!(lines.len(), 2);
    assert!(text.contains("\"pro, yearly\""), "{text}");
}

#[cfg(feature = "parquet")]
#[test]
fn a_parquet_file_is_an_input_again() {
    let case = Case::applied();
    case.run(&["scan", "mirror", "-o", "events.parquet"], 0);
    case.run(&["apply", "copy", "events.parquet", "--dialect", "backfill"], 0);
    let sorted = |store: &str| {
        let mut events = case.lines(&["scan", store]);
        events.sort_by_key(|event| event["user_id"].to_string());
        events
    };
    assert_eq!(sorted("copy"), sorted("mirror"));
}

#[test]
fn a_scan_that_fails_leaves_the_file_as_it_was() {
    let case = Case::applied();
    fs::write(case.path("events.csv"), "old").unwrap();
    case.run(&["scan", "mirror", "--as-of", "9", "-o", "events.csv"], 2);
    case.run(&["scan", "mirror", "-o", "nowhere/events.csv"], 3);
    assert_eq!(fs::read_to_string(case.path("events.csv")).unwrap(), "old");
}

#[test]
fn counts_are_bare_numbers_or_json() {
    let case = Case::applied();
    assert_eq!(case.out(&["count", "mirror"]), "2\n");
    assert_eq!(case.out(&["count", "mirror", "--as-of", "0"]), "0\n");
    let expected = json!({"schema": "eventmirror.count/1", "rows": 2, "as_of": 1});
    assert_eq!(case.json(&["count", "mirror", "--as-of", "1", "--json"]), expected);
}

#[test]
fn the_log_tells_what_was_applied() {
    let case = Case::applied();
    let log = case.lines(&["log", "mirror"]);
    assert_eq!(log.iter().map(|entry| &entry["sequence"]).collect::<Vec<_>>(), [&json!(1), &json!(2)]);
    assert_eq!((&log[0]["source"], &log[0]["position"]), (&json!("s3"), &json!("0001.json")));
    assert_eq!(counts(&log[0]), [3, 2, 0, 0, 0, 0, 0, 0, 1]);
    assert_eq!(log[0]["rejections"], json!({"missing_user_id": 1}));
    assert_eq!((&log[1]["rows"], &log[1]["counters"]), (&json!(2), &json!({"delete_without_match": 1})));
    assert!(log[0]["committed_at"].as_str().unwrap().ends_with('Z'));
    assert!(log[0]["event_volume"].is_u64());
    assert_eq!(case.lines(&["log", "mirror", "--json"]), log);
    assert_eq!(case.lines(&["log", "mirror", "--limit", "1"]), log[..1]);
    assert_eq!(case.lines(&["log", "mirror", "--reverse", "--limit", "1"]), log[1..]);
}

#[test]
fn the_status_describes_the_store() {
    let case = Case::applied();
    let status = case.json(&["status", "mirror", "--json"]);
    assert_eq!(status["schema"], "eventmirror.status/1");
    assert_eq!((&status["rows"], &status["sequence"], &status["rejections"]), (&json!(2), &json!(2), &json!(1)));
    assert_eq!(status["precision"], "ms");
    let expected =
        json!([{"source": "s3", "watermark": null, "names": 2, "last_name": "0002.json", "last_sequence": 2}]);
    let mut sources = status["sources"].clone();
    let times: Vec<_> = ["applied_at", "newest"].map(|key| sources[0].as_object_mut().unwrap().remove(key)).into();
    assert_eq!(sources, expected);
    assert!(times.iter().flatten().all(|time| time.as_str().unwrap().ends_with('Z')) && times.len() == 2);
    let plan = status["columns"].as_array().unwrap().iter().find(|column| column["name"] == "plan").unwrap();
    assert_eq!(plan["types"], json!(["text"]));
    assert!(status["disk_bytes"].as_u64().unwrap() > 0);
}

#[test]
fn rejected_rows_say_where_they_stood() {
    let case = Case::applied();
    let rejected = case.lines(&["rejected", "mirror"]);
    assert_eq!(rejected.len(), 1);
    let row = &rejected[0];
    assert_eq!((&row["commit_sequence"], &row["source"]), (&json!(1), &json!("s3")));
    assert_eq!((&row["position"], &row["row_number"]), (&json!("0001.json"), &json!(3)));
    assert_eq!((&row["rule"], &row["row"]["insert_id"]), (&json!("missing_user_id"), &json!("c1")));
    assert_eq!(case.lines(&["rejected", "mirror", "--json", "--rule", "missing_user_id"]), rejected);
    assert_eq!(case.out(&["rejected", "mirror", "--rule", "conflict"]), "");
    assert_eq!(case.out(&["rejected", "mirror", "--limit", "0"]), "");
    case.run(&["rejected", "mirror", "--rule", "nonsense"], 2);
}

#[test]
fn strict_tells_of_rejected_rows_and_changed_files() {
    let case = Case::new();
    let (out, _) = case.run(&["apply", "mirror", "changes", "--strict"], 8);
    assert_eq!(out.lines().count(), 2, "everything is applied all the same");
    case.run(&["apply", "mirror", "changes", "--strict"], 0);

    case.write("changes/0002.json", &[row("DELETE", "ann", "a1", json!({"why": "another content"}))]);
    let words = ["apply", "mirror", "changes", "--json"];
    let report: Value = serde_json::from_str(&case.run(&words, 0).0).unwrap();
    assert_eq!(report["batches"][1]["counters"], json!({"changed_after_apply": 1}));
    assert_eq!(counts(&report["totals"]), [0; 9]);
    case.run(&[&words[..], &["--strict"]].concat(), 8);
    assert_eq!(case.count(), "2");
}

#[test]
fn a_dry_run_changes_nothing() {
    let case = Case::new();
    let (out, err) = case.run(&["apply", "mirror", "changes", "--dry-run", "--json"], 0);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["dry_run"], true);
    assert_eq!(counts(&report["totals"]), [5, 2, 1, 0, 0, 0, 1, 0, 1], "each batch sees those before it");
    assert_eq!(report["batches"][0]["commit_sequence"], Value::Null);
    assert!(err.contains("would be created") && err.contains("would apply 2 batches"), "{err}");
    assert!(!case.path("mirror").exists());

    case.run(&["apply", "mirror", "changes/0001.json"], 0);
    let report = case.json(&["apply", "mirror", "changes", "--dry-run", "--json"]);
    assert_eq!((&report["totals"]["already_applied"], &report["totals"]["updated"]), (&json!(1), &json!(1)));
    assert_eq!(case.lines(&["log", "mirror"]).len(), 1);
}

#[test]
fn a_broken_file_is_an_error_and_those_before_it_stay() {
    let case = Case::new();
    fs::write(case.path("changes/0003.json"), "{\"user_id\":\n").unwrap();
    let (out, err) = case.run(&["apply", "mirror", "changes", "--json"], 3);
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(report["batches"].as_array().unwrap().len(), 2);
    assert!(err.contains("eventmirror: ") && err.contains("0003.json"), "{err}");
    assert_eq!(case.count(), "2");
    let (out, _) = case.run(&["apply", "mirror", "changes/0003.json", "--json"], 3);
    assert_eq!(out, "");
    case.run(&["apply", "mirror", "nowhere.json"], 3);
}

#[test]
fn wrong_usage_ends_with_2() {
    let case = Case::applied();
    for words in [
        "apply mirror",
        "apply mirror changes --dialect oracle",
        "apply mirror changes --map nonsense",
        "apply mirror changes --memory lots",
        "apply mirror changes --precision us",
        "get mirror --user-id ann",
        "scan mirror --from now",
        "count nowhere",
        "nonsense",
        "",
    ] {
        let (out, err) = case.run(&words.split_whitespace().collect::<Vec<_>>(), 2);
        assert_eq!(out, "", "{words}");
        assert!(!err.is_empty(), "{words}");
    }
    assert!(!case.path("nowhere").exists(), "a command that reads makes no store");
}

#[test]
fn a_store_that_is_held_can_be_read() {
    let case = Case::applied();
    let _held = EventStore::open(case.path("mirror"), StoreOptions::default()).unwrap();
    let (out, err) = case.run(&["apply", "mirror", "changes", "--json"], 5);
    assert_eq!(out, "");
    assert!(err.contains("locked"), "{err}");
    assert_eq!(case.count(), "2");
}

#[test]
fn a_damaged_store_ends_with_4() {
    let case = Case::applied();
    let manifest = fs::read_dir(case.path("mirror"))
        .unwrap()
        .map(|entry| entry.unwrap().path())
        .find(|path| path.file_name().unwrap().to_string_lossy().starts_with("MANIFEST"))
        .unwrap();
    let mut bytes = fs::read(&manifest).unwrap();
    bytes.iter_mut().skip(16).step_by(7).for_each(|byte| *byte ^= 0xff);
    fs::write(&manifest, bytes).unwrap();
    case.run(&["count", "mirror"], 4);
}

/// Waits until the store is there: then signals are caught, and the command waits for its input.
#[cfg(unix)]
fn wait_for(path: &Path) {
    let start = Instant::now();
    while !path.exists() {
        assert!(start.elapsed() < Duration::from_secs(60), "{} does not appear", path.display());
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[cfg(unix)]
#[test]
fn an_interrupted_apply_ends_with_7_and_goes_on_later() {
    let case = Case::new();
    let mut child = std::process::Command::new(cargo_bin!("eventmirror"))
        .current_dir(case.path(""))
        .args(["apply", "mirror", "-"])
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .unwrap();
    wait_for(&case.path("mirror"));
    let signalled = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(signalled.success());
    std::thread::sleep(Duration::from_millis(200));
    // The end of its input lets it see that it was asked to stop.
    let mut input = child.stdin.take().unwrap();
    std::io::Write::write_all(&mut input, &fs::read(case.path("changes/0001.json")).unwrap()).unwrap();
    drop(input);
    assert_eq!(child.wait().unwrap().code(), Some(7));
    assert_eq!(case.count(), "0");
    case.run(&["apply", "mirror", "changes"], 0);
    assert_eq!(case.count(), "2");
}

#[test]
fn a_reader_that_goes_away_is_no_error() {
    let case = Case::applied();
    for words in [&["scan", "mirror"][..], &["log", "mirror"], &["apply", "mirror", "changes"], &["--help"]] {
        let mut child = std::process::Command::new(cargo_bin!("eventmirror"))
            .current_dir(case.path(""))
            .args(words)
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .spawn()
            .unwrap();
        drop(child.stdout.take());
        assert_eq!(child.wait().unwrap().code(), Some(0), "{words:?}");
    }
}

#[test]
fn every_command_explains_itself() {
    let case = Case::new();
    let help = case.out(&["--help"]);
    for words in ["Exit codes:", "Examples:", "NO_COLOR", "EVENTMIRROR_"] {
        assert!(help.contains(words), "{words}");
    }
    for command in ["apply", "get", "scan", "count", "gc", "log", "status", "rejected", "completions", "man"] {
        assert!(help.contains(command));
        let help = case.out(&[command, "--help"]);
        assert!(help.contains("Examples:") && help.contains(&format!("eventmirror {command}")), "{help}");
    }
    assert!(case.out(&["--version"]).starts_with("eventmirror "));
}

#[test]
fn completions_and_man_pages_are_generated() {
    let case = Case::new();
    for shell in ["bash", "zsh", "fish"] {
        assert!(case.out(&["completions", shell]).contains("rejected"), "{shell}");
    }
    assert_eq!(case.json(&["completions", "bash", "--json"])["shell"], "bash");
    assert!(case.out(&["man"]).contains(".TH eventmirror"));
    assert!(case.json(&["man", "--json"])["pages"]["eventmirror-apply.1"].is_string());
    case.run(&["man", "pages"], 0);
    let page = fs::read_to_string(case.path("pages/eventmirror-apply.1")).unwrap();
    assert!(page.contains(r"\-\-strict"), "{page}");
}
