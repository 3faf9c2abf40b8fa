//! Digest files: CSV with the columns `bucket`, `rows` and `digest`, as eventmirror and the queries write them.
//!
//! ```text
//! bucket,rows,digest
//! -2,0,"{""version"":1,""precision"":""ms"",""columns"":[[""plan"",""text""]],…}"      the settings
//! -1,12,…                                                                       rows without a usable key
//! 17,3,4110-5323-…                                                              rows and sums of a bucket
//! ```
//!
//! The settings stand in the file, so that one file says all there is to say, and two sides never compare different things.

use super::columns::DigestColumn;
use super::form::Form;
use super::sql::Table;
use super::sums::BucketDigest;
use crate::error::{Error, ErrorKind, Result};
use crate::model::key::TimePrecision;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::io::{Read, Write};

/// The bucket number of the row that holds the settings.
pub(super) const SETTINGS: i64 = -2;
/// The bucket number of rows that the mirror does not have because they lack a user, an insert id or a time.
pub(super) const LEFT_OUT: i64 = -1;
/// The version of the canonical text and of the file.
const VERSION: u32 = 1;
const HEADER: [&str; 3] = ["bucket", "rows", "digest"];

/// What a digest is of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Settings {
    /// The unit of event times.
    pub precision: TimePrecision,
    /// The columns, in the order of a row's text.
    pub columns: Vec<DigestColumn>,
    /// The warehouse's table, where the digest is of one.
    pub table: Option<Table>,
}

/// A digest file's content.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DigestFile {
    /// What it is of.
    pub settings: Settings,
    /// Rows without a usable key.
    pub left_out: u64,
    /// The buckets that have rows.
    pub buckets: BTreeMap<u16, BucketDigest>,
}

#[derive(Serialize, Deserialize)]
struct SettingsJson {
    version: u32,
    precision: String,
    columns: Vec<(String, String)>,
    #[serde(default, skip_serializing_if = "Option::is_none")]
    table: Option<Table>,
}

/// Only this of settings that another version wrote.
#[derive(Deserialize)]
struct VersionJson {
    version: u32,
}

impl Settings {
    /// One line of JSON.
    pub(super) fn to_json(&self) -> String {
        let column = |column: &DigestColumn| (column.name.clone(), column.form.to_string());
        let json = SettingsJson {
            version: VERSION,
            precision: self.precision.name().to_owned(),
            columns: self.columns.iter().map(column).collect(),
            table: self.table.clone(),
        };
        // Strings and numbers are always JSON.
        serde_json::to_string(&json).unwrap_or_default()
    }

    fn of_json(json: &str) -> Result<Settings> {
        let wrong = |why: String| {
            Error::new(ErrorKind::InvalidInput, format!("the settings of the digest cannot be read: {why}"))
                .advice("compute the digest again with the query of `eventmirror digest sql`")
        };
        let VersionJson { version } = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        if version != VERSION {
            let text = format!("the digest has version {version}, this eventmirror reads version {VERSION}");
            return Err(Error::new(ErrorKind::Unsupported, text)
                .advice("compute it again with the query of `eventmirror digest sql` of this version"));
        }
        let read: SettingsJson = serde_json::from_str(json).map_err(|error| wrong(error.to_string()))?;
        let precision = [TimePrecision::Millis, TimePrecision::Micros];
        let precision = precision.into_iter().find(|precision| precision.name() == read.precision);
        let column = |(name, form): (String, String)| match Form::parse(&form) {
            Some(form) => Ok(DigestColumn { name, form }),
            None => Err(wrong(format!("{form:?} is no form of column {name:?}"))),
        };
        Ok(Settings {
            precision: precision.ok_or_else(|| wrong(format!("{:?} is no precision", read.precision)))?,
            columns: read.columns.into_iter().map(column).collect::<Result<_>>()?,
            table: read.table,
        })
    }
}

impl DigestFile {
    /// Writes the file.
    ///
    /// # Errors
    /// `Io` where it cannot be written.
    pub fn write(&self, out: &mut dyn Write) -> Result<()> {
        let mut out = csv::Writer::from_writer(out);
        let mut row = |fields: [&str; 3]| out.write_record(fields).map_err(into_error);
        row(HEADER)?;
        row([&SETTINGS.to_string(), "0", &self.settings.to_json()])?;
        for (bucket, digest) in &self.buckets {
            row([&bucket.to_string(), &digest.rows.to_string(), &digest.to_string()])?;
        }
        Ok(out.flush()?)
    }

    /// Reads a file. Columns are found by their names in any case; rows may be in any order.
    ///
    /// # Errors
    /// `InvalidInput` where it is no digest file; `Unsupported` where another version wrote it; `Io`.
    pub fn read(input: impl Read) -> Result<DigestFile> {
        let mut reader = csv::ReaderBuilder::new().flexible(true).from_reader(input);
        let places = places(reader.headers().map_err(into_error)?)?;
        let mut settings = None;
        let mut file = (0, BTreeMap::new());
        for record in reader.records() {
            let record = record.map_err(into_error)?;
            let line = record.position().map_or(0, csv::Position::line);
            let wrong = |what: &str| not_a_digest(format!("{what} (line {line})"));
            let [bucket, rows, digest] = places.map(|place| record.get(place).unwrap_or_default().trim());
            let number: i64 = bucket.parse().map_err(|_| wrong("the bucket is no whole number"))?;
            if number == SETTINGS {
                settings = Some(Settings::of_json(digest)?);
                continue;
            }
            let rows = rows.parse().map_err(|_| wrong("the number of rows is none"))?;
            if number == LEFT_OUT {
                file.0 = rows;
                continue;
            }
            let bucket = u16::try_from(number).map_err(|_| wrong("a bucket is from 0 to 65535"))?;
            let digest = BucketDigest::parse(rows, digest).ok_or_else(|| wrong("the digest is not four sums"))?;
            if file.1.insert(bucket, digest).is_some() {
                return Err(wrong("the bucket comes twice"));
            }
        }
        let settings =
            settings.ok_or_else(|| not_a_digest("the row with the settings (bucket -2) is missing".to_owned()))?;
        Ok(DigestFile { settings, left_out: file.0, buckets: file.1 })
    }

