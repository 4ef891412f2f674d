//! What the generator knows of the events: every answer is compared with it.

use std::cmp::Reverse;
use std::collections::{BTreeMap, BinaryHeap, HashMap};
use std::hash::{DefaultHasher, Hash, Hasher};

use atrail_model::Day;

use super::archive::{Archive, MEASURED};
use super::words::{COMMON, RARE};
use crate::events::Made;

/// Hits of a page, and values of a top list.
pub(crate) const PAGE: usize = 100;
pub(crate) const TOP: usize = 10;
/// Ids that are asked for, at most.
const IDS: usize = 40;
/// The fields of a dashboard's top lists.
pub(crate) const TOP_FIELDS: [&str; 4] = [
    "initiator.id",
    "action",
    "outcome",
    "initiator.host.address",
];

/// A line, known by its time and its hash.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Hit {
    /// Microseconds since 1970.
    pub(crate) time: u64,
    pub(crate) hash: u64,
}

impl Hit {
    fn of(made: &Made, line: &str) -> Self {
        Self {
            time: made.time,
            hash: hash(line.as_bytes()),
        }
    }
}

/// Returns the hash by which lines are compared.
pub(crate) fn hash(line: &[u8]) -> u64 {
    let mut hasher = DefaultHasher::new();
    line.hash(&mut hasher);
    hasher.finish()
}

/// The newest events of a kind.
#[derive(Debug, Default)]
pub(crate) struct Newest(BinaryHeap<Reverse<Hit>>);

impl Newest {
    fn add(&mut self, hit: Hit) {
        self.0.push(Reverse(hit));
        if self.0.len() > PAGE {
            self.0.pop();
        }
    }

    /// Returns the page of them, the newest first.
    pub(crate) fn page(&self) -> Vec<Hit> {
        let mut page: Vec<_> = self.0.iter().map(|Reverse(hit)| *hit).collect();
        page.sort_unstable_by(|a, b| b.cmp(a));
        page
    }
}

/// Some events, each known by its id.
#[derive(Debug, Default)]
pub(crate) struct Ids {
    seen: u64,
    some: Vec<(String, Hit)>,
}

impl Ids {
    /// Remembers one of so many.
    fn add(&mut self, made: &Made, hit: Hit, every: u64) {
        if self.seen.is_multiple_of(every.max(1)) {
            self.some.push((made.id.clone(), hit));
        }
        self.seen += 1;
    }

    /// Returns some of them, from all over the archive.
    pub(crate) fn spread(&self) -> impl Iterator<Item = &(String, Hit)> {
        let step = self.some.len().div_ceil(IDS).max(1);
        self.some.iter().step_by(step)
    }
}

/// The counts of a dashboard.
#[derive(Debug, Default)]
pub(crate) struct Counts {
    pub(crate) total: u64,
    /// By hour since 1970.
    hours: BTreeMap<u64, u64>,
    users: HashMap<u64, u64>,
    actions: HashMap<(&'static str, &'static str), u64>,
    outcomes: HashMap<&'static str, u64>,
    addresses: HashMap<u64, u64>,
}

impl Counts {
    fn add(&mut self, made: &Made) {
        self.total += 1;
        *self.hours.entry(made.time / 3_600_000_000).or_default() += 1;
        *self.users.entry(made.user).or_default() += 1;
        *self.actions.entry((made.verb, made.kind)).or_default() += 1;
        *self.outcomes.entry(made.outcome).or_default() += 1;
        *self.addresses.entry(made.address).or_default() += 1;
    }

    /// Returns the lines of the dashboard: the hours that have events, then the top values of each field, all as
    /// `KEY|COUNT`.
    pub(crate) fn lines(&self) -> Vec<String> {
        let hour = |(hour, count): (&u64, &u64)| {
            let day = u32::try_from(hour / 24).ok().and_then(Day::from_number);
            let day = day.map_or_else(String::new, |day| day.to_string());
            format!("{day}T{:02}|{count}", hour % 24)
        };
        let hours = self.hours.iter().map(hour);
        let users = top(&self.users, |user| format!("user-{user:05}"));
        let actions = top(&self.actions, |(verb, kind)| format!("{verb}/{kind}"));
        let outcomes = top(&self.outcomes, |outcome| (*outcome).to_owned());
        let addresses = top(&self.addresses, |address| {
            format!("10.12.{}.{}", address >> 8, address & 0xff)
        });
        let tops = [users, actions, outcomes, addresses];
        hours.chain(tops.into_iter().flatten()).collect()
    }
}

