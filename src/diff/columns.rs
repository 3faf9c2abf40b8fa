//! Which columns of two rows with one key differ.

use crate::model::canonical;
use crate::model::text;
use crate::model::value::{Event, Value, ValueRef};
use std::collections::{BTreeMap, BTreeSet};

/// Which columns are compared, and how exactly.
#[derive(Debug, Clone, Default, PartialEq)]
pub struct Comparison {
    /// The columns. Keys are compared in any case.
    pub columns: Columns,
    /// How far apart two numbers of a column may be and count as equal.
    pub tolerances: BTreeMap<String, f64>,
}

/// Columns by their names.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum Columns {
    /// All of them.
    #[default]
    All,
    /// These.
    Only(BTreeSet<String>),
    /// All others.
    AllBut(BTreeSet<String>),
}

impl Columns {
    /// Whether a column is one of them.
    pub fn has(&self, column: &str) -> bool {
        match self {
            Columns::All => true,
            Columns::Only(names) => names.contains(column),
            Columns::AllBut(names) => !names.contains(column),
        }
    }

    /// Those of them that are not named here; names that were asked for stay.
    pub fn but(self, names: impl IntoIterator<Item = String>) -> Columns {
        let others: BTreeSet<String> = names.into_iter().collect();
        match self {
            Columns::All if others.is_empty() => Columns::All,
            Columns::All => Columns::AllBut(others),
            Columns::AllBut(names) => Columns::AllBut(names.into_iter().chain(others).collect()),
            Columns::Only(names) => Columns::Only(names),
        }
    }

    /// The names that were given.
    pub fn names(&self) -> impl Iterator<Item = &String> {
        let names = match self {
            Columns::All => None,
            Columns::Only(names) | Columns::AllBut(names) => Some(names),
        };
        names.into_iter().flatten()
    }
}

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
pub fn compare(expected: &Event, actual: &Event, comparison: &Comparison) -> Vec<ColumnDifference> {
    let names: BTreeSet<&str> =
        expected.columns.iter().chain(&actual.columns).map(|(column, _)| column.as_str()).collect();
    let names = names.into_iter().filter(|column| comparison.columns.has(column));
    let compared = names.filter_map(|column| {
        let (expected, actual) = (expected.get(column), actual.get(column));
        let is_equal = match (expected, actual) {
            (Some(a), Some(b)) => {
                let is_near = |tolerance: &f64| is_near(a, b, *tolerance);
                canonical_bytes(a) == canonical_bytes(b) || comparison.tolerances.get(column).is_some_and(is_near)
            }
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

/// Whether two values are numbers that are so near to each other.
fn is_near(a: &Value, b: &Value, tolerance: f64) -> bool {
    match (a, b) {
        // As doubles, large integers would lose their last digits.
        (Value::Int(a), Value::Int(b)) => (i128::from(*a) - i128::from(*b)).unsigned_abs() as f64 <= tolerance,
        _ => number(a).zip(number(b)).is_some_and(|(a, b)| (a - b).abs() <= tolerance),
    }
}

fn number(value: &Value) -> Option<f64> {
    match value {
        Value::Int(value) => Some(*value as f64),
        Value::UInt(value) => Some(*value as f64),
        Value::Float(value) => Some(*value),
        Value::Decimal(text) => text.parse().ok(),
        _ => None,
    }
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
        let found = compare(&expected, &actual, &Comparison::default());
        let columns: Vec<_> = found.iter().map(|found| (found.column.as_str(), found.is_type_drift)).collect();
        assert_eq!(columns, [("gone", false), ("n", false), ("new", false)]);
        assert_eq!((&found[0].expected, &found[0].actual), (&Some(Value::Bool(true)), &None));
    }

    #[test]
    fn a_text_that_says_the_value_is_type_drift() {
        let drift = |a: Value, b: Value| {
            compare(&event(&[("c", a)]), &event(&[("c", b)]), &Comparison::default())[0].is_type_drift
        };
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
    #[test]
    fn some_columns_are_compared_and_numbers_may_be_near() {
        let names = |names: &[&str]| names.iter().map(|name| (*name).to_owned()).collect();
        let expected = event(&[("a", Value::Int(1)), ("b", Value::Float(2.0)), ("c", Value::Text("x".into()))]);
        let actual = event(&[("a", Value::Int(2)), ("b", Value::Decimal("2.05".into())), ("c", Value::Int(9))]);
        let differing = |columns: Columns, tolerances: &[(&str, f64)]| -> Vec<String> {
            let tolerances = tolerances.iter().map(|(column, by)| ((*column).to_owned(), *by)).collect();
            let found = compare(&expected, &actual, &Comparison { columns, tolerances });
            found.into_iter().map(|found| found.column).collect()
        };
        assert_eq!(differing(Columns::Only(names(&["a", "c"])), &[]), ["a", "c"]);
        assert_eq!(differing(Columns::AllBut(names(&["a", "c"])), &[]), ["b"]);
        let but = |columns: Columns, names: &[&str]| columns.but(names.iter().map(|name| (*name).to_owned()));
        assert_eq!(but(Columns::All, &[]), Columns::All);
        assert_eq!(differing(but(but(Columns::All, &["a"]), &["c"]), &[]), ["b"]);
        assert_eq!(differing(but(Columns::Only(names(&["a", "c"])), &["a"]), &[]), ["a", "c"]);
        assert_eq!(differing(Columns::All, &[("b", 0.1), ("c", 100.0)]), ["a", "c"], "a text is near to nothing");
        assert_eq!(differing(Columns::All, &[("b", 0.01), ("a", 1.0)]), ["b", "c"]);
    }

    #[test]
    fn nearness_is_exact_for_large_integers() {
        let (a, b) = (Value::Int(i64::MAX), Value::Int(i64::MAX - 1));
        assert!(is_near(&a, &b, 1.0) && !is_near(&a, &b, 0.5));
        assert!(!is_near(&Value::Float(f64::NAN), &Value::Float(f64::NAN), 1.0));
        assert!(!is_near(&Value::Int(i64::MIN), &a, 1e18));
    }
}
