//! Fills a server with an archive, and counts what it sends.

use atrail_torture::Numbers;

use super::super::data::request;
use super::archive::{Archive, MEASURED, SPACES};
use super::expected::Expected;
use super::words::{COMMON, RARE, RARE_TAG};
use crate::events::{Events, Who};
use crate::failure::Result;
use crate::load;
use crate::server::Running;

/// Events of a request, at most.
const BATCH: u64 = 2_000;
/// Events that are generated and sent at a time.
const CHUNK: u64 = 50_000;
const CONNECTIONS: usize = 4;
/// The common user's share of the events.
const COMMON_PERCENT: u64 = 5;
/// The rare user's events in the measured space, and the events with the rare word, at least.
const RARE_EVENTS: u64 = 12;

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
    use super::super::archive::Shares;
    use super::*;

    #[test]
    fn the_same_seed_makes_the_same_lines_with_rare_events() {
        let lines = || {
            let archive = Archive {
                name: "of a test",
                events: 10_007,
                days: 7,
                last_day: "2026-03-04".parse().unwrap(),
                shares: Shares::Even,
            };
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
