#![allow(clippy::unwrap_used)]
use super::*;
use crate::source::{Dialect, WindowFiles, windows};

/// Windows of one file each, whose rows have the versions of its text; `-` is a row without one.
fn numbered(files: &[(&str, &str)], options: SourceOptions) -> Result<Vec<String>> {
    let folder = tempfile::tempdir().unwrap();
    for (name, versions) in files {
        let row = |version: &str| {
            let version = if version == "-" { "null" } else { version };
            format!("{{\"user_id\":\"u\",\"insert_id\":\"i\",\"time\":1,\"_commit_version\":{version}}}\n")
        };
        let text: String = versions.split_whitespace().map(row).collect();
        std::fs::write(folder.path().join(name), text).unwrap();
    }
    let options = SourceOptions { dialect: Dialect::Databricks, window: Some(WindowFiles::File), ..options };
    let windows = windows(&[folder.path().display().to_string()], &options, None)?.windows;
    let windows = number_by_version(windows, &options, &mut || Ok(()))?;
    let line = |window: &InputWindow| {
        let numbers = window.number.as_ref().unwrap();
        format!("{} {}-{}", window.name, numbers.first.unwrap(), numbers.last)
    };
    Ok(windows.iter().map(line).collect())
}

fn declared(from: Option<u64>, to: Option<u64>) -> SourceOptions {
    SourceOptions { from_version: from, to_version: to, ..SourceOptions::default() }
}

#[test]
fn windows_come_in_the_order_of_their_versions() {
    let found = numbered(&[("10.json", "47 45 46"), ("9.json", "41 44 42")], SourceOptions::default()).unwrap();
    assert_eq!(found, ["9.json 41-44", "10.json 45-47"]);
}

#[test]
fn what_the_caller_says_of_the_versions_fills_the_gaps_between_them() {
    let files = [("a.json", "43"), ("b.json", "45 46")];
    assert_eq!(numbered(&files, declared(None, None)).unwrap(), ["a.json 43-43", "b.json 45-46"]);
    assert_eq!(numbered(&files, declared(Some(41), Some(50))).unwrap(), ["a.json 41-43", "b.json 44-50"]);
    assert_eq!(numbered(&files, declared(None, Some(46))).unwrap(), ["a.json 43-43", "b.json 44-46"]);
}

#[test]
fn an_export_without_rows_covers_what_the_caller_says_or_nothing() {
    let empty = [("a.json", "")];
    assert_eq!(numbered(&empty, declared(Some(41), Some(50))).unwrap(), ["a.json 41-50"]);
    assert_eq!(numbered(&empty, declared(None, Some(50))).unwrap(), ["a.json 50-50"]);
    assert!(numbered(&empty, declared(None, None)).unwrap().is_empty());
    let files = [("a.json", ""), ("b.json", "45")];
    assert_eq!(numbered(&files, declared(Some(41), Some(50))).unwrap(), ["b.json 41-50"]);
}

#[test]
fn versions_that_contradict_the_caller_or_each_other_are_refused() {
    for (files, options, kind, text) in [
        (&[("a", "1 5"), ("b", "3 7")][..], declared(None, None), ErrorKind::Usage, "parts of one export"),
        (&[("a", "1 5"), ("b", "5 7")], declared(None, None), ErrorKind::Usage, "versions 5 to 7"),
        (&[("a", "1 5")], declared(Some(2), None), ErrorKind::Usage, "below --from-version 2"),
        (&[("a", "1 5")], declared(None, Some(4)), ErrorKind::Usage, "above --to-version 4"),
        (&[("a", "3")], declared(Some(4), Some(3)), ErrorKind::Usage, "is above --to-version"),
        (&[("a", "- -")], declared(None, None), ErrorKind::InvalidInput, "--map version=COLUMN"),
    ] {
        let error = numbered(files, options).unwrap_err();
        assert_eq!(error.kind(), kind, "{error}");
        assert!(error.to_string().contains(text), "{error}");
    }
    assert_eq!(numbered(&[("a", "3 -")], declared(None, None)).unwrap(), ["a 3-3"], "such a row is rejected later");
}
