//! The vendor's converter: a JSON file that says how the rows of S3 (or GCS) files become events.
//!
//! The rules are those of the vendor's page "Converter configuration reference"; what it leaves open is decided, and
//! written down, where each operator is. Rows of any format become values (`cells`), which expressions read once at the
//! start (`config`, `expression`) turn into the fields of an event (`columns`); its fields are then columns of JSON
//! tokens, and take the way of the dialect from there on. Texts are cut and joined but never read and written anew, so
//! that `62.0` stays `62.0` and a number of 400 digits all of them.
//!
//! | what | where |
//! |---|---|
//! | fields, `path`, `value`, `{…}` | `expression` |
//! | `any` `condition`/`cond` `ifelse` `sample_md5` | `choices` |
//! | `dict` `array` `merge_dicts` `flatten_dict` `exclude_keys` | `objects` |
//! | `concat` `replace_with` `split` `lowercase`/`lower` `typeof` `parse_json_element`/`parse_json_object` | `texts`, `java_regex` |
//! | `iso_time_to_ms` `ms_to_iso_time` `iso_time_now` `ms_time_now` `int96_time_to_ms` `parse_time_to_ms` | `times`, `java_time` |
//! | `bool` `not`/`!` `and`/`&&` `or`/`\|\|` `equals`/`eq`/`=` `contains`/`is_substring` | `booleans` |
//! | `int` `round` `add`/`+` `subtract`/`-` `multiply`/`*` `divide`/`/` | `numbers`, `decimal` |

mod ahead;
mod booleans;
mod call;
mod cells;
mod choices;
mod columns;
mod config;
mod decimal;
mod expression;
mod java_regex;
mod java_time;
mod json;
mod node;
mod numbers;
mod objects;
mod run;
#[cfg(test)]
mod tests;
mod texts;
mod times;
mod value;

