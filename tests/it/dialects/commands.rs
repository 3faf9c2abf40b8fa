//! The warehouses' dialects on the command line: flags, exit codes, what errors name.

use crate::shell::Shell;
use serde_json::{Value, json};

const COLUMNS: &str = "USER_ID,INSERT_ID,TIME,EVENT_PROPERTIES,METADATA$ACTION,METADATA$ISUPDATE,METADATA$ROW_ID";

#[test]
fn an_unload_in_snowflakes_default_form_is_one_window_of_its_folder() {
    let shell = Shell::new(&[
        ("unload/data_0_0_0.csv", "ann,a1,10,{\"n\":1\\,\"m\":2},INSERT,false,r1\n"),
        ("unload/data_0_1_0.csv", "bob,b1,10,\\N,INSERT,false,r2\n\\N,b2,10,{},INSERT,false,r3\n"),
    ]);
    let apply = ["apply", "mirror", "unload", "--dialect", "snowflake", "--header", COLUMNS, "--json"];
    let report = shell.json(&apply);
    let batch = &report["batches"][0];
    assert_eq!((&batch["position"], &batch["read"], &batch["inserted"]), (&json!("unload"), &json!(3), &json!(2)));
    assert_eq!(shell.json(&apply)["batches"][0]["already_applied"], json!(true));
    let rejected = shell.json(&["rejected", "mirror", "--json"]);
    assert_eq!(rejected["row_number"], 2);
    let detail = "user_id is null, absent or empty (in data_0_1_0.csv)";
    assert_eq!((&rejected["position"], &rejected["detail"]), (&json!("unload"), &json!(detail)));
    let event = shell.json(&["get", "mirror", "--user-id", "ann", "--insert-id", "a1", "--event-time", "10"]);
    assert_eq!(event["event_properties"], json!({"n": 1, "m": 2}));
}

#[test]
fn folders_are_windows_with_numbers_that_leave_no_gap() {
    let row = |action: &str| {
        format!("{{\"USER_ID\":\"ann\",\"INSERT_ID\":\"a1\",\"TIME\":1,\"METADATA$ACTION\":\"{action}\"}}\n")
    };
    let (insert, delete) = (row("INSERT"), row("DELETE"));
    let shell = Shell::new(&[("unload/1/a.json", &insert), ("unload/2/a.json", &delete)]);
    let apply = |position: &str| {
        let words =
            ["apply", "mirror", "unload", "--dialect", "snowflake", "--window-per-folder", "--position", position];
        shell.run(&words)
    };
    let (code, out, _) = apply("1");
    assert_eq!((code, out.lines().count()), (0, 2), "{out}");
    let (code, _, err) = apply("7");
    assert_eq!(code, 6);
    assert!(err.contains("positions 3 to 6") && err.contains("--allow-gap"), "{err}");
    let (code, _, err) = shell.run(&["apply", "mirror", "unload", "--dialect", "snowflake"]);
    assert_eq!(code, 2);
    assert!(err.contains("--window-per-folder"), "{err}");
}

#[test]
fn an_export_of_databricks_says_which_versions_it_covers() {
    let row = |version: u8| {
        let columns = "\"user_id\":\"ann\",\"insert_id\":\"a1\",\"time\":1,\"kind\":\"insert\"";
        format!("{{{columns},\"v\":{version},\"_commit_timestamp\":\"x\"}}\n")
    };
    let shell = Shell::new(&[("41.json", &row(41)), ("45.json", &row(45))]);
    let apply = |words: &[&str]| {
        let map = ["--dialect", "databricks", "--map", "op=kind", "--map", "version=v", "--json"];
        shell.run(&[&["apply", "mirror"], words, map.as_slice()].concat())
    };
    let report: Value = serde_json::from_str(&apply(&["41.json"]).1).unwrap();
    assert_eq!(report["batches"][0]["position"], 41);
    assert_eq!(apply(&["45.json"]).0, 6);
    let report: Value = serde_json::from_str(&apply(&["45.json", "--from-version", "42"]).1).unwrap();
    assert_eq!(report["batches"][0]["position"], 45);
    let report: Value = serde_json::from_str(&apply(&["41.json", "45.json"]).1).unwrap();
    assert_eq!(report["batches"][0]["already_applied"], true);
}

#[test]
fn changes_of_a_warehouse_need_their_dialect_named() {
    let row = "{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"time\":1,\"mutation_type\":\"INSERT\",\"METADATA$ACTION\":\"DELETE\"}\n";
    let shell = Shell::new(&[("w.json", row)]);
    let (code, _, err) = shell.run(&["apply", "mirror", "w.json"]);
    assert_eq!(code, 2);
    assert!(["mutation_type", "METADATA$ACTION", "w.json", "--dialect"].iter().all(|text| err.contains(text)), "{err}");
    assert_eq!(shell.run(&["apply", "mirror", "w.json", "--dialect", "s3"]).0, 0);
}

#[test]
fn flags_that_contradict_each_other_are_wrong_usage() {
    let shell = Shell::new(&[("w.json", "")]);
    for words in [
        &["--dialect", "databricks", "--position", "1"][..],
        &["--dialect", "snowflake", "--from-version", "1"],
        &["--dialect", "bigquery", "--map", "row_id=x"],
        &["--window-per-folder", "--window-per-file"],
        &["--header", "a,a"],
        &["--header", "a"],
    ] {
        let (code, _, err) = shell.run(&[&["apply", "mirror", "w.json"], words].concat());
        assert_eq!(code, 2, "{words:?} {err}");
    }
}

#[test]
fn help_shows_each_dialect_in_an_example() {
    let (code, out, _) = Shell::new(&[]).run(&["apply", "--help"]);
    assert_eq!(code, 0);
    for dialect in ["s3", "snowflake", "databricks", "bigquery", "backfill"] {
        assert!(
            out.contains(&format!("--dialect {dialect} ")) || out.contains(&format!("--dialect {dialect}\n")),
            "{dialect}"
        );
    }
}
