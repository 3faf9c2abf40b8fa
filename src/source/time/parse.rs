//! Times as text. The usual forms are read by hand, because a text file has one a row; jiff reads the unusual ones.

use super::calendar::days_from_civil;
use super::{Instant, MICROS_A_SECOND, TimeRules, from_float, from_units};

/// A number of units, an instant, or a wall-clock time or date.
pub(super) fn time(text: &str, rules: &TimeRules) -> Option<Instant> {
    let bytes = text.as_bytes();
    if let Some(number) = whole_number(bytes) {
        return from_units(number?, rules.unit);
    }
    match Clock::read(bytes) {
        Form::Clock(clock) => clock.instant(rules),
        Form::Wrong => None,
        Form::Other => unusual(text, rules),
    }
}

/// `None` where the text is no number; `Some(None)` where the number does not fit.
fn whole_number(bytes: &[u8]) -> Option<Option<i64>> {
    let digits = bytes.strip_prefix(b"-").unwrap_or(bytes);
    if digits.is_empty() || !digits.iter().all(u8::is_ascii_digit) {
        return None;
    }
    let add = |sum: i64, digit: &u8| sum.checked_mul(10)?.checked_sub(i64::from(digit - b'0'));
    let negative = digits.iter().try_fold(0_i64, add);
    Some(negative.and_then(|n| if digits.len() == bytes.len() { n.checked_neg() } else { Some(n) }))
}

/// Floats that are whole, then whatever jiff reads with an offset, then without one.
fn unusual(text: &str, rules: &TimeRules) -> Option<Instant> {
    let is_number = text.bytes().all(|b| b.is_ascii_digit() || matches!(b, b'-' | b'+' | b'.' | b'e' | b'E'));
    if let (true, Ok(number)) = (is_number, text.parse::<f64>()) {
        return from_units(from_float(number)?, rules.unit);
    }
    if let Ok(instant) = text.parse::<jiff::Timestamp>() {
        let nanos = instant.as_nanosecond();
        return Some((i64::try_from(nanos.div_euclid(1_000)).ok()?, nanos.rem_euclid(1_000) as u16));
    }
    of_clock(text.parse().ok()?, rules)
}

/// What a clock without a zone shows.
pub(super) fn of_clock(clock: jiff::civil::DateTime, rules: &TimeRules) -> Option<Instant> {
    let nanos = i64::from(clock.subsec_nanosecond());
    let days = days_from_civil(i64::from(clock.year()), i64::from(clock.month()), i64::from(clock.day()));
    let of_day = i64::from(clock.hour()) * 3_600 + i64::from(clock.minute()) * 60 + i64::from(clock.second());
    join(rules.calendar.instant(days * 86_400 + of_day)?, nanos)
}

fn join(seconds: i64, nanos: i64) -> Option<Instant> {
    let micros = seconds.checked_mul(MICROS_A_SECOND)?.checked_add(nanos / 1_000)?;
    Some((micros, (nanos % 1_000) as u16))
}

/// `YYYY-MM-DD`, then perhaps `HH:MM:SS`, a fraction, and an offset.
struct Clock {
    /// Seconds since 1970 that a clock in UTC would show.
    seconds: i64,
    nanos: i64,
    /// Seconds east of UTC, where it is told.
    offset: Option<i64>,
}

enum Form {
    Clock(Clock),
    /// The form is a usual one, but there is no such time: month 13, second 60.
    Wrong,
    /// Some other form.
    Other,
}

impl Clock {
    fn instant(&self, rules: &TimeRules) -> Option<Instant> {
        let seconds = match self.offset {
            Some(east) => self.seconds - east,
            None => rules.calendar.instant(self.seconds)?,
        };
        join(seconds, self.nanos)
    }

