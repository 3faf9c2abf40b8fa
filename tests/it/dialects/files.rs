//! Batches of the notation as the change files that a warehouse would write.
//!
//! | | `snowflake` | `databricks` | `bigquery` | `s3` |
//! |---|---|---|---|---|
//! | `+` | INSERT, false | insert | INSERT | INSERT |
//! | `~` | INSERT, true | update_postimage | UPDATE | UPDATE |
//! | `-` | DELETE, false | delete | DELETE | DELETE |
//! | `<` | DELETE, true | update_preimage | DELETE, for an update | |
//! | `@7` | | version 7 | time of change in microseconds | |
//! | `%3` | row id 3 | | | |

use crate::support::batch::Record;
use arrow::array::{ArrayRef, BooleanArray, Decimal128Array, Int64Array, RecordBatch, StringArray};
use eventmirror::model::change::Operation;
use eventmirror::{Dialect, Value};
use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;

/// How rows are written down.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    Json,
    /// A header row, and quotes.
    Csv,
    /// Snowflake's default: no header row, no quotes, backslashes.
    Escaped,
    Parquet,
}

impl Form {
    pub const ALL: [Form; 4] = [Form::Json, Form::Csv, Form::Escaped, Form::Parquet];

    pub fn ending(self) -> &'static str {
        match self {
            Form::Json => "json",
            Form::Csv | Form::Escaped => "csv",
            Form::Parquet => "parquet",
        }
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Cell {
    Text(String),
    Json(String),
    Int(i64),
    Bool(bool),
}

type Row = BTreeMap<String, Cell>;

/// The columns of a file without a header row, in its order.
pub fn columns(records: &[Record], dialect: Dialect) -> Vec<String> {
    let rows: Vec<Row> = records.iter().map(|record| row(record, dialect)).collect();
    names(&rows)
}

/// Writes records as a file of a dialect. All records of a window must be written with the same `all`, whose columns
/// the file has.
pub fn write(path: &Path, records: &[Record], all: &[Record], dialect: Dialect, form: Form) {
    let names = columns(all, dialect);
    let rows: Vec<Row> = records.iter().map(|record| row(record, dialect)).collect();
    let bytes = match form {
        Form::Json => json(&rows).into_bytes(),
        Form::Csv => csv(&rows, &names).into_bytes(),
        Form::Escaped => escaped(&rows, &names).into_bytes(),
        Form::Parquet => parquet(&rows, &names, dialect),
    };
    std::fs::write(path, bytes).unwrap();
}

fn names(rows: &[Row]) -> Vec<String> {
    let mut names: Vec<String> = rows.iter().flat_map(BTreeMap::keys).cloned().collect();
    names.sort_unstable();
    names.dedup();
    names
}

fn row(record: &Record, dialect: Dialect) -> Row {
    let mut row = Row::new();
    let mut put = |name: &str, cell: Option<Cell>| {
        let name = if dialect == Dialect::Snowflake { name.to_uppercase() } else { name.to_owned() };
        cell.map(|cell| row.insert(name, cell));
    };
    let text = |text: &str| Some(Cell::Text(text.to_owned()));
    put("user_id", record.user_id.as_deref().and_then(text));
    put("insert_id", record.insert_id.as_deref().and_then(text));
    put("time", record.time.map(|(micros, _)| Cell::Int(micros / 1_000)));
    for (name, value) in &record.columns {
        put(name, value.as_ref().map(cell));
    }
    let sequence = || Some(Cell::Int(record.sequence.unwrap_or_default() as i64));
    let is_half = matches!(record.operation, Operation::PreImage);
    let is_put = matches!(record.operation, Operation::Insert | Operation::Update);
    match dialect {
        Dialect::Snowflake => {
            put("METADATA$ACTION", text(if is_put { "INSERT" } else { "DELETE" }));
            put("METADATA$ISUPDATE", Some(Cell::Bool(is_half || record.operation == Operation::Update)));
            put("METADATA$ROW_ID", record.pair.map(|pair| Cell::Text(format!("{pair:040x}"))));
        }
        Dialect::Databricks => {
            let label = match record.operation {
                Operation::Insert => "insert",
                Operation::Update => "update_postimage",
                Operation::PreImage => "update_preimage",
                _ => "delete",
            };
            put("_change_type", text(label));
            put("_commit_version", sequence());
            put("_commit_timestamp", text("2025-11-04T00:05:11.000Z"));
        }
        Dialect::Bigquery => {
            put("change_type", text(word(record.operation)));
            put("change_timestamp", sequence());
            put("change_is_for_update", Some(Cell::Bool(is_half)));
        }
        _ => put("mutation_type", text(word(record.operation))),
    }
    row
}

fn word(operation: Operation) -> &'static str {
    match operation {
        Operation::Insert => "INSERT",
        Operation::Update => "UPDATE",
        _ => "DELETE",
    }
}

