//! What cannot be read is refused with the version and what to do, and the store stays as it was.

use super::made::{Made, features, metadata, protocol, row, with_key};
use super::{Mirror, commit, copy, from_first, keyed, shipped};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use delta_kernel::Snapshot;
use delta_kernel::object_store::local::LocalFileSystem;
use delta_kernel_default_engine::DefaultEngineBuilder;
use delta_kernel_default_engine::executor::tokio::TokioMultiThreadExecutor;
use eventmirror::{Dialect, ErrorKind, SourceOptions, TableStart};
use serde_json::json;
use std::fs;
use std::path::Path;
use std::sync::Arc;

const KEY: [&str; 3] = ["name", "id", "birthday"];
const MADE: [&str; 3] = ["user_id", "insert_id", "time"];

/// Applies what must be refused to a store that has something, which must stay as it is. `says` are parts of the message.
#[track_caller]
fn refused(table: &Path, options: &SourceOptions, kind: ErrorKind, says: &[&str]) {
    let mirror = Mirror::new();
    let filled = SourceOptions { source: Some("before".to_owned()), ..keyed(KEY) };
    mirror.apply(&shipped("cdf-table"), &filled).unwrap();
    let state = |mirror: &Mirror| {
        let status = mirror.store.status().unwrap();
        (mirror.holds(), mirror.store.snapshot().fingerprints().unwrap(), status.sequence, status.sources)
    };
    let before = state(&mirror);
    let error = mirror.apply(table, options).unwrap_err();
    assert_eq!(error.kind(), kind, "{error}");
    for part in says {
        assert!(error.to_string().contains(part), "{part:?} is not in: {error}");
    }
    assert_eq!(state(&mirror), before);
}

/// Removes the files of a folder whose names begin so.
fn remove(folder: &Path, beginning: &str) {
    let mut removed = 0;
    for entry in fs::read_dir(folder).unwrap() {
        let path = entry.unwrap().path();
        if path.file_name().unwrap().to_str().unwrap().starts_with(beginning) {
            fs::remove_file(path).unwrap();
            removed += 1;
        }
    }
    assert_ne!(removed, 0);
}

#[test]
fn a_feed_that_is_off_or_was() {
    let columns = with_key(&[]);
    let off = json!({"delta.enableChangeDataFeed": "false"});
    let mut late = Made::new();
    late.commit(&[protocol(), metadata(&columns, off.clone())]);
    late.insert(&columns, &row(1, ""));
    late.commit(&[metadata(&columns, json!({}))]);
    late.insert(&columns, &row(2, ""));
    let says = ["change feed is off at version 0", "delta.enableChangeDataFeed", "--start latest"];
    refused(late.path(), &from_first(keyed(MADE)), ErrorKind::HistoryGap, &says);
    let from_one = SourceOptions { from_version: Some(1), ..keyed(MADE) };
    refused(late.path(), &from_one, ErrorKind::HistoryGap, &["off at version 1"]);

    let mirror = Mirror::new();
    let at_one = SourceOptions { start: Some(TableStart::At(1)), ..keyed(MADE) };
    mirror.apply(late.path(), &at_one).unwrap();
    assert_eq!(mirror.holds().len(), 2, "rows of a version do not need the feed");

    let mut paused = Made::with_columns(&columns);
    paused.commit(&[metadata(&columns, off)]);
    paused.insert(&columns, &row(1, ""));
    paused.commit(&[metadata(&columns, json!({}))]);
    refused(paused.path(), &from_first(keyed(MADE)), ErrorKind::HistoryGap, &["off at version 1"]);
}

#[test]
fn a_change_file_that_is_gone() {
    let table = copy(&shipped("cdf-table"));
    remove(&table.path().join("_change_data/birthday=2023-12-24"), "cdc-");
    let says = ["the changes of version 2 are gone", "cdc-0000", "--start latest"];
    refused(table.path(), &from_first(keyed(KEY)), ErrorKind::HistoryGap, &says);
    let mirror = Mirror::new();
    mirror.apply(table.path(), &SourceOptions { to_version: Some(1), ..from_first(keyed(KEY)) }).unwrap();
    assert_eq!(mirror.holds().len(), 10, "the versions before are there");
}

#[test]
fn a_file_with_an_encoded_name_that_is_gone() {
    let table = copy(&shipped("cdf-table-partitioned"));
    remove(&table.path().join("part=0"), "test%file%prefix-part-00001");
    let only_last = SourceOptions { from_version: Some(1), ..keyed(["id", "id", "part"]) };
    refused(table.path(), &only_last, ErrorKind::HistoryGap, &["the changes of version 2 are gone"]);
}

