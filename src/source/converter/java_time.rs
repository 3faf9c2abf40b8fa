//! Patterns of times in Java's syntax (`java.time.format.DateTimeFormatter`, `SimpleDateFormat`), for `parse_time_to_ms`.
//!
//! | letters | what is read |
//! |---|---|
//! | `y`, `yyyy`, `u` | year; `yy` is 2000 to 2099 |
//! | `M`, `MM`, `L`; `MMM`, `MMMM` | month as a number; by its English name, short or whole |
//! | `d`, `dd`; `D` | day of the month; of the year |
//! | `E`, `EEEE` | day of the week, which must be the date's |
//! | `H`, `k`; `h`, `K` with `a` | hour 0–23, 1–24; 1–12, 0–11 with AM or PM |
//! | `m`, `s`, `S`…`SSSSSSSSS` | minute, second, fraction of the second |
//! | `X`, `x`, `Z` | `Z`, or an offset: `+01`, `+0100`, `+01:00` |
//! | `z`, `VV` | the name of a time zone: `UTC`, `Europe/Berlin` |
//! | `'text'`, `''`, other characters | themselves |
//!
//! Numbers beside each other have exactly as many digits as letters (`yyyyMMdd`). Others may have more or fewer: `M` and
//! `MM` both read `7`, `07` and `11`. Names are read in any case. What is beyond these is refused at the start.

use jiff::civil::{Date, DateTime};
use jiff::tz::TimeZone;

/// A pattern that was checked.
#[derive(Debug)]
pub(super) struct TimePattern(Vec<Item>);

/// A time that a pattern read: what clocks showed, and where, if it is told.
#[derive(Debug, PartialEq)]
pub(super) struct ReadTime {
    pub(super) clock: DateTime,
    /// `None` where the text tells no zone.
    pub(super) zone: Option<TimeZone>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Field {
    Year,
    ShortYear,
    Month,
    Day,
    DayOfYear,
    /// 0 to 23.
    Hour,
    /// 1 to 24.
    ClockHour,
    /// 0 to 11.
    HalfHour,
    /// 1 to 12.
    HalfClockHour,
    Minute,
    Second,
    Fraction,
}

#[derive(Debug, Clone, PartialEq, Eq)]
enum Item {
    Literal(char),
    Number { field: Field, letters: usize, most: usize, is_fixed: bool },
    MonthName,
    Weekday,
    AmPm,
    Offset,
    Zone,
}

const MONTHS: [&str; 12] = [
    "january",
    "february",
    "march",
    "april",
    "may",
    "june",
    "july",
    "august",
    "september",
    "october",
    "november",
    "december",
];
const WEEKDAYS: [&str; 7] = ["monday", "tuesday", "wednesday", "thursday", "friday", "saturday", "sunday"];

impl TimePattern {
    pub(super) fn new(java: &str) -> Result<Self, String> {
        let wrong = |why: String| format!("the time pattern {java:?} cannot be used: {why}");
        let mut items: Vec<Item> = Vec::new();
        let mut rest = java;
        while let Some(c) = rest.chars().next() {
            let count = rest.chars().take_while(|next| *next == c).count();
            match c {
                '\'' => {
                    rest = quoted(rest, &mut items).ok_or_else(|| wrong("a quote is not closed".to_owned()))?;
                    continue;
                }
                c if c.is_ascii_alphabetic() => {
                    items.push(item(c, count).map_err(wrong)?);
                }
                '[' | ']' | '{' | '}' | '#' => {
                    return Err(wrong(format!("{c} is not supported; as itself it is written '{c}'")));
                }
                c => items.extend(std::iter::repeat_n(Item::Literal(c), count)),
            }
            rest = rest.get(c.len_utf8() * count..).unwrap_or_default();
        }
        check(&items).map_err(wrong)?;
        fix_widths(&mut items);
        Ok(TimePattern(items))
    }

    /// The time that a text tells.
    pub(super) fn read(&self, text: &str) -> Result<ReadTime, String> {
        let mut found = Found::default();
        let mut rest = text;
        for item in &self.0 {
            rest = found.take(item, rest)?;
        }
        match rest.is_empty() {
            true => found.time(),
            false => Err(format!("{rest:?} is left over")),
        }
    }
}

/// Text between quotes; two quotes are one.
fn quoted<'a>(text: &'a str, items: &mut Vec<Item>) -> Option<&'a str> {
    let mut rest = text.strip_prefix('\'')?;
    if let Some(behind) = rest.strip_prefix('\'') {
        items.push(Item::Literal('\''));
        return Some(behind);
    }
    loop {
        let (part, behind) = rest.split_once('\'')?;
        items.extend(part.chars().map(Item::Literal));
        rest = behind;
        match rest.strip_prefix('\'') {
            Some(behind) => {
                items.push(Item::Literal('\''));
                rest = behind;
            }
            None => return Some(rest),
        }
    }
}