    fn read(bytes: &[u8]) -> Form {
        let mut cursor = Cursor(bytes);
        let Some((year, month, day)) = cursor.date() else { return Form::Other };
        if !(1..=12).contains(&month) || day < 1 || day > days_in_month(year, month) {
            return Form::Wrong;
        }
        let midnight = days_from_civil(year, month, day) * 86_400;
        if cursor.0.is_empty() {
            return Form::Clock(Clock { seconds: midnight, nanos: 0, offset: None });
        }
        let Some((hour, minute, second)) = cursor.time_of_day() else { return Form::Other };
        let (Some(nanos), Some(offset)) = (cursor.fraction(), cursor.offset()) else { return Form::Other };
        // A leap second has no place in time since 1970; reading it as its neighbour would merge two keys.
        if hour > 23 || minute > 59 || second > 59 || offset.is_some_and(|east: i64| east.abs() > 86_340) {
            return Form::Wrong;
        }
        Form::Clock(Clock { seconds: midnight + hour * 3_600 + minute * 60 + second, nanos, offset })
    }
}

fn days_in_month(year: i64, month: i64) -> i64 {
    match month {
        2 if year % 4 == 0 && (year % 100 != 0 || year % 400 == 0) => 29,
        2 => 28,
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// What is left to read.
struct Cursor<'a>(&'a [u8]);

impl Cursor<'_> {
    fn take(&mut self, wanted: impl Fn(u8) -> bool) -> Option<u8> {
        let (first, rest) = self.0.split_first()?;
        wanted(*first).then(|| {
            self.0 = rest;
            *first
        })
    }

    fn number<const DIGITS: usize>(&mut self) -> Option<i64> {
        let (digits, rest) = self.0.split_first_chunk::<DIGITS>()?;
        let add = |sum: i64, b: &u8| b.is_ascii_digit().then(|| sum * 10 + i64::from(b - b'0'));
        let number = digits.iter().try_fold(0, add)?;
        self.0 = rest;
        Some(number)
    }

    fn date(&mut self) -> Option<(i64, i64, i64)> {
        let year = self.number::<4>()?;
        self.take(|b| b == b'-')?;
        let month = self.number::<2>()?;
        self.take(|b| b == b'-')?;
        Some((year, month, self.number::<2>()?))
    }

    fn time_of_day(&mut self) -> Option<(i64, i64, i64)> {
        self.take(|b| matches!(b, b'T' | b't' | b' '))?;
        let hour = self.number::<2>()?;
        self.take(|b| b == b':')?;
        let minute = self.number::<2>()?;
        self.take(|b| b == b':')?;
        Some((hour, minute, self.number::<2>()?))
    }

    /// Nanoseconds; digits beyond them are cut off.
    fn fraction(&mut self) -> Option<i64> {
        if self.take(|b| b == b'.').is_none() {
            return Some(0);
        }
        let (mut nanos, mut place) = (0, 100_000_000);
        self.0.first().filter(|b| b.is_ascii_digit())?;
        while let Some(digit) = self.take(|b| b.is_ascii_digit()) {
            nanos += i64::from(digit - b'0') * place;
            place /= 10;
        }
        Some(nanos)
    }

    /// Seconds east of UTC to the end of the text: `Z`, ` UTC`, `+01:00`, `+0100`, `+01`. `None` for another end.
    fn offset(&mut self) -> Option<Option<i64>> {
        if self.0.is_empty() {
            return Some(None);
        }
        let _ = self.take(|b| b == b' ');
        if matches!(self.0, b"Z" | b"z" | b"UTC") {
            return Some(Some(0));
        }
        let sign = self.take(|b| b == b'+' || b == b'-')?;
        let hours = self.number::<2>()?;
        let _ = self.take(|b| b == b':');
        let minutes = if self.0.is_empty() { 0 } else { self.number::<2>()? };
        if !self.0.is_empty() || minutes > 59 {
            return None;
        }
        let east = hours * 3_600 + minutes * 60;
        Some(Some(if sign == b'-' { -east } else { east }))
    }
}
