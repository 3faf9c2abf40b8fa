//! What one record on one key does, given what the store has.

use crate::support::notation::{Case, check, short};
use eventmirror::{ApplyOptions, EnabledOperations, Policies, Policy, UpdateMode};

fn with_policies(policies: Policies) -> Case {
    Case::with(ApplyOptions { policies, ..ApplyOptions::default() })
}

fn on_insert_conflict(policy: Policy) -> Case {
    with_policies(Policies { on_insert_conflict: policy, ..Policies::default() })
}

fn on_unmatched_update(policy: Policy) -> Case {
    with_policies(Policies { on_unmatched_update: policy, ..Policies::default() })
}

fn merging() -> Case {
    with_policies(Policies { update_mode: UpdateMode::Merge, ..Policies::default() })
}

#[test]
fn insert_of_an_absent_key_is_inserted() {
    assert_eq!(short(&check("+ ann a1 10:00 v=1", "ann a1 10:00 v=1")), "inserted volume");
}

#[test]
fn insert_of_a_present_key_with_the_same_payload_is_unchanged() {
    for policy in [Policy::Apply, Policy::Ignore, Policy::Reject] {
        let mut case = on_insert_conflict(policy);
        assert_eq!(short(&case.apply("+ ann a1 10:00 v=1 || + ann a1 10:00 v=1")), "unchanged volume", "{policy:?}");
    }
}

