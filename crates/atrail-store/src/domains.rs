//! What the catalog knows of the domains, in memory: a domain stays what and whose it is for ever.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_model::Domain;

use crate::catalog::archive::DomainRow;
use crate::error::{Result, StoreError};
use crate::store::Core;

impl Core {
    /// The rows of these domains that have events, and of others. Reads the catalog only when there is a new one.
    ///
    /// # Errors
    /// `Damaged` when the catalog does not know one, or when it fails.
    pub(crate) async fn domains(
        &self,
        wanted: impl Iterator<Item = Domain> + Clone,
    ) -> Result<Arc<HashMap<Domain, DomainRow>>> {
        let known = Arc::clone(&self.known_domains.lock());
        if wanted.clone().all(|domain| known.contains_key(&domain)) {
            return Ok(known);
        }
        let fresh = Arc::new(self.catalog.domain_rows().await?);
        if let Some(domain) = wanted.clone().find(|domain| !fresh.contains_key(domain)) {
            return Err(StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!("it does not know the domain {domain}, which has events in the log"),
            });
        }
        *self.known_domains.lock() = Arc::clone(&fresh);
        Ok(fresh)
    }
}
