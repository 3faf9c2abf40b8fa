//! Bytes in, [change records](crate::model::change) out: one dialect a file, one file format a file.
//!
//! A source checks that bytes are what they claim to be, and finds each row's operation and key. It leaves the rules
//! (missing ids, forgotten users, conflicts) to `ingest`, and refuses only what `ingest` cannot see: a line that is no
//! object, an id that is no id, a time that cannot be read.
//!
//! ```text
//! INPUT ──list──▶ InputFile ──open──▶ ChangeBatch ──parts──▶ ChangePart
//!                                     files/ bytes → columns;  mapping which column is what;
//!                                     s3, backfill operations;  ids, time key columns → keys
//!                                     converter, where there is one: columns → the columns of events
//! ```

mod backfill;
mod converter;
mod files;
mod ids;
mod inputs;
mod mapping;
mod parts;
mod s3;
#[cfg(test)]
mod tests;
mod text;
mod time;
mod typed;

pub use converter::Converter;
pub use files::FileFormat;
pub use inputs::{Found, InputFile, InputOptions, Known, Listed, find, list};
pub use mapping::Mapping;

use crate::error::Result;
use crate::model::change::{ChangeBatch, ChangePart, Operation, Operations, WindowKind};
use crate::model::position::{BatchPosition, Named, Position, Unread};
use crate::model::value::TimeUnit;
use arrow::array::ArrayRef;

/// How a change file tells its operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Files with a column `mutation_type`, as they are put on Amazon S3 for the vendor's Mirror Sync. Rows without an
    /// operation are updates. Each operation stands alone.
    #[default]
    S3,
    /// A first full load: every row is an INSERT, whatever its columns are.
    Backfill,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Dialect; 2] = [Dialect::S3, Dialect::Backfill];

    /// The name, as `--dialect` takes it; the source's name by default.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::S3 => "s3",
            Dialect::Backfill => "backfill",
        }
    }

    /// How the rows of one of its files make up a window.
    pub fn window_kind(self) -> WindowKind {
        match self {
            Dialect::S3 => WindowKind::Operations,
            Dialect::Backfill => WindowKind::Net,
        }
    }

    /// Usual names of the column that holds the operation, first choice first; empty where the dialect has none, so
    /// that such a column is payload.
    pub fn operation_columns(self) -> &'static [&'static str] {
        match self {
            Dialect::S3 => s3::OPERATION_COLUMNS,
            Dialect::Backfill => backfill::OPERATION_COLUMNS,
        }
    }

    /// The operations of a part's rows. `column` is its operation column, normalised by [`text::normalise`].
    fn operations(self, column: Option<&ArrayRef>, json_tokens: bool, options: &SourceOptions) -> Operations {
        match self {
            Dialect::S3 => s3::operations(column, json_tokens, options),
            Dialect::Backfill => backfill::operations(),
        }
    }
}

/// What a caller knows about its change files.
#[derive(Debug, Clone)]
pub struct SourceOptions {
    /// The dialect.
    pub dialect: Dialect,
    /// The source's name, the scope of its positions; the dialect's name by default.
    pub source: Option<String>,
    /// How inputs behind URLs are listed and read.
    pub inputs: InputOptions,
    /// The file format; by default it is told by name and content.
    pub format: Option<FileFormat>,
    /// Which column is which field.
    pub mapping: Mapping,
    /// The vendor's converter, which makes events out of rows; it takes the place of a mapping.
    pub converter: Option<Converter>,
    /// The time zone of times that name none. A time that a clock change skips or repeats is read with the offset that
    /// held before it.
    pub naive_tz: jiff::tz::TimeZone,
    /// The unit of event times that are plain numbers; milliseconds by default, the vendor's.
    pub time_unit: TimeUnit,
    /// Whether operations are read without regard to ASCII case.
    pub op_case_insensitive: bool,
    /// More texts for operations: `("I", Insert)`.
    pub op_aliases: Vec<(String, Operation)>,
    /// Bytes that decoding one file may hold at a time, about.
    pub memory: usize,
    /// Rows a part at most. A part may have fewer: where rows are large, or at the end of a Parquet row group.
    pub rows_per_part: usize,
}

impl Default for SourceOptions {
    fn default() -> Self {
        SourceOptions {
            dialect: Dialect::default(),
            source: None,
            inputs: InputOptions::default(),
            format: None,
            mapping: Mapping::default(),
            converter: None,
            naive_tz: jiff::tz::TimeZone::UTC,
            time_unit: TimeUnit::Millisecond,
            op_case_insensitive: false,
            op_aliases: Vec::new(),
            memory: 512 << 20,
            rows_per_part: 16_384,
        }
    }
}

/// The parts of one file, for rows that are not applied. Errors are those of [`open`].
pub fn parts(file: &InputFile, options: &SourceOptions) -> Result<Box<dyn Iterator<Item = Result<ChangePart>> + Send>> {
    Ok(Box::new(parts::Parts::open(file, file.stat()?, options)?.0))
}

/// Opens one file as one change batch. The rows are decoded as they are asked for, with bounded memory, and the content
/// is hashed meanwhile.
///
/// Errors, here or from the parts: `Io` where the system refuses to read, `InvalidInput` where the bytes are not what
/// they claim to be or a mapped column is missing, `Unsupported` for a format this build leaves out. After an error
/// the parts end, and the batch must not be applied.
pub fn open(file: &InputFile, options: &SourceOptions) -> Result<ChangeBatch> {
    let stat = file.stat()?;
    let (parts, hashing) = parts::Parts::open(file, stat, options)?;
    let (name, (size, modified)) = (file.name.clone(), stat);
    let position = match file.known_hash() {
        Some(hash) => Position::Named(Named { name, size, modified, hash }).into(),
        None => {
            let content = Box::new(inputs::content::FileContent { file: file.clone(), stat, hashing });
            BatchPosition::Unread(Unread { name, size, modified, content })
        }
    };
    Ok(ChangeBatch {
        source: options.source.clone().unwrap_or_else(|| options.dialect.name().to_owned()),
        position,
        window: options.dialect.window_kind(),
        parts: Box::new(parts),
    })
}
