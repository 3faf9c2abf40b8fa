//! The vendor's converter from its file to the store, and on the command line.

use crate::support::{fast_folder, rejections_of};
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use eventmirror::{
    Applied, ApplyOptions, Converter, Counter, Counts, Dialect, ErrorKind, EventStore, FileFormat, InputFile, Mapping,
    Rule, ScanRange, SourceOptions, StoreOptions, apply_files, source,
};
use std::io::Write;
use std::path::{Path, PathBuf};
use std::sync::atomic::AtomicBool;

/// A folder that stands for the bucket, and a store beside it.
struct Case {
    folder: tempfile::TempDir,
    store: EventStore,
}

impl Case {
    fn new() -> Case {
        let folder = fast_folder();
        std::fs::create_dir(folder.path().join("bucket")).unwrap();
        let store = EventStore::open(folder.path().join("mirror"), StoreOptions::default()).unwrap();
        Case { folder, store }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join("bucket").join(name)
    }

    fn write(&self, name: &str, content: impl AsRef<[u8]>) {
        std::fs::create_dir_all(self.path(name).parent().unwrap()).unwrap();
        std::fs::write(self.path(name), content).unwrap();
    }

    fn apply(&self, converter: &str) -> eventmirror::Result<Vec<Applied>> {
        let options = SourceOptions { converter: Some(Converter::parse(converter)?), ..SourceOptions::default() };
        self.apply_with(&options)
    }

    fn apply_with(&self, options: &SourceOptions) -> eventmirror::Result<Vec<Applied>> {
        let inputs = [self.path("").display().to_string()];
        apply_files(&self.store, &inputs, options, &ApplyOptions::default(), &AtomicBool::new(false), &mut |_| {})
    }

    /// Every event of the store as `user/insert id/time column=JSON …`, columns by name.
    fn events(&self) -> Vec<String> {
        let show = |event: eventmirror::Result<eventmirror::Event>| {
            let event = event.unwrap();
            let mut columns: Vec<String> = event
                .columns
                .iter()
                .map(|(name, value)| {
                    let mut text = format!("{name}=");
                    eventmirror::model::text::append_json(value.as_ref(), &mut text);
                    text
                })
                .collect();
            columns.sort();
            format!("{}/{}/{} {}", event.key.user_id, event.key.insert_id, event.key.event_time, columns.join(" "))
        };
        let mut events: Vec<String> = self.store.snapshot().scan(ScanRange::default()).unwrap().map(show).collect();
        events.sort();
        events
    }
}

fn gzip(text: &str) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(text.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

/// What became of the rows of the batches that were not applied before.
fn total(applied: &[Applied]) -> Counts {
    let mut total = Counts::default();
    for applied in applied.iter().filter(|applied| !applied.already_applied) {
        assert!(applied.entry.counts.balances());
        total.add(&applied.entry.counts);
    }
    total
}

/// A change feed's files as events: operations `c`, `u` and `d`, the row in `payload`.
const CHANGE_FEED: &str = r#"{"converterConfig":{"fileType":"json","compressionType":"gzip","convertToAmplitudeFunc":{
  "user_id":"user_id","insert_id":"event_uuid","event_type":"name",
  "time":["iso_time_to_ms","occurred_at"],
  "event_properties":["exclude_keys","payload","internal_note"],
  "mutation_type":["cond",["eq","op",["value","c"]],["value","INSERT"],
                         ["eq","op",["value","d"]],["value","DELETE"],
                         ["bool",true],["value","UPDATE"]]}},
 "keyValidatorConfig":{"filterPattern":"events/dt=\\d{4}-\\d{2}-\\d{2}/.*\\.json\\.gz"}}"#;

