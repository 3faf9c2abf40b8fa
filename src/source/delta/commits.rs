//! What the commits of a range say of how their changes must be read.
//!
//! ```text
//! commit   3      4          5      6          7
//!          add    metaData   cdc    metaData   cdc …
//!                 schema B          schema C
//! spans    3..=3  4..=5             6..=7                 each is read with the schema of its last version
//! ```
//!
//! The kernel reads a range with one schema and refuses a range that has another one in it. So the range is cut before
//! each commit that brings one. Commits that are gone, and those from which on the table records no changes, are found
//! here too, before a row is read. Source: the Delta protocol's sections on its actions and on change data files.

use super::fault::{Table, feed_is_off};
use crate::error::{Error, ErrorKind, Result};
use serde::Deserialize;
use std::borrow::Cow;
use std::collections::BTreeMap;
use std::fmt;
use std::ops::RangeInclusive;

/// The table property that turns the change feed on.
const FEED: &str = "delta.enableChangeDataFeed";
/// The table property that says how columns are named in the files.
const COLUMN_MAPPING: &str = "delta.columnMapping.mode";

/// Versions that are read with one schema.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Span {
    pub(super) versions: RangeInclusive<u64>,
    /// Bytes of the files that its changes are in.
    pub(super) bytes: u64,
    /// Whether its first commit sets a schema.
    pub(super) brings_schema: bool,
}

impl fmt::Display for Span {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let (first, last) = (self.versions.start(), self.versions.end());
        if first == last { write!(f, "version {first}") } else { write!(f, "versions {first} to {last}") }
    }
}

/// Cuts a range, given as its commits' texts, into spans of one schema each.
///
/// # Errors
/// `HistoryGap` where a commit turns the feed off; `InvalidInput` where a commit is none.
pub(super) fn spans<T: AsRef<[u8]>>(
    first: u64,
    commits: impl Iterator<Item = Result<T>>,
    table: &Table,
) -> Result<Vec<Span>> {
    let mut spans: Vec<Span> = Vec::new();
    let mut shape: Option<Shape> = None;
    for (version, text) in (first..).zip(commits) {
        let commit = read(text?.as_ref(), version, table)?;
        if commit.shape.as_ref().is_some_and(|shape| !shape.is_feed_on) {
            return Err(feed_is_off(version, table));
        }
        // What held before the range is not known here; a cut too many costs nothing.
        let is_cut = commit.shape.is_some() && commit.shape != shape;
        match spans.last_mut().filter(|_| !is_cut) {
            Some(span) => {
                span.versions = *span.versions.start()..=version;
                span.bytes += commit.bytes;
            }
            None => {
                let (versions, brings_schema) = (version..=version, commit.shape.is_some());
                spans.push(Span { versions, bytes: commit.bytes, brings_schema });
            }
        }
        shape = commit.shape.or(shape);
    }
    Ok(spans)
}

/// Whether a commit names a file. Both names may be percent-encoded any number of times, and only their last parts count.
pub(super) fn names_file(text: &[u8], file: &str) -> bool {
    let wanted = plain_name(file);
    lines(text).any(|line| {
        let action = serde_json::from_slice::<Action<'_>>(line).ok();
        action.iter().flat_map(Action::files).any(|file| plain_name(&file.path) == wanted)
    })
}

/// What of a commit matters here.
struct Commit {
    shape: Option<Shape>,
    bytes: u64,
}

/// What of a `metaData` action decides how rows are read.
#[derive(Debug, PartialEq, Eq)]
struct Shape {
    schema: String,
    partition_columns: Vec<String>,
    column_mapping: Option<String>,
    is_feed_on: bool,
}

/// One line of a commit, as far as it matters.
#[derive(Deserialize)]
struct Action<'a> {
    #[serde(borrow)]
    add: Option<DataFile<'a>>,
    #[serde(borrow)]
    remove: Option<DataFile<'a>>,
    #[serde(borrow)]
    cdc: Option<DataFile<'a>>,
    #[serde(rename = "metaData")]
    metadata: Option<Metadata>,
}

#[derive(Deserialize)]
struct DataFile<'a> {
    #[serde(borrow)]
    path: Cow<'a, str>,
    size: Option<u64>,
    #[serde(default, rename = "dataChange")]
    is_change: bool,
}

#[derive(Deserialize)]
struct Metadata {
    #[serde(rename = "schemaString")]
    schema: String,
    #[serde(rename = "partitionColumns")]
    partition_columns: Option<Vec<String>>,
    configuration: Option<BTreeMap<String, Option<String>>>,
}

impl Action<'_> {
    fn files(&self) -> impl Iterator<Item = &DataFile<'_>> {
        [&self.add, &self.remove, &self.cdc].into_iter().flatten()
    }
}

impl From<Metadata> for Shape {
    fn from(metadata: Metadata) -> Self {
        let mut configuration = metadata.configuration.unwrap_or_default();
        let mut property = |name: &str| configuration.remove(name).flatten();
        let is_feed_on = property(FEED).is_some_and(|value| value.eq_ignore_ascii_case("true"));
        Shape {
            schema: metadata.schema,
            partition_columns: metadata.partition_columns.unwrap_or_default(),
            column_mapping: property(COLUMN_MAPPING),
            is_feed_on,
        }
    }
}

