#![allow(clippy::unwrap_used)]
use super::*;
use proptest::prelude::*;

/// What a pattern reads, as `time zone`.
fn read(pattern: &str, text: &str) -> Result<String, String> {
    let read = TimePattern::new(pattern).unwrap().read(text)?;
    Ok(match read.zone {
        None => read.clock.to_string(),
        Some(zone) => format!(
            "{} {}",
            read.clock,
            zone.iana_name().map_or_else(|| zone.to_fixed_offset().unwrap().to_string(), str::to_owned)
        ),
    })
}

#[test]
fn times_are_read_by_their_pattern() {
    for (pattern, text, expected) in [
        ("M/d/yyyy H:mm:ss", "1/1/2021 5:06:07", "2021-01-01T05:06:07"),
        ("M/d/yyyy H:mm:ss", "12/31/2021 23:59:59", "2021-12-31T23:59:59"),
        ("MM/dd/yyyy", "1/2/2021", "2021-01-02T00:00:00"),
        ("dd.MM.yy", "04.11.25", "2025-11-04T00:00:00"),
        ("yyyyMMddHHmmssSSS", "20251104100203123", "2025-11-04T10:02:03.123"),
        ("yyyy-MM-dd'T'HH:mm:ss.SSSSSS", "2025-11-04T10:02:03.123456", "2025-11-04T10:02:03.123456"),
        ("yyyy-MM-dd'T'HH:mm:ssXXX", "2025-11-04T10:02:03+01:00", "2025-11-04T10:02:03 +01"),
        ("yyyy-MM-dd HH:mm:ss Z", "2025-11-04 10:02:03 -0530", "2025-11-04T10:02:03 -05:30"),
        ("yyyy-MM-dd'T'HH:mmX", "2025-11-04T10:02Z", "2025-11-04T10:02:00 UTC"),
        ("yyyy-MM-dd HH:mm:ss z", "2025-11-04 10:02:03 Europe/Berlin", "2025-11-04T10:02:03 Europe/Berlin"),
        ("yyyy-MM-dd HH:mm VV", "2025-11-04 10:02 UTC", "2025-11-04T10:02:00 UTC"),
        ("MMM d, yyyy h:mm a", "Nov 4, 2025 12:05 AM", "2025-11-04T00:05:00"),
        ("MMM d, yyyy h:mm a", "nov 4, 2025 1:05 pm", "2025-11-04T13:05:00"),
        ("MMMM d yyyy K:mm a", "September 4 2025 0:05 PM", "2025-09-04T12:05:00"),
        ("EEE, dd MMM yyyy HH:mm:ss", "Tue, 04 Nov 2025 10:02:03", "2025-11-04T10:02:03"),
        ("EEEE d/M/uuuu kk", "Tuesday 4/11/2025 24", "2025-11-04T00:00:00"),
        ("yyyy.D", "2024.366", "2024-12-31T00:00:00"),
        ("''yyyy''MM dd 'o''clock'", "'2025'11 04 o'clock", "2025-11-04T00:00:00"),
        ("yyyy年M月d日", "2025年11月4日", "2025-11-04T00:00:00"),
    ] {
        assert_eq!(read(pattern, text).as_deref(), Ok(expected), "{pattern}");
    }
}

#[test]
fn what_is_no_such_time_is_told() {
    for (pattern, text, why) in [
        ("M/d/yyyy", "13/1/2021", "no such time"),
        ("M/d/yyyy", "2/29/2021", "no such time"),
        ("M/d/yyyy", "1/1/21", "a number is wanted"),
        ("M/d/yyyy", "2021-01-01", "'/' is wanted"),
        ("M/d/yyyy", "1/1/2021 5:06", "\" 5:06\" is left over"),
        ("M/d/yyyy", "", "a number is wanted"),
        ("yyyyMMdd", "2021111", "a number is wanted"),
        ("yyyy-MM-dd HH", "2021-01-01 24", "no such time"),
        ("yyyy-MM-dd kk", "2021-01-01 00", "no such time"),
        ("yyyy-MM-dd kk", "2021-01-01 25", "no such time"),
        ("yyyy-MM-dd hh a", "2021-01-01 00 AM", "no such time"),
        ("yyyy-MM-dd hh a", "2021-01-01 13 AM", "no such time"),
        ("yyyy-MM-dd hh a", "2021-01-01 11 XX", "AM or PM"),
        ("yyyy-MM-dd HH:mm:ss", "2021-01-01 00:00:60", "no such time"),
        ("yyyy-MM-dd.SSS", "2021-01-01.5", "a number is wanted"),
        ("yyyy-MMM-dd", "2021-Foo-01", "the name of a month"),
        ("EEE yyyy-MM-dd", "Mon 2025-11-04", "another day of the week"),
        ("yyyy-MM-ddX", "2021-01-01+25", "an offset"),
        ("yyyy-MM-dd z", "2021-01-01 PST", "time zone"),
        ("yyyy-D", "2023-366", "no such time"),
        ("yyyy-D", "2023-0", "no such time"),
        ("yyyy-M-d", "123456-1-1", "no such time"),
    ] {
        let error = read(pattern, text).unwrap_err();
        assert!(error.contains(why), "{pattern} {text}: {error}");
    }
}

