//! Stores that earlier formats left must open and show what they showed when they were made: `tests/data/store_vN` and
//! its `report.ndjson`. What they hold and how they are made is told in `tests/data/store_vN.md`.

use crate::support::batch::{Batch, Record, named};
use crate::support::oracle::{Oracle, Outcome};
use crate::support::{dump, fast_folder};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::model::{text::append_plain, value::ValueRef};
use eventmirror::{
    ApplyOptions, Error, ErrorKind, Event, EventStore, LedgerEntry, Policies, Policy, Position, Result, Rule,
    ScanRange, Snapshot, SourceStatus, StoreOptions, TimeUnit, Value,
};
use rocksdb::{DB, IteratorMode, Options};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

fn frozen() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/data/store_v1")
}

/// A copy, since opening a store for writing changes its files.
fn copy() -> (tempfile::TempDir, PathBuf) {
    let folder = fast_folder();
    let to = folder.path().join("store");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(frozen()).unwrap() {
        let entry = entry.unwrap();
        if entry.file_name() != "report.ndjson" {
            std::fs::copy(entry.path(), to.join(entry.file_name())).unwrap();
        }
    }
    (folder, to)
}

fn read_only() -> StoreOptions {
    StoreOptions { read_only: true, ..StoreOptions::default() }
}

fn saved_report() -> Vec<Json> {
    let text = std::fs::read_to_string(frozen().join("report.ndjson")).unwrap();
    text.lines().map(|line| serde_json::from_str(line).unwrap()).collect()
}

#[track_caller]
fn check_report(store: &EventStore) {
    let (found, expected) = (report(store).unwrap(), saved_report());
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn a_store_of_format_1_opens_for_reading_and_shows_its_report() {
    let (_folder, path) = copy();
    check_report(&EventStore::open(path, read_only()).unwrap());
}

#[test]
fn a_store_of_format_1_opens_for_writing_again_and_again() {
    let (_folder, path) = copy();
    for _ in 0..3 {
        check_report(&EventStore::open(&path, StoreOptions::default()).unwrap());
    }
    check_report(&EventStore::open(&path, read_only()).unwrap());
}

#[test]
fn its_fingerprints_are_those_of_its_rows() {
    let (_folder, path) = copy();
    let store = EventStore::open(path, read_only()).unwrap();
    for sequence in 0..=store.status().unwrap().sequence {
        let snapshot = store.snapshot_at(sequence).unwrap();
        assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap(), "at {sequence}");
    }
}

/// The existence index, its lists and pages, the watermarks and the names are what a batch is decided by.
#[test]
fn a_batch_is_applied_to_it_as_if_it_were_new() {
    let (_folder, path) = copy();
    let store = EventStore::open(&path, StoreOptions::default()).unwrap();
    let mut oracle = oracle();
    assert_eq!(dump(&store.snapshot()).unwrap(), oracle.table);
    // Each row once more as it is, then a new one, and a delete of each that is there.
    let put = |((user_id, insert_id, time), columns): (&(String, String, i64), &BTreeMap<String, Value>)| {
        let columns = columns.iter().map(|(name, value)| (name.clone(), Some(value.clone()))).collect();
        Record { columns, ..Record::new(Operation::Insert, user_id, insert_id, *time) }
    };
    let mut again: Vec<Record> = oracle.table.iter().map(put).collect();
    again.push(Record::new(Operation::Insert, "new", "1", 1).with("a new column", Value::Int(1)));
    let deletes = oracle.table.keys().map(|key| Record::new(Operation::Delete, &key.0, &key.1, key.2)).collect();
    let rows = oracle.table.len() as u64;
    for (number, records) in [(6, again), (7, deletes)] {
        let batch = Batch::new("warehouse", Position::Numbered(number), WindowKind::Net, records);
        let Outcome::Applied(expected) = oracle.apply(&batch, &ApplyOptions::default()) else {
            panic!("{number} must be the next position");
        };
        let applied = store.apply(batch.to_change_batch()).unwrap();
        assert_eq!(applied.entry.counts, expected.counts);
        assert_eq!(applied.entry.counts.unchanged + applied.entry.counts.deleted, rows, "the index knows every row");
        let snapshot = store.snapshot();
        assert_eq!(dump(&snapshot).unwrap(), oracle.table);
        assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap());
    }
}

#[test]
fn it_knows_what_it_applied() {
    let (_folder, path) = copy();
    let store = EventStore::open(&path, StoreOptions::default()).unwrap();
    let last = store.status().unwrap().sequence;
    for (batch, _) in batches() {
        assert!(store.apply(batch.to_change_batch()).unwrap().already_applied, "{:?}", batch.position);
    }
    let changed = Batch::new("s3", named("2026/02.json", 99), WindowKind::Operations, Vec::new());
    assert!(store.apply(changed.to_change_batch()).unwrap().changed_after_apply);
    let gap = Batch::new("warehouse", Position::Numbered(9), WindowKind::Net, Vec::new());
    assert_eq!(store.apply(gap.to_change_batch()).unwrap_err().kind(), ErrorKind::HistoryGap);
    let forgotten = Record::new(Operation::Insert, "forgotten", "1", 1);
    let batch = Batch::new("warehouse", Position::Numbered(6), WindowKind::Net, vec![forgotten]);
    let counts = store.apply(batch.to_change_batch()).unwrap().entry.counts;
    assert_eq!(counts.rejections, BTreeMap::from([(Rule::SuppressedUser, 1)]));
    assert_eq!(store.status().unwrap().sequence, last + 1);
}

