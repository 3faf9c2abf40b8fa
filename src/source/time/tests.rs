#![allow(clippy::unwrap_used)]
use super::*;
use arrow::array::*;
use jiff::tz::TimeZone;
use std::sync::Arc;

fn rules(unit: TimeUnit, zone: &str) -> TimeRules {
    TimeRules::new(unit, &TimeZone::get(zone).unwrap())
}

fn read(array: ArrayRef, meaning: TextMeaning, rules: &TimeRules) -> (Vec<Option<i64>>, Vec<u16>, Vec<usize>) {
    let mut refused = Vec::new();
    let times = times(&array, meaning, rules, &mut refused).unwrap();
    assert!(refused.iter().all(|r| r.rule == Rule::BadEventTime));
    let rows = refused.iter().map(|r| r.row).collect();
    let valid = |row: usize, micros| (!refused.iter().any(|r| r.row == row)).then_some(micros).flatten();
    (times.micros.iter().enumerate().map(|(row, m)| valid(row, m)).collect(), times.sub_micros, rows)
}

/// One text, read in Berlin with numbers in milliseconds: its instant as RFC 3339, or `-` where it is refused.
fn check(text: &str, expected: &str) {
    let array: ArrayRef = Arc::new(StringArray::from(vec![text]));
    let (micros, sub, _) = read(array, TextMeaning::Plain, &rules(TimeUnit::Millisecond, "Europe/Berlin"));
    let shown = match micros[0] {
        None => "-".to_owned(),
        Some(micros) => {
            let nanos = i128::from(micros) * 1_000 + i128::from(sub.first().copied().unwrap_or(0));
            jiff::Timestamp::from_nanosecond(nanos).unwrap().to_string()
        }
    };
    assert_eq!(shown, expected, "{text:?}");
}

#[test]
fn texts_are_read_in_all_usual_forms() {
    for (text, expected) in [
        ("1762161300123", "2025-11-03T09:15:00.123Z"),
        ("1762161300123.0", "2025-11-03T09:15:00.123Z"),
        ("1.762161300123e12", "2025-11-03T09:15:00.123Z"),
        ("1762161300123.5", "-"),
        ("-1", "1969-12-31T23:59:59.999Z"),
        ("9223372036854775808", "-"),
        ("9223372036854775807", "-"),
        ("2025-11-03T09:15:00Z", "2025-11-03T09:15:00Z"),
        ("2025-11-03t09:15:00.123z", "2025-11-03T09:15:00.123Z"),
        ("2025-11-03 09:15:00.123456789 UTC", "2025-11-03T09:15:00.123456789Z"),
        ("2025-11-03 09:15:00.1234567899999 +0000", "2025-11-03T09:15:00.123456789Z"),
        ("2025-11-03T09:15:00-08:00", "2025-11-03T17:15:00Z"),
        ("2025-11-03 09:15:00.000 -0800", "2025-11-03T17:15:00Z"),
        ("2025-11-03 09:15:00+05", "2025-11-03T04:15:00Z"),
        ("2025-11-03 09:15:00.123000", "2025-11-03T08:15:00.123Z"),
        ("2025-11-03", "2025-11-02T23:00:00Z"),
        ("2025-07-03", "2025-07-02T22:00:00Z"),
        ("2025-11-03T09:15Z", "2025-11-03T09:15:00Z"),
        ("2025-11-03T09:15", "2025-11-03T08:15:00Z"),
        ("20251103T091500Z", "2025-11-03T09:15:00Z"),
        ("2025-11-03T09:15:00+01:00[Europe/Berlin]", "2025-11-03T08:15:00Z"),
        // A clock change skips 02:30 and repeats 02:30: the offset before the change holds.
        ("2025-03-30 02:30:00", "2025-03-30T01:30:00Z"),
        ("2025-10-26 02:30:00", "2025-10-26T00:30:00Z"),
        ("1969-12-31 23:59:59.9999999Z", "1969-12-31T23:59:59.9999999Z"),
        ("0001-01-01 00:00:00Z", "0001-01-01T00:00:00Z"),
        ("2024-02-29", "2024-02-28T23:00:00Z"),
        ("2025-02-29", "-"),
        ("2025-13-01", "-"),
        ("2025-11-03T24:00:00Z", "-"),
        ("2016-12-31T23:59:60Z", "-"),
        ("2025-11-03T09:15:00.Z", "-"),
        (" 2025-11-03", "-"),
        ("now", "-"),
        ("--5", "-"),
        ("NaN", "-"),
        ("inf", "-"),
    ] {
        check(text, expected);
    }
}

