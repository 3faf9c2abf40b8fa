//! Stores that earlier formats left must open and show what they showed when they were made: `tests/data/store_vN` and
//! its `report.ndjson`. What they hold and how they are made is told in `tests/data/store_vN.md`.

mod made_of;

use crate::support::batch::{Batch, Record, named};
use crate::support::oracle::Outcome;
use crate::support::{dump, fast_folder};
use eventmirror::model::change::{Operation, WindowKind};
use eventmirror::model::{text::append_plain, value::ValueRef};
use eventmirror::{
    ApplyOptions, Error, ErrorKind, Event, EventStore, GcOptions, Keep, LedgerEntry, Position, Result, Rule, ScanRange,
    Snapshot, SourceStatus, StoreOptions, Value,
};
use made_of::{apply_options, batches, oracle};
use rocksdb::{DB, IteratorMode, Options};
use serde_json::{Value as Json, json};
use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

/// The formats of which a store is frozen.
const FORMATS: [u32; 2] = [1, 2];
/// The format that is written.
const WRITTEN: u32 = FORMATS[FORMATS.len() - 1];
/// The horizon of the store of format 2.
const HORIZON: u64 = 6;

fn frozen(format: u32) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join(format!("tests/data/store_v{format}"))
}

/// A copy, since opening a store for writing changes its files.
fn copy(format: u32) -> (tempfile::TempDir, PathBuf) {
    let folder = fast_folder();
    let to = folder.path().join("store");
    std::fs::create_dir(&to).unwrap();
    for entry in std::fs::read_dir(frozen(format)).unwrap() {
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

/// What the frozen store of a format showed, but for the format that it has now.
fn saved_report(format: u32, format_now: u32) -> Vec<Json> {
    let text = std::fs::read_to_string(frozen(format).join("report.ndjson")).unwrap();
    let mut lines: Vec<Json> = text.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    assert_eq!(lines[0]["store"]["format"], format);
    lines[0]["store"]["format"] = format_now.into();
    lines
}

#[track_caller]
fn check_report(store: &EventStore, format: u32, format_now: u32) {
    let (found, expected) = (report(store).unwrap(), saved_report(format, format_now));
    for (found, expected) in found.iter().zip(&expected) {
        assert_eq!(found, expected);
    }
    assert_eq!(found.len(), expected.len());
}

#[test]
fn every_frozen_store_opens_for_reading_and_shows_its_report() {
    for format in FORMATS {
        let (_folder, path) = copy(format);
        check_report(&EventStore::open(path, read_only()).unwrap(), format, format);
    }
}

#[test]
fn every_frozen_store_opens_for_writing_again_and_again() {
    for format in FORMATS {
        let (_folder, path) = copy(format);
        for _ in 0..3 {
            check_report(&EventStore::open(&path, StoreOptions::default()).unwrap(), format, WRITTEN);
        }
        check_report(&EventStore::open(&path, read_only()).unwrap(), format, WRITTEN);
    }
}

/// The first commit that can be read; 0 is the empty table before all.
fn oldest(store: &EventStore) -> u64 {
    store.status().unwrap().horizon.map_or(0, |horizon| horizon.sequence)
}

#[test]
fn its_fingerprints_are_those_of_its_rows() {
    for format in FORMATS {
        let (_folder, path) = copy(format);
        let store = EventStore::open(path, read_only()).unwrap();
        for sequence in oldest(&store)..=store.status().unwrap().sequence {
            let snapshot = store.snapshot_at(sequence).unwrap();
            assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap(), "at {sequence}");
        }
    }
}

#[test]
fn a_store_of_format_2_refuses_what_is_before_its_horizon() {
    let (_folder, path) = copy(2);
    let store = EventStore::open(path, read_only()).unwrap();
    assert_eq!(oldest(&store), HORIZON);
    for sequence in 0..HORIZON {
        assert_eq!(store.snapshot_at(sequence).err().unwrap().kind(), ErrorKind::Usage);
    }
}

#[test]
fn a_store_of_format_1_is_collected() {
    let (_folder, path) = copy(1);
    let store = EventStore::open(&path, StoreOptions::default()).unwrap();
    let collected = store.gc(&GcOptions { keep: Keep::From(HORIZON), dry_run: false }).unwrap();
    let oracle = oracle();
    assert_eq!(collected.kept, oracle.versions(HORIZON));
    for sequence in HORIZON..=oracle.sequence {
        assert_eq!(dump(&store.snapshot_at(sequence).unwrap()).unwrap(), oracle.as_of(sequence), "at {sequence}");
    }
}

/// The existence index, its lists and pages, the watermarks and the names are what a batch is decided by.
#[test]
fn a_batch_is_applied_to_it_as_if_it_were_new() {
    FORMATS.into_iter().for_each(apply_as_if_it_were_new);
}

fn apply_as_if_it_were_new(format: u32) {
    let (_folder, path) = copy(format);
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
    FORMATS.into_iter().for_each(known);
}

fn known(format: u32) {
    let (_folder, path) = copy(format);
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
    FORMATS.into_iter().for_each(has_one_of_everything);
}

fn has_one_of_everything(format: u32) {
    let (_folder, path) = copy(format);
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
    for version in [0u32, 3, 77] {
        let (_folder, path) = copy(1);
        put_stamp(&path, version);
        for options in [read_only(), StoreOptions::default()] {
            let error = open_error(&path, options);
            assert_eq!(error.kind(), ErrorKind::Unsupported);
            let expected = format!("format {version}, this eventmirror reads 1 to 2");
            assert!(error.to_string().contains(&expected), "{error}");
        }
    }
}

/// Makes a store say that it is of this format.
fn put_stamp(path: &Path, version: u32) {
    let db = raw(path);
    let meta = db.cf_handle("meta").unwrap();
    let mut stamp = db.get_cf(meta, "format").unwrap().unwrap();
    // An envelope: 8 bytes of head, the version first, a checksum of 4 bytes last. See src/docs/format.md.
    stamp[8..12].copy_from_slice(&version.to_le_bytes());
    let body = stamp.len() - 4;
    let checksum = crc32c::crc32c(&stamp[..body]);
    stamp[body..].copy_from_slice(&checksum.to_le_bytes());
    db.put_cf(meta, "format", stamp).unwrap();
}

#[test]
fn a_missing_stamp_is_corrupt() {
    let (_folder, path) = copy(1);
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
    if let Some(horizon) = status.horizon {
        lines.push(json!({ "horizon": [
            horizon.sequence, horizon.committed_at, horizon.collected_at, horizon.is_finished,
        ]}));
    }
    for sequence in oldest(store)..=status.sequence {
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

/// Makes `tests/data/store_v2` and its report, where they are absent. To be run once for a format, by the release that
/// writes it; see `tests/data/store_v2.md`.
#[test]
#[ignore = "makes the frozen store"]
fn make_store_v2() {
    let to = frozen(2);
    assert!(!to.exists(), "a frozen store is never made again: {}", to.display());
    let folder = fast_folder();
    let path = folder.path().join("store");
    let batches = batches();
    let last = batches.len() - 1;
    for (number, (batch, options)) in batches.into_iter().enumerate() {
        let store = EventStore::open(&path, options).unwrap();
        if batch.position == Position::Numbered(5) {
            store.suppress("forgotten").unwrap();
        }
        store.apply_with(batch.to_change_batch(), &apply_options(&batch)).unwrap();
        if number + 1 == last {
            store.gc(&GcOptions { keep: Keep::From(HORIZON), dry_run: false }).unwrap();
        }
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
    let (_copy, copy) = copy(2);
    let store = EventStore::open(copy, read_only()).unwrap();
    let oracle = oracle();
    for sequence in oldest(&store)..=oracle.sequence {
        assert_eq!(dump(&store.snapshot_at(sequence).unwrap()).unwrap(), oracle.as_of(sequence), "at {sequence}");
    }
    let lines: Vec<String> = report(&store).unwrap().iter().map(|line| format!("{line}\n")).collect();
    std::fs::write(to.join("report.ndjson"), lines.concat()).unwrap();
}