fn cell(value: &Value) -> Cell {
    match value {
        Value::Text(text) => Cell::Text(text.clone()),
        Value::Json(json) => Cell::Json(json.clone()),
        Value::Int(number) => Cell::Int(*number),
        Value::Bool(flag) => Cell::Bool(*flag),
        other => panic!("{other:?} cannot be written into every kind of file"),
    }
}

impl Cell {
    /// As it stands in a CSV file.
    fn text(&self) -> String {
        match self {
            Cell::Text(text) | Cell::Json(text) => text.clone(),
            Cell::Int(number) => number.to_string(),
            Cell::Bool(flag) => flag.to_string(),
        }
    }
}

fn json(rows: &[Row]) -> String {
    let value = |cell: &Cell| match cell {
        Cell::Text(text) => serde_json::to_string(text).unwrap(),
        other => other.text(),
    };
    let line = |row: &Row| {
        let members: Vec<String> = row
            .iter()
            .map(|(name, cell)| format!("{}:{}", serde_json::to_string(name).unwrap(), value(cell)))
            .collect();
        format!("{{{}}}\n", members.join(","))
    };
    rows.iter().map(line).collect()
}

fn csv(rows: &[Row], names: &[String]) -> String {
    let quoted = |text: &str| format!("\"{}\"", text.replace('"', "\"\""));
    let cell = |cell: &Cell| match cell {
        Cell::Text(text) | Cell::Json(text) => quoted(text),
        other => other.text(),
    };
    let line = |row: &Row| {
        let cells: Vec<String> = names.iter().map(|name| row.get(name).map_or(String::new(), cell)).collect();
        format!("{}\n", cells.join(","))
    };
    let header: Vec<String> = names.iter().map(|name| quoted(name)).collect();
    format!("{}\n{}", header.join(","), rows.iter().map(line).collect::<String>())
}

fn escaped(rows: &[Row], names: &[String]) -> String {
    let cell = |cell: &Cell| cell.text().replace('\\', "\\\\").replace(',', "\\,").replace('\n', "\\\n");
    let line = |row: &Row| {
        let cells: Vec<String> = names.iter().map(|name| row.get(name).map_or("\\N".to_owned(), cell)).collect();
        format!("{}\n", cells.join(","))
    };
    rows.iter().map(line).collect()
}

/// Snowflake's NUMBER is a decimal.
fn parquet(rows: &[Row], names: &[String], dialect: Dialect) -> Vec<u8> {
    let column = |name: &String| -> ArrayRef {
        let cells = || rows.iter().map(|row| row.get(name));
        let first = cells().flatten().next();
        let ints = || cells().map(|cell| if let Some(Cell::Int(number)) = cell { Some(*number) } else { None });
        match first {
            Some(Cell::Int(_)) if dialect == Dialect::Snowflake => {
                let decimals = ints().map(|number| number.map(i128::from)).collect::<Decimal128Array>();
                Arc::new(decimals.with_precision_and_scale(38, 0).unwrap())
            }
            Some(Cell::Int(_)) => Arc::new(ints().collect::<Int64Array>()),
            Some(Cell::Bool(_)) => Arc::new(
                cells()
                    .map(|cell| if let Some(Cell::Bool(flag)) = cell { Some(*flag) } else { None })
                    .collect::<BooleanArray>(),
            ),
            _ => Arc::new(cells().map(|cell| cell.map(Cell::text)).collect::<StringArray>()),
        }
    };
    let batch = RecordBatch::try_from_iter_with_nullable(names.iter().map(|name| (name, column(name), true))).unwrap();
    let mut bytes = Vec::new();
    let mut writer = parquet::arrow::ArrowWriter::try_new(&mut bytes, batch.schema(), None).unwrap();
    writer.write(&batch).unwrap();
    writer.close().unwrap();
    bytes
}
