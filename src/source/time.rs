//! Event times become microseconds since 1970-01-01T00:00:00Z, floored toward the past, and the nanoseconds cut off.
//!
//! | in the file | time |
//! |---|---|
//! | whole numbers, also as text, also floats and decimals without a fraction | units of `time_unit` |
//! | Arrow timestamps, dates | as they are; without a zone they are read in `naive_tz` |
//! | `2025-11-04T10:00:00.123+01:00`, also with a space for the `T` or before the offset, `UTC` for `Z` | that instant |
//! | `2025-11-04 10:00:00.123000`, `2025-11-04` | read in `naive_tz`, a date as its midnight |
//! | null, absent, empty text | null; `ingest` refuses it |
//! | anything else, and what leaves 64 bits | refused |

mod calendar;
mod parse;

use super::text::{Normal, Text, convert, excerpt, normalise, unescape};
use crate::error::Result;
use crate::model::change::{Refused, TextMeaning};
use crate::model::rejection::Rule;
use crate::model::value::TimeUnit;
use arrow::array::{Array, ArrayRef, ArrowPrimitiveType, AsArray, Int64Array, PrimitiveArray};
use arrow::datatypes::{self as dt, DataType};
use arrow::util::display::array_value_to_string;
use calendar::Calendar;

const MICROS_A_SECOND: i64 = 1_000_000;

/// How the times of a file are meant.
pub(super) struct TimeRules {
    unit: TimeUnit,
    calendar: Calendar,
}

impl TimeRules {
    pub(super) fn new(unit: TimeUnit, naive_tz: &jiff::tz::TimeZone) -> Self {
        TimeRules { unit, calendar: Calendar::new(naive_tz) }
    }
}

/// Event times as a change part carries them.
pub(super) struct Times {
    pub(super) micros: Int64Array,
    /// Empty where nothing was cut off.
    pub(super) sub_micros: Vec<u16>,
}

/// An instant in microseconds, and the nanoseconds beyond them (0 to 999).
type Instant = (i64, u16);

/// The times of a column. Rows that cannot be read as a time are added to `refused`, and are null.
pub(super) fn times(
    array: &ArrayRef,
    meaning: TextMeaning,
    rules: &TimeRules,
    refused: &mut Vec<Refused>,
) -> Result<Times> {
    let Normal { array, not_utf8 } = normalise(array)?;
    for row in not_utf8 {
        refused.push(bad_time(row, "bytes that are not UTF-8 are no time".to_owned()));
    }
    if let Some(text) = Text::of(&array) {
        return Ok(from_text(&text, array.len(), meaning, rules, refused));
    }
    let mut column = Column { array: &array, refused, sub_micros: Vec::new() };
    let micros = column.read(rules)?;
    Ok(Times { micros, sub_micros: column.sub_micros })
}

/// The milliseconds of a text that is a time and no bare number, floored.
pub(super) fn millis_of_iso(text: &str, rules: &TimeRules) -> Option<i64> {
    match text.parse::<f64>() {
        Ok(_) => None,
        Err(_) => parse::time(text, rules).map(|(micros, _)| micros.div_euclid(1_000)),
    }
}

/// The milliseconds of what a clock without a zone shows, floored.
pub(super) fn millis_of_clock(clock: jiff::civil::DateTime, rules: &TimeRules) -> Option<i64> {
    parse::of_clock(clock, rules).map(|(micros, _)| micros.div_euclid(1_000))
}

fn bad_time(row: usize, detail: String) -> Refused {
    Refused { row, rule: Rule::BadEventTime, detail }
}

/// A whole number of units as an instant; `None` outside 64-bit microseconds.
#[inline]
fn from_units(value: i64, unit: TimeUnit) -> Option<Instant> {
    match unit {
        TimeUnit::Second => Some((value.checked_mul(MICROS_A_SECOND)?, 0)),
        TimeUnit::Millisecond => Some((value.checked_mul(1_000)?, 0)),
        TimeUnit::Microsecond => Some((value, 0)),
        TimeUnit::Nanosecond => Some((value.div_euclid(1_000), value.rem_euclid(1_000) as u16)),
    }
}

/// A float without a fraction as a whole number.
fn from_float(value: f64) -> Option<i64> {
    const LIMIT: f64 = 9_223_372_036_854_775_808.0;
    (value.fract() == 0.0 && (-LIMIT..LIMIT).contains(&value)).then_some(value as i64)
}

/// Times of a column of numbers, dates or timestamps.
struct Column<'a> {
    array: &'a ArrayRef,
    refused: &'a mut Vec<Refused>,
    sub_micros: Vec<u16>,
}

