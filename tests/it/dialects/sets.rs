//! A Snowflake window is a set: no order of rows, no cut into files and no file format changes what comes of it.

use super::files::{Form, columns, write};
use super::{Mirror, of};
use crate::support::batch::{Batch, Record, named};
use crate::support::notation::{records, report, short, table};
use crate::support::oracle::{Oracle, Outcome};
use crate::support::{Table, dump};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{ApplyOptions, Counts, Dialect, Mapping, SourceOptions, Value};
use proptest::prelude::*;
use std::path::Path;

/// Table before the windows of these tests.
const BEFORE: &str = "ann a1 10 v=one | ann a2 20 v=two | bob b1 30 v=three | cem c1 40 v=four";

/// Applies a window that is written in this way: the rows in this order, cut behind these, each file in its form.
fn apply(mirror: &Mirror, window: &[Record], dialect: Dialect, cuts: &[usize], forms: &[Form]) -> Counts {
    let mut first = 0;
    let mut ends: Vec<usize> = cuts.iter().map(|cut| cut.min(&window.len()).to_owned()).collect();
    ends.sort_unstable();
    ends.push(window.len());
    // Files with and without a header cannot be of one call.
    let escaped = forms.contains(&Form::Escaped);
    std::fs::create_dir_all(mirror.path("w")).unwrap();
    for (index, end) in ends.into_iter().enumerate() {
        let form = if escaped { Form::Escaped } else { forms[index % forms.len()] };
        let path = mirror.path("w").join(format!("data_{index}.{}", form.ending()));
        write(&path, &window[first..end], window, dialect, form);
        first = end;
    }
    let options = SourceOptions { header: escaped.then(|| columns(window, dialect)), ..of(dialect) };
    let applied = mirror.apply(&["w"], &options).unwrap();
    assert_eq!(applied.len(), 1);
    applied[0].entry.counts.clone()
}

/// What should come of a window on `BEFORE`, by the naive twin.
fn expected(window: &[Record]) -> (Counts, Table) {
    let mut oracle = Oracle::millis();
    let options = ApplyOptions::default();
    oracle.apply(&Batch::new("x", named("0", 0), WindowKind::Net, records(&inserts(BEFORE))), &options);
    match oracle.apply(&Batch::new("x", named("1", 1), WindowKind::Net, window.to_vec()), &options) {
        Outcome::Applied(report) => (report.counts, oracle.table),
        other => panic!("{other:?}"),
    }
}

fn inserts(table: &str) -> String {
    table.split('|').map(|row| format!("| + {row}")).collect()
}

/// Events that changed in a window, as the rows of a stream: an insert, a delete, an update, an update that moves the
/// event, one whose other half a filter removed, a delete and an insert of one key.
fn change() -> impl Strategy<Value = Vec<(Operation, usize, usize)>> {
    use Operation::*;
    let rows = |shape: &'static [(Operation, bool)]| {
        (0..6usize, 0..6usize, 0..4usize).prop_map(move |(key, other, value)| {
            shape.iter().map(|(operation, moves)| (*operation, if *moves { other } else { key }, value)).collect()
        })
    };
    prop_oneof![
        rows(&[(Insert, false)]),
        rows(&[(Delete, false)]),
        rows(&[(PreImage, false), (Update, false)]),
        rows(&[(PreImage, false), (Update, true)]),
        rows(&[(PreImage, false)]),
        rows(&[(Update, false)]),
        rows(&[(Delete, false), (Insert, false)]),
    ]
}

const KEYS: [(&str, &str, i64); 6] =
    [("ann", "a1", 10), ("ann", "a2", 20), ("bob", "b1", 30), ("cem", "c1", 40), ("ann", "a1", 11), ("dan", "d1", 50)];
const VALUES: [&str; 4] = ["one", "a,b\\c", "{\"q\":\"\\\"\"}", "line\nbreak \"x\""];

