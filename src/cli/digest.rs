//! `digest`: what a warehouse is compared with, and the SQL that computes the same there.

use super::digesting::{ColumnArguments, DigestArguments, DigestCommand, DigestSqlArguments};
use super::export::write_file;
use super::output::{Console, say};
use super::table::plural;
use super::{Outcome, interrupt, parse, read, usage};
use crate::Snapshot;
use crate::digest::file::{DigestFile, Settings};
use crate::digest::sql::{self, Table};
use crate::digest::{Choice, Chosen, Form};
use crate::error::Result;
use crate::source;
use crate::verify::{Digests, digests};
use serde::Serialize;
use std::collections::BTreeMap;

pub(super) fn run(arguments: &DigestArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    match (&arguments.command, &arguments.store) {
        (Some(DigestCommand::Sql(arguments)), _) => print_sql(arguments, json, console),
        (None, Some(path)) => {
            let stop = interrupt::flag()?;
            let store = read::open(path)?;
            let snapshot = read::snapshot(&store, arguments.as_of)?;
            let chosen = choose(&arguments.columns, &snapshot)?;
            let Digests { buckets, incomparable } = digests(&snapshot, &chosen.columns, stop)?;
            let settings = settings(&snapshot, chosen, None);
            let file = DigestFile { settings, left_out: 0, buckets };
            say_incomparable(incomparable);
            write(&file, snapshot.sequence(), arguments, json, console)?;
            Ok(Outcome::Done)
        }
        (None, None) => Err(usage("the folder of the store is missing")),
    }
}

#[derive(Serialize)]
struct DigestJson<'a> {
    schema: &'static str,
    as_of: u64,
    rows: u64,
    columns: BTreeMap<&'a str, String>,
    buckets: BTreeMap<u16, BucketJson>,
}

#[derive(Serialize)]
struct BucketJson {
    rows: u64,
    digest: String,
}

fn write(file: &DigestFile, as_of: u64, arguments: &DigestArguments, json: bool, console: &mut Console) -> Result<()> {
    if let Some(path) = &arguments.output {
        write_file(path, |out| file.write(out).map(|()| file.rows()))?;
        let buckets = plural(file.buckets.len() as u64, "bucket");
        say(&format!("{} in {buckets} written to {}", plural(file.rows(), "row"), path.display()));
    } else if !json {
        return file.write(&mut console.stream());
    }
    if json {
        let bucket = |(bucket, digest): (&u16, &crate::digest::BucketDigest)| {
            (*bucket, BucketJson { rows: digest.rows, digest: digest.to_string() })
        };
        console.json(&DigestJson {
            schema: "eventmirror.digest/1",
            as_of,
            rows: file.rows(),
            columns: forms(&file.settings),
            buckets: file.buckets.iter().map(bucket).collect(),
        })?;
    }
    Ok(())
}

#[derive(Serialize)]
struct SqlJson<'a> {
    schema: &'static str,
    columns: BTreeMap<&'a str, String>,
    sql: String,
}

fn print_sql(arguments: &DigestSqlArguments, json: bool, console: &mut Console) -> Result<Outcome> {
    let store = read::open(&arguments.store)?;
    let snapshot = store.snapshot();
    let chosen = choose(&arguments.columns, &snapshot)?;
    let table = Table {
        engine: arguments.engine,
        name: arguments.table.clone(),
        columns: columns(&parse::mappings(&arguments.map), &snapshot)?,
        event_time: arguments.event_time_as,
    };
    let settings = settings(&snapshot, chosen, Some(table));
    let sql = sql::digest(&settings).unwrap_or_default();
    match json {
        true => console.json(&SqlJson { schema: "eventmirror.digest_sql/1", columns: forms(&settings), sql })?,
        false => console.line(sql.trim_end())?,
    }
    Ok(Outcome::Done)
}

fn forms(settings: &Settings) -> BTreeMap<&str, String> {
    settings.columns.iter().map(|column| (column.name.as_str(), column.form.to_string())).collect()
}

fn settings(snapshot: &Snapshot, chosen: Chosen, table: Option<Table>) -> Settings {
    Settings { precision: snapshot.store().precision(), columns: chosen.columns, table }
}

/// The columns that are asked for. Says which others are left out, and which are rounded.
fn choose(arguments: &ColumnArguments, snapshot: &Snapshot) -> Result<Chosen> {
    let choice = Choice {
        only: arguments.columns.clone(),
        ignored: arguments.ignore_columns.clone(),
        forms: arguments.form.iter().cloned().collect(),
    };
    let chosen = choice.choose(snapshot.schema())?;
    for column in &chosen.left_out {
        say(&format!("column {:?} is not compared: {}", column.name, column.why));
    }
    for column in &chosen.columns {
        if let Form::Float(decimals) = column.form
            && !choice.forms.contains_key(&column.name)
        {
            let decimals = plural(decimals.into(), "decimal");
            say(&format!("column {:?} holds doubles, which are compared to {decimals}", column.name));
        }
    }
    Ok(chosen)
}

pub(super) fn say_incomparable(values: u64) {
    if values > 0 {
        let values = plural(values, "value");
        say(&format!("{values} of the store have another type than their column's form: their buckets always differ"));
    }
}

/// Columns of the warehouse by field.
fn columns(maps: &[String], snapshot: &Snapshot) -> Result<BTreeMap<String, Vec<String>>> {
    let mut columns = BTreeMap::new();
    for map in maps {
        let wrong = |why: String| usage(why).at(format!("--map {map}"));
        let (field, names) = map.split_once('=').ok_or_else(|| wrong("a mapping has the form FIELD=COLUMN".into()))?;
        let names = source::split_columns(names);
        if names.iter().any(String::is_empty) {
            return Err(wrong("a mapping names no column".into()));
        }
        let is_id = matches!(field, "user_id" | "insert_id");
        if !is_id && field != "event_time" && snapshot.schema().id(field).is_none() {
            let fields = "the fields are user_id, insert_id, event_time and the store's columns";
            return Err(wrong(format!("{field:?} is no field")).advice(fields));
        }
        if !is_id && names.len() > 1 {
            return Err(wrong(format!("{field} is one column")).advice(r"a + in a column's name is written \+"));
        }
        if columns.insert(field.to_owned(), names).is_some() {
            return Err(wrong(format!("{field} is mapped twice")));
        }
    }
    Ok(columns)
}
