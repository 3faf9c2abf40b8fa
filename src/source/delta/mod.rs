//! Delta tables, read natively through the Delta kernel: the change feed of a range of versions, and all rows of one.
//!
//! ```text
//! folder or URL ──open──▶ DeltaTable ──feed(3..=7)──▶ rows with _change_type, _commit_version, _commit_timestamp
//!                                    ──rows(2)──────▶ the table's rows at version 2
//! ```
//!
//! The rows of a feed are those of `table_changes()`; what they mean is the business of the Databricks dialect, as for
//! exported files. A commit without change files is read as its added files (inserts) and removed ones (deletes), unless
//! it says that it changes no data. Deletion vectors, the naming of columns, partition values and percent-encoded paths
//! are the kernel's work. A range is [cut](commits) where the table's schema changes, and each span is read with its own.
//!
//! Source: the Delta protocol, sections "Add CDC File" and "Change Data Files" (`spec/amplitude.md` section 4).

mod bounded;
mod commits;
mod fault;
mod log;

use super::files::shape::{header, shape};
use super::files::{Reader, Rows, Verdicts};
use super::parts::{Parts, RowsOf};
use super::table::Feed;
use super::{Dialect, SourceOptions};
use crate::error::Result;
use crate::model::change::{self, ChangeBatch, ChangePart, RowNumbers, WindowKind};
use crate::model::position::Position;
use arrow::array::RecordBatch;
use arrow::datatypes::{Schema, SchemaRef};
use commits::Span;
use delta_kernel::engine::arrow_conversion::TryIntoArrow;
use delta_kernel::engine::arrow_data::ArrowEngineData;
use delta_kernel::schema::{DataType, StructType};
use delta_kernel::snapshot::{Snapshot, SnapshotRef};
use delta_kernel::table_changes::TableChanges;
use delta_kernel::{EngineData, KernelError, KernelResult};
use log::Log;
use std::ops::RangeInclusive;

/// What the kernel reads.
type Batches = Box<dyn Iterator<Item = KernelResult<Box<dyn EngineData>>> + Send>;

/// A Delta table, as its latest version was when it was opened.
pub struct DeltaTable {
    log: Log,
    latest: SnapshotRef,
}

impl DeltaTable {
    /// Whether an input is a Delta table: a folder or URL with a log in it.
    ///
    /// # Errors
    /// `Io` where the storage behind a URL refuses to say.
    pub fn is_table(input: &str) -> Result<bool> {
        Log::exists(input)
    }

    /// Opens the table in a folder or behind a URL. Credentials for object storage come from the environment.
    ///
    /// # Errors
    /// `InvalidInput` where there is no table, `Unsupported` where it has features that the kernel does not know,
    /// `HistoryGap` where the beginning of its log is gone.
    pub fn open(input: &str, options: &SourceOptions) -> Result<DeltaTable> {
        let log = Log::of(input, options)?;
        let snapshot = || Snapshot::builder_for(log.url.as_str()).build(log.engine.as_ref());
        let latest = log.table.read("the table", snapshot)?;
        Ok(DeltaTable { log, latest })
    }

    /// The latest version.
    pub fn latest(&self) -> u64 {
        self.latest.version()
    }

    /// The changes of a range of versions up to [`latest`](DeltaTable::latest), as one batch whose position is the last
    /// of them.
    ///
    /// # Errors
    /// Here or from the parts: `HistoryGap` where the feed is off at a version or a part of it is gone; `Unsupported` for
    /// a feature or a type of the table that cannot be read; `InvalidInput` where a mapped column is missing or the table
    /// is damaged.
    pub fn feed(&self, range: RangeInclusive<u64>, options: &SourceOptions) -> Result<Feed> {
        let (first, last) = range.clone().into_inner();
        let spans = commits::spans(first, self.log.commits(range)?, &self.log.table)?;
        let mut before = self.schema_before(spans.first());
        let (mut notices, mut parts) = (Vec::new(), Vec::with_capacity(spans.len()));
        for (index, span) in (0..).zip(&spans) {
            let (schema, rows) = self.span(span, options)?;
            notices.extend(before.and_then(|before| lost_columns(&before, &schema, *span.versions.start())));
            before = Some(schema);
            let rows_of = RowsOf::Table(format!("{}, {span}", self.log.table.place));
            parts.push(Parts::of_rows(rows, rows_of, index, options)?);
        }
        let (source, position) = (options.source_name(), Position::Numbered(last));
        let batch = ChangeBatch {
            first: Some(first),
            files: spans.iter().map(Span::to_string).collect(),
            ..ChangeBatch::new(source, position, WindowKind::Net, Box::new(parts.into_iter().flatten()))
        };
        Ok(Feed { batch, bytes: spans.iter().map(|span| span.bytes).sum(), notices })
    }

    /// All rows of the table at a version, as one batch of INSERTs. Rows that share a key have no order among them, as
    /// changes of one version have none.
    ///
    /// # Errors
    /// Those of [`rows`](DeltaTable::rows).
    pub fn backfill(&self, version: u64, options: &SourceOptions) -> Result<ChangeBatch> {
        let at_version = move |part: Result<ChangePart>| {
            part.map(|part| ChangePart { sequence: Some(vec![version; part.rows.num_rows()]), ..part })
        };
        let parts = Box::new(self.rows(version, options)?.map(at_version));
        Ok(ChangeBatch::new(options.source_name(), Position::Numbered(version), WindowKind::Net, parts))
    }

