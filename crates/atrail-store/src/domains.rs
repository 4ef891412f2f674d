//! Caches the catalog's domains in memory: the identity and the owner of a domain never change.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_catalog::domains::DomainRow;
use atrail_disk::Result;
use atrail_model::{AccountId, Domain};

use crate::core::Core;

/// Returns the owner of each domain.
pub(crate) fn owners(domains: &HashMap<Domain, DomainRow>) -> Vec<(Domain, AccountId)> {
    let rows = domains.values();
    rows.map(|row| (row.domain, row.account)).collect()
}

impl Core {
    /// Returns the rows of all known domains, including those of `wanted` that the catalog has. It reads the catalog
    /// only when one of these is new.
    ///
    /// # Errors
    /// When the catalog fails.
    pub(crate) async fn domains(
        &self,
        mut wanted: impl Iterator<Item = Domain>,
    ) -> Result<Arc<HashMap<Domain, DomainRow>>> {
        let known = Arc::clone(&self.known_domains.lock());
        if wanted.all(|domain| known.contains_key(&domain)) {
            return Ok(known);
        }
        let fresh = Arc::new(self.catalog.domain_rows().await?);
        self.journal.set_owners(&owners(&fresh));
        // If this replaces a map that was read later, the next lookup reads once more.
        *self.known_domains.lock() = Arc::clone(&fresh);
        Ok(fresh)
    }

    /// Returns the owner of a domain; an unknown domain counts as its own owner.
    ///
    /// # Errors
    /// When the catalog fails.
    pub(crate) async fn owner(&self, domain: Domain) -> Result<AccountId> {
        let space = match domain {
            Domain::Account(account) => return Ok(account),
            Domain::Space(space) => space,
        };
        let known = self.domains(std::iter::once(domain)).await?;
        let row = known.get(&domain);
        Ok(row.map_or_else(
            || AccountId::from_bytes(*space.as_bytes()),
            |row| row.account,
        ))
    }
}
