//! Tables whose schema changes, and features that change how rows are read.

use super::made::{KEY, Made, features, metadata, metadata_of, row, with_key};
use super::{Mirror, from_first, keyed};
use eventmirror::{DeltaTable, Progress, SourceOptions, Value};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;

fn options() -> SourceOptions {
    from_first(keyed(["user_id", "insert_id", "time"]))
}

/// The payload of the event with a number.
fn payload(mirror: &Mirror, number: u32) -> BTreeMap<String, Value> {
    let key = (format!("u{number}"), format!("i{number}"), i64::from(number) * 1_000);
    mirror.holds()[&key].clone()
}

fn notices(mirror: &Mirror, made: &Made, options: &SourceOptions) -> Vec<String> {
    let mut notices = Vec::new();
    let keep = &mut |progress: Progress<'_>| {
        if let Progress::Notice(notice) = progress {
            notices.push(notice.to_owned());
        }
    };
    mirror.apply_with(made.path(), options, keep).unwrap();
    notices
}

#[test]
fn a_column_that_is_added_and_one_that_is_widened_are_read_as_each_version_has_them() {
    let narrow = with_key(&[("n", "integer")]);
    let wide = with_key(&[("n", "long"), ("plan", "string")]);
    let mut made = Made::new();
    made.commit(&[features(&["typeWidening"], &[]), metadata(&narrow, json!({}))]);
    made.insert(&narrow, &[row(1, "\"n\":1"), row(2, "\"n\":2")].concat());
    let mut fields: Vec<Json> =
        wide.iter().map(|(name, kind)| json!({"name": name, "type": kind, "nullable": true, "metadata": {}})).collect();
    fields[3]["metadata"] = json!({"delta.typeChanges": [{"fromType": "integer", "toType": "long"}]});
    made.commit(&[metadata_of(fields, json!({"delta.enableTypeWidening": "true"}))]);
    made.insert(&wide, &row(3, "\"n\":5000000000,\"plan\":\"pro\""));
    made.change(&wide, &row(2, "\"n\":7000000000,\"_change_type\":\"update_postimage\""));
    let mirror = Mirror::new();
    assert_eq!(notices(&mirror, &made, &options()), [""; 0]);
    let n = |number| payload(&mirror, number).remove("n");
    assert_eq!([n(1), n(2), n(3)], [1, 7_000_000_000, 5_000_000_000].map(|n| Some(Value::Int(n))));
    assert_eq!(payload(&mirror, 3).remove("plan"), Some(Value::Text("pro".to_owned())));
    assert_eq!(mirror.store.snapshot().sequence(), 1, "one batch, however many schemas");
}

/// Fields of a table whose columns are named otherwise in the files: `(name, name in the files)`.
fn mapped(columns: &[(&str, &str)]) -> Json {
    let field = |(id, (name, physical)): (usize, &(&str, &str))| {
        let kind = if *name == "time" { "timestamp" } else { "string" };
        json!({"name": name, "type": kind, "nullable": true, "metadata":
            {"delta.columnMapping.id": id + 1, "delta.columnMapping.physicalName": physical}})
    };
    let key = KEY.map(|(name, _)| (name, name));
    let fields = key.iter().chain(columns).enumerate().map(field).collect();
    metadata_of(fields, json!({"delta.columnMapping.mode": "name", "delta.columnMapping.maxColumnId": "9"}))
}

/// Version 2 renames `amount` to `total`, and drops `note`.
fn renamed() -> Made {
    let files = with_key(&[("col-1", "string"), ("col-2", "string")]);
    let mut made = Made::new();
    made.commit(&[features(&["columnMapping"], &[]), mapped(&[("amount", "col-1"), ("note", "col-2")])]);
    let rows = [row(1, "\"col-1\":\"5\",\"col-2\":\"x\""), row(2, "\"col-1\":\"6\"")];
    made.insert(&files, &rows.concat());
    made.commit(&[mapped(&[("total", "col-1")])]);
    made.change(&files[..4], &row(2, "\"col-1\":\"7\",\"_change_type\":\"update_postimage\""));
    made
}

#[test]
fn a_renamed_column_has_its_name_of_the_time_and_the_run_says_what_the_feed_does_not() {
    let (made, mirror) = (renamed(), Mirror::new());
    let notices = notices(&mirror, &made, &options());
    assert_eq!(notices.len(), 1);
    assert!(notices[0].starts_with("version 2 renames or drops amount, note"), "{}", notices[0]);
    let text = |column: &str, value: &str| (column.to_owned(), Value::Text(value.to_owned()));
    assert_eq!(payload(&mirror, 1), BTreeMap::from([text("amount", "5"), text("note", "x")]));
    assert_eq!(payload(&mirror, 2), BTreeMap::from([text("total", "7")]));
}

