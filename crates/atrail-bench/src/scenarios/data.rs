//! Prepares requests with events.

use std::ops::Range;

use libdeflater::{CompressionLvl, Compressor};

use crate::bench::Bench;
use crate::events::{Events, TENANTS};
use crate::failure::Result;
use crate::load::{self, Request};
use crate::server::Running;

/// How events are grouped into requests.
#[derive(Debug, Clone, Copy)]
pub(super) struct Batches {
    /// Events in each request.
    pub(super) events: u64,
    pub(super) compressed: bool,
    pub(super) times: Times,
}

/// The hours of the events.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Times {
    /// In the order of their hours, which the run covers one after the other.
    InOrder,
    /// All hours mixed.
    Scattered,
    /// The last hour only, as when services send events at once.
    OneHour,
}

impl Batches {
    /// Returns batches of this many events, uncompressed and in order.
    pub(super) const fn of(events: u64) -> Self {
        Self {
            events,
            compressed: false,
            times: Times::InOrder,
        }
    }
}

/// Starts a server, sends all events, and returns it with its spaces. It leaves unsealed events unsealed.
pub(super) fn filled(bench: &Bench) -> Result<(Running, Vec<String>)> {
    let server = bench.fresh_server()?;
    let spaces = server.make_spaces(TENANTS)?;
    let all = (0..bench.events, bench.events);
    let mut events = bench.generator();
    let filling = requests(&server, &spaces, &mut events, all, Batches::of(2_000))?;
    load::send(server.address(), &filling, 4)?;
    Ok((server, spaces))
}

/// Starts a server with this many spaces, each with a sealed event in every hour of the last days: each hour is an
/// object.
pub(super) fn filled_by_hour(
    bench: &Bench,
    days: u32,
    spaces: usize,
) -> Result<(Running, Vec<String>)> {
    let server = bench.fresh_server()?;
    let spaces = server.make_spaces(spaces)?;
    let mut events = bench.generator();
    let mut filling = Vec::new();
    // One day per request, sealed day by day as it would be over time.
    for ago in (0..days).rev() {
        let day = bench.last_day.minus(ago);
        for space in &spaces {
            let mut text = String::new();
            (0..24).for_each(|hour| events.line((day, hour), &mut text));
            filling.push(request(&server, space, text.into_bytes(), false)?);
        }
    }
    load::send(server.address(), &filling, 4)?;
    server.seal()?;
    server.settle();
    Ok((server, spaces))
}

/// Returns requests that send these of this many events, each to the next space in turn.
pub(super) fn requests(
    server: &Running,
    spaces: &[String],
    events: &mut Events,
    (numbers, of): (Range<u64>, u64),
    batches: Batches,
) -> Result<Vec<Request>> {
    let mut requests = Vec::new();
    let count = numbers.end - numbers.start;
    for (number, space) in (0..count.div_ceil(batches.events)).zip(spaces.iter().cycle()) {
        let mut text = String::new();
        let here = batches.events.min(count - number * batches.events);
        let first = numbers.start + number * batches.events;
        for number in first..first + here {
            let moment = match batches.times {
                Times::InOrder => events.in_time(number, of),
                Times::Scattered => events.at_random(),
                Times::OneHour => events.in_time(of - 1, of),
            };
            events.line(moment, &mut text);
        }
        requests.push(request(
            server,
            space,
            text.into_bytes(),
            batches.compressed,
        )?);
    }
    Ok(requests)
}

/// Returns a request that sends these lines to a space.
pub(super) fn request(
    server: &Running,
    space: &str,
    lines: Vec<u8>,
    compressed: bool,
) -> Result<Request> {
    let mut headers = server.headers(space);
    headers.push_str("Content-Type: application/x-ndjson\r\nPrefer: return=minimal\r\n");
    let body = if compressed {
        headers.push_str("Content-Encoding: gzip\r\n");
        gzip(&lines)?
    } else {
        lines
    };
    Ok(Request {
        line: "POST /v3/events".to_owned(),
        headers,
        body,
    })
}

fn gzip(bytes: &[u8]) -> Result<Vec<u8>> {
    // The fastest compression, as collectors use it.
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut out = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor
        .gzip_compress(bytes, &mut out)
        .map_err(|error| format!("gzip: {error}"))?;
    out.truncate(length);
    Ok(out)
}
