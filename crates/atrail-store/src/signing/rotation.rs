//! Signing with another key from here on.
//!
//! The new key is kept in a file of its own, then recorded in every domain's log, endorsed by the old one, in one
//! transaction; then it takes the old one's place. A crash in between is finished, or taken back, by the next start.

use std::sync::Arc;

use atrail_evidence::{KeyChange, SigningKey, VerifierKey, endorsement_text, origin};
use atrail_model::{Domain, Requester, Timestamp, format_timestamp};

use super::{Signing, key};
use crate::catalog::Catalog;
use crate::catalog::key_changes::KeyRotation;
use crate::catalog::log::Head;
use crate::error::Result;

impl Signing {
    pub(crate) async fn rotate(
        &self,
        catalog: &Catalog,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<VerifierKey> {
        let mut current = self.key.write().await;
        // One that an earlier try left may be in the catalog after all.
        let next = match key::next(&*self.secrets)? {
            Some(next) => next,
            None => key::signed(SigningKey::generate(current.name()))?,
        };
        key::keep_next(&*self.secrets, &next)?;
        let verifier_key = next.verifier_key().clone();
        let change = KeyRotation {
            before: current.verifier_key().to_string(),
            after: verifier_key.to_string(),
            for_server: endorse(&current, current.name(), &next)?,
        };
        let for_domain = |domain: Domain, head: &Head| {
            let origin = origin(current.name(), &domain.to_string(), &head.epoch);
            Ok(KeyChange {
                time: format_timestamp(now),
                actor: requester.name.to_owned(),
                key: change.after.clone(),
                endorsement: endorse(&current, &origin, &next)?,
            })
        };
        catalog
            .change_key(requester.warrant, &change, for_domain)
            .await?;
        // From the commit on nothing may be signed with the old one, whatever happens to the file.
        *current = Arc::new(next);
        key::use_next(&*self.secrets)?;
        Ok(verifier_key)
    }

    /// Ends what an interrupted change of keys began: the new key is used when the logs name it, else forgotten.
    pub(crate) async fn finish_rotation(&self, catalog: &Catalog) -> Result<()> {
        let Some(next) = key::next(&*self.secrets)? else {
            return Ok(());
        };
        if !catalog.logs_name(&next.verifier_key().to_string()).await? {
            return key::forget_next(&*self.secrets);
        }
        key::use_next(&*self.secrets)?;
        catalog.set_verifier_key(next.verifier_key().to_string());
        *self.key.write().await = Arc::new(next);
        Ok(())
    }
}

/// The note by which a key says that another one signs after it.
fn endorse(current: &SigningKey, origin: &str, next: &SigningKey) -> Result<String> {
    let text = endorsement_text(origin, &next.verifier_key().to_string());
    key::signed(current.sign(text))
}