#[test]
fn a_change_feed_is_mirrored_by_its_converter() {
    let case = Case::new();
    let first = r#"{"op":"c","user_id":"ann","event_uuid":"e1","name":"Order","occurred_at":"2025-11-03T09:15:00.123Z","payload":{"total":19.90,"internal_note":"x"}}
{"op":"c","user_id":"bob","event_uuid":"e2","name":"Order","occurred_at":"2025-11-03 09:16:00","payload":{"total":62.0,"digits":12345678901234567890123456789012345678901234567890}}
{"op":"c","user_id":"cem","event_uuid":"e3","name":"Order","occurred_at":"yesterday","payload":{}}
{"op":"c","user_id":null,"event_uuid":"e4","name":"Order","occurred_at":"2025-11-03 09:16:00"}
"#;
    let second = r#"{"op":"u","user_id":"ann","event_uuid":"e1","name":"Order","occurred_at":"2025-11-03T09:15:00.123Z","payload":{"total":18.4}}
{"op":"d","user_id":"bob","event_uuid":"e2","occurred_at":"2025-11-03 09:16:00"}
"#;
    case.write("events/dt=2025-11-03/0.json.gz", gzip(first));
    case.write("events/dt=2025-11-04/0.json.gz", gzip(second));
    case.write("events/dt=today/0.json.gz", "this is never read");
    case.write("events/README", "nor this");
    let applied = case.apply(CHANGE_FEED).unwrap();
    let counts = total(&applied);
    assert_eq!((counts.read, counts.inserted, counts.updated, counts.deleted, counts.rejected), (6, 2, 1, 1, 2));
    let rejected = rejections_of(&case.store, 1).unwrap();
    assert_eq!(rejected, [(3, Rule::ConversionFailed), (4, Rule::MissingUserId)]);
    let detail = case.store.rejections().unwrap().next().unwrap().unwrap().1;
    assert_eq!(detail.detail, "convertToAmplitudeFunc.time: iso_time_to_ms: \"yesterday\" is no ISO time");
    assert!(detail.row.contains(r#""(row)":{"op":"c","user_id":"cem""#), "{}", detail.row);
    let expected = [r#"ann/e1/1762161300123 event_properties={"total":18.4} event_type="Order""#];
    assert_eq!(case.events(), expected);
    let then: Vec<_> = case.store.snapshot_at(1).unwrap().user_events("bob").unwrap().collect();
    let properties = then[0].as_ref().unwrap().get("event_properties").unwrap().clone();
    let as_given = r#"{"total":62.0,"digits":12345678901234567890123456789012345678901234567890}"#;
    assert_eq!(properties, eventmirror::Value::Json(as_given.to_owned()), "what passes through stays as it was");
    assert!(case.apply(CHANGE_FEED).unwrap().iter().all(|applied| applied.already_applied));
}

/// The mapping of an export's columns to the vendor's fields that its own documents give: times and ids are renamed,
/// `version_name`, `ip_address` and `device_carrier` too, and an empty id counts as none.
pub fn reimport() -> String {
    let same = "adid city country device_brand device_manufacturer device_model device_type dma event_id \
        event_properties event_type group_properties groups idfa language library location_lat location_lng os_name \
        os_version platform region session_id user_properties";
    let same: String = same.split_whitespace().map(|name| format!("\"{name}\":\"{name}\",")).collect();
    let id = |name: &str| format!(r#""{name}":["ifelse",["eq","{name}",["value",""]],["value",null],"{name}"]"#);
    format!(
        r#"{{"converterConfig":{{"fileType":"json","compressionType":"gzip","convertToAmplitudeFunc":{{{same}
            "app_version":"version_name","ip":"ip_address","carrier":"device_carrier",
            "insert_id":"$insert_id","time":["iso_time_to_ms","event_time"],{},{}}}}},
            "keyValidatorConfig":{{"filterPattern":".*"}}}}"#,
        id("user_id"),
        id("device_id")
    )
}

pub const EXPORT: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/../shared/data/events/amplitude_export_roundtrip.jsonl");

