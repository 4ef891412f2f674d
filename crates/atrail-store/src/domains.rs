//! What the catalog knows of the domains, in memory: a domain stays what and whose it is for ever.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_model::{AccountId, Domain};

use crate::catalog::domains::DomainRow;
use crate::core::Core;
use crate::error::Result;

/// Whose each domain is.
pub(crate) fn owners(domains: &HashMap<Domain, DomainRow>) -> Vec<(Domain, AccountId)> {
    let rows = domains.values();
    rows.map(|row| (row.domain, row.account)).collect()
}

impl Core {
    /// The rows of all domains that are known, among them these as far as the catalog knows them. It is read only when one
    /// of these is new.
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
        // Should it take the place of one that was read later, the next look reads once more.
        *self.known_domains.lock() = Arc::clone(&fresh);
        Ok(fresh)
    }

    /// Whose a domain is; of one that the catalog does not know, nobody's but its own.
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
