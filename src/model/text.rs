//! Values as text: read from a JSON token, written as JSON, written plainly.
//!
//! A token is given back as it stood in the file, to the byte: for every valid token `t` but `null`,
//! `append_json(parse_token(t))` writes `t`.

use super::escape;
use super::number::{self, Buffer, Number};
use super::value::{TimeUnit, ValueRef};
use jiff::SignedDuration;
use jiff::civil::{self, Date};
use std::fmt::Write;

/// The value of one JSON token: the text of a JSON value, not null, valid, without white space around it.
///
/// | token | value |
/// |---|---|
/// | object, array | [`ValueRef::Json`] |
/// | `true`, `false` | [`ValueRef::Bool`] |
/// | whole number as it is usually written (`62`, not `-0`) | [`ValueRef::Int`] or [`ValueRef::UInt`] if it fits |
/// | number as [`append_json`] writes a float (`62.0`, `0.1`) | [`ValueRef::Float`] |
/// | any other number (`1.50`, `1E5`, 400 digits) | [`ValueRef::Decimal`] |
/// | string as [`append_json`] writes a text | [`ValueRef::Text`] |
/// | string with other escapes (`"\/"`, `"\u00e9"`, lone surrogates) | [`ValueRef::Json`] |
///
/// `scratch` is overwritten; it holds the text where the string has escapes. A token that is not valid comes back as
/// [`ValueRef::Json`].
pub fn parse_token<'a>(token: &'a str, scratch: &'a mut String) -> ValueRef<'a> {
    match token.as_bytes() {
        [b'"', .., b'"'] if token.len() > 1 => parse_string(token, scratch),
        [b'-' | b'0'..=b'9', ..] => parse_number(token, scratch),
        b"true" => ValueRef::Bool(true),
        b"false" => ValueRef::Bool(false),
        _ => ValueRef::Json(token),
    }
}

fn parse_string<'a>(token: &'a str, scratch: &'a mut String) -> ValueRef<'a> {
    let raw = &token[1..token.len() - 1];
    if super::json::plain_length(raw.as_bytes()) == raw.len() {
        return ValueRef::Text(raw);
    }
    scratch.clear();
    if escape::unescape_usual(raw, scratch) { ValueRef::Text(scratch) } else { ValueRef::Json(token) }
}

fn parse_number<'a>(token: &'a str, scratch: &mut String) -> ValueRef<'a> {
    let Some(number) = Number::whole(token) else { return ValueRef::Json(token) };
    if number.fraction.is_empty() && number.exponent.is_empty() {
        return match (token.parse(), token.parse()) {
            (Ok(0), _) if number.negative => ValueRef::Decimal(token),
            (Ok(value), _) => ValueRef::Int(value),
            (_, Ok(value)) => ValueRef::UInt(value),
            _ => ValueRef::Decimal(token),
        };
    }
    if let Some(value) = number.plainly_a_float() {
        return ValueRef::Float(value);
    }
    if number.has_superfluous_zero() {
        return ValueRef::Decimal(token);
    }
    let Ok(value) = token.parse::<f64>() else { return ValueRef::Decimal(token) };
    scratch.clear();
    append_float(value, scratch);
    if scratch == token { ValueRef::Float(value) } else { ValueRef::Decimal(token) }
}

/// Appends a value as JSON.
///
/// What JSON has no type for becomes a string: bytes in lower-case hexadecimal, dates as `"YYYY-MM-DD"`, instants by
/// RFC 3339 in UTC with as many decimals as their unit has, NaN and the infinities as `"NaN"`, `"Infinity"` and
/// `"-Infinity"`. A date or an instant outside the years 0000 to 9999, which RFC 3339 cannot write,
/// becomes its number of days or units.
///
/// Floats are written with the fewest digits that read back as the same double: from 10⁻⁵ up to 10¹⁶ with a point
/// (`62.0`), else with an exponent (`1.5e16`). Texts are escaped where JSON demands it, in the shortest form.
pub fn append_json(value: ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Text(text) => escape::append_string(text, out),
        ValueRef::Float(value) if value.is_finite() => append_float(value, out),
        ValueRef::Float(_) | ValueRef::Bytes(_) => quoted(value, out),
        ValueRef::Date(days) if date(days.into()).is_some() => quoted(value, out),
        ValueRef::Timestamp(count, unit) if day_of(count, unit).is_some() => quoted(value, out),
        _ => append_plain(value, out),
    }
}

fn quoted(value: ValueRef<'_>, out: &mut String) {
    out.push('"');
    append_plain(value, out);
    out.push('"');
}

