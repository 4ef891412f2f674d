//! What some days of a search's scope have, at one moment: files of the index, objects that they do not cover, and lines
//! that are not sealed yet. Each event is in exactly one of these.

use std::collections::{BTreeMap, BTreeSet, HashMap, HashSet};
use std::sync::Arc;

use atrail_archive::object::Line;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::index_files::IndexFileRow;
use atrail_catalog::searching::SearchedObject;
use atrail_disk::Result;
use atrail_model::{Day, DayRange, Domain, Hour, Hours, Place, Scope, SegmentId, Target};
use atrail_search::TimeRange;
use atrail_wal::Moved;
use bytes::Bytes;

use super::index_cache::VERSION;
use crate::core::Core;

/// Lines that are taken from the journal at a time: appends wait meanwhile.
const LINES_AT_ONCE: usize = 4096;

/// The domains of a search, in the order in which events of one time are.
#[derive(Debug)]
pub(super) struct Domains {
    rows: Vec<DomainRow>,
    numbers: HashMap<Domain, u32>,
}

/// Unsealed events of an hour, in the order of their arrival.
#[derive(Debug)]
pub(super) struct UnsealedHour {
    pub(super) place: Place,
    pub(super) lines: Vec<Bytes>,
}

/// Which segments of an object no file of the index covers; `None`: all.
pub(super) type Uncovered = Option<Arc<HashSet<SegmentId>>>;

/// What some days have.
#[derive(Debug, Default)]
pub(super) struct Listing {
    pub(super) files: Vec<Arc<IndexFileRow>>,
    pub(super) objects: Vec<(Arc<SearchedObject>, Uncovered)>,
    pub(super) unsealed: Vec<Arc<UnsealedHour>>,
    pub(super) unindexed: BTreeSet<Day>,
}

impl Domains {
    pub(super) async fn of(core: &Core, target: Target) -> Result<Self> {
        let mut rows = core.catalog.domains_of(target).await?;
        rows.sort_unstable_by_key(|row| row.domain);
        let numbers = (0..).zip(&rows).map(|(nth, row)| (row.domain, nth));
        Ok(Self {
            numbers: numbers.collect(),
            rows,
        })
    }

    /// Returns those that have unsealed events. What is acknowledged before the call, and of no such domain, is sealed.
    fn unsealed(&self, core: &Core) -> Vec<DomainRow> {
        let unsealed = core.journal.unsealed_domains();
        let rows = self.rows.iter();
        let rows = rows.filter(|row| unsealed.contains(&row.domain));
        rows.copied().collect()
    }

    /// Returns a domain's number in the order of the domains.
    pub(super) fn number(&self, domain: Domain) -> u32 {
        self.numbers.get(&domain).copied().unwrap_or(u32::MAX)
    }

    pub(super) fn domain(&self, number: u32) -> Option<Domain> {
        Some(self.rows.get(usize::try_from(number).ok()?)?.domain)
    }
}

/// Returns the first and last day of a range, if it has one.
pub(super) fn days_of(range: TimeRange) -> Option<DayRange> {
    let last = range
        .to
        .checked_sub(std::time::Duration::from_nanos(1))
        .ok()?;
    if last < range.from {
        return None;
    }
    let first = match Day::of(range.from) {
        Some(day) => day,
        None if range.from < atrail_model::Timestamp::UNIX_EPOCH => Day::FIRST,
        None => return None,
    };
    let last = match Day::of(last) {
        Some(day) => day,
        None if last < atrail_model::Timestamp::UNIX_EPOCH => return None,
        None => Day::LAST,
    };
    DayRange::new(first, last)
}

impl Core {
    /// Returns the days of a range that have events now, ascending.
    pub(super) async fn days_with_events(
        &self,
        target: Target,
        domains: &Domains,
        range: TimeRange,
    ) -> Result<Vec<Day>> {
        let Some(days) = days_of(range) else {
            return Ok(Vec::new());
        };
        let hours = Hours::ALL;
        let scope = Scope {
            target,
            days,
            hours,
        };
        let mut looks = self.begin_to_count().await?;
        loop {
            let rows = domains.unsealed(self);
            let mut snapshot = self.catalog.count_snapshot().await?;
            let mut view = snapshot.view();
            let totals = view.totals(&scope).await?;
            let above = view.sealed_to(self.journal.log(), &rows).await?;
            match self.journal.hours(&above, days) {
                Ok(unsealed) => {
                    let days = totals.iter().map(|total| total.day);
                    let unsealed = unsealed.iter().map(|(place, _)| place.day);
                    let found: BTreeSet<Day> = days.chain(unsealed).collect();
                    return Ok(found.into_iter().collect());
                }
                Err(moved) => looks.again(moved).await?,
            }
        }
    }

