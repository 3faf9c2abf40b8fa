//! Operators on times. Texts without a zone are read in the time zone that the caller gives (`--naive-tz`), UTC by
//! default; digits beyond milliseconds are cut off toward the past.

use super::call::{Call, Site};
use super::expression::{Expression, Outcome};
use super::java_time::TimePattern;
use super::node::Mistake;
use super::run::Context;
use super::value::Value;
use crate::source::time;
use std::borrow::Cow;

/// Their names.
pub(super) const OPERATORS: &[&str] =
    &["iso_time_to_ms", "ms_to_iso_time", "iso_time_now", "ms_time_now", "int96_time_to_ms", "parse_time_to_ms"];

#[derive(Debug)]
pub(super) enum Time {
    /// `2025-11-04T10:00:00`, also with a space for the `T`, a fraction, or an offset.
    FromIso(Box<Expression>, Site),
    /// `2025-11-04T10:00:00` in UTC, with three decimals where they are not zero.
    ToIso(Box<Expression>, Site),
    IsoNow(Site),
    MsNow(Site),
    /// Parquet's old timestamps: nanoseconds of the day in 8 bytes and the Julian day in 4, in base64.
    FromInt96(Box<Expression>, Site),
    Parse {
        pattern: Box<TimePattern>,
        of: Box<Expression>,
        site: Site,
    },
}

impl Time {
    pub(super) fn read(call: &mut Call<'_, '_>) -> Result<Option<Self>, Mistake> {
        let one = |call: &mut Call<'_, '_>| call.takes(1).and_then(|()| call.source(0)).map(Box::new);
        Ok(Some(match call.name() {
            "iso_time_to_ms" => Time::FromIso(one(call)?, call.site()),
            "ms_to_iso_time" => Time::ToIso(one(call)?, call.site()),
            "int96_time_to_ms" => Time::FromInt96(one(call)?, call.site()),
            "iso_time_now" | "ms_time_now" => {
                call.takes(0)?;
                call.note_clock();
                match call.name() {
                    "ms_time_now" => Time::MsNow(call.site()),
                    _ => Time::IsoNow(call.site()),
                }
            }
            "parse_time_to_ms" => {
                call.takes(2)?;
                let pattern = TimePattern::new(&call.text(0)?).map_err(|what| call.mistake_in(0, what))?;
                Time::Parse { pattern: Box::new(pattern), of: Box::new(call.source(1)?), site: call.site() }
            }
            _ => return Ok(None),
        }))
    }

    pub(super) fn evaluate<'r>(&'r self, at: Context<'r>) -> Outcome<'r> {
        match self {
            Time::FromIso(of, site) => millis(of, at, site, |text| from_iso(text, at)),
            Time::FromInt96(of, site) => millis(of, at, site, |text| match int96(text) {
                Some(millis) => Ok(millis),
                // As this reader gives Parquet's columns of that type.
                None => from_iso(text, at).map_err(|_| format!("{text:?} is no INT96 in base64")),
            }),
            Time::Parse { pattern, of, site } => millis(of, at, site, |text| {
                let read = pattern.read(text).map_err(|why| format!("{text:?} is no time of this pattern: {why}"))?;
                let millis = match read.zone {
                    Some(zone) => {
                        zone.to_timestamp(read.clock).ok().map(|instant| floor_millis(instant.as_nanosecond()))
                    }
                    None => time::millis_of_clock(read.clock, at.run.times),
                };
                millis.ok_or_else(|| format!("{text:?} is no time of the calendar"))
            }),
            Time::ToIso(of, site) => {
                let Some(value) = of.evaluate(at)? else { return Ok(None) };
                let text = value.as_text().map_err(|what| site.failure(what))?;
                let iso = super::decimal::Decimal::parse(&text).and_then(|millis| to_iso(millis.to_i64()?));
                let wrong = || site.failure(format!("{} is no number of milliseconds since 1970", value.shown()));
                iso.ok_or_else(wrong).map(|iso| Some(Value::Text(Cow::Owned(iso))))
            }
            Time::MsNow(site) => now(at, site).map(|millis| Some(Value::made(millis.to_string()))),
            Time::IsoNow(site) => {
                let iso = to_iso(now(at, site)?).ok_or_else(|| site.failure("the clock is out of range"))?;
                Ok(Some(Value::Text(Cow::Owned(iso))))
            }
        }
    }
}

