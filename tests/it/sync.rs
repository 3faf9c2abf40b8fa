//! `sync`: all sources of a file.

use crate::shell::Shell;
use serde_json::{Value, json};
use std::process::{Child, Stdio};
use std::time::{Duration, Instant};

/// Two sources of one table that moves from one to the other at time 100, and a third with a store of its own.
const FILE: &str = r#"
[stores.shop]
path = "mirrors/shop"

[stores.web]
path = "mirrors/web"

[[sources]]
name = "old"
store = "shop"
inputs = "old/"
scope = "event_time < 100"

[[sources]]
name = "new"
store = "shop"
inputs = ["new/*.csv"]
dialect = "backfill"
scope = "event_time >= 100"
map = { user_id = "who" }

[[sources]]
name = "web"
store = "web"
inputs = "web/"
ops = ["insert"]
"#;

fn row(operation: &str, user: &str, time: i64) -> String {
    format!("{}\n", json!({"mutation_type": operation, "user_id": user, "insert_id": "i", "event_time": time}))
}

fn shell() -> Shell {
    Shell::new(&[
        ("settings/eventmirror.toml", FILE),
        ("settings/old/1.json", &(row("INSERT", "ann", 99) + &row("INSERT", "ann", 100))),
        ("settings/new/1.csv", "who,insert_id,event_time\nbob,i,99\nbob,i,100\nbob,i,101\n"),
        ("settings/web/1.json", &(row("INSERT", "cem", 1) + &row("DELETE", "cem", 1))),
    ])
}

const SYNC: [&str; 3] = ["sync", "settings/eventmirror.toml", "--json"];

fn numbers(report: &Value, keys: &[&str]) -> Vec<Vec<Option<u64>>> {
    let sources = report["sources"].as_array().unwrap();
    sources.iter().map(|source| keys.iter().map(|key| source[key].as_u64()).collect()).collect()
}

#[test]
fn every_source_is_applied_in_order_and_once() {
    let shell = shell();
    let report = shell.json(&SYNC);
    assert_eq!(report["schema"], "eventmirror.sync/1");
    let names: Vec<&Value> = report["sources"].as_array().unwrap().iter().map(|source| &source["source"]).collect();
    assert_eq!(names, ["old", "new", "web"]);
    let keys = ["batches", "already_applied", "inserted", "skipped", "rows", "commit_sequence"];
    let first = [[1, 0, 1, 1, 1, 1], [1, 0, 2, 1, 3, 2], [1, 0, 1, 1, 1, 1]].map(|row| row.map(Some).to_vec());
    assert_eq!(numbers(&report, &keys), first);
    assert_eq!(report["sources"][0]["counters"], json!({"out_of_scope": 1}));
    assert_eq!(report["sources"][1]["position"], "1.csv");
    assert!(report["sources"][1]["lag_seconds"].as_u64().unwrap() < 600);
    assert_eq!(report["sources"][1]["error"], Value::Null);

    let again = shell.json(&SYNC);
    let second = [[0, 1, 0, 0, 3, 2], [0, 1, 0, 0, 3, 2], [0, 1, 0, 0, 1, 1]].map(|row| row.map(Some).to_vec());
    assert_eq!(numbers(&again, &keys), second);

    shell.write("settings/web/2.json", &row("INSERT", "dan", 1));
    let one = shell.json(&[&SYNC[..], &["--source", "web"]].concat());
    assert_eq!(numbers(&one, &keys), [[1, 1, 1, 0, 2, 2].map(Some).to_vec()]);
    assert_eq!(shell.run(&["count", "settings/mirrors/shop"]).1, "3\n");
}

