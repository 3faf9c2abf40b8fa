//! Values of arguments: sizes, times, time zones, aliases.

use super::usage;
use crate::error::Result;
use crate::model::change::Operation;
use crate::model::key::TimePrecision;
use crate::source::TableStart;
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use std::time::Duration;

/// Less than this and nothing fits.
const LEAST_MEMORY: u64 = 1_000_000;
const SIZE_UNITS: [(&str, u64); 14] = [
    ("", 1),
    ("b", 1),
    ("k", 1_000),
    ("kb", 1_000),
    ("kib", 1 << 10),
    ("m", 1_000_000),
    ("mb", 1_000_000),
    ("mib", 1 << 20),
    ("g", 1_000_000_000),
    ("gb", 1_000_000_000),
    ("gib", 1 << 30),
    ("t", 1_000_000_000_000),
    ("tb", 1_000_000_000_000),
    ("tib", 1 << 40),
];

/// Bytes of memory: `512MB`, `1GiB`, `268435456`.
pub(super) fn memory(text: &str) -> Result<usize, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let unit = unit.trim_start().to_ascii_lowercase();
    let factor = SIZE_UNITS.iter().find(|(name, _)| *name == unit).map(|(_, factor)| *factor);
    let bytes = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    let bytes = bytes.ok_or("a size is a whole number of bytes, or one with a unit: 512MB, 1GiB")?;
    if bytes < LEAST_MEMORY {
        return Err("the least is 1MB".to_owned());
    }
    usize::try_from(bytes).map_err(|_| "this machine cannot address as much".to_owned())
}

/// An alias of an operation: `I=INSERT`.
pub(super) fn alias(text: &str) -> Result<(String, Operation), String> {
    let (alias, operation) = text.rsplit_once('=').ok_or("an alias is written ALIAS=OPERATION, as in I=INSERT")?;
    let operation = match operation {
        "INSERT" => Operation::Insert,
        "UPDATE" => Operation::Update,
        "DELETE" => Operation::Delete,
        other => return Err(format!("{other:?} is none of INSERT, UPDATE and DELETE")),
    };
    Ok((alias.to_owned(), operation))
}

/// Where the mirror of a table begins: `latest`, `first`, or a version.
pub(super) fn table_start(text: &str) -> Result<TableStart, String> {
    match text {
        "latest" => Ok(TableStart::Latest),
        "first" => Ok(TableStart::First),
        _ => text
            .parse()
            .map(TableStart::At)
            .map_err(|_| "a start is latest, first, or the number of a version".to_owned()),
    }
}

/// A time zone: an IANA name or an offset.
pub(super) fn time_zone(text: &str) -> Result<TimeZone, String> {
    let parsed = jiff::fmt::temporal::DateTimeParser::new().parse_time_zone(text);
    parsed.map_err(|_| "a time zone is an IANA name or an offset: Europe/Berlin, +02:00, UTC".to_owned())
}

const TIME_UNITS: [(&str, u64); 5] =
    [("s", 1), ("m", 60), ("h", 60 * 60), ("d", 24 * 60 * 60), ("w", 7 * 24 * 60 * 60)];

/// A length of time: `2d`, `12h`, `90s`; 0 needs no unit.
pub(super) fn duration(text: &str) -> Result<Duration, String> {
    let digits = text.bytes().take_while(u8::is_ascii_digit).count();
    let (number, unit) = text.split_at(digits);
    let factor = TIME_UNITS.iter().find(|(name, _)| *name == unit.trim_start()).map(|(_, factor)| *factor);
    let factor = factor.or_else(|| (text == "0").then_some(1));
    let seconds = number.parse::<u64>().ok().zip(factor).and_then(|(number, factor)| number.checked_mul(factor));
    seconds
        .map(Duration::from_secs)
        .ok_or_else(|| "a length of time is a whole number with s, m, h, d or w: 2d".to_owned())
}

