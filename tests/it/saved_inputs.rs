//! Runs the inputs that fuzzing found, or that somebody thought of, through the functions they were saved for. How to
//! add one: `fuzz/README.md`.

use crate::support::fuzz_bodies;
use std::path::{Path, PathBuf};

/// Runs every input of a target.
fn run_all(target: &str, body: fn(&[u8])) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("fuzz/corpus").join(target);
    let entries = std::fs::read_dir(&folder).unwrap();
    let mut files: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    files.sort();
    assert!(files.len() >= 24, "{} has only {} inputs", folder.display(), files.len());
    for file in files {
        println!("{}", file.display());
        body(&std::fs::read(&file).unwrap());
    }
}

#[test]
fn json_text() {
    run_all("json_text", fuzz_bodies::json_text);
}

#[test]
fn key_and_row() {
    run_all("key_and_row", fuzz_bodies::key_and_row);
}

#[test]
fn change_file() {
    run_all("change_file", fuzz_bodies::change_file);
}

#[test]
fn converter() {
    run_all("converter", fuzz_bodies::converter);
}

#[test]
fn schedule() {
    run_all("schedule", fuzz_bodies::schedule);
}