    /// All rows of the table at a version, each as an INSERT.
    ///
    /// # Errors
    /// Here or from the parts: `HistoryGap` where files of that version are gone; the others of
    /// [`feed`](DeltaTable::feed).
    pub fn rows(&self, version: u64, options: &SourceOptions) -> Result<change::Parts> {
        let what = format!("version {version} of the table");
        let Log { table, url, engine } = &self.log;
        let (schema, batches) = table.read(&what, || {
            let snapshot = Snapshot::builder_for(url.as_str()).at_version(version).build(engine.as_ref())?;
            let schema = readable(&snapshot.schema())?;
            let scan = snapshot.scan_builder().build()?;
            Ok((schema, Box::new(scan.execute(engine.clone())?) as Batches))
        })?;
        let options = SourceOptions { dialect: Dialect::Backfill, ..options.clone() };
        let rows_of = RowsOf::Table(format!("{}, version {version}", table.place));
        let rows = self.reader(&schema, batches, what, None, &options);
        Ok(Box::new(Parts::of_rows(rows, rows_of, 0, &options)?))
    }

    fn span(&self, span: &Span, options: &SourceOptions) -> Result<(Schema, Reader)> {
        let what = format!("the change feed of {span}");
        let (first, last) = span.versions.clone().into_inner();
        let Log { table, url, engine } = &self.log;
        let (schema, batches) = table.read(&what, || {
            let changes = TableChanges::try_new(url.clone(), engine.as_ref(), first, Some(last))?;
            let schema = readable(changes.schema())?;
            let scan = changes.into_scan_builder().build()?;
            Ok((schema, Box::new(scan.execute(engine.clone())?) as Batches))
        })?;
        let rows = self.reader(&schema, batches, what, Some(span.versions.clone()), options);
        Ok((schema, rows))
    }

    /// The rows that the kernel reads. `versions` are those of the commits in which a file that is gone may be found.
    fn reader(
        &self,
        schema: &Schema,
        mut batches: Batches,
        what: String,
        versions: Option<RangeInclusive<u64>>,
        options: &SourceOptions,
    ) -> Reader {
        let header = header(schema, &options.mapping);
        let (log, shaped) = (self.log.clone(), header.clone());
        let mut next_row = 1;
        let rows = std::iter::from_fn(move || {
            let next = || batches.next().map(|batch| rows_of(batch?, &shaped)).transpose();
            let batch = log.read_rows(&what, versions.as_ref(), next).transpose()?;
            Some(batch.map(|batch| {
                let numbers = RowNumbers::From(next_row);
                next_row += batch.num_rows() as u64;
                Rows { batch, numbers, line: None, not_objects: Vec::new(), verdicts: Verdicts::default() }
            }))
        });
        Reader { header: Some(header), rows: Box::new(rows) }
    }

    /// The schema before a span that begins with another one, where the table still has it.
    fn schema_before(&self, span: Option<&Span>) -> Option<Schema> {
        let span = span.filter(|span| span.brings_schema)?;
        let version = span.versions.start().checked_sub(1)?;
        let Log { table, url, engine } = &self.log;
        let snapshot = || Snapshot::builder_for(url.as_str()).at_version(version).build(engine.as_ref());
        let schema = table.read("the table", || readable(&snapshot()?.schema()));
        schema.ok()
    }
}

fn rows_of(batch: Box<dyn EngineData>, header: &SchemaRef) -> KernelResult<RecordBatch> {
    let batch = RecordBatch::from(*ArrowEngineData::try_from_engine_data(batch)?);
    Ok(shape(&batch, header)?)
}

/// What a feed does not say: rows lose a column without any change of theirs.
fn lost_columns(before: &Schema, after: &Schema, version: u64) -> Option<String> {
    let names = before.fields().iter().map(|field| field.name().as_str());
    let lost: Vec<&str> = names.filter(|name| after.field_with_name(name).is_err()).collect();
    (!lost.is_empty()).then(|| {
        format!(
            "version {version} renames or drops {}, and the change feed does not tell it of rows that did not change: \
             they keep it in the mirror until they do. To be exact, fill an empty store with --start latest",
            lost.join(", ")
        )
    })
}

/// The Arrow form of a table's schema; an error where a column has a type whose values would be misread.
fn readable(schema: &StructType) -> KernelResult<Schema> {
    match schema.fields().find(|field| has_variants(field.data_type())) {
        Some(field) => Err(KernelError::unsupported(format!("the column {} is of type variant", field.name()))),
        None => Ok(schema.try_into_arrow()?),
    }
}

fn has_variants(data_type: &DataType) -> bool {
    match data_type {
        DataType::Primitive(_) => false,
        DataType::Array(array) => has_variants(array.element_type()),
        DataType::Map(map) => has_variants(map.key_type()) || has_variants(map.value_type()),
        DataType::Struct(fields) => fields.fields().any(|field| has_variants(field.data_type())),
        DataType::Variant(_) => true,
    }
}