fn read(text: &[u8], version: u64, table: &Table) -> Result<Commit> {
    let (mut shape, mut files, mut change_files) = (None, 0, None);
    for (number, line) in lines(text).enumerate() {
        let action: Action<'_> = serde_json::from_slice(line).map_err(|error| {
            Error::new(ErrorKind::InvalidInput, "a line of the table's log cannot be read")
                .at(format!("{}, version {version}, line {}", table.place, number + 1))
                .because(error)
        })?;
        let size = |file: &DataFile<'_>| file.size.unwrap_or_default();
        files += [&action.add, &action.remove].into_iter().flatten().filter(|f| f.is_change).map(size).sum::<u64>();
        if let Some(file) = &action.cdc {
            change_files = Some(change_files.unwrap_or(0) + size(file));
        }
        shape = action.metadata.map(Shape::from).or(shape);
    }
    Ok(Commit { shape, bytes: change_files.unwrap_or(files) })
}

fn lines(text: &[u8]) -> impl Iterator<Item = &[u8]> {
    text.split(|byte| *byte == b'\n').filter(|line| !line.trim_ascii().is_empty())
}

/// The last part of a path, percent-decoded until nothing is left to decode.
fn plain_name(path: &str) -> Vec<u8> {
    let mut name = path.rsplit('/').next().unwrap_or(path).as_bytes().to_vec();
    loop {
        let decoded = percent_decoded(&name);
        if decoded == name {
            return name;
        }
        name = decoded;
    }
}

fn percent_decoded(text: &[u8]) -> Vec<u8> {
    let mut out = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((first, tail)) = rest.split_first() {
        let hex = tail.get(..2).filter(|_| *first == b'%').and_then(|hex| std::str::from_utf8(hex).ok());
        match hex.and_then(|hex| u8::from_str_radix(hex, 16).ok()) {
            Some(byte) => {
                out.push(byte);
                rest = tail.get(2..).unwrap_or_default();
            }
            None => {
                out.push(*first);
                rest = tail;
            }
        }
    }
    out
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    const ADD: &str = r#"{"add":{"path":"a%20b.parquet","size":10,"dataChange":true}}"#;

    /// A commit that sets a schema, with the feed on unless the schema is `off`.
    fn sets(schema: &str) -> String {
        let configuration = format!(r#"{{"{FEED}":"{}","x":null}}"#, schema != "off");
        format!(
            "{{\"commitInfo\":{{}}}}\n{{\"metaData\":{{\"schemaString\":\"{schema}\",\"configuration\":{configuration}}}}}\n"
        )
    }

    fn cut(first: u64, commits: &[String]) -> Result<Vec<RangeInclusive<u64>>> {
        let spans = spans(first, commits.iter().map(Ok), &Table::named("t"))?;
        Ok(spans.into_iter().map(|span| span.versions).collect())
    }

    #[test]
    fn a_range_is_cut_before_each_commit_that_brings_another_schema() {
        let commits = [sets("a"), ADD.to_owned(), sets("a"), sets("b"), ADD.to_owned(), sets("a")];
        assert_eq!(cut(0, &commits).unwrap(), [0..=2, 3..=4, 5..=5]);
        assert_eq!(cut(4, &commits[4..]).unwrap(), [4..=4, 5..=5]);
        assert_eq!(cut(7, &commits[1..2]).unwrap(), [7..=7]);
        assert_eq!(cut(1, &commits[1..4]).unwrap(), [1..=1, 2..=2, 3..=3], "what held before is not known");
    }

    #[test]
    fn partition_columns_and_the_naming_of_columns_cut_too() {
        let other = sets("a").replace("\"schemaString\"", "\"partitionColumns\":[\"p\"],\"schemaString\"");
        let mapped = sets("a").replace("\"x\":null", &format!("\"{COLUMN_MAPPING}\":\"name\""));
        assert_eq!(cut(0, &[sets("a"), other, mapped]).unwrap().len(), 3);
    }

    #[test]
    fn the_version_that_turns_the_feed_off_is_named() {
        let error = cut(4, &[sets("a"), sets("off"), sets("a")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::HistoryGap);
        assert!(error.to_string().contains("version 5"), "{error}");
    }

    #[test]
    fn a_line_that_is_no_action_is_named() {
        let error = cut(4, &[format!("{ADD}\n\n{{\"add\":7}}")]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("t, version 4, line 2"), "{error}");
    }

    #[test]
    fn bytes_are_those_of_change_files_where_there_are_any() {
        let moved = ADD.replace("true", "false");
        let change = r#"{"cdc":{"path":"c","size":3}}"#;
        let bytes = |commit: String| spans(0, [Ok(commit)].into_iter(), &Table::named("t")).unwrap()[0].bytes;
        assert_eq!(bytes(format!("{ADD}\n{ADD}\n{moved}")), 20);
        assert_eq!(bytes(format!("{ADD}\n{change}\n{change}")), 6);
    }

    #[test]
    fn a_file_is_found_however_often_its_name_is_encoded() {
        for name in ["/data/a b.parquet", "a%20b.parquet", "x/a%2520b.parquet"] {
            assert!(names_file(ADD.as_bytes(), name), "{name}");
        }
        assert!(!names_file(ADD.as_bytes(), "b.parquet"));
        assert_eq!(plain_name("x/%zz%4%"), b"%zz%4%");
    }
}
