//! Numbers as plain decimals: the one text that every warehouse can write for a number.
//!
//! No exponent, no superfluous zero, no sign of zero: `62`, `-0.05`, `1234567890123456789012.5`.

use super::number::{self, Buffer, Number};
use super::value::ValueRef;

/// Powers of ten beyond this are not written out: no warehouse has them, and a text of ten bytes must not become one of
/// gigabytes.
const MOST_EXPONENT: i64 = 1_000;

/// Appends a number as a plain decimal, a double as the decimal of its shortest text. False, and nothing appended, where
/// the value is no number, is infinite, or has an exponent beyond ±1,000.
///
/// ```
/// use eventmirror::model::{plain_number, value::ValueRef};
/// let mut text = String::new();
/// assert!(plain_number::append(ValueRef::Decimal("-1.250e1"), &mut text));
/// assert_eq!(text, "-12.5");
/// ```
pub fn append(value: ValueRef<'_>, out: &mut String) -> bool {
    let buffer = match value {
        ValueRef::Int(value) => Buffer::format(format_args!("{value}")),
        ValueRef::UInt(value) => Buffer::format(format_args!("{value}")),
        ValueRef::Float(value) if value.is_finite() => {
            let (coefficient, exponent) = if value == 0.0 { (0, 0) } else { number::shortest(value.abs()) };
            let sign = if value < 0.0 { "-" } else { "" };
            Buffer::format(format_args!("{sign}{coefficient}e{exponent}"))
        }
        ValueRef::Decimal(text) => return append_text(text, out),
        _ => return false,
    };
    append_text(buffer.as_str(), out)
}

fn append_text(text: &str, out: &mut String) -> bool {
    let Some((number, exponent)) = Number::whole(text).and_then(|number| Some((number, exponent(&number)?))) else {
        return false;
    };
    let digits = || number.integer.iter().chain(number.fraction).map(|digit| char::from(*digit));
    let length = (number.integer.len() + number.fraction.len()) as i64;
    // The value is 0.digits · 10^point.
    let point = number.integer.len() as i64 + exponent;
    let Some(first) = digits().position(|digit| digit != '0') else {
        out.push('0');
        return true;
    };
    // A digit that is not zero exists, so that this finds one.
    let last = length - 1 - digits().rev().position(|digit| digit != '0').unwrap_or_default() as i64;
    if number.negative {
        out.push('-');
    }
    let zeros = |count: i64| std::iter::repeat_n('0', count.max(0) as usize);
    let slice = |from: i64, to: i64| digits().skip(from.max(0) as usize).take((to - from.max(0)).max(0) as usize);
    match point > first as i64 {
        true => {
            out.extend(slice(first as i64, point.min(length)));
            out.extend(zeros(point - length));
        }
        false => out.push('0'),
    }
    if last >= point {
        out.push('.');
        out.extend(zeros(-point));
        out.extend(slice(point, last + 1));
    }
    true
}

fn exponent(number: &Number<'_>) -> Option<i64> {
    let digits = number.exponent.iter().skip_while(|digit| **digit == b'0');
    let magnitude = digits.take(5).fold(0, |sum, digit| sum * 10 + i64::from(digit - b'0'));
    let exponent = if number.exponent_negative { -magnitude } else { magnitude };
    (magnitude <= MOST_EXPONENT).then_some(exponent)
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::model::canonical;
    use proptest::prelude::*;

    fn plain(value: ValueRef<'_>) -> Option<String> {
        let mut out = String::new();
        append(value, &mut out).then_some(out)
    }

    #[test]
    fn one_text_for_a_number() {
        for (text, expected) in [
            ("0", "0"),
            ("-0", "0"),
            ("-0.000", "0"),
            ("0e99", "0"),
            ("62.00", "62"),
            ("62.50", "62.5"),
            ("-0.05", "-0.05"),
            ("1e5", "100000"),
            ("1.25E+1", "12.5"),
            ("125e-4", "0.0125"),
            ("0.0050e2", "0.5"),
            ("10e-1", "1"),
            ("100", "100"),
            ("123456789012345678901234567890.10", "123456789012345678901234567890.1"),
        ] {
            assert_eq!(plain(ValueRef::Decimal(text)).as_deref(), Some(expected), "{text}");
        }
        assert_eq!(plain(ValueRef::Decimal("1e1000")).unwrap().len(), 1001);
        assert_eq!(plain(ValueRef::Float(-2.5e-7)).as_deref(), Some("-0.00000025"));
        assert_eq!(plain(ValueRef::Float(-0.0)).as_deref(), Some("0"));
        assert_eq!(plain(ValueRef::Int(i64::MIN)).as_deref(), Some("-9223372036854775808"));
        assert_eq!(plain(ValueRef::UInt(u64::MAX)).as_deref(), Some("18446744073709551615"));
    }

    #[test]
    fn what_is_no_plain_number_is_none() {
        for text in ["", "abc", "1.", "01", "1e1001", "1e-1001", "1e99999999999999999999", "NaN"] {
            assert_eq!(plain(ValueRef::Decimal(text)), None, "{text}");
        }
        for value in [ValueRef::Float(f64::NAN), ValueRef::Float(f64::INFINITY), ValueRef::Text("1"), ValueRef::Date(1)]
        {
            assert_eq!(plain(value), None);
        }
    }

    proptest! {
        #[test]
        fn it_means_the_number_and_is_the_only_text(text in "-?(0|[1-9][0-9]{0,25})(\\.[0-9]{1,25})?([eE][+-]?[0-9]{1,2})?") {
            let canonical = |text: &str| {
                let mut out = Vec::new();
                canonical::append(ValueRef::Decimal(text), &mut out);
                out
            };
            let found = plain(ValueRef::Decimal(&text)).unwrap();
            prop_assert_eq!(canonical(&found), canonical(&text));
            prop_assert!(!found.contains('.') || !found.ends_with(['0', '.']), "{}", found);
            prop_assert_eq!(plain(ValueRef::Decimal(&found)), Some(found.clone()));
        }
    }
}