#[test]
fn a_vendor_export_is_imported_again() {
    if !Path::new(EXPORT).exists() {
        println!("skipped: {EXPORT} is absent");
        return;
    }
    let case = Case::new();
    let text = std::fs::read_to_string(EXPORT).unwrap();
    case.write("168342_2025-07-01_17#0.json.gz", gzip(&text));
    let counts = total(&case.apply(&reimport()).unwrap());
    assert_eq!((counts.read, counts.inserted, counts.rejected), (13, 13, 0));
    assert_eq!(counts.counters[&Counter::UpdateWithoutMatch], 13, "rows without an operation are updates");
    let events = case.events();
    assert_eq!(events.len(), 13);
    let one = "2af0ffc4-f501-4aa3-9b5d-9ba41ced3b2c/Property Pre-Order Submitted:2/1751387693805 ";
    let one = events.iter().find(|event| event.starts_with(one)).unwrap();
    assert!(one.contains("\"Price per Share\":10.0") && one.contains(" session_id=-1 "), "{one}");
    let with = |column: &str| events.iter().filter(|event| event.contains(column)).count();
    assert_eq!((with(" ip="), with(" app_version="), with(" carrier="), with(" device_id=")), (7, 7, 7, 13));
    let before = case.store.snapshot().fingerprints().unwrap();
    assert!(case.apply(&reimport()).unwrap().iter().all(|applied| applied.already_applied));
    // The same lines under another name are retries of the same events.
    case.write("168342_2025-07-01_18#0.json.gz", gzip(&text));
    let again = total(&case.apply(&reimport()).unwrap());
    assert_eq!((again.read, again.unchanged), (13, 13));
    assert_eq!(case.store.snapshot().fingerprints().unwrap(), before);
    // An empty user id counts as none.
    case.write(
        "168342_2025-07-01_19#0.json.gz",
        gzip("{\"user_id\":\"\",\"$insert_id\":\"x\",\"event_time\":\"2025-07-01 00:00:00\"}"),
    );
    let anonymous = total(&case.apply(&reimport()).unwrap());
    assert_eq!(anonymous.rejections[&Rule::MissingUserId], 1);
}

/// Section 2.5 of the fact sheet: S3 CSV, whose cells are strings until the converter says otherwise.
const SAMPLE_CSV: &str =
    concat!(include_str!("../data/spec/s3.csv"), "INSERT,u-10009,ord-1009,1762243200000,Order Placed,1,,{broken\n");

const CSV_CONVERTER: &str = r#"{"converterConfig":{"fileType":"csv","compressionType":"none","convertToAmplitudeFunc":{
  "user_id":"user_id","insert_id":"insert_id","time":"time","event_type":"event_type","mutation_type":"mutation_type",
  "event_properties":["merge_dicts",{"total":["parse_json_element","total"],"coupon":"coupon"},["parse_json_element","props_json"]]}}}"#;

#[test]
fn csv_cells_become_event_properties() {
    let case = Case::new();
    case.write("2025-11-04_01.csv", SAMPLE_CSV);
    let applied = case.apply(CSV_CONVERTER).unwrap();
    let counts = total(&applied);
    assert_eq!((counts.read, counts.inserted, counts.coalesced, counts.rejected), (8, 3, 3, 2));
    let rejected = rejections_of(&case.store, 1).unwrap();
    assert_eq!(rejected, [(7, Rule::BadMutationType), (9, Rule::ConversionFailed)]);
    assert_eq!(
        case.events(),
        [
            r#"u-10005/ord-1005/1762242312500 event_properties={"total":12.50,"coupon":"WELCOME","ship":{"zip":"94110"}} event_type="Order Placed""#,
            r#"u-10006/ord-1006/1762242312501 event_properties={"total":7,"coupon":"A,B \"quoted\""} event_type="Order Placed""#,
            r#"usr1/ord-1008/1762243200000 event_properties={"total":1} event_type="Order Placed""#,
        ]
    );
}

