//! The expected contents of a store in the simplest form: the number of copies of each event.

use std::collections::{BTreeMap, BTreeSet};

/// The number of an event, which determines everything about it.
pub(super) type Number = u8;

/// The domains: two spaces, and the account's own.
pub(super) type DomainAt = usize;
pub(super) const DOMAINS: usize = 3;

pub(super) const fn day_of(number: Number) -> u8 {
    number % 3
}

pub(super) const fn hour_of(number: Number) -> u8 {
    number / 3 % 3
}

/// The number of copies of an event: after an interrupted request, or beyond the window, only a read determines it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Copies {
    pub(super) least: u64,
    pub(super) most: u64,
    /// When the last certain copy arrived, in seconds.
    since: i64,
}

/// A scope in the model's terms.
#[derive(Debug, Clone, Copy)]
pub(super) struct Extent {
    /// One space, or with `None` the whole account.
    pub(super) space: Option<DomainAt>,
    pub(super) days: (u8, u8),
    pub(super) hours: (u8, u8),
}

impl Extent {
    pub(super) const EVERYTHING: Self = Self {
        space: None,
        days: (0, 2),
        hours: (0, 2),
    };

    pub(super) fn has(&self, domain: DomainAt, number: Number) -> bool {
        let within = |value: u8, (first, last): (u8, u8)| (first..=last).contains(&value);
        self.space.is_none_or(|space| space == domain)
            && within(day_of(number), self.days)
            && within(hour_of(number), self.hours)
    }
}

pub(super) type Place = (DomainAt, Number);

#[derive(Debug)]
pub(super) struct Model {
    window_secs: i64,
    places: BTreeMap<Place, Copies>,
}

impl Model {
    pub(super) const fn new(window_secs: i64) -> Self {
        Self {
            window_secs,
            places: BTreeMap::new(),
        }
    }

    /// Returns how many events an append of these may store, at least and at most.
    fn fresh(&self, domain: DomainAt, numbers: &BTreeSet<Number>, now: i64) -> (u64, u64) {
        let mut bounds = (0, 0);
        for number in numbers {
            let copies = self.copies(domain, *number);
            bounds.0 += u64::from(copies.most == 0);
            bounds.1 += u64::from(!self.is_known(copies, now));
        }
        bounds
    }

    /// Reports whether a repeated event is detected after its seal.
    pub(super) const fn remembers_sealed(&self) -> bool {
        self.window_secs > 0
    }

    fn is_known(&self, copies: Copies, now: i64) -> bool {
        copies.least > 0 && now - copies.since < self.window_secs
    }

    fn copies(&self, domain: DomainAt, number: Number) -> Copies {
        self.places
            .get(&(domain, number))
            .copied()
            .unwrap_or_default()
    }

    /// Records an answered append, with the number of stored events.
    pub(super) fn appended(
        &mut self,
        domain: DomainAt,
        numbers: &BTreeSet<Number>,
        now: i64,
        stored: u64,
    ) {
        let (least, most) = self.fresh(domain, numbers, now);
        assert!(
            (least..=most).contains(&stored),
            "{stored} stored in place of {least} to {most}"
        );
        for number in numbers {
            let copies = self.copies(domain, *number);
            let is_within = now - copies.since < self.window_secs;
            let after = if copies.most == 0 || (stored == most && !self.is_known(copies, now)) {
                Copies {
                    least: copies.least + 1,
                    // An event that arrived within the window was absent after all, or it would have been detected.
                    most: copies.most + u64::from(copies.most == 0 || !is_within),
                    since: now,
                }
            } else if stored == least || self.is_known(copies, now) {
                Copies {
                    least: copies.least.max(1),
                    ..copies
                }
            } else {
                Copies {
                    least: copies.least.max(1),
                    most: copies.most + 1,
                    ..copies
                }
            };
            self.places.insert((domain, *number), after);
        }
    }