fn window(changes: Vec<Vec<(Operation, usize, usize)>>, has_ids: bool) -> Vec<Record> {
    let record = |(id, (operation, key, value)): (usize, (Operation, usize, usize))| {
        let (user, insert, time) = KEYS[key];
        let record = Record::new(operation, user, insert, time).with("v", Value::Text(VALUES[value].into()));
        let record = record.with("event_properties", Value::Json(format!("{{\"n\":{value}.50}}")));
        Record { sequence: Some(0), pair: has_ids.then_some(id as u128), ..record }
    };
    changes
        .into_iter()
        .enumerate()
        .flat_map(|(id, rows)| rows.into_iter().map(move |row| (id, row)))
        .map(record)
        .collect()
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 150, failure_persistence: None, ..ProptestConfig::default() })]

    #[test]
    fn any_order_cut_and_format_of_a_window_gives_the_same(
        (window, shuffled) in (prop::collection::vec(change(), 1..8), any::<bool>())
            .prop_map(|(changes, has_ids)| window(changes, has_ids))
            .prop_flat_map(|window| (Just(window.clone()), Just(window).prop_shuffle())),
        cuts in prop::collection::vec(0usize..16, 0..3),
        forms in prop::collection::vec(prop::sample::select(Form::ALL.as_slice()), 1..4),
    ) {
        let (counts, table) = expected(&window);
        let mirror = Mirror::holding(BEFORE);
        prop_assert_eq!(&apply(&mirror, &shuffled, Dialect::Snowflake, &cuts, &forms), &counts);
        prop_assert_eq!(dump(&mirror.store.snapshot()).unwrap(), table);
    }
}

/// What comes of a window in every format.
#[track_caller]
fn check(text: &str, dialect: Dialect, what: &str, after: &str) {
    let window = records(text);
    for form in Form::ALL.into_iter().filter(|form| *form != Form::Escaped || dialect == Dialect::Snowflake) {
        let mirror = Mirror::holding(BEFORE);
        let found = apply(&mirror, &window, dialect, &[], &[form]);
        let found = short(&crate::support::oracle::Report { counts: found, ..Default::default() });
        assert_eq!(found, what, "{form:?}");
        assert_eq!(dump(&mirror.store.snapshot()).unwrap(), table(after), "{form:?}");
    }
}

#[test]
fn a_swap_of_two_keys_is_two_updates() {
    // The fixture of the fact sheet, section 12.1.
    check(
        "< ann a1 10 %1 v=one | ~ ann a2 20 %1 v=one | < ann a2 20 %2 v=two | ~ ann a1 10 %2 v=two",
        Dialect::Snowflake,
        "updated=2 coalesced=2 key_change=2 volume=2",
        "ann a1 10 v=two | ann a2 20 v=one | bob b1 30 v=three | cem c1 40 v=four",
    );
}

#[test]
fn a_half_whose_partner_was_filtered_away_deletes_its_key() {
    check(
        "< ann a1 10 %1 v=one | ~ bob b1 30 %2 v=new",
        Dialect::Snowflake,
        "updated deleted volume=2",
        "ann a2 20 v=two | bob b1 30 v=new | cem c1 40 v=four",
    );
}

#[test]
fn a_delete_and_an_insert_of_one_key_are_an_update() {
    check(
        "+ ann a1 10 %8 v=new | - ann a1 10 %7 v=one | + bob b1 30 %6 v=three | - bob b1 30 %5 v=three",
        Dialect::Snowflake,
        "updated unchanged coalesced=2 volume=2",
        "ann a1 10 v=new | ann a2 20 v=two | bob b1 30 v=three | cem c1 40 v=four",
    );
}

#[test]
fn without_row_ids_key_changes_are_told_by_the_halves_that_are_left_over() {
    check(
        "< ann a1 10 v=one | ~ ann a1 11 v=one | < ann a2 20 v=two | ~ ann a2 20 v=new",
        Dialect::Snowflake,
        "inserted updated deleted coalesced update_without_match key_change volume=3",
        "ann a1 11 v=one | ann a2 20 v=new | bob b1 30 v=three | cem c1 40 v=four",
    );
}