#[test]
fn ignored_and_identify_rows_are_counted_and_change_nothing() {
    let converter = r#"{"converterConfig":{"ignoreEventFlag":"$ignore","convertToAmplitudeFunc":{
        "user_id":"u","insert_id":"i","time":"t","event_type":"e","$ignore":["eq","e",["value","page_view"]]}}}"#;
    let case = Case::new();
    let row = |user: &str, kind: &str| format!("{{\"u\":\"{user}\",\"i\":\"1\",\"t\":1,\"e\":\"{kind}\"}}\n");
    case.write("1.json", [row("ann", "order"), row("bob", "page_view"), row("cem", "$identify")].concat());
    let counts = total(&case.apply(converter).unwrap());
    assert_eq!((counts.read, counts.inserted, counts.skipped, counts.rejected), (3, 1, 1, 1));
    assert_eq!((counts.counters[&Counter::EventIgnored], counts.rejections[&Rule::IdentifyEvent]), (1, 1));
    assert_eq!(counts.event_volume, 1);
    assert_eq!(case.events(), [r#"ann/1/1 event_type="order""#], "the flag is no column");
}

#[test]
fn many_parts_on_several_threads_keep_their_order() {
    let converter = r#"{"converterConfig":{"convertToAmplitudeFunc":{"user_id":"u","insert_id":"i","time":"t",
        "n":["add","n",["int",1]],"twice":["concat","pad","pad"]}}}"#;
    let case = Case::new();
    // Of each key's rows the last must win.
    let pad = "x".repeat(200);
    let text: String = (0..20_000)
        .map(|n| format!("{{\"u\":\"user-{}\",\"i\":\"{}\",\"t\":1,\"n\":{n},\"pad\":\"{pad}\"}}\n", n % 7, n % 100))
        .collect();
    case.write("1.json", text);
    let options = SourceOptions {
        converter: Some(Converter::parse(converter).unwrap()),
        rows_per_part: 500,
        memory: 1 << 20,
        ..SourceOptions::default()
    };
    let file = InputFile::new(case.path("1.json"), "1.json");
    let numbers: Vec<u64> = source::parts(&file, &options)
        .unwrap()
        .flat_map(|part| {
            let part = part.unwrap();
            (0..part.rows.num_rows()).map(|row| part.row_numbers.get(row)).collect::<Vec<_>>()
        })
        .collect();
    assert!(numbers.into_iter().eq(1..=20_000), "every row once, in order");
    let counts = total(&case.apply_with(&options).unwrap());
    assert_eq!((counts.read, counts.inserted), (20_000, 700));
    for event in case.events() {
        let n: u64 = event.split(" n=").nth(1).unwrap().split(' ').next().unwrap().parse().unwrap();
        assert!(n > 19_300, "{event}");
    }
}

#[test]
fn an_event_longer_than_the_memory_allows_is_rejected() {
    let converter = r#"{"converterConfig":{"convertToAmplitudeFunc":{"user_id":"u","insert_id":"i","time":"t",
        "a":"pad","b":"pad","c":"pad"}}}"#;
    let case = Case::new();
    let line = |n: usize, pad: usize| format!("{{\"u\":\"ann\",\"i\":{n},\"t\":1,\"pad\":\"{}\"}}\n", "x".repeat(pad));
    case.write("1.json", [line(1, 100), line(2, 200_000), line(3, 100)].concat());
    let options = SourceOptions {
        converter: Some(Converter::parse(converter).unwrap()),
        memory: 1 << 20,
        ..SourceOptions::default()
    };
    let counts = total(&case.apply_with(&options).unwrap());
    assert_eq!((counts.read, counts.inserted, counts.rejections[&Rule::ConversionFailed]), (3, 2, 1));
}