/// A tolerance of a column: `price=0.005`.
pub(super) fn tolerance(text: &str) -> Result<(String, f64), String> {
    let (column, number) = text.rsplit_once('=').ok_or("a tolerance is written COLUMN=NUMBER, as in price=0.005")?;
    let number = number.parse().ok().filter(|number: &f64| number.is_finite() && *number >= 0.0);
    number.map(|number| (column.to_owned(), number)).ok_or_else(|| "a tolerance is a number from 0 on".to_owned())
}

/// A share in percent.
pub(super) fn percent(text: &str) -> Result<f64, String> {
    let percent = text.parse().ok().filter(|percent: &f64| (0.0..=100.0).contains(percent));
    percent.ok_or_else(|| "a share is a number from 0 to 100".to_owned())
}

/// Splits `user_id=A,insert_id=B`, as it stands in an environment variable, where a field follows a comma. A comma
/// within a column's name stays.
pub(super) fn mappings(texts: &[String]) -> Vec<String> {
    let mut mappings: Vec<String> = Vec::new();
    for text in texts {
        for (index, part) in text.split(',').enumerate() {
            match mappings.last_mut() {
                Some(last) if index > 0 && !begins_with_field(part) => {
                    last.push(',');
                    last.push_str(part);
                }
                _ => mappings.push(part.to_owned()),
            }
        }
    }
    mappings
}

fn begins_with_field(text: &str) -> bool {
    text.split_once('=').is_some_and(|(field, _)| {
        !field.is_empty() && field.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_')
    })
}

/// What to do with digits that the store's precision does not have.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Rounding {
    /// As the store does with event times.
    Down,
    /// For bounds: an event of the store is at or after the bound just if it is at or after the next whole unit.
    Up,
}

