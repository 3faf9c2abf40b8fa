//! The cells of Arrow columns as values.
//!
//! | column | value |
//! |---|---|
//! | JSON lines | the JSON value as it stands |
//! | CSV, text, bytes that are UTF-8 | a string, whatever it looks like: types come from the converter |
//! | structs, lists, maps | objects and arrays |
//! | booleans, numbers, decimals | themselves, to the last digit |
//! | timestamps of seconds, milliseconds or microseconds | the whole number that the file stores |
//! | timestamps of nanoseconds (also Parquet's INT96), dates | a string: ISO time, without a zone where the column has none |
//! | other bytes, other types | a string as `scan` shows it |

use super::value::Value;
use crate::error::Result;
use crate::model::change::TextMeaning;
use crate::model::text::{append_json, append_plain};
use crate::model::value::{TimeUnit, ValueRef};
use crate::source::text::{Normal, Text, normalise};
use arrow::array::{Array, ArrayRef, AsArray};
use arrow::datatypes::{self as dt, DataType, Field};
use arrow::util::display::array_value_to_string;
use std::borrow::Cow;

/// A column that [`Cells`] can look at.
pub(super) struct Column {
    normal: Normal,
    meaning: TextMeaning,
}

impl Column {
    pub(super) fn new(field: &Field, array: &ArrayRef) -> Result<Self> {
        Ok(Column { normal: normalise(array)?, meaning: TextMeaning::of(field) })
    }

    pub(super) fn cells(&self) -> Cells<'_> {
        match (Text::of(&self.normal.array), self.meaning) {
            (Some(text), TextMeaning::JsonToken | TextMeaning::JsonText) => Cells::Tokens(text),
            (Some(text), _) => Cells::Texts(text, &self.normal.not_utf8),
            (None, _) => Cells::Typed(&self.normal.array),
        }
    }
}

/// The cells of a column.
pub(super) enum Cells<'r> {
    /// The file has no such column, so far.
    Absent,
    Tokens(Text<'r>),
    /// And the rows whose bytes are no text.
    Texts(Text<'r>, &'r [usize]),
    Typed(&'r ArrayRef),
}

impl<'r> Cells<'r> {
    /// The value of a row.
    #[inline]
    pub(super) fn get(&self, row: usize) -> Result<Option<Value<'r>>, String> {
        match self {
            Cells::Absent => Ok(None),
            Cells::Tokens(text) => Ok(text.get(row).and_then(Value::of_token)),
            Cells::Texts(text, not_utf8) => match text.get(row) {
                None if not_utf8.binary_search(&row).is_ok() => Err("its bytes are not UTF-8".to_owned()),
                text => Ok(text.map(|text| Value::Text(Cow::Borrowed(text)))),
            },
            Cells::Typed(array) => Ok(array.is_valid(row).then(|| typed(array, row))),
        }
    }
}

fn typed(array: &ArrayRef, row: usize) -> Value<'static> {
    let number = |value: i64| Value::made(value.to_string());
    match array.data_type() {
        DataType::Boolean => Value::of_bool(array.as_boolean().value(row)),
        DataType::Float64 => float(array.as_primitive::<dt::Float64Type>().value(row)),
        DataType::Float32 => {
            // Its own shortest digits, not those of the 64-bit float that it widens to.
            let value = array.as_primitive::<dt::Float32Type>().value(row);
            float(value.to_string().parse().unwrap_or_else(|_| f64::from(value)))
        }
        DataType::Timestamp(dt::TimeUnit::Second, _) => {
            number(array.as_primitive::<dt::TimestampSecondType>().value(row))
        }
        DataType::Timestamp(dt::TimeUnit::Millisecond, _) => {
            number(array.as_primitive::<dt::TimestampMillisecondType>().value(row))
        }
        DataType::Timestamp(dt::TimeUnit::Microsecond, _) => {
            number(array.as_primitive::<dt::TimestampMicrosecondType>().value(row))
        }
        DataType::Timestamp(dt::TimeUnit::Nanosecond, zone) => {
            let value = array.as_primitive::<dt::TimestampNanosecondType>().value(row);
            let mut text = plain(ValueRef::Timestamp(value, TimeUnit::Nanosecond));
            if zone.is_none() && text.ends_with('Z') {
                text.pop();
            }
            Value::Text(Cow::Owned(text))
        }
        DataType::Date32 => {
            let days = array.as_primitive::<dt::Date32Type>().value(row);
            Value::Text(Cow::Owned(plain(ValueRef::Date(days))))
        }
        DataType::FixedSizeBinary(_) => {
            Value::Text(Cow::Owned(plain(ValueRef::Bytes(array.as_fixed_size_binary().value(row)))))
        }
        data_type => {
            let text = array_value_to_string(array, row).unwrap_or_default();
            if data_type.is_numeric() { Value::made(text) } else { Value::Text(Cow::Owned(text)) }
        }
    }
}

