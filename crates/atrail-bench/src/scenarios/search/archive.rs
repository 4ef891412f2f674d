//! The archives that are searched: how many events they have, of which days and spaces.

use atrail_model::Day;

use crate::events::TENANTS;

pub(crate) const SPACES: usize = TENANTS;
/// The space whose events are searched.
pub(crate) const MEASURED: usize = 0;

/// How the events are divided among the spaces.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Shares {
    Even,
    /// A quarter belongs to the measured space.
    FirstQuarter,
}

/// An archive.
#[derive(Debug)]
pub(crate) struct Archive {
    pub(crate) name: &'static str,
    pub(crate) events: u64,
    pub(crate) days: u32,
    pub(crate) last_day: Day,
    pub(crate) shares: Shares,
}

impl Archive {
    /// Returns the name that a figure shows.
    pub(crate) fn title(&self) -> String {
        let Self {
            name, events, days, ..
        } = self;
        format!("{name}, {events} events of {days} days in {SPACES} spaces")
    }

    /// Returns the nth day, from 0.
    pub(crate) const fn day(&self, nth: u32) -> Day {
        self.last_day.minus(self.days - 1 - nth)
    }

    /// Returns the first and last day.
    pub(crate) const fn days(&self) -> (Day, Day) {
        (self.day(0), self.last_day)
    }

    /// Returns the day in the middle, of which a dashboard is made.
    pub(crate) const fn middle_day(&self) -> Day {
        self.day(self.days / 2)
    }

    /// Returns the number of events of a space.
    pub(crate) fn of_space(&self, space: usize) -> u64 {
        let (events, space, spaces) = (self.events, space as u64, SPACES as u64);
        match self.shares {
            Shares::Even => share(events, space, spaces),
            Shares::FirstQuarter if space == 0 => events / 4,
            Shares::FirstQuarter => share(events - events / 4, space - 1, spaces - 1),
        }
    }

    /// Returns the number of events of a space on a day.
    pub(super) fn of_space_and_day(&self, space: usize, day: u32) -> u64 {
        share(self.of_space(space), u64::from(day), u64::from(self.days))
    }
}

/// Returns the nth of so many nearly equal parts.
const fn share(whole: u64, nth: u64, parts: u64) -> u64 {
    whole * (nth + 1) / parts - whole * nth / parts
}

#[cfg(test)]
mod tests {
    use super::*;

    fn archive(shares: Shares) -> Archive {
        Archive {
            name: "of a test",
            events: 10_007,
            days: 7,
            last_day: "2026-03-04".parse().unwrap(),
            shares,
        }
    }

    #[test]
    fn days_and_spaces_have_all_events() {
        for shares in [Shares::Even, Shares::FirstQuarter] {
            let archive = archive(shares);
            let of_spaces: u64 = (0..SPACES).map(|space| archive.of_space(space)).sum();
            assert_eq!(of_spaces, archive.events);
            for space in 0..SPACES {
                let days = (0..archive.days).map(|day| archive.of_space_and_day(space, day));
                assert_eq!(days.sum::<u64>(), archive.of_space(space), "{space}");
            }
        }
    }
}
