//! Retention: how long events are kept, and the sweeper that deletes them afterwards.
//!
//! The sweeper removes whole days from the archive when they are due, and records it in the domain's log. Their bytes
//! stay while an earlier session has pinned them; then they are erased. A day is due when the machine's clock has
//! passed its end, and as much time is known to have passed: a clock that jumped deletes nothing.

use std::collections::HashSet;
use std::num::NonZeroU32;
use std::sync::Arc;

use atrail_archive::object::domain_of;
use atrail_catalog::domains::DomainRow;
use atrail_disk::{Result, StoreError, chain, joined};
use atrail_model::{
    AccountId, Day, DayRange, Domain, DomainRetention, EventTotal, Hours, Requester, Retention,
    Scope, Target, Timestamp,
};

use crate::Store;
use crate::core::Core;
use crate::deletion::Bytes;
use crate::duties::{Duty, claim_all, to_take_out, try_claim_all};
use crate::removals::RemovalOf;

/// What a sweep does where somebody else is at work.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Busy {
    /// Waits until that has ended.
    Wait,
    /// Leaves it to the next sweep: no tenant's retention waits for another one's deletion.
    Leave,
}

/// Who the records of the sweeper name.
const ACTOR: &str = "retention";

/// Within this time what writes the search index gives way.
const GIVES_WAY_WITHIN: std::time::Duration = std::time::Duration::from_secs(2);

impl Store {
    /// Returns how long events are kept in the target's domains: of an account its own first, then its spaces in the
    /// order of their creation. A domain without a setting keeps its events for ever.
    ///
    /// # Errors
    /// `NotFound` when there is no such target, or when the catalog fails.
    pub async fn retention(&self, target: Target) -> Result<Vec<DomainRetention>> {
        let rows = self.core.catalog.retention(target).await?;
        known(target, rows)
    }

    /// Sets how long events are kept in every domain that the target has now; spaces created later start with for ever.
    /// Returns the settings of these domains afterwards. Each changed domain's log records the change.
    ///
    /// # Errors
    /// `NotFound` when there is no such target; `TooMany` when it was set too often, because every change stays on
    /// record for ever; or when the catalog fails. Nothing was set then.
    pub async fn set_retention(
        &self,
        target: Target,
        retention: Retention,
        requester: impl Into<Requester<'_>>,
    ) -> Result<Vec<DomainRetention>> {
        let core = &self.core;
        let requester = requester.into();
        core.admit_record(target).await?;
        let set = || {
            let now = core.clock.now();
            core.catalog
                .set_retention(target, retention, requester, now)
        };
        let rows = known(target, core.with_reserve(set).await?)?;
        let domains = core.catalog.domains_of(target).await?;
        core.sign_soon(&domains).await;
        Ok(rows)
    }

    /// Returns the accounts in which some domain has a retention other than for ever.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn accounts_with_retention(&self) -> Result<Vec<AccountId>> {
        self.core.catalog.accounts_with_retention().await
    }

    /// Deletes the days that are due now, as the background does every few minutes, and erases the bytes that no
    /// session needs any longer. Returns the total of the deleted events.
    ///
    /// # Errors
    /// When the catalog or the disk fails; nothing is lost, and the next sweep continues.
    pub async fn sweep(&self) -> Result<EventTotal> {
        let core = Arc::clone(&self.core);
        let work = tokio::spawn(async move { core.sweep(Busy::Wait).await });
        joined(work).await
    }
}

impl Core {
    /// Returns the last day that is due under a retention at a moment.
    fn last_due(retention: Retention, now: Timestamp) -> Option<Day> {
        let Retention::Days(days) = retention else {
            return None;
        };
        let today = Day::of(now)?;
        // A day is kept for this many days after it.
        let number = today
            .number()
            .checked_sub(NonZeroU32::get(days).checked_add(1)?)?;
        Day::from_number(number)
    }

    pub(crate) async fn sweep(self: &Arc<Self>, busy: Busy) -> Result<EventTotal> {
        let mut total = EventTotal::default();
        let mut failed = None;
        let mut is_kept = false;
        for (row, retention, oldest) in self.catalog.limited().await? {
            if let Some(last) = Self::last_due(retention, self.time.read().certain())
                && oldest <= last
                && let Some(days) = DayRange::new(Day::FIRST, last)
            {
                if !is_kept {
                    // A process that dies right after this has recorded at least the passed time on which it acted.
                    self.with_reserve(|| self.time.keep(&self.catalog)).await?;
                    is_kept = true;
                }
                match self
                    .with_reserve(|| self.sweep_domain(row, days, busy))
                    .await
                {
                    Ok(swept) => {
                        if swept.count > 0 {
                            self.sign_soon(&[row]).await;
                        }
                        total = total.and(swept);
                    }
                    // The other domains do not wait for this one.
                    Err(error) => {
                        tracing::error!(domain = %row.domain, error = chain(&error), "retention could not be enforced; the server tries again");
                        self.counters.sweep_failures.add(1);
                        failed.get_or_insert(error);
                    }
                }
            }
        }
        let erased = self.erase_retired(busy).await;
        failed.map_or(Ok(()), Err).and(erased)?;
        Ok(total)
    }

