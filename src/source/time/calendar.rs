//! Wall-clock times without a zone, as instants.

use jiff::civil::{DateTime, date};
use jiff::tz::TimeZone;

const SECONDS_A_DAY: i64 = 86_400;

/// Days from 1970-01-01 to a day of the proleptic Gregorian calendar. The caller has checked month and day.
pub(super) fn days_from_civil(year: i64, month: i64, day: i64) -> i64 {
    // Years begin in March, so that the day that leap years add is the last of its year.
    let year = if month <= 2 { year - 1 } else { year };
    let month = (month + 9) % 12;
    let day_of_year = (153 * month + 2) / 5 + day - 1;
    let era = year.div_euclid(400);
    let year_of_era = year.rem_euclid(400);
    era * 146_097 + year_of_era * 365 + year_of_era / 4 - year_of_era / 100 + day_of_year - 719_468
}

/// The time zone of times that name none.
pub(super) struct Calendar {
    /// `None` for UTC, whose wall clock needs no look-up.
    zone: Option<TimeZone>,
}

impl Calendar {
    pub(super) fn new(zone: &TimeZone) -> Self {
        Calendar { zone: (*zone != TimeZone::UTC).then(|| zone.clone()) }
    }

    pub(super) fn is_utc(&self) -> bool {
        self.zone.is_none()
    }

    /// The instant at which clocks of the zone show what clocks in UTC show at `seconds` since 1970. `None` for years
    /// beyond ±9999 in a zone other than UTC.
    pub(super) fn instant(&self, seconds: i64) -> Option<i64> {
        let Some(zone) = &self.zone else { return Some(seconds) };
        let clock = civil(seconds)?;
        Some(zone.to_ambiguous_timestamp(clock).compatible().ok()?.as_second())
    }

    /// The instant of midnight that begins a day since 1970-01-01.
    pub(super) fn midnight(&self, days: i64) -> Option<i64> {
        self.instant(days.checked_mul(SECONDS_A_DAY)?)
    }
}

/// What clocks in UTC show at `seconds` since 1970.
fn civil(seconds: i64) -> Option<DateTime> {
    date(1970, 1, 1).at(0, 0, 0, 0).checked_add(jiff::SignedDuration::from_secs(seconds)).ok()
}
