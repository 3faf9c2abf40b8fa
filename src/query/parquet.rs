//! Events as a Parquet file: a typed column for each column whose values have one type.

use super::export::{column_names, places, unknown_column};
use crate::error::{Error, ErrorKind, Result};
use crate::model::event_json::KEY_FIELDS;
use crate::model::key::TimePrecision;
use crate::model::row;
use crate::model::schema::Column;
use crate::model::text;
use crate::model::value::{Event, TimeUnit, Value, ValueRef};
use arrow::array::*;
use arrow::datatypes::{self as dt, DataType, Field, Schema};
use parquet::arrow::ArrowWriter;
use parquet::basic::{Compression, ZstdLevel};
use parquet::errors::ParquetError;
use parquet::file::properties::WriterProperties;
use std::io::Write;
use std::sync::Arc;

/// Rows of a batch, and the bytes of values at which it ends earlier.
const BATCH_ROWS: usize = 8 * 1024;
const BATCH_BYTES: usize = 16 << 20;
/// A row group is held in memory until it is written.
const ROW_GROUP_ROWS: usize = 256 * 1024;
const ROW_GROUP_BYTES: usize = 64 << 20;

/// How a column is written.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Shape {
    Bool,
    Int,
    UInt,
    Float,
    Text,
    Bytes,
    Date,
    Time(TimeUnit),
    /// Whole seconds, written as milliseconds: Parquet has no type for seconds.
    Seconds,
    /// The values differ in type, or have none that Parquet has: each as JSON text.
    Json,
}

/// The types of the columns of a Parquet file, told from the types of values that the store has seen.
#[derive(Debug, Clone)]
pub struct ParquetPlan {
    shapes: Vec<Shape>,
    /// Columns whose shape keeps every value only if the values are small enough.
    in_doubt: Vec<bool>,
}

impl ParquetPlan {
    /// A plan for these columns.
    pub fn new(columns: &[Column]) -> ParquetPlan {
        let (shapes, in_doubt) = columns.iter().map(|column| shape(column.types)).unzip();
        ParquetPlan { shapes, in_doubt }
    }

    /// Whether [`settle`](Self::settle) is needed before the plan may be used.
    pub fn is_in_doubt(&self) -> bool {
        self.in_doubt.contains(&true)
    }

    /// Looks at the values of columns in doubt; a column where one would be changed is written as JSON text.
    pub fn settle(&mut self, events: impl Iterator<Item = Result<Event>>, columns: &[Column]) -> Result<()> {
        let places = places(columns);
        for event in events {
            for (name, value) in &event?.columns {
                let place = *places.get(name.as_str()).ok_or_else(|| unknown_column(name))?;
                if self.in_doubt[place] && !is_kept(self.shapes[place], value) {
                    self.shapes[place] = Shape::Json;
                    self.in_doubt[place] = false;
                }
            }
            if !self.is_in_doubt() {
                break;
            }
        }
        self.in_doubt.fill(false);
        Ok(())
    }
}