/// Returns the most frequent values, those of one count in the order of their text.
fn top<K>(counts: &HashMap<K, u64>, text: impl Fn(&K) -> String) -> Vec<String> {
    let mut all: Vec<_> = counts.iter().map(|(key, n)| (*n, text(key))).collect();
    all.sort_unstable_by(|(n, a), (m, b)| m.cmp(n).then_with(|| a.cmp(b)));
    all.truncate(TOP);
    all.iter().map(|(n, text)| format!("{text}|{n}")).collect()
}

/// What is known of an archive's events.
#[derive(Debug)]
pub(crate) struct Expected {
    middle_day: Day,
    first_day: Day,
    ids_every: u64,
    ids_of_space_every: u64,
    /// Bytes of all lines with their ends.
    pub(crate) bytes: u64,
    pub(crate) account: Counts,
    pub(crate) account_on_middle_day: Counts,
    pub(crate) space: Counts,
    pub(crate) space_on_first_day: Counts,
    pub(crate) newest_of_space: Newest,
    pub(crate) rare_of_space: Newest,
    pub(crate) common_of_space: Newest,
    pub(crate) with_rare_word: Newest,
    /// Number of the events with the rare word.
    pub(crate) rare_words: u64,
    pub(crate) ids_of_space: Ids,
    pub(crate) ids: Ids,
}

impl Expected {
    pub(super) fn new(archive: &Archive) -> Self {
        let some = |events: u64| events / u64::from(archive.days) / 10;
        Self {
            middle_day: archive.middle_day(),
            first_day: archive.day(0),
            ids_every: some(archive.events),
            ids_of_space_every: some(archive.of_space(MEASURED)),
            bytes: 0,
            account: Counts::default(),
            account_on_middle_day: Counts::default(),
            space: Counts::default(),
            space_on_first_day: Counts::default(),
            newest_of_space: Newest::default(),
            rare_of_space: Newest::default(),
            common_of_space: Newest::default(),
            with_rare_word: Newest::default(),
            rare_words: 0,
            ids_of_space: Ids::default(),
            ids: Ids::default(),
        }
    }

    /// Counts an event.
    pub(super) fn add(
        &mut self,
        space: usize,
        day: Day,
        has_rare_word: bool,
        made: &Made,
        line: &str,
    ) {
        let hit = Hit::of(made, line);
        self.bytes += line.len() as u64 + 1;
        self.account.add(made);
        if day == self.middle_day {
            self.account_on_middle_day.add(made);
        }
        self.ids.add(made, hit, self.ids_every);
        if has_rare_word {
            self.with_rare_word.add(hit);
            self.rare_words += 1;
        }
        if space != MEASURED {
            return;
        }
        self.space.add(made);
        if day == self.first_day {
            self.space_on_first_day.add(made);
        }
        self.newest_of_space.add(hit);
        self.ids_of_space.add(made, hit, self.ids_of_space_every);
        for (who, newest) in [
            (RARE, &mut self.rare_of_space),
            (COMMON, &mut self.common_of_space),
        ] {
            if made.user == who.user {
                newest.add(hit);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn made(time: u64, user: u64) -> Made {
        Made {
            id: format!("id-{time}"),
            time,
            user,
            verb: "read",
            kind: "storage/object",
            outcome: "success",
            address: 0x0102,
        }
    }

    #[test]
    fn a_dashboard_lists_hours_and_the_most_frequent_values() {
        let mut counts = Counts::default();
        for (hour, user) in [(0, 2), (0, 1), (0, 1), (25, 3)] {
            counts.add(&made(hour * 3_600_000_000 + 5, user));
        }
        assert_eq!(counts.total, 4);
        assert_eq!(
            counts.lines(),
            [
                "1970-01-01T00|3",
                "1970-01-02T01|1",
                "user-00001|2",
                "user-00002|1",
                "user-00003|1",
                "read/storage/object|4",
                "success|4",
                "10.12.1.2|4",
            ]
        );
    }

    #[test]
    fn a_page_has_the_newest() {
        let mut newest = Newest::default();
        let order = (0..250).map(|n| n * 77 % 250);
        order.for_each(|time| newest.add(Hit::of(&made(time, 1), &time.to_string())));
        let times: Vec<_> = newest.page().iter().map(|hit| hit.time).collect();
        assert_eq!(times, (150..250).rev().collect::<Vec<_>>());
    }
}
