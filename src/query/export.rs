//! Events as a table of text cells.

use crate::error::{Error, ErrorKind, Result};
use crate::model::event_json::KEY_FIELDS;
use crate::model::schema::Column;
use crate::model::text;
use crate::model::value::Event;
use std::collections::{HashMap, HashSet};
use std::io::Write;

/// Names of the columns of an export: the key fields, then the columns of the schema.
///
/// A column that is named as a key field or as an earlier column is gets `_` behind its name, because readers of CSV
/// and Parquet take one of two columns of a name and drop the other without a word.
pub fn column_names(columns: &[Column]) -> Vec<String> {
    let mut taken: HashSet<String> = columns.iter().map(|column| column.name.clone()).collect();
    let clashes = |name: &str| KEY_FIELDS.contains(&name);
    let mut names: Vec<String> = KEY_FIELDS.map(str::to_owned).into();
    for column in columns {
        let mut name = column.name.clone();
        while clashes(&name) || (name != column.name && taken.contains(&name)) {
            name.push('_');
        }
        taken.insert(name.clone());
        names.push(name);
    }
    names
}

/// Where each column of a schema stands, for events, which name their columns.
pub(super) fn places(columns: &[Column]) -> HashMap<&str, usize> {
    columns.iter().enumerate().map(|(place, column)| (column.name.as_str(), place)).collect()
}

/// The error for an event whose column or type the schema does not know.
pub(super) fn unknown_column(name: &str) -> Error {
    Error::new(ErrorKind::Corrupt, format!("an event has a value in column {name:?} that the schema does not list"))
}

/// Writes a CSV file as RFC 4180 quotes it, with a header: the key fields and all columns, and returns how many
/// events there were. A null is an empty cell; lines end in a line feed.
pub fn write_csv(events: impl Iterator<Item = Result<Event>>, columns: &[Column], out: impl Write) -> Result<u64> {
    let mut writer = csv::WriterBuilder::new().from_writer(out);
    writer.write_record(column_names(columns)).map_err(csv_error)?;
    let places = places(columns);
    let mut cells = vec![String::new(); KEY_FIELDS.len() + columns.len()];
    let mut count = 0;
    for event in events {
        let event = event?;
        cells.iter_mut().for_each(String::clear);
        cells[0].push_str(&event.key.user_id);
        cells[1].push_str(&event.key.insert_id);
        cells[2].push_str(&event.key.event_time.to_string());
        for (name, value) in &event.columns {
            let place = places.get(name.as_str()).ok_or_else(|| unknown_column(name))?;
            text::append_plain(value.as_ref(), &mut cells[KEY_FIELDS.len() + place]);
        }
        writer.write_record(&cells).map_err(csv_error)?;
        count += 1;
    }
    writer.flush()?;
    Ok(count)
}

/// An error of the writer underneath stays an I/O error, so that a closed pipe can be told from the rest.
fn csv_error(error: csv::Error) -> Error {
    match error.into_kind() {
        csv::ErrorKind::Io(error) => error.into(),
        other => Error::new(ErrorKind::Io, format!("the CSV file cannot be written: {other:?}")),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::key::EventKey;
    use crate::model::value::{TimeUnit, Value};

    fn columns(names: &[&str]) -> Vec<Column> {
        names.iter().map(|name| Column { name: (*name).to_owned(), types: 0 }).collect()
    }

    fn all_values() -> Vec<(&'static str, Value, &'static str)> {
        vec![
            ("bool", Value::Bool(true), "true"),
            ("int", Value::Int(-7), "-7"),
            ("uint", Value::UInt(u64::MAX), "18446744073709551615"),
            ("float", Value::Float(1.5), "1.5"),
            ("decimal", Value::Decimal("62.00".into()), "62.00"),
            ("text", Value::Text("a \"b\", c\nd".into()), "a \"b\", c\nd"),
            ("bytes", Value::Bytes(vec![0, 255]), "00ff"),
            ("date", Value::Date(1), "1970-01-02"),
            ("time", Value::Timestamp(1, TimeUnit::Millisecond), "1970-01-01T00:00:00.001Z"),
            ("json", Value::Json("{\"b\": [1, null]}".into()), "{\"b\": [1, null]}"),
        ]
    }

    #[test]
    fn every_type_of_value_comes_back_out_of_a_reader() {
        let values = all_values();
        let names: Vec<&str> = values.iter().map(|(name, ..)| *name).collect();
        let full = values.iter().fold(Event::new(EventKey::new("ann", "x,1", -5)), |event, (name, value, _)| {
            event.with(*name, value.clone())
        });
        let bare = Event::new(EventKey::new("bob", "y", 0)).with("int", Value::Int(1));
        let mut out = Vec::new();
        assert_eq!(write_csv([Ok(full), Ok(bare)].into_iter(), &columns(&names), &mut out).unwrap(), 2);
        let mut reader = csv::Reader::from_reader(out.as_slice());
        let header: Vec<String> = reader.headers().unwrap().iter().map(str::to_owned).collect();
        assert_eq!(header[..3], KEY_FIELDS);
        assert_eq!(header[3..], names);
        let rows: Vec<Vec<String>> =
            reader.records().map(|row| row.unwrap().iter().map(str::to_owned).collect()).collect();
        assert_eq!(rows[0][..3], ["ann", "x,1", "-5"]);
        assert_eq!(rows[0][3..], values.iter().map(|(_, _, text)| *text).collect::<Vec<_>>());
        assert_eq!(rows[1][..5], ["bob", "y", "0", "", "1"]);
        assert!(rows[1][5..].iter().all(String::is_empty));
    }

    #[test]
    fn the_bytes_of_a_small_file() {
        let event = Event::new(EventKey::new("ann", "1", 5)).with("plan", Value::Text("pro, yearly".into()));
        let mut out = Vec::new();
        write_csv([Ok(event)].into_iter(), &columns(&["plan", "n"]), &mut out).unwrap();
        let expected = "user_id,insert_id,event_time,plan,n\nann,1,5,\"pro, yearly\",\n";
        assert_eq!(String::from_utf8(out).unwrap(), expected);
    }

    #[test]
    fn names_never_clash() {
        let columns = columns(&["user_id", "user_id_", "x"]);
        assert_eq!(column_names(&columns)[3..], ["user_id__", "user_id_", "x"]);
    }

    #[test]
    fn a_column_that_the_schema_does_not_list_is_an_error() {
        let event = Event::new(EventKey::new("ann", "1", 5)).with("plan", Value::Int(1));
        let error = write_csv([Ok(event)].into_iter(), &[], &mut Vec::new()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
    }
}
