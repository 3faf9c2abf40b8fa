//! The codec of a row: the columns of an event that are not null, in the order of their column ids.
//!
//! ```text
//! field = varint(column id · 16 + tag) · payload
//! 1 false · 2 true: nothing            3 int · 9 date: zigzag varint       4 uint: varint
//! 5 float: 8 bytes little-endian       6 decimal · 7 text · 8 bytes · 14 JSON: varint length · bytes
//! 10 11 12 13 timestamp in s, ms, µs, ns: zigzag varint
//! ```
//!
//! Nulls are not written, so a column that arrives later changes no row. Tags are never reused; 0 and 15 are not used.

use super::canonical;
use super::hash;
use super::schema::{ColumnId, Schema};
use super::value::{TimeUnit, ValueRef};
use super::varint;

const FALSE: u8 = 1;
const TRUE: u8 = 2;
const INT: u8 = 3;
const UINT: u8 = 4;
const FLOAT: u8 = 5;
const DECIMAL: u8 = 6;
const TEXT: u8 = 7;
const BYTES: u8 = 8;
const DATE: u8 = 9;
const SECONDS: u8 = 10;
const MILLISECONDS: u8 = 11;
const MICROSECONDS: u8 = 12;
const NANOSECONDS: u8 = 13;
const JSON: u8 = 14;

/// The number of a row codec tag, as the schema's set of types seen uses it.
pub fn tag(value: ValueRef<'_>) -> u8 {
    match value {
        ValueRef::Bool(false) => FALSE,
        ValueRef::Bool(true) => TRUE,
        ValueRef::Int(_) => INT,
        ValueRef::UInt(_) => UINT,
        ValueRef::Float(_) => FLOAT,
        ValueRef::Decimal(_) => DECIMAL,
        ValueRef::Text(_) => TEXT,
        ValueRef::Bytes(_) => BYTES,
        ValueRef::Date(_) => DATE,
        ValueRef::Timestamp(_, TimeUnit::Second) => SECONDS,
        ValueRef::Timestamp(_, TimeUnit::Millisecond) => MILLISECONDS,
        ValueRef::Timestamp(_, TimeUnit::Microsecond) => MICROSECONDS,
        ValueRef::Timestamp(_, TimeUnit::Nanosecond) => NANOSECONDS,
        ValueRef::Json(_) => JSON,
    }
}

/// Appends one field.
pub fn put(column: ColumnId, value: ValueRef<'_>, out: &mut Vec<u8>) {
    varint::put(u64::from(column) << 4 | u64::from(tag(value)), out);
    match value {
        ValueRef::Bool(_) => {}
        ValueRef::Int(v) | ValueRef::Timestamp(v, _) => varint::put(varint::zigzag(v), out),
        ValueRef::UInt(v) => varint::put(v, out),
        ValueRef::Float(v) => out.extend_from_slice(&v.to_le_bytes()),
        ValueRef::Date(v) => varint::put(varint::zigzag(i64::from(v)), out),
        ValueRef::Decimal(v) | ValueRef::Text(v) | ValueRef::Json(v) => put_bytes(v.as_bytes(), out),
        ValueRef::Bytes(v) => put_bytes(v, out),
    }
}

fn put_bytes(bytes: &[u8], out: &mut Vec<u8>) {
    varint::put(bytes.len() as u64, out);
    out.extend_from_slice(bytes);
}