/// JSON has no word for what is not finite.
fn float(value: f64) -> Value<'static> {
    let mut text = String::new();
    append_json(ValueRef::Float(value), &mut text);
    Value::made(text)
}

fn plain(value: ValueRef<'_>) -> String {
    let mut text = String::new();
    append_plain(value, &mut text);
    text
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::*;
    use std::sync::Arc;

    fn shown(array: impl Array + 'static) -> Vec<String> {
        let array: ArrayRef = Arc::new(array);
        let column = Column::new(&Field::new("c", array.data_type().clone(), true), &array).unwrap();
        let cells = column.cells();
        let show = |row| match cells.get(row) {
            Ok(Some(value)) => {
                let mut text = String::new();
                value.append_json(&mut text);
                text
            }
            Ok(None) => "-".to_owned(),
            Err(what) => what,
        };
        (0..array.len()).map(show).collect()
    }

    #[test]
    fn every_type_has_its_value() {
        assert_eq!(shown(StringArray::from(vec![Some("62.0"), Some("a\"b"), None])), ["\"62.0\"", "\"a\\\"b\"", "-"]);
        assert_eq!(shown(BooleanArray::from(vec![Some(true), None])), ["true", "-"]);
        assert_eq!(shown(Int8Array::from(vec![-7])), ["-7"]);
        assert_eq!(shown(UInt64Array::from(vec![u64::MAX])), ["18446744073709551615"]);
        assert_eq!(shown(Float64Array::from(vec![62.0, f64::NAN, 1e300])), ["62.0", "\"NaN\"", "1e300"]);
        assert_eq!(shown(Float32Array::from(vec![0.1])), ["0.1"]);
        let money = Decimal128Array::from(vec![1990]).with_precision_and_scale(38, 2).unwrap();
        assert_eq!(shown(money), ["19.90"]);
        assert_eq!(shown(TimestampMillisecondArray::from(vec![1_762_214_400_123])), ["1762214400123"]);
        assert_eq!(shown(TimestampMicrosecondArray::from(vec![1]).with_timezone("UTC")), ["1"]);
        assert_eq!(shown(TimestampSecondArray::from(vec![5])), ["5"]);
        assert_eq!(shown(TimestampNanosecondArray::from(vec![1])), ["\"1970-01-01T00:00:00.000000001\""]);
        let zoned = TimestampNanosecondArray::from(vec![1]).with_timezone("UTC");
        assert_eq!(shown(zoned), ["\"1970-01-01T00:00:00.000000001Z\""]);
        assert_eq!(shown(Date32Array::from(vec![0])), ["\"1970-01-01\""]);
        assert_eq!(shown(BinaryArray::from(vec![&b"u-1"[..], b"\xff"])), ["\"u-1\"", "its bytes are not UTF-8"]);
        let fixed = FixedSizeBinaryArray::try_from_iter([vec![1, 255]].into_iter()).unwrap();
        assert_eq!(shown(fixed), ["\"01ff\""]);
        assert_eq!(shown(NullArray::new(1)), ["-"]);
        let dictionary: DictionaryArray<dt::Int32Type> = vec!["a", "b", "a"].into_iter().collect();
        assert_eq!(shown(dictionary), ["\"a\"", "\"b\"", "\"a\""]);
    }
}