/// The milliseconds that a function reads out of an expression's text.
fn millis<'r>(
    of: &'r Expression,
    at: Context<'r>,
    site: &Site,
    read: impl FnOnce(&str) -> Result<i64, String>,
) -> Outcome<'r> {
    let Some(value) = of.evaluate(at)? else { return Ok(None) };
    let millis = value.as_text().and_then(|text| read(&text));
    millis.map(|millis| Some(Value::made(millis.to_string()))).map_err(|what| site.failure(what))
}

fn from_iso(text: &str, at: Context<'_>) -> Result<i64, String> {
    let shown = || super::value::Value::Text(Cow::Borrowed(text)).shown();
    time::millis_of_iso(text, at.run.times).ok_or_else(|| format!("{} is no ISO time", shown()))
}

fn floor_millis(nanos: i128) -> i64 {
    // jiff's instants have years of four digits, so their milliseconds fit.
    nanos.div_euclid(1_000_000) as i64
}

fn to_iso(millis: i64) -> Option<String> {
    let clock = jiff::tz::Offset::UTC.to_datetime(jiff::Timestamp::from_millisecond(millis).ok()?);
    Some(if millis.rem_euclid(1_000) == 0 { clock.to_string() } else { format!("{clock:.3}") })
}

/// The run's one reading of the clock: the source itself has none, so that a file read twice gives the same rows.
fn now(at: Context<'_>, site: &Site) -> Result<i64, super::run::Failure> {
    at.run.now.ok_or_else(|| site.failure("no time was given for now"))
}

/// Julian day of 1970-01-01.
const JULIAN_EPOCH: i64 = 2_440_588;

fn int96(text: &str) -> Option<i64> {
    let bytes = base64_12(text)?;
    let (nanos, day) = bytes.split_first_chunk::<8>()?;
    let day = i64::from(u32::from_le_bytes(day.try_into().ok()?));
    let nanos = i64::from_le_bytes(*nanos);
    (0..86_400_000_000_000).contains(&nanos).then_some((day - JULIAN_EPOCH) * 86_400_000 + nanos / 1_000_000)
}

