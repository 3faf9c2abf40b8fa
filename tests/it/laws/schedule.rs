//! Schedules of operations, small enough in their keys that collisions happen all the time.

use crate::support::batch::Record;
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{ApplyOptions, EnabledOperations, Guards, Policies, Policy, Rule, Scope, UpdateMode, Value};
use proptest::prelude::*;
use proptest::sample::{Index, select};
use std::collections::BTreeMap;

pub const USERS: u8 = 3;

/// One operation of a schedule.
#[derive(Debug, Clone)]
pub enum Step {
    Apply(Plan),
    /// Ask what a batch would do.
    DryRun(Plan),
    /// Apply a batch whose input is damaged behind its last record.
    Broken(Plan),
    /// Deliver an earlier batch of the schedule again.
    Replay(Index),
    /// Deliver an earlier batch again whose file was changed.
    ReplayChanged(Index),
    /// Close the store and open it again.
    Reopen,
    /// Take a snapshot and keep it until the store is closed or the schedule ends.
    Hold,
    /// Open the store for reading beside the writer.
    ReadOnly,
    Suppress(u8),
    Lift(u8),
}

/// A batch before it is known where it will stand. Users are numbers until they get the schedule's prefix.
#[derive(Debug, Clone)]
pub struct Plan {
    pub records: Vec<Record>,
    pub window: WindowKind,
    pub parts: Vec<usize>,
    pub position: Place,
    pub options: ApplyOptions,
}

#[derive(Debug, Clone, Copy)]
pub enum Place {
    /// The number behind the watermark.
    Next,
    /// Numbers are left out.
    Gap(u8),
    /// Several numbers at once: how far before the one behind the next they begin, and how far beyond it they end.
    Range(u8, u8),
    /// A file name; any order, so that some come late and some again.
    Name(u8, u8),
}

pub fn schedules() -> impl Strategy<Value = Vec<Step>> {
    prop::collection::vec(steps(), 1..9)
}

fn steps() -> impl Strategy<Value = Step> {
    prop_oneof![
        160 => plans().prop_map(Step::Apply),
        10 => plans().prop_map(Step::DryRun),
        20 => plans().prop_map(Step::Broken),
        20 => any::<Index>().prop_map(Step::Replay),
        8 => any::<Index>().prop_map(Step::ReplayChanged),
        // These take a hundred times as long as the others.
        1 => Just(Step::Reopen),
        1 => Just(Step::ReadOnly),
        15 => Just(Step::Hold),
        6 => (0..USERS).prop_map(Step::Suppress),
        6 => (0..USERS).prop_map(Step::Lift),
    ]
}

pub fn plans() -> impl Strategy<Value = Plan> {
    let place = prop_oneof![
        6 => Just(Place::Next),
        1 => (1u8..4).prop_map(Place::Gap),
        2 => (0u8..4, 0u8..4).prop_map(|(before, beyond)| Place::Range(before, beyond)),
        3 => (0u8..6, 0u8..2).prop_map(|(name, content)| Place::Name(name, content)),
    ];
    let parts = prop::collection::vec(0usize..5, 0..4);
    let window = select(vec![WindowKind::Net, WindowKind::Operations]);
    (windows_of_records(), window, parts, place, options())
        .prop_map(|(records, window, parts, position, options)| Plan { records, window, parts, position, options })
}

/// The records of one window: without a sequence, or all with one; without pairs, or with some.
pub fn windows_of_records() -> impl Strategy<Value = Vec<Record>> {
    let records = prop::collection::vec((records(), 0u64..4, prop::option::of(0u128..3)), 0..10);
    (records, any::<bool>(), any::<bool>()).prop_map(|(records, has_sequence, has_pairs)| {
        let finish = |(mut record, sequence, pair): (Record, u64, Option<u128>)| {
            record.sequence = has_sequence.then_some(sequence);
            let is_half = matches!(record.operation, Operation::PreImage | Operation::Update);
            record.pair = pair.filter(|_| has_pairs && is_half);
            record
        };
        records.into_iter().map(finish).collect()
    })
}

fn records() -> impl Strategy<Value = Record> {
    let operation = prop_oneof![
        8 => Just(Operation::Insert),
        8 => Just(Operation::Update),
        6 => Just(Operation::Delete),
        3 => Just(Operation::PreImage),
        1 => Just(Operation::Unknown),
        1 => Just(Operation::Ignored),
    ];
    let user = prop_oneof![
        20 => (0..USERS).prop_map(|user| Some(user.to_string())),
        1 => Just(None),
        1 => Just(Some(String::new())),
    ];
    let insert = prop_oneof![
        20 => select(vec!["a", "b"]).prop_map(|insert| Some(insert.to_owned())),
        1 => Just(None),
    ];
    // Milliseconds 0, 1, -1 and what falls on them only because digits are cut off.
    let times = [(0, 0), (0, 0), (1_000, 0), (-1_000, 0), (0, 1), (999, 0), (-1, 0), (-1_000, 999)];
    let time = prop_oneof![20 => select(times.to_vec()).prop_map(Some), 1 => Just(None)];
    let refused = prop_oneof![30 => Just(None), 1 => Just(Some(Rule::BadEventTime))];
    (operation, user, insert, time, columns(), refused).prop_map(
        |(operation, user_id, insert_id, time, columns, refused)| Record {
            operation,
            user_id,
            insert_id,
            time,
            sequence: None,
            pair: None,
            columns,
            refused,
        },
    )
}

fn columns() -> impl Strategy<Value = BTreeMap<String, Option<Value>>> {
    let value = prop_oneof![
        2 => Just(None),
        6 => (0i64..2).prop_map(|number| Some(Value::Int(number))),
        1 => Just(Some(Value::Text("0".into()))),
        1 => Just(Some(Value::Bool(true))),
    ];
    prop::collection::btree_map(select(vec!["a", "b", "c"]).prop_map(str::to_owned), value, 0..3)
}

fn options() -> impl Strategy<Value = ApplyOptions> {
    let policy = || select(vec![Policy::Apply, Policy::Apply, Policy::Ignore, Policy::Reject]);
    let mode = select(vec![UpdateMode::Replace, UpdateMode::Replace, UpdateMode::Merge]);
    let on = || prop::bool::weighted(0.95);
    let operations =
        (on(), on(), on()).prop_map(|(insert, update, delete)| EnabledOperations { insert, update, delete });
    // Every key before 0, at 0 and after it is in one of two scopes.
    let bounds = [&[][..], &[], &["event_time < 0"], &["event_time >= 0"], &["event_time >= 0", "event_time < 1"]];
    let scope = select(bounds.to_vec()).prop_map(|bounds| Scope::parse(bounds).unwrap());
    (policy(), policy(), mode, operations, any::<bool>(), scope).prop_map(
        |(on_insert_conflict, on_unmatched_update, update_mode, operations, allow_gap, scope)| ApplyOptions {
            scope,
            operations,
            policies: Policies { on_insert_conflict, on_unmatched_update, update_mode },
            guards: Guards { allow_gap, ..Guards::default() },
            ..ApplyOptions::default()
        },
    )
}