#[test]
fn a_rename_is_told_by_the_run_that_begins_with_it() {
    let (made, mirror) = (renamed(), Mirror::new());
    mirror.apply(made.path(), &SourceOptions { to_version: Some(1), ..options() }).unwrap();
    assert_eq!(notices(&mirror, &made, &options()).len(), 1);
}

#[test]
fn a_key_column_that_is_gone_in_a_part_of_the_range_is_an_error_that_names_the_versions() {
    let columns = with_key(&[]);
    let mut made = Made::with_columns(&columns);
    made.insert(&columns, &row(1, ""));
    let renamed = [("who", "string"), columns[1], columns[2]];
    made.commit(&[metadata(&renamed, json!({}))]);
    let mirror = Mirror::new();
    let error = mirror.apply(made.path(), &options()).unwrap_err();
    assert_eq!(error.kind(), eventmirror::ErrorKind::InvalidInput);
    assert!(error.to_string().contains("user_id") && error.to_string().contains("version 2"), "{error}");
    assert_eq!(mirror.store.snapshot().sequence(), 0);
}

#[test]
fn partition_values_have_the_types_of_their_columns_and_may_be_null() {
    let columns = with_key(&[("n", "long")]);
    let mut with_partitions = metadata(&columns, json!({}));
    with_partitions["metaData"]["partitionColumns"] = json!(["time", "n"]);
    let mut made = Made::new();
    let files = &columns[..2];
    let one = made.add(
        files,
        "{\"user_id\":\"u1\",\"insert_id\":\"i1\"}",
        json!({"time": "1970-01-01 00:00:01.000000", "n": "1"}),
    );
    let two = made.add(
        files,
        "{\"user_id\":\"u2\",\"insert_id\":\"i2\"}",
        json!({"time": "1970-01-01T00:00:02.000000Z", "n": null}),
    );
    made.commit(&[super::made::protocol(), with_partitions, one, two]);
    let mirror = Mirror::new();
    mirror.apply(made.path(), &options()).unwrap();
    assert_eq!(payload(&mirror, 1), BTreeMap::from([("n".to_owned(), Value::Int(1))]));
    assert_eq!(payload(&mirror, 2), BTreeMap::new());
}

#[test]
fn the_time_of_a_commit_is_that_in_it_where_the_table_keeps_one() {
    let columns = with_key(&[]);
    let mut made = Made::new();
    let settings = json!({"delta.enableInCommitTimestamps": "true"});
    let info = |time: i64| json!({"commitInfo": {"inCommitTimestamp": time, "operation": "WRITE"}});
    made.commit(&[info(1_000), features(&[], &["inCommitTimestamp"]), metadata(&columns, settings)]);
    let add = made.add(&columns, &row(1, ""), json!({}));
    made.commit(&[info(5_000), add]);
    let table = DeltaTable::open(made.path().to_str().unwrap(), &options()).unwrap();
    let mut feed = table.feed(0..=1, &options()).unwrap();
    let part = feed.batch.parts.next().unwrap().unwrap();
    let text = eventmirror::model::event_json::arrow_row(&part.rows, 0);
    assert!(text.contains("\"_commit_timestamp\":\"1970-01-01T00:00:05Z\""), "{text}");
}

#[test]
fn nested_columns_become_json() {
    let columns = with_key(&[]);
    let mut made = Made::new();
    let nested = json!({"type": "struct", "fields": [{"name": "a", "type": "long", "nullable": true, "metadata": {}}]});
    let mut fields: Vec<Json> = columns
        .iter()
        .map(|(name, kind)| json!({"name": name, "type": kind, "nullable": true, "metadata": {}}))
        .collect();
    fields.push(json!({"name": "properties", "type": nested, "nullable": true, "metadata": {}}));
    made.commit(&[super::made::protocol(), metadata_of(fields, json!({}))]);
    made.insert(&with_key(&[("properties", "{a: long}")]), &row(1, "\"properties\":{\"a\":7}"));
    let mirror = Mirror::new();
    mirror.apply(made.path(), &options()).unwrap();
    assert_eq!(payload(&mirror, 1), BTreeMap::from([("properties".to_owned(), Value::Json("{\"a\":7}".to_owned()))]));
}
