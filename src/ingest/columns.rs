//! Arrow columns into encoded fields and row sums: one pass a column, so that the type is looked at once.

use crate::error::{Error, ErrorKind, Result};
use crate::model::arena::Arena;
use crate::model::canonical::Canonical;
use crate::model::change::TextMeaning;
use crate::model::schema::ColumnId;
use crate::model::text;
use crate::model::value::{TimeUnit, ValueRef};
use crate::model::{hash, row};
use arrow::array::*;
use arrow::datatypes::{self as dt, DataType, Field};

/// The fields of one column, encoded; an empty range is a null.
pub(super) struct EncodedColumn {
    /// The column.
    pub(super) id: ColumnId,
    /// Types of values seen, as the schema notes them.
    pub(super) types: u16,
    /// Nothing where the rows are just hashed.
    fields: Option<Fields>,
    /// For dictionaries: which field each row has.
    keys: Option<Vec<u32>>,
}

struct Fields {
    bytes: Arena,
    /// One more than there are fields.
    ends: Vec<u32>,
}

impl EncodedColumn {
    /// Bytes of all encoded fields, a guess at what the rows will take.
    pub(super) fn bytes(&self) -> usize {
        self.fields.as_ref().map_or(0, |fields| fields.bytes.len())
    }

    /// The encoded field of a row; empty for null.
    #[inline]
    pub(super) fn field(&self, row: usize) -> &[u8] {
        let field = match &self.keys {
            Some(keys) => keys[row] as usize,
            None => row,
        };
        let Some(Fields { bytes, ends }) = &self.fields else { return &[] };
        &bytes[ends[field] as usize..ends[field + 1] as usize]
    }
}

/// A column's id, the factor of its values in row sums, and memory for its fields, where they are wanted.
pub(super) type Target = (ColumnId, u128, Option<Arena>);

/// Encodes a column and adds each value's share to the row sums.
pub(super) fn encode(field: &Field, array: &dyn Array, target: Target, sums: &mut [u128]) -> Result<EncodedColumn> {
    if let DataType::Dictionary(key, _) = field.data_type()
        && **key == DataType::Int32
    {
        return encode_dictionary(field, array.as_dictionary::<dt::Int32Type>(), target, sums);
    }
    let mut encoder = Encoder::new(target, array.len());
    encoder.column(field, array)?;
    let Encoder { id, types, fields, shares, .. } = encoder;
    sums.iter_mut().zip(shares).for_each(|(sum, share)| *sum = sum.wrapping_add(share));
    Ok(EncodedColumn { id, types, fields, keys: None })
}

/// Each distinct value is encoded and hashed once.
fn encode_dictionary(
    field: &Field,
    array: &DictionaryArray<dt::Int32Type>,
    target: Target,
    sums: &mut [u128],
) -> Result<EncodedColumn> {
    let values = array.values();
    let null = values.len() as u32;
    let mut encoder = Encoder::new(target, values.len() + 1);
    let inner = Field::new(field.name(), values.data_type().clone(), true).with_metadata(field.metadata().clone());
    encoder.column(&inner, values)?;
    encoder.push(None);
    let keys = (0..array.len()).map(|row| array.key(row).map_or(null, |key| key as u32));
    let keys: Vec<u32> = keys.collect();
    for (sum, key) in sums.iter_mut().zip(&keys) {
        *sum = sum.wrapping_add(encoder.shares[*key as usize]);
    }
    let Encoder { id, types, fields, .. } = encoder;
    Ok(EncodedColumn { id, types, fields, keys: Some(keys) })
}

struct Encoder {
    id: ColumnId,
    constant: u128,
    types: u16,
    fields: Option<Fields>,
    shares: Vec<u128>,
    canonical: Canonical,
    scratch: Vec<u8>,
}

