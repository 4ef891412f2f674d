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
    pub(super) form: Form,
}

/// What carries the events of a request.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Form {
    /// Lines of `POST /v3/events`.
    Lines,
    /// Documents of Elasticsearch's bulk form.
    Bulk,
    /// Such documents with members of the same content that are not CADF's, which the server maps.
    BulkMapped,
    /// Objects of Splunk's HTTP Event Collector.
    Hec,
    /// The same with events that the server maps.
    HecMapped,
    /// Log records of OTLP in JSON, whose bodies hold the events as texts.
    Otlp,
    /// The same with events that the server maps as log records.
    OtlpMapped,
}

impl Form {
    /// Returns what is before and after the events of a request.
    const fn around(self) -> [&'static str; 2] {
        match self {
            Self::Otlp | Self::OtlpMapped => [
                "{\"resourceLogs\":[{\"resource\":{\"attributes\":[{\"key\":\"service.name\",\"value\":{\"stringValue\":\"gateway\"}}]},\"scopeLogs\":[{\"scope\":{\"name\":\"audit\"},\"logRecords\":[",
                "]}]}]}",
            ],
            Self::Lines | Self::Bulk | Self::BulkMapped | Self::Hec | Self::HecMapped => ["", ""],
        }
    }

    /// Appends an event of the generator, which ends with a line break, as this form carries it.
    fn put(self, line: &str, text: &mut String) {
        let event = match self {
            Self::Lines | Self::Bulk | Self::Hec | Self::Otlp => line,
            Self::BulkMapped | Self::HecMapped | Self::OtlpMapped => &foreign(line),
        };
        match self {
            Self::Lines => text.push_str(event),
            Self::Bulk | Self::BulkMapped => {
                text.push_str("{\"create\":{}}\n");
                text.push_str(event);
            }
            Self::Hec | Self::HecMapped => {
                text.push_str("{\"host\":\"gateway-01\",\"sourcetype\":\"_json\",\"event\":");
                text.push_str(event.trim_end());
                text.push('}');
            }
            Self::Otlp | Self::OtlpMapped => {
                if text.ends_with('}') {
                    text.push(',');
                }
                text.push_str(
                    "{\"observedTimeUnixNano\":\"1772359200000000000\",\"body\":{\"stringValue\":",
                );
                text.push_str(&serde_json::Value::from(event.trim_end()).to_string());
                text.push_str("}}");
            }
        }
    }

    const fn path(self) -> &'static str {
        match self {
            Self::Lines => "/v3/events",
            Self::Bulk | Self::BulkMapped => "/es/_bulk",
            Self::Hec | Self::HecMapped => "/services/collector/event",
            Self::Otlp | Self::OtlpMapped => "/v1/logs",
        }
    }
}

/// Returns an event with the names that loggers use for its members, so that it is no CADF.
fn foreign(line: &str) -> String {
    line.replacen(
        "\"typeURI\":\"http://schemas.dmtf.org/cloud/audit/1.0/event\",",
        "",
        1,
    )
    .replacen("\"eventTime\":", "\"@timestamp\":", 1)
    .replacen("\"initiator\":", "\"user\":", 1)
    .replacen("\"observer\":", "\"service\":", 1)
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
            form: Form::Lines,
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
        let [before, after] = batches.form.around();
        let mut text = before.to_owned();
        let here = batches.events.min(count - number * batches.events);
        let first = numbers.start + number * batches.events;
        for number in first..first + here {
            let moment = match batches.times {
                Times::InOrder => events.in_time(number, of),
                Times::Scattered => events.at_random(),
                Times::OneHour => events.in_time(of - 1, of),
            };
            let mut line = String::new();
            events.line(moment, &mut line);
            batches.form.put(&line, &mut text);
        }
        text.push_str(after);
        let request = request(server, space, text.into_bytes(), batches.compressed)?;
        requests.push(Request {
            line: format!("POST {}", batches.form.path()),
            ..request
        });
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