/// The shape for a set of types seen, and whether it is in doubt.
fn shape(types: u16) -> (Shape, bool) {
    let bit = |value: ValueRef<'_>| 1u16 << row::tag(value);
    let time = |unit| bit(ValueRef::Timestamp(0, unit));
    let bools = bit(ValueRef::Bool(false)) | bit(ValueRef::Bool(true));
    let (int, float) = (bit(ValueRef::Int(0)), bit(ValueRef::Float(0.0)));
    match types {
        _ if types != 0 && types & !bools == 0 => (Shape::Bool, false),
        // A column without values may get any type; text is what every reader takes.
        0 => (Shape::Text, false),
        _ if types == bit(ValueRef::Text("")) => (Shape::Text, false),
        _ if types == int => (Shape::Int, false),
        _ if types == bit(ValueRef::UInt(0)) => (Shape::UInt, false),
        _ if types == float => (Shape::Float, false),
        _ if types == int | float => (Shape::Float, true),
        _ if types == bit(ValueRef::Bytes(&[])) => (Shape::Bytes, false),
        _ if types == bit(ValueRef::Date(0)) => (Shape::Date, false),
        _ if types == time(TimeUnit::Second) => (Shape::Seconds, true),
        _ => {
            let units = [TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
            let unit = units.into_iter().find(|unit| types == time(*unit));
            (unit.map_or(Shape::Json, Shape::Time), false)
        }
    }
}

/// Whether a column in doubt gives back this value as it is.
fn is_kept(shape: Shape, value: &Value) -> bool {
    match (shape, value) {
        // Every whole number up to 2^53 is a double.
        (Shape::Float, Value::Int(v)) => v.unsigned_abs() <= 1 << 53,
        (Shape::Seconds, Value::Timestamp(v, TimeUnit::Second)) => v.checked_mul(1_000).is_some(),
        _ => true,
    }
}

/// Writes a Parquet file (Zstandard), batch by batch, and returns how many events there were. `plan` is settled.
///
/// The key fields come first, the event time as a UTC timestamp in the store's precision. A column whose values have
/// one type has it; whole numbers and floats together are doubles where no number loses a digit; every other column
/// is text that holds JSON.
pub fn write_parquet(
    events: impl Iterator<Item = Result<Event>>,
    columns: &[Column],
    plan: &ParquetPlan,
    precision: TimePrecision,
    out: impl Write + Send,
) -> Result<u64> {
    let mut batch = Batch::new(columns, plan, precision);
    let properties = WriterProperties::builder()
        .set_compression(Compression::ZSTD(ZstdLevel::default()))
        .set_max_row_group_row_count(Some(ROW_GROUP_ROWS))
        .set_max_row_group_bytes(Some(ROW_GROUP_BYTES))
        .build();
    let mut writer = ArrowWriter::try_new(out, batch.schema.clone(), Some(properties)).map_err(parquet_error)?;
    let places = places(columns);
    let mut count = 0;
    for event in events {
        batch.push(&event?, &places)?;
        count += 1;
        if batch.rows == BATCH_ROWS || batch.bytes >= BATCH_BYTES {
            writer.write(&batch.take()?).map_err(parquet_error)?;
        }
    }
    writer.write(&batch.take()?).map_err(parquet_error)?;
    writer.close().map_err(parquet_error)?;
    Ok(count)
}

fn parquet_error(error: ParquetError) -> Error {
    match error {
        ParquetError::External(error) => match error.downcast::<std::io::Error>() {
            Ok(error) => (*error).into(),
            Err(error) => Error::new(ErrorKind::Io, "the Parquet file cannot be written").because(error),
        },
        error => Error::new(ErrorKind::Io, "the Parquet file cannot be written").because(error),
    }
}

/// Rows that wait for being written.
struct Batch {
    schema: Arc<Schema>,
    user_ids: StringBuilder,
    insert_ids: StringBuilder,
    times: Vec<i64>,
    columns: Vec<Cells>,
    rows: usize,
    bytes: usize,
}

impl Batch {
    fn new(columns: &[Column], plan: &ParquetPlan, precision: TimePrecision) -> Batch {
        let unit = match precision {
            TimePrecision::Millis => TimeUnit::Millisecond,
            TimePrecision::Micros => TimeUnit::Microsecond,
        };
        let key_types = [DataType::Utf8, DataType::Utf8, Shape::Time(unit).data_type()];
        let key_fields = KEY_FIELDS.iter().zip(key_types).map(|(name, data_type)| Field::new(*name, data_type, false));
        let names = column_names(columns).into_iter().skip(KEY_FIELDS.len());
        let fields = names.zip(&plan.shapes).map(|(name, shape)| Field::new(name, shape.data_type(), true));
        Batch {
            schema: Arc::new(Schema::new(key_fields.chain(fields).collect::<Vec<_>>())),
            user_ids: StringBuilder::new(),
            insert_ids: StringBuilder::new(),
            times: Vec::new(),
            columns: plan.shapes.iter().map(|shape| Cells::new(*shape)).collect(),
            rows: 0,
            bytes: 0,
        }
    }

    fn push(&mut self, event: &Event, places: &std::collections::HashMap<&str, usize>) -> Result<()> {
        self.user_ids.append_value(&event.key.user_id);
        self.insert_ids.append_value(&event.key.insert_id);
        self.times.push(event.key.event_time);
        self.bytes += event.key.user_id.len() + event.key.insert_id.len();
        for (name, value) in &event.columns {
            let cells = places.get(name.as_str()).and_then(|place| self.columns.get_mut(*place));
            let written = cells.and_then(|cells| cells.push(self.rows, value.as_ref()));
            self.bytes += written.ok_or_else(|| unknown_column(name))?;
        }
        self.rows += 1;
        Ok(())
    }

    fn take(&mut self) -> Result<RecordBatch> {
        let times: ArrayRef = match self.schema.field(2).data_type() {
            DataType::Timestamp(dt::TimeUnit::Microsecond, _) => {
                Arc::new(TimestampMicrosecondArray::from(std::mem::take(&mut self.times)).with_timezone(UTC))
            }
            _ => Arc::new(TimestampMillisecondArray::from(std::mem::take(&mut self.times)).with_timezone(UTC)),
        };
        let mut arrays: Vec<ArrayRef> =
            vec![Arc::new(self.user_ids.finish()), Arc::new(self.insert_ids.finish()), times];
        arrays.extend(self.columns.iter_mut().map(|cells| cells.finish(self.rows)));
        (self.rows, self.bytes) = (0, 0);
        let built = RecordBatch::try_new(self.schema.clone(), arrays);
        built.map_err(|error| Error::new(ErrorKind::Corrupt, "rows do not fit their columns").because(error))
    }
}

const UTC: &str = "UTC";

impl Shape {
    fn data_type(self) -> DataType {
        let time = |unit| DataType::Timestamp(unit, Some(UTC.into()));
        match self {
            Shape::Bool => DataType::Boolean,
            Shape::Int => DataType::Int64,
            Shape::UInt => DataType::UInt64,
            Shape::Float => DataType::Float64,
            Shape::Text | Shape::Json => DataType::Utf8,
            Shape::Bytes => DataType::Binary,
            Shape::Date => DataType::Date32,
            Shape::Seconds | Shape::Time(TimeUnit::Second | TimeUnit::Millisecond) => time(dt::TimeUnit::Millisecond),
            Shape::Time(TimeUnit::Microsecond) => time(dt::TimeUnit::Microsecond),
            Shape::Time(TimeUnit::Nanosecond) => time(dt::TimeUnit::Nanosecond),
        }
    }
}

/// The cells of a column, nulls in between included.
struct Cells {
    shape: Shape,
    builder: Builder,
    scratch: String,
}

/// One builder a physical type; the array gets its logical type when it is finished.
enum Builder {
    Bool(BooleanBuilder),
    Int(Int64Builder),
    UInt(UInt64Builder),
    Float(Float64Builder),
    Text(StringBuilder),
    Bytes(BinaryBuilder),
    Date(Date32Builder),
}

/// Does the same to whichever builder there is.
macro_rules! with_builder {
    ($builder:expr, $name:ident => $body:expr) => {
        match $builder {
            Builder::Bool($name) => $body,
            Builder::Int($name) => $body,
            Builder::UInt($name) => $body,
            Builder::Float($name) => $body,
            Builder::Text($name) => $body,
            Builder::Bytes($name) => $body,
            Builder::Date($name) => $body,
        }
    };
}

impl Cells {
    fn new(shape: Shape) -> Cells {
        let builder = match shape {
            Shape::Bool => Builder::Bool(BooleanBuilder::new()),
            Shape::Int | Shape::Time(_) | Shape::Seconds => Builder::Int(Int64Builder::new()),
            Shape::UInt => Builder::UInt(UInt64Builder::new()),
            Shape::Float => Builder::Float(Float64Builder::new()),
            Shape::Text | Shape::Json => Builder::Text(StringBuilder::new()),
            Shape::Bytes => Builder::Bytes(BinaryBuilder::new()),
            Shape::Date => Builder::Date(Date32Builder::new()),
        };
        Cells { shape, builder, scratch: String::new() }
    }

    fn fill(&mut self, rows: usize) {
        with_builder!(&mut self.builder, builder => {
            let missing = rows.saturating_sub(builder.len());
            builder.append_nulls(missing);
        });
    }

    /// Puts a value into a row, which is not before the last one, and returns its bytes; `None` where the value has
    /// not the column's type.
    fn push(&mut self, row: usize, value: ValueRef<'_>) -> Option<usize> {
        self.fill(row);
        match (&mut self.builder, value) {
            (Builder::Bool(builder), ValueRef::Bool(v)) => builder.append_value(v),
            (Builder::Int(builder), ValueRef::Int(v)) if self.shape == Shape::Int => builder.append_value(v),
            (Builder::Int(builder), ValueRef::Timestamp(v, unit)) => builder.append_value(match self.shape {
                Shape::Seconds if unit == TimeUnit::Second => v.checked_mul(1_000)?,
                Shape::Time(of_column) if unit == of_column => v,
                _ => return None,
            }),
            (Builder::UInt(builder), ValueRef::UInt(v)) => builder.append_value(v),
            (Builder::Float(builder), ValueRef::Float(v)) => builder.append_value(v),
            (Builder::Float(builder), ValueRef::Int(v)) => builder.append_value(v as f64),
            (Builder::Date(builder), ValueRef::Date(v)) => builder.append_value(v),
            (Builder::Bytes(builder), ValueRef::Bytes(v)) => {
                builder.append_value(v);
                return Some(v.len());
            }
            (Builder::Text(builder), ValueRef::Text(v)) if self.shape == Shape::Text => {
                builder.append_value(v);
                return Some(v.len());
            }
            (Builder::Text(builder), value) if self.shape == Shape::Json => {
                self.scratch.clear();
                text::append_json(value, &mut self.scratch);
                builder.append_value(&self.scratch);
                return Some(self.scratch.len());
            }
            _ => return None,
        }
        Some(size_of::<i64>())
    }

    fn finish(&mut self, rows: usize) -> ArrayRef {
        self.fill(rows);
        let array: ArrayRef = with_builder!(&mut self.builder, builder => Arc::new(builder.finish()));
        match (self.shape, array.as_primitive_opt::<dt::Int64Type>()) {
            (Shape::Time(TimeUnit::Millisecond | TimeUnit::Second) | Shape::Seconds, Some(array)) => {
                Arc::new(array.reinterpret_cast::<dt::TimestampMillisecondType>().with_timezone(UTC))
            }
            (Shape::Time(TimeUnit::Microsecond), Some(array)) => {
                Arc::new(array.reinterpret_cast::<dt::TimestampMicrosecondType>().with_timezone(UTC))
            }
            (Shape::Time(TimeUnit::Nanosecond), Some(array)) => {
                Arc::new(array.reinterpret_cast::<dt::TimestampNanosecondType>().with_timezone(UTC))
            }
            _ => array,
        }
    }
}

#[cfg(test)]
mod tests;