/// The frozen store is only worth something while it has one of everything.
#[test]
fn it_holds_one_of_everything() {
    let (_folder, path) = copy();
    let seen =
        EventStore::open(&path, read_only()).unwrap().status().unwrap().columns.iter().fold(0, |a, c| a | c.types);
    assert_eq!(seen, 0b0111_1111_1111_1110, "a value of every tag");
    let db = raw(&path);
    let entries = |family: &str| -> Vec<(Box<[u8]>, Box<[u8]>)> {
        db.iterator_cf(db.cf_handle(family).unwrap(), IteratorMode::Start).map(Result::unwrap).collect()
    };
    for family in ["pages", "deltas", "fingerprints", "ledger", "watermarks", "names", "rejections", "suppressions"] {
        assert!(!entries(family).is_empty(), "{family}");
    }
    let rows = entries("rows");
    assert!(rows.iter().any(|(_, value)| value.is_empty()), "a tombstone");
    assert!(rows.iter().any(|(key, _)| key[2..4] == [0, 2]), "a user id in UUID form");
    assert!(rows.iter().any(|(key, _)| key.windows(2).any(|pair| pair == [0, 0xff])), "a NUL in an id");
}

#[test]
fn another_format_is_refused_with_both_numbers() {
    for version in [0u32, 2, 77] {
        let (_folder, path) = copy();
        let db = raw(&path);
        let meta = db.cf_handle("meta").unwrap();
        let mut stamp = db.get_cf(meta, "format").unwrap().unwrap();
        // An envelope: 8 bytes of head, the version first, a checksum of 4 bytes last. See src/docs/format.md.
        stamp[8..12].copy_from_slice(&version.to_le_bytes());
        let body = stamp.len() - 4;
        let checksum = crc32c::crc32c(&stamp[..body]);
        stamp[body..].copy_from_slice(&checksum.to_le_bytes());
        db.put_cf(meta, "format", stamp).unwrap();
        drop(db);
        for options in [read_only(), StoreOptions::default()] {
            let error = open_error(&path, options);
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            assert!(error.to_string().contains(&format!("format {version}, this eventmirror reads 1")), "{error}");
        }
    }
}

#[test]
fn a_missing_stamp_is_corrupt() {
    let (_folder, path) = copy();
    let db = raw(&path);
    db.delete_cf(db.cf_handle("meta").unwrap(), "format").unwrap();
    drop(db);
    for options in [read_only(), StoreOptions::default()] {
        let error = open_error(&path, options);
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("format stamp"), "{error}");
    }
}

fn open_error(path: &Path, options: StoreOptions) -> Error {
    EventStore::open(path, options).err().expect("this store must not open")
}

/// The database below the store.
fn raw(path: &Path) -> DB {
    let families = DB::list_cf(&Options::default(), path).unwrap();
    DB::open_cf(&Options::default(), path, families).unwrap()
}

// The report: everything that a store shows, one JSON object a line.

/// A source as the frozen reports have it.
fn shown_source(source: &SourceStatus) -> String {
    let SourceStatus { source, watermark, names, last_name, last_sequence, .. } = source;
    format!(
        "SourceStatus {{ source: {source:?}, watermark: {watermark:?}, names: {names}, last_name: {last_name:?}, \
         last_sequence: {last_sequence} }}"
    )
}

fn report(store: &EventStore) -> Result<Vec<Json>> {
    let status = store.status()?;
    let columns: Vec<_> = status.columns.iter().map(|column| json!([column.name, column.types])).collect();
    let sources: Vec<_> = status.sources.iter().map(shown_source).collect();
    let mut lines = vec![json!({
        "store": {
            "format": status.format_version, "precision": status.precision.name(), "created_at": status.created_at,
            "sequence": status.sequence, "rows": status.rows, "columns": columns, "sources": sources,
            "rejections": status.rejections, "suppressed_users": status.suppressed_users,
        }
    })];
    for entry in store.log()? {
        lines.push(json!({ "commit": commit(&entry?) }));
    }
    for rejection in store.rejections()? {
        let (sequence, rejection) = rejection?;
        lines.push(json!({ "rejected": [
            sequence, rejection.row_number, rejection.rule.name(), rejection.detail, rejection.row,
        ]}));
    }
    for sequence in 0..=status.sequence {
        lines.extend(table(&store.snapshot_at(sequence)?)?);
    }
    Ok(lines)
}

