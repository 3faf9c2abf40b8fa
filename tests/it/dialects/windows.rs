//! Windows of several files: applied whole, once, under a name or a number.

use super::files::{Form, columns, write};
use super::{Mirror, of};
use crate::support::notation::records;
use eventmirror::{Counter, Dialect, ErrorKind, Position, SourceOptions, WindowFiles};

fn snowflake(mirror: &Mirror, name: &str, text: &str) {
    let path = mirror.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let records = records(text);
    write(&path, &records, &records, Dialect::Snowflake, Form::Json);
}

#[test]
fn the_files_of_a_call_are_one_window_that_is_applied_once() {
    let mirror = Mirror::new();
    snowflake(&mirror, "day1/data_0.json", "+ ann a1 10 v=1");
    snowflake(&mirror, "day1/data_1.json", "+ bob b1 10 v=1");
    let options = of(Dialect::Snowflake);
    assert_eq!(mirror.window("day1", &options), "inserted=2 volume=2");
    assert_eq!(mirror.window("day1", &options), "already applied");
    let entry = mirror.store.log().unwrap().next().unwrap().unwrap();
    assert_eq!(entry.position.to_string(), "day1");

    // The next day's files have the same names.
    snowflake(&mirror, "day2/data_0.json", "- ann a1 10 v=1");
    assert_eq!(mirror.window("day2", &options), "deleted volume");
    snowflake(&mirror, "day3/data_0.json", "+ cem c1 10 v=1");
    assert_eq!(mirror.window("day3/data_0.json", &options), "inserted volume");
    snowflake(&mirror, "day4/data_0.json", "- cem c1 10 v=1");
    assert_eq!(mirror.window("day4/*.json", &options), "deleted volume");

    snowflake(&mirror, "day1/data_1.json", "+ bob b1 10 v=2");
    let again = mirror.apply(&["day1"], &options).unwrap();
    assert!(again[0].already_applied && again[0].changed_after_apply);
    mirror.holds("bob b1 10 v=1");
}

#[test]
fn each_folder_is_a_window_of_its_own() {
    let mirror = Mirror::new();
    snowflake(&mirror, "unload/1/a.json", "+ ann a1 10 v=1 | + bob b1 10 v=1");
    snowflake(&mirror, "unload/2/b.json", "- ann a1 10 %1");
    snowflake(&mirror, "unload/2/a.json", "< bob b1 10 %2 v=1 | ~ bob b1 10 %2 v=2");
    let options = SourceOptions { window: Some(WindowFiles::Folder), ..of(Dialect::Snowflake) };
    let applied = mirror.apply(&["unload"], &options).unwrap();
    let shown: Vec<String> =
        applied.iter().map(|applied| format!("{}: {}", applied.entry.position, mirror.short(applied))).collect();
    assert_eq!(shown, ["1: inserted=2 volume=2", "2: updated deleted coalesced volume=2"]);
    mirror.holds("bob b1 10 v=2");
    assert!(mirror.apply(&["unload"], &options).unwrap().iter().all(|applied| applied.already_applied));

    let error = mirror.apply(&["unload"], &of(Dialect::Snowflake)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("--window-per-folder"), "two windows taken for one: {error}");
}

#[test]
fn nothing_of_a_window_is_applied_where_one_of_its_files_is_broken() {
    let mirror = Mirror::new();
    snowflake(&mirror, "day1/data_0.json", "+ ann a1 10 v=1 | + _ b1 10");
    mirror.write(&[("day1/data_1.json", "{\"USER_ID\":\n")]);
    let error = mirror.apply(&["day1"], &of(Dialect::Snowflake)).unwrap_err();
    assert!(error.to_string().contains("data_1.json, line 1"), "{error}");
    mirror.holds("");
    assert_eq!((mirror.store.snapshot().sequence(), mirror.rejected().len()), (0, 0));
}

#[test]
fn numbered_windows_follow_one_another() {
    let mirror = Mirror::new();
    for (name, text) in [("7", "+ ann a1 10 v=1"), ("8", "- ann a1 10"), ("10", "+ ann a1 10 v=3")] {
        snowflake(&mirror, &format!("{name}/data_0.json"), text);
    }
    let at = |position| SourceOptions { position: Some(position), ..of(Dialect::Snowflake) };
    assert_eq!(mirror.window("7", &at(7)), "inserted volume", "the first may have any number");
    assert_eq!(mirror.window("8", &at(8)), "deleted volume");
    assert_eq!(mirror.window("7", &at(7)), "already applied");
    mirror.holds("");
    let gap = mirror.apply(&["10"], &at(10)).unwrap_err();
    assert_eq!(gap.kind(), ErrorKind::HistoryGap);
    assert!(gap.to_string().contains("positions 9 to 9") && gap.to_string().contains("--allow-gap"), "{gap}");
    let mut allowing = mirror;
    allowing.options.guards.allow_gap = true;
    assert_eq!(allowing.window("10", &at(10)), "inserted volume");
    let status = allowing.store.status().unwrap();
    let source = status.sources.iter().find(|source| source.source == "snowflake").unwrap();
    assert_eq!((source.watermark, source.names), (Some(10), 0));
}

