//! The archives that are searched: how many events they have, of which days and spaces.

use atrail_model::Day;
use atrail_torture::Numbers;

use super::super::data::request;
use super::expected::Expected;
use super::words::{COMMON, RARE, RARE_TAG};
use crate::events::{Events, TENANTS, Who};
use crate::failure::Result;
use crate::load;
use crate::server::Running;

pub(crate) const SPACES: usize = TENANTS;
/// The space whose events are searched.
pub(crate) const MEASURED: usize = 0;
/// Events of a request, at most.
const BATCH: u64 = 2_000;
/// Events that are generated and sent at a time.
const CHUNK: u64 = 50_000;
const CONNECTIONS: usize = 4;
/// The common user's share of the events.
const COMMON_PERCENT: u64 = 5;
/// The rare user's events in the measured space, and the events with the rare word, at least.
const RARE_EVENTS: u64 = 12;

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
    fn of_space_and_day(&self, space: usize, day: u32) -> u64 {
        share(self.of_space(space), u64::from(day), u64::from(self.days))
    }
}

/// Returns the nth of so many nearly equal parts.
const fn share(whole: u64, nth: u64, parts: u64) -> u64 {
    whole * (nth + 1) / parts - whole * nth / parts
}

/// Fills a server with an archive, and counts what it sends.
#[derive(Debug)]
pub(crate) struct Filling<'a> {
    archive: &'a Archive,
    events: Events,
    numbers: Numbers,
    /// Events of all spaces, and of each.
    made: u64,
    made_of: Vec<u64>,
    expected: Expected,
}

impl<'a> Filling<'a> {
    /// Returns the beginning; the same seed makes the same events.
    pub(crate) fn new(archive: &'a Archive, seed: u64) -> Self {
        Self {
            archive,
            events: Events::new(seed, archive.last_day),
            numbers: Numbers::new(!seed),
            made: 0,
            made_of: vec![0; SPACES],
            expected: Expected::new(archive),
        }
    }

    /// Returns what is known of the events so far.
    pub(crate) const fn expected(&self) -> &Expected {
        &self.expected
    }

    pub(crate) fn into_expected(self) -> Expected {
        self.expected
    }

    /// Sends all days.
    pub(crate) fn send_all(&mut self, server: &Running, spaces: &[String]) -> Result<()> {
        (0..self.archive.days).try_for_each(|day| self.send_day(server, spaces, day))
    }

    /// Sends the events of the nth day, of one space after the other.
    pub(crate) fn send_day(&mut self, server: &Running, spaces: &[String], day: u32) -> Result<()> {
        let (mut requests, mut waiting) = (Vec::new(), 0);
        for (nth, space) in spaces.iter().enumerate() {
            let count = self.archive.of_space_and_day(nth, day);
            let mut first = 0;
            while first < count {
                let end = count.min(first + BATCH);
                let mut text = String::new();
                for number in first..end {
                    self.line(nth, (day, number * 24 / count), &mut text);
                }
                waiting += end - first;
                first = end;
                requests.push(request(server, space, text.into_bytes(), false)?);
                if waiting >= CHUNK {
                    load::send(server.address(), &requests, CONNECTIONS)?;
                    requests.clear();
                    waiting = 0;
                }
            }
        }
        if !requests.is_empty() {
            load::send(server.address(), &requests, CONNECTIONS)?;
        }
        Ok(())
    }

    /// Calls this with each event of the archive, in the order of days and spaces: its space, its microseconds since
    /// 1970, and its line.
    pub(crate) fn each_line(
        &mut self,
        to: &mut dyn FnMut(usize, u64, &str) -> Result<()>,
    ) -> Result<()> {
        let mut text = String::new();
        for day in 0..self.archive.days {
            for space in 0..SPACES {
                let count = self.archive.of_space_and_day(space, day);
                for number in 0..count {
                    text.clear();
                    let time = self.line(space, (day, number * 24 / count), &mut text);
                    to(space, time, text.trim_end())?;
                }
            }
        }
        Ok(())
    }

    /// Appends the next event of a space, and returns its time.
    fn line(&mut self, space: usize, (day, hour): (u32, u64), text: &mut String) -> u64 {
        let begin = text.len();
        let who = self.who(space);
        let day = self.archive.day(day);
        let made = self.events.line_of(who, (day, hour), text);
        let line = text[begin..].trim_end();
        self.expected
            .add(space, day, who.tag.is_some(), &made, line);
        self.made += 1;
        self.made_of[space] += 1;
        made.time
    }

    fn who(&mut self, space: usize) -> Who {
        let is_now = |made: u64, all: u64| {
            let every = (all / RARE_EVENTS).max(1);
            made % every == every / 2
        };
        let mut who =
            if space == MEASURED && is_now(self.made_of[space], self.archive.of_space(space)) {
                RARE
            } else if self.numbers.chance(COMMON_PERCENT) {
                COMMON
            } else {
                self.events.anyone()
            };
        if is_now(self.made, self.archive.events) {
            who.tag = Some(RARE_TAG);
        }
        who
    }
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

    #[test]
    fn the_same_seed_makes_the_same_lines_with_rare_events() {
        let lines = || {
            let archive = archive(Shares::Even);
            let (mut all, mut filling) = (Vec::new(), Filling::new(&archive, 3));
            let mut add = |space: usize, _: u64, line: &str| {
                all.push((space, line.to_owned()));
                Ok(())
            };
            filling.each_line(&mut add).unwrap();
            all
        };
        let all = lines();
        assert_eq!(all.len(), 10_007);
        assert!(all == lines());
        let has = |text: &str| all.iter().filter(|(_, line)| line.contains(text)).count();
        assert!((12..=14).contains(&has("\"quixotic maintenance\"")));
        assert!((12..=14).contains(&has("\"user-05001\"")));
        assert!((400..=600).contains(&has("\"user-05000\"")));
    }
}
