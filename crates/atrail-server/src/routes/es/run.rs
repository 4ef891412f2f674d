//! Does searches, and writes their answers.

use std::sync::Arc;

use atrail_model::{Day, Target, Timestamp};
use atrail_search::aggregate::{Counting, Counts};
use atrail_search::{Matcher, Order, Query, TimeRange};
use atrail_store::Store;
use atrail_store::search::{Budget, Question, SearchError, Searched};
use futures_util::{StreamExt, pin_mut};
use serde_json::Value;
use tokio::time::{Instant, timeout};

use super::pager::Pager;
use super::shape::Failure;
use crate::app::App;
use crate::auth::access::may_still_read;
use crate::auth::indices::Indices;
use crate::auth::principal::Principal;
use crate::auth::watch::Watch;
use crate::error::ApiError;
use crate::es::{self, Collector, Fast, Marker, Position, Positions, Refusal, Search, Series};
use crate::metrics::searches::Kind;

/// Events that are counted before other work of the thread has its turn.
const COUNTED_AT_ONCE: u64 = 256;
/// What an answer has beside its hits and buckets: the answers of several searches may exceed the limit by so much.
const ENVELOPE_BYTES: usize = 1024;
/// Length of a day in seconds.
const DAY_SECONDS: i64 = 86_400;

/// What the answer of one search may take.
#[derive(Debug, Clone, Copy)]
pub(super) struct Limits {
    /// Bytes that are left of the whole answer.
    pub(super) bytes: usize,
    /// When the request's time ends, if it has several searches.
    pub(super) ends: Option<Instant>,
}

/// Why a search ended without an answer.
#[derive(Debug)]
enum Stop {
    Refused(Refusal),
    Search(SearchError),
}

