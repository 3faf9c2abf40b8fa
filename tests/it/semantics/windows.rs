//! Several records on one key in one window.

use crate::support::notation::{Case, check, short};
use eventmirror::{ApplyOptions, Policies, Policy};

#[test]
fn the_highest_sequence_wins() {
    let report = check("~ ann a1 10:00 @9 v=9 | + ann a1 10:00 @5 v=5 | ~ ann a1 10:00 @7 v=7", "ann a1 10:00 v=9");
    assert_eq!(short(&report), "inserted coalesced=2 volume");
    check("- ann a1 10:00 @9 | + ann a1 10:00 @5 v=5", "");
}

#[test]
fn without_a_sequence_the_last_row_wins() {
    let report = check("+ ann a1 10:00 v=1 | ~ ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "inserted coalesced volume");
    let report = check("+ ann a1 10:00 v=1 || - ann a1 10:00 | + ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "updated coalesced volume");
}

#[test]
fn inserts_and_updates_of_one_window_promise_nothing_about_the_store() {
    let report = check("+ ann a1 10:00 v=0 || + ann a1 10:00 v=1 | ~ ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "updated coalesced volume");
    let report = check("- ann a1 10:00 | ~ ann a1 10:00 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "inserted coalesced volume");
}

#[test]
fn a_put_beats_a_delete_at_one_sequence() {
    for text in ["- ann a1 10:00 @3 | + ann a1 10:00 @3 v=2", "+ ann a1 10:00 @3 v=2 | - ann a1 10:00 @3"] {
        let report = check(&format!("+ ann a1 10:00 v=1 || {text}"), "ann a1 10:00 v=2");
        assert_eq!(short(&report), "updated coalesced volume", "{text}");
    }
}

#[test]
fn two_different_puts_at_one_sequence_are_a_conflict_and_both_are_listed() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 v=0");
    let report =
        case.apply("~ ann a1 10:00 @1 v=1 | ~ bob b1 10:00 @3 | ~ ann a1 10:00 @3 v=2 | ~ ann a1 10:00 @3 v=3");
    assert_eq!(short(&report), "inserted coalesced rejected:conflict=2 update_without_match volume");
    case.holds("ann a1 10:00 v=0 | bob b1 10:00");
    let listed: Vec<_> =
        case.store.rejections().unwrap().map(|r| r.unwrap().1).map(|r| (r.row_number, r.row)).collect();
    let row = |v| format!(r#"{{"user_id":"ann","insert_id":"a1","event_time":36000000,"v":{v}}}"#);
    assert_eq!(listed, [(5, row(2)), (6, row(3))]);
}

#[test]
fn a_conflict_below_the_last_sequence_does_not_matter() {
    let report = check("+ ann a1 10:00 @3 v=2 | + ann a1 10:00 @3 v=3 | ~ ann a1 10:00 @4 v=4", "ann a1 10:00 v=4");
    assert_eq!(short(&report), "inserted coalesced=2 volume");
    check("+ ann a1 10:00 @3 v=2 | + ann a1 10:00 @3 v=3 | - ann a1 10:00 @4", "");
}

#[test]
fn two_equal_puts_at_one_sequence_are_one() {
    let report = check("+ ann a1 10:00 @3 v=2 | + ann a1 10:00 @3 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "inserted coalesced volume");
}

#[test]
fn operations_on_one_key_in_a_window_without_order_are_a_hazard() {
    let mut case = Case::of_operations();
    let report = case.apply("+ ann a1 10:00 v=1 | ~ ann a1 10:00 v=2 | - ann a1 10:00 | + bob b1 10:00");
    assert_eq!(short(&report), "inserted coalesced=2 without_effect order_hazard volume=4");
    case.holds("bob b1 10:00");
    let mut net = Case::new();
    assert_eq!(short(&net.apply("+ ann a1 10:00 v=1 | ~ ann a1 10:00 v=2")), "inserted coalesced volume");
}

#[test]
fn insert_then_delete_in_one_window_is_a_tombstone_and_not_nothing() {
    let report = check("+ ann a1 10:00 v=1 | - ann a1 10:00", "");
    assert_eq!(short(&report), "coalesced without_effect", "nothing to delete, and no event that the vendor sees");
    let report = check("+ ann a1 10:00 v=1 || + ann a1 10:00 v=1 | - ann a1 10:00", "");
    assert_eq!(short(&report), "deleted coalesced", "the store knew the key from an earlier delivery");
}

#[test]
fn update_then_delete_in_one_window_deletes() {
    let report = check("+ ann a1 10:00 v=1 || ~ ann a1 10:00 v=2 | - ann a1 10:00", "");
    assert_eq!(short(&report), "deleted coalesced volume");
}

#[test]
fn a_changed_key_deletes_the_old_one_and_puts_the_new_one() {
    let report = check("+ ann a1 10:00 v=1 || < ann a1 10:00 @2 %7 v=1 | ~ ann a1 11:00 @2 %7 v=1", "ann a1 11:00 v=1");
    assert_eq!(short(&report), "inserted deleted update_without_match key_change volume=2");
}

#[test]
fn an_update_with_both_halves_under_one_key_is_no_key_change() {
    let report = check("+ ann a1 10:00 v=1 || < ann a1 10:00 @2 %7 v=1 | ~ ann a1 10:00 @2 %7 v=2", "ann a1 10:00 v=2");
    assert_eq!(short(&report), "updated coalesced volume");
}

#[test]
fn a_swap_of_two_keys_in_one_window_updates_both() {
    // The fixture of the fact sheet's net-operation algorithm, all at one sequence as a stream's unload has it.
    let swap = "< A A 10:00 @1 %1 v=1 | ~ B B 10:00 @1 %1 v=1 | < B B 10:00 @1 %2 v=2 | ~ A A 10:00 @1 %2 v=2";
    let report = check(&format!("+ A A 10:00 v=1 | + B B 10:00 v=2 || {swap}"), "A A 10:00 v=2 | B B 10:00 v=1");
    assert_eq!(short(&report), "updated=2 coalesced=2 key_change=2 volume=2");
}

/// A warehouse gives every row an id, also those of a delete; only the old half of an update is an event that moves.
#[test]
fn a_delete_beside_an_insert_of_the_same_row_is_no_key_change() {
    let mut case = Case::new();
    let report = case.apply("+ A A 10:00 v=1 || - A A 10:00 @1 %1 | + B B 10:00 @1 %1 v=1");
    assert_eq!(short(&report), "inserted deleted volume=2");
    case.holds("B B 10:00 v=1");
}

#[test]
fn a_chain_of_two_key_changes_leaves_the_last_key_alone() {
    let chain = "< A A 10:00 @1 %1 v=1 | ~ B B 10:00 @1 %1 v=1 | < B B 10:00 @2 %1 v=1 | ~ C C 10:00 @2 %1 v=1";
    let report = check(&format!("+ A A 10:00 v=1 || {chain}"), "C C 10:00 v=1");
    // B came and went within the window: without effect, no event volume, and no delete that misses its event.
    assert_eq!((report.counts.deleted, report.counts.inserted, report.counts.without_effect), (1, 1, 1));
    assert_eq!(short(&report), "inserted deleted coalesced without_effect update_without_match key_change volume=2");
}

#[test]
fn an_old_half_without_its_new_half_deletes_its_key() {
    // The row left the warehouse's filter, so the new half is not in the window.
    let report = check("+ ann a1 10:00 v=1 || < ann a1 10:00 @2 %7 v=1", "");
    assert_eq!(short(&report), "deleted volume");
    assert_eq!(short(&check("< ann a1 10:00 v=1", "")), "without_effect delete_without_match volume");
}

#[test]
fn volume_of_a_warehouse_window_is_one_per_event() {
    // The worked example of the fact sheet: ten operations on four events in two windows.
    let (first, second) = (
        "+ a a 1 v=1 | ~ a a 1 v=2 | ~ a a 1 v=3 | + b b 1 | - b b 1 | ~ c c 1 v=2 | - d d 1 | + d d 1 v=2",
        "~ a a 1 v=4 | - c c 1",
    );
    let before = "+ c c 1 v=1 | + d d 1 v=1";
    let volume = |mut case: Case| {
        case.apply(before);
        case.apply(first).counts.event_volume + case.apply(second).counts.event_volume
    };
    assert_eq!(volume(Case::new()), 5);
    assert_eq!(volume(Case::of_operations()), 10, "S3 counts every accepted operation");
}

#[test]
fn rejected_and_switched_off_rows_are_no_volume() {
    let policies =
        Policies { on_unmatched_update: Policy::Reject, on_insert_conflict: Policy::Reject, ..Policies::default() };
    for mut case in [Case::new(), Case::of_operations()] {
        case.options = ApplyOptions { policies, ..ApplyOptions::default() };
        case.options.operations.delete = false;
        let report = case
            .apply("+ ann a1 10:00 v=1 || + ann a1 10:00 v=2 | ~ bob b1 10:00 | - ann a1 10:00 | ? x y 1 | + _ y 1");
        assert_eq!(report.counts.event_volume, 0, "{:?}", case.window);
    }
}

#[test]
fn accepted_operations_under_a_conflict_are_volume_where_each_stands_alone() {
    let mut case = Case::of_operations();
    let report = case.apply("+ ann a1 10:00 @1 v=1 | ~ ann a1 10:00 @2 v=2 | ~ ann a1 10:00 @2 v=3");
    assert_eq!(short(&report), "coalesced rejected:conflict=2 order_hazard volume");
}
