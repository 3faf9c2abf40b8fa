//! What identifies an event, and which rows have no usable key.

use crate::support::batch::{Batch, Record};
use crate::support::notation::{Case, check, short};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{ApplyOptions, IdRules, Position, StoreOptions, TimePrecision, Value};

#[test]
fn all_three_key_fields_must_match() {
    let report = check(
        "+ ann a1 10:00 v=1 || ~ bob a1 10:00 v=2 | ~ ann a2 10:00 v=3 | ~ ann a1 10:01 v=4",
        "ann a1 10:00 v=1 | bob a1 10:00 v=2 | ann a2 10:00 v=3 | ann a1 10:01 v=4",
    );
    assert_eq!(short(&report), "inserted=3 update_without_match=3 volume=3");
}

#[test]
fn ids_match_byte_for_byte_without_trimming_case_folding_or_normalisation() {
    // é as one code point and as e with an accent; a leading and a trailing space; NUL; a UUID in both cases.
    let ids = [
        "ann",
        "Ann",
        " ann",
        "ann ",
        "ann\0",
        "\u{e9}",
        "e\u{301}",
        "\u{fb01}",
        "fi",
        "8c1a2b3c-4d5e-4f60-8172-93a4b5c6d7e8",
        "8C1A2B3C-4D5E-4F60-8172-93A4B5C6D7E8",
    ];
    let put = |operation: Operation, first: i64| -> Vec<Record> {
        let pairs = ids.iter().flat_map(|user| ids.iter().map(move |insert| (*user, *insert)));
        let record = |(index, (user, insert)): (usize, (&str, &str))| {
            Record::new(operation, user, insert, 5).with("v", Value::Int(first + index as i64))
        };
        pairs.enumerate().map(record).collect()
    };
    let mut case = Case::new();
    let batch = |number, records| Batch::new("test", Position::Numbered(number), WindowKind::Net, records);
    let all = (ids.len() * ids.len()) as u64;
    assert_eq!(case.apply_batch(&batch(1, put(Operation::Insert, 0))).counts.inserted, all);
    let again = case.apply_batch(&batch(2, put(Operation::Update, 1_000)));
    assert_eq!((again.counts.updated, again.counts.coalesced), (all, 0));
}

#[test]
fn a_time_is_floored_to_the_precision_and_counted() {
    let report = check("+ ann a1 1500.999999 | + ann a2 1500", "ann a1 1500 | ann a2 1500");
    assert_eq!(short(&report), "inserted=2 time_truncated volume=2");
}

#[test]
fn a_time_before_1970_is_floored_toward_minus_infinity() {
    let report = check("+ ann a1 -0.000001 | + ann a2 -1.5 | + ann a3 -2", "ann a1 -1 | ann a2 -2 | ann a3 -2");
    assert_eq!(short(&report), "inserted=3 time_truncated=2 volume=3");
}

#[test]
fn a_time_that_was_cut_off_finds_its_event_again() {
    let report = check("+ ann a1 10:00:00.123456 v=1 || - ann a1 10:00:00.1239", "");
    assert_eq!(short(&report), "deleted time_truncated volume");
}

#[test]
fn two_source_rows_that_fall_on_one_key_are_a_key_collision() {
    let report = check("+ ann a1 7.25 v=1 | + ann a1 7.5 v=2 | + ann a1 7.25 v=3", "ann a1 7 v=3");
    assert_eq!(short(&report), "inserted coalesced=2 time_truncated=3 key_collision volume");
    let same_instant = check("+ ann a1 7 v=1 | + ann a1 7 v=2", "ann a1 7 v=2");
    assert_eq!(short(&same_instant), "inserted coalesced volume", "one source row twice is no collision");
}

#[test]
fn a_store_of_microseconds_keeps_them() {
    let options = StoreOptions { precision: Some(TimePrecision::Micros), ..StoreOptions::default() };
    let mut case = Case::with_store(options);
    let report = case.apply("+ ann a1 7.000001 | + ann a1 7.000999 | + ann a1 7.001 | + ann a1 -0.000001");
    assert_eq!(short(&report), "inserted=3 coalesced time_truncated=3 key_collision volume=3");
    let times: Vec<i64> =
        case.store.snapshot().user_events("ann").unwrap().map(|e| e.unwrap().key.event_time).collect();
    assert_eq!(times, [-1, 7_000, 7_001]);
}

