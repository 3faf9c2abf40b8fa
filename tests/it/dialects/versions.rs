//! Databricks exports: their commit versions are their position.

use super::files::{Form, write};
use super::{Mirror, of};
use crate::support::notation::records;
use eventmirror::{Counter, Dialect, ErrorKind, Position, SourceOptions, WindowFiles};

fn export(mirror: &Mirror, name: &str, text: &str) {
    let path = mirror.path(name);
    std::fs::create_dir_all(path.parent().unwrap()).unwrap();
    let records = records(text);
    write(&path, &records, &records, Dialect::Databricks, Form::Json);
}

fn covering(from: Option<u64>, to: Option<u64>) -> SourceOptions {
    SourceOptions { from_version: from, to_version: to, ..of(Dialect::Databricks) }
}

fn watermark(mirror: &Mirror) -> Option<u64> {
    mirror.store.status().unwrap().sources.iter().find(|source| source.source == "databricks").unwrap().watermark
}

#[test]
fn the_last_version_is_the_position_and_a_replay_changes_nothing() {
    let mirror = Mirror::new();
    // Spark writes the rows of one export into many files, in any order.
    export(&mirror, "e/part-0.json", "~ ann a1 10 @43 v=2 | + bob b1 10 @41 v=1");
    export(&mirror, "e/part-1.json", "< ann a1 10 @43 v=1 | + ann a1 10 @41 v=1 | - bob b1 10 @44 v=1");
    assert_eq!(mirror.window("e", &of(Dialect::Databricks)), "inserted coalesced=3 without_effect volume");
    mirror.holds("ann a1 10 v=2");
    assert_eq!(watermark(&mirror), Some(44));
    let again = &mirror.apply(&["e"], &of(Dialect::Databricks)).unwrap()[0];
    assert!(again.already_applied);
    assert_eq!(again.entry.position, Position::Numbered(44));
}

#[test]
fn versions_that_were_applied_are_skipped_and_the_rest_is_applied() {
    let mirror = Mirror::new();
    export(&mirror, "1.json", "+ ann a1 10 @41 v=1 | + bob b1 10 @42 v=1 | + _ c1 10 @42");
    export(&mirror, "2.json", "+ bob b1 10 @42 v=old | + _ c1 10 @42 | - ann a1 10 @43 v=1 | + _ c1 10 @43");
    mirror.window("1.json", &of(Dialect::Databricks));
    // The bounds of a range are both in it, so that the version between two ranges is often in both.
    assert_eq!(
        mirror.window("2.json", &of(Dialect::Databricks)),
        "deleted skipped=2 rejected:missing_user_id already_applied=2 volume"
    );
    mirror.holds("bob b1 10 v=1");
    assert_eq!(mirror.rejected().len(), 2, "a row that was rejected is not rejected again");
}

#[test]
fn an_old_export_under_a_new_name_does_not_bring_old_values_back() {
    let mirror = Mirror::new();
    export(&mirror, "1.json", "+ ann a1 10 @41 v=1");
    export(&mirror, "2.json", "< ann a1 10 @42 v=1 | ~ ann a1 10 @42 v=2");
    mirror.window("1.json", &of(Dialect::Databricks));
    mirror.window("2.json", &of(Dialect::Databricks));
    export(&mirror, "renamed.json", "+ ann a1 10 @41 v=1");
    assert_eq!(mirror.window("renamed.json", &of(Dialect::Databricks)), "already applied");
    mirror.holds("ann a1 10 v=2");
}

#[test]
fn versions_that_are_missing_are_a_gap_unless_the_export_is_said_to_cover_them() {
    let mut mirror = Mirror::new();
    export(&mirror, "1.json", "+ ann a1 10 @41 v=1");
    export(&mirror, "2.json", "- ann a1 10 @45 v=1");
    mirror.window("1.json", &of(Dialect::Databricks));
    let gap = mirror.apply(&["2.json"], &of(Dialect::Databricks)).unwrap_err();
    assert_eq!(gap.kind(), ErrorKind::HistoryGap);
    let text = gap.to_string();
    assert!(["42 to 44", "--from-version", "--allow-gap"].iter().all(|part| text.contains(part)), "{text}");
    mirror.holds("ann a1 10 v=1");
    let gap = mirror.apply(&["2.json"], &covering(Some(43), None)).unwrap_err();
    assert!(gap.to_string().contains("positions 42 to 42"), "{gap}");
    assert_eq!(mirror.window("2.json", &covering(Some(42), Some(50))), "deleted volume");
    assert_eq!(watermark(&mirror), Some(50), "the versions behind the last row are applied too");
    export(&mirror, "3.json", "+ ann a1 10 @60 v=1");
    mirror.options.guards.allow_gap = true;
    assert_eq!(mirror.window("3.json", &of(Dialect::Databricks)), "inserted volume");
}

#[test]
fn an_export_of_no_row_moves_the_watermark_where_its_range_is_said() {
    let mirror = Mirror::new();
    mirror.write(&[("e.json", "")]);
    assert!(mirror.apply(&["e.json"], &of(Dialect::Databricks)).unwrap().is_empty());
    assert_eq!(mirror.window("e.json", &covering(Some(1), Some(9))), "");
    assert_eq!(watermark(&mirror), Some(9));
}

#[test]
fn windows_of_one_call_come_in_the_order_of_versions_not_of_names() {
    let mirror = Mirror::new();
    export(&mirror, "e/9.json", "+ ann a1 10 @1 v=1");
    export(&mirror, "e/10.json", "< ann a1 10 @2 v=1 | ~ ann a1 10 @2 v=2");
    let per_file = SourceOptions { window: Some(WindowFiles::File), ..of(Dialect::Databricks) };
    let applied = mirror.apply(&["e"], &per_file).unwrap();
    assert_eq!(
        applied.iter().map(|applied| mirror.short(applied)).collect::<Vec<_>>(),
        ["inserted volume", "updated coalesced volume"]
    );
    mirror.holds("ann a1 10 v=2");
}

#[test]
fn parts_of_one_export_are_not_taken_for_windows() {
    let mirror = Mirror::new();
    export(&mirror, "e/part-0.json", "+ ann a1 10 @1 v=1 | - ann a1 10 @5 v=1");
    export(&mirror, "e/part-1.json", "+ bob b1 10 @3 v=1");
    let per_file = SourceOptions { window: Some(WindowFiles::File), ..of(Dialect::Databricks) };
    let error = mirror.apply(&["e"], &per_file).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Usage);
    assert!(error.to_string().contains("parts of one export"), "{error}");
    assert_eq!(mirror.store.snapshot().sequence(), 0);
}

#[test]
fn what_is_skipped_is_told_apart_from_what_is_switched_off() {
    let mut mirror = Mirror::new();
    mirror.options.operations.delete = false;
    export(&mirror, "1.json", "+ ann a1 10 @1 v=1");
    export(&mirror, "2.json", "+ ann a1 10 @1 v=1 | - ann a1 10 @2 v=1");
    mirror.window("1.json", &of(Dialect::Databricks));
    let counts = &mirror.apply(&["2.json"], &of(Dialect::Databricks)).unwrap()[0].entry.counts;
    assert_eq!(counts.skipped, 2);
    assert_eq!((counts.counters[&Counter::AlreadyApplied], counts.counters[&Counter::OpDisabled]), (1, 1));
}
