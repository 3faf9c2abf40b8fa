//! What the frozen stores were made of.

use crate::support::batch::{Batch, Record, named};
use crate::support::oracle::{Oracle, Outcome};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::{ApplyOptions, Policies, Policy, Position, Rule, StoreOptions, TimeUnit, Value};

const UUID: &str = "8c1a2b3c-4d5e-4f60-8172-93a4b5c6d7e8";
const OTHER_UUID: &str = "00000000-0000-4000-8000-00000000000f";

/// The batches, each with the options that the store is opened with for it.
pub(super) fn batches() -> Vec<(Batch, StoreOptions)> {
    use Operation::{Delete, Insert, PreImage, Unknown, Update};
    // Little memory makes the index fold; then lists stay unfolded.
    let folding = StoreOptions { memory: 1 << 10, ..StoreOptions::default() };
    let chunked = StoreOptions { chunk_bytes: 1, ..folding.clone() };
    let ingested = StoreOptions { ingest_rows: 1, ..folding.clone() };
    let plain = StoreOptions::default();
    let text = |text: &str| Value::Text(text.to_owned());
    let all_types = |user: &str, insert: &str, time: i64| {
        let mut record = Record::new(Insert, user, insert, time);
        for (index, value) in every_value().into_iter().enumerate() {
            record = record.with(&format!("column {index}"), value);
        }
        record
    };
    let many = (0..40)
        .map(|n| Record::new(Insert, &format!("user {}", n % 7), &format!("{n}"), n * 1_000).with("n", Value::Int(n)));
    let half = |operation, insert: &str, pair| Record { pair: Some(pair), ..Record::new(operation, "mia", insert, 7) };
    let net = |number, records| Batch::new("warehouse", Position::Numbered(number), WindowKind::Net, records);
    let file = |name, content, records| Batch::new("s3", named(name, content), WindowKind::Operations, records);
    vec![
        (net(1, many.collect()), folding),
        (
            net(
                2,
                vec![
                    all_types("ann", "all", 1_700_000_000_123),
                    all_types(UUID, OTHER_UUID, -1),
                    Record::new(Insert, "nul\0in\0id", "\0", 0).with("plan", text("pro")),
                    Record::new(Insert, "nul", "\0in\0id", 0),
                    Record::new(Insert, UUID, "plain", i64::MAX / 1_000).with("größe", Value::Int(1)),
                    Record::new(Insert, "ann", &UUID.to_uppercase(), i64::MIN / 1_000),
                    Record::new(Insert, "user 1", "1", 1_000).with("n", Value::Int(-1)),
                ],
            ),
            chunked,
        ),
        (
            file(
                "2026/02.json",
                2,
                vec![
                    Record::new(Delete, "user 2", "2", 2_000),
                    Record::new(Update, "user 3", "3", 3_000).with("n", Value::Decimal("3.0".into())),
                    Record::new(Update, "user 4", "4", 4_000).with("n", Value::Decimal("4.50".into())),
                    Record::new(Update, "user 5", "5", 5_001).with("n", Value::Int(5)),
                    Record::new(Insert, "", "1", 1),
                    Record { insert_id: None, ..Record::new(Insert, "ann", "", 1) }
                        .with("plan", text("kept with the row")),
                    Record { time: None, ..Record::new(Update, "ann", "1", 1) },
                    Record { refused: Some(Rule::BadEventTime), ..Record::new(Update, "ann", "1", 1) },
                    Record::new(Unknown, "ann", "1", 1),
                    Record::new(Delete, "nobody", "1", 1),
                    Record { time: Some((1_500, 7)), ..Record::new(Insert, "tom", "1", 1) },
                    Record { time: Some((1_600, 0)), ..Record::new(Insert, "tom", "1", 1) },
                ],
            ),
            ingested,
        ),
        (
            file("2026/01.json", 1, vec![Record::new(Insert, "user 2", "2", 2_000).with("back", Value::Bool(true))]),
            plain.clone(),
        ),
        (
            net(
                3,
                vec![
                    Record::new(Insert, "mia", "old", 7).with("plan", text("free")),
                    Record { sequence: Some(2), ..Record::new(Insert, "eve", "1", 1) }.with("plan", text("a")),
                    Record { sequence: Some(2), ..Record::new(Insert, "eve", "1", 1) }.with("plan", text("b")),
                ],
            ),
            plain.clone(),
        ),
        (net(4, vec![half(PreImage, "old", 1), half(Update, "new", 1).with("plan", text("free"))]), plain.clone()),
        (
            net(
                5,
                vec![
                    Record::new(Insert, "forgotten", "1", 1).with("plan", text("secret")),
                    Record::new(Insert, "user 6", "6", 6_000).with("n", Value::Int(66)),
                    Record::new(Update, "unknown", "1", 1),
                    Record::new(Delete, "user 0", "0", 0),
                ],
            ),
            plain.clone(),
        ),
        (file("2026/03.json", 3, Vec::new()), plain),
    ]
}

/// Values of every tag of the row codec, with those that are easily lost.
fn every_value() -> Vec<Value> {
    let json = r#"{"b": [1, 2.50, "\u00e9\/", null], "a": {"": -0, "big": 123456789012345678901234567890e-5}}"#;
    vec![
        Value::Bool(false),
        Value::Bool(true),
        Value::Int(i64::MIN),
        Value::Int(0),
        Value::UInt(u64::MAX),
        Value::Float(-0.0),
        Value::Float(0.1),
        Value::Float(f64::NEG_INFINITY),
        Value::Decimal("1.50".into()),
        Value::Decimal(format!("-{}e-7", "1234567890".repeat(5))),
        Value::Text(String::new()),
        Value::Text("Zoë \u{10348} \0 \" \\ \n".into()),
        Value::Bytes(vec![0, 255, 10, 13]),
        Value::Date(-719_528),
        Value::Date(20_000),
        Value::Timestamp(-1, TimeUnit::Second),
        Value::Timestamp(1_700_000_000_120, TimeUnit::Millisecond),
        Value::Timestamp(1_700_000_000_000_001, TimeUnit::Microsecond),
        Value::Timestamp(i64::MIN, TimeUnit::Nanosecond),
        Value::Json(json.into()),
        Value::Json(r#""\ud800""#.into()),
    ]
}

/// The options of the batch that has a policy reject a row.
pub(super) fn apply_options(batch: &Batch) -> ApplyOptions {
    let policies = Policies { on_unmatched_update: Policy::Reject, ..Policies::default() };
    match batch.position {
        Position::Numbered(5) => ApplyOptions { policies, ..ApplyOptions::default() },
        _ => ApplyOptions::default(),
    }
}

/// The naive twin of the frozen store.
pub(super) fn oracle() -> Oracle {
    let mut oracle = Oracle::millis();
    for (batch, _) in batches() {
        if batch.position == Position::Numbered(5) {
            oracle.suppressed.insert("forgotten".into());
        }
        let outcome = oracle.apply(&batch, &apply_options(&batch));
        assert!(matches!(outcome, Outcome::Applied(_)), "{outcome:?}");
    }
    oracle
}
