//! The comparison with other stores (`benches/compare`), on a workload of a moment's length: everyone comes to the answers
//! that the generator planted, and notices where one is wrong.

#[path = "../../benches/workload/phases/mod.rs"]
mod phases;

use crate::support::engines;
use crate::support::fast_folder;
use serde_json::Value;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Output};

const ROWS: &str = "2000";

fn scripts() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("benches/compare")
}

fn python(script: &str, arguments: &[&str]) -> Output {
    let mut command = Command::new(engines::python());
    command.env("PYTHONDONTWRITEBYTECODE", "1").arg(scripts().join(script)).args(arguments).output().unwrap()
}

/// The line that a script prints last.
fn line(script: &str, arguments: &[&str]) -> Value {
    let output = python(script, arguments);
    let text = String::from_utf8_lossy(&output.stdout);
    let error = String::from_utf8_lossy(&output.stderr);
    serde_json::from_str(text.lines().last().unwrap_or_default()).unwrap_or_else(|_| panic!("{script}: {text}{error}"))
}

struct World {
    folder: tempfile::TempDir,
}

impl World {
    /// A workload, written by the generator.
    fn new() -> World {
        let world = World { folder: fast_folder() };
        let output = python("workload.py", &[&world.path("data"), "--rows", ROWS, "--d", "3"]);
        assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
        world
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).display().to_string()
    }

    fn in_process(&self, peer: &str, phase: &str) -> Value {
        phases::run(peer, phase, Path::new(&self.path("data")), Path::new(&self.path(peer))).unwrap()
    }

    fn of_file(&self, phase: &str, file: &str) -> Value {
        let (data, file) = (self.path("data"), self.path(&format!("data/{file}")));
        phases::run("eventmirror", phase, Path::new(&data), Path::new(&file)).unwrap()
    }

    fn peer(&self, peer: &str, phase: &str) -> Value {
        line("phase.py", &[peer, phase, &self.path("data"), &self.path(peer)])
    }

    fn commands(&self, phase: &str) -> Value {
        line("command.py", &[phase, &self.path("data"), &self.path("cli"), env!("CARGO_BIN_EXE_eventmirror")])
    }
}

#[track_caller]
fn assert_right(line: &Value) {
    assert_eq!(line["ok"], true, "{line}");
    for measure in ["seconds", "rows_per_s", "peak_rss_mb", "disk_mb", "open_s"] {
        assert!(line[measure].is_number(), "{measure} of {line}");
    }
}

#[test]
fn everyone_comes_to_the_planted_answers() {
    let world = World::new();
    for phase in ["load", "b", "c", "lookup", "user", "verify", "verify_equal", "diff_equal", "d"] {
        assert_right(&world.in_process("eventmirror", phase));
    }
    for phase in ["load", "b", "c", "lookup", "d"] {
        assert_right(&world.in_process("rocksdb", phase));
    }
    for phase in ["load", "b", "c", "verify", "verify_equal", "d"] {
        assert_right(&world.commands(phase));
    }
    for phase in ["load", "b", "c", "user", "verify", "verify_hash", "verify_equal", "idle", "d"] {
        assert_right(&world.peer("duckdb", phase));
    }
    for phase in ["load", "b", "c", "lookup", "user", "verify", "d"] {
        assert_right(&world.peer("sqlite", phase));
    }
    for phase in ["read", "decode"] {
        assert_right(&world.of_file(phase, "snapshot_equal.parquet"));
    }
}

#[test]
fn a_wrong_answer_is_noticed() {
    let world = World::new();
    for phase in ["load", "b"] {
        assert_right(&world.in_process("eventmirror", phase));
        assert_right(&world.commands(phase));
        assert_right(&world.peer("duckdb", phase));
    }
    // Before c, no one has the rows of the extract, and all planted differences but the invented ones are others.
    assert_eq!(world.in_process("eventmirror", "verify")["ok"], false);
    assert_eq!(world.in_process("eventmirror", "verify_equal")["ok"], false);
    assert_eq!(world.commands("verify")["ok"], false);
    assert_eq!(world.peer("duckdb", "verify")["ok"], false);
    assert_eq!(world.peer("duckdb", "verify_hash")["ok"], false);

    // A count and a sum that no one comes to.
    let file = world.path("data/manifest.json");
    let mut manifest: Value = serde_json::from_str(&fs::read_to_string(&file).unwrap()).unwrap();
    let revenue = manifest["check_after_c"]["sum_revenue"].as_f64().unwrap();
    manifest["check_after_c"]["sum_revenue"] = (revenue + 0.02).into();
    fs::write(&file, manifest.to_string()).unwrap();
    assert_eq!(world.in_process("eventmirror", "c")["ok"], false);
    assert_eq!(world.peer("duckdb", "c")["ok"], false);
    manifest["files"]["d_001.parquet"]["updated"] = 1.into();
    fs::write(&file, manifest.to_string()).unwrap();
    assert_eq!(world.in_process("eventmirror", "d")["ok"], false);
    assert_eq!(world.peer("duckdb", "d")["ok"], false);
}

