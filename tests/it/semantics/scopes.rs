//! Sources that are responsible for some event times only, and rows that are left out.

use crate::support::notation::{Case, batches, check, short};
use eventmirror::{ApplyOptions, EnabledOperations, Position, Scope};

/// Everything before 10:00, or from then on.
fn scoped(bound: &str) -> ApplyOptions {
    let scope = Scope::parse(&[format!("event_time {bound} 1970-01-01T10:00:00Z")]).unwrap();
    ApplyOptions { scope, ..ApplyOptions::default() }
}

#[test]
fn rows_out_of_scope_are_skipped_and_counted() {
    let mut case = Case::with(scoped("<"));
    let report = case.apply("+ ann a1 9:59:59.999 v=1 | + ann a2 10:00 v=2 | - bob b1 11:00 | ~ cem c1 8:00");
    assert_eq!(short(&report), "inserted=2 skipped=2 update_without_match out_of_scope=2 volume=2");
    case.holds("ann a1 9:59:59.999 v=1 | cem c1 8:00");
    let mut case = Case::with(scoped(">="));
    let report = case.apply("+ ann a1 9:59:59.999 v=1 | + ann a2 10:00 v=2");
    assert_eq!(short(&report), "inserted skipped out_of_scope volume");
    case.holds("ann a2 10:00 v=2");
}

#[test]
fn the_scope_comes_before_every_other_rule() {
    let options = ApplyOptions { operations: EnabledOperations { delete: false, ..Default::default() }, ..scoped("<") };
    let mut case = Case::with(options);
    let report = case.apply("? ann a1 11:00 | + _ a2 11:00 | + ann '' 11:00 | - ann a4 11:00 | . ann a5 11:00");
    assert_eq!(short(&report), "skipped=5 out_of_scope=5");
    let report = case.apply("? ann a1 9:00 | + _ a2 9:00 | + ann a3 _ | - ann a4 9:00 | . ann a5 9:00");
    let expected = "skipped=2 rejected:missing_user_id rejected:missing_event_time rejected:bad_mutation_type \
        op_disabled event_ignored";
    assert_eq!(short(&report), expected);
}

#[test]
fn the_time_of_the_key_decides_and_not_its_cut_off_digits() {
    let scope = Scope::parse(&["event_time < 1970-01-01T00:00:00.0015Z"]).unwrap();
    let mut case = Case::with(ApplyOptions { scope, ..ApplyOptions::default() });
    let report = case.apply("+ ann a1 0:00:00.0019 | + ann a2 0:00:00.002");
    assert_eq!(short(&report), "inserted skipped time_truncated out_of_scope volume");
    case.holds("ann a1 1");
}

#[test]
fn an_update_that_moves_an_event_out_of_the_scope_deletes_it() {
    let moved = "< ann a1 9:00 @2 %7 v=1 | ~ ann a1 11:00 @2 %7 v=1";
    let mut old = Case::with(scoped("<"));
    old.apply("+ ann a1 9:00 v=1");
    let report = old.apply(moved);
    assert_eq!(short(&report), "deleted skipped key_change out_of_scope volume");
    old.holds("");
    let mut new = Case::with(scoped(">="));
    let report = new.apply(moved);
    assert_eq!(short(&report), "inserted skipped update_without_match out_of_scope volume");
    new.holds("ann a1 11:00 v=1");
    // Within either scope nothing is special.
    let report = new.apply("< ann a1 11:00 @2 %7 v=1 | ~ ann a1 12:00 @2 %7 v=1");
    assert_eq!(short(&report), "inserted deleted update_without_match key_change volume=2");
    // A move that has nothing to do with the scope is not counted as one.
    let report = new.apply("< bob b1 8:00 @2 %7 | ~ bob b1 9:00 @2 %7");
    assert_eq!(short(&report), "skipped=2 out_of_scope=2");
    new.holds("ann a1 12:00 v=1");
}

#[test]
fn an_update_back_into_the_scope_brings_the_event_again() {
    let moved = "< ann a1 11:00 @2 %7 v=1 | ~ ann a1 9:00 @2 %7 v=2";
    let mut old = Case::with(scoped("<"));
    assert_eq!(short(&old.apply(moved)), "inserted skipped update_without_match out_of_scope volume");
    old.holds("ann a1 9:00 v=2");
}

/// Section 8 of the fact sheet: a table moves to a new source at a time of the future; the old source keeps what lies
/// before it. Both see the whole change feed, and each event is in the scope of just one.
#[test]
fn two_sources_that_share_a_table_at_a_time_make_the_whole() {
    let feed = [
        "+ ann a1 8:00 v=1 | + ann a2 9:59:59.999 v=1 | + bob b1 10:00 v=1 | + bob b2 23:00 v=1",
        "~ ann a1 8:00 v=2 | ~ bob b1 10:00 v=2 | - bob b2 23:00 | + cem c1 10:00:00.001 v=1",
        "< ann a2 9:59:59.999 %1 v=1 | ~ ann a2 10:30 %1 v=3 | < cem c1 10:00:00.001 %2 v=1 | ~ cem c1 7:00 %2 v=4",
        "- ann a1 8:00 | ~ cem c1 7:00 v=5 | ~ _ x 7:00 | ~ _ x 12:00",
    ];
    let mut whole = Case::new();
    let mut shared = Case::new();
    let (mut read, mut skipped) = (0, 0);
    for (version, records) in (1..).zip(feed) {
        whole.apply(records);
        for (source, bound) in [("old", "<"), ("new", ">=")] {
            shared.options = scoped(bound);
            let mut batch = batches(records, shared.window).remove(0);
            (batch.source, batch.position) = (source.to_owned(), Position::Numbered(version));
            let report = shared.apply_batch(&batch);
            (read, skipped) = (read + report.counts.read, skipped + report.counts.skipped);
        }
    }
    assert_eq!(skipped * 2, read, "each row is in one scope");
    let expected = "ann a2 10:30 v=3 | bob b1 10:00 v=2 | cem c1 7:00 v=5";
    whole.holds(expected);
    shared.holds(expected);
    let fingerprints = |case: &Case| case.store.snapshot().fingerprints().unwrap();
    assert_eq!(fingerprints(&whole), fingerprints(&shared));
}

#[test]
fn a_row_to_leave_out_is_skipped_whatever_its_key() {
    let report = check(". ann a1 10:00 | . _ _ _ | + bob b1 10:00", "bob b1 10:00");
    assert_eq!(short(&report), "inserted skipped=2 event_ignored=2 volume");
}
