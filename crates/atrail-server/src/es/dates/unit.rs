//! The units of dates.

use atrail_model::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use jiff::{Span, ToSpan};

/// A unit of date math and of precision.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Unit {
    Millisecond,
    Second,
    Minute,
    Hour,
    Day,
    Week,
    Month,
    Quarter,
    Year,
}

impl Unit {
    /// Returns the unit with this letter of date math.
    pub(super) fn of_letter(letter: char) -> Option<Self> {
        Some(match letter {
            's' => Self::Second,
            'm' => Self::Minute,
            'h' | 'H' => Self::Hour,
            'd' => Self::Day,
            'w' => Self::Week,
            'M' => Self::Month,
            'y' => Self::Year,
            _ => return None,
        })
    }

    /// Returns so many of the unit; `None` for more than a calendar has.
    fn times(self, count: i64) -> Option<Span> {
        let span = Span::new();
        match self {
            Self::Millisecond => span.try_milliseconds(count),
            Self::Second => span.try_seconds(count),
            Self::Minute => span.try_minutes(count),
            Self::Hour => span.try_hours(count),
            Self::Day => span.try_days(count),
            Self::Week => span.try_weeks(count),
            Self::Month => span.try_months(count),
            Self::Quarter => span.try_months(count.checked_mul(3)?),
            Self::Year => span.try_years(count),
        }
        .ok()
    }

    /// Returns the beginning of the unit that contains a civil time. Weeks begin on Mondays.
    pub(crate) fn floor(self, at: DateTime) -> Option<DateTime> {
        let (date, time) = (at.date(), at.time());
        Some(match self {
            Self::Millisecond => {
                let millis = i32::from(time.millisecond()) * 1_000_000;
                date.to_datetime(time.with().subsec_nanosecond(millis).build().ok()?)
            }
            Self::Second => date.at(time.hour(), time.minute(), time.second(), 0),
            Self::Minute => date.at(time.hour(), time.minute(), 0, 0),
            Self::Hour => date.at(time.hour(), 0, 0, 0),
            Self::Day => date.at(0, 0, 0, 0),
            Self::Week => {
                let days = i64::from(date.weekday().to_monday_zero_offset());
                date.checked_sub(days.days()).ok()?.at(0, 0, 0, 0)
            }
            Self::Month => date.first_of_month().at(0, 0, 0, 0),
            Self::Quarter => {
                let month = (date.month() - 1) / 3 * 3 + 1;
                date.with().month(month).day(1).build().ok()?.at(0, 0, 0, 0)
            }
            Self::Year => date.first_of_year().at(0, 0, 0, 0),
        })
    }

    /// Returns the civil time so many units later.
    pub(crate) fn later(self, at: DateTime, count: i64) -> Option<DateTime> {
        at.checked_add(self.times(count)?).ok()
    }
}

/// Returns the instant at which a zone's clocks show a civil time; of two the first, in a gap the one after it.
pub(crate) fn in_zone(at: DateTime, zone: &TimeZone) -> Option<Timestamp> {
    zone.to_ambiguous_timestamp(at).compatible().ok()
}
