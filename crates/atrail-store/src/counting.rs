//! Counts sealed and unsealed events at one moment, whatever is sealed meanwhile.
//!
//! The catalog says in one snapshot what is sealed, and up to which number of the journal. The journal then counts what is
//! above that number. Neither waits for the other.

use std::sync::Arc;

use atrail_catalog::domains::DomainRow;
use atrail_disk::{Result, StoreError};
use atrail_model::Target;
use atrail_wal::{CountsKept, Journal, Moved};

use crate::core::Core;

/// How often sealed events may leave the journal between the two looks before a count has the others wait.
pub(crate) const LOOKS: usize = 3;

/// The looks of one count, of which each reads a snapshot of the catalog and then the journal.
pub(crate) struct Looks<'a> {
    journal: &'a Arc<dyn Journal>,
    done: usize,
    nothing_leaves: Option<CountsKept>,
}

impl Looks<'_> {
    /// Prepares another look after one that came too late: the journal has let go of what the snapshot does not have.
    ///
    /// # Errors
    /// When the catalog has forgotten what is sealed.
    pub(crate) async fn again(&mut self, moved: Moved) -> Result<()> {
        if self.nothing_leaves.is_some() {
            return Err(StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!(
                    "it knows no longer that the events of {} are sealed up to number {}",
                    moved.domain, moved.sealed_to
                ),
            });
        }
        self.done += 1;
        if self.done == LOOKS {
            self.nothing_leaves = Some(self.journal.keep_counts().await);
        }
        Ok(())
    }
}

impl Core {
    /// Begins to count. The looks see each event that was acknowledged before.
    ///
    /// # Errors
    /// When the journal does not learn what was acknowledged.
    pub(crate) async fn begin_to_count(&self) -> Result<Looks<'_>> {
        self.journal.catch_up().await?;
        Ok(Looks {
            journal: &self.journal,
            done: 0,
            nothing_leaves: None,
        })
    }

    /// Returns the domains of a target that have unsealed events. What is acknowledged before the call, and of none of
    /// these, is sealed. A domain that is missing in the catalog belongs to nobody; sealing reports it.
    pub(crate) async fn unsealed_of(&self, target: Target) -> Result<Vec<DomainRow>> {
        let unsealed = self.journal.unsealed_domains();
        if unsealed.is_empty() {
            return Ok(Vec::new());
        }
        let known = self.domains(unsealed.iter().copied()).await?;
        let rows = unsealed.iter().filter_map(|domain| known.get(domain));
        let is_wanted = |row: &&DomainRow| match target {
            Target::Space(_) => row.domain == target.domain(),
            Target::Account(account) => row.account == account,
        };
        Ok(rows.filter(is_wanted).copied().collect())
    }
}
