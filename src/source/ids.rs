//! Id columns become text: exactly, without trimming, or not at all.
//!
//! | in the file | id |
//! |---|---|
//! | text, bytes that are UTF-8 | as it is (`17850.0` in a CSV file is a text) |
//! | whole numbers, decimals of scale 0 | in decimal |
//! | floats, booleans, times, objects, other bytes | refused |
//! | JSON string | unescaped |
//! | JSON number without fraction and exponent | as written |
//! | null, absent | null; `ingest` refuses it |

use super::text::{Normal, Text, convert, excerpt, normalise, unescape};
use crate::error::Result;
use crate::model::change::{Refused, TextMeaning};
use crate::model::rejection::Rule;
use arrow::array::{Array, ArrayRef, StringBuilder};
use arrow::datatypes::DataType;
use arrow::util::display::array_value_to_string;
use std::sync::Arc;

/// The ids of a column. Rows that are no id are added to `refused` under `rule`, and are null.
pub(super) fn ids(array: &ArrayRef, meaning: TextMeaning, rule: Rule, refused: &mut Vec<Refused>) -> Result<ArrayRef> {
    let Normal { array, not_utf8 } = normalise(array)?;
    let detail = || "bytes that are not UTF-8 are no id".to_owned();
    refused.extend(not_utf8.into_iter().map(|row| Refused { row, rule, detail: detail() }));
    match Text::of(&array) {
        Some(text) if meaning == TextMeaning::JsonToken => Ok(from_tokens(&text, array.len(), rule, refused)),
        Some(_) => Ok(array),
        None => match array.data_type() {
            t if t.is_integer() => convert(&array, &DataType::Utf8),
            DataType::Decimal32(_, 0)
            | DataType::Decimal64(_, 0)
            | DataType::Decimal128(_, 0)
            | DataType::Decimal256(_, 0) => convert(&array, &DataType::Utf8),
            _ => Ok(refuse_all(&array, rule, refused)),
        },
    }
}

fn from_tokens(tokens: &Text<'_>, rows: usize, rule: Rule, refused: &mut Vec<Refused>) -> ArrayRef {
    let mut ids = StringBuilder::with_capacity(rows, rows * 16);
    for row in 0..rows {
        let Some(token) = tokens.get(row) else {
            ids.append_null();
            continue;
        };
        match id_of_token(token) {
            Ok(id) => ids.append_value(id),
            Err(what) => {
                ids.append_null();
                refused.push(Refused { row, rule, detail: format!("{} {what}", excerpt(token)) });
            }
        }
    }
    Arc::new(ids.finish())
}

fn id_of_token(token: &str) -> Result<std::borrow::Cow<'_, str>, &'static str> {
    match token.as_bytes().first() {
        Some(b'"') => unescape(token).ok_or("holds half of a surrogate pair, which is no text"),
        Some(b'-' | b'0'..=b'9') => match token.bytes().all(|b| b == b'-' || b.is_ascii_digit()) {
            true => Ok(token.into()),
            false => Err("is no whole number; ids are text or whole numbers"),
        },
        Some(b't' | b'f') => Err("is a boolean; ids are text or whole numbers"),
        _ => Err("is no id; ids are text or whole numbers"),
    }
}

fn refuse_all(array: &ArrayRef, rule: Rule, refused: &mut Vec<Refused>) -> ArrayRef {
    for row in (0..array.len()).filter(|row| array.is_valid(*row)) {
        let value = array_value_to_string(array, row).unwrap_or_default();
        let detail =
            format!("{} of type {} is no id; ids are text or whole numbers", excerpt(&value), array.data_type());
        refused.push(Refused { row, rule, detail });
    }
    arrow::array::new_null_array(&DataType::Utf8, array.len())
}

/// One id out of several columns' ids: joined by `/`, with `~` as `~0` and `/` as `~1` inside a part (the escapes of
/// JSON Pointer, RFC 6901), so that no two tuples give one id. A null part makes it null.
pub(super) fn composite(parts: &[ArrayRef], rows: usize) -> ArrayRef {
    let texts: Vec<Text<'_>> = parts.iter().filter_map(Text::of).collect();
    let mut ids = StringBuilder::with_capacity(rows, rows * 16);
    let mut id = String::new();
    for row in 0..rows {
        id.clear();
        let whole = texts.iter().enumerate().all(|(i, text)| {
            if i > 0 {
                id.push('/');
            }
            text.get(row).map(|part| push_escaped(part, &mut id)).is_some()
        });
        ids.append_option(whole.then_some(&id));
    }
    Arc::new(ids.finish())
}