#[test]
fn what_is_no_pattern_is_refused_at_the_start() {
    for (pattern, why) in [
        ("", "must tell a year"),
        ("HH:mm", "must tell a year"),
        ("yyyy-MM", "must tell a year"),
        ("yyyy-MM-dd D", "must tell a year"),
        ("yyyy yyyy-MM-dd", "must tell a year"),
        ("YYYY-MM-dd", "the year is written y"),
        ("yyyy-mm-dd", "must tell a year"),
        ("yyyy-MM-dd hh:mm", "AM or PM"),
        ("yyyy-MM-dd HH a", "AM or PM"),
        ("yyyy-MM-dd HH k", "something twice"),
        ("yyyy-MM-dd Xz", "something twice"),
        ("yyyy-MM-dd'T", "quote is not closed"),
        ("yyyy-MM-dd[ HH]", "[ is not supported"),
        ("yyyy-MM-dd G", "the letter G"),
        ("yyyy-MMMMM-dd", "5 times M"),
        ("yyyy-MM-ddd", "3 times d"),
        ("yyyy-MM-dd SSSSSSSSSS", "10 times S"),
        ("%Y-%m-%d", "the year is written y"),
    ] {
        let error = TimePattern::new(pattern).unwrap_err();
        assert!(error.contains(why) && error.contains(&format!("{pattern:?}")), "{pattern}: {error}");
    }
}

proptest! {
    #[test]
    fn no_text_panics(text in "[0-9/:ZAPM+ é-]{0,24}", extra in "[yMdHhkKmsSaXzE':. é]{0,8}") {
        for pattern in ["M/d/yyyy H:mm:ss", "yyyyMMddHHmmssSSS", "EEE MMM d yyyy hh:mm a XXX", "yyyy-D kk z"] {
            let _ = TimePattern::new(pattern).unwrap().read(&text);
        }
        if let Ok(pattern) = TimePattern::new(&format!("yyyy-MM-dd{extra}")) {
            let _ = pattern.read(&text);
        }
    }

    /// What a pattern of fixed widths wrote, it reads.
    #[test]
    fn what_is_written_is_read(year in 1i16..9999, day in 1i16..=365, second in 0i32..86_400, milli in 0i32..1_000) {
        let date = Date::new(year, 1, 1).unwrap().with().day_of_year(day).build().unwrap();
        let clock = jiff::civil::Time::new((second / 3600) as i8, (second / 60 % 60) as i8, (second % 60) as i8, milli * 1_000_000).unwrap();
        let (y, m, d) = (date.year(), date.month(), date.day());
        let (hh, mm, ss) = (clock.hour(), clock.minute(), clock.second());
        let half = match hh % 12 { 0 => 12, h => h };
        for (pattern, text) in [
            ("yyyyMMddHHmmssSSS", format!("{y:04}{m:02}{d:02}{hh:02}{mm:02}{ss:02}{milli:03}")),
            ("d.M.yyyy h:m:s.SSS a", format!("{d}.{m}.{y:04} {half}:{mm}:{ss}.{milli:03} {}", if hh < 12 { "AM" } else { "PM" })),
            ("MMM/dd/yyyy'T'kk:mm:ss,SSS", format!("{}/{d:02}/{y:04}T{:02}:{mm:02}:{ss:02},{milli:03}", &MONTHS[m as usize - 1][..3], if hh == 0 { 24 } else { hh })),
        ] {
            prop_assert_eq!(TimePattern::new(pattern).unwrap().read(&text).unwrap().clock, date.to_datetime(clock), "{}", pattern);
        }
    }
}