/// A line of a run in which a peer handles so many rows a second.
fn measured(peer: &str, phase: &str, round: u64, rows_per_s: u64) -> String {
    let extra = serde_json::json!({"us": {"p50": 1e6 / rows_per_s as f64}, "close_s": 0});
    serde_json::json!({
        "peer": peer, "phase": phase, "round": round, "version": "1", "ok": true, "job": "compare", "base_rows": 2_000_000,
        "rows": 100, "seconds": 1, "rows_per_s": rows_per_s, "peak_rss_mb": 100, "disk_mb": 10, "open_s": 0, "extra": extra,
    })
    .to_string()
}

#[test]
fn the_table_has_medians_ratios_and_targets() {
    let folder = fast_folder();
    let (lines, table) = (folder.path().join("lines"), folder.path().join("table.md"));
    let mut all = vec![measured("eventmirror", "load", 0, 900), measured("duckdb", "load", 0, 400)];
    all.extend([measured("eventmirror", "load", 1, 600), measured("eventmirror", "load", 2, 3000)]);
    // Neither a floor nor a peer that is not durable is who the product is compared with.
    all.push(measured("rocksdb", "load", 0, 5000));
    all.push(measured("delta", "load", 0, 2000).replace("\"close_s\":0", "\"not_durable\":\"it syncs nothing\""));
    all.push(measured("sqlite", "load", 0, 9000).replace("\"ok\":true", "\"ok\":false"));
    fs::write(&lines, all.join("\n")).unwrap();
    let output = python("table.py", &[lines.to_str().unwrap(), table.to_str().unwrap()]);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    let text = fs::read_to_string(table).unwrap();
    assert!(text.contains("| load | rows/s | 900 (600–3,000) | 400 | 5,000 | 2,000 | – | 2.25 (duckdb) |"), "{text}");
    assert!(text.contains("| first load | duckdb load | 1.30 | 2.00 | 2.25 | aim |"), "{text}");
    assert!(text.contains("| peak memory of the load | duckdb load | 2.00 | 3.00 | 1.00 | **no** |"), "{text}");
    assert!(text.contains("delta is not durable: it syncs nothing."), "{text}");
    assert!(text.contains("WRONG OR FAILED, and left out: sqlite load, round 0."), "{text}");
}

#[test]
fn the_scripts_can_be_read_by_their_interpreters() {
    let bash = |file: &Path, words: &[&str]| Command::new("bash").args(words).arg(file).output().unwrap();
    for script in ["benches/compare/run", ".ci/install", ".ci/instructions", ".ci/run"] {
        let checked = bash(&Path::new(env!("CARGO_MANIFEST_DIR")).join(script), &["-n"]);
        assert!(checked.status.success(), "{}", String::from_utf8_lossy(&checked.stderr));
    }
    let help = Command::new("bash").arg(scripts().join("run")).arg("--help").output().unwrap();
    assert!(String::from_utf8_lossy(&help.stdout).contains("--peers LIST"), "{help:?}");
    let mut folders = vec![scripts()];
    while let Some(folder) = folders.pop() {
        for path in fs::read_dir(folder).unwrap().map(|entry| entry.unwrap().path()) {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "py") {
                let program = "import ast, sys; ast.parse(open(sys.argv[1]).read())";
                let read = Command::new(engines::python()).args(["-c", program]).arg(&path).output().unwrap();
                assert!(read.status.success(), "{}", String::from_utf8_lossy(&read.stderr));
            }
        }
    }
}
