//! The answers of searches and counts, as they go over the wire.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use atrail_api as api;
use atrail_model::{Day, Domain, Timestamp, format_timestamp};
use atrail_search::TimeRange;
use atrail_search::aggregate::{Buckets, Counts, TopValues};
use atrail_store::search::{Found, Hit, Searched};
use axum::body::Bytes;
use serde::Serialize;

use super::buckets;

/// The media type of hits and their places, and of events.
pub(crate) const NDJSON: &str = "application/x-ndjson";
/// Bytes of an answer that are handed on at a time.
pub(crate) const CHUNK_BYTES: usize = 64 << 10;

/// Returns about how much memory hits hold.
pub(crate) fn size_bytes(hits: &[Hit]) -> usize {
    let lines = hits.iter().map(|hit| hit.line.len());
    lines.sum::<usize>() + size_of_val(hits) + CHUNK_BYTES
}

/// Returns the lines of a search's answer, in chunks: before each hit, as it is stored, its place; and the end.
pub(crate) fn lines(hits: Vec<Hit>, end: api::SearchSummary) -> impl Iterator<Item = Bytes> + Send {
    let mut hits = hits.into_iter();
    let mut end = Some(api::SearchEnd { end });
    std::iter::from_fn(move || {
        end.as_ref()?;
        let mut chunk = Vec::with_capacity(CHUNK_BYTES);
        for hit in hits.by_ref() {
            write_json(&mut chunk, &place(&hit));
            chunk.extend_from_slice(&hit.line);
            chunk.push(b'\n');
            if chunk.len() >= CHUNK_BYTES {
                return Some(chunk.into());
            }
        }
        write_json(&mut chunk, &end.take());
        Some(chunk.into())
    })
}

fn write_json(out: &mut Vec<u8>, value: &impl Serialize) {
    serde_json::to_writer(&mut *out, value).expect("texts and numbers are written as JSON");
    out.push(b'\n');
}

fn place(hit: &Hit) -> api::HitPlace {
    api::HitPlace {
        day: hit.day.to_string(),
        segment: hit.place.map(|(segment, _)| segment.to_string()),
        index: hit.place.map(|(_, index)| index),
        leaf: hit.leaf.to_string(),
        sealed: hit.place.is_some(),
        space: guid(hit.domain),
    }
}

/// Returns the GUID of a domain's space or account.
pub(crate) fn guid(domain: Domain) -> String {
    match domain {
        Domain::Space(id) => id.to_string(),
        Domain::Account(id) => id.to_string(),
    }
}

/// Returns the end of a search's answer.
pub(crate) fn summary(found: &Found, range: TimeRange, took_ms: u64) -> api::SearchSummary {
    api::SearchSummary {
        hits: found.hits.len() as u64,
        more: found.after.is_some(),
        after: found.after.as_ref().map(ToString::to_string),
        searched: searched(&found.searched, range),
        took_ms,
    }
}

/// Returns what was searched, and read.
pub(crate) fn searched(searched: &Searched, range: TimeRange) -> api::Searched {
    api::Searched {
        from: format_timestamp(range.from),
        to: format_timestamp(range.to),
        events: searched.events,
        bytes_scanned: searched.bytes_scanned,
        files: searched.files,
        unindexed_days: searched.unindexed_days.iter().map(Day::to_string).collect(),
    }
}

/// What a count was asked for, besides the total.
#[derive(Debug)]
pub(crate) struct Shown {
    pub(crate) buckets: Option<Buckets>,
    /// The names of the fields.
    pub(crate) facets: Vec<String>,
    pub(crate) distinct: Vec<String>,
    /// How many spaces are listed.
    pub(crate) spaces: Option<usize>,
}

/// Returns the answer of a count.
pub(crate) fn aggregates(
    (counts, domains): (Counts, BTreeMap<Domain, u64>),
    shown: Shown,
    range: TimeRange,
    read: &Searched,
    took_ms: u64,
) -> api::Aggregates {
    let Counts {
        total,
        times,
        histogram,
        facets,
        distinct,
    } = counts;
    let time = |time: Timestamp| format_timestamp(time);
    api::Aggregates {
        total,
        first: times.map(|(first, _)| time(first)),
        last: times.map(|(_, last)| time(last)),
        histogram: shown.buckets.map(|of| {
            let (first, last) = buckets::numbers(of, range);
            let bucket = |number: i64| {
                let start = buckets::start_of(of, number)?;
                Some(api::Bucket {
                    time: time(start),
                    count: histogram.get(&number).copied().unwrap_or_default(),
                })
            };
            api::Histogram {
                interval_seconds: of.seconds,
                buckets: (first..=last).filter_map(bucket).collect(),
            }
        }),
        facets: shown.facets.into_iter().zip(facets).map(facet).collect(),
        distinct: shown.distinct.into_iter().zip(distinct).collect(),
        spaces: shown.spaces.map(|most| spaces(domains, most)),
        searched: searched(read, range),
        took_ms,
    }
}

/// Returns the spaces with the most events, at most so many.
fn spaces(domains: BTreeMap<Domain, u64>, most: usize) -> api::SpaceCounts {
    let distinct = domains.len() as u64;
    let mut all: Vec<_> = domains
        .into_iter()
        .map(|(domain, count)| api::SpaceCount {
            space: guid(domain),
            count,
        })
        .collect();
    all.sort_unstable_by(|a, b| (Reverse(a.count), &a.space).cmp(&(Reverse(b.count), &b.space)));
    let rest = all.split_off(most.min(all.len()));
    api::SpaceCounts {
        values: all,
        others: rest.iter().map(|one| one.count).sum(),
        distinct,
    }
}

fn facet((field, top): (String, TopValues)) -> api::Facet {
    let TopValues {
        values,
        others,
        missing,
        distinct,
    } = top;
    let values = values.into_iter();
    api::Facet {
        field,
        values: values
            .map(|(value, count)| api::FacetValue { value, count })
            .collect(),
        others,
        missing,
        distinct,
    }
}
