//! Asks the server.

use atrail_api::{
    AggregateQuery, Aggregates, ExportQuery, FacetQuery, HistogramQuery, HitPlace, NewExport,
    SearchEnd, SearchQuery, SearchSummary, paths,
};
use atrail_export::LINE_MAX_BYTES;
use bytes::{Bytes, BytesMut};
use reqwest::Response;

use super::ask::{Asked, Output, Wanted};
use super::hits::{Hit, Hits, Place};
use super::said::{self, Matched, Read};
use super::{OrderWord, Unit, counts, shown};
use crate::client::{Call, Client, Names, NamesOf, connect, why};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// Hits of one answer, as many as the server gives.
const PAGE_HITS: u64 = 1000;
/// Largest answer with hits, in bytes.
const PAGE_MAX_BYTES: u64 = 1 << 30;

/// Asks and prints; returns how many events match, or how many of them it is certain that they match.
pub(super) async fn run(settings: &Settings, asked: &Asked) -> Result<u64> {
    let client = connect(settings, !asked.at_account_level).await?;
    match &asked.wanted {
        Wanted::Hits {
            limit,
            order,
            output,
        } => hits(settings, &client, asked, (*limit, *order, output)).await,
        wanted => {
            let answer = aggregate(&client, asked, wanted).await?;
            counts::print(settings, wanted, &answer)?;
            let matched = Matched::exactly(answer.total);
            said::counted(settings, asked, wanted, &answer);
            said::explain(settings, asked, &Read::of(&answer.searched, answer.took_ms));
            Ok(matched.at_least())
        }
    }
}

async fn hits(
    settings: &Settings,
    client: &Client,
    asked: &Asked,
    (limit, order, output): (Option<u64>, OrderWord, &Output),
) -> Result<u64> {
    let names = match asked.at_account_level && matches!(output, Output::Shown) {
        true => Names::fetch(settings, client, &[NamesOf::Spaces, NamesOf::OwnDomains]).await,
        false => Names::default(),
    };
    let spaces = asked.at_account_level.then_some(&names);
    let mut hits = match limit {
        Some(limit) => Hits::Pages(Pages::new(client, asked, order, limit)),
        // Only answers in pages state the place of an event, and whose it is.
        None if shown::needs_places(settings, output, spaces.is_some()) => {
            Hits::Pages(Pages::new(client, asked, order, u64::MAX))
        }
        None => Hits::Exported(Exported::begin(client, asked, order).await?),
    };
    let shown = shown::print(settings, output, &mut hits, spaces).await?;
    let mut matched = Matched::exactly(shown.hits);
    let mut read = Read::default();
    if let Hits::Pages(pages) = hits {
        if pages.has_more {
            let total = aggregate(client, asked, &Wanted::Count).await;
            matched = total.map_or(Matched::more_than(shown.hits), |total| {
                Matched::exactly(total.total.max(shown.hits))
            });
        }
        read = pages.read;
    }
    shown::report(&settings.printer, &shown)?;
    said::shown(settings, asked, &shown, matched, order);
    said::explain(settings, asked, &read);
    Ok(matched.at_least())
}

/// The hits of a question, page by page.
#[derive(Debug)]
pub(super) struct Pages<'a> {
    client: &'a Client,
    query: SearchQuery,
    /// How many hits are still wanted.
    left: u64,
    is_done: bool,
    /// Whether there are hits behind the last one that was wanted.
    has_more: bool,
    read: Read,
}

impl<'a> Pages<'a> {
    fn new(client: &'a Client, asked: &Asked, order: OrderWord, limit: u64) -> Self {
        let (start, end) = times(asked);
        let query = SearchQuery {
            query: text(asked),
            start,
            end,
            at_account_level: asked.at_account_level.then_some(true),
            order: Some(word(order)),
            limit: None,
            after: None,
        };
        Self {
            client,
            query,
            left: limit,
            is_done: false,
            has_more: false,
            read: Read::default(),
        }
    }

    /// Returns the next hits; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Hit>> {
        while !self.is_done {
            let limit = self.left.min(PAGE_HITS);
            self.query.limit = u32::try_from(limit).ok();
            let call = Call::post_to_read(paths::SEARCH)
                .json(&self.query)?
                .answer_of_at_most(PAGE_MAX_BYTES);
            let answer = self.client.bytes(call).await?;
            let (hits, summary) = parsed(&answer)?;
            self.left = self.left.saturating_sub(hits.len() as u64);
            self.read.add(&summary.searched, summary.took_ms);
            self.has_more = summary.more;
            self.is_done = self.left == 0 || summary.after.is_none();
            self.query.after = summary.after;
            if !hits.is_empty() {
                return Ok(hits);
            }
        }
        Ok(Vec::new())
    }
}

