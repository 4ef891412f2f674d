//! The receipt of a session: the evidence that accompanies a download. `docs/EVIDENCE.md` has a picture of it.

use std::collections::{BTreeMap, HashSet};
use std::sync::Arc;

use atrail_catalog::domains::DomainRow;
use atrail_catalog::log::{self, Head, Placed};
use atrail_catalog::session::PinnedCheckpoint;
use atrail_catalog::view::View;
use atrail_disk::{Others, Result, StoreError, off_thread_beside};
use atrail_evidence as evidence;
use atrail_evidence::{
    ConsistencyProof, DayEntry, DayList, DeletionProof, DomainEvidence, HourRange, RECEIPT_TYPE,
    RECEIPT_VERSION, Receipt, ScopeOf,
};
use atrail_model::{Day, Domain, Scope, SessionId, Target, Timestamp, format_timestamp};

use super::Signer;

/// The receipt's facts about the session itself.
pub(crate) struct About {
    pub(crate) session: SessionId,
    /// The owner's name.
    pub(crate) user: String,
    pub(crate) created: Timestamp,
    pub(crate) scope: Scope,
    /// Domains with an object of more events than a run: only their segments can have several runs.
    pub(crate) large: HashSet<Domain>,
    /// Sizes of logs that the client remembers, and whose continuation it wants to verify.
    pub(crate) since: BTreeMap<Domain, u64>,
    /// The maximum of bytes of entries.
    pub(crate) most_bytes: u64,
}

/// The logs' records about a session.
pub(crate) struct Gathered {
    /// The records of each domain, without its checkpoint.
    domains: Vec<DomainEvidence>,
    /// The present states of the logs.
    heads: Vec<(Domain, Head)>,
}

/// The same, with a checkpoint of each log.
pub(crate) struct Signed {
    pub(crate) domains: Vec<DomainEvidence>,
    pub(crate) checkpoints: Vec<PinnedCheckpoint>,
}

/// Gathers the logs' records about a session in these domains.
///
/// # Errors
/// `Invalid` when they are more than a receipt may contain, and when the catalog fails.
pub(crate) async fn gather(
    view: &mut View<'_>,
    domains: &[DomainRow],
    about: &About,
) -> Result<Gathered> {
    let mut room = about.most_bytes;
    let mut parts = Vec::with_capacity(domains.len());
    let mut heads = Vec::with_capacity(domains.len());
    for row in domains {
        let head = view.head(row.number).await?;
        let head = head.ok_or_else(|| no_log(row.domain))?;
        let part = of_domain(view, row, &head, about, &mut room).await?;
        parts.push(part.ok_or_else(|| too_large(about.most_bytes))?);
        heads.push((row.domain, head));
    }
    Ok(Gathered {
        domains: parts,
        heads,
    })
}

impl Signer<'_> {
    /// Signs the states of the logs, and records them durably.
    pub(crate) async fn sign_heads(&self, gathered: Gathered) -> Result<Signed> {
        let Gathered { mut domains, heads } = gathered;
        let notes = self.checkpoints(&heads).await?;
        for (domain, note) in domains.iter_mut().zip(notes) {
            domain.checkpoint = note;
        }
        let checkpoints = heads.into_iter().map(|(domain, head)| PinnedCheckpoint {
            domain,
            size: head.size,
            root: head.root,
        });
        Ok(Signed {
            domains,
            checkpoints: checkpoints.collect(),
        })
    }

    /// Returns the text of a receipt, which has megabytes where a session has thousands of objects.
    pub(crate) async fn receipt(&self, receipt: Receipt, others: Others) -> Result<String> {
        let key = Arc::clone(&self.key);
        off_thread_beside(others, move || super::key::signed(receipt.sign(&key))).await
    }
}

impl About {
    /// Returns the receipt, not signed yet.
    pub(crate) fn receipt(&self, manifest: String, domains: Vec<DomainEvidence>) -> Receipt {
        Receipt {
            kind: RECEIPT_TYPE.to_owned(),
            version: RECEIPT_VERSION,
            session: self.session.to_string(),
            user: self.user.clone(),
            created: format_timestamp(self.created),
            scope: of_scope(&self.scope),
            manifest,
            domains,
        }
    }
}

