//! Extracts that are no files of the warehouse: another store, and what the analytics vendor exported.

use super::Case;
use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::json;
use std::fs;
use std::io::Write;
use std::path::Path;
use zip::write::SimpleFileOptions;

/// Zips lines as the vendor does: gzip files, one an hour.
fn zip(path: &Path, hours: &[(&str, &str)]) {
    let mut out = zip::ZipWriter::new(fs::File::create(path).unwrap());
    for (hour, lines) in hours {
        out.start_file(format!("168342/168342_{hour}.json.gz"), SimpleFileOptions::default()).unwrap();
        let mut gzip = GzEncoder::new(Vec::new(), Compression::default());
        gzip.write_all(lines.as_bytes()).unwrap();
        out.write_all(&gzip.finish().unwrap()).unwrap();
    }
    out.finish().unwrap();
}

#[test]
fn another_store_is_an_extract() {
    let case = Case::new();
    case.run(&["apply", "twin", "same.json"], 0);
    assert_eq!(case.json(&["verify", "mirror", "twin", "--json"], 0)["verdict"], "identical");
    assert_eq!(
        case.json(&["verify", "mirror", "twin", "--json", "--full"], 0)["rows"],
        json!({"expected": 3, "actual": 3})
    );
    case.run(&["apply", "twin", "other.json"], 0);
    let result = case.json(&["verify", "mirror", "twin", "--json", "--repair", "repair.json.gz"], 1);
    assert_eq!(result["differences"], json!({"missing": 1, "unexpected": 0, "mismatched": 1}));
    assert_eq!(result["samples"][0]["extract"], json!(null), "a store has no lines");
    case.run(&["apply", "mirror", "repair.json.gz"], 0);
    case.run(&["verify", "mirror", "twin"], 0);
    case.run(&["apply", "micros", "same.json", "--precision", "us"], 0);
    let (_, err) = case.run(&["verify", "mirror", "micros"], 2);
    assert!(err.contains("ms") && err.contains("us"), "{err}");
}

const EVENT: &str = r#"{"$insert_id":"ord-1001","amplitude_id":1263130950579,"app":636686,"client_event_time":"2025-11-03 09:15:00.123000","data":{"path":"/batch"},"event_id":991179682,"event_properties":{"coupon":"FALL","total":18.4},"event_time":"2025-11-03 09:15:00.123000","event_type":"Order Placed","groups":{},"library":"batch/1.0","session_id":-1,"user_id":"u-10001","user_properties":{},"uuid":"65144498-0adb-4a4f-b21d-9e35f30920d9","version_name":"1.2","ip_address":null}"#;

#[test]
fn an_export_has_each_event_once_and_what_was_sent_of_it() {
    let case = Case::new();
    let sent = r#"{"user_id":"u-10001","insert_id":"ord-1001","time":1762161300123,"event_type":"Order Placed","event_properties":{"total":18.40,"coupon":"FALL"},"app_version":"1.2","app":"shop"}"#;
    fs::write(case.path("sent.json"), sent).unwrap();
    case.run(&["apply", "sent", "sent.json"], 0);
    let again = EVENT.replace("batch/1.0", "batch/2.0");
    let nobody = EVENT.replace("\"u-10001\"", "\"\"").replace("65144498", "75144498");
    let line = |text: &str| format!("{text}\n");
    zip(
        &case.path("export.zip"),
        &[("2025-11-03_10#0", &line(&again)), ("2025-11-03_9#0", &(line(EVENT) + &line(&nobody)))],
    );
    let result = case.json(&["verify", "sent", "export.zip", "--json"], 0);
    assert_eq!((&result["verdict"], &result["rows"]), (&json!("identical"), &json!({"expected": 1, "actual": 1})));
    assert_eq!((&result["left_out"], &result["repeated"]), (&json!({"missing_user_id": 1}), &json!(0)));
    // What was sent is compared.
    zip(&case.path("export.zip"), &[("2025-11-03_9#0", &line(&EVENT.replace("\"1.2\"", "\"1.3\"")))]);
    let result = case.json(&["verify", "sent", "export.zip", "--json"], 1);
    assert_eq!(result["samples"][0]["columns"], json!([{"column": "app_version", "expected": "1.3", "actual": "1.2"}]));
    assert_eq!(result["samples"][0]["extract"]["file"], "168342/168342_2025-11-03_9#0.json.gz");
    fs::write(case.path("export.zip"), b"PK\x03\x04 no archive").unwrap();
    let (_, err) = case.run(&["verify", "sent", "export.zip"], 3);
    assert!(err.contains("export.zip") && err.contains("damaged"), "{err}");
}

#[test]
fn an_export_that_was_imported_again_is_identical() {
    let export = crate::converter::EXPORT;
    if !Path::new(export).exists() {
        println!("skipped: {export} is absent");
        return;
    }
    let case = Case::new();
    let text = fs::read_to_string(export).unwrap();
    fs::write(case.path("reimport.json"), crate::converter::reimport()).unwrap();
    fs::write(case.path("export.json"), &text).unwrap();
    case.run(&["apply", "imported", "export.json", "--converter", "reimport.json"], 0);
    let (first, second) = text.split_at(text.match_indices('\n').nth(6).unwrap().0 + 1);
    // The second hour overlaps the first.
    zip(&case.path("export.zip"), &[("2025-07-01_17#0", first), ("2025-07-01_18#0", &text)]);
    let words = ["verify", "imported", "export.zip", "--json", "--converter", "reimport.json"];
    let result = case.json(&words, 0);
    assert_eq!(
        (&result["verdict"], &result["rows"]["expected"], &result["repeated"]),
        (&json!("identical"), &json!(13), &json!(0))
    );
    assert_eq!(case.json(&words[..4], 0)["verdict"], "identical", "without the converter too");
    zip(&case.path("export.zip"), &[("2025-07-01_18#0", second)]);
    assert_eq!(case.json(&words, 1)["differences"], json!({"missing": 0, "unexpected": 7, "mismatched": 0}));
}

#[cfg(feature = "delta")]
#[test]
fn a_delta_table_at_a_version_is_an_extract() {
    let table = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/data/delta/tables/cdf-table");
    let maps = ["--map", "user_id=name", "--map", "insert_id=id", "--map", "event_time=birthday"];
    let shell = crate::shell::Shell::new(&[]);
    let apply = [&["apply", "mirror", table, "--dialect", "databricks"][..], &maps].concat();
    assert_eq!(shell.run(&apply).0, 0);
    let verify = |more: &[&str]| shell.run(&[&["verify", "mirror", table, "--json"], &maps[..], more].concat());
    let result: serde_json::Value = serde_json::from_str(&verify(&[]).1).unwrap();
    assert_eq!((&result["verdict"], &result["rows"]["expected"]), (&json!("identical"), &json!(9)), "{result}");

    let (code, out, _) = verify(&["--table-version", "0"]);
    let result: serde_json::Value = serde_json::from_str(&out).unwrap();
    let name = result["samples"][0]["extract"]["file"].as_str().unwrap().to_owned();
    assert!(code == 1 && name.ends_with("cdf-table, version 0"), "{result}");
    let (code, _, err) = verify(&["--table-version", "99"]);
    assert!(code == 3 && err.contains("its latest is 3"), "{err}");
    shell.write("more.json", "");
    let (code, _, err) = shell.run(&[&["verify", "mirror", table, "more.json"], &maps[..]].concat());
    assert!(code == 2 && err.contains("alone"), "{err}");
}