/// Parses an answer: for each hit a line with its place and the event's line, and at the end a summary.
fn parsed(answer: &Bytes) -> Result<(Vec<Hit>, SearchSummary)> {
    let unclear = |error: serde_json::Error| {
        CliError::failed("the answer to a search cannot be understood")
            .because(error)
            .hint("is this an atrail server of this version? See `atrail target`")
    };
    let mut hits = Vec::new();
    let mut rest = answer.clone();
    while let Some(line) = cut_line(&mut rest) {
        if rest.is_empty() {
            let end: SearchEnd = serde_json::from_slice(&line).map_err(unclear)?;
            return Ok((hits, end.end));
        }
        let place: HitPlace = serde_json::from_slice(&line).map_err(unclear)?;
        let Some(line) = cut_line(&mut rest) else {
            break;
        };
        hits.push(Hit {
            line,
            place: Some(Place::Server(place)),
        });
    }
    Err(broken_off("its last line is missing"))
}

/// Takes the first line off, without its LF.
fn cut_line(text: &mut Bytes) -> Option<Bytes> {
    let end = memchr::memchr(b'\n', text)?;
    let mut line = text.split_to(end + 1);
    line.truncate(end);
    Some(line)
}

/// All hits, as one stream of lines.
#[derive(Debug)]
pub(super) struct Exported {
    response: Response,
    endpoint: crate::client::Endpoint,
    /// The beginning of a line.
    partial: BytesMut,
    is_done: bool,
}

impl Exported {
    async fn begin(client: &Client, asked: &Asked, order: OrderWord) -> Result<Self> {
        let (start, end) = times(asked);
        let query = ExportQuery {
            query: text(asked),
            start,
            end,
            at_account_level: asked.at_account_level.then_some(true),
            order: Some(word(order)),
            ..ExportQuery::default()
        };
        // One more export under another id does no harm.
        let made: NewExport = client
            .json(Call::post_to_read(paths::EXPORTS).json(&query)?)
            .await?;
        let id: uuid::Uuid = made.id.parse().map_err(|error: uuid::Error| {
            CliError::failed("the id of the export cannot be used").because(error)
        })?;
        let call = Call::get(format!("{}/{id}", paths::EXPORTS));
        Ok(Self {
            response: client.response(&call).await?,
            endpoint: client.server.endpoint.clone(),
            partial: BytesMut::new(),
            is_done: false,
        })
    }

    /// Returns the next hits; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Hit>> {
        while !self.is_done {
            let chunk = self.response.chunk().await;
            match chunk.map_err(|error| broken_off(why(&self.endpoint, &error)))? {
                Some(chunk) => self.partial.extend_from_slice(&chunk),
                None if self.partial.is_empty() => self.is_done = true,
                None => return Err(broken_off("it ends within an event")),
            }
            let hits = self.whole_lines();
            if !hits.is_empty() {
                return Ok(hits);
            }
            if self.partial.len() > LINE_MAX_BYTES {
                return Err(CliError::failed("an event of the export is too long"));
            }
        }
        Ok(Vec::new())
    }

    fn whole_lines(&mut self) -> Vec<Hit> {
        let Some(end) = memchr::memrchr(b'\n', &self.partial) else {
            return Vec::new();
        };
        let mut lines = self.partial.split_to(end + 1).freeze();
        let lines = std::iter::from_fn(|| cut_line(&mut lines));
        lines.map(|line| Hit { line, place: None }).collect()
    }
}

fn broken_off(why: impl Into<Box<dyn std::error::Error + Send + Sync>>) -> CliError {
    CliError::new(
        Exit::Unavailable,
        "the answer broke off, and is not complete",
    )
    .because(why)
    .hint("run the same command again")
}

async fn aggregate(client: &Client, asked: &Asked, wanted: &Wanted) -> Result<Aggregates> {
    let (start, end) = times(asked);
    let mut query = AggregateQuery {
        query: text(asked),
        start,
        end,
        at_account_level: asked.at_account_level.then_some(true),
        ..AggregateQuery::default()
    };
    match wanted {
        Wanted::Hits { .. } | Wanted::Count => {}
        Wanted::By(field, size) => query.facets.push(FacetQuery {
            field: field.name.clone(),
            size: u32::try_from(*size).ok(),
        }),
        Wanted::Histogram(unit) => {
            query.histogram = Some(HistogramQuery {
                buckets: None,
                interval: Some(interval(*unit).to_owned()),
            });
        }
    }
    client
        .json(Call::post_to_read(paths::AGGREGATE).json(&query)?)
        .await
}

const fn interval(unit: Unit) -> &'static str {
    match unit {
        Unit::Hour => "1h",
        Unit::Day => "1d",
    }
}

fn text(asked: &Asked) -> Option<String> {
    Some(asked.query.text.clone()).filter(|text| !text.is_empty())
}

fn times(asked: &Asked) -> (Option<String>, Option<String>) {
    let times = asked.times.map(|(start, end)| (start.text(), end.text()));
    times.unzip()
}

fn word(order: OrderWord) -> String {
    match order {
        OrderWord::Newest => "newest",
        OrderWord::Oldest => "oldest",
    }
    .to_owned()
}