async fn of_domain(
    view: &mut View<'_>,
    row: &DomainRow,
    head: &Head,
    about: &About,
    room: &mut u64,
) -> Result<Option<DomainEvidence>> {
    let last = head.size.checked_sub(1).ok_or_else(|| no_log(row.domain))?;
    let days = days_of(&about.scope)?;
    let control = (log::CONTROL, log::CONTROL);
    let Some(control) = view.entries(head.log, control, room).await? else {
        return Ok(None);
    };
    let asked = (days.0.into(), days.1.into());
    let Some(placed) = view.entries(head.log, asked, room).await? else {
        return Ok(None);
    };
    let deletions = deletions(view, head, &placed).await?;
    let mut consistency = Vec::new();
    let since = about.since.get(&row.domain).copied();
    if let Some(size) = since.filter(|size| (1..=head.size).contains(size)) {
        consistency.push(ConsistencyProof {
            size,
            proof: view.consistency(head.log, size, head.size).await?,
        });
    }
    let subtrees = if about.large.contains(&row.domain) {
        view.subtrees(row, &about.scope).await?
    } else {
        BTreeMap::new()
    };
    Ok(Some(DomainEvidence {
        domain: row.domain.to_string(),
        checkpoint: String::new(),
        record: view.record(head.log, last).await?,
        inclusion: view.inclusion(head.log, last, head.size).await?,
        days: view.days_proof(head.log, days).await?,
        lists: lists(placed)?,
        control: control.into_iter().map(|placed| placed.entry).collect(),
        deletions,
        subtrees,
        consistency,
    }))
}

fn too_large(most_bytes: u64) -> StoreError {
    StoreError::Invalid(format!(
        "its receipt would hold more than {} MiB of records: choose fewer days, or a space instead of the account",
        most_bytes >> 20
    ))
}

/// Returns the records that committed the deletions, each with a proof that it is in the log.
async fn deletions(
    view: &mut View<'_>,
    head: &Head,
    placed: &[Placed],
) -> Result<Vec<DeletionProof>> {
    let mut proofs = Vec::new();
    for entry in placed {
        // Parsing nearly every entry as JSON in vain would cost a tenth of a receipt.
        if !entry.entry.contains("delete")
            || !matches!(DayEntry::parse(&entry.entry), Ok(DayEntry::Delete(_)))
        {
            continue;
        }
        proofs.push(DeletionProof {
            day: day_name(entry.list)?,
            position: entry.place,
            record: view.record(head.log, entry.index).await?,
            inclusion: view.inclusion(head.log, entry.index, head.size).await?,
        });
    }
    Ok(proofs)
}

pub(super) fn lists(placed: Vec<Placed>) -> Result<Vec<DayList>> {
    let mut lists: Vec<DayList> = Vec::new();
    let mut number = None;
    for entry in placed {
        if number.replace(entry.list) != Some(entry.list) {
            lists.push(DayList {
                day: day_name(entry.list)?,
                entries: Vec::new(),
            });
        }
        if let Some(list) = lists.last_mut() {
            list.entries.push(entry.entry);
        }
    }
    Ok(lists)
}

fn of_scope(scope: &Scope) -> evidence::Scope {
    evidence::Scope {
        of: match scope.target {
            Target::Space(id) => ScopeOf::Space(id.to_string()),
            Target::Account(id) => ScopeOf::Account(id.to_string()),
        },
        start: scope.days.start().to_string(),
        end: scope.days.end().to_string(),
        hours: HourRange {
            first: scope.hours.first().number(),
            last: scope.hours.last().number(),
        },
    }
}

/// Returns the days as leaves of `days`. Days after the last leaf have no events.
fn days_of(scope: &Scope) -> Result<(u16, u16)> {
    let number = |day: Day| u16::try_from(day.number()).unwrap_or(u16::MAX);
    Ok((number(scope.days.start()), number(scope.days.end())))
}

fn day_name(number: i64) -> Result<String> {
    let day = u32::try_from(number).ok().and_then(Day::from_number);
    let day = day.ok_or_else(|| StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: "an entry is of no day".to_owned(),
    })?;
    Ok(day.to_string())
}

pub(super) fn no_log(domain: Domain) -> StoreError {
    StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: format!("{domain} has no log"),
    }
}
