//! This node's place among those that share the catalog, and its lease.

use std::sync::Arc;
use std::time::Duration;

use atrail_disk::{Result, StoreError, chain};
use atrail_model::Incarnation;
use parking_lot::Mutex;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tokio::time::Instant;

use super::Joining;
use crate::failure::failed_to;
use crate::row::Id;
use crate::sql::{self, Pool};

const JOIN: &str = "join the nodes that share the catalog";
const RENEW: &str = "renew this node's lease";
const LEAVE: &str = "leave the nodes that share the catalog";

/// How many renewals fit into a lease.
const RENEWALS_A_LEASE: u32 = 3;

/// A node's place among those that share the catalog; clones share it. The node leaves with [`crate::Catalog::close`]; one
/// that is dropped without that loses its lease.
#[derive(Debug, Clone)]
pub struct Membership(Arc<Member>);

#[derive(Debug)]
struct Member {
    incarnation: Incarnation,
    lease: Duration,
    renewals: Pool,
    claims: Pool,
    /// Until when nobody fences this node, by the clock of this machine.
    live_until: Mutex<Instant>,
    state: watch::Sender<State>,
    renewing: Mutex<Option<JoinHandle<()>>>,
    /// How many callers have asked to announce a removal, and how many of them since the last announcement removed events.
    asked: Mutex<(u64, u64)>,
    /// How many of them an announcement covers that has ended.
    announced: tokio::sync::Mutex<u64>,
}

/// What a node knows of its place.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum State {
    Joined,
    Left,
    Fenced,
}

impl Membership {
    /// Joins, and renews the lease from here on.
    pub(crate) async fn join(
        incarnation: Incarnation,
        node: &Joining<'_>,
        renewals: Pool,
        claims: Pool,
    ) -> Result<Self> {
        // Nobody needs those that are long gone, but for what they have left.
        let old = "DELETE FROM nodes WHERE fenced AND lease_until < clock_timestamp() - INTERVAL '1 day' \
             AND incarnation NOT IN (SELECT incarnation FROM claims WHERE incarnation IS NOT NULL) \
             AND incarnation NOT IN (SELECT incarnation FROM closing_domains) \
             AND incarnation NOT IN (SELECT incarnation FROM dedup_runs)";
        let forgotten = sql::query(old).execute(&renewals).await;
        forgotten.map_err(failed_to(JOIN))?;
        let sent = Instant::now();
        let joined = sql::query(
            "INSERT INTO nodes (incarnation, name, version, address, joined_at, lease_until, fenced, seen_removals) VALUES \
             (?, ?, ?, ?, clock_timestamp(), clock_timestamp() + ? * INTERVAL '1 millisecond', FALSE, ?)",
        );
        let joined = joined
            .bind(incarnation.bytes())
            .bind(node.name)
            .bind(node.version)
            .bind(node.address)
            .bind(milliseconds(node.lease))
            // Nobody waits for a node that serves nothing yet.
            .bind(i64::MAX);
        joined.execute(&renewals).await.map_err(failed_to(JOIN))?;
        let membership = Self(Arc::new(Member {
            incarnation,
            lease: node.lease,
            renewals,
            claims,
            live_until: Mutex::new(sent + node.lease),
            state: watch::Sender::new(State::Joined),
            renewing: Mutex::default(),
            asked: Mutex::default(),
            announced: tokio::sync::Mutex::default(),
        }));
        let renewing = tokio::spawn(renew_on(Arc::downgrade(&membership.0)));
        *membership.0.renewing.lock() = Some(renewing);
        Ok(membership)
    }

    /// Returns this stay's name.
    #[must_use]
    pub fn incarnation(&self) -> Incarnation {
        self.0.incarnation
    }

    /// Reports whether this node's lease is live for certain. The time is counted on this machine from before the renewal
    /// was sent, so it ends here before it ends for the database.
    ///
    /// (The clock stands still while the machine sleeps. No lease protects a node from that; what it writes afterwards is
    /// refused.)
    #[must_use]
    pub fn is_live(&self) -> bool {
        *self.0.state.borrow() == State::Joined && Instant::now() < *self.0.live_until.lock()
    }

    /// Reports whether this node is known to be fenced, or has left: nothing that it does counts any more. It can join
    /// again only by opening the catalog again.
    #[must_use]
    pub fn is_over(&self) -> bool {
        *self.0.state.borrow() != State::Joined
    }