#[test]
fn the_calendar_agrees_with_jiff_on_every_day_of_four_centuries() {
    let mut day = jiff::civil::date(1599, 12, 25);
    let first = calendar::days_from_civil(1599, 12, 25);
    for n in 0..150_000 {
        let (y, m, d) = (i64::from(day.year()), i64::from(day.month()), i64::from(day.day()));
        assert_eq!(calendar::days_from_civil(y, m, d), first + n, "{day}");
        day = day.tomorrow().unwrap();
    }
    assert_eq!(calendar::days_from_civil(1970, 1, 1), 0);
}

#[test]
fn json_times_are_numbers_or_strings() {
    let tokens = ["1762161300123", "\"1762161300123\"", "\"2025-11-03T09:15:00.123Z\"", "1.5", "true", "{}", "\"\""];
    let array: ArrayRef = Arc::new(StringArray::from_iter_values(tokens));
    let (micros, sub, refused) = read(array, TextMeaning::JsonToken, &rules(TimeUnit::Millisecond, "UTC"));
    let time = Some(1_762_161_300_123_000);
    assert_eq!(micros, [time, time, time, None, None, None, None]);
    assert_eq!((sub, refused), (vec![], vec![3, 4, 5]));
}

#[test]
fn numbers_are_in_the_unit_and_never_overflow() {
    let array: ArrayRef = Arc::new(Int64Array::from(vec![Some(-1), None, Some(i64::MAX), Some(1_001)]));
    let read = |unit| read(array.clone(), TextMeaning::Plain, &rules(unit, "UTC"));
    assert_eq!(read(TimeUnit::Second), (vec![Some(-1_000_000), None, None, Some(1_001_000_000)], vec![], vec![2]));
    assert_eq!(read(TimeUnit::Millisecond).0[0], Some(-1_000));
    assert_eq!(read(TimeUnit::Microsecond).0[2], Some(i64::MAX));
    let (micros, sub, _) = read(TimeUnit::Nanosecond);
    assert_eq!(micros, [Some(-1), None, Some(i64::MAX / 1_000), Some(1)]);
    assert_eq!(sub, [999, 0, 807, 1]);
}

#[test]
fn timestamps_dates_decimals_and_floats_are_times() {
    let berlin = rules(TimeUnit::Millisecond, "Europe/Berlin");
    let plain = |array: ArrayRef| read(array, TextMeaning::Plain, &berlin);
    let at = 1_762_161_300_123_i64;
    let zoned = TimestampMillisecondArray::from(vec![at]).with_timezone("UTC");
    assert_eq!(plain(Arc::new(zoned)).0, [Some(at * 1_000)]);
    let naive = TimestampMillisecondArray::from(vec![Some(at), None]);
    assert_eq!(plain(Arc::new(naive)).0, [Some(at * 1_000 - 3_600_000_000), None]);
    let nanos = TimestampNanosecondArray::from(vec![-1, 1_000]);
    assert_eq!(plain(Arc::new(nanos)).1, [999, 0]);
    assert_eq!(plain(Arc::new(Date32Array::from(vec![20_000]))).0, [Some(20_000 * 86_400_000_000 - 7_200_000_000)]);
    assert_eq!(plain(Arc::new(Date64Array::from(vec![0]))).0, [Some(-3_600_000_000)]);
    let decimals = Decimal128Array::from(vec![at.into(), i128::MAX]).with_precision_and_scale(38, 0).unwrap();
    assert_eq!(plain(Arc::new(decimals)), (vec![Some(at * 1_000), None], vec![], vec![1]));
    let scaled = Decimal128Array::from(vec![1_500, 1_501]).with_precision_and_scale(38, 2).unwrap();
    assert_eq!(plain(Arc::new(scaled)), (vec![Some(15_000), None], vec![], vec![1]));
    let floats = Float64Array::from(vec![at as f64, 0.5, f64::NAN, 1e300]);
    assert_eq!(plain(Arc::new(floats)), (vec![Some(at * 1_000), None, None, None], vec![], vec![1, 2, 3]));
    assert_eq!(plain(Arc::new(BooleanArray::from(vec![Some(true), None]))), (vec![None, None], vec![], vec![0]));
    let far = TimestampSecondArray::from(vec![i64::MAX]).with_timezone("UTC");
    assert_eq!(plain(Arc::new(far)).2, [0]);
}
