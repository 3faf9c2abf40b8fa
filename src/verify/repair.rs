//! The mutations that make the mirror equal to the extract, in the form of the vendor's S3 files.

use crate::error::{Error, ErrorKind, Result};
use crate::model::event_json::KEY_FIELDS;
use crate::model::key::{EventKey, TimePrecision};
use crate::model::text;
use crate::model::typed::{self, TYPED_COLUMNS};
use crate::model::value::{Event, TimeUnit, ValueRef};
use flate2::Compression;
use flate2::write::GzEncoder;
use std::io::Write;

/// Names that an S3 file's reader takes for a key field or the operation.
const TAKEN: [&str; 7] = ["user_id", "insert_id", "$insert_id", "event_time", "time", "mutation_type", TYPED_COLUMNS];

/// Writes one mutation a key.
pub(super) struct Repair<'a> {
    out: GzEncoder<&'a mut (dyn Write + Send)>,
    precision: TimePrecision,
    line: String,
    pub(super) written: u64,
}

impl<'a> Repair<'a> {
    pub(super) fn new(out: &'a mut (dyn Write + Send), precision: TimePrecision) -> Self {
        Repair { out: GzEncoder::new(out, Compression::default()), precision, line: String::new(), written: 0 }
    }

    /// The mirror lacks the event.
    pub(super) fn insert(&mut self, event: &Event) -> Result<()> {
        self.put("INSERT", event)
    }

    /// The mirror has another row with its key.
    pub(super) fn update(&mut self, event: &Event) -> Result<()> {
        self.put("UPDATE", event)
    }

    /// The mirror has an event too many.
    pub(super) fn delete(&mut self, key: &EventKey) -> Result<()> {
        self.begin("DELETE", key)?;
        self.end()
    }

    pub(super) fn finish(self) -> Result<u64> {
        self.out.finish()?;
        Ok(self.written)
    }

    fn put(&mut self, operation: &str, event: &Event) -> Result<()> {
        self.begin(operation, &event.key)?;
        let mut apart = Vec::new();
        for (column, value) in &event.columns {
            let value = value.as_ref();
            let is_taken = TAKEN.iter().any(|taken| taken.eq_ignore_ascii_case(column));
            match is_taken || typed::is_lost_in_json(value) || is_json_in_text(value) {
                true => apart.push((column.as_str(), value)),
                false => self.member(column, value),
            }
        }
        if !apart.is_empty() {
            let json = typed::to_json(apart).map_err(std::io::Error::from)?;
            self.member(TYPED_COLUMNS, ValueRef::Json(&json));
        }
        self.end()
    }

    fn begin(&mut self, operation: &str, key: &EventKey) -> Result<()> {
        let time = event_time(key.event_time, self.precision)?;
        self.line.clear();
        self.line.push('{');
        self.member("mutation_type", ValueRef::Text(operation));
        let values = [ValueRef::Text(&key.user_id), ValueRef::Text(&key.insert_id), ValueRef::Json(&time)];
        KEY_FIELDS.iter().zip(values).for_each(|(name, value)| self.member(name, value));
        Ok(())
    }

    fn member(&mut self, name: &str, value: ValueRef<'_>) {
        if !self.line.ends_with('{') {
            self.line.push(',');
        }
        text::append_json(ValueRef::Text(name), &mut self.line);
        self.line.push(':');
        text::append_json(value, &mut self.line);
    }

    fn end(&mut self) -> Result<()> {
        // A line break inside a value is white space of its JSON.
        self.line = self.line.replace(['\n', '\r'], " ");
        self.line.push_str("}\n");
        self.out.write_all(self.line.as_bytes())?;
        self.written += 1;
        Ok(())
    }
}

/// Whether a text may be taken for the object that stands in it.
fn is_json_in_text(value: ValueRef<'_>) -> bool {
    matches!(value, ValueRef::Text(text) if text.trim_start().starts_with(['{', '[']))
}

/// An event time that is read back without `--time-unit`: plain milliseconds, or RFC 3339 for microseconds.
fn event_time(time: i64, precision: TimePrecision) -> Result<String> {
    let mut out = String::new();
    match precision {
        TimePrecision::Millis => text::append_json(ValueRef::Int(time), &mut out),
        TimePrecision::Micros => text::append_json(ValueRef::Timestamp(time, TimeUnit::Microsecond), &mut out),
    }
    match precision == TimePrecision::Micros && !out.starts_with('"') {
        true => Err(Error::new(ErrorKind::Unsupported, format!("the event time {out} has a year above 9999"))
            .advice("apply such rows from the extract itself")),
        false => Ok(out),
    }
}
