//! Runs one after the other: where each begins, and what a repeated one does.

use super::made::{Made, row, with_key};
use super::{Mirror, from_first, keyed, shipped};
use eventmirror::{Applied, ErrorKind, Position, Progress, SourceOptions, TableStart};

const KEY: [&str; 3] = ["name", "id", "birthday"];

fn positions(applied: &[Applied]) -> Vec<(Position, bool)> {
    applied.iter().map(|applied| (applied.entry.position.clone(), applied.already_applied)).collect()
}

#[test]
fn a_run_goes_on_behind_the_last_and_a_repeated_one_changes_nothing() {
    let mirror = Mirror::new();
    let table = shipped("cdf-table");
    let until = |version| SourceOptions { to_version: Some(version), ..keyed(KEY) };
    assert_eq!(positions(&mirror.apply(&table, &until(1)).unwrap()), [(Position::Numbered(1), false)]);
    let applied = mirror.apply(&table, &keyed(KEY)).unwrap();
    assert_eq!(positions(&applied), [(Position::Numbered(3), false)]);
    assert_eq!(applied[0].entry.counts.read, 7, "the changes of versions 2 and 3");
    let before = mirror.holds();
    for options in [keyed(KEY), from_first(keyed(KEY)), until(2)] {
        assert_eq!(positions(&mirror.apply(&table, &options).unwrap()), [(Position::Numbered(3), true)]);
    }
    assert_eq!((mirror.holds(), mirror.store.snapshot().sequence()), (before, 2));
}

#[test]
fn a_backfill_at_a_version_is_followed_by_the_changes_after_it() {
    let (mirror, whole) = (Mirror::new(), Mirror::new());
    let table = shipped("cdf-table");
    let mut seen = Vec::new();
    let options = SourceOptions { start: Some(TableStart::At(1)), ..keyed(KEY) };
    let applied = mirror.apply_with(&table, &options, &mut |progress| match progress {
        Progress::Found { windows, .. } => seen.push(format!("{windows} batches")),
        Progress::Window { name, .. } => seen.push(name.to_owned()),
        _ => {}
    });
    assert_eq!(seen, ["2 batches", "version 1", "versions 2 to 3"]);
    let applied = applied.unwrap();
    assert_eq!(positions(&applied), [(Position::Numbered(1), false), (Position::Numbered(3), false)]);
    assert_eq!((applied[0].entry.counts.read, applied[0].entry.counts.inserted), (10, 10));
    whole.apply(&table, &keyed(KEY)).unwrap();
    assert_eq!(mirror.holds(), whole.holds());
}

#[test]
fn a_dry_run_tells_the_same_counts_and_changes_nothing() {
    let mut dry = Mirror::new();
    dry.options.guards.dry_run = true;
    let wet = Mirror::new();
    let table = shipped("cdf-table");
    let options = SourceOptions { start: Some(TableStart::At(1)), ..keyed(KEY) };
    let counts = |mirror: &Mirror| -> Vec<_> {
        mirror.apply(&table, &options).unwrap().into_iter().map(|applied| applied.entry.counts).collect()
    };
    assert_eq!(counts(&dry), counts(&wet));
    assert_eq!(dry.store.snapshot().sequence(), 0);
}

#[test]
fn versions_that_are_left_out_are_a_gap_unless_it_is_accepted() {
    let mut mirror = Mirror::new();
    let table = shipped("cdf-table");
    mirror.apply(&table, &SourceOptions { to_version: Some(0), ..from_first(keyed(KEY)) }).unwrap();
    let from_third = SourceOptions { from_version: Some(3), ..keyed(KEY) };
    let error = mirror.apply(&table, &from_third).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HistoryGap);
    assert!(error.to_string().contains("1 to 2"), "{error}");
    mirror.options.guards.allow_gap = true;
    assert_eq!(positions(&mirror.apply(&table, &from_third).unwrap()), [(Position::Numbered(3), false)]);
}

#[test]
fn commits_that_change_no_row_move_the_position_on() {
    let table = shipped("cdf-table-data-change");
    let mirror = Mirror::new();
    let options = keyed(["id", "id", "id"]);
    mirror.apply(&table, &SourceOptions { to_version: Some(0), ..from_first(options.clone()) }).unwrap();
    let applied = mirror.apply(&table, &options).unwrap();
    assert_eq!((positions(&applied), applied[0].entry.counts.read), (vec![(Position::Numbered(1), false)], 0));
}

#[test]
fn rows_of_a_backfill_that_share_a_key_contradict_each_other() {
    let columns = with_key(&[("n", "long")]);
    let mut made = Made::with_columns(&columns);
    let rows = [row(1, "\"n\":1"), row(1, "\"n\":2"), row(2, "\"n\":3"), row(2, "\"n\":3")].concat();
    made.insert(&columns, &rows);
    let mirror = Mirror::new();
    let applied = mirror.apply(made.path(), &keyed(["user_id", "insert_id", "time"])).unwrap();
    let counts = &applied[0].entry.counts;
    assert_eq!((counts.read, counts.inserted, counts.coalesced, counts.rejected), (4, 1, 1, 2));
}

#[test]
fn a_url_is_a_table_too() {
    let mirror = Mirror::new();
    let folder = super::copy(&shipped("cdf-table"));
    let spaced = folder.path().join("a table, 100 %");
    std::fs::create_dir(&spaced).unwrap();
    let inner = super::copy(&shipped("cdf-table-partitioned"));
    std::fs::rename(inner.path(), spaced.join("t")).unwrap();
    let url = url::Url::from_directory_path(spaced.join("t")).unwrap();
    assert!(url.as_str().starts_with("file://") && url.as_str().contains("%25"), "{url}");
    let options = from_first(keyed(["id", "id", "part"]));
    let applied = mirror.apply(std::path::Path::new(url.as_str()), &options).unwrap();
    assert_eq!(applied[0].entry.counts.read, 12);
    let by_path = Mirror::new();
    by_path.apply(&spaced.join("t"), &options).unwrap();
    assert_eq!(mirror.holds(), by_path.holds());
}

#[test]
fn few_rows_are_read_at_a_time_where_they_are_large() {
    let columns = with_key(&[("text", "string")]);
    let mut made = Made::with_columns(&columns);
    let long = |number: u32| {
        // Text that does not become small in the file.
        let text: String =
            (0..10_000u32).map(|at| char::from(33 + (at.wrapping_mul(number + 7) >> 3) as u8 % 80)).collect();
        let text = text.replace(['"', '\\'], "!");
        format!(
            "{{\"user_id\":\"u{number}\",\"insert_id\":\"i\",\"time\":\"1970-01-01T00:00:00Z\",\"text\":\"{text}\"}}\n"
        )
    };
    made.insert(&columns, &(0..500).map(long).collect::<String>());
    let options = SourceOptions { memory: 4 << 20, ..keyed(["user_id", "insert_id", "time"]) };
    let table = eventmirror::DeltaTable::open(made.path().to_str().unwrap(), &options).unwrap();
    let sizes: Vec<usize> = table.rows(1, &options).unwrap().map(|part| part.unwrap().rows.num_rows()).collect();
    assert_eq!(sizes.iter().sum::<usize>(), 500);
    assert!(sizes.iter().all(|rows| *rows <= 60), "{sizes:?}");
}