/// Reads one field and moves `bytes` behind it; `None` where the bytes are no field.
pub fn take<'a>(bytes: &mut &'a [u8]) -> Option<(ColumnId, ValueRef<'a>)> {
    let head = varint::take(bytes)?;
    let column = ColumnId::try_from(head >> 4).ok()?;
    let value = match (head & 0x0f) as u8 {
        FALSE => ValueRef::Bool(false),
        TRUE => ValueRef::Bool(true),
        INT => ValueRef::Int(varint::unzigzag(varint::take(bytes)?)),
        UINT => ValueRef::UInt(varint::take(bytes)?),
        FLOAT => {
            let (float, rest) = bytes.split_first_chunk::<8>()?;
            *bytes = rest;
            ValueRef::Float(f64::from_le_bytes(*float))
        }
        DECIMAL => ValueRef::Decimal(take_text(bytes)?),
        TEXT => ValueRef::Text(take_text(bytes)?),
        BYTES => ValueRef::Bytes(take_bytes(bytes)?),
        DATE => ValueRef::Date(i32::try_from(varint::unzigzag(varint::take(bytes)?)).ok()?),
        SECONDS => ValueRef::Timestamp(varint::unzigzag(varint::take(bytes)?), TimeUnit::Second),
        MILLISECONDS => ValueRef::Timestamp(varint::unzigzag(varint::take(bytes)?), TimeUnit::Millisecond),
        MICROSECONDS => ValueRef::Timestamp(varint::unzigzag(varint::take(bytes)?), TimeUnit::Microsecond),
        NANOSECONDS => ValueRef::Timestamp(varint::unzigzag(varint::take(bytes)?), TimeUnit::Nanosecond),
        JSON => ValueRef::Json(take_text(bytes)?),
        _ => return None,
    };
    Some((column, value))
}

fn take_bytes<'a>(bytes: &mut &'a [u8]) -> Option<&'a [u8]> {
    let length = usize::try_from(varint::take(bytes)?).ok()?;
    let (head, rest) = bytes.split_at_checked(length)?;
    *bytes = rest;
    Some(head)
}

fn take_text<'a>(bytes: &mut &'a [u8]) -> Option<&'a str> {
    std::str::from_utf8(take_bytes(bytes)?).ok()
}

/// The fields of a row. Ends with `Err` where the bytes are no row: a field that cannot be read, or column ids that
/// do not rise.
pub fn fields(bytes: &[u8]) -> Fields<'_> {
    Fields { rest: bytes, next: 0 }
}

/// Iterator over the fields of a row; see [`fields`].
pub struct Fields<'a> {
    rest: &'a [u8],
    next: u64,
}

/// The bytes are no row.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error("the bytes are no row")]
pub struct BadRow;

impl<'a> Iterator for Fields<'a> {
    type Item = Result<(ColumnId, ValueRef<'a>), BadRow>;

    fn next(&mut self) -> Option<Self::Item> {
        if self.rest.is_empty() {
            return None;
        }
        match take(&mut self.rest) {
            Some((column, value)) if u64::from(column) >= self.next => {
                self.next = u64::from(column) + 1;
                Some(Ok((column, value)))
            }
            _ => {
                self.rest = &[];
                Some(Err(BadRow))
            }
        }
    }
}

/// The row hash of stored fields, computed anew: what a scrub and a merge of columns need.
pub fn hash_fields(key_hash: u128, bytes: &[u8], schema: &Schema) -> Result<u128, BadRow> {
    let mut sum = 0u128;
    let mut scratch = Vec::new();
    for field in fields(bytes) {
        let (column, value) = field?;
        let constant = schema.constant(column).ok_or(BadRow)?;
        scratch.clear();
        canonical::append(value, &mut scratch);
        sum = sum.wrapping_add(hash::value_hash(&scratch).wrapping_mul(constant));
    }
    Ok(hash::row_hash(key_hash, sum))
}

/// The fields of `old` with those of `new` laid over them: the merge of columns that `--on-update merge` asks for.
pub fn merge(old: &[u8], new: &[u8], out: &mut Vec<u8>) -> Result<(), BadRow> {
    let (mut old, mut new) = (fields(old).peekable(), fields(new).peekable());
    loop {
        let (column, value) = match (old.peek().copied().transpose()?, new.peek().copied().transpose()?) {
            (None, None) => return Ok(()),
            (Some(field), None) => {
                old.next();
                field
            }
            (None, Some(field)) => {
                new.next();
                field
            }
            (Some(before), Some(after)) => {
                if before.0 <= after.0 {
                    old.next();
                }
                if after.0 <= before.0 {
                    new.next();
                }
                if before.0 < after.0 { before } else { after }
            }
        };
        put(column, value, out);
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::value::Value;
    use proptest::prelude::*;

    pub(crate) fn values() -> impl Strategy<Value = Value> {
        let unit = prop_oneof![
            Just(TimeUnit::Second),
            Just(TimeUnit::Millisecond),
            Just(TimeUnit::Microsecond),
            Just(TimeUnit::Nanosecond)
        ];
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::UInt),
            any::<f64>().prop_filter("NaN is not equal to itself", |v| !v.is_nan()).prop_map(Value::Float),
            "-?[1-9][0-9]{0,30}\\.[0-9]{1,5}".prop_map(Value::Decimal),
            any::<String>().prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
            any::<i32>().prop_map(Value::Date),
            (any::<i64>(), unit).prop_map(|(v, unit)| Value::Timestamp(v, unit)),
            Just(Value::Json("{\"b\": 1, \"a\": [null]}".into())),
        ]
    }

