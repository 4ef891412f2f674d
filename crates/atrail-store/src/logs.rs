//! Lists the entries of the signed logs.

use std::ops::Range;

use atrail_catalog::log::{CONTROL, Head, PLACES_AT_ONCE, Placed, Rare};
use atrail_disk::{Result, StoreError};
use atrail_model::{Day, Domain, Target};
use serde::Deserialize;

use crate::Store;

/// The types of entries that are listed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct LogKinds {
    /// `delete`.
    pub deletions: bool,
    /// `policy`.
    pub policies: bool,
    /// `hold` and `release`.
    pub holds: bool,
    /// `genesis` and `key`: each names the key that signs from there on.
    pub keys: bool,
    /// `space-added` and `space-removed`.
    pub spaces: bool,
    /// `seal`.
    pub seals: bool,
}

/// The present log of a domain.
#[derive(Debug, Clone)]
pub struct ListedLog {
    /// The domain.
    pub domain: Domain,
    /// The number of its entries.
    pub size: u64,
    /// The signed note of its checkpoint of this size.
    pub checkpoint: String,
    log: i64,
}

/// An entry of a log.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// The index of its record in the log.
    pub index: u64,
    /// The day of its list; `None` for the control list.
    pub day: Option<Day>,
    /// Its position in the list.
    pub position: u64,
    /// Its time, as it states it.
    pub time: String,
    /// Its type.
    pub kind: String,
    /// Its exact text.
    pub entry: String,
}

impl LogKinds {
    fn has(&self, kind: &str) -> bool {
        match kind {
            "delete" => self.deletions,
            "policy" => self.policies,
            "hold" | "release" => self.holds,
            "genesis" | "key" => self.keys,
            "space-added" | "space-removed" => self.spaces,
            "seal" => self.seals,
            _ => false,
        }
    }
}

impl Store {
    /// Returns the present logs of a target's domains, each with a checkpoint of its present size: the account's own
    /// first, then those of its spaces in the order of their creation.
    ///
    /// # Errors
    /// When the catalog or the disk fails.
    pub async fn logs(&self, target: Target) -> Result<Vec<ListedLog>> {
        let core = &self.core;
        core.catalog.anchors().check()?;
        let signer = core.signing.signer().await;
        let domains = core.catalog.domains_of(target).await?;
        let heads: Vec<(Domain, Head)> = core.catalog.heads_of(&domains).await?;
        let notes = core.with_reserve(|| signer.checkpoints(&heads)).await?;
        let logs = heads.into_iter().zip(notes);
        let logs = logs.map(|((domain, head), checkpoint)| ListedLog {
            domain,
            size: head.size,
            checkpoint,
            log: head.log,
        });
        Ok(logs.collect())
    }

    /// Returns the entries of these kinds from this index on, as far as one query reads, and the index of the next call;
    /// `None` when the list is complete.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn log_entries(
        &self,
        log: &ListedLog,
        from: u64,
        kinds: LogKinds,
    ) -> Result<(Vec<Listed>, Option<u64>)> {
        let end = log.size.min(from.saturating_add(PLACES_AT_ONCE));
        let which = if kinds.seals { Rare::No } else { Rare::Only };
        let range = Range { start: from, end };
        let placed = self.core.catalog.listed(log.log, range, which).await?;
        let mut listed = Vec::new();
        for one in placed {
            listed.extend(of_kinds(one, kinds)?);
        }
        Ok((listed, (end < log.size).then_some(end)))
    }
}

/// The members that every entry has.
#[derive(Deserialize)]
struct Stated {
    #[serde(rename = "type")]
    kind: String,
    time: String,
}

fn of_kinds(placed: Placed, kinds: LogKinds) -> Result<Option<Listed>> {
    let stated: Stated = serde_json::from_str(&placed.entry)
        .map_err(|error| malformed(&format!("an entry cannot be read: {error}")))?;
    if !kinds.has(&stated.kind) {
        return Ok(None);
    }
    let day = match placed.list {
        CONTROL => None,
        number => {
            let day = u32::try_from(number).ok().and_then(Day::from_number);
            Some(day.ok_or_else(|| malformed("an entry is of no day"))?)
        }
    };
    Ok(Some(Listed {
        index: placed.index,
        day,
        position: placed.place,
        time: stated.time,
        kind: stated.kind,
        entry: placed.entry,
    }))
}

fn malformed(why: &str) -> StoreError {
    StoreError::Damaged {
        what: "the catalog".to_owned(),
        why: why.to_owned(),
    }
}
