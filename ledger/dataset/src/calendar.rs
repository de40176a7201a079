//! Dates and times as ISO 8601 writes them, and the days and fractions they stand for.
//!
//! The whole range of the canonical form is covered, years far beyond four digits too, which calendar libraries do not.

use std::fmt::Write;

/// Days since 1970-01-01 of a date of the proleptic Gregorian calendar.
/// After H. Hinnant, "chrono-Compatible Low-Level Date Algorithms", `days_from_civil`.
fn days(year: i64, month: u32, day: u32) -> i64 {
    let year = year - i64::from(month <= 2);
    let era = year.div_euclid(400);
    let of_era = year.rem_euclid(400);
    let of_year = (153 * i64::from((month + 9) % 12) + 2) / 5 + i64::from(day) - 1;
    era * 146_097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719_468
}

/// Year, month and day. The same source, `civil_from_days`.
fn civil(days: i64) -> (i64, u32, u32) {
    let days = days + 719_468;
    let era = days.div_euclid(146_097);
    let of_era = days.rem_euclid(146_097);
    let year = (of_era - of_era / 1_460 + of_era / 36_524 - of_era / 146_096) / 365;
    let of_year = of_era - (365 * year + year / 4 - year / 100);
    let month = (5 * of_year + 2) / 153;
    let day = of_year - (153 * month + 2) / 5 + 1;
    let month = if month < 10 { month + 3 } else { month - 9 };
    let year = year + era * 400 + i64::from(month <= 2);
    (
        year,
        u32::try_from(month).unwrap_or(0),
        u32::try_from(day).unwrap_or(0),
    )
}

fn length(year: i64, month: u32) -> u32 {
    let leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    match month {
        2 => 28 + u32::from(leap),
        4 | 6 | 9 | 11 => 30,
        _ => 31,
    }
}

/// Writes a date: four digits of the year where they suffice, a sign and at least six where they do not.
pub(crate) fn write_date(out: &mut String, date: i64) {
    let (year, month, day) = civil(date);
    let year = if (0..=9999).contains(&year) {
        format!("{year:04}")
    } else {
        format!("{year:+07}")
    };
    // Writing to a string does not fail.
    let _ = write!(out, "{year}-{month:02}-{day:02}");
}

/// Writes a time of day, the fraction of its second without zeros at the end.
pub(crate) fn write_time(out: &mut String, seconds: u64, fraction: u64, digits: u8) {
    let (hours, minutes) = (seconds / 3600, seconds / 60 % 60);
    let _ = write!(out, "{hours:02}:{minutes:02}:{:02}", seconds % 60);
    if fraction != 0 {
        let fraction = format!("{fraction:0width$}", width = usize::from(digits));
        out.push('.');
        out.push_str(fraction.trim_end_matches('0'));
    }
}

/// What is left of a text that is being read.
struct Rest<'a>(&'a [u8]);

impl Rest<'_> {
    fn byte(&mut self, expected: u8) -> Option<()> {
        let rest = self.0.strip_prefix(&[expected])?;
        self.0 = rest;
        Some(())
    }

    /// A number of exactly that many digits.
    fn number(&mut self, digits: usize) -> Option<i64> {
        let (number, rest) = self.0.split_at_checked(digits)?;
        let mut value = 0;
        for digit in number {
            if !digit.is_ascii_digit() {
                return None;
            }
            value = value * 10 + i64::from(digit - b'0');
        }
        self.0 = rest;
        Some(value)
    }

    fn small(&mut self, limit: u32) -> Option<u32> {
        let number = u32::try_from(self.number(2)?).ok()?;
        (number <= limit).then_some(number)
    }

    fn date(&mut self) -> Option<i64> {
        let year = match self.0.first()? {
            sign @ (b'+' | b'-') => {
                let rest = &self.0[1..];
                let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
                // More digits than any date of the canonical form has.
                if !(6..=9).contains(&digits) || (digits > 6 && rest[0] == b'0') {
                    return None;
                }
                self.0 = rest;
                let year = self.number(digits)?;
                if *sign == b'-' { -year } else { year }
            }
            _ => self.number(4)?,
        };
        self.byte(b'-')?;
        let month = self.small(12)?;
        self.byte(b'-')?;
        let day = self.small(31)?;
        let there = month > 0 && day > 0 && day <= length(year, month);
        there.then(|| days(year, month, day))
    }

    /// Seconds and nanoseconds.
    fn time(&mut self) -> Option<(i64, i64)> {
        let hours = self.small(23)?;
        self.byte(b':')?;
        let minutes = self.small(59)?;
        let mut seconds = 0;
        if self.0.first() == Some(&b':') {
            self.byte(b':')?;
            seconds = self.small(59)?;
        }
        let seconds = i64::from(hours * 3600 + minutes * 60 + seconds);
        let mut nanos = 0;
        if self.0.first() == Some(&b'.') {
            let rest = &self.0[1..];
            let digits = rest.iter().take_while(|byte| byte.is_ascii_digit()).count();
            let kept = digits.min(9);
            if digits == 0 || rest[kept..digits].iter().any(|digit| *digit != b'0') {
                return None;
            }
            self.0 = rest;
            nanos = self.number(kept)? * 10i64.pow(u32::try_from(9 - kept).ok()?);
            self.0 = &rest[digits..];
        }
        Some((seconds, nanos))
    }

    /// Seconds east of Greenwich.
    fn zone(&mut self) -> Option<i64> {
        let (sign, rest) = match self.0.split_first()? {
            (b'Z' | b'z', []) => {
                self.0 = &[];
                return Some(0);
            }
            (b'+', rest) => (1, rest),
            (b'-', rest) => (-1, rest),
            _ => return None,
        };
        self.0 = rest;
        let hours = self.small(23)?;
        let mut minutes = 0;
        if !self.0.is_empty() {
            if self.0.first() == Some(&b':') {
                self.byte(b':')?;
            }
            minutes = self.small(59)?;
        }
        Some(sign * i64::from(hours * 3600 + minutes * 60))
    }
}