#[test]
fn a_source_that_fails_does_not_keep_the_others_from_their_turn() {
    let shell = shell();
    shell.write("settings/old/2.json", "{\"user_id\":\n");
    let (code, out, err) = shell.run(&SYNC);
    assert_eq!(code, 3, "{err}");
    let report: Value = serde_json::from_str(&out).unwrap();
    assert_eq!(numbers(&report, &["batches", "rows"]), [[1, 1], [1, 3], [1, 1]].map(|row| row.map(Some).to_vec()));
    assert!(report["sources"][0]["error"].as_str().unwrap().contains("2.json"), "{report}");
    assert!(err.contains("source old: ") && err.contains("1 of 3 sources failed: old"), "{err}");

    // Without --json a line a source, as soon as it is done.
    std::fs::remove_file(shell.path("settings/old/2.json")).unwrap();
    let (code, out, _) = shell.run(&SYNC[..2]);
    assert_eq!((code, out.lines().count()), (0, 3));
}

#[test]
fn rejected_rows_make_exit_code_8_where_a_source_is_strict() {
    let shell = shell();
    shell.write("settings/web/1.json", &row("INSERT", "", 1));
    assert_eq!(shell.run(&SYNC).0, 0);
    let strict = FILE.replace("ops = [\"insert\"]", "strict = true");
    shell.write("settings/eventmirror.toml", &strict);
    shell.write("settings/web/2.json", &row("INSERT", "", 1));
    assert_eq!(shell.run(&SYNC).0, 8);
}

#[test]
fn a_source_that_is_not_in_the_file_is_wrong_usage() {
    let (code, _, err) = shell().run(&[&SYNC[..], &["--source", "nobody"]].concat());
    assert_eq!(code, 2);
    assert!(err.contains("nobody") && err.contains("old, new, web"), "{err}");
}

/// Sends the signal of Ctrl-C and waits for the end.
fn interrupt(mut child: Child) -> Option<i32> {
    let killed = std::process::Command::new("kill").args(["-INT", &child.id().to_string()]).status().unwrap();
    assert!(killed.success());
    child.wait().unwrap().code()
}

fn spawn(shell: &Shell, words: &[&str]) -> Child {
    let binary = assert_cmd::cargo::cargo_bin!("eventmirror");
    let mut command = std::process::Command::new(binary);
    command.current_dir(shell.path("")).args(words).stdout(Stdio::null()).stderr(Stdio::null()).spawn().unwrap()
}

/// Waits until a command prints this.
fn until(shell: &Shell, words: &[&str], expected: &str) {
    let start = Instant::now();
    while shell.run(words).1.trim_end() != expected {
        assert!(start.elapsed() < Duration::from_secs(60), "{words:?} never printed {expected}");
        std::thread::sleep(Duration::from_millis(20));
    }
}

#[test]
fn a_watch_finds_what_comes_later_and_ends_with_7() {
    let shell = shell();
    let child = spawn(&shell, &["sync", "settings/eventmirror.toml", "--watch", "1s"]);
    until(&shell, &["count", "settings/mirrors/web"], "1");
    shell.write("settings/web/2.json", &row("INSERT", "dan", 1));
    until(&shell, &["count", "settings/mirrors/web"], "2");
    assert_eq!(interrupt(child), Some(7));
}

#[test]
fn ctrl_c_leaves_whole_batches_and_the_next_run_goes_on() {
    let shell = shell();
    for file in 0..40 {
        let rows: String = (0..5_000).map(|user| row("INSERT", &format!("u{file}-{user}"), 1)).collect();
        shell.write(&format!("settings/web/big-{file:02}.json"), &rows);
    }
    let child = spawn(&shell, &["sync", "settings/eventmirror.toml", "--source", "web"]);
    let start = Instant::now();
    let batches = |shell: &Shell| shell.run(&["log", "settings/mirrors/web"]).1.lines().count();
    while batches(&shell) < 3 {
        assert!(start.elapsed() < Duration::from_secs(60));
    }
    assert_eq!(interrupt(child), Some(7));
    let committed = batches(&shell);
    assert!((3..41).contains(&committed), "{committed}");
    let rows = 1 + 5_000 * (committed - 1);
    assert_eq!(shell.run(&["count", "settings/mirrors/web"]).1, format!("{rows}\n"));
    let report = shell.json(&[&SYNC[..], &["--source", "web"]].concat());
    let expected = [41 - committed as u64, committed as u64, 200_001].map(Some).to_vec();
    assert_eq!(numbers(&report, &["batches", "already_applied", "rows"]), [expected]);
}
