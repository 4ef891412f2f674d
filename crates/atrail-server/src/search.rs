//! Searches: what a request asks for, the turns of those who ask, and the answers.

pub(crate) mod answer;
pub(crate) mod buckets;
pub(crate) mod care;
pub(crate) mod export;
pub(crate) mod exports;
pub(crate) mod range;

use std::sync::Arc;

use atrail_api::ErrorCode;
use atrail_model::{Target, UserId};
use atrail_search::{Order, Query, QueryError};
use atrail_store::search::{Budget, Question, SearchError};
use atrail_store::{Crowd, Turn, Turns};
use tokio::time::timeout;

use crate::app::App;
use crate::auth::watch::Watch;
use crate::error::ApiError;
use crate::metrics::searches::{Kind, Outcome};
use crate::metrics::{Metrics, Refusal};
use crate::settings::SearchLimits;
use care::Care;
use exports::Exports;

/// Searches of one user that may wait for a turn.
const WAITING_OF_USER: usize = 64;
/// Searches that may wait for a turn.
const WAITING: usize = 1024;
/// Exports of one user that may be read at a time.
const EXPORTS_OF_USER: usize = 2;

/// Reads the question of a request about this target.
pub(crate) fn question(
    app: &App,
    target: Target,
    query: Option<&str>,
    start: Option<&str>,
    end: Option<&str>,
) -> Result<Question, ApiError> {
    Ok(Question {
        target,
        range: range::range(start, end, app.today()?)?,
        query: Query::parse(query.unwrap_or_default())?,
    })
}

impl From<QueryError> for ApiError {
    fn from(error: QueryError) -> Self {
        let column = u64::try_from(error.column).unwrap_or(u64::MAX);
        Self::new(ErrorCode::QueryInvalid, error.to_string()).at_column(column)
    }
}

/// Returns the order that a request names.
pub(crate) fn order(text: Option<&str>) -> Result<Order, ApiError> {
    match text.unwrap_or_default() {
        "" | "newest" => Ok(Order::Newest),
        "oldest" => Ok(Order::Oldest),
        _ => Err(ApiError::bad_request("order is neither newest nor oldest")),
    }
}

/// The searches of all callers: few run at once, each user has a part of them, and users take turns.
#[derive(Debug)]
pub(crate) struct Searches {
    limits: SearchLimits,
    turns: Turns<UserId>,
    /// Readers of exports. They take a turn for each piece of work besides.
    readers: Turns<UserId>,
    pub(crate) exports: Exports,
    pub(crate) care: Care,
    metrics: Arc<Metrics>,
}

impl Searches {
    pub(crate) fn new(limits: SearchLimits, metrics: Arc<Metrics>) -> Self {
        let SearchLimits { at_once, .. } = limits;
        Self {
            limits,
            turns: Turns::with_part(at_once, part_of_user(at_once), WAITING_OF_USER, WAITING),
            readers: Turns::with_part(usize::MAX, EXPORTS_OF_USER, 0, 0),
            exports: Exports::default(),
            care: Care::default(),
            metrics,
        }
    }

    /// Returns how many searches run, and how many wait.
    pub(crate) fn taken(&self) -> (usize, usize) {
        self.turns.taken()
    }

    /// Waits for the user's turn, for as long as a search may take.
    pub(crate) async fn turn(&self, user: UserId) -> Result<Turn<UserId>, ApiError> {
        let refused = |error: ApiError| {
            self.metrics.refused(Refusal::Searches);
            error
        };
        match timeout(self.limits.time_limit, self.turns.take(user)).await {
            Ok(Ok(turn)) => Ok(turn),
            Ok(Err(Crowd)) => Err(refused(
                ApiError::new(
                    ErrorCode::TooMany,
                    "too many searches are waiting: wait for answers, then try again",
                )
                .retry_after(1),
            )),
            Err(_) => Err(refused(ApiError::unavailable(
                "the server is busy with other searches: try again in a moment",
            ))),
        }
    }

    /// Returns the place of one more reader of exports.
    pub(crate) async fn reader(&self, user: UserId) -> Result<Turn<UserId>, ApiError> {
        self.readers.take(user).await.map_err(|Crowd| {
            self.metrics.refused(Refusal::Searches);
            ApiError::new(
                ErrorCode::TooMany,
                format!(
                    "you are reading {EXPORTS_OF_USER} exports, as many as one user may read at once: wait for one of \
                     them to end"
                ),
            )
            .retry_after(1)
        })
    }

    /// Returns what a search may take. Its time begins with its work.
    pub(crate) fn budget(&self) -> Budget {
        Budget::of(self.limits.time_limit)
    }

    /// Does one search in the user's turn. It ends early when the caller's login or role ends, and when nobody waits for
    /// it any more. Returns the result, and the milliseconds that it took.
    pub(crate) async fn run<T>(
        &self,
        kind: Kind,
        user: UserId,
        watch: &Watch,
        work: impl Future<Output = Result<T, SearchError>>,
    ) -> Result<(T, u64), ApiError> {
        let turn = self.turn(user).await?;
        let mut running = self.metrics.search_begins(kind);
        let worked = tokio::select! {
            worked = work => worked,
            ended = watch.until_ended() => {
                running.ends(Outcome::Revoked);
                return Err(ended.into());
            }
        };
        drop(turn);
        running.ends(Outcome::of(worked.as_ref().err()));
        Ok((worked?, running.took_ms()))
    }
}

/// Returns how many of the searches that run at once may be of one user.
fn part_of_user(at_once: usize) -> usize {
    at_once.div_ceil(2)
}

impl From<SearchError> for ApiError {
    fn from(error: SearchError) -> Self {
        match error {
            SearchError::Store(error) => error.into(),
            SearchError::Cursor => Self::bad_request(error.to_string()),
            SearchError::TooLong { .. } | SearchError::TooLarge(_) => {
                Self::new(ErrorCode::SearchTooLarge, error.to_string())
            }
            SearchError::Cancelled => Self::unavailable(error.to_string()),
        }
    }
}