impl Encoder {
    fn new((id, constant, bytes): Target, rows: usize) -> Self {
        let fields = |bytes| {
            let mut ends = Vec::with_capacity(rows + 1);
            ends.push(0);
            Fields { bytes, ends }
        };
        Encoder {
            id,
            constant,
            types: 0,
            fields: bytes.map(fields),
            shares: Vec::with_capacity(rows),
            canonical: Canonical::default(),
            scratch: Vec::new(),
        }
    }

    #[inline]
    fn push(&mut self, value: Option<ValueRef<'_>>) {
        let mut share = 0;
        if let Some(value) = value {
            self.note(value);
            self.scratch.clear();
            self.canonical.append(value, &mut self.scratch);
            share = hash::value_hash(&self.scratch).wrapping_mul(self.constant);
        }
        self.end_field(share);
    }

    #[inline]
    fn note(&mut self, value: ValueRef<'_>) {
        self.types |= 1 << row::tag(value);
        if let Some(fields) = &mut self.fields {
            row::put(self.id, value, &mut fields.bytes);
        }
    }

    #[inline]
    fn end_field(&mut self, share: u128) {
        self.shares.push(share);
        if let Some(Fields { bytes, ends }) = &mut self.fields {
            ends.push(bytes.len() as u32);
        }
    }

    fn column(&mut self, field: &Field, array: &dyn Array) -> Result<()> {
        use DataType as T;
        match array.data_type() {
            T::Null => (0..array.len()).for_each(|_| self.push(None)),
            T::Boolean => array.as_boolean().iter().for_each(|v| self.push(v.map(ValueRef::Bool))),
            T::Int8 => self.ints(array.as_primitive::<dt::Int8Type>()),
            T::Int16 => self.ints(array.as_primitive::<dt::Int16Type>()),
            T::Int32 => self.ints(array.as_primitive::<dt::Int32Type>()),
            T::Int64 => self.ints(array.as_primitive::<dt::Int64Type>()),
            T::UInt8 => self.ints(array.as_primitive::<dt::UInt8Type>()),
            T::UInt16 => self.ints(array.as_primitive::<dt::UInt16Type>()),
            T::UInt32 => self.ints(array.as_primitive::<dt::UInt32Type>()),
            T::UInt64 => array.as_primitive::<dt::UInt64Type>().iter().for_each(|v| self.push(v.map(unsigned))),
            T::Float32 => array.as_primitive::<dt::Float32Type>().iter().for_each(|v| self.float32(v)),
            T::Float64 => {
                array.as_primitive::<dt::Float64Type>().iter().for_each(|v| self.push(v.map(ValueRef::Float)))
            }
            T::Utf8 => self.texts(TextMeaning::of(field), array.as_string::<i32>().iter()),
            T::LargeUtf8 => self.texts(TextMeaning::of(field), array.as_string::<i64>().iter()),
            T::Utf8View => self.texts(TextMeaning::of(field), array.as_string_view().iter()),
            T::Binary => self.binaries(TextMeaning::of(field), array.as_binary::<i32>().iter()),
            T::LargeBinary => self.binaries(TextMeaning::of(field), array.as_binary::<i64>().iter()),
            T::BinaryView => self.binaries(TextMeaning::of(field), array.as_binary_view().iter()),
            T::FixedSizeBinary(_) => self.binaries(TextMeaning::Plain, array.as_fixed_size_binary().iter()),
            T::Date32 => array.as_primitive::<dt::Date32Type>().iter().for_each(|v| self.push(v.map(ValueRef::Date))),
            T::Date64 => self.times(array.as_primitive::<dt::Date64Type>(), TimeUnit::Millisecond),
            T::Timestamp(dt::TimeUnit::Second, _) => {
                self.times(array.as_primitive::<dt::TimestampSecondType>(), TimeUnit::Second)
            }
            T::Timestamp(dt::TimeUnit::Millisecond, _) => {
                self.times(array.as_primitive::<dt::TimestampMillisecondType>(), TimeUnit::Millisecond)
            }
            T::Timestamp(dt::TimeUnit::Microsecond, _) => {
                self.times(array.as_primitive::<dt::TimestampMicrosecondType>(), TimeUnit::Microsecond)
            }
            T::Timestamp(dt::TimeUnit::Nanosecond, _) => {
                self.times(array.as_primitive::<dt::TimestampNanosecondType>(), TimeUnit::Nanosecond)
            }
            T::Decimal32(_, _) => self.decimals(array.as_primitive::<dt::Decimal32Type>()),
            T::Decimal64(_, _) => self.decimals(array.as_primitive::<dt::Decimal64Type>()),
            T::Decimal128(_, _) => self.decimals(array.as_primitive::<dt::Decimal128Type>()),
            T::Decimal256(_, _) => self.decimals(array.as_primitive::<dt::Decimal256Type>()),
            other => {
                return Err(Error::new(ErrorKind::Unsupported, format!("a column of type {other} cannot be mirrored"))
                    .at(format!("column {}", field.name()))
                    .advice("cast it in the export, for example to text"));
            }
        }
        Ok(())
    }