    /// Rows that the file tells of, but for those without a usable key.
    pub fn rows(&self) -> u64 {
        self.buckets.values().map(|digest| digest.rows).sum()
    }
}

fn places(header: &csv::StringRecord) -> Result<[usize; 3]> {
    let mut places = [0; 3];
    for (place, name) in places.iter_mut().zip(HEADER) {
        let found =
            header.iter().position(|field| field.trim().trim_start_matches('\u{feff}').eq_ignore_ascii_case(name));
        *place = found.ok_or_else(|| not_a_digest(format!("its header has no column {name:?}")))?;
    }
    Ok(places)
}

fn not_a_digest(why: String) -> Error {
    Error::new(ErrorKind::InvalidInput, format!("this is no digest file: {why}"))
        .advice("save the whole result of the query of `eventmirror digest sql` as CSV with its header")
}

fn into_error(error: csv::Error) -> Error {
    match error.is_io_error() {
        true => Error::new(ErrorKind::Io, "reading or writing the digest file failed").because(error),
        false => not_a_digest(error.to_string()),
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::digest::sql::{Engine, EventTime};
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn no_text_makes_it_panic(rows in "([-0-9a,\"{}:\\[\\]\n]|version|columns|precision|-2,0,){0,40}") {
            let _ = read(&format!("bucket,rows,digest\n{rows}"));
        }
    }

    fn file() -> DigestFile {
        let column = |name: &str, form| DigestColumn { name: name.to_owned(), form };
        let table = Table {
            engine: Engine::DuckDb,
            name: "\"my events\"".into(),
            columns: BTreeMap::from([("insert_id".into(), vec!["a".into(), "b".into()])]),
            event_time: EventTime::Millis,
        };
        let settings = Settings {
            precision: TimePrecision::Micros,
            columns: vec![column("it's", Form::Text), column("n", Form::Float(2))],
            table: Some(table),
        };
        let mut digest = BucketDigest::default();
        digest.add([1; 16]);
        DigestFile { settings, left_out: 0, buckets: BTreeMap::from([(7, digest), (65_535, digest)]) }
    }

    fn read(text: &str) -> Result<DigestFile> {
        DigestFile::read(text.as_bytes())
    }

    #[test]
    fn a_file_comes_back() {
        let mut bytes = Vec::new();
        file().write(&mut bytes).unwrap();
        assert_eq!(DigestFile::read(bytes.as_slice()).unwrap(), file());
        let text = String::from_utf8(bytes).unwrap();
        let first = "bucket,rows,digest\n-2,0,\"{\"\"version\"\":1,\"\"precision\"\":\"\"us\"\",\"\"columns\"\":[[\"\"it's\"\",";
        assert!(text.starts_with(first), "{text}");
        assert!(text.ends_with("\n65535,1,16843009-16843009-16843009-16843009\n"), "{text}");
    }

    #[test]
    fn columns_and_rows_come_in_any_order() {
        let settings = "\"{\"\"version\"\":1,\"\"precision\"\":\"\"ms\"\",\"\"columns\"\":[]}\"";
        let text = format!("\u{feff}DIGEST,X,ROWS,BUCKET\r\n1-2-3-4,,5,9\r\n,,3,-1\r\n{settings},,0,-2\r\n");
        let file = read(&text).unwrap();
        assert_eq!((file.left_out, file.rows()), (3, 5));
        assert_eq!(file.buckets[&9].sums, [1, 2, 3, 4]);
    }

    #[test]
    fn what_is_wrong_is_said_with_its_line() {
        let settings = |json: &str| format!("-2,0,\"{}\"\n", json.replace('"', "\"\""));
        let good = settings("{\"version\":1,\"precision\":\"ms\",\"columns\":[]}");
        for (rows, part) in [
            (String::new(), "bucket -2"),
            (format!("{good}x,1,1-2-3-4\n"), "no whole number (line 3)"),
            (format!("{good}65536,1,1-2-3-4\n"), "from 0 to 65535 (line 3)"),
            (format!("{good}1,-1,1-2-3-4\n"), "number of rows is none (line 3)"),
            (format!("{good}1,1,1-2-3\n"), "not four sums (line 3)"),
            (format!("{good}1,1,1-2-3-4\n1,1,1-2-3-4\n"), "comes twice (line 4)"),
            (settings("{\"version\":2}"), "has version 2, this eventmirror reads version 1"),
            (settings("{"), "the settings of the digest cannot be read"),
            (settings("{\"version\":1,\"precision\":\"s\",\"columns\":[]}"), "\"s\" is no precision"),
            (settings("{\"version\":1,\"precision\":\"ms\",\"columns\":[[\"a\",\"json\"]]}"), "\"json\" is no form"),
        ] {
            let error = read(&format!("bucket,rows,digest\n{rows}")).unwrap_err();
            assert!(error.to_string().contains(part), "{error}");
        }
        assert!(read("bucket,digest\n").unwrap_err().to_string().contains("no column \"rows\""));
        let other = read(&format!("bucket,rows,digest\n{}", settings("{\"version\":2}"))).unwrap_err();
        assert_eq!(other.kind(), ErrorKind::Unsupported);
    }
}
