//! Exactly once: numbered and named positions, guards, dry runs.

use crate::support::batch::{Batch, Record, named};
use crate::support::dump;
use crate::support::notation::{Case, batches, records, report, short};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{ApplyOptions, Counter, ErrorKind, Guards, Position, Value};

fn numbered(number: u64, text: &str) -> Batch {
    Batch::new("test", Position::Numbered(number), WindowKind::Net, records(text))
}

fn file(name: &str, content: u8, text: &str) -> Batch {
    Batch::new("test", named(name, content), WindowKind::Operations, records(text))
}

#[test]
fn a_number_at_or_below_the_watermark_is_already_applied() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 v=1 || ~ ann a1 10:00 v=2 || ~ ann a1 10:00 v=3");
    for number in [1, 2, 3] {
        let applied = case.store.apply(numbered(number, "- ann a1 10:00").to_change_batch()).unwrap();
        assert!(applied.already_applied && !applied.changed_after_apply);
        assert_eq!(applied.entry.position, Position::Numbered(number), "the entry of the first delivery");
        assert_eq!(applied.entry.sequence, number);
    }
    case.holds("ann a1 10:00 v=3");
    assert_eq!(case.store.snapshot().sequence(), 3, "a replay is no commit");
}

#[test]
fn a_number_below_the_first_is_already_applied() {
    let mut case = Case::new();
    case.apply_batch(&numbered(5, "+ ann a1 10:00"));
    let applied = case.store.apply(numbered(2, "+ ann a2 10:00").to_change_batch()).unwrap();
    assert!(applied.already_applied);
    assert_eq!(applied.entry.position, Position::Numbered(5), "no entry of its own: the watermark's");
}

#[test]
fn the_parts_of_a_replayed_batch_are_not_read() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00");
    assert!(case.store.apply(numbered(1, "+ ann a1 10:00").to_broken_change_batch()).unwrap().already_applied);
}

#[test]
fn sources_have_watermarks_of_their_own() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 || + ann a2 10:00");
    let other = Batch { source: "other".into(), ..numbered(1, "+ ann a3 10:00") };
    case.apply_batch(&other);
    case.holds("ann a1 10:00 | ann a2 10:00 | ann a3 10:00");
    let status = case.store.status().unwrap();
    let watermarks: Vec<_> = status.sources.iter().map(|s| (s.source.as_str(), s.watermark, s.last_sequence)).collect();
    assert_eq!(watermarks, [("other", Some(1), 3), ("test", Some(2), 2)]);
}

#[test]
fn a_gap_in_numbers_is_refused() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00");
    let error = case.store.apply(numbered(4, "- ann a1 10:00").to_change_batch()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::HistoryGap);
    assert!(error.to_string().contains("positions 2 to 3 of source test are missing"), "{error}");
    case.holds("ann a1 10:00");
}

#[test]
fn a_gap_can_be_allowed_and_the_numbers_left_out_are_then_behind_the_watermark() {
    let mut case = Case::new();
    case.options.guards = Guards { allow_gap: true, ..Guards::default() };
    case.apply_batch(&numbered(1, "+ ann a1 10:00"));
    case.apply_batch(&numbered(4, "+ ann a2 10:00"));
    assert!(case.store.apply(numbered(3, "+ ann a3 10:00").to_change_batch()).unwrap().already_applied);
    case.holds("ann a1 10:00 | ann a2 10:00");
}

#[test]
fn a_name_is_applied_exactly_once() {
    let mut case = Case::new();
    case.apply_batch(&file("a.json", 1, "+ ann a1 10:00 v=1"));
    case.apply_batch(&file("b.json", 1, "~ ann a1 10:00 v=2"));
    let applied = case.store.apply(file("a.json", 1, "+ ann a1 10:00 v=1").to_change_batch()).unwrap();
    assert!(applied.already_applied && !applied.changed_after_apply);
    assert_eq!(applied.entry.sequence, 1);
    case.holds("ann a1 10:00 v=2");
}

#[test]
fn a_known_name_with_other_content_is_reported_and_not_applied() {
    let mut case = Case::new();
    case.apply_batch(&file("a.json", 1, "+ ann a1 10:00 v=1"));
    let applied = case.store.apply(file("a.json", 2, "~ ann a1 10:00 v=2").to_change_batch()).unwrap();
    assert!(applied.already_applied && applied.changed_after_apply);
    case.holds("ann a1 10:00 v=1");
}

