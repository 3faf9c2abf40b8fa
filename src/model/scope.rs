//! Which event times a source is responsible for.

use super::key::TimePrecision;
use crate::error::{Error, ErrorKind, Result};
use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;

/// The event times that a source's rows are applied for: all, or those from one on, before another, or both.
///
/// It is how a table moves from one source to another: the old one has `event_time < X`, the new one `event_time >= X`
/// (the vendor's guide to its Mirror Sync says so). Key times are compared, as the store keeps them.
///
/// ```
/// use eventmirror::{Scope, TimePrecision};
/// let scope = Scope::parse(&["event_time >= 2025-11-04T00:00:00Z", "event_time < 1762300800000"])?;
/// assert!(scope.contains(1_762_214_400_000, TimePrecision::Millis));
/// assert!(!scope.contains(1_762_300_800_000, TimePrecision::Millis));
/// # Ok::<(), eventmirror::Error>(())
/// ```
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Scope {
    /// Microseconds since 1970, in scope.
    from: Option<i64>,
    /// Microseconds since 1970, out of scope.
    before: Option<i64>,
}

impl Scope {
    /// Reads bounds: `event_time >= X`, `event_time < X`, each once. X is a time by RFC 3339, a date (its midnight in
    /// UTC) or a whole number of milliseconds since 1970.
    ///
    /// # Errors
    /// `Usage` where a text is no bound, a bound is given twice, or no time lies between them.
    pub fn parse<T: AsRef<str>>(texts: &[T]) -> Result<Scope> {
        let mut scope = Scope::default();
        for text in texts.iter().map(AsRef::as_ref) {
            let wrong = |why: String| Error::new(ErrorKind::Usage, why).at(format!("--scope {text:?}"));
            let (is_from, time) = bound(text).ok_or_else(|| {
                wrong("it is no bound on event times".to_owned())
                    .advice("write \"event_time >= X\" or \"event_time < X\"")
            })?;
            let micros = micros(time).ok_or_else(|| {
                wrong(format!("{time:?} is no time"))
                    .advice("give a time as 2025-11-04T00:00:00Z, or milliseconds since 1970")
            })?;
            let slot = if is_from { &mut scope.from } else { &mut scope.before };
            if slot.replace(micros).is_some() {
                return Err(wrong("this bound is given twice".to_owned()));
            }
        }
        match (scope.from, scope.before) {
            (Some(from), Some(before)) if from >= before => {
                Err(Error::new(ErrorKind::Usage, "no event time is in this scope").at("--scope"))
            }
            _ => Ok(scope),
        }
    }

    /// Whether a key with this event time, in units of the store's precision, is in scope.
    #[inline]
    pub fn contains(self, event_time: i64, precision: TimePrecision) -> bool {
        let micros = event_time.saturating_mul(precision.micros());
        self.from.is_none_or(|from| micros >= from) && self.before.is_none_or(|before| micros < before)
    }
}

/// Whether the bound is the first time in scope, and its time.
fn bound(text: &str) -> Option<(bool, &str)> {
    let rest = text.trim().strip_prefix("event_time")?.trim_start();
    match rest.strip_prefix(">=") {
        Some(time) => Some((true, time.trim_start())),
        None => rest.strip_prefix('<').map(|time| (false, time.trim_start())),
    }
}

/// A time in whole microseconds, rounded up: as keys have whole ones, those at or after it are those at or after that.
fn micros(text: &str) -> Option<i64> {
    if let Ok(millis) = text.parse::<i64>() {
        return millis.checked_mul(1_000);
    }
    let instant = match text.parse::<Date>().ok().filter(|_| text.len() <= "YYYY-MM-DD".len()) {
        Some(date) => date.to_zoned(TimeZone::UTC).ok()?.timestamp(),
        None => text.parse::<Timestamp>().ok()?,
    };
    i64::try_from((instant.as_nanosecond() + 999).div_euclid(1_000)).ok()
}

#[cfg(test)]
mod tests {
    #![allow(clippy::unwrap_used)]
    use super::*;
    use TimePrecision::{Micros, Millis};

    #[test]
    fn bounds_include_the_first_and_exclude_the_last() {
        let all = Scope::parse::<&str>(&[]).unwrap();
        assert!([i64::MIN, 0, i64::MAX].iter().all(|time| all.contains(*time, Millis)));
        for text in ["event_time < 2025-11-04T00:00:00Z", "event_time<1762214400000", " event_time  <  2025-11-04"] {
            let before = Scope::parse(&[text]).unwrap();
            assert!(
                before.contains(1_762_214_399_999, Millis) && !before.contains(1_762_214_400_000, Millis),
                "{text}"
            );
            assert!(before.contains(i64::MIN, Millis) && !before.contains(i64::MAX, Millis));
        }
        let from = Scope::parse(&["event_time >= 2025-11-04T01:00:00+01:00"]).unwrap();
        assert!(!from.contains(1_762_214_399_999, Millis) && from.contains(1_762_214_400_000, Millis));
        assert!(!from.contains(1_762_214_399_999_999, Micros) && from.contains(1_762_214_400_000_000, Micros));
        let negative = Scope::parse(&["event_time >= -5", "event_time < 0"]).unwrap();
        assert_eq!([-6, -5, -1, 0].map(|time| negative.contains(time, Millis)), [false, true, true, false]);
    }

    #[test]
    fn a_bound_between_two_keys_parts_them() {
        let texts = ["event_time < 1970-01-01T00:00:00.001000001Z", "event_time >= 1970-01-01T00:00:00.001000001Z"];
        let [before, from] = texts.map(|text| Scope::parse(&[text]).unwrap());
        for time in [0, 1, 2] {
            assert_ne!(before.contains(time, Millis), from.contains(time, Millis), "{time} is in just one of them");
            assert_eq!(before.contains(time, Millis), time <= 1);
        }
        assert!(before.contains(1_000, Micros) && from.contains(1_001, Micros));
    }

    #[test]
    fn what_is_no_scope_is_refused() {
        for (texts, why) in [
            (&["time < 5"][..], "no bound"),
            (&["event_time <= 5"], "\"= 5\" is no time"),
            (&["event_time > 5"], "no bound"),
            (&["event_time < now"], "\"now\" is no time"),
            (&["event_time < 2025-11-04T00:00:00"], "is no time"),
            (&["event_time < 9223372036854775807"], "is no time"),
            (&["event_time <"], "is no time"),
            (&[""], "no bound"),
            (&["event_time < 5", "event_time < 6"], "twice"),
            (&["event_time < 5", "event_time >= 5"], "no event time"),
        ] {
            let error = Scope::parse(texts).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Usage);
            assert!(error.to_string().contains(why) && error.to_string().contains("--scope"), "{error}");
        }
    }
}
