//! The form in which the values of a column are written into the canonical text.

use crate::model::row;
use crate::model::value::{TimeUnit, ValueRef};
use std::fmt;

/// Decimals to which doubles are compared unless others are asked for.
const USUAL_DECIMALS: u8 = 6;
/// From 10¹⁶ on a power of ten times a double leaves the whole numbers that doubles hold exactly.
const MOST_DECIMALS: u8 = 15;

/// How the values of a column are written. Both sides must know it, as a store's columns have no declared type.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Form {
    /// Text as it is; of a JSON column the text as it is stored.
    Text,
    /// `true`, `false`.
    Bool,
    /// An exact number as a plain decimal without superfluous zeros.
    Number,
    /// A double, rounded to so many decimals: the whole number ⌊x · 10ⁿ + ½⌋, calculated in doubles.
    Float(u8),
    /// Days since 1970-01-01.
    Date,
    /// Microseconds since 1970-01-01T00:00:00Z, floored.
    Timestamp,
    /// Lower-case hexadecimal digits.
    Bytes,
    /// The mirror has no value in this column.
    Nothing,
}

impl Form {
    /// The form for values of these types (bit *n* for tag *n* of the row codec), or why there is none.
    pub(super) fn of_types(types: u16) -> Result<Form, &'static str> {
        let bits = |values: &[ValueRef<'_>]| values.iter().fold(0, |bits, value| bits | 1_u16 << row::tag(*value));
        let exact = bits(&[ValueRef::Int(0), ValueRef::UInt(0), ValueRef::Decimal("0")]);
        let numbers = exact | bits(&[ValueRef::Float(0.0)]);
        let units = [TimeUnit::Second, TimeUnit::Millisecond, TimeUnit::Microsecond, TimeUnit::Nanosecond];
        let forms = [
            (0, Form::Nothing),
            (bits(&[ValueRef::Text("")]), Form::Text),
            (bits(&[ValueRef::Bool(true), ValueRef::Bool(false)]), Form::Bool),
            (exact, Form::Number),
            (numbers, Form::Float(USUAL_DECIMALS)),
            (bits(&[ValueRef::Date(0)]), Form::Date),
            (bits(&units.map(|unit| ValueRef::Timestamp(0, unit))), Form::Timestamp),
            (bits(&[ValueRef::Bytes(&[])]), Form::Bytes),
        ];
        match forms.iter().find(|(of, _)| types & !of == 0) {
            Some((_, form)) => Ok(*form),
            None if types & bits(&[ValueRef::Json("")]) != 0 => Err("it holds JSON, which no two engines write alike"),
            None => Err("it holds values of different types"),
        }
    }

    /// Reads the name of a form: `text`, `float2`, …
    pub fn parse(name: &str) -> Option<Form> {
        let plain = [Form::Text, Form::Bool, Form::Number, Form::Date, Form::Timestamp, Form::Bytes, Form::Nothing];
        let float = || {
            let digits = name.strip_prefix("float")?;
            let form = Form::Float(digits.parse().ok().filter(|decimals| *decimals <= MOST_DECIMALS)?);
            // `float02` and `float+2` are no other names of `float2`.
            (form.to_string() == name).then_some(form)
        };
        plain.into_iter().find(|form| form.to_string() == name).or_else(float)
    }
}

impl fmt::Display for Form {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Form::Text => "text",
            Form::Bool => "bool",
            Form::Number => "number",
            Form::Float(decimals) => return write!(f, "float{decimals}"),
            Form::Date => "date",
            Form::Timestamp => "timestamp",
            Form::Bytes => "bytes",
            Form::Nothing => "nothing",
        })
    }
}

/// What a double is multiplied with before it is rounded to so many decimals.
pub(super) fn power(decimals: u8) -> u64 {
    10_u64.pow(u32::from(decimals.min(MOST_DECIMALS)))
}

/// Doubles of this magnitude and beyond are not written: their multiples would not be exact whole numbers.
pub(super) fn float_limit(decimals: u8) -> u64 {
    9 * 10_u64.pow(u32::from(MOST_DECIMALS - decimals.min(MOST_DECIMALS)))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_form_has_one_name() {
        for name in ["text", "bool", "number", "float0", "float15", "date", "timestamp", "bytes", "nothing"] {
            assert_eq!(Form::parse(name).map(|form| form.to_string()).as_deref(), Some(name));
        }
        for name in ["", "Text", "float", "float16", "float02", "float+2", "float-1", "json"] {
            assert_eq!(Form::parse(name), None, "{name}");
        }
    }

    #[test]
    fn the_form_follows_from_the_types() {
        let of =
            |values: &[ValueRef<'_>]| Form::of_types(values.iter().fold(0, |bits, value| bits | 1 << row::tag(*value)));
        use ValueRef::*;
        assert_eq!(of(&[]), Ok(Form::Nothing));
        assert_eq!(of(&[Text("")]), Ok(Form::Text));
        assert_eq!(of(&[Bool(true)]), Ok(Form::Bool));
        assert_eq!(of(&[Int(1), Decimal("1")]), Ok(Form::Number));
        assert_eq!(of(&[Int(1), Float(1.5), Decimal("1")]), Ok(Form::Float(6)));
        assert_eq!(of(&[Date(1)]), Ok(Form::Date));
        let times = [Timestamp(1, TimeUnit::Second), Timestamp(1, TimeUnit::Nanosecond)];
        assert_eq!(of(&times), Ok(Form::Timestamp));
        assert_eq!(of(&[Bytes(&[])]), Ok(Form::Bytes));
        assert!(of(&[Json(""), Text("")]).is_err_and(|why| why.contains("JSON")));
        assert!(of(&[Int(1), Text("")]).is_err_and(|why| why.contains("different types")));
    }
}
