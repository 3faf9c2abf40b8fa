//! Which columns of two rows with one key differ.

use crate::model::canonical;
use crate::model::text;
use crate::model::value::{Event, Value, ValueRef};
use std::collections::BTreeSet;

/// A column that differs.
#[derive(Debug, Clone, PartialEq)]
pub struct ColumnDifference {
    /// The column.
    pub column: String,
    /// The extract's value; `None` where it is null or absent.
    pub expected: Option<Value>,
    /// The mirror's.
    pub actual: Option<Value>,
    /// One is the other's text: `20` and `"20"` (`type_drift`, `spec/amplitude.md` section 12, row 30).
    pub is_type_drift: bool,
}

/// The columns whose values do not mean the same, by name.
pub fn compare(expected: &Event, actual: &Event) -> Vec<ColumnDifference> {
    let names: BTreeSet<&str> =
        expected.columns.iter().chain(&actual.columns).map(|(column, _)| column.as_str()).collect();
    let compared = names.into_iter().filter_map(|column| {
        let (expected, actual) = (expected.get(column), actual.get(column));
        let is_equal = match (expected, actual) {
            (Some(a), Some(b)) => canonical_bytes(a) == canonical_bytes(b),
            (None, None) => true,
            _ => false,
        };
        let is_type_drift = expected.zip(actual).is_some_and(|(a, b)| is_type_drift(a, b));
        let difference = || ColumnDifference {
            column: column.to_owned(),
            expected: expected.cloned(),
            actual: actual.cloned(),
            is_type_drift,
        };
        (!is_equal).then(difference)
    });
    compared.collect()
}

fn canonical_bytes(value: &Value) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::append(value.as_ref(), &mut out);
    out
}

/// Whether one is a text, the other is none, and the text says what the other means.
fn is_type_drift(a: &Value, b: &Value) -> bool {
    let (text, other) = match (a, b) {
        (Value::Text(_), Value::Text(_)) => return false,
        (Value::Text(text), other) | (other, Value::Text(text)) => (text, other),
        _ => return false,
    };
    let mut plain = String::new();
    text::append_plain(other.as_ref(), &mut plain);
    if *text == plain {
        return true;
    }
    // `"62.00"` and 62.0: another spelling of the same number.
    let is_number = matches!(other, Value::Int(_) | Value::UInt(_) | Value::Float(_) | Value::Decimal(_));
    let begins_as_number = text.starts_with(|first: char| first == '-' || first.is_ascii_digit());
    let mut as_number = Vec::new();
    canonical::append(ValueRef::Decimal(text), &mut as_number);
    is_number && begins_as_number && as_number == canonical_bytes(other)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::key::EventKey;

    fn event(columns: &[(&str, Value)]) -> Event {
        let key = EventKey::new("u", "i", 1);
        columns.iter().fold(Event::new(key), |event, (column, value)| event.with(*column, value.clone()))
    }

    #[test]
    fn columns_differ_by_what_they_mean() {
        let expected = event(&[
            ("same", Value::Int(20)),
            ("gone", Value::Bool(true)),
            ("n", Value::Int(1)),
            ("json", Value::Json("{\"a\":1,\"b\":2}".into())),
        ]);
        let actual = event(&[
            ("json", Value::Json("{\"b\": 2, \"a\": 1.0}".into())),
            ("n", Value::Int(2)),
            ("new", Value::Text("x".into())),
            ("same", Value::Float(20.0)),
        ]);
        let found = compare(&expected, &actual);
        let columns: Vec<_> = found.iter().map(|found| (found.column.as_str(), found.is_type_drift)).collect();
        assert_eq!(columns, [("gone", false), ("n", false), ("new", false)]);
        assert_eq!((&found[0].expected, &found[0].actual), (&Some(Value::Bool(true)), &None));
    }

    #[test]
    fn a_text_that_says_the_value_is_type_drift() {
        let drift = |a: Value, b: Value| compare(&event(&[("c", a)]), &event(&[("c", b)]))[0].is_type_drift;
        let text = |text: &str| Value::Text(text.into());
        assert!(drift(text("20"), Value::Int(20)));
        assert!(drift(Value::Float(62.0), text("62.00")));
        assert!(drift(text("true"), Value::Bool(true)));
        assert!(drift(text("1970-01-02"), Value::Date(1)));
        assert!(!drift(text("21"), Value::Int(20)));
        assert!(!drift(text("a"), text("b")));
        assert!(!drift(text(""), Value::Decimal("x".into())));
        assert!(!drift(Value::Int(1), Value::Bool(true)));
    }
}