#[test]
fn an_update_with_the_same_values_changes_nothing() {
    check("< ann a1 10 %1 v=one | ~ ann a1 10 %1 v=one", Dialect::Snowflake, "unchanged coalesced volume", BEFORE);
}

#[test]
fn two_different_puts_of_one_key_are_a_conflict_that_names_both_files() {
    let mirror = Mirror::holding(BEFORE);
    let window = records("+ ann a1 10 %1 v=x | + dan d1 50 %2 v=y | + ann a1 10 %3 v=z | + _ e1 1 %4");
    apply(&mirror, &window, Dialect::Snowflake, &[1], &[Form::Json]);
    mirror.holds(&format!("{BEFORE} | dan d1 50 v=y"));
    let mut rejected = mirror.rejected();
    rejected.sort_unstable();
    let conflict = |row, file| format!("{row}: conflict: 2 different rows for one key at sequence 0 (in {file})");
    let missing = "3: missing_user_id: user_id is null, absent or empty (in data_1.json)".to_owned();
    assert_eq!(rejected, [conflict(1, "data_0.json"), conflict(2, "data_1.json"), missing]);
}

#[test]
fn databricks_and_bigquery_order_by_version_and_time() {
    for dialect in [Dialect::Databricks, Dialect::Bigquery] {
        // A MERGE deletes and inserts one key in one version; a key moves twice; the last version comes first.
        check(
            "- ann a1 10 @9 | + ann a1 10 @7 v=x | - ann a1 10 @7 v=one | + bob b1 30 @8 v=new | - bob b1 30 @8 v=three
            | < cem c1 40 @7 v=four | ~ cem c1 41 @7 v=four | < cem c1 41 @8 v=four | ~ cem c1 42 @8 v=four",
            dialect,
            "inserted updated deleted=2 coalesced=4 without_effect update_without_match key_change=2 volume=4",
            "ann a2 20 v=two | bob b1 30 v=new | cem c1 42 v=four",
        );
        check(
            "~ ann a1 10 @7 v=x | ~ ann a1 10 @7 v=y | < ann a1 10 @7 v=one | ~ ann a2 20 @6 v=x | ~ ann a2 20 @6 v=y
            | ~ ann a2 20 @7 v=z",
            dialect,
            "updated coalesced=3 rejected:conflict=2 volume",
            "ann a1 10 v=one | ann a2 20 v=z | bob b1 30 v=three | cem c1 40 v=four",
        );
    }
}

#[test]
fn the_documented_stream_on_members_ends_at_the_documented_table() {
    const DATA: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/snowflake");
    if !Path::new(DATA).exists() {
        println!("skipped: {DATA} is absent");
        return;
    }
    let map = ["user_id=NAME", "insert_id=ID", "event_time=ID"];
    let options = SourceOptions { mapping: Mapping::parse(&map).unwrap(), ..of(Dialect::Snowflake) };
    let mirror = Mirror::new();
    let apply = |name: &str| {
        let applied = mirror.apply(&[&format!("{DATA}/{name}.jsonl")], &options).unwrap();
        short(&report(&mirror.store, &applied[0]))
    };
    // Read before it was consumed, and so delivered again with what came meanwhile.
    assert_eq!(apply("members_window0_unconsumed_a"), "inserted=5 volume=5");
    assert_eq!(apply("members_window1_consumed"), "updated=3 unchanged=2 insert_conflict=3 volume=5");
    assert_eq!(apply("members_window2_updates_INSERT_BEFORE_DELETE"), "updated=3 coalesced=3 volume=3");
    let text = std::fs::read_to_string(format!("{DATA}/members_expected_final.jsonl")).unwrap();
    let row = |line: &str| {
        let row: serde_json::Value = serde_json::from_str(line).unwrap();
        let (id, fee) = (row["ID"].as_i64().unwrap(), row["FEE"].as_i64().unwrap());
        format!("{} {id} {id} fee={fee}", row["NAME"].as_str().unwrap())
    };
    mirror.holds(&text.lines().map(row).collect::<Vec<_>>().join(" | "));
}

