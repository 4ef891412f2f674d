//! Puts found events into their exact order, and reads their lines.

use std::collections::HashMap;
use std::ops::Range;
use std::sync::Arc;

use atrail_disk::{Priority, StoreError, spawn_low};
use atrail_evidence::leaf_hash;
use atrail_model::event::time_of;
use atrail_model::{Day, Timestamp};
use atrail_search::Order;
use bytes::Bytes;
use tokio::runtime::Handle;

use super::blocks::{Blocks, InText};
use super::budget::Limits;
use super::cursor::Cursor;
use super::days::UnsealedHour;
use super::error::Stop;
use super::job::Asked;
use super::rank::{At, Key, Line, score};
use super::types::{Hit, Page, Question, Searched};

/// An event with its exact time.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Exact {
    pub(super) time: Timestamp,
    pub(super) domain: u32,
    at: At,
}

impl Exact {
    /// Returns the same when as many lists are before its own.
    pub(super) const fn with_lists_after(mut self, before: u32) -> Self {
        if let At::Unsealed { list, .. } = &mut self.at {
            *list += before;
        }
        self
    }
}

/// The places of events in order, and what is needed to read them.
pub(super) struct Ordered {
    pub(super) asked: Arc<Asked>,
    pub(super) events: Vec<Exact>,
    pub(super) unsealed: Vec<Arc<UnsealedHour>>,
    /// Whether there are more behind them.
    pub(super) is_more: bool,
    pub(super) searched: Searched,
}

impl Ordered {
    /// Leaves those behind this number of events to the next page.
    pub(super) fn end_after(&mut self, count: usize) {
        self.is_more |= count < self.events.len();
        self.events.truncate(count);
    }

    /// Returns the position of the last event.
    pub(super) fn cursor(&self, question: &Question, page: &Page) -> Option<Cursor> {
        let last = self.events.last()?;
        let of_last = (last.time, self.asked.domains.domain(last.domain)?);
        let same = self.events.iter().rev();
        let same = same.take_while(|event| (event.time, event.domain) == (last.time, last.domain));
        let mut count = same.count() as u64;
        if let Some(after) = page.after
            && (after.time, after.domain) == of_last
        {
            count += after.count;
        }
        Some(Cursor::new(&question.in_order(page.order), of_last, count))
    }
}

/// Where an event stands among those of one time and domain: sealed ones by place, position and number, then the others.
type Arrival = (bool, i64, usize, u64);

/// Runs work that reads blocks.
async fn beside<T: Send + 'static>(
    asked: &Arc<Asked>,
    work: impl FnOnce(&mut Blocks) -> Result<T, Stop> + Send + 'static,
) -> Result<T, Stop> {
    let mut blocks = Blocks::new(Arc::clone(&asked.core), Handle::current());
    let done = spawn_low(Priority::Lowest, move || work(&mut blocks)).await;
    match done {
        Ok(done) => done,
        Err(error) if error.is_panic() => Err(StoreError::Panicked.into()),
        Err(_) => Err(StoreError::Closed.into()),
    }
}

/// Returns the first of these events behind the cursor, in order: as many as are wanted. The keys are all that may be
/// among them.
pub(super) async fn in_order(
    asked: &Arc<Asked>,
    page: &Page,
    mut keys: Vec<Key>,
    unsealed: &[Arc<UnsealedHour>],
    wanted: usize,
    limits: &Limits,
) -> Result<Vec<Exact>, Stop> {
    let (order, after) = (page.order, page.after);
    keys.sort_unstable_by_key(|key| score(order, key.micros));
    let needs_places = keys.iter().any(|key| matches!(key.at, At::Sealed(_)));
    let (of, limits, unsealed) = (Arc::clone(asked), limits.clone(), unsealed.to_vec());
    let sort = move |blocks: Option<&mut Blocks>| {
        let mut sorting = Sorting {
            asked: of,
            limits,
            unsealed,
            blocks,
        };
        let mut events = Vec::new();
        let mut skip = after.map(|after| (after.time, after.domain, after.count));
        for group in keys.chunk_by(|one, other| one.micros == other.micros) {
            if events.len() >= wanted {
                break;
            }
            let mut exact = sorting.exact(group)?;
            exact.sort_unstable_by_key(|(event, arrival)| {
                let nanos = event.time.subsec_nanosecond();
                let nanos = match order {
                    Order::Newest => -nanos,
                    Order::Oldest => nanos,
                };
                (nanos, event.domain, *arrival)
            });
            for (event, _) in exact {
                if let Some((time, domain, count)) = &mut skip {
                    let of = sorting.asked.domains.number(*domain);
                    if event.time == *time && event.domain < of {
                        continue;
                    }
                    if event.time == *time && event.domain == of && *count > 0 {
                        *count -= 1;
                        continue;
                    }
                }
                events.push(event);
                if events.len() >= wanted {
                    break;
                }
            }
        }
        Ok(events)
    };
    if needs_places {
        return beside(asked, move |blocks| sort(Some(blocks))).await;
    }
    sort(None)
}

struct Sorting<'a> {
    asked: Arc<Asked>,
    limits: Limits,
    unsealed: Vec<Arc<UnsealedHour>>,
    blocks: Option<&'a mut Blocks>,
}

