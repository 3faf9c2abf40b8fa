//! Inputs behind URLs, from a server on this machine: the same result as from local files, whatever happens on the way.

mod listing;
mod others;
mod reading;
mod server;
mod web;

use crate::support::fast_folder;
use assert_cmd::Command;
use assert_cmd::cargo::cargo_bin;
use serde_json::{Value, json};
use server::{SECRET, Server};
use std::fs;
use std::io::Write;
use std::path::PathBuf;
use std::time::Duration;

const MINUTE: Duration = Duration::from_secs(60);
const DAY: Duration = Duration::from_secs(24 * 60 * 60);

/// A server, and a folder for stores and local copies of what the server has.
struct Case {
    server: Server,
    folder: tempfile::TempDir,
}

/// How a command ended.
#[derive(Debug)]
struct Ended {
    code: Option<i32>,
    out: String,
    err: String,
}

impl Ended {
    fn of(output: std::process::Output) -> Ended {
        let text = |bytes: Vec<u8>| String::from_utf8(bytes).unwrap();
        let ended = Ended { code: output.status.code(), out: text(output.stdout), err: text(output.stderr) };
        assert!(!ended.err.contains("panicked"), "{}", ended.err);
        assert!(!ended.err.contains(SECRET) && !ended.out.contains(SECRET), "{ended:?}");
        ended
    }

    fn json(&self) -> Value {
        assert_eq!(self.code, Some(0), "{}", self.err);
        serde_json::from_str(&self.out).unwrap()
    }
}

impl Case {
    fn new() -> Case {
        Case { server: Server::start(), folder: fast_folder() }
    }

    fn path(&self, name: &str) -> PathBuf {
        self.folder.path().join(name)
    }

    /// Puts an object, and a local file of the same content below `local`.
    fn put(&self, key: &str, content: &[u8], age: Duration) {
        self.server.put(key, content, age);
        let path = self.path("local").join(key);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, content).unwrap();
    }

    fn command(&self, words: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(cargo_bin!("eventmirror"));
        command.current_dir(self.folder.path()).args(words);
        let is_setting = |name: &str| ["EVENTMIRROR_", "AWS_", "AZURE_", "GOOGLE_"].iter().any(|p| name.starts_with(p));
        std::env::vars().filter(|(name, _)| is_setting(name)).for_each(|(name, _)| {
            command.env_remove(name);
        });
        command.envs(self.server.environment());
        command
    }

    fn run(&self, words: &[&str]) -> Ended {
        Ended::of(Command::from_std(self.command(words)).output().unwrap())
    }

    /// Applies inputs to the store `mirror`; the report.
    fn apply(&self, words: &[&str]) -> Value {
        self.run(&[&["apply", "mirror", "--json"], words].concat()).json()
    }

    /// The rows of a store, sorted.
    fn rows(&self, store: &str) -> Vec<String> {
        let ended = self.run(&["scan", store, "--format", "ndjson"]);
        assert_eq!(ended.code, Some(0), "{}", ended.err);
        let mut rows: Vec<String> = ended.out.lines().map(str::to_owned).collect();
        rows.sort_unstable();
        rows
    }

    /// Asserts that the store `mirror` is as if the local copies below a folder had been applied.
    fn equals_local(&self, folder: &str, words: &[&str]) {
        let _ = fs::remove_dir_all(self.path("twin"));
        let local = format!("local/{folder}");
        self.run(&[&["apply", "twin", "--json", &local], words].concat()).json();
        let (mirror, twin) = (self.rows("mirror"), self.rows("twin"));
        assert_eq!(mirror.len(), twin.len());
        assert!(mirror == twin, "the rows differ");
        let log = |store: &str| {
            let ended = self.run(&["log", store]);
            let entries = ended.out.lines().map(|line| {
                let entry: Value = serde_json::from_str(line).unwrap();
                (entry["position"].to_string(), entry["read"].to_string(), entry["inserted"].to_string())
            });
            entries.collect::<Vec<_>>()
        };
        assert_eq!(log("mirror"), log("twin"), "the same batches, each once");
    }
}

/// Runs a command whose time and memory count: what it printed, seconds, and the most memory in MB.
fn measured(case: &Case, words: &[&str]) -> (String, f64, u64) {
    let mut command = std::process::Command::new("/usr/bin/time");
    let words = [&["-f", "%M", cargo_bin!("eventmirror").to_str().unwrap()], words].concat();
    command.current_dir(case.folder.path()).args(words).envs(case.server.environment());
    let started = std::time::Instant::now();
    let output = command.output().unwrap();
    let seconds = started.elapsed().as_secs_f64();
    let err = String::from_utf8(output.stderr).unwrap();
    assert!(output.status.success(), "{err}");
    let kilobytes: u64 = err.lines().last().unwrap().parse().unwrap();
    (String::from_utf8(output.stdout).unwrap(), seconds, kilobytes / 1024)
}

/// JSON lines of one user's events.
fn rows(user: &str, from: usize, to: usize) -> Vec<u8> {
    let row = |n| {
        let row = json!({"user_id": user, "insert_id": format!("{user}-{n}"), "time": 1_762_000_000_000_u64 + n as u64,
            "note": format!("some text that is the payload of event number {n} of this user"), "n": n});
        format!("{row}\n")
    };
    (from..to).map(row).collect::<String>().into_bytes()
}

fn gzip(content: &[u8]) -> Vec<u8> {
    let mut encoder = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// A Parquet file of many row groups, whose ids do not compress.
#[cfg(feature = "parquet")]
fn parquet(rows: usize, rows_per_group: usize) -> Vec<u8> {
    use arrow::array::{ArrayRef, Int64Array, RecordBatch, StringArray};
    use parquet::file::properties::WriterProperties;
    use std::sync::Arc;
    let text = |value: fn(usize) -> String| Arc::new(StringArray::from_iter_values((0..rows).map(value))) as ArrayRef;
    let id = |n: usize| blake3::hash(&n.to_le_bytes()).to_hex()[..32].to_owned();
    let times = Arc::new(Int64Array::from_iter_values(0..rows as i64)) as ArrayRef;
    let columns = [
        ("user_id", text(|n| format!("user {}", n % 90))),
        ("insert_id", text(id)),
        ("note", text(id)),
        ("time", times),
    ];
    let batch = RecordBatch::try_from_iter(columns).unwrap();
    let properties = WriterProperties::builder().set_max_row_group_row_count(Some(rows_per_group)).build();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), Some(properties)).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}