#[test]
fn the_ends_of_time_are_kept() {
    for millis in [i64::MIN / 1_000, i64::MAX / 1_000] {
        let mut case = Case::new();
        let batch = vec![Record::new(Operation::Insert, "ann", "a1", millis)];
        case.apply_batch(&Batch::new("test", Position::Numbered(1), WindowKind::Net, batch));
        case.holds(&format!("ann a1 {millis}"));
    }
}

#[test]
fn a_row_without_user_id_is_rejected() {
    let report = check("+ _ a1 10:00 | + '' a1 10:00 | + ann a1 10:00", "ann a1 10:00");
    assert_eq!(short(&report), "inserted rejected:missing_user_id=2 volume");
    assert_eq!(report.rejections.iter().map(|(row, _)| *row).collect::<Vec<_>>(), [2, 3]);
}

#[test]
fn a_row_without_insert_id_is_rejected() {
    let report = check("+ ann _ 10:00 | ~ ann '' 10:00 | - ann _ 10:00", "");
    assert_eq!(short(&report), "rejected:missing_insert_id=3");
}

#[test]
fn a_row_without_time_is_rejected_and_never_gets_the_present_one() {
    let report = check("+ ann a1 _ v=1", "");
    assert_eq!(short(&report), "rejected:missing_event_time");
}

#[test]
fn a_row_that_the_source_refuses_keeps_its_rule_and_line() {
    let report = check("+ ann a1 10:00 | + ann a2 10:00 !bad_event_time | + ann a3 10:00 !bad_user_id", "ann a1 10:00");
    assert_eq!(short(&report), "inserted rejected:bad_user_id rejected:bad_event_time volume");
    let rows: Vec<u64> = report.rejections.iter().map(|(row, _)| *row).collect();
    assert_eq!(rows, [Batch::row_number(1), Batch::row_number(2)]);
}

#[test]
fn a_rejected_row_is_kept_as_it_was_read() {
    let mut case = Case::new();
    case.apply("+ _ a1 10:00 plan=pro n=7 gone=null");
    let (sequence, rejection) = case.store.rejections().unwrap().next().unwrap().unwrap();
    assert_eq!((sequence, rejection.row_number), (1, 2));
    assert_eq!(rejection.row, r#"{"n":7,"plan":"pro"}"#);
    assert!(!rejection.detail.is_empty());
}

#[test]
fn id_rules_of_the_vendor_are_off_by_default() {
    let report =
        check("+ anonymous a1 10:00 | + 0 a1 10:00 | + ab a1 10:00", "anonymous a1 10:00 | 0 a1 10:00 | ab a1 10:00");
    assert_eq!(short(&report), "inserted=3 volume=3");
}

#[test]
fn id_rules_amplitude_reject_short_ids_and_forbidden_literals() {
    let mut case = Case::with(ApplyOptions { id_rules: IdRules::Amplitude, ..ApplyOptions::default() });
    let text = "+ anonymous a1 10:00 | + unknown a1 10:00 | + lmy47d a1 10:00 | + abcd a1 10:00 | + abcde a1 10:00 | + ann-é a1 10:00";
    let report = case.apply(text);
    assert_eq!(short(&report), "inserted=2 rejected:user_id_too_short rejected:user_id_forbidden=3 volume=2");
    case.holds("abcde a1 10:00 | ann-é a1 10:00");
}

#[test]
fn characters_count_for_the_length_of_an_id_and_not_bytes() {
    let mut case = Case::with(ApplyOptions { id_rules: IdRules::Amplitude, ..ApplyOptions::default() });
    assert_eq!(short(&case.apply("+ éééé a1 10:00 | + ééééé a1 10:00")), "inserted rejected:user_id_too_short volume");
}

#[test]
fn rows_of_a_forgotten_user_are_rejected_until_the_suppression_is_lifted() {
    let mut case = Case::new();
    case.apply("+ ann a1 10:00 v=1 | + bob b1 10:00 v=1");
    case.store.suppress("ann").unwrap();
    case.oracle.suppressed.insert("ann".into());
    let report = case.apply("~ ann a1 10:00 v=2 | - ann a1 10:00 | ~ bob b1 10:00 v=2");
    assert_eq!(short(&report), "updated rejected:suppressed_user=2 volume");
    case.holds("ann a1 10:00 v=1 | bob b1 10:00 v=2");
    case.store.lift_suppression("ann").unwrap();
    case.oracle.suppressed.clear();
    assert_eq!(short(&case.apply("~ ann a1 10:00 v=2")), "updated volume");
}