impl From<Refusal> for Stop {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl From<SearchError> for Stop {
    fn from(error: SearchError) -> Self {
        Self::Search(error)
    }
}

/// What a search found.
#[derive(Debug, Default)]
struct Answered {
    total: Option<u64>,
    hits: Vec<u8>,
    aggregations: Option<Value>,
    read: Vec<Searched>,
}

/// Appends the answer of a search. It is on record before the answer begins.
pub(super) async fn search(
    app: &Arc<App>,
    principal: &Principal,
    indices: &Indices,
    body: &Value,
    out: &mut Vec<u8>,
    limits: Limits,
) -> Result<(), Failure> {
    let began = out.len();
    let search = es::read(body, app.clock.now())?;
    let query = es::query_of(search.expr.clone())?;
    let questions = questions(&indices.targets, search.range, &query);
    let work = async |budget: &Budget| {
        answered(&app.store, &search, &questions, budget, limits.bytes).await
    };
    let kind = if search.size > 0 {
        Kind::Search
    } else {
        Kind::Aggregate
    };
    let (found, took_ms) = on_record(app, principal, &questions, kind, limits.ends, work).await?;
    for read in &found.read {
        app.metrics.searched(read);
    }
    let aggregations = found.aggregations.as_ref();
    es::write_answer(out, took_ms, found.total, &found.hits, aggregations);
    if out.len() - began > limits.bytes + ENVELOPE_BYTES {
        return Err(Refusal::too_many_buckets(
            "the answer would be larger than 16 MiB: ask for fewer buckets, for a shorter time, or in several requests",
        )
        .into());
    }
    Ok(())
}

/// Counts the events that match. The count is on record before it is answered.
pub(super) async fn count(
    app: &Arc<App>,
    principal: &Principal,
    indices: &Indices,
    body: &Value,
) -> Result<u64, Failure> {
    let (range, expr) = es::read_count(body, app.clock.now())?;
    let questions = questions(&indices.targets, range, &es::query_of(expr)?);
    let work = async |budget: &Budget| {
        let mut read = Vec::new();
        let counts = counts(
            &app.store,
            &questions,
            &Counting::default(),
            budget,
            &mut read,
        )
        .await?;
        Ok((counts.iter().map(|counts| counts.total).sum(), read))
    };
    let ((count, read), _) =
        on_record(app, principal, &questions, Kind::Aggregate, None, work).await?;
    for read in &read {
        app.metrics.searched(read);
    }
    Ok(count)
}

/// Returns the questions to the store: one for each target.
fn questions(targets: &[Target], range: TimeRange, query: &Query) -> Vec<Question> {
    let end_of = |day: Day| i64::from(day.number()) * DAY_SECONDS + DAY_SECONDS;
    let last = Timestamp::from_second(end_of(Day::LAST)).unwrap_or(Timestamp::MAX);
    let within = |time: Timestamp| time.clamp(Timestamp::UNIX_EPOCH, last);
    let range = TimeRange {
        from: within(range.from),
        to: within(range.to).max(within(range.from)),
    };
    let question = |target: &Target| Question {
        target: *target,
        range,
        query: query.clone(),
    };
    targets.iter().map(question).collect()
}

/// Does the work in the caller's turn, within the time of one search, and records the search.
async fn on_record<T>(
    app: &Arc<App>,
    principal: &Principal,
    questions: &[Question],
    kind: Kind,
    ends: Option<Instant>,
    work: impl AsyncFnOnce(&Budget) -> Result<T, Stop>,
) -> Result<(T, u64), Failure> {
    let Some(first) = questions.first() else {
        return Err(ApiError::not_found("space").into());
    };
    let watch = Watch::new(app, principal, first.target);
    let mut budget = app.searches.budget();
    let limit = budget.time;
    if let (Some(time), Some(ends)) = (&mut budget.time, ends) {
        *time = (*time).min(ends.saturating_duration_since(Instant::now()));
    }
    let mut refused = None;
    let working = async {
        let worked = match budget.time {
            Some(time) => timeout(time, work(&budget)).await.unwrap_or_else(|_| {
                let seconds = limit.unwrap_or(time).as_secs();
                Err(SearchError::TooLong { seconds }.into())
            }),
            None => work(&budget).await,
        };
        match worked {
            Ok(result) => Ok(Some(result)),
            Err(Stop::Search(error)) => Err(error),
            Err(Stop::Refused(refusal)) => {
                refused = Some(refusal);
                Ok(None)
            }
        }
    };
    let running = app.searches.run(kind, principal.id(), &watch, working);
    let (result, took_ms) = running.await?;
    for question in questions {
        app.audit.searched(principal.actor(), question).await?;
    }
    for question in &questions[1..] {
        let standing = app
            .standings
            .of(principal.login(), app.clock.moment())
            .await?;
        let may_read = match standing {
            Some(standing) => may_still_read(app, &standing, question.target).await?,
            None => false,
        };
        if !may_read {
            return Err(ApiError::unauthenticated(
                "your login, or your role, ended while the server worked on the answer",
            )
            .into());
        }
    }
    match (result, refused) {
        (Some(result), _) => Ok((result, took_ms)),
        (None, Some(refusal)) => Err(refusal.into()),
        (None, None) => Err(ApiError::unavailable("the search ended without an answer").into()),
    }
}

async fn answered(
    store: &Store,
    search: &Search,
    questions: &[Question],
    budget: &Budget,
    bytes_max: usize,
) -> Result<Answered, Stop> {
    let mut answered = Answered::default();
    counted(store, search, questions, budget, &mut answered).await?;
    if search.size > 0 {
        hits(store, search, questions, budget, bytes_max, &mut answered).await?;
    }
    if !search.total {
        answered.total = None;
    }
    Ok(answered)
}

/// Counts what a search asks for: by the index where it can, otherwise by looking at every event that matches.
async fn counted(
    store: &Store,
    search: &Search,
    questions: &[Question],
    budget: &Budget,
    answered: &mut Answered,
) -> Result<(), Stop> {
    let aggs = &search.aggs;
    let read = &mut answered.read;
    if aggs.all.is_empty() {
        if search.total {
            let counts = counts(store, questions, &Counting::default(), budget, read).await?;
            answered.total = Some(counts.iter().map(|counts| counts.total).sum());
        }
        return Ok(());
    }
    if let ([_], Some(fast)) = (questions, Fast::plan(aggs)) {
        let counts = counts(store, questions, &fast.counting, budget, read).await?;
        if let [counts] = &counts[..]
            && let Some(aggregations) = fast.answer(counts)?
        {
            answered.total = Some(counts.total);
            answered.aggregations = Some(aggregations);
            return Ok(());
        }
    }
    if let ([question], Some(series)) = (questions, Series::plan(aggs))
        && let Some((total, aggregations)) =
            one_by_one(store, question, &series, budget, read).await?
    {
        answered.total = Some(total);
        answered.aggregations = Some(aggregations);
        return Ok(());
    }
    let matchers = aggs
        .filters
        .iter()
        .map(|filter| Ok(Matcher::new(&es::query_of(filter.clone())?)));
    let mut collector = Collector::new(aggs, matchers.collect::<Result<_, Refusal>>()?);
    for question in questions {
        let all = store.search_all(question.clone(), Order::Oldest, budget.clone());
        pin_mut!(all);
        while let Some(hit) = all.next().await {
            let hit = hit?;
            collector.add(hit.time, &hit.line)?;
            if collector.total().is_multiple_of(COUNTED_AT_ONCE) {
                tokio::task::yield_now().await;
            }
        }
    }
    answered.total = Some(collector.total());
    answered.aggregations = Some(collector.answer(aggs)?);
    Ok(())
}

/// Counts series by value, value by value; returns nothing when the events themselves must be looked at.
async fn one_by_one(
    store: &Store,
    question: &Question,
    series: &Series<'_>,
    budget: &Budget,
    read: &mut Vec<Searched>,
) -> Result<Option<(u64, Value)>, Stop> {
    let (values, searched) = store.aggregate(question, &series.values, budget).await?;
    read.push(searched);
    let Some(answered) = series.answered(&values) else {
        return Ok(None);
    };
    let mut each = Vec::with_capacity(answered.len());
    for value in answered {
        let Ok(query) = es::query_of(series.of_value(&question.query.expr, &value)) else {
            return Ok(None);
        };
        let of_value = Question {
            query,
            ..question.clone()
        };
        let (counts, searched) = store.aggregate(&of_value, &series.each, budget).await?;
        read.push(searched);
        if !series.is_exact(&value, &counts) {
            return Ok(None);
        }
        each.push((value, counts));
    }
    Ok(Some((values.total, series.answer(&values, &each)?)))
}

async fn counts(
    store: &Store,
    questions: &[Question],
    counting: &Counting,
    budget: &Budget,
    read: &mut Vec<Searched>,
) -> Result<Vec<Counts>, Stop> {
    let mut all = Vec::with_capacity(questions.len());
    for question in questions {
        let (counts, searched) = store.aggregate(question, counting, budget).await?;
        read.push(searched);
        all.push(counts);
    }
    Ok(all)
}

async fn hits(
    store: &Store,
    search: &Search,
    questions: &[Question],
    budget: &Budget,
    bytes_max: usize,
    answered: &mut Answered,
) -> Result<(), Stop> {
    let mut questions = questions.to_vec();
    for question in &mut questions {
        begin_at(&mut question.range, search.order, search.after);
    }
    let marks = search.shown.marks.clone();
    let marker = match (marks, questions.first()) {
        (Some(marks), Some(question)) => Some(Marker::new(marks, &question.query.expr)),
        _ => None,
    };
    let mut pager = Pager::new(questions, search.order);
    let mut positions = Positions::default();
    let (mut left, mut to_skip) = (search.size, search.from);
    // Those of the same time come again, up to where the answer continues.
    let again = match search.after {
        Some(Position::Hit(hit)) => usize::try_from(hit.count + 1).unwrap_or(usize::MAX),
        _ => 0,
    };
    let mut wanted = again.saturating_add(to_skip).saturating_add(left);
    while left > 0 {
        let next = pager
            .next(store, budget, wanted, &mut answered.read)
            .await?;
        let Some(hit) = next else { break };
        wanted = wanted.saturating_sub(1);
        let position = positions.next(hit.time, hit.domain);
        if search.after.is_some_and(|after| !after.is_before(position)) {
            continue;
        }
        if to_skip > 0 {
            to_skip -= 1;
            continue;
        }
        if !answered.hits.is_empty() {
            answered.hits.push(b',');
        }
        let shows = es::Shows {
            domain: hit.domain,
            time: hit.time,
            leaf: hit.leaf.0,
            line: &hit.line,
            position,
        };
        es::write_hit(&mut answered.hits, shows, &search.shown, marker.as_ref())?;
        if answered.hits.len() > bytes_max {
            return Err(Refusal::illegal(format!(
                "the answer would be larger than {bytes_max} bytes: ask for fewer hits with [size], and continue with [search_after]",
            ))
            .into());
        }
        left -= 1;
    }
    Ok(())
}

/// Narrows a range to what lies behind a position, and what has the same time.
fn begin_at(range: &mut TimeRange, order: Order, after: Option<Position>) {
    let Some(after) = after else { return };
    let (first, last) = after.instants();
    match order {
        Order::Newest => range.to = range.to.min(last).max(range.from),
        Order::Oldest => range.from = range.from.max(first).min(range.to),
    }
}