/// What so many of a letter stand for.
fn item(letter: char, count: usize) -> Result<Item, String> {
    use Field::*;
    let number = |field, most_letters, most| match count <= most_letters {
        true => Ok(Item::Number { field, letters: count, most, is_fixed: matches!(field, ShortYear | Fraction) }),
        false => Err(format!("{count} times {letter} is not supported")),
    };
    let named = |item, most_letters| match count <= most_letters {
        true => Ok(item),
        false => Err(format!("{count} times {letter} is not supported")),
    };
    match letter {
        'y' | 'u' if count == 2 => number(ShortYear, 2, 2),
        'y' | 'u' => number(Year, 9, 9),
        'M' | 'L' if count <= 2 => number(Month, 2, 2),
        'M' | 'L' => named(Item::MonthName, 4),
        'd' => number(Day, 2, 2),
        'D' => number(DayOfYear, 3, 3),
        'E' => named(Item::Weekday, 4),
        'H' => number(Hour, 2, 2),
        'k' => number(ClockHour, 2, 2),
        'K' => number(HalfHour, 2, 2),
        'h' => number(HalfClockHour, 2, 2),
        'm' => number(Minute, 2, 2),
        's' => number(Second, 2, 2),
        'S' => number(Fraction, 9, count),
        'a' => named(Item::AmPm, 1),
        'X' | 'x' | 'Z' => named(Item::Offset, 3),
        'z' => named(Item::Zone, 4),
        'V' if count == 2 => Ok(Item::Zone),
        'Y' => Err("Y is the year of a week; the year is written y".to_owned()),
        _ => Err(format!("the letter {letter} is not supported")),
    }
}

/// Numbers beside each other have as many digits as letters.
fn fix_widths(items: &mut [Item]) {
    let is_number: Vec<bool> = items.iter().map(|item| matches!(item, Item::Number { .. })).collect();
    for (index, item) in items.iter_mut().enumerate() {
        let is_beside = index > 0 && is_number[index - 1] || is_number.get(index + 1) == Some(&true);
        if let (Item::Number { letters, most, is_fixed, .. }, true) = (item, is_beside) {
            (*most, *is_fixed) = (*letters, true);
        }
    }
}

/// A pattern must tell a date, each field once, and with hours of half a day which half.
fn check(items: &[Item]) -> Result<(), String> {
    let count = |wanted: fn(&Item) -> bool| items.iter().filter(|item| wanted(item)).count();
    let is = |item: &Item, fields: &[Field]| matches!(item, Item::Number { field, .. } if fields.contains(field));
    let fields = |fields: &[Field]| items.iter().filter(|item| is(item, fields)).count();
    use Field::*;
    let years = fields(&[Year, ShortYear]);
    let months = fields(&[Month]) + count(|item| *item == Item::MonthName);
    let (days, days_of_year) = (fields(&[Day]), fields(&[DayOfYear]));
    let halves = fields(&[HalfHour, HalfClockHour]);
    let hours = fields(&[Hour, ClockHour]) + halves;
    let am_pm = count(|item| *item == Item::AmPm);
    let zones = count(|item| matches!(item, Item::Offset | Item::Zone));
    let others = [fields(&[Minute]), fields(&[Second]), fields(&[Fraction]), count(|item| *item == Item::Weekday)];
    if years != 1 || (months, days, days_of_year) != (1, 1, 0) && (months, days, days_of_year) != (0, 0, 1) {
        return Err("it must tell a year, a month and a day, each once".to_owned());
    }
    if halves != am_pm {
        return Err("h and K go with a (AM or PM), and a with one of them".to_owned());
    }
    match hours > 1 || zones > 1 || others.iter().any(|count| *count > 1) {
        true => Err("it tells something twice".to_owned()),
        false => Ok(()),
    }
}

/// What was read so far.
#[derive(Default)]
struct Found {
    year: i64,
    month: i64,
    day: i64,
    day_of_year: Option<i64>,
    hour: i64,
    half: Option<i64>,
    is_pm: bool,
    minute: i64,
    second: i64,
    nanos: i64,
    weekday: Option<usize>,
    zone: Option<TimeZone>,
}