/// Milliseconds since 1970 as a time.
pub(crate) fn rfc3339(millis: i64) -> String {
    let mut out = String::new();
    append_plain(ValueRef::Timestamp(millis, TimeUnit::Millisecond), &mut out);
    out
}

/// Appends a value for the cell of a table or a CSV file: as [`append_json`] does, but strings without quotes and
/// escapes. A [`ValueRef::Json`] stays JSON.
pub fn append_plain(value: ValueRef<'_>, out: &mut String) {
    match value {
        ValueRef::Bool(value) => out.push_str(if value { "true" } else { "false" }),
        ValueRef::Int(value) => show(value, out),
        ValueRef::UInt(value) => show(value, out),
        ValueRef::Float(value) => append_float(value, out),
        ValueRef::Decimal(text) | ValueRef::Text(text) | ValueRef::Json(text) => out.push_str(text),
        ValueRef::Bytes(bytes) => bytes.iter().for_each(|byte| write_to(out, format_args!("{byte:02x}"))),
        ValueRef::Date(days) => match date(days.into()) {
            Some(date) => append_date(date, out),
            None => show(days, out),
        },
        ValueRef::Timestamp(count, unit) => match day_of(count, unit) {
            Some(day) => append_instant(day, count, unit, out),
            None => show(count, out),
        },
    }
}

/// The layout is ours, for a stored double must be written as it was read whatever version of whatever library
/// writes it; the digits are mathematics.
fn append_float(value: f64, out: &mut String) {
    if value.is_nan() {
        return out.push_str("NaN");
    }
    if value.is_sign_negative() {
        out.push('-');
    }
    if value.is_infinite() {
        return out.push_str("Infinity");
    }
    if value == 0.0 {
        return out.push_str("0.0");
    }
    let (coefficient, exponent) = number::shortest(value.abs());
    let buffer = Buffer::format(format_args!("{coefficient}"));
    let digits = buffer.as_str();
    // The value is 0.digits · 10^point, with at most 17 digits.
    let point = digits.len() as i64 + exponent;
    match point {
        1..=16 if exponent >= 0 => {
            out.push_str(digits);
            out.extend(std::iter::repeat_n('0', exponent as usize));
            out.push_str(".0");
        }
        1..=16 => {
            let (whole, part) = digits.split_at(point as usize);
            write_to(out, format_args!("{whole}.{part}"));
        }
        -4..=0 => {
            out.push_str("0.");
            out.extend(std::iter::repeat_n('0', -point as usize));
            out.push_str(digits);
        }
        _ => {
            let (first, rest) = digits.split_at(1);
            let dot = if rest.is_empty() { "" } else { "." };
            write_to(out, format_args!("{first}{dot}{rest}e{}", point - 1));
        }
    }
}

fn show(value: impl std::fmt::Display, out: &mut String) {
    write_to(out, format_args!("{value}"));
}

fn write_to(out: &mut String, arguments: std::fmt::Arguments<'_>) {
    // Writing to a String cannot fail.
    let _ = out.write_fmt(arguments);
}

/// A day since 1970-01-01, where RFC 3339 can write it.
///
/// By way of the calendar: jiff's instants end on 9999-12-30, and 9999-12-31 is what warehouses write for "never".
fn date(days: i64) -> Option<Date> {
    let seconds = SignedDuration::from_secs(days.checked_mul(86_400)?);
    civil::date(1970, 1, 1).checked_add(seconds).ok().filter(|date| date.year() >= 0)
}

fn append_date(date: Date, out: &mut String) {
    write_to(out, format_args!("{:04}-{:02}-{:02}", date.year(), date.month(), date.day()));
}

/// The day of an instant in UTC, where RFC 3339 can write it.
fn day_of(count: i64, unit: TimeUnit) -> Option<Date> {
    date(count.div_euclid(unit.per_second()).div_euclid(86_400))
}

fn append_instant(day: Date, count: i64, unit: TimeUnit, out: &mut String) {
    append_date(day, out);
    let second = count.div_euclid(unit.per_second()).rem_euclid(86_400);
    write_to(out, format_args!("T{:02}:{:02}:{:02}", second / 3600, second / 60 % 60, second % 60));
    let part = count.rem_euclid(unit.per_second());
    match unit {
        TimeUnit::Second => {}
        TimeUnit::Millisecond => write_to(out, format_args!(".{part:03}")),
        TimeUnit::Microsecond => write_to(out, format_args!(".{part:06}")),
        TimeUnit::Nanosecond => write_to(out, format_args!(".{part:09}")),
    }
    out.push('Z');
}

#[cfg(test)]
mod tests {
    use super::*;