    fn ints<P: dt::ArrowPrimitiveType>(&mut self, array: &PrimitiveArray<P>)
    where
        P::Native: Into<i64>,
    {
        array.iter().for_each(|v| self.push(v.map(|v| ValueRef::Int(v.into()))));
    }

    /// A 32-bit float means its own shortest decimal, not that of the 64-bit float it widens to: `0.1f32` is 0.1.
    fn float32(&mut self, value: Option<f32>) {
        match value {
            Some(value) if value.is_finite() => {
                let text = value.to_string();
                self.push(Some(text.parse().map_or(ValueRef::Float(f64::from(value)), ValueRef::Float)));
            }
            other => self.push(other.map(|v| ValueRef::Float(f64::from(v)))),
        }
    }

    fn times<P: dt::ArrowPrimitiveType<Native = i64>>(&mut self, array: &PrimitiveArray<P>, unit: TimeUnit) {
        array.iter().for_each(|v| self.push(v.map(|v| ValueRef::Timestamp(v, unit))));
    }

    fn decimals<P: dt::DecimalType>(&mut self, array: &PrimitiveArray<P>) {
        for row in 0..array.len() {
            match array.is_null(row) {
                true => self.push(None),
                false => self.push(Some(ValueRef::Decimal(&array.value_as_string(row)))),
            }
        }
    }

    fn texts<'a>(&mut self, meaning: TextMeaning, values: impl Iterator<Item = Option<&'a str>>) {
        let mut unescaped = String::new();
        for value in values {
            match (value, meaning) {
                (Some(token), TextMeaning::JsonToken) => self.push(Some(text::parse_token(token, &mut unescaped))),
                (Some(text), TextMeaning::JsonText) => self.json_text(text),
                (value, _) => self.push(value.map(ValueRef::Text)),
            }
        }
    }

    /// Text in a column that holds JSON: an object or array where it is one, plain text otherwise. Its canonical form
    /// tells which, so that the text is read once.
    fn json_text(&mut self, text: &str) {
        self.scratch.clear();
        let is_json = matches!(text.trim_ascii_start().as_bytes().first(), Some(b'{' | b'['))
            && self.canonical.try_append_json(text, &mut self.scratch);
        if !is_json {
            return self.push(Some(ValueRef::Text(text)));
        }
        self.note(ValueRef::Json(text));
        self.end_field(hash::value_hash(&self.scratch).wrapping_mul(self.constant));
    }

    fn binaries<'a>(&mut self, meaning: TextMeaning, values: impl Iterator<Item = Option<&'a [u8]>>) {
        for value in values {
            match (value, meaning) {
                (Some(mut field), TextMeaning::EncodedField) => {
                    self.push(row::take(&mut field).map(|(_, value)| value))
                }
                (value, _) => self.push(value.map(ValueRef::Bytes)),
            }
        }
    }
}

fn unsigned<'a>(value: u64) -> ValueRef<'a> {
    i64::try_from(value).map_or(ValueRef::UInt(value), ValueRef::Int)
}
