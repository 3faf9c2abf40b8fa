//! File formats: bytes become columns, in the file's order, with bounded memory.

mod compression;
mod csv;
mod json;
mod lines;
#[cfg(feature = "parquet")]
mod parquet;
#[cfg(feature = "parquet")]
pub(super) mod shape;

#[cfg(feature = "delta")]
pub(super) use parquet::rows_at_a_time;

pub use csv::CsvForm;

#[cfg(feature = "parquet")]
use super::inputs::beside::Beside;
use super::inputs::content::{Hashing, Passing};
#[cfg(feature = "parquet")]
use super::inputs::scattered::Scattered;
use super::{InputFile, SourceOptions};
use crate::error::{Error, ErrorKind, Result};
use crate::model::change::{Refused, RowNumbers, TEXT_MEANING, TextMeaning};
use arrow::array::RecordBatch;
use arrow::datatypes::{DataType, Field, SchemaRef};
use compression::Compression;
use std::io::{BufRead, BufReader};

/// The format of a change file.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum FileFormat {
    /// One JSON object a line. Row numbers are line numbers.
    Json,
    /// A header row, then records (RFC 4180). Row numbers are the line numbers on which records begin.
    Csv,
    /// Apache Parquet. Row numbers count rows.
    Parquet,
}

impl FileFormat {
    /// All formats.
    pub const ALL: [FileFormat; 3] = [FileFormat::Json, FileFormat::Csv, FileFormat::Parquet];

    /// The name, as `--format` takes it.
    pub fn name(self) -> &'static str {
        match self {
            FileFormat::Json => "json",
            FileFormat::Csv => "csv",
            FileFormat::Parquet => "parquet",
        }
    }

    /// By the ending of a file's name, before that of a compression.
    fn of_name(name: &str) -> Option<Self> {
        let name = name.to_ascii_lowercase();
        let plain = [".gz", ".zst"].iter().find_map(|end| name.strip_suffix(end)).unwrap_or(&name);
        match plain.rsplit_once('.')?.1 {
            "json" | "jsonl" | "ndjson" => Some(FileFormat::Json),
            "csv" => Some(FileFormat::Csv),
            "parquet" => Some(FileFormat::Parquet),
            _ => None,
        }
    }

    /// By the first bytes of the content.
    fn of_content(start: &[u8]) -> Self {
        let start = start.strip_prefix(BYTE_ORDER_MARK).unwrap_or(start);
        match start.iter().find(|b| !b.is_ascii_whitespace()) {
            Some(b'{') => FileFormat::Json,
            _ => FileFormat::Csv,
        }
    }
}

/// What some programs put before UTF-8 text.
const BYTE_ORDER_MARK: &[u8] = b"\xef\xbb\xbf";
/// With these bytes a Parquet file begins and ends.
const PARQUET_MAGIC: &[u8] = b"PAR1";

/// Some rows of a file.
#[derive(Debug)]
pub(super) struct Rows {
    /// The columns; which text is JSON is told by the fields' metadata.
    pub(super) batch: RecordBatch,
    pub(super) numbers: RowNumbers,
    /// The column that holds the text of the lines that are no object, where there are any.
    pub(super) line: Option<usize>,
    /// The rows of those lines, rising.
    pub(super) not_objects: Vec<usize>,
    pub(super) verdicts: Verdicts,
}

/// What a converter decided about rows. Nothing, where there is none.
#[derive(Debug, Default)]
pub(super) struct Verdicts {
    /// Rows that it cannot convert, rising.
    pub(super) refused: Vec<Refused>,
    /// Rows to leave out, rising.
    pub(super) ignored: Vec<usize>,
}

/// A file's rows.
pub(super) struct Reader {
    /// The columns of all rows, where the format tells them first.
    pub(super) header: Option<SchemaRef>,
    pub(super) rows: Box<dyn Iterator<Item = Result<Rows>> + Send>,
}

/// Opens a file in the format that is asked for, or that its name or content tells; and says how its hash comes about.
pub(super) fn open(file: &InputFile, options: &SourceOptions, is_hashed: bool) -> Result<(Reader, Hashing)> {
    let place = file.place();
    let input = Passing::new(file.stream()?, is_hashed);
    let start = input.peek(PARQUET_MAGIC.len()).map_err(|e| e.at(place.clone()))?;
    let compression = Compression::of(&start);
    let asked = options.format.or_else(|| FileFormat::of_name(&file.name));
    if start == PARQUET_MAGIC && asked.is_none() || asked == Some(FileFormat::Parquet) {
        refuse_header(options, FileFormat::Parquet, &place)?;
        return open_parquet(file, (input, is_hashed), compression, options);
    }
    let hashing = Hashing::Passing(input.clone());
    let mut text = BufReader::with_capacity(
        256 << 10,
        compression.decode(BufReader::with_capacity(64 << 10, input), options.memory)?,
    );
    let failed = |e| lines::failed(e, compression, &place);
    let format = match asked {
        Some(format) => format,
        None if options.header.is_some() => FileFormat::Csv,
        None => FileFormat::of_content(text.fill_buf().map_err(failed)?),
    };
    if format != FileFormat::Csv {
        refuse_header(options, format, &place)?;
    }
    let lines = lines::Lines::new(Box::new(text), compression, place, options.memory);
    let reader = match format {
        FileFormat::Csv => csv::open(lines, options)?,
        _ => json::open(lines, options),
    };
    Ok((reader, hashing))
}