    /// Lists what these days, which lie between the two, have. Files of the index with a path in `bad` do not count.
    pub(super) async fn list_days(
        &self,
        domains: &Domains,
        days: DayRange,
        bad: &HashSet<String>,
    ) -> Result<Listing> {
        let mut looks = self.begin_to_count().await?;
        let (mut snapshot, events, unsealed) = loop {
            let rows = domains.unsealed(self);
            let mut snapshot = self.catalog.snapshot("list what is searched").await?;
            let mut view = snapshot.view();
            let events = view.events_by_day(&domains.rows, days).await?;
            let apart = view.set_apart(&domains.rows, days).await?;
            let above = view.sealed_to(self.journal.log(), &rows).await?;
            match self.unsealed_lines(apart, &above, days) {
                Ok(unsealed) => break (snapshot, events, unsealed),
                Err(moved) => looks.again(moved).await?,
            }
        };
        drop(looks);
        let mut view = snapshot.view();
        let mut listing = Listing {
            unsealed,
            ..Listing::default()
        };
        let mut covered: HashMap<(Day, Domain), Vec<Arc<IndexFileRow>>> = HashMap::new();
        for file in view.index_files(&domains.rows, days).await? {
            if file.version == VERSION && !bad.contains(&file.path) {
                let of_day = covered.entry((file.day, file.domain)).or_default();
                of_day.push(Arc::new(file));
            }
        }
        let mut incomplete: BTreeMap<Day, Vec<DomainRow>> = BTreeMap::new();
        for ((day, domain), count) in events {
            let files = covered.remove(&(day, domain)).unwrap_or_default();
            let indexed: u64 = files.iter().map(|file| file.events).sum();
            if indexed != count
                && let Some(row) = domains
                    .numbers
                    .get(&domain)
                    .and_then(|nth| domains.rows.get(usize::try_from(*nth).ok()?))
            {
                incomplete.entry(day).or_default().push(*row);
                listing.unindexed.insert(day);
            }
            listing.files.extend(files);
        }
        let mut segments: HashMap<(Day, Domain), HashSet<SegmentId>> = HashMap::new();
        for file in &listing.files {
            let of_day = segments.entry((file.day, file.domain)).or_default();
            of_day.extend(&file.segments);
        }
        for (day, rows) in incomplete {
            for object in view.searched_objects(&rows, day).await? {
                let known = segments.get(&(day, object.domain));
                let is_covered = |id: &SegmentId| known.is_some_and(|known| known.contains(id));
                let all = &object.contents.segments;
                let wanted: HashSet<_> = all.iter().filter(|id| !is_covered(id)).copied().collect();
                let wanted = match wanted.len() {
                    0 => continue,
                    some if some == all.len() => None,
                    _ => Some(Arc::new(wanted)),
                };
                listing.objects.push((Arc::new(object), wanted));
            }
        }
        Ok(listing)
    }

    /// Returns the unsealed events of these days, by hour: those that are set apart arrived before the others.
    fn unsealed_lines(
        &self,
        apart: Vec<(Place, Line)>,
        above: &HashMap<Domain, u64>,
        days: DayRange,
    ) -> Result<Vec<Arc<UnsealedHour>>, Moved> {
        let mut hours: BTreeMap<(Day, Hour, Domain), Vec<Bytes>> = BTreeMap::new();
        for (place, line) in apart {
            let key = (place.day, place.hour, place.domain);
            hours.entry(key).or_default().push(line.line);
        }
        for (place, count) in self.journal.hours(above, days)? {
            let of_domain = above.get(&place.domain).copied().unwrap_or(0);
            let lines = hours
                .entry((place.day, place.hour, place.domain))
                .or_default();
            let mut from = 0;
            while from < count {
                let most = LINES_AT_ONCE.min(count - from);
                let some = self.journal.lines(place, of_domain, from, most)?;
                if some.is_empty() {
                    break;
                }
                from += some.len();
                lines.extend(some.into_iter().map(|line| line.line));
            }
        }
        let hours = hours.into_iter();
        let hours = hours.map(|((day, hour, domain), lines)| {
            let place = Place { domain, day, hour };
            Arc::new(UnsealedHour { place, lines })
        });
        Ok(hours.collect())
    }
}
