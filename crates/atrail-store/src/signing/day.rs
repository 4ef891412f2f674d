//! The evidence of one day of a domain, for the proof of one event.

use atrail_catalog::domains::DomainRow;
use atrail_catalog::log::{self, Head};
use atrail_catalog::view::View;
use atrail_disk::{Result, StoreError};
use atrail_evidence::DomainEvidence;
use atrail_model::{Day, Domain};

use super::Signer;
use super::receipt::{lists, no_log};

/// A domain's evidence without its checkpoint, and the state of the log that the checkpoint is of.
#[derive(Debug, Clone)]
pub(crate) struct OfDay {
    evidence: DomainEvidence,
    head: (Domain, Head),
}

/// Gathers the log's records about a day: its list, the control list, and the last record.
///
/// # Errors
/// `Invalid` when they are more bytes than this, and when the catalog fails.
pub(crate) async fn gather_day(
    view: &mut View<'_>,
    row: &DomainRow,
    day: Day,
    most_bytes: u64,
) -> Result<OfDay> {
    let head = view.head(row.number).await?;
    let head = head.ok_or_else(|| no_log(row.domain))?;
    let last = head.size.checked_sub(1).ok_or_else(|| no_log(row.domain))?;
    let mut room = most_bytes;
    let control = (log::CONTROL, log::CONTROL);
    let control = view.entries(head.log, control, &mut room).await?;
    let control = control.ok_or_else(|| too_large(most_bytes))?;
    let list = (day.number().into(), day.number().into());
    let placed = view.entries(head.log, list, &mut room).await?;
    let placed = placed.ok_or_else(|| too_large(most_bytes))?;
    // Days after the last leaf have no events.
    let number = u16::try_from(day.number()).unwrap_or(u16::MAX);
    let evidence = DomainEvidence {
        domain: row.domain.to_string(),
        checkpoint: String::new(),
        record: view.record(head.log, last).await?,
        inclusion: view.inclusion(head.log, last, head.size).await?,
        days: view.days_proof(head.log, (number, number)).await?,
        lists: lists(placed)?,
        control: control.into_iter().map(|placed| placed.entry).collect(),
        deletions: Vec::new(),
        subtrees: Default::default(),
        consistency: Vec::new(),
    };
    Ok(OfDay {
        evidence,
        head: (row.domain, head),
    })
}

impl Signer<'_> {
    /// Signs the state of the log, and records the checkpoint durably.
    pub(crate) async fn sign_day(&self, of_day: OfDay) -> Result<DomainEvidence> {
        let OfDay { mut evidence, head } = of_day;
        let notes = self.checkpoints(&[head]).await?;
        evidence.checkpoint = notes.into_iter().next().unwrap_or_default();
        Ok(evidence)
    }
}

fn too_large(most_bytes: u64) -> StoreError {
    StoreError::Invalid(format!(
        "the proof would need more than {} MiB of the log's entries",
        most_bytes >> 20
    ))
}
