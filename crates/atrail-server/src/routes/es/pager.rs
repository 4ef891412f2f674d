//! The hits of several targets in one order, page by page.

use std::cmp::{Ordering, Reverse};
use std::collections::VecDeque;

use atrail_search::Order;
use atrail_store::Store;
use atrail_store::search::{Budget, Cursor, Hit, Page, Question, SearchError, Searched};

/// Hits of one target that are in memory at a time.
const HITS_AT_ONCE: usize = 500;

/// Hits in order.
#[derive(Debug)]
pub(super) struct Pager {
    targets: Vec<OfTarget>,
    order: Order,
}

#[derive(Debug)]
struct OfTarget {
    question: Question,
    hits: VecDeque<Hit>,
    after: Option<Cursor>,
    is_done: bool,
}

impl Pager {
    pub(super) fn new(questions: Vec<Question>, order: Order) -> Self {
        let targets = questions.into_iter().map(|question| OfTarget {
            question,
            hits: VecDeque::new(),
            after: None,
            is_done: false,
        });
        Self {
            targets: targets.collect(),
            order,
        }
    }

    /// Returns the next hit. `wanted` is how many more may be wanted. Adds what was read to `read`.
    pub(super) async fn next(
        &mut self,
        store: &Store,
        budget: &Budget,
        wanted: usize,
        read: &mut Vec<Searched>,
    ) -> Result<Option<Hit>, SearchError> {
        for target in &mut self.targets {
            while target.hits.is_empty() && !target.is_done {
                let page = Page {
                    order: self.order,
                    limit: wanted.clamp(1, HITS_AT_ONCE),
                    after: target.after,
                };
                let found = store.search(&target.question, &page, budget).await?;
                target.is_done = found.after.is_none();
                target.after = found.after;
                target.hits = found.hits.into();
                read.push(found.searched);
            }
        }
        let order = self.order;
        let heads = self
            .targets
            .iter_mut()
            .filter(|target| !target.hits.is_empty());
        let first = heads.min_by(|one, other| match (one.hits.front(), other.hits.front()) {
            (Some(one), Some(other)) => compare(order, one, other),
            _ => Ordering::Equal,
        });
        Ok(first.and_then(|target| target.hits.pop_front()))
    }
}

/// Compares hits as the store orders those of one target.
fn compare(order: Order, one: &Hit, other: &Hit) -> Ordering {
    let by_time = match order {
        Order::Newest => Reverse(one.time).cmp(&Reverse(other.time)),
        Order::Oldest => one.time.cmp(&other.time),
    };
    by_time.then(one.domain.cmp(&other.domain))
}