fn push_escaped(part: &str, id: &mut String) {
    for c in part.chars() {
        match c {
            '~' => id.push_str("~0"),
            '/' => id.push_str("~1"),
            c => id.push(c),
        }
    }
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use arrow::array::*;
    use arrow::datatypes::Int32Type;

    fn texts(array: &ArrayRef) -> Vec<Option<String>> {
        let text = Text::of(array).unwrap();
        (0..array.len()).map(|row| text.get(row).map(str::to_owned)).collect()
    }

    fn check(array: ArrayRef, meaning: TextMeaning, expected: &[Option<&str>], refused_rows: &[usize]) {
        let mut refused = Vec::new();
        let ids = ids(&array, meaning, Rule::BadUserId, &mut refused).unwrap();
        assert_eq!(texts(&ids), expected.iter().map(|e| e.map(str::to_owned)).collect::<Vec<_>>());
        assert_eq!(refused.iter().map(|r| r.row).collect::<Vec<_>>(), refused_rows, "{refused:?}");
    }

    #[test]
    fn text_passes_untouched() {
        let array: ArrayRef = Arc::new(StringArray::from(vec![Some(" a "), Some("17850.0"), Some(""), None]));
        let kept = ids(&array, TextMeaning::Plain, Rule::BadUserId, &mut Vec::new()).unwrap();
        assert!(Arc::ptr_eq(&array, &kept));
        let dictionary: ArrayRef = Arc::new(vec!["a", "b", "a"].into_iter().collect::<DictionaryArray<Int32Type>>());
        let kept = ids(&dictionary, TextMeaning::Plain, Rule::BadUserId, &mut Vec::new()).unwrap();
        assert!(Arc::ptr_eq(&dictionary, &kept));
    }

    #[test]
    fn json_tokens_are_read_as_ids_or_refused() {
        let tokens = ["\"u-1\"", "12345", "-7", "1.5", "1e3", "true", "{}", "\"\\u00e9/\"", "\"\\ud800\"", "\"\""];
        let array: ArrayRef = Arc::new(StringArray::from_iter_values(tokens));
        let expected = [Some("u-1"), Some("12345"), Some("-7"), None, None, None, None, Some("é/"), None, Some("")];
        check(array, TextMeaning::JsonToken, &expected, &[3, 4, 5, 6, 8]);
    }

    #[test]
    fn whole_numbers_are_rendered_and_floats_refused() {
        let big: ArrayRef = Arc::new(UInt64Array::from(vec![Some(u64::MAX), None]));
        check(big, TextMeaning::Plain, &[Some("18446744073709551615"), None], &[]);
        let decimals = Decimal128Array::from(vec![Some(12345), None]).with_precision_and_scale(38, 0).unwrap();
        check(Arc::new(decimals), TextMeaning::Plain, &[Some("12345"), None], &[]);
        let money = Decimal128Array::from(vec![12345]).with_precision_and_scale(38, 2).unwrap();
        check(Arc::new(money), TextMeaning::Plain, &[None], &[0]);
        check(Arc::new(Float64Array::from(vec![Some(12345.0), None])), TextMeaning::Plain, &[None, None], &[0]);
        check(Arc::new(BooleanArray::from(vec![true])), TextMeaning::Plain, &[None], &[0]);
    }

    #[test]
    fn unannotated_bytes_are_text_where_they_are_utf8() {
        check(Arc::new(BinaryArray::from_vec(vec![b"u-1"])), TextMeaning::Plain, &[Some("u-1")], &[]);
        let mixed = BinaryArray::from_vec(vec![b"u-1", b"\xff"]);
        let mut refused = Vec::new();
        let array: ArrayRef = Arc::new(mixed);
        let read = ids(&array, TextMeaning::Plain, Rule::BadUserId, &mut refused).unwrap();
        assert_eq!((texts(&read)[0].as_deref(), refused.len()), (Some("u-1"), 1));
    }

    #[test]
    fn composite_ids_are_unambiguous() {
        let a: ArrayRef =
            Arc::new(StringArray::from(vec![Some("1"), Some("1/2"), Some("1"), Some("~1"), None, Some("")]));
        let b: ArrayRef =
            Arc::new(StringArray::from(vec![Some("2/3"), Some("3"), Some(""), Some("x"), Some("y"), Some("")]));
        let joined = composite(&[a, b], 6);
        let expected = [Some("1/2~13"), Some("1~12/3"), Some("1/"), Some("~01/x"), None, Some("/")];
        assert_eq!(texts(&joined), expected.map(|e| e.map(str::to_owned)));
    }
}
