//! Values that a line of JSON cannot tell, and how a repair file tells them all the same.
//!
//! JSON has no instants, dates and bytes: `"2025-11-03T09:15:00Z"` comes back as text, which is another value. Such
//! columns, and those whose names would be taken for a key field or an operation, stand with their types in one member:
//!
//! ```text
//! {"mutation_type":"UPDATE","user_id":"ann",…,"plan":"pro",
//!  "eventmirror_columns":{"shipped_at":{"timestamp_ms":1762161300123},"raw":{"bytes":"00ff"},"time":{"value":"noon"}}}
//! ```

use super::canonical;
use super::text;
use super::value::{TimeUnit, Value, ValueRef};
use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;
use std::collections::BTreeMap;

/// The member that holds such columns.
pub const TYPED_COLUMNS: &str = "eventmirror_columns";

#[derive(Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
enum Typed {
    TimestampS(i64),
    TimestampMs(i64),
    TimestampUs(i64),
    TimestampNs(i64),
    /// Days since 1970-01-01.
    Date(i32),
    /// Hexadecimal digits.
    Bytes(String),
    /// `NaN`, `Infinity`, `-Infinity`.
    Float(String),
    /// Text that claims to be a number.
    Decimal(String),
    /// Text that claims to be JSON.
    Json(String),
    /// A value that JSON tells.
    Value(Box<RawValue>),
}

/// Whether a value read back from its JSON is another one.
pub fn is_lost_in_json(value: ValueRef<'_>) -> bool {
    let mut json = String::new();
    text::append_json(value, &mut json);
    // A line of JSON holds no line break.
    let json = json.replace(['\n', '\r'], " ");
    if json == "null" || serde_json::from_str::<&RawValue>(&json).is_err() {
        return true;
    }
    let mut scratch = String::new();
    bytes(text::parse_token(json.trim(), &mut scratch)) != bytes(value)
}

fn bytes(value: ValueRef<'_>) -> Vec<u8> {
    let mut out = Vec::new();
    canonical::append(value, &mut out);
    out
}

/// The member's text for these columns.
pub fn to_json<'a>(columns: impl IntoIterator<Item = (&'a str, ValueRef<'a>)>) -> serde_json::Result<String> {
    let typed: BTreeMap<&str, Typed> = columns.into_iter().map(|(column, value)| (column, Typed::of(value))).collect();
    serde_json::to_string(&typed)
}

/// The columns of the member's text; `Err` says what is wrong.
pub fn parse(json: &str) -> Result<Vec<(String, Value)>, String> {
    let typed: BTreeMap<String, Typed> = serde_json::from_str(json).map_err(|error| error.to_string())?;
    let value = |(column, typed): (String, Typed)| match typed.into_value() {
        Some(value) => Ok((column, value)),
        None => Err(format!("the value of column {column:?} is none of its type")),
    };
    typed.into_iter().map(value).collect()
}

impl Typed {
    fn of(value: ValueRef<'_>) -> Typed {
        let mut plain = String::new();
        if is_lost_in_json(value) {
            text::append_plain(value, &mut plain);
            match value {
                ValueRef::Timestamp(count, TimeUnit::Second) => return Typed::TimestampS(count),
                ValueRef::Timestamp(count, TimeUnit::Millisecond) => return Typed::TimestampMs(count),
                ValueRef::Timestamp(count, TimeUnit::Microsecond) => return Typed::TimestampUs(count),
                ValueRef::Timestamp(count, TimeUnit::Nanosecond) => return Typed::TimestampNs(count),
                ValueRef::Date(days) => return Typed::Date(days),
                ValueRef::Bytes(_) => return Typed::Bytes(plain),
                ValueRef::Float(_) => return Typed::Float(plain),
                ValueRef::Decimal(_) => return Typed::Decimal(plain),
                _ => return Typed::Json(plain),
            }
        }
        text::append_json(value, &mut plain);
        // What is not lost is valid JSON.
        RawValue::from_string(plain).map_or_else(|error| Typed::Json(error.to_string()), Typed::Value)
    }