/// Days since 1970-01-01 of a date such as `2026-11-21`.
pub(crate) fn date(text: &str) -> Option<i64> {
    let mut rest = Rest(text.as_bytes());
    let date = rest.date()?;
    rest.0.is_empty().then_some(date)
}

/// Nanoseconds since midnight of a time such as `23:45:06.789`.
pub(crate) fn time(text: &str) -> Option<u64> {
    let mut rest = Rest(text.as_bytes());
    let (seconds, nanos) = rest.time()?;
    let nanos = u64::try_from(seconds * 1_000_000_000 + nanos).ok()?;
    rest.0.is_empty().then_some(nanos)
}

/// What a timestamp such as `2026-11-21T23:45:06.789Z` says.
pub(crate) struct Moment {
    /// Seconds since 1970-01-01T00:00:00, in UTC if there is a zone.
    pub(crate) seconds: i64,
    /// Nanoseconds of the second.
    pub(crate) nanos: i64,
    /// Whether there is a zone.
    pub(crate) zoned: bool,
}

/// Reads a timestamp: a date, `T` or a space, a time, and a zone or none.
pub(crate) fn moment(text: &str) -> Option<Moment> {
    let mut rest = Rest(text.as_bytes());
    let date = rest.date()?;
    rest.byte(b'T').or_else(|| rest.byte(b' '))?;
    let (seconds, nanos) = rest.time()?;
    let zoned = !rest.0.is_empty();
    let east = if zoned { rest.zone()? } else { 0 };
    rest.0.is_empty().then_some(Moment {
        seconds: date * 86_400 + seconds - east,
        nanos,
        zoned,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_day_of_eight_centuries_follows_the_one_before() {
        let mut expected = days(1600, 1, 1);
        for year in 1600..2400 {
            for month in 1..=12 {
                for day in 1..=length(year, month) {
                    assert_eq!(days(year, month, day), expected);
                    assert_eq!(civil(expected), (year, month, day));
                    expected += 1;
                }
            }
        }
        assert_eq!(days(1970, 1, 1), 0);
        assert_eq!(date("2000-02-29"), Some(11_016));
    }

    #[test]
    fn what_is_no_date() {
        for text in [
            "2023-02-29",
            "1900-02-29",
            "2023-13-01",
            "2023-00-01",
            "2023-01-00",
            "2023-1-1",
            "23-01-01",
            "2023-01-01 ",
            "2023/01/01",
            "+2023-01-01",
            "+0002023-01-01",
            "",
        ] {
            assert_eq!(date(text), None, "{text}");
        }
        for text in [
            "24:00:00",
            "23:60",
            "23:59:60",
            "23",
            "1:02:03",
            "01:02:03.",
            "01:02:03.0000000001",
        ] {
            assert_eq!(time(text), None, "{text}");
        }
        for text in [
            "2023-01-01",
            "2023-01-01T",
            "2023-01-01T01:02:03 Z",
            "2023-01-01T01:02:03+1",
            "2023-01-01t01:02",
        ] {
            assert!(moment(text).is_none(), "{text}");
        }
    }

    #[test]
    fn zones_are_taken_off() {
        let seconds =
            |text| moment(text).map(|moment| (moment.seconds, moment.nanos, moment.zoned));
        assert_eq!(seconds("1970-01-01T02:00:00+02:00"), Some((0, 0, true)));
        assert_eq!(seconds("1969-12-31 19:30-0430"), Some((0, 0, true)));
        assert_eq!(
            seconds("1970-01-01T00:00:01.5"),
            Some((1, 500_000_000, false))
        );
        assert_eq!(
            seconds("1970-01-01T00:00:01.500000000000Z"),
            Some((1, 500_000_000, true))
        );
    }
}