#[test]
fn insert_conflict_replaces() {
    let report = check("+ ann a1 10:00 v=1 w=1 || + ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "updated insert_conflict volume");
}

#[test]
fn insert_conflict_ignored_leaves_the_row() {
    let mut case = on_insert_conflict(Policy::Ignore);
    let report = case.apply("+ ann a1 10:00 v=1 || + ann a1 10:00 v=2");
    assert_eq!(short(&report), "without_effect insert_conflict volume");
    case.holds("ann a1 10:00 v=1");
}

#[test]
fn insert_conflict_rejected_leaves_the_row_and_lists_the_new_one() {
    let mut case = on_insert_conflict(Policy::Reject);
    let report = case.apply("+ ann a1 10:00 v=1 || + bob b1 10:00 | + ann a1 10:00 v=2");
    assert_eq!(short(&report), "inserted rejected:insert_conflict insert_conflict volume");
    case.holds("ann a1 10:00 v=1 | bob b1 10:00");
    let (_, rejection) = case.store.rejections().unwrap().last().unwrap().unwrap();
    assert_eq!(rejection.row, r#"{"user_id":"ann","insert_id":"a1","event_time":36000000,"v":2}"#);
    assert_eq!(rejection.row_number, 3);
}

#[test]
fn update_of_a_present_key_replaces_the_whole_row() {
    let report = check("+ ann a1 10:00 v=1 w=1 || ~ ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "updated volume");
}

#[test]
fn update_of_a_present_key_with_the_same_payload_is_unchanged() {
    let report = check("+ ann a1 10:00 v=1 || ~ ann a1 10:00 v=1", "ann a1 10:00 v=1");
    assert_eq!(short(&report), "unchanged volume");
}

#[test]
fn update_of_an_absent_key_is_upserted() {
    assert_eq!(short(&check("~ ann a1 10:00 v=1", "ann a1 10:00 v=1")), "inserted update_without_match volume");
}

#[test]
fn update_of_an_absent_key_can_be_ignored() {
    let mut case = on_unmatched_update(Policy::Ignore);
    assert_eq!(short(&case.apply("~ ann a1 10:00 v=1")), "without_effect update_without_match volume");
    case.holds("");
}

#[test]
fn update_of_an_absent_key_can_be_rejected_and_is_then_no_volume() {
    let mut case = on_unmatched_update(Policy::Reject);
    let report = case.apply("~ ann a1 10:00 v=1 | + bob b1 10:00");
    assert_eq!(short(&report), "inserted rejected:update_without_match update_without_match volume");
    case.holds("bob b1 10:00");
}

#[test]
fn an_update_with_its_old_half_is_an_update_without_match_too() {
    let report = check("< ann a1 10:00 @4 %1 | ~ ann a1 10:00 @4 %1 v=1", "ann a1 10:00 v=1");
    assert_eq!(short(&report), "inserted coalesced update_without_match volume");
    let mut case = on_unmatched_update(Policy::Reject);
    let report = case.apply("< ann a1 10:00 @4 %1 | ~ ann a1 10:00 @4 %1 v=1");
    assert_eq!(short(&report), "coalesced rejected:update_without_match update_without_match");
}

#[test]
fn an_unmatched_update_hints_at_the_event_with_the_same_ids_and_tells_the_offset() {
    for policy in [Policy::Apply, Policy::Ignore, Policy::Reject] {
        let mut case = on_unmatched_update(policy);
        let report =
            case.apply("+ ann a1 10:00 | + ann a2 11:00 | + bob a1 12:00 || ~ ann a1 09:00 v=1 | ~ eve e1 10:00");
        let key = ("ann".to_owned(), "a1".to_owned(), 9 * 3_600_000);
        assert_eq!(report.near_matches, [(key, 3_600_000)], "one hour, which smells of a time zone");
    }
}

#[test]
fn an_update_that_matches_gives_no_hint() {
    let report = check("+ ann a1 10:00 | + ann a1 09:00 || ~ ann a1 09:00 v=1", "ann a1 10:00 | ann a1 09:00 v=1");
    assert!(report.near_matches.is_empty());
}

#[test]
fn merging_keeps_the_columns_that_an_update_does_not_bring() {
    let mut case = merging();
    let report = case.apply("+ ann a1 10:00 v=1 w=1 || ~ ann a1 10:00 v=2 x=3");
    assert_eq!(short(&report), "updated volume");
    case.holds("ann a1 10:00 v=2 w=1 x=3");
    assert_eq!(short(&case.apply("~ ann a1 10:00 w=1")), "unchanged volume", "nothing new in the patch");
}

#[test]
fn merging_lays_several_patches_of_one_window_over_each_other() {
    let mut case = merging();
    let report = case.apply("+ ann a1 10:00 v=1 w=1 || ~ ann a1 10:00 v=2 x=3 | ~ ann a1 10:00 x=4 y=5");
    assert_eq!(short(&report), "updated coalesced volume");
    case.holds("ann a1 10:00 v=2 w=1 x=4 y=5");
}

#[test]
fn merging_ends_at_the_insert_or_delete_that_the_patches_follow() {
    let mut case = merging();
    case.apply("+ ann a1 10:00 v=1 w=1 | + ann a2 10:00 v=1 w=1");
    let report = case.apply("+ ann a1 10:00 x=1 | ~ ann a1 10:00 y=2 | - ann a2 10:00 | ~ ann a2 10:00 y=2");
    assert_eq!(short(&report), "updated=2 coalesced=2 volume=2");
    case.holds("ann a1 10:00 x=1 y=2 | ann a2 10:00 y=2");
}

#[test]
fn merging_upserts_what_is_absent_and_replaces_on_insert() {
    let mut case = merging();
    assert_eq!(
        short(&case.apply("~ ann a1 10:00 v=1 | ~ ann a1 10:00 w=2")),
        "inserted coalesced update_without_match volume"
    );
    case.holds("ann a1 10:00 v=1 w=2");
    case.apply("+ ann a1 10:00 x=1");
    case.holds("ann a1 10:00 x=1");
}

#[test]
fn delete_of_a_present_key_deletes() {
    assert_eq!(short(&check("+ ann a1 10:00 v=1 || - ann a1 10:00", "")), "deleted volume");
}

#[test]
fn delete_of_an_absent_key_is_without_effect() {
    let report = check("+ ann a1 10:00 || - ann a1 10:01", "ann a1 10:00");
    assert_eq!(short(&report), "without_effect delete_without_match volume");
}

#[test]
fn delete_reads_only_the_key_fields() {
    let report = check("+ ann a1 10:00 v=1 || - ann a1 10:00 v=999 w=other", "");
    assert_eq!(short(&report), "deleted volume");
}

#[test]
fn a_deleted_event_can_come_again() {
    let report = check("+ ann a1 10:00 v=1 w=1 || - ann a1 10:00 || + ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "inserted volume");
}

#[test]
fn an_unknown_operation_is_rejected() {
    let report = check("+ ann a1 10:00 v=1 || ? ann a1 10:00 v=2 | ? _ _ _", "ann a1 10:00 v=1");
    assert_eq!(short(&report), "rejected:bad_mutation_type=2");
}

#[test]
fn operations_that_are_switched_off_are_skipped_and_counted() {
    let all = EnabledOperations::default();
    let text = "+ ann a1 10:00 v=1 | ~ bob b1 10:00 v=1 | - eve e1 10:00 | < joe j1 10:00";
    let mut case =
        Case::with(ApplyOptions { operations: EnabledOperations { delete: false, ..all }, ..ApplyOptions::default() });
    assert_eq!(
        short(&case.apply(text)),
        "inserted=2 without_effect skipped update_without_match delete_without_match op_disabled volume=3"
    );
    let mut case =
        Case::with(ApplyOptions { operations: EnabledOperations { update: false, ..all }, ..ApplyOptions::default() });
    let report = case.apply(text);
    assert_eq!(
        short(&report),
        "inserted without_effect skipped=2 delete_without_match op_disabled=2 volume=2",
        "both halves of an update"
    );
    case.holds("ann a1 10:00 v=1");
    let mut case =
        Case::with(ApplyOptions { operations: EnabledOperations { insert: false, ..all }, ..ApplyOptions::default() });
    case.apply(text);
    case.holds("bob b1 10:00 v=1");
}

#[test]
fn a_switched_off_row_is_skipped_even_without_a_key() {
    let operations = EnabledOperations { delete: false, ..EnabledOperations::default() };
    let mut case = Case::with(ApplyOptions { operations, ..ApplyOptions::default() });
    assert_eq!(short(&case.apply("- _ a1 10:00")), "skipped op_disabled");
}