#[cfg(feature = "parquet")]
#[test]
fn json_csv_and_parquet_of_one_table_give_equal_events() {
    use arrow::array::*;
    use std::sync::Arc;
    let converter = |kind: &str| {
        format!(
            r#"{{"converterConfig":{{"fileType":"{kind}","convertToAmplitudeFunc":{{"user_id":"user","insert_id":["concat","order",["value","/"],"line"],
                "time":["parse_time_to_ms","yyyy-MM-dd HH:mm:ss","at"],"event_properties":{{"note":"note","double":["*","line",["int",2]]}},
                "paid":["and",["not",["eq","note",["value",null]]],["contains","paid","note"]]}}}}}}"#
        )
    };
    let rows = [
        ("ann", "A1", 1, "2025-11-04 00:00:00", Some("paid, \"late\"")),
        ("bob", "B2", 2, "2025-11-04 10:02:03", None),
    ];
    let json: String = rows
        .iter()
        .map(|(user, order, line, at, note)| {
            serde_json::json!({"user": user, "order": order, "line": line, "at": at, "note": note}).to_string() + "\n"
        })
        .collect();
    let csv: String = rows
        .iter()
        .map(|(user, order, line, at, note)| {
            let note = note.map(|note| format!("\"{}\"", note.replace('"', "\"\""))).unwrap_or_default();
            format!("{user},{order},{line},{at},{note}\n")
        })
        .collect();
    let column =
        |text: fn(&(&'static str, &'static str, i32, &'static str, Option<&'static str>)) -> Option<&'static str>| {
            Arc::new(StringArray::from_iter(rows.iter().map(text))) as ArrayRef
        };
    let batch = RecordBatch::try_from_iter_with_nullable([
        ("user", column(|row| Some(row.0)), true),
        ("order", column(|row| Some(row.1)), true),
        ("line", Arc::new(Int32Array::from_iter_values(rows.iter().map(|row| row.2))) as ArrayRef, true),
        ("at", column(|row| Some(row.3)), true),
        ("note", column(|row| row.4), true),
    ])
    .unwrap();
    let mut parquet = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut parquet, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    let contents = [
        ("json", json.into_bytes()),
        ("csv", format!("user,order,line,at,note\n{csv}").into_bytes()),
        ("parquet", parquet),
    ];
    for (kind, content) in contents {
        let case = Case::new();
        // The name says nothing: the converter's fileType is the format.
        case.write("data", content);
        case.apply(&converter(kind)).unwrap();
        assert_eq!(
            case.events(),
            [
                r#"ann/A1/1/1762214400000 event_properties={"note":"paid, \"late\"","double":2} paid=true"#,
                r#"bob/B2/2/1762250523000 event_properties={"double":4} paid=false"#,
            ],
            "{kind}"
        );
    }
}