#[test]
fn numbers_count_on_over_the_windows_of_a_call() {
    let mirror = Mirror::new();
    snowflake(&mirror, "unload/a/1.json", "+ ann a1 10 v=1");
    snowflake(&mirror, "unload/b/1.json", "- ann a1 10");
    let options = SourceOptions { window: Some(WindowFiles::Folder), position: Some(1), ..of(Dialect::Snowflake) };
    let applied = mirror.apply(&["unload"], &options).unwrap();
    let positions: Vec<&Position> = applied.iter().map(|applied| &applied.entry.position).collect();
    assert_eq!(positions, [&Position::Numbered(1), &Position::Numbered(2)]);
}

#[test]
fn a_window_beyond_the_memory_gives_the_same() {
    let mirror = Mirror::new();
    let small = eventmirror::StoreOptions { memory: 1 << 10, ..eventmirror::StoreOptions::default() };
    let store = eventmirror::EventStore::open(mirror.path("small"), small).unwrap();
    let spilling = Mirror { store, ..mirror };
    let insert: Vec<String> = (0..3_000).map(|n| format!("+ user{} i{n} {n} v={n}", n % 7)).collect();
    snowflake(&spilling, "1/a.json", &insert.join(" | "));
    let half = |n: u32| {
        let time = if n.is_multiple_of(3) { n + 10_000 } else { n };
        format!("< user{} i{n} {n} %{n} v={n} | ~ user{} i{n} {time} %{n} v=x{n}", n % 7, n % 7)
    };
    let moved: Vec<String> = (0..3_000).map(half).collect();
    snowflake(&spilling, "2/a.json", &moved.join(" | "));
    spilling.apply(&["1"], &of(Dialect::Snowflake)).unwrap();
    let mut allowing = spilling;
    allowing.options.guards.max_delete_percent = 100.0;
    let counts = allowing.apply(&["2"], &of(Dialect::Snowflake)).unwrap()[0].entry.counts.clone();
    assert_eq!((counts.updated, counts.deleted, counts.inserted), (2_000, 1_000, 1_000));
    assert_eq!(counts.counters[&Counter::KeyChange], 1_000);
}

#[test]
fn a_default_unload_needs_its_columns_named() {
    let mirror = Mirror::new();
    let records = records("+ ann a1 10 v='x,y' | + bob b1 20");
    std::fs::create_dir_all(mirror.path("w")).unwrap();
    write(&mirror.path("w/data_0_0_0.csv"), &records, &records, Dialect::Snowflake, Form::Escaped);
    let error = mirror.apply(&["w"], &of(Dialect::Snowflake)).unwrap_err();
    assert!(error.to_string().contains("not in the file"), "its first row is no header: {error}");
    let named = |columns: Vec<String>| SourceOptions { header: Some(columns), ..of(Dialect::Snowflake) };
    let mut few = columns(&records, Dialect::Snowflake);
    few.pop();
    let error = mirror.apply(&["w"], &named(few)).unwrap_err();
    assert!(error.to_string().contains("line 1"), "{error}");
    assert_eq!(mirror.window("w", &named(columns(&records, Dialect::Snowflake))), "inserted=2 volume=2");
    mirror.holds("ann a1 10 v='x,y' | bob b1 20");
    mirror.write(&[("j.json", "{}\n")]);
    let error = mirror.apply(&["j.json"], &named(vec!["A".to_owned()])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
}

#[test]
fn a_file_of_a_warehouse_is_not_taken_for_mutations_because_nobody_named_the_dialect() {
    let mirror = Mirror::new();
    mirror.write(&[
        ("w.csv", "user_id,insert_id,time,mutation_type,METADATA$ACTION\nann,a1,1,INSERT,DELETE\n"),
        ("w.json", "{\"user_id\":\"ann\",\"insert_id\":\"a1\",\"time\":1,\"_change_type\":\"delete\"}\n"),
    ]);
    let error = mirror.apply(&["w.csv"], &SourceOptions::default()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    let text = error.to_string();
    let named = ["ambiguous_source", "mutation_type", "METADATA$ACTION", "w.csv", "--dialect"];
    assert!(named.iter().all(|name| text.contains(name)), "{text}");
    let error = mirror.apply(&["w.json"], &SourceOptions::default()).unwrap_err();
    assert!(error.to_string().contains("_change_type, a column of the dialect databricks"), "{error}");
    assert_eq!(mirror.store.snapshot().sequence(), 0);
    assert_eq!(mirror.window("w.csv", &of(Dialect::S3)), "inserted volume");
}