use super::files::{FileFormat, Reader};
use super::mapping::Mapping;
use super::time::TimeRules;
use super::{Dialect, InputFile, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use ahead::Ahead;
use columns::Limits;
use config::{Config, KEY_TARGETS, OPERATION_TARGET};
use std::path::Path;
use std::sync::Arc;

/// Reading stops here: a converter is written by people.
const LONGEST_FILE: u64 = 16 << 20;
/// A longer event is refused: escaped as JSON, a column of such would reach what 32-bit offsets address. The vendor's
/// own limit is a hundredth of it.
const LONGEST_EVENT: usize = 128 << 20;

/// A converter that was read and checked.
///
/// ```
/// use eventmirror::source::Converter;
/// let converter = Converter::parse(r#"{"converterConfig": {"fileType": "json", "convertToAmplitudeFunc": {
///     "user_id": "user", "insert_id": ["concat", "order", ["value", "/"], "line"],
///     "time": ["iso_time_to_ms", "occurred_at"], "event_type": ["value", "Order Line"]}}}"#)?;
/// assert!(!converter.reads_clock());
/// let error = Converter::parse(r#"{"converterConfig": {"convertToAmplitudeFunc": {"user_id": ["uper", "user"]}}}"#);
/// assert!(error.unwrap_err().to_string().starts_with(r#""uper" is no operator (convertToAmplitudeFunc.user_id)"#));
/// # Ok::<(), eventmirror::Error>(())
/// ```
#[derive(Debug, Clone)]
pub struct Converter {
    config: Arc<Config>,
    /// What the clock operators give, in milliseconds since 1970.
    now: Option<i64>,
}

impl Converter {
    /// Reads the text of a converter file.
    ///
    /// # Errors
    /// `Usage` for everything that is wrong in it: an operator or a key that is not known, a wrong number of arguments,
    /// a pattern that cannot be used, a target of the key that is missing. The error names the place.
    pub fn parse(text: &str) -> Result<Converter> {
        let config = Config::read(text).map_err(|mistake| mistake.into_error(None))?;
        Ok(Converter { config: Arc::new(config), now: None })
    }

    /// Reads a converter file.
    ///
    /// # Errors
    /// Those of [`parse`](Self::parse), with the file's name; `InvalidInput` and `Io` where it cannot be read.
    pub fn read(path: &Path) -> Result<Converter> {
        let file = path.display().to_string();
        let length = InputFile::new(path, "").stat()?.0;
        if length > LONGEST_FILE {
            return Err(Error::new(ErrorKind::Usage, format!("a converter of {length} bytes is none")).at(file));
        }
        let unreadable = |e| Error::new(ErrorKind::Io, "the converter cannot be read").at(file.clone()).because(e);
        let text = std::fs::read_to_string(path).map_err(unreadable)?;
        let config = Config::read(&text).map_err(|mistake| mistake.into_error(Some(&file)))?;
        Ok(Converter { config: Arc::new(config), now: None })
    }

    /// Whether one of its operators asks for the time (`iso_time_now`, `ms_time_now`). It must then be
    /// [given](Self::at_time): a source reads no clock, so that a file read twice gives the same rows.
    pub fn reads_clock(&self) -> bool {
        self.config.reads_clock
    }

    /// The same converter, whose clock operators give this time, in milliseconds since 1970.
    pub fn at_time(mut self, millis: i64) -> Converter {
        self.now = Some(millis);
        self
    }

    /// The format of the files that it is written for.
    pub fn file_type(&self) -> Option<FileFormat> {
        self.config.format
    }

    /// Whether its `filterPattern` lets a file of this name in.
    pub fn takes(&self, name: &str) -> bool {
        self.config.filter.as_ref().is_none_or(|filter| filter.is_match(name))
    }

    /// The files that its `filterPattern` lets in, and the names of the others.
    ///
    /// # Errors
    /// `InvalidInput` where it lets none in.
    pub fn select(&self, files: Vec<InputFile>) -> Result<(Vec<InputFile>, Vec<String>)> {
        let (taken, others): (Vec<InputFile>, Vec<InputFile>) =
            files.into_iter().partition(|file| self.takes(&file.name));
        let left_out: Vec<String> = others.into_iter().map(|file| file.name).collect();
        match (taken.as_slice(), left_out.as_slice()) {
            ([], [first, ..]) => Err(Error::new(
                ErrorKind::InvalidInput,
                format!("the converter's filterPattern lets none of the {} files in", left_out.len()),
            )
            .at(first.clone())
            .advice("it must match the whole name below the folder that is given: give the folder that is the bucket")),
            _ => Ok((taken, left_out)),
        }
    }

    /// Checks that the options go together.
    pub(super) fn check(&self, options: &SourceOptions) -> Result<()> {
        let wrong = |what: &str, advice: &str| Err(Error::new(ErrorKind::Usage, what).advice(advice));
        if options.mapping != Mapping::default() {
            return wrong(
                "a converter and a mapping of columns do not go together",
                "say in convertToAmplitudeFunc which column is which field",
            );
        }
        if !matches!(options.dialect, Dialect::S3 | Dialect::Backfill) {
            return wrong(
                "a converter goes with the dialects s3 and backfill",
                "its target mutation_type is the operation",
            );
        }
        if self.reads_clock() && self.now.is_none() {
            return wrong("the converter asks for the time, and none was given", "give it with Converter::at_time");
        }
        match (options.format, self.file_type()) {
            (Some(asked), Some(written)) if asked != written => Err(Error::new(
                ErrorKind::Usage,
                format!("the format {} was asked for, the converter's fileType is {}", asked.name(), written.name()),
            )
            .advice("leave the format out")),
            _ => Ok(()),
        }
    }

    /// The options by which its files are read: each column as it stands.
    pub(super) fn reading(&self, options: &SourceOptions) -> SourceOptions {
        let format = options.format.or(self.file_type());
        SourceOptions { format, mapping: Mapping::literal(), ..options.clone() }
    }

    /// Which of its targets are the key and the operation.
    pub(super) fn mapping(&self) -> Mapping {
        let [user_id, insert_id, time] = KEY_TARGETS;
        let is_told = self.config.targets.iter().any(|target| target.name == OPERATION_TARGET);
        Mapping::exact(user_id, insert_id, time, is_told.then_some(OPERATION_TARGET))
    }

    /// The rows of a file as the events that they become, on several threads.
    pub(super) fn convert(&self, reader: Reader, options: &SourceOptions) -> Reader {
        let limits = Limits {
            times: TimeRules::new(options.time_unit, &options.naive_tz),
            now: self.now,
            longest: (options.memory / 4).min(LONGEST_EVENT),
            most_bytes: (options.memory / 8).min(1 << 29),
        };
        let header = Some(columns::schema(&self.config));
        let config = self.config.clone();
        Reader {
            header,
            rows: Box::new(Ahead::new(reader.rows, move |rows| columns::convert(&config, &limits, &rows))),
        }
    }
}