    fn into_value(self) -> Option<Value> {
        Some(match self {
            Typed::TimestampS(count) => Value::Timestamp(count, TimeUnit::Second),
            Typed::TimestampMs(count) => Value::Timestamp(count, TimeUnit::Millisecond),
            Typed::TimestampUs(count) => Value::Timestamp(count, TimeUnit::Microsecond),
            Typed::TimestampNs(count) => Value::Timestamp(count, TimeUnit::Nanosecond),
            Typed::Date(days) => Value::Date(days),
            Typed::Bytes(digits) => Value::Bytes(from_hexadecimal(&digits)?),
            Typed::Float(text) => Value::Float(text.parse().ok()?),
            Typed::Decimal(text) => Value::Decimal(text),
            Typed::Json(text) => Value::Json(text),
            Typed::Value(json) if json.get() == "null" => return None,
            Typed::Value(json) => text::parse_token(json.get(), &mut String::new()).to_value(),
        })
    }
}

fn from_hexadecimal(digits: &str) -> Option<Vec<u8>> {
    let nibble = |digit: &u8| char::from(*digit).to_digit(16);
    let (pairs, rest) = digits.as_bytes().as_chunks::<2>();
    let byte = |[high, low]: &[u8; 2]| Some((nibble(high)? << 4 | nibble(low)?) as u8);
    rest.is_empty().then(|| pairs.iter().map(byte).collect()).flatten()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use proptest::prelude::*;

    fn values() -> impl Strategy<Value = Value> {
        use TimeUnit::*;
        let unit = prop::sample::select(vec![Second, Millisecond, Microsecond, Nanosecond]);
        let json = ["{\"b\":1,\n\"a\":[null]}", "[1,", "null", "\"\\ud800\"", " {} ", "1e5", ""];
        let decimal = ["62.00", "1E400", "abc", "-0", "1.", "0.1"];
        prop_oneof![
            any::<bool>().prop_map(Value::Bool),
            any::<i64>().prop_map(Value::Int),
            any::<u64>().prop_map(Value::UInt),
            any::<f64>().prop_map(Value::Float),
            prop::sample::select(decimal.to_vec()).prop_map(|text| Value::Decimal(text.to_owned())),
            any::<String>().prop_map(Value::Text),
            prop::collection::vec(any::<u8>(), 0..20).prop_map(Value::Bytes),
            any::<i32>().prop_map(Value::Date),
            (any::<i64>(), unit).prop_map(|(v, unit)| Value::Timestamp(v, unit)),
            prop::sample::select(json.to_vec()).prop_map(|text| Value::Json(text.to_owned())),
        ]
    }

    proptest! {
        #[test]
        fn every_value_comes_back_as_what_it_means(value in values()) {
            let json = to_json([("c", value.as_ref())]).unwrap();
            prop_assert!(!json.contains('\n') || !is_lost_in_json(value.as_ref()));
            let back = parse(&json.replace('\n', " ")).unwrap();
            prop_assert_eq!(back.len(), 1);
            prop_assert_eq!(bytes(back[0].1.as_ref()), bytes(value.as_ref()), "{}", json);
        }

        #[test]
        fn no_text_makes_it_panic(text in "[{}\":a-z0-9,]{0,30}") {
            let _ = parse(&text);
        }
    }

    #[test]
    fn golden_text() {
        let columns = [
            ("at", ValueRef::Timestamp(1_762_161_300_123, TimeUnit::Millisecond)),
            ("raw", ValueRef::Bytes(&[0, 255])),
            ("time", ValueRef::Text("noon")),
            ("x", ValueRef::Float(f64::NAN)),
        ];
        let json = to_json(columns).unwrap();
        let expected = "{\"at\":{\"timestamp_ms\":1762161300123},\"raw\":{\"bytes\":\"00ff\"},".to_owned()
            + "\"time\":{\"value\":\"noon\"},\"x\":{\"float\":\"NaN\"}}";
        assert_eq!(json, expected);
    }

    #[test]
    fn what_is_wrong_is_said() {
        for (json, part) in [
            ("[1]", "invalid type"),
            ("{\"c\":{\"bytes\":\"0\"}}", "column \"c\""),
            ("{\"c\":{\"bytes\":\"+1\"}}", "column \"c\""),
            ("{\"c\":{\"float\":\"one\"}}", "column \"c\""),
            ("{\"c\":{\"value\":null}}", "column \"c\""),
            ("{\"c\":{\"colour\":1}}", "unknown variant"),
        ] {
            assert!(parse(json).unwrap_err().contains(part), "{json}: {:?}", parse(json));
        }
    }
}