#[test]
fn columns_may_have_other_names() {
    let mirror = Mirror::holding(BEFORE);
    let rows = r#"{"u":"ann","i":"a1","t":"10","kind":"D","half":"TRUE","rid":7}
{"u":"ann","i":"a1","t":11,"kind":"I","half":1,"rid":7,"Mixed":"kept","UPPER":"folded"}
"#;
    mirror.write(&[("w.json", rows)]);
    let map = ["user_id=u", "insert_id=i", "event_time=t", "op=kind", "is_update=half", "row_id=rid"];
    let aliases = vec![("I".to_owned(), Operation::Insert), ("D".to_owned(), Operation::Delete)];
    let options =
        SourceOptions { mapping: Mapping::parse(&map).unwrap(), op_aliases: aliases, ..of(Dialect::Snowflake) };
    assert_eq!(mirror.window("w.json", &options), "inserted deleted update_without_match key_change volume=2");
    mirror.holds("ann a1 11 Mixed=kept upper=folded | ann a2 20 v=two | bob b1 30 v=three | cem c1 40 v=four");
}

#[test]
fn what_is_no_change_is_refused_row_by_row() {
    let mirror = Mirror::holding(BEFORE);
    let row = |action: &str| format!("{{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"time\":10,{action}}}\n");
    let actions = [
        r#""METADATA$ACTION":"UPDATE""#,
        r#""METADATA$ACTION":"insert""#,
        r#""x":1"#,
        r#""METADATA$ACTION":"DELETE","METADATA$ISUPDATE":"maybe""#,
    ];
    mirror.write(&[("w.json", &actions.map(row).concat())]);
    assert_eq!(mirror.window("w.json", &of(Dialect::Snowflake)), "rejected:bad_mutation_type=4");
    assert_eq!(mirror.rejected()[3], "4: bad_mutation_type: is_update is \"maybe\", neither true nor false");
    mirror.holds(BEFORE);

    let label =
        |label: &str, version: &str| row(&format!("\"_change_type\":\"{label}\",\"_commit_version\":{version}"));
    let rows = [label("upsert", "1"), label("INSERT", "1"), label("insert", "1.5"), label("delete", "null")].concat();
    mirror.write(&[("d.json", &(rows + &label("delete", "2")))]);
    assert_eq!(
        mirror.window("d.json", &of(Dialect::Databricks)),
        "deleted rejected:bad_mutation_type=2 rejected:bad_sequence=2 volume"
    );

    let time = |time: &str| row(&format!("\"change_type\":\"DELETE\",\"change_time\":{time}"));
    let rows = [time("\"yesterday\""), time("null"), time("-1"), time("\"2025-11-04 00:05:11.1 UTC\"")].concat();
    mirror.write(&[("b.json", &rows)]);
    assert_eq!(
        mirror.window("b.json", &of(Dialect::Bigquery)),
        "without_effect rejected:bad_sequence=3 delete_without_match volume"
    );
}

#[test]
fn a_header_without_the_columns_of_changes_is_an_error_that_names_them() {
    let mirror = Mirror::new();
    mirror.write(&[("w.csv", "user_id,insert_id,time,x\nann,a1,1,y\n")]);
    for (dialect, column, map) in [
        (Dialect::Snowflake, "METADATA$ACTION", "--map op=COLUMN"),
        (Dialect::Databricks, "_change_type", "--map op=COLUMN"),
        (Dialect::Bigquery, "_CHANGE_TYPE, change_type", "--map op=COLUMN"),
    ] {
        let error = mirror.apply(&["w.csv"], &of(dialect)).unwrap_err().to_string();
        assert!([column, map, "w.csv"].iter().all(|text| error.contains(text)), "{error}");
    }
    mirror.write(&[("w.csv", "user_id,insert_id,time,change_type\nann,a1,1,INSERT\n")]);
    let error = mirror.apply(&["w.csv"], &of(Dialect::Bigquery)).unwrap_err().to_string();
    assert!(error.contains("change_timestamp") && error.contains("--map timestamp=COLUMN"), "{error}");
}