    /// Waits until this node is known to be fenced, or has left.
    pub async fn over(&self) {
        let mut state = self.0.state.subscribe();
        // The sender is here.
        let _ = state.wait_for(|state| *state != State::Joined).await;
    }

    pub(super) fn lease(&self) -> Duration {
        self.0.lease
    }

    /// Returns the number of this request to announce a removal.
    pub(super) fn asks_to_announce(&self, are_events: bool) -> u64 {
        let mut asked = self.0.asked.lock();
        asked.0 += 1;
        asked.1 += u64::from(are_events);
        asked.0
    }

    /// Returns the number of the last request so far, and how many removed events since this was asked last.
    pub(super) fn asked_to_announce(&self) -> (u64, u64) {
        let mut asked = self.0.asked.lock();
        (asked.0, std::mem::take(&mut asked.1))
    }

    pub(super) async fn announced(&self) -> tokio::sync::MutexGuard<'_, u64> {
        self.0.announced.lock().await
    }

    pub(super) fn renewals(&self) -> &Pool {
        &self.0.renewals
    }

    pub(super) fn claims(&self) -> &Pool {
        &self.0.claims
    }

    /// Leaves: whatever this node has claimed is free at once, and it writes no more.
    pub(crate) async fn leave(&self) {
        let member = &self.0;
        if let Some(renewing) = member.renewing.lock().take() {
            renewing.abort();
        }
        if *member.state.borrow() == State::Joined {
            let left = sql::query("SELECT leave_nodes(?)")
                .bind(member.incarnation.bytes())
                .execute(&member.renewals);
            match tokio::time::timeout(member.lease, left).await {
                Ok(Ok(_)) => {}
                Ok(Err(error)) => warn_of(LEAVE, &failed_to(LEAVE)(error)),
                Err(_) => tracing::warn!(
                    "PostgreSQL does not answer: other nodes wait until this one's lease ends"
                ),
            }
            member.state.send_replace(State::Left);
        }
        member.claims.close().await;
        member.renewals.close().await;
    }

    /// Notes that this node is fenced.
    fn note_fenced(&self) {
        let is_news = self.0.state.send_if_modified(|state| {
            let is_news = *state == State::Joined;
            *state = if is_news { State::Fenced } else { *state };
            is_news
        });
        if is_news {
            tracing::error!(
                node = %self.0.incarnation,
                "another node has fenced this one, whose lease had ended: it writes no more"
            );
        }
    }

    /// Stops renewing the lease, as a node does that hangs.
    #[cfg(any(test, feature = "faults"))]
    pub fn stall(&self) {
        if let Some(renewing) = self.0.renewing.lock().take() {
            renewing.abort();
        }
    }

    /// Renews the lease; returns `false` when this node is fenced.
    async fn renew(&self) -> Result<bool> {
        let member = &self.0;
        let sent = Instant::now();
        let renewed = sql::query(
            "UPDATE nodes SET lease_until = clock_timestamp() + ? * INTERVAL '1 millisecond' \
             WHERE incarnation = ? AND NOT fenced",
        );
        let renewed = renewed
            .bind(milliseconds(member.lease))
            .bind(member.incarnation.bytes())
            .execute(&member.renewals)
            .await
            .map_err(failed_to(RENEW))?;
        let is_joined = renewed.rows_affected() == 1;
        if is_joined {
            *member.live_until.lock() = sent + member.lease;
        }
        Ok(is_joined)
    }
}

/// Renews a lease until the node leaves or is fenced.
async fn renew_on(member: std::sync::Weak<Member>) {
    let mut is_failing = false;
    loop {
        let Some(lease) = member.upgrade().map(|member| member.lease) else {
            return;
        };
        let turn = lease / RENEWALS_A_LEASE;
        // After a failure sooner: there may be one more chance.
        tokio::time::sleep(if is_failing { turn / 4 } else { turn }).await;
        let Some(member) = member.upgrade() else {
            return;
        };
        let node = Membership(member);
        let renewed = tokio::time::timeout(turn, node.renew()).await;
        let renewed = renewed.unwrap_or(Err(StoreError::Closed));
        match renewed {
            Ok(true) => is_failing = false,
            Ok(false) => return node.note_fenced(),
            Err(error) => {
                if !is_failing {
                    warn_of(RENEW, &error);
                }
                is_failing = true;
            }
        }
    }
}

fn warn_of(what: &'static str, error: &StoreError) {
    tracing::warn!(error = chain(error), "could not {what}");
}

fn milliseconds(span: Duration) -> i64 {
    i64::try_from(span.as_millis()).unwrap_or(i64::MAX)
}
