//! Streams all matching events, in memory that does not grow with their number.

use std::ops::ControlFlow;

use atrail_search::Order;
use futures_util::{Stream, StreamExt, stream};

use super::budget::{Budget, Limits, Running};
use super::error::{SearchError, again};
use super::fetch::{self, Ordered};
use super::types::{Hit, Page, Question};
use crate::Store;

/// Places of events that are found at a time: about eight megabytes.
const FOUND_AT_ONCE: usize = 64 << 10;
/// Events whose lines are read at a time.
const READ_AT_ONCE: usize = 64;

/// An export in progress.
struct Export {
    store: Store,
    question: Question,
    page: Page,
    limits: Limits,
    /// What was found, and how much of it was delivered.
    found: Option<(Ordered, usize)>,
    is_done: bool,
    attempts: usize,
    _running: Running,
}

impl Store {
    /// Returns all matching events in order, without a limit of their number. Dropping the stream ends its work. Events that
    /// arrive meanwhile may be among them.
    pub fn search_all(
        &self,
        question: Question,
        order: Order,
        budget: Budget,
    ) -> impl Stream<Item = Result<Hit, SearchError>> + Send + 'static {
        let (limits, running) = Limits::start(&budget);
        let export = Export {
            store: self.clone(),
            question,
            page: Page {
                order,
                limit: FOUND_AT_ONCE,
                after: None,
            },
            limits,
            found: None,
            is_done: false,
            attempts: 0,
            _running: running,
        };
        let chunks = stream::unfold(export, |mut export| async move {
            let next = export.next().await.transpose()?;
            if next.is_err() {
                export.is_done = true;
            }
            Some((next, export))
        });
        chunks.flat_map(|chunk| {
            stream::iter(match chunk {
                Ok(hits) => hits.into_iter().map(Ok).collect(),
                Err(error) => vec![Err(error)],
            })
        })
    }
}

impl Export {
    /// Returns the next events; `None` at the end.
    async fn next(&mut self) -> Result<Option<Vec<Hit>>, SearchError> {
        while !self.is_done {
            if let ControlFlow::Break(hits) = self.step().await? {
                return Ok(Some(hits));
            }
        }
        Ok(None)
    }

    async fn step(&mut self) -> Result<ControlFlow<Vec<Hit>>, SearchError> {
        let Some((found, delivered)) = &mut self.found else {
            let core = &self.store.core;
            let found = core.find(&self.question, &self.page, &self.limits).await?;
            self.found = Some((found, 0));
            return Ok(ControlFlow::Continue(()));
        };
        if *delivered == found.events.len() {
            self.is_done = !found.is_more;
            self.page.after = found.cursor(&self.question, &self.page);
            self.is_done |= self.page.after.is_none();
            self.found = None;
            return Ok(ControlFlow::Continue(()));
        }
        let next = (*delivered + READ_AT_ONCE).min(found.events.len());
        match fetch::hits(found, *delivered..next, &self.limits).await {
            Ok(hits) => {
                *delivered += hits.len().max(1);
                self.attempts = 0;
                Ok(ControlFlow::Break(hits))
            }
            Err(stop) => {
                again(stop, &mut self.attempts)?;
                // Behind what was delivered: some of the rest has moved, or is gone.
                found.events.truncate(*delivered);
                if *delivered > 0 {
                    self.page.after = found.cursor(&self.question, &self.page);
                }
                self.found = None;
                Ok(ControlFlow::Continue(()))
            }
        }
    }
}
