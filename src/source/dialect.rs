//! The dialects: how change files tell what changed.

use super::labels::Labels;
use super::mapping::{ChangeColumn, ChangeField};
use super::{SourceOptions, backfill, bigquery, databricks, s3, snowflake};
use crate::error::Result;
use crate::model::change::{Operations, Refused, TextMeaning, WindowKind};
use crate::model::counts::Counter;
use arrow::array::ArrayRef;

/// How a change file tells its operations.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash, Default)]
#[non_exhaustive]
pub enum Dialect {
    /// Files with a column `mutation_type`, as they are put on Amazon S3 for the vendor's Mirror Sync. Rows without an
    /// operation are updates. Each operation stands alone.
    #[default]
    S3,
    /// An unloaded Snowflake stream or CHANGES query: a set of rows with `METADATA$ACTION`, `METADATA$ISUPDATE` and
    /// `METADATA$ROW_ID`.
    Snowflake,
    /// Exported Databricks change feed, `table_changes()`: rows with `_change_type`, `_commit_version` and
    /// `_commit_timestamp`.
    Databricks,
    /// Exported BigQuery change history, `CHANGES()`: rows with the aliases of `_CHANGE_TYPE` and `_CHANGE_TIMESTAMP`.
    Bigquery,
    /// A first full load: every row is an INSERT, whatever its columns are.
    Backfill,
}

impl Dialect {
    /// All dialects.
    pub const ALL: [Dialect; 5] =
        [Dialect::S3, Dialect::Snowflake, Dialect::Databricks, Dialect::Bigquery, Dialect::Backfill];

    /// The name, as `--dialect` takes it; the source's name by default.
    pub fn name(self) -> &'static str {
        match self {
            Dialect::S3 => "s3",
            Dialect::Snowflake => "snowflake",
            Dialect::Databricks => "databricks",
            Dialect::Bigquery => "bigquery",
            Dialect::Backfill => "backfill",
        }
    }

    /// How the rows of one of its windows belong together.
    pub fn window_kind(self) -> WindowKind {
        match self {
            Dialect::S3 => WindowKind::Operations,
            Dialect::Snowflake | Dialect::Databricks | Dialect::Bigquery | Dialect::Backfill => WindowKind::Net,
        }
    }

    /// Whether each file is a window of its own unless the caller says otherwise. A warehouse writes one window into as
    /// many files as it likes.
    pub(super) fn has_a_window_a_file(self) -> bool {
        matches!(self, Dialect::S3 | Dialect::Backfill)
    }

    /// The columns that tell how a row changes the table; a column that is none of them is payload.
    pub(super) fn change_columns(self) -> &'static [ChangeColumn] {
        match self {
            Dialect::S3 => s3::COLUMNS,
            Dialect::Snowflake => snowflake::COLUMNS,
            Dialect::Databricks => databricks::COLUMNS,
            Dialect::Bigquery => bigquery::COLUMNS,
            Dialect::Backfill => backfill::COLUMNS,
        }
    }

    /// What the rows of a part do.
    pub(super) fn changes(
        self,
        columns: &Arrays<'_>,
        options: &SourceOptions,
        refused: &mut Vec<Refused>,
    ) -> Result<Changes> {
        match self {
            Dialect::S3 => Ok(s3::changes(columns, options)),
            Dialect::Snowflake => snowflake::changes(columns, options, refused),
            Dialect::Databricks => databricks::changes(columns, options, refused),
            Dialect::Bigquery => bigquery::changes(columns, options, refused),
            Dialect::Backfill => Ok(backfill::changes()),
        }
    }
}

/// The dialect's own columns of a part.
pub(super) struct Arrays<'a> {
    /// Rows of the part.
    pub(super) rows: usize,
    /// Where the part's rows are: unlike those of any other part of the batch.
    pub(super) first_place: u64,
    pub(super) columns: Vec<(ChangeField, &'a ArrayRef, TextMeaning)>,
}

impl<'a> Arrays<'a> {
    /// The column of a field.
    pub(super) fn get(&self, wanted: ChangeField) -> Option<(&'a ArrayRef, TextMeaning)> {
        let found = self.columns.iter().find(|(field, ..)| *field == wanted)?;
        Some((found.1, found.2))
    }

    /// The labels of the operations; `None` where the part has no column of them.
    pub(super) fn labels(&self, labels: &Labels, options: &SourceOptions) -> Option<Vec<super::labels::Label>> {
        let (column, meaning) = self.get(ChangeField::Op)?;
        Some(labels.read(column, meaning, options))
    }
}

/// What the rows of a part do; see the fields of [`ChangePart`](crate::model::change::ChangePart).
pub(super) struct Changes {
    pub(super) operations: Operations,
    pub(super) sequence: Option<Vec<u64>>,
    pub(super) pair: Option<Vec<u128>>,
    pub(super) notes: Vec<(usize, Counter)>,
}

impl Changes {
    /// Operations whose order is that of the rows.
    pub(super) fn in_order(operations: Operations) -> Self {
        Changes { operations, sequence: None, pair: None, notes: Vec::new() }
    }
}