impl Found {
    /// Takes what an item stands for from the start of a text; gives what is left.
    fn take<'a>(&mut self, item: &Item, text: &'a str) -> Result<&'a str, String> {
        let wrong = |wanted: &str| format!("{wanted} is wanted, {text:?} stands there");
        match item {
            Item::Literal(c) => text.strip_prefix(*c).ok_or_else(|| wrong(&format!("{c:?}"))),
            Item::Number { field, letters, most, is_fixed } => {
                let least = if *is_fixed || *field == Field::Year { *letters } else { 1 };
                let count = text.bytes().take(*most).take_while(u8::is_ascii_digit).count();
                let number = text.get(..count).filter(|_| count >= least).and_then(|digits| digits.parse().ok());
                self.set(*field, number.ok_or_else(|| wrong("a number"))?, count);
                Ok(text.get(count..).unwrap_or_default())
            }
            Item::MonthName => {
                let (month, rest) = name(text, &MONTHS).ok_or_else(|| wrong("the name of a month"))?;
                self.month = month as i64 + 1;
                Ok(rest)
            }
            Item::Weekday => {
                let (day, rest) = name(text, &WEEKDAYS).ok_or_else(|| wrong("the name of a day"))?;
                self.weekday = Some(day);
                Ok(rest)
            }
            Item::AmPm => {
                let (half, rest) = name(text, &["am", "pm"]).ok_or_else(|| wrong("AM or PM"))?;
                self.is_pm = half == 1;
                Ok(rest)
            }
            Item::Offset => {
                let (seconds, rest) = offset(text).ok_or_else(|| wrong("an offset"))?;
                let offset = jiff::tz::Offset::from_seconds(seconds).map_err(|_| wrong("an offset"))?;
                self.zone = Some(TimeZone::fixed(offset));
                Ok(rest)
            }
            Item::Zone => {
                let is_part = |b: &u8| b.is_ascii_alphanumeric() || matches!(b, b'/' | b'_' | b'-' | b'+');
                let (zone, rest) = text.split_at(text.bytes().take_while(is_part).count());
                self.zone = Some(TimeZone::get(zone).map_err(|_| wrong("the name of a time zone"))?);
                Ok(rest)
            }
        }
    }

    fn set(&mut self, field: Field, number: i64, digits: usize) {
        match field {
            Field::Year => self.year = number,
            Field::ShortYear => self.year = 2000 + number,
            Field::Month => self.month = number,
            Field::Day => self.day = number,
            Field::DayOfYear => self.day_of_year = Some(number),
            Field::Hour => self.hour = number,
            // 24 is midnight, 12 the hour before 1; a number out of range must stay so.
            Field::ClockHour => self.hour = if number == 24 { 0 } else { number.max(1) + i64::from(number == 0) * 24 },
            Field::HalfHour => self.half = Some(number),
            Field::HalfClockHour => {
                self.half = Some(if number == 12 { 0 } else { number + i64::from(number == 0) * 12 })
            }
            Field::Minute => self.minute = number,
            Field::Second => self.second = number,
            Field::Fraction => self.nanos = number * 10_i64.pow(9 - digits.min(9) as u32),
        }
    }

    fn time(self) -> Result<ReadTime, String> {
        let no_time = || "there is no such time".to_owned();
        let small = |number: i64| i8::try_from(number).map_err(|_| no_time());
        let year = i16::try_from(self.year).map_err(|_| no_time())?;
        let date = match self.day_of_year {
            Some(day) => {
                let first = Date::new(year, 1, 1).map_err(|_| no_time())?;
                let day = i16::try_from(day).map_err(|_| no_time())?;
                first.with().day_of_year(day).build().map_err(|_| no_time())?
            }
            None => Date::new(year, small(self.month)?, small(self.day)?).map_err(|_| no_time())?,
        };
        if self.weekday.is_some_and(|day| day as i8 != date.weekday().to_monday_zero_offset()) {
            return Err(format!("{date} is another day of the week"));
        }
        let hour = match self.half {
            Some(half) if half > 11 => return Err(no_time()),
            Some(half) => half + i64::from(self.is_pm) * 12,
            None => self.hour,
        };
        // A leap second has no place in time; see `source::time`.
        let (minute, second) = (small(self.minute)?, small(self.second)?);
        let nanos = i32::try_from(self.nanos).map_err(|_| no_time())?;
        let clock = jiff::civil::Time::new(small(hour)?, minute, second, nanos).map_err(|_| no_time())?;
        Ok(ReadTime { clock: date.to_datetime(clock), zone: self.zone })
    }
}

/// Which of some names a text begins with, whole or by its first three letters, in any case; and the rest.
fn name<'a>(text: &'a str, names: &[&str]) -> Option<(usize, &'a str)> {
    let begins = |name: &str| text.get(..name.len()).is_some_and(|start| start.eq_ignore_ascii_case(name));
    let whole =
        names.iter().position(|name| begins(name)).map(|index| (index, names.get(index).map_or(0, |n| n.len())));
    let short = || names.iter().position(|name| name.get(..3).is_some_and(begins)).map(|index| (index, 3));
    let (index, length) = whole.or_else(short)?;
    Some((index, text.get(length..)?))
}

/// Seconds east of UTC, and the rest.
fn offset(text: &str) -> Option<(i32, &str)> {
    if let Some(rest) = text.strip_prefix(['Z', 'z']) {
        return Some((0, rest));
    }
    let sign = match text.as_bytes().first()? {
        b'+' => 1,
        b'-' => -1,
        _ => return None,
    };
    let two = |text: &str| text.get(..2).filter(|d| d.bytes().all(|b| b.is_ascii_digit())).and_then(|d| d.parse().ok());
    let hours: i32 = two(text.get(1..)?)?;
    let behind = text.get(3..)?;
    let digits = behind.strip_prefix(':').unwrap_or(behind);
    let (minutes, rest): (i32, _) = match two(digits) {
        Some(minutes) => (minutes, digits.get(2..)?),
        None => (0, behind),
    };
    (hours < 24 && minutes < 60).then_some((sign * (hours * 3_600 + minutes * 60), rest))
}

#[cfg(test)]
#[path = "java_time_tests.rs"]
mod tests;