#[test]
fn a_version_whose_files_are_gone() {
    let table = copy(&shipped("cdf-table-simple"));
    remove(table.path(), "test%file%prefix-part-00000");
    let at_zero = SourceOptions { start: Some(TableStart::At(0)), ..keyed(["id", "id", "id"]) };
    let says = ["version 0 of the table cannot be read any more", "--start latest"];
    refused(table.path(), &at_zero, ErrorKind::HistoryGap, &says);
}

#[test]
fn a_deletion_vector_that_is_gone() {
    let table = copy(&shipped("cdf-table-with-dv"));
    remove(table.path(), "deletion_vector");
    let options = from_first(keyed(["value", "value", "value"]));
    refused(table.path(), &options, ErrorKind::HistoryGap, &["versions 0 to 6", "deletion_vector"]);
}

#[test]
fn a_commit_that_is_gone() {
    let table = copy(&shipped("cdf-table"));
    fs::remove_file(commit(table.path(), 2)).unwrap();
    refused(table.path(), &from_first(keyed(KEY)), ErrorKind::HistoryGap, &["version 2", "log"]);
    let table = copy(&shipped("cdf-table"));
    fs::remove_file(commit(table.path(), 0)).unwrap();
    refused(table.path(), &from_first(keyed(KEY)), ErrorKind::HistoryGap, &["log"]);
}

#[test]
fn a_log_that_was_cut_behind_a_checkpoint() {
    let table = copy(&shipped("cdf-table-partitioned"));
    let url = url::Url::from_directory_path(table.path()).unwrap();
    let executor = Arc::new(TokioMultiThreadExecutor::new_owned_runtime(None, None).unwrap());
    let engine = DefaultEngineBuilder::new(Arc::new(LocalFileSystem::new())).with_task_executor(executor).build();
    let snapshot = Snapshot::builder_for(url.as_str()).at_version(1).build(&engine).unwrap();
    snapshot.checkpoint(&engine, None).unwrap();
    (0..=1).for_each(|version| fs::remove_file(commit(table.path(), version)).unwrap());
    let options = keyed(["id", "id", "part"]);
    refused(table.path(), &from_first(options.clone()), ErrorKind::HistoryGap, &["version 0 of the table's log"]);
    let (mirror, whole) = (Mirror::new(), Mirror::new());
    mirror.apply(table.path(), &SourceOptions { start: Some(TableStart::At(1)), ..options.clone() }).unwrap();
    whole.apply(&shipped("cdf-table-partitioned"), &options).unwrap();
    assert_eq!(mirror.holds(), whole.holds(), "what is behind the cut can be read");
}

#[test]
fn versions_that_the_table_does_not_have() {
    let table = shipped("cdf-table");
    let beyond = SourceOptions { to_version: Some(4), ..keyed(KEY) };
    refused(&table, &beyond, ErrorKind::InvalidInput, &["no version 4, its latest is 3"]);
    let start = SourceOptions { start: Some(TableStart::At(4)), ..keyed(KEY) };
    refused(&table, &start, ErrorKind::InvalidInput, &["version 4"]);
}

#[test]
fn a_table_that_is_not_the_one_that_the_store_knows() {
    let mirror = Mirror::new();
    mirror.apply(&shipped("cdf-table"), &keyed(KEY)).unwrap();
    let error = mirror.apply(&shipped("cdf-table-data-change"), &keyed(["id", "id", "id"])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HistoryGap);
    assert!(error.to_string().contains("has version 3") && error.to_string().contains("--source"), "{error}");
}

#[test]
fn what_is_no_table() {
    let folder = crate::support::fast_folder();
    refused(folder.path(), &keyed(KEY), ErrorKind::InvalidInput, &["no change file was found"]);
    refused(folder.path(), &from_first(keyed(KEY)), ErrorKind::Usage, &["--start", "_delta_log"]);
    fs::create_dir(folder.path().join("_delta_log")).unwrap();
    refused(folder.path(), &keyed(KEY), ErrorKind::InvalidInput, &["no Delta table"]);
    fs::write(commit(folder.path(), 0), "{\"commitInfo\":{}}\n").unwrap();
    refused(folder.path(), &keyed(KEY), ErrorKind::HistoryGap, &[]);
}

#[test]
fn a_table_read_as_files_or_beside_files() {
    let as_files = SourceOptions { dialect: Dialect::Backfill, ..keyed(KEY) };
    refused(&shipped("cdf-table"), &as_files, ErrorKind::Usage, &["is a Delta table", "--dialect databricks"]);
    let mirror = Mirror::new();
    let inputs = ["cdf-table", "cdf-table-simple"].map(|name| shipped(name).to_str().unwrap().to_owned());
    let stop = std::sync::atomic::AtomicBool::new(false);
    let error =
        eventmirror::apply_files(&mirror.store, &inputs, &keyed(KEY), &mirror.options, &stop, &mut |_| {}).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let s3 = SourceOptions { dialect: Dialect::S3, start: Some(TableStart::First), ..keyed(KEY) };
    refused(&shipped("cdf-table"), &s3, ErrorKind::Usage, &["--start"]);
}