    fn encode(columns: &[(ColumnId, Value)]) -> Vec<u8> {
        let mut out = Vec::new();
        columns.iter().for_each(|(column, value)| put(*column, value.as_ref(), &mut out));
        out
    }

    fn rows() -> impl Strategy<Value = Vec<(ColumnId, Value)>> {
        prop::collection::btree_map(0u32..70_000, values(), 0..8).prop_map(|map| map.into_iter().collect())
    }

    fn decode(bytes: &[u8]) -> Result<Vec<(ColumnId, Value)>, BadRow> {
        fields(bytes).map(|field| field.map(|(column, value)| (column, value.to_value()))).collect()
    }

    proptest! {
        #[test]
        fn a_row_survives(row in rows()) {
            prop_assert_eq!(decode(&encode(&row)), Ok(row));
        }

        #[test]
        fn a_cut_row_is_noticed(row in rows(), at in any::<prop::sample::Index>()) {
            let bytes = encode(&row);
            let cut = &bytes[..at.index(bytes.len() + 1)];
            prop_assert!(decode(cut).is_err() || decode(cut).unwrap().len() <= row.len());
        }

        #[test]
        fn random_bytes_never_panic(bytes in prop::collection::vec(any::<u8>(), 0..64)) {
            let _ = decode(&bytes);
        }

        #[test]
        fn a_merge_takes_the_new_value_of_each_column(old in rows(), new in rows()) {
            let mut expected: std::collections::BTreeMap<_, _> = old.iter().cloned().collect();
            expected.extend(new.iter().cloned());
            let mut out = Vec::new();
            merge(&encode(&old), &encode(&new), &mut out).unwrap();
            prop_assert_eq!(decode(&out).unwrap(), expected.into_iter().collect::<Vec<_>>());
        }
    }

    #[test]
    fn golden_bytes() {
        let row = [
            (0, Value::Bool(true)),
            (1, Value::Int(-1)),
            (2, Value::UInt(300)),
            (3, Value::Float(1.5)),
            (4, Value::Decimal("62.0".into())),
            (5, Value::Text("é".into())),
            (6, Value::Bytes(vec![0, 255])),
            (7, Value::Date(1)),
            (8, Value::Timestamp(2, TimeUnit::Millisecond)),
            (9, Value::Json("{}".into())),
        ];
        let hex = encode(&row).iter().map(|byte| format!("{byte:02x}")).collect::<String>();
        assert_eq!(
            hex,
            "02".to_owned()
                + "1301"
                + "24ac02"
                + "35000000000000f83f"
                + "460436322e30"
                + "5702c3a9"
                + "680200ff"
                + "7902"
                + "8b0104"
                + "9e01027b7d"
        );
    }

    #[test]
    fn column_ids_must_rise() {
        assert_eq!(decode(&encode(&[(1, Value::Int(1)), (1, Value::Int(2))])), Err(BadRow));
    }
}