/// A time: a whole number in the store's unit, a time by RFC 3339, or a date, which begins at midnight UTC.
pub(super) fn time(text: &str, precision: TimePrecision, rounding: Rounding, flag: &str) -> Result<i64> {
    if let Ok(count) = text.parse::<i64>() {
        return Ok(count);
    }
    let date = |text: &str| text.parse::<Date>().ok().filter(|_| text.len() <= "YYYY-MM-DD".len());
    let instant = match date(text) {
        Some(date) => date.to_zoned(TimeZone::UTC).ok().map(|zoned| zoned.timestamp()),
        None => text.parse::<Timestamp>().ok(),
    };
    let instant = instant.ok_or_else(|| {
        let unit = precision.name();
        usage(format!("{text:?} is no time"))
            .at(flag)
            .advice(format!("give a whole number in the store's unit ({unit}), or a time as 2017-09-10T21:42:00Z"))
    })?;
    let unit = i128::from(precision.micros()) * 1_000;
    let nanos = match rounding {
        Rounding::Down => instant.as_nanosecond(),
        Rounding::Up => instant.as_nanosecond() + unit - 1,
    };
    i64::try_from(nanos.div_euclid(unit)).map_err(|_| usage(format!("{text:?} is out of range")).at(flag))
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use crate::error::ErrorKind;

    #[test]
    fn a_start_is_a_word_or_a_version() {
        assert_eq!(table_start("first"), Ok(TableStart::First));
        assert_eq!(table_start("latest"), Ok(TableStart::Latest));
        assert_eq!(table_start("0"), Ok(TableStart::At(0)));
        assert!(["", "Latest", "-1", "1.0"].iter().all(|text| table_start(text).is_err()));
    }

    #[test]
    fn sizes_have_decimal_and_binary_units() {
        for (text, bytes) in [
            ("1000000", 1_000_000),
            ("512MB", 512_000_000),
            ("512 MiB", 512 << 20),
            ("1GiB", 1 << 30),
            ("2g", 2_000_000_000),
            ("4096kb", 4_096_000),
            ("16777216B", 1 << 24),
        ] {
            assert_eq!(memory(text), Ok(bytes), "{text}");
        }
        for text in ["", "MB", "0", "-1", "1.5GiB", "512XB", "512MBB", "99999999999999999999", "99999999999TiB", "1KB"]
        {
            assert!(memory(text).is_err(), "{text}");
        }
    }

    #[test]
    fn aliases_name_one_of_three_operations() {
        assert_eq!(alias("I=INSERT"), Ok(("I".to_owned(), Operation::Insert)));
        assert_eq!(alias("a=b=DELETE"), Ok(("a=b".to_owned(), Operation::Delete)));
        for text in ["I", "I=insert", "I=", "=MERGE"] {
            assert!(alias(text).is_err(), "{text}");
        }
    }

    #[test]
    fn time_zones_are_names_or_offsets() {
        for text in ["UTC", "Europe/Berlin", "+02:00", "-0530"] {
            assert!(time_zone(text).is_ok(), "{text}");
        }
        for text in ["", "Mars/Base", "2"] {
            assert!(time_zone(text).is_err(), "{text}");
        }
    }

    #[test]
    fn lengths_of_time_have_a_unit() {
        for (text, seconds) in [("2d", 172_800), ("12h", 43_200), ("3m", 180), ("90s", 90), ("1 w", 604_800), ("0", 0)]
        {
            assert_eq!(duration(text), Ok(Duration::from_secs(seconds)), "{text}");
        }
        for text in ["", "2", "d", "-1d", "1.5h", "2days", "99999999999999999999d", "9999999999999999999w"] {
            assert!(duration(text).is_err(), "{text}");
        }
    }

    #[test]
    fn a_tolerance_is_a_column_and_a_number() {
        assert_eq!(tolerance("price=0.005"), Ok(("price".to_owned(), 0.005)));
        assert_eq!(tolerance("a=b=1e-9"), Ok(("a=b".to_owned(), 1e-9)));
        for text in ["price", "price=", "price=-1", "price=NaN", "price=inf", "price=much"] {
            assert!(tolerance(text).is_err(), "{text}");
        }
    }

    #[test]
    fn shares_stay_between_0_and_100() {
        assert_eq!(percent("12.5"), Ok(12.5));
        for text in ["-1", "101", "NaN", "inf", "many"] {
            assert!(percent(text).is_err(), "{text}");
        }
    }

    #[test]
    fn mappings_are_split_before_a_field_only() {
        let split = |text: &str| mappings(&[text.to_owned()]);
        assert_eq!(split("user_id=A,insert_id=B+C"), ["user_id=A", "insert_id=B+C"]);
        assert_eq!(split("user_id=Name, first,op=Kind"), ["user_id=Name, first", "op=Kind"]);
        assert_eq!(mappings(&["user_id=A".to_owned(), "op=B".to_owned()]), ["user_id=A", "op=B"]);
        assert_eq!(split("nonsense"), ["nonsense"]);
    }

    #[test]
    fn times_are_numbers_or_texts() {
        use Rounding::*;
        use TimePrecision::*;
        for (text, precision, rounding, expected) in [
            ("1505079720000", Millis, Down, 1_505_079_720_000),
            ("-5", Micros, Up, -5),
            ("2017-09-10T21:42:00Z", Millis, Down, 1_505_079_720_000),
            ("2017-09-10T23:42:00+02:00", Millis, Down, 1_505_079_720_000),
            ("2017-09-10T21:42:00.000001Z", Micros, Down, 1_505_079_720_000_001),
            ("2017-09-10T21:42:00.0001Z", Millis, Down, 1_505_079_720_000),
            ("2017-09-10T21:42:00.0001Z", Millis, Up, 1_505_079_720_001),
            ("1969-12-31T23:59:59.9999Z", Millis, Down, -1),
            ("1969-12-31T23:59:59.9999Z", Millis, Up, 0),
            ("2017-09-10", Millis, Down, 1_505_001_600_000),
        ] {
            assert_eq!(time(text, precision, rounding, "--from").unwrap(), expected, "{text}");
        }
        for text in ["", "now", "2017-09-10T21:42:00", "99999999999999999999", "2017-13-01"] {
            assert_eq!(time(text, Millis, Down, "--from").unwrap_err().kind(), ErrorKind::Usage, "{text}");
        }
    }
}
