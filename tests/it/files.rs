//! Files: read once, hashed on the way, applied exactly once.

use crate::support::{dump, fast_folder};
use eventmirror::{
    Applied, ApplyOptions, ErrorKind, EventStore, Guards, InputFile, Named, Position, Progress, Result, SourceOptions,
    StoreOptions, apply_files, source,
};
use std::fs::{self, File};
use std::io::Write;
use std::path::PathBuf;
use std::sync::atomic::AtomicBool;
use std::time::{Duration, SystemTime};

/// A store beside a folder of files.
struct Case {
    folder: tempfile::TempDir,
    store: EventStore,
    options: SourceOptions,
}

impl Case {
    fn new() -> Case {
        let folder = fast_folder();
        fs::create_dir(folder.path().join("files")).unwrap();
        let store = EventStore::open(folder.path().join("store"), StoreOptions::default()).unwrap();
        Case { folder, store, options: SourceOptions::default() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("files").join(name)
    }

    /// Writes a file whose time of last modification is so many seconds ago.
    fn write(&self, name: &str, content: &[u8], age: u64) {
        let mut file = File::create(self.path(name)).unwrap();
        file.write_all(content).unwrap();
        file.set_modified(SystemTime::now() - Duration::from_secs(age)).unwrap();
    }

    fn apply_with(&self, options: &ApplyOptions) -> Result<Vec<Applied>> {
        let inputs = [self.folder.path().join("files").display().to_string()];
        apply_files(&self.store, &inputs, &self.options, options, &AtomicBool::new(false), &mut |_| {})
    }

    fn apply(&self) -> Vec<Applied> {
        self.apply_with(&ApplyOptions::default()).unwrap()
    }
}

fn rows(count: usize, value: u64) -> Vec<u8> {
    let row = |n| format!("{{\"user_id\":\"ann\",\"insert_id\":\"a{n}\",\"time\":1,\"v\":{value}}}\n");
    (0..count).map(row).collect::<String>().into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[cfg(feature = "parquet")]
fn parquet(count: usize) -> Vec<u8> {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use std::sync::Arc;
    let text = |value: fn(usize) -> String| Arc::new(StringArray::from_iter_values((0..count).map(value))) as ArrayRef;
    let columns = [("user_id", text(|n| format!("u{}", n % 9))), ("insert_id", text(|n| format!("p{n}")))];
    let times = Arc::new(Int64Array::from_iter_values(0..count as i64)) as ArrayRef;
    let batch = RecordBatch::try_from_iter(columns.into_iter().chain([("time", times)])).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}

fn named(applied: &Applied) -> &Named {
    match &applied.entry.position {
        Position::Named(named) => named,
        Position::Numbered(number) => panic!("{number}"),
    }
}

#[test]
fn the_hash_of_a_file_is_that_of_all_its_bytes_in_every_format() {
    let case = Case::new();
    let mut files = vec![
        ("1.json", rows(40_000, 1)),
        ("2.json.gz", gzip(&rows(40_000, 2))),
        ("3.csv", b"user_id,insert_id,time\nann,c1,1\n".to_vec()),
        ("4.json.zst", zstd::encode_all(&rows(10, 3)[..], 3).unwrap()),
        ("5.json", Vec::new()),
        ("6.csv", b"user_id,insert_id,time\n".to_vec()),
    ];
    #[cfg(feature = "parquet")]
    files.push(("7.parquet", parquet(50_000)));
    for (name, content) in &files {
        case.write(name, content, 60);
    }
    let applied = case.apply();
    assert_eq!(applied.len(), files.len());
    for (applied, (name, content)) in applied.iter().zip(&files) {
        let named = named(applied);
        assert_eq!((named.name.as_str(), named.size), (*name, content.len() as u64));
        assert_eq!(named.hash, *blake3::hash(content).as_bytes(), "{name}");
    }
    assert_eq!(applied[0].entry.counts.inserted, 40_000);
}

#[test]
fn a_known_file_is_read_again_only_where_its_time_alone_is_another() {
    let case = Case::new();
    case.write("a.json", &rows(10, 1), 500);
    case.apply();
    let state = |case: &Case| case.apply().iter().map(|a| (a.already_applied, a.changed_after_apply)).next_back();
    assert_eq!(state(&case), Some((true, false)), "same size and time");
    case.write("a.json", &rows(10, 1), 400);
    assert_eq!(state(&case), Some((true, false)), "same content at another time");
    case.write("a.json", &rows(10, 2), 300);
    assert_eq!(state(&case), Some((true, true)), "other content of the same size");
    case.write("a.json", b"{ this is no JSON", 200);
    assert_eq!(state(&case), Some((true, true)), "another size: it is not even decoded");
    assert_eq!(case.store.snapshot().count(), 10);
}

#[test]
fn the_time_of_a_touched_file_is_noted_and_a_dry_run_notes_nothing() {
    let case = Case::new();
    case.write("a.json", &rows(10, 1), 500);
    case.apply();
    case.write("a.json", &rows(10, 1), 400);
    let dry = ApplyOptions { guards: Guards { dry_run: true, ..Guards::default() }, ..ApplyOptions::default() };
    assert!(!case.apply_with(&dry).unwrap()[0].changed_after_apply);
    let modified = fs::metadata(case.path("a.json")).unwrap().modified().unwrap();
    let other = |case: &Case| {
        let mut file = File::options().write(true).open(case.path("a.json")).unwrap();
        file.write_all(&rows(10, 7)).unwrap();
        file.set_modified(modified).unwrap();
        case.apply()[0].changed_after_apply
    };
    assert!(other(&case), "the dry run has not noted the time, so the content is looked at");
    case.write("a.json", &rows(10, 1), 300);
    case.apply();
    let modified = fs::metadata(case.path("a.json")).unwrap().modified().unwrap();
    let mut file = File::options().write(true).open(case.path("a.json")).unwrap();
    file.write_all(&rows(10, 7)).unwrap();
    file.set_modified(modified).unwrap();
    assert!(!case.apply()[0].changed_after_apply, "size and time are those that were noted: it is not read");
}

#[test]
fn a_batch_of_a_known_name_is_told_by_its_content_however_it_comes() {
    let case = Case::new();
    case.write("a.json", &rows(10, 1), 500);
    let open = || source::open(&InputFile::new(case.path("a.json"), "a.json"), &case.options).unwrap();
    assert!(!case.store.apply(open()).unwrap().already_applied);
    let again = case.store.apply(open()).unwrap();
    assert!(again.already_applied && !again.changed_after_apply);
    for content in [rows(10, 2), rows(11, 2)] {
        case.write("a.json", &content, 400);
        let changed = case.store.apply(open()).unwrap();
        assert!(changed.already_applied && changed.changed_after_apply);
    }
    assert_eq!(case.store.snapshot().count(), 10);
}

#[test]
fn a_file_that_changes_before_the_commit_is_not_applied() {
    let case = Case::new();
    case.write("a.json", &rows(10, 1), 500);
    let mut batch = source::open(&InputFile::new(case.path("a.json"), "a.json"), &case.options).unwrap();
    // All rows are read, and the end of the parts, before the file changes.
    let parts: Vec<_> = batch.parts.by_ref().collect();
    batch.parts = Box::new(parts.into_iter());
    case.write("a.json", &rows(10, 2), 400);
    let error = case.store.apply(batch).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("changed while it was read") && error.to_string().contains("a.json"), "{error}");
    assert_eq!((case.store.snapshot().count(), case.store.log().unwrap().count()), (0, 0));
    assert_eq!(case.apply()[0].entry.counts.inserted, 10, "the name is still free");
}

/// Each file brings a column of its own, one that all have with another type, and rows that the one before it changed.
fn different_windows(case: &Case) {
    for number in 0..8u64 {
        let value = if number % 3 == 0 { format!("\"{number}\"") } else { number.to_string() };
        let row = |n: u64| {
            format!("{{\"user_id\":\"u{n}\",\"insert_id\":\"i\",\"time\":1,\"v\":{value},\"c{number}\":{n}}}\n")
        };
        let rows: String = (number..number + 4).map(row).collect();
        case.write(&format!("{number}.json"), rows.as_bytes(), 60);
    }
}

#[test]
fn windows_that_are_prepared_ahead_are_as_those_that_are_applied_one_by_one() {
    let (together, one_by_one) = (Case::new(), Case::new());
    different_windows(&together);
    different_windows(&one_by_one);
    assert_eq!(together.apply().len(), 8);
    for number in 0..8 {
        let inputs = [one_by_one.path(&format!("{number}.json")).display().to_string()];
        let options = ApplyOptions::default();
        apply_files(&one_by_one.store, &inputs, &one_by_one.options, &options, &AtomicBool::new(false), &mut |_| {})
            .unwrap();
    }
    let seen = |case: &Case| {
        let counts: Vec<_> = case.store.log().unwrap().map(|entry| entry.unwrap().counts).collect();
        (dump(&case.store.snapshot()).unwrap(), case.store.status().unwrap().columns, counts)
    };
    assert_eq!(seen(&together), seen(&one_by_one));
    let snapshot = together.store.snapshot();
    assert_eq!(snapshot.fingerprints().unwrap(), snapshot.fingerprints_of_rows().unwrap());
}

#[test]
fn a_user_who_is_forgotten_between_two_windows_is_in_none_that_was_prepared_ahead() {
    let case = Case::new();
    for number in 0..5 {
        case.write(&format!("{number}.json"), &rows(3, number), 60);
    }
    let inputs = [case.folder.path().join("files").display().to_string()];
    let (options, mut done) = (ApplyOptions::default(), 0);
    let mut hear = |progress: Progress<'_>| {
        if let Progress::Done(_) = progress {
            done += 1;
            if done == 3 {
                case.store.suppress("ann").unwrap();
            }
        }
    };
    let applied =
        apply_files(&case.store, &inputs, &case.options, &options, &AtomicBool::new(false), &mut hear).unwrap();
    let rejected: Vec<u64> = applied.iter().map(|applied| applied.entry.counts.rejected).collect();
    assert_eq!(rejected, [0, 0, 0, 3, 3]);
}