#[test]
fn a_name_that_sorts_before_an_applied_one_is_late_and_applied_all_the_same() {
    let mut case = Case::new();
    case.apply_batch(&file("2", 1, "+ ann a1 10:00"));
    let late = case.apply_batch(&file("10", 1, "+ ann a2 10:00"));
    assert_eq!(short(&late), "inserted late_file volume", "byte order, not number order");
    let next = case.apply_batch(&file("3", 1, "+ ann a3 10:00"));
    assert!(!next.counts.counters.contains_key(&Counter::LateFile));
    case.holds("ann a1 10:00 | ann a2 10:00 | ann a3 10:00");
}

#[test]
fn names_of_another_source_make_no_file_late() {
    let mut case = Case::new();
    case.apply_batch(&Batch { source: "zz".into(), ..file("zz", 1, "+ ann a1 10:00") });
    let report = case.apply_batch(&file("a", 1, "+ ann a2 10:00"));
    assert_eq!(short(&report), "inserted volume");
}

#[test]
fn names_and_numbers_of_one_source_do_not_mix() {
    let mut case = Case::new();
    case.apply_batch(&file("1", 1, "+ ann a1 10:00"));
    case.apply_batch(&numbered(1, "+ ann a2 10:00"));
    case.holds("ann a1 10:00 | ann a2 10:00");
}

/// A store of `rows` events of one user.
fn filled(rows: i64) -> Case {
    let mut case = Case::new();
    let insert = |n| Record::new(Operation::Insert, "ann", &format!("i{n}"), n).with("v", Value::Int(n));
    case.apply_batch(&Batch::new("test", Position::Numbered(1), WindowKind::Net, (0..rows).map(insert).collect()));
    case
}

fn deletes(from: i64, to: i64) -> Batch {
    let delete = |n| Record::new(Operation::Delete, "ann", &format!("i{n}"), n);
    Batch::new("test", Position::Numbered(2), WindowKind::Net, (from..to).map(delete).collect())
}

#[test]
fn deletes_exactly_at_the_limit_are_applied() {
    assert_eq!(filled(1_000).apply_batch(&deletes(0, 200)).counts.deleted, 200);
}

#[test]
fn deletes_over_the_limit_are_refused_and_nothing_changes() {
    let mut case = filled(1_000);
    let error = case.store.apply(deletes(0, 201).to_change_batch()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("201 of 1000 rows"), "{error}");
    assert_eq!(dump(&case.store.snapshot()).unwrap(), case.oracle.table);
    assert_eq!(case.apply_batch(&deletes(0, 100)).counts.deleted, 100, "the position is still free");
}

#[test]
fn deletes_of_absent_keys_do_not_count_against_the_limit() {
    assert_eq!(filled(1_000).apply_batch(&deletes(900, 2_000)).counts.deleted, 100);
}

#[test]
fn a_store_below_a_thousand_rows_may_lose_them_all() {
    assert_eq!(filled(999).apply_batch(&deletes(0, 999)).counts.deleted, 999);
}

#[test]
fn the_limit_can_be_raised() {
    let mut case = filled(1_000);
    case.options.guards = Guards { max_delete_percent: 100.0, ..Guards::default() };
    assert_eq!(case.apply_batch(&deletes(0, 1_000)).counts.deleted, 1_000);
}

#[test]
fn a_dry_run_says_what_would_happen_and_changes_nothing() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 v=1");
    let dry = ApplyOptions { guards: Guards { dry_run: true, ..Guards::default() }, ..ApplyOptions::default() };
    let batch = &batches("|| ~ ann a1 10:00 v=2 | + ann a2 10:00 | - bob b1 10:00", WindowKind::Net)[1];
    let told = case.store.apply_with(batch.to_change_batch(), &dry).unwrap();
    case.holds("ann a1 10:00 v=1");
    assert_eq!(case.store.log().unwrap().count(), 1);
    let done = case.apply_batch(batch);
    assert_eq!(report(&case.store, &told), done, "applied afterwards in the same process, it does what was told");
    case.holds("ann a1 10:00 v=2 | ann a2 10:00");
}

#[test]
fn a_window_without_records_is_a_commit_of_its_own() {
    let mut case = Case::new();
    let report = case.apply_batch(&numbered(1, ""));
    assert_eq!((report.counts.read, case.store.snapshot().sequence()), (0, 1));
    assert!(case.store.apply(numbered(1, "").to_change_batch()).unwrap().already_applied);
}
