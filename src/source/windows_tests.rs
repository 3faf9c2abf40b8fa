#![allow(clippy::unwrap_used)]
use super::*;
use crate::error::ErrorKind;

/// A folder with files, each of which holds its name.
fn folder(names: &[&str]) -> tempfile::TempDir {
    let folder = tempfile::tempdir().unwrap();
    for name in names {
        let path = folder.path().join(name);
        std::fs::create_dir_all(path.parent().unwrap()).unwrap();
        std::fs::write(path, name).unwrap();
    }
    folder
}

fn options(dialect: Dialect, window: Option<WindowFiles>) -> SourceOptions {
    SourceOptions { dialect, window, ..SourceOptions::default() }
}

/// Windows as `name: files`, of inputs below a folder.
fn listed(folder: &Path, inputs: &[&str], options: &SourceOptions) -> Vec<String> {
    let inputs: Vec<String> = inputs.iter().map(|input| folder.join(input).display().to_string()).collect();
    let line = |window: &InputWindow| {
        let files: Vec<&str> = window.files.iter().map(|file| file.name.as_str()).collect();
        format!("{}: {}", window.name, files.join(" "))
    };
    windows(&inputs, options, None).unwrap().windows.iter().map(line).collect()
}

/// The position of a window that is not decoded.
fn position(window: &InputWindow) -> Position {
    window.position(window.opened().unwrap()).complete().unwrap()
}

fn refused(folder: &Path, input: &str, options: &SourceOptions) -> Error {
    windows(&[folder.join(input).display().to_string()], options, None).unwrap_err()
}

#[test]
fn a_window_of_the_warehouses_is_all_files_of_the_call() {
    let folder = folder(&["day1/data_0.csv", "day1/data_1.csv", "day2/data_0.csv"]);
    let options = options(Dialect::Snowflake, None);
    let listed = |inputs: &[&str]| listed(folder.path(), inputs, &options);
    assert_eq!(listed(&["day1"]), ["day1: data_0.csv data_1.csv"]);
    assert_eq!(listed(&["day1/*.csv"]), ["day1/data_0.csv: data_0.csv data_1.csv"]);
    assert_eq!(listed(&["day1/data_1.csv", "day1/data_0.csv"]), ["day1/data_0.csv: data_0.csv data_1.csv"]);
    assert_eq!(listed(&["day1/../day1"]), ["day1: data_0.csv data_1.csv"]);
    // Exports have the same names of files each day, and windows of them have not.
    assert_eq!(listed(&["day1/data_0.csv"]), ["day1/data_0.csv: data_0.csv"]);
    assert_eq!(listed(&["day2/*"]), ["day2/data_0.csv: data_0.csv"]);
}

#[test]
fn a_folder_of_one_file_is_named_like_the_folder() {
    // Snowflake gives every unload the same names of files.
    let folder = folder(&["day1/data_0_0_0.csv.gz"]);
    let options = options(Dialect::Bigquery, None);
    assert_eq!(listed(folder.path(), &["day1"], &options), ["day1: data_0_0_0.csv.gz"]);
}

#[test]
fn each_file_or_folder_may_be_a_window() {
    let folder = folder(&["b/2.csv", "b/1.csv", "a/p=1/1.csv", "a/p=2/1.csv", "_log/1.csv"]);
    let per_folder = options(Dialect::Snowflake, Some(WindowFiles::Folder));
    assert_eq!(listed(folder.path(), &["."], &per_folder), ["a: p=1/1.csv p=2/1.csv", "b: 1.csv 2.csv"]);
    assert_eq!(listed(folder.path(), &["[b]"], &per_folder), ["b: 1.csv 2.csv"]);
    let per_file = options(Dialect::Snowflake, Some(WindowFiles::File));
    assert_eq!(listed(folder.path(), &["b"], &per_file), ["1.csv: 1.csv", "2.csv: 2.csv"]);
    let s3 = options(Dialect::S3, None);
    assert_eq!(listed(folder.path(), &["b"], &s3), ["1.csv: 1.csv", "2.csv: 2.csv"]);
}

#[test]
fn folders_below_folders_are_named_by_a_pattern() {
    let folder = folder(&["2025/11/03/1.csv", "2025/11/04/1.csv"]);
    let options = options(Dialect::Snowflake, Some(WindowFiles::Folder));
    assert_eq!(listed(folder.path(), &["*/*/*"], &options), ["2025/11/03: 1.csv", "2025/11/04: 1.csv"]);
    let error = refused(folder.path(), ".", &options);
    assert!(error.to_string().contains("several folders"), "two days in one window: {error}");
}

#[test]
fn what_cannot_be_put_together_is_refused() {
    let folder = folder(&["w/a/1.csv", "w/b/1.csv", "beside/a/1.csv", "beside/1.csv", "empty/_x"]);
    let check = |input: &str, dialect, window, kind, text: &str| {
        let error = refused(folder.path(), input, &options(dialect, window));
        assert_eq!((error.kind(), error.to_string().contains(text)), (kind, true), "{error}");
    };
    use Dialect::*;
    check("w", Snowflake, None, ErrorKind::Usage, "--window-per-folder");
    check("beside", Snowflake, Some(WindowFiles::Folder), ErrorKind::Usage, "beside the folders");
    check("beside/1.csv", Bigquery, Some(WindowFiles::Folder), ErrorKind::Usage, "no folder");
    check("empty", Bigquery, Some(WindowFiles::Folder), ErrorKind::InvalidInput, "no folder of a window");
    check("none", Bigquery, Some(WindowFiles::Folder), ErrorKind::Usage, "no folder");
    // An order of their own makes several folders one window.
    assert_eq!(listed(folder.path(), &["w"], &options(Bigquery, None)), ["w: a/1.csv b/1.csv"]);
    let inputs = ["w", "w"].map(|input| folder.path().join(input).display().to_string());
    let error = windows(&inputs, &options(Snowflake, Some(WindowFiles::Folder)), None).unwrap_err();
    assert!(error.to_string().contains("two folders have the name \"a\""), "{error}");
}

#[test]
fn the_position_of_several_files_is_that_of_their_content() {
    let named = |names: &[(&str, &str)]| {
        let folder = tempfile::tempdir().unwrap();
        names.iter().for_each(|(name, text)| std::fs::write(folder.path().join(name), text).unwrap());
        let inputs = [folder.path().display().to_string()];
        let mut windows = windows(&inputs, &options(Dialect::Snowflake, None), None).unwrap().windows;
        match position(&windows.remove(0)) {
            Position::Named(named) => (named.size, named.hash, named.modified.is_some()),
            other => panic!("{other:?}"),
        }
    };
    let (size, hash, has_time) = named(&[("1", "ab"), ("2", "c")]);
    assert_eq!((size, has_time), (3, true), "the time is that of the newest");
    assert_eq!(named(&[("a", "c"), ("b", "ab")]).1, hash, "names and order do not matter");
    assert_ne!(named(&[("1", "a"), ("2", "bc")]).1, hash);
    assert_eq!(named(&[("1", "ab")]), (2, *blake3::hash(b"ab").as_bytes(), true));
}

#[test]
fn numbered_windows_count_on_from_the_first_number_and_are_not_read_for_a_hash() {
    let folder = folder(&["1.csv", "2.csv"]);
    let options = SourceOptions { position: Some(7), ..options(Dialect::S3, None) };
    let windows = windows(&[folder.path().display().to_string()], &options, None).unwrap().windows;
    let positions: Vec<Position> = windows.iter().map(position).collect();
    assert_eq!(positions, [Position::Numbered(7), Position::Numbered(8)]);
    assert!(!windows[0].is_named());
}
