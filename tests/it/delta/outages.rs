//! A table of some size that another program wrote by MERGE, UPDATE, DELETE and append: what `write_outages.py` in
//! `tests/data/delta` makes of a published history. Its history may not be shipped and writing it takes minutes, so the
//! test is skipped unless `EVENTMIRROR_TEST_OUTAGES` names the folder that it wrote.

use super::{Mirror, from_first, keyed};
use crate::support::Table;
use eventmirror::{SourceOptions, Value};
use flate2::read::GzDecoder;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

#[test]
fn the_mirror_equals_the_table_at_every_version_whose_rows_are_known() {
    let Some(folder) = std::env::var_os("EVENTMIRROR_TEST_OUTAGES").map(PathBuf::from) else {
        println!("skipped: EVENTMIRROR_TEST_OUTAGES names no folder of write_outages.py");
        return;
    };
    let mut truths: Vec<(u64, PathBuf)> = std::fs::read_dir(folder.join("truth"))
        .unwrap()
        .map(|file| file.unwrap().path())
        .map(|path| (path.file_name().unwrap().to_str().unwrap().split('.').next().unwrap().parse().unwrap(), path))
        .collect();
    truths.sort_unstable();
    assert!(!truths.is_empty());
    let table = folder.join("table");
    let options = from_first(keyed(["user_id", "insert_id", "time"]));
    let mut mirror = Mirror::new();
    // Some of the windows close most outages at once.
    mirror.options.guards.max_delete_percent = 100.0;
    for (version, path) in &truths {
        let truth = truth(path);
        let until = SourceOptions { to_version: Some(*version), ..options.clone() };
        let applied = mirror.apply(&table, &until).unwrap();
        assert_eq!(differences(&mirror.holds(), &truth), 0, "version {version}");
        let backfilled = Mirror::new();
        backfilled.apply(&table, &SourceOptions { start: None, ..until }).unwrap();
        assert_eq!(differences(&backfilled.holds(), &truth), 0, "backfill at version {version}");
        println!("version {version}: {} rows, {:?}", truth.len(), applied[0].entry.counts);
    }
}

fn differences(found: &Table, truth: &Table) -> usize {
    let missing = truth.iter().filter(|(key, row)| found.get(*key) != Some(*row)).count();
    missing + found.keys().filter(|key| !truth.contains_key(*key)).count()
}

fn truth(path: &Path) -> Table {
    let lines = BufReader::new(GzDecoder::new(std::fs::File::open(path).unwrap())).lines();
    lines
        .map(|line| {
            let row: serde_json::Value = serde_json::from_str(&line.unwrap()).unwrap();
            let text = |name: &str| row[name].as_str().unwrap().to_owned();
            let properties = serde_json::to_string(&row["event_properties"]).unwrap();
            let payload = BTreeMap::from([
                ("event_type".to_owned(), Value::Text(text("event_type"))),
                ("event_properties".to_owned(), Value::Json(properties)),
                ("seen_in".to_owned(), Value::Int(row["seen_in"].as_i64().unwrap())),
            ]);
            ((text("user_id"), text("insert_id"), row["time"].as_i64().unwrap()), payload)
        })
        .collect()
}