impl Column<'_> {
    fn read(&mut self, rules: &TimeRules) -> Result<Int64Array> {
        let unit = rules.unit;
        Ok(match self.array.data_type() {
            t if t.is_integer() && *t != DataType::UInt64 => {
                let whole = convert(self.array, &DataType::Int64)?;
                self.each(whole.as_primitive::<dt::Int64Type>(), |v| from_units(v, unit))
            }
            DataType::UInt64 => self.map::<dt::UInt64Type>(|v| from_units(i64::try_from(v).ok()?, unit)),
            DataType::Float64 => self.map::<dt::Float64Type>(|v| from_units(from_float(v)?, unit)),
            DataType::Float32 => self.map::<dt::Float32Type>(|v| from_units(from_float(f64::from(v))?, unit)),
            DataType::Decimal32(..) | DataType::Decimal64(..) | DataType::Decimal128(..) => self.decimals(unit)?,
            DataType::Timestamp(from, zone) => self.timestamps(*from, zone.is_none().then_some(&rules.calendar)),
            DataType::Date32 => self.map::<dt::Date32Type>(|v| {
                Some((rules.calendar.midnight(i64::from(v))?.checked_mul(MICROS_A_SECOND)?, 0))
            }),
            DataType::Date64 => self.map::<dt::Date64Type>(|v| {
                Some((rules.calendar.instant(v.div_euclid(1_000))?.checked_mul(MICROS_A_SECOND)?, 0))
            }),
            _ => self.none(),
        })
    }

    fn map<P: ArrowPrimitiveType>(&mut self, f: impl Fn(P::Native) -> Option<Instant>) -> Int64Array {
        let array = self.array.clone();
        self.each(array.as_primitive::<P>(), f)
    }

    /// Converts without looking at nulls first: the loop then has no branch but the conversion's own.
    fn each<P: ArrowPrimitiveType>(
        &mut self,
        array: &PrimitiveArray<P>,
        f: impl Fn(P::Native) -> Option<Instant>,
    ) -> Int64Array {
        let mut micros = Vec::with_capacity(array.len());
        let mut bad = Vec::new();
        for (row, value) in array.values().iter().enumerate() {
            let (time, nanos) = f(*value).unwrap_or_else(|| {
                bad.push(row);
                (0, 0)
            });
            micros.push(time);
            if nanos != 0 && array.is_valid(row) {
                self.sub_micros.resize(array.len(), 0);
                if let Some(entry) = self.sub_micros.get_mut(row) {
                    *entry = nanos;
                }
            }
        }
        bad.retain(|row| array.is_valid(*row));
        self.refuse(&bad);
        Int64Array::new(micros.into(), array.nulls().cloned())
    }

    fn decimals(&mut self, unit: TimeUnit) -> Result<Int64Array> {
        let wide = match self.array.data_type() {
            DataType::Decimal32(p, s) | DataType::Decimal64(p, s) => {
                convert(self.array, &DataType::Decimal128(*p, *s))?
            }
            _ => self.array.clone(),
        };
        let array = wide.as_primitive::<dt::Decimal128Type>();
        let scale = array.scale();
        let Some(power) = 10_i128.checked_pow(u32::from(scale.unsigned_abs())) else { return Ok(self.none()) };
        Ok(self.each(array, |value| {
            let whole = match scale > 0 {
                true => (value % power == 0).then_some(value / power)?,
                false => value.checked_mul(power)?,
            };
            from_units(i64::try_from(whole).ok()?, unit)
        }))
    }

    /// `naive` is the calendar by which times without a zone are read.
    fn timestamps(&mut self, unit: dt::TimeUnit, naive: Option<&Calendar>) -> Int64Array {
        let naive = naive.filter(|calendar| !calendar.is_utc());
        let read = |value: i64, unit: TimeUnit| {
            let (micros, nanos) = from_units(value, unit)?;
            match naive {
                None => Some((micros, nanos)),
                Some(calendar) => {
                    let seconds = calendar.instant(micros.div_euclid(MICROS_A_SECOND))?;
                    let within = micros.rem_euclid(MICROS_A_SECOND);
                    Some((seconds.checked_mul(MICROS_A_SECOND)?.checked_add(within)?, nanos))
                }
            }
        };
        match unit {
            dt::TimeUnit::Second => self.map::<dt::TimestampSecondType>(|v| read(v, TimeUnit::Second)),
            dt::TimeUnit::Millisecond => self.map::<dt::TimestampMillisecondType>(|v| read(v, TimeUnit::Millisecond)),
            dt::TimeUnit::Microsecond => self.map::<dt::TimestampMicrosecondType>(|v| read(v, TimeUnit::Microsecond)),
            dt::TimeUnit::Nanosecond => self.map::<dt::TimestampNanosecondType>(|v| read(v, TimeUnit::Nanosecond)),
        }
    }

    fn none(&mut self) -> Int64Array {
        let rows: Vec<usize> = (0..self.array.len()).filter(|row| self.array.is_valid(*row)).collect();
        self.refuse(&rows);
        Int64Array::new_null(self.array.len())
    }

    fn refuse(&mut self, rows: &[usize]) {
        for row in rows {
            let value = array_value_to_string(self.array, *row).unwrap_or_default();
            let what = format!("{} of type {} is no time", excerpt(&value), self.array.data_type());
            self.refused.push(bad_time(*row, what));
        }
    }
}

fn from_text(
    text: &Text<'_>,
    rows: usize,
    meaning: TextMeaning,
    rules: &TimeRules,
    refused: &mut Vec<Refused>,
) -> Times {
    let mut micros = Vec::with_capacity(rows);
    let mut sub_micros = Vec::new();
    let empty = if meaning == TextMeaning::JsonToken { "\"\"" } else { "" };
    for row in 0..rows {
        let Some(value) = text.get(row).filter(|value| *value != empty) else {
            micros.push(None);
            continue;
        };
        match of_text(value, meaning, rules) {
            Some((time, nanos)) => {
                micros.push(Some(time));
                if nanos != 0 {
                    sub_micros.resize(rows, 0);
                    if let Some(entry) = sub_micros.get_mut(row) {
                        *entry = nanos;
                    }
                }
            }
            None => {
                micros.push(None);
                refused.push(bad_time(row, format!("{} is no time", excerpt(value))));
            }
        }
    }
    Times { micros: micros.into(), sub_micros }
}

fn of_text(value: &str, meaning: TextMeaning, rules: &TimeRules) -> Option<Instant> {
    if meaning != TextMeaning::JsonToken || value.as_bytes().first().is_some_and(|b| *b == b'-' || b.is_ascii_digit()) {
        return parse::time(value, rules);
    }
    parse::time(&unescape(value)?, rules)
}

#[cfg(test)]
mod tests;
