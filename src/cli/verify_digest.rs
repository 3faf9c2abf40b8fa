//! `verify --digest`: the store against what the warehouse computed.

use super::comparing::VerifyArguments;
use super::digest::say_incomparable;
use super::export::write_file;
use super::output::{Console, Shape, say};
use super::table::{Align, grouped, plural, table};
use super::{Outcome, interrupt, read, verify};
use crate::digest::file::DigestFile;
use crate::digest::sql;
use crate::error::{Error, Result};
use crate::verify::{DigestComparison, Verdict, verify_digest};
use serde::Serialize;
use std::collections::BTreeSet;
use std::path::Path;

/// Beyond this many buckets, all rows are moved as quickly as theirs.
const MOST_BUCKETS: usize = 1_000;

pub(super) fn run(arguments: &VerifyArguments, path: &Path, json: bool, console: &mut Console) -> Result<Outcome> {
    let stop = interrupt::flag()?;
    let place = path.display().to_string();
    let input = std::fs::File::open(path).map_err(|error| Error::from(error).at(place.clone()))?;
    let file = DigestFile::read(std::io::BufReader::new(input)).map_err(|error| error.at(place))?;
    let store = read::open(&arguments.store)?;
    let snapshot = read::snapshot(&store, verify::as_of(arguments, &store)?)?;
    let found = verify_digest(&snapshot, &file, stop)?;
    let buckets: BTreeSet<u16> = found.differing.keys().copied().collect();
    let export_sql = if buckets.is_empty() { None } else { sql::export(&file.settings, &buckets) };
    let compared: BTreeSet<&str> = file.settings.columns.iter().map(|column| column.name.as_str()).collect();
    let names = snapshot.schema().columns().iter().map(|column| column.name.as_str());
    let result = Report {
        schema: "eventmirror.verify_digest/1",
        verdict: verdict(&found).name(),
        as_of: snapshot.sequence(),
        rows: RowsJson { expected: file.rows(), actual: snapshot.count() },
        buckets: buckets_of(&found),
        not_compared: names.filter(|name| !compared.contains(name)).collect(),
        left_out: file.left_out,
        incomparable: found.incomparable,
        export_sql,
    };
    print(&result, arguments, json, console)?;
    Ok(if found.differing.is_empty() { Outcome::Done } else { Outcome::Different })
}

fn verdict(found: &DigestComparison) -> Verdict {
    if found.differing.is_empty() { Verdict::Identical } else { Verdict::Different }
}

/// The documented form. Keys are public.
#[derive(Serialize)]
struct Report<'a> {
    schema: &'static str,
    verdict: &'static str,
    as_of: u64,
    rows: RowsJson,
    /// Those that differ.
    buckets: Vec<BucketJson>,
    /// Columns of the store that the digest is not of.
    not_compared: Vec<&'a str>,
    /// Rows of the warehouse without a usable key.
    left_out: u64,
    incomparable: u64,
    export_sql: Option<String>,
}

#[derive(Serialize)]
struct RowsJson {
    expected: u64,
    actual: u64,
}

#[derive(Serialize)]
struct BucketJson {
    bucket: u16,
    expected: u64,
    actual: u64,
}

fn buckets_of(found: &DigestComparison) -> Vec<BucketJson> {
    let bucket = |(&bucket, &(expected, actual)): (&u16, &(u64, u64))| BucketJson { bucket, expected, actual };
    found.differing.iter().map(bucket).collect()
}

fn print(result: &Report<'_>, arguments: &VerifyArguments, json: bool, console: &mut Console) -> Result<()> {
    match console.shape(json) {
        Shape::Json | Shape::Lines => console.json(result)?,
        Shape::Table => {
            if !result.buckets.is_empty() {
                let titles = ["bucket", "expected", "actual"].map(|title| (title, Align::Right));
                let cells = |of: &BucketJson| vec![of.bucket.to_string(), grouped(of.expected), grouped(of.actual)];
                console.line(table(&titles, result.buckets.iter().take(arguments.limit).map(cells)))?;
            }
            if let (Some(sql), None) = (&result.export_sql, &arguments.export_sql) {
                console.line(sql.trim_end())?;
            }
        }
    }
    if let (Some(path), Some(sql)) = (&arguments.export_sql, &result.export_sql) {
        write_file(path, |out| Ok(out.write_all(sql.as_bytes()).map(|()| 1)?))?;
        say(&format!("the SQL that exports their rows is in {}", path.display()));
    }
    for note in notes(result) {
        say(&note);
    }
    say_incomparable(result.incomparable);
    say(&sentence(result));
    if !result.buckets.is_empty() {
        say(&next(result, &arguments.store));
    }
    Ok(())
}

fn notes(result: &Report<'_>) -> Vec<String> {
    let mut notes = Vec::new();
    if !result.not_compared.is_empty() {
        notes.push(format!("columns of the store that the digest is not of: {}", result.not_compared.join(", ")));
    }
    if result.left_out > 0 {
        let rows = plural(result.left_out, "row");
        notes.push(format!("{rows} of the warehouse without user, insert id or time left out"));
    }
    notes
}

fn sentence(result: &Report<'_>) -> String {
    let found = match result.buckets.len() as u64 {
        0 => result.verdict.to_owned(),
        count => format!("{}, {} of 65,536 buckets", result.verdict, grouped(count)),
    };
    let rows =
        format!("{} expected, {} in the store", plural(result.rows.expected, "row"), grouped(result.rows.actual));
    format!("{found}: {rows} at sequence {}", result.as_of)
}

/// How the rows are found.
fn next(result: &Report<'_>, store: &Path) -> String {
    let store = store.display();
    if result.buckets.len() > MOST_BUCKETS {
        return format!("next: export the whole table, and `eventmirror verify {store} EXTRACT`");
    }
    let buckets: Vec<String> = result.buckets.iter().map(|of| of.bucket.to_string()).collect();
    let buckets = buckets.join(",");
    format!("next: export the rows of these buckets, and `eventmirror verify {store} EXTRACT --buckets {buckets}`")
}