/// The twelve bytes that sixteen characters of base64 are (RFC 4648 section 4).
fn base64_12(text: &str) -> Option<[u8; 12]> {
    let text: &[u8; 16] = text.as_bytes().try_into().ok()?;
    let mut bytes = [0; 12];
    for (four, three) in text.chunks_exact(4).zip(bytes.chunks_exact_mut(3)) {
        let sextet = |c: &u8| {
            Some(match c {
                b'A'..=b'Z' => c - b'A',
                b'a'..=b'z' => c - b'a' + 26,
                b'0'..=b'9' => c - b'0' + 52,
                b'+' => 62,
                b'/' => 63,
                _ => return None,
            })
        };
        let bits = four.iter().try_fold(0_u32, |bits, c| Some(bits << 6 | u32::from(sextet(c)?)))?;
        three.copy_from_slice(bits.to_be_bytes().get(1..)?);
    }
    Some(bytes)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{NOW, fails, gives, mistake};

    #[test]
    fn iso_times_become_milliseconds() {
        for (time, expected) in [
            ("2021-01-01T05:06:07", "1609477567000"),
            ("2025-06-30 03:37:52.846000", "1751254672846"),
            ("2025-06-30T03:37:52.846999Z", "1751254672846"),
            ("2025-06-30T05:37:52.846+02:00", "1751254672846"),
            ("2025-11-04 00:06:02 UTC", "1762214762000"),
            ("2025-11-04", "1762214400000"),
            ("1969-12-31T23:59:59.9999", "-1"),
        ] {
            assert_eq!(gives(r#"["iso_time_to_ms","t"]"#, &format!("{{\"t\":\"{time}\"}}")), expected, "{time}");
        }
        for time in [
            "\"2022:05:27 01:00:00\"",
            "\"\"",
            "\"1505079720000\"",
            "1505079720000",
            "\"2021-13-01\"",
            "\"1.5e3\"",
            "true",
        ] {
            let what = fails(r#"["iso_time_to_ms","t"]"#, &format!("{{\"t\":{time}}}"));
            assert!(
                what.starts_with("convertToAmplitudeFunc.x: iso_time_to_ms: ") && what.ends_with("is no ISO time"),
                "{what}"
            );
        }
        assert!(fails(r#"["iso_time_to_ms","t"]"#, r#"{"t":{}}"#).contains("is no text"));
        assert_eq!(gives(r#"["iso_time_to_ms","t"]"#, "{}"), "-");
    }

    #[test]
    fn milliseconds_become_iso_times_and_back() {
        for (millis, iso) in [
            ("1609477567000", "2021-01-01T05:06:07"),
            ("\"1751254672846\"", "2025-06-30T03:37:52.846"),
            ("-1", "1969-12-31T23:59:59.999"),
            ("0.0", "1970-01-01T00:00:00"),
        ] {
            let row = format!("{{\"t\":{millis}}}");
            assert_eq!(gives(r#"["ms_to_iso_time","t"]"#, &row), format!("\"{iso}\""));
            let back = gives(r#"["iso_time_to_ms",["ms_to_iso_time","t"]]"#, &row);
            assert_eq!(back, millis.trim_matches('"').trim_end_matches(".0"));
        }
        for wrong in ["1.5", "\"x\"", "9223372036854775807", "[]"] {
            assert!(fails(r#"["ms_to_iso_time","t"]"#, &format!("{{\"t\":{wrong}}}")).contains("ms_to_iso_time"));
        }
        assert_eq!(gives(r#"["ms_to_iso_time","t"]"#, "{}"), "-");
    }

    #[test]
    fn the_documented_int96_is_read() {
        // 58,540,600,000,000 nanoseconds of Julian day 2,458,672, which is 2019-07-07.
        assert_eq!(gives(r#"["int96_time_to_ms",["value","AP6qCz41AAAwhCUA"]]"#, "{}"), "1562516140600");
        assert_eq!(gives(r#"["int96_time_to_ms",["value","AAAAAAAAAACMPSUA"]]"#, "{}"), "0");
        assert_eq!(gives(r#"["int96_time_to_ms",["value","2019-07-07T00:00:00Z"]]"#, "{}"), "1562457600000");
        assert_eq!(gives(r#"["int96_time_to_ms","none"]"#, "{}"), "-");
        for wrong in ["AP6qCz41AAAwhCU", "AP6qCz41AAAwhCU=", "//////////8whCUA", "5"] {
            let what = fails(&format!(r#"["int96_time_to_ms",["value","{wrong}"]]"#), "{}");
            assert!(what.contains("is no INT96 in base64"), "{what}");
        }
    }

    #[test]
    fn times_are_parsed_by_a_pattern() {
        let expression = r#"["parse_time_to_ms","M/d/yyyy H:mm:ss","t"]"#;
        assert_eq!(gives(expression, r#"{"t":"1/1/2021 5:06:07"}"#), "1609477567000");
        assert_eq!(gives(expression, r#"{"t":null}"#), "-");
        let what = fails(expression, r#"{"t":"2021-01-01"}"#);
        assert!(what.contains("\"2021-01-01\" is no time of this pattern"), "{what}");
        let zoned = r#"["parse_time_to_ms","yyyy-MM-dd'T'HH:mm:ss.SSSXXX","t"]"#;
        assert_eq!(gives(zoned, r#"{"t":"2021-01-01T06:06:07.999+01:00"}"#), "1609477567999");
        let wrong = mistake(r#"["parse_time_to_ms","YYYY-MM-dd","t"]"#);
        assert_eq!(wrong.place, "convertToAmplitudeFunc.x[1]");
        assert!(wrong.what.contains("the year is written y"), "{}", wrong.what);
        assert!(mistake(r#"["parse_time_to_ms","t"]"#).what.contains("2 arguments"));
        assert!(mistake(r#"["parse_time_to_ms",["value","yyyy-MM-dd"],"t"]"#).what.contains("a string as it stands"));
    }

    #[test]
    fn now_is_the_runs_reading_of_the_clock() {
        assert_eq!(gives(r#"["ms_time_now"]"#, "{}"), NOW.to_string());
        assert_eq!(gives(r#"["iso_time_to_ms",["iso_time_now"]]"#, "{}"), NOW.to_string());
        assert!(mistake(r#"["ms_time_now","a"]"#).what.contains("takes no arguments, 1 are given"));
    }
}