#[test]
fn features_and_types_that_cannot_be_read_have_their_names_said() {
    let columns = with_key(&[]);
    let mut unknown = Made::new();
    unknown.commit(&[features(&["quantumRows"], &[]), metadata(&columns, json!({}))]);
    refused(unknown.path(), &keyed(MADE), ErrorKind::Unsupported, &["quantumRows"]);

    let mut later = Made::with_columns(&columns);
    later.insert(&columns, &row(1, ""));
    later.commit(&[features(&["quantumRows"], &[])]);
    refused(later.path(), &from_first(keyed(MADE)), ErrorKind::Unsupported, &["quantumRows"]);

    let mut of_catalog = Made::new();
    let settings = json!({"delta.enableInCommitTimestamps": "true"});
    let info = json!({"commitInfo": {"inCommitTimestamp": 1, "operation": "WRITE"}});
    let kept = features(&["catalogManaged"], &["inCommitTimestamp"]);
    of_catalog.commit(&[info, kept, metadata(&columns, settings)]);
    refused(of_catalog.path(), &from_first(keyed(MADE)), ErrorKind::Unsupported, &["catalog"]);

    let mut variant = Made::new();
    let with_variant = with_key(&[("properties", "variant")]);
    variant.commit(&[features(&["variantType"], &[]), metadata(&with_variant, json!({}))]);
    refused(variant.path(), &keyed(MADE), ErrorKind::Unsupported, &["properties", "variant"]);
    refused(variant.path(), &from_first(keyed(MADE)), ErrorKind::Unsupported, &["properties", "variant"]);
}

#[test]
fn damaged_files() {
    let log = copy(&shipped("cdf-table"));
    fs::write(commit(log.path(), 1), "{\"add\":{\"path\":7}}\n").unwrap();
    refused(log.path(), &from_first(keyed(KEY)), ErrorKind::InvalidInput, &["version 1, line 1"]);
    for keep in [0, 3, 200] {
        let data = copy(&shipped("cdf-table-data-change"));
        let file = "test%file%prefix-part-00001-b4f9f95a-fffa-4eeb-9870-706732812568-c000.snappy.parquet";
        let mut bytes = fs::read(data.path().join(file)).unwrap();
        bytes.truncate(keep);
        bytes.resize(503, 0xff);
        fs::write(data.path().join(file), bytes).unwrap();
        refused(data.path(), &from_first(keyed(["id", "id", "id"])), ErrorKind::InvalidInput, &["cannot be read"]);
    }
}

#[test]
fn the_command_ends_with_the_documented_codes_and_prints_the_report() {
    let folder = tempfile::tempdir().unwrap();
    let run = |words: &[&str]| {
        let mut command = Command::new(cargo_bin!("eventmirror"));
        command.current_dir(folder.path()).args(["apply", "mirror", "--dialect", "databricks"]).args(words);
        command.arg(shipped("cdf-table")).args(["--map", "user_id=name", "--map", "insert_id=id"]);
        command.args(["--map", "event_time=birthday", "--json"]).output().unwrap()
    };
    let report =
        |output: &std::process::Output| -> serde_json::Value { serde_json::from_slice(&output.stdout).unwrap() };
    let first = run(&["--start", "1"]);
    assert_eq!(first.status.code(), Some(0), "{}", String::from_utf8_lossy(&first.stderr));
    let first = report(&first);
    assert_eq!((&first["batches"][0]["position"], &first["batches"][1]["position"]), (&json!(1), &json!(3)));
    assert_eq!((&first["source"], &first["totals"]["read"]), (&json!("databricks"), &json!(17)));
    let again = run(&[]);
    assert_eq!((again.status.code(), &report(&again)["batches"][0]["already_applied"]), (Some(0), &json!(true)));
    let gap = run(&["--source", "other", "--from-version", "0", "--to-version", "0"]);
    assert_eq!(gap.status.code(), Some(0));
    let gap = run(&["--source", "other", "--from-version", "2"]);
    assert_eq!(gap.status.code(), Some(6), "{}", String::from_utf8_lossy(&gap.stderr));
    assert_eq!(run(&["--source", "third", "--to-version", "4"]).status.code(), Some(3));
    assert_eq!(run(&["--start", "never"]).status.code(), Some(2));
}
