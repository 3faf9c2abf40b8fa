//! The flags of reading files into options, for all commands that read files.

use super::applying::{ChangeArguments, ReadingArguments};
use super::parse::{self, Rounding};
use super::table::plural;
use crate::error::Result;
use crate::model::key::TimePrecision;
use crate::source::{Converter, InputOptions, SourceOptions};
use std::path::Path;

/// Names that a sentence lists.
const MOST_NAMES: usize = 5;

/// The options of changes, with the converter in a file if there is one.
pub(super) fn change_options(
    reading: &ReadingArguments,
    changes: &ChangeArguments,
    converter: Option<&Path>,
) -> Result<SourceOptions> {
    Ok(SourceOptions {
        dialect: changes.dialect.unwrap_or_default(),
        is_dialect_given: changes.dialect.is_some(),
        op_case_insensitive: changes.op_case,
        op_aliases: changes.op_alias.clone(),
        ..options(reading, converter)?
    })
}

/// The options of rows that are no changes, with the converter in a file if there is one.
pub(super) fn options(reading: &ReadingArguments, converter: Option<&Path>) -> Result<SourceOptions> {
    Ok(SourceOptions {
        inputs: InputOptions { retry_for: reading.retry_for, ..InputOptions::default() },
        format: reading.format,
        header: reading.header.clone(),
        csv_form: reading.csv_form,
        column_names: reading.column_names,
        converter: converter.map(|file| read_converter(file, reading.now.as_deref())).transpose()?,
        naive_tz: reading.naive_tz.clone(),
        time_unit: reading.time_unit,
        memory: reading.memory,
        ..SourceOptions::default()
    })
}

/// The converter of a file, whose clock shows `now`, or what the clock shows now.
fn read_converter(file: &Path, now: Option<&str>) -> Result<Converter> {
    let converter = Converter::read(file)?;
    if !converter.reads_clock() {
        return Ok(converter);
    }
    let now = match now {
        Some(text) => parse::time(text, TimePrecision::Millis, Rounding::Down, "--now")?,
        None => jiff::Timestamp::now().as_millisecond(),
    };
    Ok(converter.at_time(now))
}

/// Which inputs the converter's `filterPattern` leaves out, in a sentence.
pub(super) fn left_out(names: &[String]) -> String {
    let shown = names.iter().take(MOST_NAMES).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if names.len() > MOST_NAMES { ", …" } else { "" };
    format!("{} left out by the converter's filterPattern: {shown}{more}", plural(names.len() as u64, "file"))
}