    fn check(token: &str, expected: ValueRef<'_>) {
        let mut scratch = String::new();
        let value = parse_token(token, &mut scratch);
        assert_eq!(format!("{value:?}"), format!("{expected:?}"), "{token}");
        let mut printed = String::new();
        append_json(value, &mut printed);
        assert_eq!(printed, token);
    }

    #[test]
    fn tokens_come_back_as_they_were() {
        check("true", ValueRef::Bool(true));
        check("false", ValueRef::Bool(false));
        for json in ["[]", "{\"a\" : 1}", r#""\/""#, r#""\u00E9""#, r#""\u000a""#, r#""\u001F""#, r#""\ud800""#] {
            check(json, ValueRef::Json(json));
        }
        check(r#""""#, ValueRef::Text(""));
        check(r#""J. Müller""#, ValueRef::Text("J. Müller"));
        check(r#""\"\\\b\f\n\r\t\u0000\u001f""#, ValueRef::Text("\"\\\u{8}\u{c}\n\r\t\0\u{1f}"));
    }

    #[test]
    fn numbers_come_back_as_they_were() {
        for value in [0, 62, -7, i64::MAX, i64::MIN] {
            check(&value.to_string(), ValueRef::Int(value));
        }
        check("9223372036854775808", ValueRef::UInt(1 << 63));
        check("18446744073709551615", ValueRef::UInt(u64::MAX));
        for float in [
            "62.0",
            "0.1",
            "-0.5",
            "0.0",
            "-0.0",
            "0.00001",
            "1e-6",
            "1234567890123456.0",
            "1e16",
            "1.2345678901234568e16",
            "0.30000000000000004",
            "5e-324",
            "-1.7976931348623157e308",
        ] {
            check(float, ValueRef::Float(float.parse().unwrap_or(f64::NAN)));
        }
        for decimal in [
            "-0",
            "18446744073709551616",
            "-9223372036854775809",
            "1.50",
            "0.10",
            "62.00",
            "1e5",
            "1E-6",
            "1e+16",
            "10e15",
            "10000000000000000.0",
            "0.000001",
            "0.00000",
            "0.1000000000000000055511151231257827",
            "1e400",
        ] {
            check(decimal, ValueRef::Decimal(decimal));
        }
    }

    #[test]
    fn what_is_no_token_stays_text() {
        for text in ["", " 1", "null", "\"", "01", "1.", "-", "1e", "NaN", "tru", r#""\"#] {
            assert_eq!(parse_token(text, &mut String::new()), ValueRef::Json(text));
        }
    }

    #[test]
    fn types_that_json_lacks_are_written_as_strings() {
        use TimeUnit::*;
        for (value, expected) in [
            (ValueRef::Text("a\"b"), "a\"b"),
            (ValueRef::Bytes(&[0, 0x1f, 0xff]), "001fff"),
            (ValueRef::Date(0), "1970-01-01"),
            (ValueRef::Date(-719_528), "0000-01-01"),
            (ValueRef::Date(2_932_896), "9999-12-31"),
            (ValueRef::Timestamp(-1, Second), "1969-12-31T23:59:59Z"),
            (ValueRef::Timestamp(1_700_000_000_120, Millisecond), "2023-11-14T22:13:20.120Z"),
            (ValueRef::Timestamp(-1, Microsecond), "1969-12-31T23:59:59.999999Z"),
            (ValueRef::Timestamp(1, Nanosecond), "1970-01-01T00:00:00.000000001Z"),
            (ValueRef::Timestamp(-62_167_219_200, Second), "0000-01-01T00:00:00Z"),
            (ValueRef::Timestamp(253_402_300_799_999, Millisecond), "9999-12-31T23:59:59.999Z"),
            (ValueRef::Float(f64::NAN), "NaN"),
            (ValueRef::Float(f64::INFINITY), "Infinity"),
            (ValueRef::Float(f64::NEG_INFINITY), "-Infinity"),
        ] {
            let mut plain = String::new();
            append_plain(value, &mut plain);
            assert_eq!(plain, expected);
            let mut json = String::new();
            append_json(value, &mut json);
            assert_eq!(json, format!("\"{}\"", expected.replace('"', "\\\"")));
        }
    }

    #[test]
    fn a_time_beyond_the_calendar_is_its_count() {
        for value in [i64::MIN, -62_167_219_201, 253_402_300_800, i64::MAX] {
            let mut json = String::new();
            append_json(ValueRef::Timestamp(value, TimeUnit::Second), &mut json);
            assert_eq!(json, value.to_string());
        }
        for value in [i32::MIN, -719_529, 2_932_897, i32::MAX] {
            let mut json = String::new();
            append_json(ValueRef::Date(value), &mut json);
            assert_eq!(json, value.to_string());
        }
    }
}
