//! Arrow columns as Arrow readers give them, in the types that `ingest` takes. Structs, lists and maps become text that
//! holds JSON.

use super::text_field;
use crate::model::change::TextMeaning;
use crate::source::Mapping;
use arrow::array::{Array, ArrayRef, RecordBatch, RecordBatchOptions, StringBuilder};
use arrow::compute::cast;
use arrow::datatypes::{DataType, Field, Schema, SchemaRef};
use arrow::error::ArrowError;
use arrow::json::writer::{EncoderOptions, make_encoder};
use std::sync::Arc;

/// The columns as a source gives them.
pub(in crate::source) fn header(schema: &Schema, mapping: &Mapping) -> SchemaRef {
    let fields = schema.fields().iter().map(|field| match field.data_type() {
        t if t.is_nested() => text_field(field.name(), DataType::Utf8, TextMeaning::JsonText),
        DataType::Utf8 | DataType::Utf8View | DataType::Dictionary(..) => {
            text_field(field.name(), field.data_type().clone(), mapping.text_meaning(field.name()))
        }
        DataType::Float16 => Field::new(field.name(), DataType::Float32, true),
        DataType::Time32(_) | DataType::Time64(_) => Field::new(field.name(), DataType::Utf8, true),
        other => Field::new(field.name(), other.clone(), true),
    });
    Arc::new(Schema::new(fields.collect::<Vec<_>>()))
}

/// Brings columns as they were read into the header's types. They stand in the header's order.
pub(in crate::source) fn shape(batch: &RecordBatch, header: &SchemaRef) -> Result<RecordBatch, ArrowError> {
    let arrays = header.fields().iter().zip(batch.columns()).map(|(field, array)| shape_column(array, field));
    let count = RecordBatchOptions::new().with_row_count(Some(batch.num_rows()));
    RecordBatch::try_new_with_options(header.clone(), arrays.collect::<Result<_, _>>()?, &count)
}

fn shape_column(array: &ArrayRef, field: &Field) -> Result<ArrayRef, ArrowError> {
    if array.data_type() == field.data_type() {
        Ok(array.clone())
    } else if array.data_type().is_nested() {
        to_json(array)
    } else {
        cast(array, field.data_type())
    }
}

/// Nested values as JSON, nulls inside included.
fn to_json(array: &ArrayRef) -> Result<ArrayRef, ArrowError> {
    let field = Arc::new(Field::new("", array.data_type().clone(), true));
    let options = EncoderOptions::default().with_explicit_nulls(true);
    let mut encoder = make_encoder(&field, array.as_ref(), &options)?;
    let mut texts = StringBuilder::new();
    let mut bytes = Vec::new();
    for row in 0..array.len() {
        if encoder.is_null(row) {
            texts.append_null();
            continue;
        }
        bytes.clear();
        encoder.encode(row, &mut bytes);
        texts.append_value(std::str::from_utf8(&bytes).map_err(|e| ArrowError::ExternalError(Box::new(e)))?);
    }
    Ok(Arc::new(texts.finish()))
}