#[test]
fn options_that_do_not_go_together_are_refused_at_the_start() {
    let case = Case::new();
    case.write("1.json", "{}");
    let key = r#""user_id":"u","insert_id":"i","time":"t""#;
    let converter = |more: &str| {
        let text = format!(r#"{{"converterConfig":{{"fileType":"json","convertToAmplitudeFunc":{{{key}{more}}}}}}}"#);
        Some(Converter::parse(&text).unwrap())
    };
    let mapped = SourceOptions {
        converter: converter(""),
        mapping: Mapping::parse(&["user_id=u"]).unwrap(),
        ..SourceOptions::default()
    };
    let other = SourceOptions { converter: converter(""), format: Some(FileFormat::Csv), ..SourceOptions::default() };
    let clock = SourceOptions { converter: converter(r#","seen":["ms_time_now"]"#), ..SourceOptions::default() };
    for (options, what) in [(mapped, "mapping"), (other, "fileType is json"), (clock.clone(), "asks for the time")] {
        let error = case.apply_with(&options).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Usage, "{error}");
        assert!(error.to_string().contains(what), "{error}");
    }
    let given =
        SourceOptions { converter: clock.converter.map(|converter| converter.at_time(7)), ..SourceOptions::default() };
    case.write("1.json", "{\"u\":\"ann\",\"i\":1,\"t\":2,\"mutation_type\":\"DELETE\"}");
    case.apply_with(&given).unwrap();
    assert_eq!(case.events(), ["ann/1/2 seen=7"], "the source's own columns mean nothing");
    let backfill = SourceOptions { dialect: Dialect::Backfill, ..given };
    assert_eq!(total(&case.apply_with(&backfill).unwrap()).unchanged, 1);
}

#[test]
fn a_filter_that_lets_nothing_in_is_an_error_with_the_way_out() {
    let case = Case::new();
    case.write("1.json", "{}");
    let error = case.apply(CHANGE_FEED).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("1.json") && error.to_string().contains("the folder that is the bucket"),
        "{error}"
    );
}

/// Runs the command line in the case's folder; exit code, standard output, standard error.
fn run(case: &Case, words: &[&str]) -> (Option<i32>, String, String) {
    let mut command = Command::new(cargo_bin!("eventmirror"));
    command.current_dir(case.folder.path()).args(words);
    let names = std::env::vars().map(|(name, _)| name).filter(|name| name.starts_with("EVENTMIRROR_"));
    names.for_each(|name| {
        command.env_remove(name);
    });
    let output = command.output().unwrap();
    let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
    (output.status.code(), text(output.stdout), text(output.stderr))
}

fn cli_case() -> Case {
    let case = Case::new();
    std::fs::write(case.folder.path().join("c.json"), CHANGE_FEED).unwrap();
    let line = |op: &str, user: &str, at: &str| {
        format!(
            "{{\"op\":\"{op}\",\"user_id\":\"{user}\",\"event_uuid\":\"e\",\"occurred_at\":\"{at}\",\"payload\":{{\"n\":62.0}}}}\n"
        )
    };
    let at = "2025-11-03T09:15:00.123Z";
    case.write(
        "events/dt=2025-11-03/0.json.gz",
        gzip(&[line("c", "ann", at), line("c", "", at), line("c", "bob", "x"), line("d", "cem", at)].concat()),
    );
    case.write("other.txt", "");
    case
}

const ANN: &str =
    r#"{"user_id":"ann","insert_id":"e","time":1762161300123,"event_properties":{"n":62.0},"mutation_type":"INSERT"}"#;
const CEM: &str =
    r#"{"user_id":"cem","insert_id":"e","time":1762161300123,"event_properties":{"n":62.0},"mutation_type":"DELETE"}"#;

#[test]
fn convert_shows_events_and_says_what_is_rejected() {
    let case = cli_case();
    let (code, out, err) = run(&case, &["convert", "bucket", "--converter", "c.json"]);
    assert_eq!((code, out.as_str()), (Some(0), format!("{ANN}\n{CEM}\n").as_str()), "{err}");
    let expected = "eventmirror: 1 file left out by the converter's filterPattern: other.txt\n\
        eventmirror: rejected events/dt=2025-11-03/0.json.gz, line 2: missing_user_id: user_id is null, absent or empty\n\
        eventmirror: rejected events/dt=2025-11-03/0.json.gz, line 3: conversion_failed: convertToAmplitudeFunc.time: iso_time_to_ms: \"x\" is no ISO time\n\
        eventmirror: 2 events converted, 2 rows rejected\n";
    assert_eq!(err, expected);
    assert_eq!(run(&case, &["convert", "bucket", "--converter", "c.json", "--strict"]).0, Some(8));
    let (code, out, err) = run(&case, &["convert", "bucket", "--converter", "c.json", "--limit", "1"]);
    assert_eq!((code, out), (Some(0), format!("{ANN}\n")), "{err}");
    assert!(!err.contains("rejected"), "{err}");
    assert!(!case.folder.path().join("events").exists());
}

#[test]
fn wrong_converters_end_with_exit_code_2_and_their_place() {
    let case = cli_case();
    for (name, text, place) in [
        ("json", "{", "wrong.json"),
        ("key", r#"{"converterConfig":{},"x":1}"#, "wrong.json, x"),
        (
            "operator",
            r#"{"converterConfig":{"convertToAmplitudeFunc":{"time":["iso","t"]}}}"#,
            "wrong.json, convertToAmplitudeFunc.time)",
        ),
        (
            "nested",
            r#"{"converterConfig":{"convertToAmplitudeFunc":{"time":["lower",["replace_with","(","","t"]]}}}"#,
            "wrong.json, convertToAmplitudeFunc.time[1][1]",
        ),
    ] {
        std::fs::write(case.folder.path().join("wrong.json"), text).unwrap();
        for words in [&["convert", "bucket"][..], &["apply", "other", "bucket"]] {
            let (code, out, err) = run(&case, &[words, &["--converter", "wrong.json"]].concat());
            assert_eq!((code, out.as_str()), (Some(2), ""), "{name}: {err}");
            assert!(err.contains(place), "{name}: {err}");
        }
        assert!(!case.folder.path().join("other").exists(), "{name}: no store is made");
    }
    assert_eq!(run(&case, &["convert", "bucket", "--converter", "none.json"]).0, Some(3));
    assert_eq!(run(&case, &["convert", "bucket"]).0, Some(2));
    let (code, _, err) = run(&case, &["apply", "other", "bucket", "--converter", "c.json", "--map", "user_id=u"]);
    assert_eq!(code, Some(2), "{err}");
    assert!(err.contains("a converter and a mapping of columns do not go together"), "{err}");
    let (code, _, err) = run(&case, &["apply", "other", "bucket", "--converter", "c.json", "--format", "csv"]);
    assert_eq!(code, Some(2), "{err}");
}

#[test]
fn apply_takes_a_converter_and_reports_the_files_it_leaves_out() {
    let case = cli_case();
    let words = ["apply", "other", "bucket", "--converter", "c.json", "--json"];
    let (code, out, err) = run(&case, &words);
    assert_eq!(code, Some(0), "{err}");
    assert!(err.contains("1 file left out by the converter's filterPattern: other.txt"), "{err}");
    let report: serde_json::Value = serde_json::from_str(&out).unwrap();
    let totals = &report["totals"];
    assert_eq!((&totals["files_left_out"], &totals["read"], &totals["inserted"]), (&1.into(), &4.into(), &1.into()));
    assert_eq!(totals["rejections"], serde_json::json!({"missing_user_id": 1, "conversion_failed": 1}));
    assert_eq!(run(&case, &["count", "other"]).1, "1\n");
}

#[test]
fn now_is_one_time_for_the_whole_run() {
    let case = Case::new();
    let text = r#"{"converterConfig":{"convertToAmplitudeFunc":{"user_id":"u","insert_id":"i","time":"t","seen":["ms_time_now"],"iso":["iso_time_now"]}}}"#;
    std::fs::write(case.folder.path().join("c.json"), text).unwrap();
    let line = "{\"u\":\"ann\",\"i\":1,\"t\":2}\n";
    case.write("1.json", line.repeat(3));
    let words = ["convert", "bucket", "--converter", "c.json", "--now", "2025-11-04T00:00:00Z"];
    let (code, out, err) = run(&case, &words);
    assert_eq!(code, Some(0), "{err}");
    let expected =
        "{\"user_id\":\"ann\",\"insert_id\":1,\"time\":2,\"seen\":1762214400000,\"iso\":\"2025-11-04T00:00:00\"}\n";
    assert_eq!(out, expected.repeat(3));
    let (code, out, _) = run(&case, &words[..4]);
    let lines: Vec<&str> = out.lines().collect();
    assert!(
        code == Some(0)
            && lines.len() == 3
            && lines.iter().all(|line| line == &lines[0] && !line.contains("1762214400000"))
    );
    assert_eq!(run(&case, &["convert", "bucket", "--converter", "c.json", "--now", "noon"]).0, Some(2));
}