/// Names of columns are for files that have none.
fn refuse_header(options: &SourceOptions, format: FileFormat, place: &str) -> Result<()> {
    match &options.header {
        None => Ok(()),
        Some(_) => {
            let text = format!("--header names the columns of CSV files, and this is a {} file", format.name());
            Err(Error::new(ErrorKind::Usage, text)
                .at(place)
                .advice("leave it out, or say what the file is with --format"))
        }
    }
}

#[cfg(feature = "parquet")]
fn open_parquet(
    file: &InputFile,
    (input, is_hashed): (Passing, bool),
    compression: Compression,
    options: &SourceOptions,
) -> Result<(Reader, Hashing)> {
    let place = file.place();
    if compression != Compression::None {
        return Err(Error::new(ErrorKind::Unsupported, "a compressed Parquet file cannot be read")
            .at(place)
            .advice("Parquet compresses its pages by itself: decompress the file first"));
    }
    match file.scattered()? {
        Scattered::File(open) => {
            let reader = parquet::open(open, &place, options)?;
            let hashing = match is_hashed {
                true => Hashing::Beside(Beside::begin(file.stream()?)?),
                false => Hashing::Unasked,
            };
            Ok((reader, hashing))
        }
        Scattered::Ranges(ranges) => {
            let reader = parquet::open_ranges(ranges, input.clone(), &place, options)?;
            Ok((reader, Hashing::Passing(input)))
        }
    }
}

#[cfg(not(feature = "parquet"))]
fn open_parquet(file: &InputFile, _: (Passing, bool), _: Compression, _: &SourceOptions) -> Result<(Reader, Hashing)> {
    Err(Error::new(ErrorKind::Unsupported, "this build of eventmirror cannot read Parquet files")
        .at(file.place())
        .advice("build it with the feature `parquet`"))
}

/// A nullable column of text.
pub(super) fn text_field(name: &str, data_type: DataType, meaning: TextMeaning) -> Field {
    let field = Field::new(name, data_type, true);
    match meaning.metadata() {
        None => field,
        Some(meaning) => field.with_metadata([(TEXT_MEANING.to_owned(), meaning.to_owned())].into()),
    }
}

/// Row numbers as they were met, in their shortest form.
fn row_numbers(numbers: Vec<u64>) -> RowNumbers {
    match numbers.first() {
        Some(first) if numbers.iter().zip(*first..).all(|(number, expected)| *number == expected) => {
            RowNumbers::From(*first)
        }
        _ => RowNumbers::Each(numbers),
    }
}

/// The rows of a text of JSON lines.
#[cfg(test)]
#[allow(clippy::unwrap_used)]
pub(super) fn json_rows(text: &str) -> Rows {
    let (input, options) = (std::io::Cursor::new(text.to_owned()), SourceOptions::default());
    let lines = lines::Lines::new(Box::new(input), Compression::None, "f.json".to_owned(), options.memory);
    json::open(lines, &options).rows.next().unwrap().unwrap()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;

    #[test]
    fn the_format_is_told_by_name_then_by_content() {
        for (name, format) in [
            ("a.json", Some(FileFormat::Json)),
            ("a/b.JSONL.gz", Some(FileFormat::Json)),
            ("b.ndjson.zst", Some(FileFormat::Json)),
            ("c.csv.gz", Some(FileFormat::Csv)),
            ("d.parquet", Some(FileFormat::Parquet)),
            ("stdin-0011223344556677", None),
            ("e.gz", None),
        ] {
            assert_eq!(FileFormat::of_name(name), format, "{name}");
        }
        assert_eq!(FileFormat::of_content(b"\xef\xbb\xbf \n{\"a\":1}"), FileFormat::Json);
        assert_eq!(FileFormat::of_content(b"a,b"), FileFormat::Csv);
        assert_eq!(FileFormat::of_content(b""), FileFormat::Csv);
    }

    #[test]
    fn row_numbers_take_their_shortest_form() {
        assert!(matches!(row_numbers(vec![2, 3, 4]), RowNumbers::From(2)));
        assert!(matches!(row_numbers(vec![2, 4]), RowNumbers::Each(_)));
    }
}