    /// Records an interrupted append: each of its events may have been stored or not.
    pub(super) fn append_unknown(
        &mut self,
        domain: DomainAt,
        numbers: &BTreeSet<Number>,
        now: i64,
    ) {
        for number in numbers {
            let copies = self.copies(domain, *number);
            if !self.is_known(copies, now) {
                // A copy that may exist, and arrived within the window, would be detected.
                let is_first = copies.most == 0;
                let adds = is_first || now - copies.since >= self.window_secs;
                let after = Copies {
                    most: copies.most + u64::from(adds),
                    since: if is_first { now } else { copies.since },
                    ..copies
                };
                self.places.insert((domain, *number), after);
            }
        }
    }

    /// Returns how many events an extent has, at least and at most.
    pub(super) fn count(&self, extent: &Extent) -> (u64, u64) {
        let held = self.held(extent);
        let sum = |of: fn(&Copies) -> u64| held.values().map(of).sum();
        (sum(|copies| copies.least), sum(|copies| copies.most))
    }

    pub(super) fn held(&self, extent: &Extent) -> BTreeMap<Place, Copies> {
        let all = self.places.iter();
        all.filter(|((domain, number), _)| extent.has(*domain, *number))
            .map(|(place, copies)| (*place, *copies))
            .collect()
    }

    /// Records the events that a read found.
    pub(super) fn seen(&mut self, extent: &Extent, found: &BTreeMap<Place, u64>) {
        for (place, copies) in &mut self.places {
            if !extent.has(place.0, place.1) {
                continue;
            }
            let there = found.get(place).copied().unwrap_or(0);
            let Copies { least, most, .. } = *copies;
            assert!(
                (least..=most).contains(&there),
                "{place:?} is there {there} times in place of {least} to {most}"
            );
            (copies.least, copies.most) = (there, there);
        }
        for place in found.keys() {
            assert!(
                extent.has(place.0, place.1) && self.places.contains_key(place),
                "{place:?} does not belong there"
            );
        }
    }

    pub(super) fn deleted(&mut self, extent: &Extent) {
        self.places
            .retain(|(domain, number), _| !extent.has(*domain, *number));
    }

    /// Records an interrupted deletion: it removed all of its events or none.
    pub(super) fn deletion_unknown(&mut self, extent: &Extent) {
        for ((domain, number), copies) in &mut self.places {
            if extent.has(*domain, *number) {
                copies.least = 0;
            }
        }
    }
}

/// The controls: the model refuses the answers of a faulty store.
mod controls {
    use super::*;

    const ALL: Extent = Extent::EVERYTHING;

    fn model() -> Model {
        let mut model = Model::new(100);
        model.appended(0, &[1, 2].into(), 0, 2);
        model
    }

    #[test]
    fn sound_answers_pass() {
        let mut model = model();
        model.appended(0, &[1, 2, 3].into(), 99, 1);
        model.appended(1, &[1].into(), 99, 1);
        model.seen(
            &ALL,
            &[((0, 1), 1), ((0, 2), 1), ((0, 3), 1), ((1, 1), 1)].into(),
        );
        model.append_unknown(0, &[4].into(), 99);
        assert_eq!(model.count(&ALL), (4, 5));
        model.deleted(&ALL);
        model.appended(0, &[1].into(), 99, 1);
        // Beyond the window both answers are right.
        model.appended(0, &[1].into(), 300, 1);
        assert_eq!(model.count(&ALL), (2, 2));
    }

    #[test]
    #[should_panic(expected = "1 stored in place of 0 to 0")]
    fn a_second_copy_within_the_window() {
        model().appended(0, &[1].into(), 99, 1);
    }

    #[test]
    #[should_panic(expected = "0 stored in place of 1 to 1")]
    fn a_wrong_duplicate() {
        model().appended(1, &[1].into(), 0, 0);
    }

    #[test]
    #[should_panic(expected = "(0, 2) is there 0 times in place of 1 to 1")]
    fn a_loss() {
        model().seen(&ALL, &[((0, 1), 1)].into());
    }

    #[test]
    #[should_panic(expected = "(0, 2) is there 2 times in place of 1 to 1")]
    fn a_duplicate() {
        model().seen(&ALL, &[((0, 1), 1), ((0, 2), 2)].into());
    }

    #[test]
    #[should_panic(expected = "(1, 2) does not belong there")]
    fn an_event_in_another_domain() {
        model().seen(&ALL, &[((0, 1), 1), ((0, 2), 1), ((1, 2), 1)].into());
    }
}