impl Sorting<'_> {
    /// Returns events of one microsecond with their exact times, within the range.
    fn exact(&mut self, group: &[Key]) -> Result<Vec<(Exact, Arrival)>, Stop> {
        self.limits.check()?;
        let sealed = group.iter().filter_map(|key| match key.at {
            At::Sealed(line) => Some(line.segment),
            At::Unsealed { .. } => None,
        });
        if let Some(blocks) = &mut self.blocks {
            blocks.locate(sealed)?;
        }
        let mut orders = HashMap::new();
        let mut found = Vec::with_capacity(group.len());
        // Each block is inflated once.
        let mut group: Vec<_> = group.to_vec();
        group.sort_unstable_by_key(|key| match key.at {
            At::Sealed(line) => (Some(line.segment), line.index),
            At::Unsealed { list, nth } => (None, u64::from(list) << 32 | u64::from(nth)),
        });
        for key in group {
            let (arrival, time) = match (key.at, &mut self.blocks) {
                (At::Sealed(line), Some(blocks)) => {
                    let order = match orders.get(&line.segment) {
                        Some(order) => *order,
                        None => *orders
                            .entry(line.segment)
                            .or_insert(blocks.order(line.segment)?),
                    };
                    let time = match key.nanos {
                        Some(nanos) => time_at(key.micros, nanos),
                        None => {
                            self.limits.check()?;
                            let (text, range) = line_of(blocks, &line)?;
                            time_of(&text[range]).unwrap_or_else(|| time_at(key.micros, 0))
                        }
                    };
                    ((false, order.0, order.1, line.index), time)
                }
                (At::Unsealed { list, nth }, _) => {
                    let list = usize::try_from(list).unwrap_or(usize::MAX);
                    let time = time_at(key.micros, key.nanos.unwrap_or(0));
                    debug_assert!(list < self.unsealed.len(), "a list of this listing");
                    ((true, 0, list, u64::from(nth)), time)
                }
                (At::Sealed(line), None) => return Err(lost(&line)),
            };
            if self.asked.range.contains(time) {
                let event = Exact {
                    time,
                    domain: key.domain,
                    at: key.at,
                };
                found.push((event, arrival));
            }
        }
        Ok(found)
    }
}

fn time_at(micros: i64, nanos: u16) -> Timestamp {
    let nanos = i128::from(micros) * 1000 + i128::from(nanos);
    Timestamp::from_nanosecond(nanos).unwrap_or(Timestamp::MIN)
}

fn lost(line: &Line) -> Stop {
    let error = StoreError::Damaged {
        what: format!("segment {}", line.segment),
        why: "a block has fewer lines than the index says".to_owned(),
    };
    Stop::Failed(error.into())
}

fn line_of(blocks: &mut Blocks, line: &Line) -> Result<InText, Stop> {
    blocks.line(line)?.ok_or_else(|| lost(line))
}

/// Reads the lines of some of the found events: the first of them, of which about as many bytes as a search may hold in
/// memory, and at least one.
pub(super) async fn hits(
    found: &Ordered,
    range: Range<usize>,
    limits: &Limits,
) -> Result<Vec<Hit>, Stop> {
    let events = found.events[range].to_vec();
    if events.is_empty() {
        return Ok(Vec::new());
    }
    let (asked, limits) = (Arc::clone(&found.asked), limits.clone());
    // Only the lists that are needed.
    let mut lists: HashMap<u32, Arc<UnsealedHour>> = HashMap::new();
    for event in &events {
        if let At::Unsealed { list, .. } = event.at
            && let Some(hour) = usize::try_from(list)
                .ok()
                .and_then(|at| found.unsealed.get(at))
        {
            lists.insert(list, Arc::clone(hour));
        }
    }
    beside(&found.asked, move |blocks| {
        let sealed = events.iter().filter_map(|event| match event.at {
            At::Sealed(line) => Some(line.segment),
            At::Unsealed { .. } => None,
        });
        blocks.locate(sealed)?;
        let mut hits = Vec::with_capacity(events.len());
        let mut bytes = 0;
        for event in &events {
            limits.check()?;
            if bytes >= limits.memory_bytes {
                break;
            }
            let (line, place) = match event.at {
                At::Sealed(at) => {
                    let (text, range) = line_of(blocks, &at)?;
                    let line = Bytes::copy_from_slice(&text[range]);
                    (line, Some((at.segment, at.index)))
                }
                At::Unsealed { list, nth } => {
                    let hour = lists.get(&list);
                    let nth = usize::try_from(nth).unwrap_or(usize::MAX);
                    let line = hour.and_then(|hour| hour.lines.get(nth));
                    (line.cloned().unwrap_or_default(), None)
                }
            };
            let domain = asked.domains.domain(event.domain);
            let (Some(domain), Some(day)) = (domain, Day::of(event.time)) else {
                continue;
            };
            bytes += line.len();
            hits.push(Hit {
                domain,
                time: event.time,
                day,
                place,
                leaf: leaf_hash(&line),
                line,
            });
        }
        Ok(hits)
    })
    .await
}