fn commit(entry: &LedgerEntry) -> Json {
    let counts = &entry.counts;
    let counters: BTreeMap<_, _> = counts.counters.iter().map(|(counter, by)| (counter.name(), by)).collect();
    let rejections: BTreeMap<_, _> = counts.rejections.iter().map(|(rule, by)| (rule.name(), by)).collect();
    let position = match &entry.position {
        Position::Numbered(number) => json!(number),
        Position::Named(named) => json!([named.name, named.size, named.modified, named.hash]),
    };
    let near: Vec<_> = entry.near_matches.iter().map(|near| json!([key(&near.key), near.offset])).collect();
    json!({
        "sequence": entry.sequence, "source": entry.source, "position": position, "rows": entry.rows,
        "committed_at": entry.committed_at, "near_matches": near,
        "counts": [counts.read, counts.inserted, counts.updated, counts.deleted, counts.unchanged, counts.coalesced,
            counts.without_effect, counts.skipped, counts.rejected, counts.event_volume],
        "counters": counters, "rejections": rejections,
    })
}

fn table(snapshot: &Snapshot) -> Result<Vec<Json>> {
    let at = snapshot.sequence();
    let hex = |(bucket, of): (&u16, &eventmirror::model::fingerprint::Fingerprint)| {
        (format!("{bucket:04x}"), json!([of.rows, format!("{:032x}", of.sum)]))
    };
    let fingerprints: serde_json::Map<_, _> = snapshot.fingerprints()?.iter().map(hex).collect();
    let mut lines = vec![json!({ "at": at, "rows": snapshot.count(), "fingerprints": fingerprints })];
    for event in snapshot.scan(ScanRange::default())? {
        let event: Event = event?;
        assert_eq!(snapshot.get(&event.key)?.as_ref(), Some(&event), "a get finds what a scan finds");
        let columns: Vec<_> = event.columns.iter().map(|(name, value)| json!([name, typed(value.as_ref())])).collect();
        lines.push(json!({ "at": at, "key": key(&event.key), "columns": columns }));
    }
    Ok(lines)
}

fn key(key: &eventmirror::EventKey) -> Json {
    json!([key.user_id, key.insert_id, key.event_time])
}

/// Type and text: the types that JSON lacks must come back too.
fn typed(value: ValueRef<'_>) -> String {
    let name = format!("{value:?}");
    let name = name.split('(').next().unwrap_or_default();
    let mut text = format!("{name} ");
    append_plain(value, &mut text);
    if let ValueRef::Float(float) = value {
        text.push_str(&format!(" {:016x}", float.to_bits()));
    }
    if let ValueRef::Timestamp(count, unit) = value {
        text.push_str(&format!(" {count} {unit:?}"));
    }
    text
}

// What the frozen store was made of.

const UUID: &str = "8c1a2b3c-4d5e-4f60-8172-93a4b5c6d7e8";
const OTHER_UUID: &str = "00000000-0000-4000-8000-00000000000f";

/// The batches, each with the options that the store is opened with for it.
fn batches() -> Vec<(Batch, StoreOptions)> {
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
fn apply_options(batch: &Batch) -> ApplyOptions {
    let policies = Policies { on_unmatched_update: Policy::Reject, ..Policies::default() };
    match batch.position {
        Position::Numbered(5) => ApplyOptions { policies, ..ApplyOptions::default() },
        _ => ApplyOptions::default(),
    }
}

/// The naive twin of the frozen store.
fn oracle() -> Oracle {
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

/// Makes `tests/data/store_v1` and its report, where they are absent. To be run once for a format, by the release that
/// writes it; see `tests/data/store_v1.md`.
#[test]
#[ignore = "makes the frozen store"]
fn make_store_v1() {
    let to = frozen();
    assert!(!to.exists(), "a frozen store is never made again: {}", to.display());
    let folder = fast_folder();
    let path = folder.path().join("store");
    for (batch, options) in batches() {
        let store = EventStore::open(&path, options).unwrap();
        if batch.position == Position::Numbered(5) {
            store.suppress("forgotten").unwrap();
        }
        store.apply_with(batch.to_change_batch(), &apply_options(&batch)).unwrap();
    }
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(&path).unwrap() {
        let entry = entry.unwrap();
        let name = entry.file_name().into_string().unwrap();
        let is_needed = ["CURRENT", "MANIFEST-"].iter().any(|start| name.starts_with(start))
            || [".sst", ".log"].iter().any(|end| name.ends_with(end));
        if is_needed && entry.metadata().unwrap().len() > 0 {
            std::fs::copy(entry.path(), to.join(name)).unwrap();
        }
    }
    let (_copy, copy) = copy();
    let store = EventStore::open(copy, read_only()).unwrap();
    let oracle = oracle();
    for sequence in 0..=oracle.sequence {
        assert_eq!(dump(&store.snapshot_at(sequence).unwrap()).unwrap(), oracle.as_of(sequence), "at {sequence}");
    }
    let lines: Vec<String> = report(&store).unwrap().iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(to.join("report.ndjson"), lines.concat()).unwrap();
}