    async fn sweep_domain(&self, row: DomainRow, days: DayRange, busy: Busy) -> Result<EventTotal> {
        let scope = Scope {
            target: match row.domain {
                Domain::Space(id) => Target::Space(id),
                Domain::Account(id) => Target::Account(id),
            },
            days,
            hours: Hours::ALL,
        };
        let _interrupted = self.indexing.interrupt([row.domain].into_iter());
        // A compaction and a seal see the archive as it is, or as it will be.
        let duties = to_take_out([row.domain].into_iter());
        let _nobody_else = match busy {
            Busy::Wait => claim_all(&*self.duties, duties).await,
            Busy::Leave => {
                // What writes the index gives way soon; a deletion does not.
                let index = self.duties.claim(Duty::Index(row.domain));
                let Ok(index) = tokio::time::timeout(GIVES_WAY_WITHIN, index).await else {
                    return Ok(EventTotal::default());
                };
                let others = duties.filter(|duty| !matches!(duty, Duty::Index(_)));
                let claims = try_claim_all(&*self.duties, others).await;
                let Some(mut claims) = claims else {
                    return Ok(EventTotal::default());
                };
                claims.push(index);
                claims
            }
        };
        let domains = [row];
        // What an earlier deletion could not finish.
        self.remove_rest(&domains, Bytes::Stay).await?;
        let due = |policy| {
            // One moment for the decision and for its record.
            let now = self.time.read();
            (Self::last_due(policy, now.certain()) >= Some(days.end())).then_some(now)
        };
        let prepared = self.catalog.prepare_retirement(row, &scope, ACTOR, due);
        let Some((retirement, total)) = prepared.await? else {
            return Ok(EventTotal::default());
        };
        let committed = retirement.commit().await;
        if committed.is_err() {
            // It may have decided nevertheless.
            self.owes_objects.owe();
        }
        committed?;
        let recent = self.journal.recent();
        recent.forget(|domain| domain == row.domain, scope.days, scope.hours);
        self.indexing.look_again();
        self.remove_rest(&domains, Bytes::Stay).await?;
        // Sessions that have pinned the objects need no index of them.
        let erased = self.erase_waste_of(&HashSet::from([row.domain])).await;
        if !erased.unwrap_or(false) {
            self.owes_objects.owe();
        }
        tracing::info!(
            domain = %row.domain,
            events = total.count,
            up_to = %days.end(),
            "deleted by retention"
        );
        Ok(total)
    }

    /// Erases what retention took out of the archive and no session has pinned.
    async fn erase_retired(self: &Arc<Self>, busy: Busy) -> Result<()> {
        // What a deletion recorded is signed before its bytes go.
        let unsigned = self
            .with_reserve(|| self.signing.sign_each(&self.catalog))
            .await?;
        let unsigned: HashSet<_> = unsigned.into_iter().map(|(domain, _)| domain).collect();
        self.forget_ended_sessions().await?;
        // No compaction has copies of them: none was working in the domain when they were retired, and none has used
        // them since.
        let released = self.catalog.release_retired(&unsigned).await;
        if matches!(&released, Ok(paths) if paths.is_empty()) {
            return Ok(());
        }
        let noticed = self.note_removal(RemovalOf::Events).await;
        if released.is_err() {
            // Some of it may be waste already.
            self.owes_objects.owe();
        }
        let paths = released?;
        if noticed.is_err() {
            self.owes_objects.owe();
        }
        noticed?;
        self.erase(&paths).await;
        // The log of events may still have some of them.
        self.log_erasure
            .owe(paths.iter().filter_map(|path| domain_of(path)));
        match busy {
            Busy::Wait => self.erase_from_log().await,
            Busy::Leave => self.finish_erasure().await,
        }
    }
}

/// Returns the rows; `NotFound` when there are none, because every existing target has a domain.
fn known(target: Target, rows: Vec<DomainRetention>) -> Result<Vec<DomainRetention>> {
    if rows.is_empty() {
        return Err(StoreError::NotFound {
            what: target.to_string(),
        });
    }
    Ok(rows)
}
