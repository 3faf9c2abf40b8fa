//! When two payloads are the same, and what comes back.

use crate::support::notation::{Case, check, short};
use eventmirror::{EventKey, Value};

/// Applies two payloads to one event; the second must be unchanged, and the first stay as it was given.
#[track_caller]
fn equal(first: &str, second: &str) {
    let mut case = Case::new();
    case.apply(&format!("+ ann a1 10:00 {first}"));
    let batch = &crate::support::notation::batches(&format!("|| ~ ann a1 10:00 {second}"), case.window)[1];
    let applied = case.store.apply(batch.to_change_batch()).unwrap();
    assert_eq!(applied.entry.counts.unchanged, 1, "{first} and {second} mean the same");
    case.holds(&format!("ann a1 10:00 {first}"));
}

#[track_caller]
fn differ(first: &str, second: &str) {
    let report =
        check(&format!("+ ann a1 10:00 {first} || ~ ann a1 10:00 {second}"), &format!("ann a1 10:00 {second}"));
    assert_eq!(short(&report), "updated volume", "{first} and {second} differ");
}

#[test]
fn null_and_absent_are_equal() {
    equal("v=1", "v=1 w=null");
    equal("v=1 w=null", "v=1");
    equal("", "w=null");
}

#[test]
fn null_and_empty_text_differ() {
    differ("v=1", "v=1 w=''");
}

#[test]
fn numbers_are_equal_by_value() {
    equal("v=20", "v=20.0");
    equal("v=20.00", "v=20");
    equal("v=0.5", "v=0.50");
    differ("v=20", "v=20.01");
}

#[test]
fn large_numbers_are_compared_digit_by_digit() {
    differ("v=9007199254740993", "v=9007199254740992");
    differ("v=0.1000000000000000000000000000000000000001", "v=0.1");
}

#[test]
fn text_and_number_are_never_equal() {
    differ("v=20", "v='20'");
    differ("v='20'", "v=20");
    differ("v=true", "v='true'");
}

#[test]
fn the_order_of_json_keys_does_not_matter() {
    equal(r#"v={"a":1,"b":[1,2]}"#, r#"v={"b":[1,2],"a":1}"#);
    differ(r#"v={"a":1,"b":[1,2]}"#, r#"v={"a":1,"b":[2,1]}"#);
}

#[test]
fn values_come_back_as_they_were_given() {
    let json = r#"{"b":1.0,"a":"é"}"#;
    let mut case = Case::new();
    case.apply(&format!("+ ann a1 10:00 n=62.0 j={json} t='62' i=62"));
    let event = case.store.snapshot().get(&EventKey::new("ann", "a1", 36_000_000)).unwrap().unwrap();
    assert_eq!(event.get("n"), Some(&Value::Decimal("62.0".into())));
    assert_eq!(event.get("j"), Some(&Value::Json(json.into())));
    assert_eq!(event.get("t"), Some(&Value::Text("62".into())));
    assert_eq!(event.get("i"), Some(&Value::Int(62)));
}

#[test]
fn a_column_that_arrives_later_changes_no_row() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 v=1 || + ann a2 10:00 a=1 z=1");
    assert_eq!(short(&case.apply("~ ann a1 10:00 v=1 a=null z=null")), "unchanged volume");
    let names: Vec<String> = case.store.status().unwrap().columns.into_iter().map(|column| column.name).collect();
    assert_eq!(names.len(), 3);
    assert_eq!(names[0], "v", "a column keeps its place");
}

#[test]
fn one_payload_under_two_column_names_differs() {
    differ("v=1", "w=1");
    differ("v=1 w=2", "v=2 w=1");
}
