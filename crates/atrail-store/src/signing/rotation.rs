//! Replaces the signing key.
//!
//! The new key is stored in a file of its own, then recorded in every domain's log, endorsed by the old one, in one
//! transaction; then it replaces the old one. The next start completes or reverts a change that a crash interrupted.

use std::sync::Arc;

use atrail_catalog::Catalog;
use atrail_catalog::key_changes::KeyRotation;
use atrail_catalog::log::Head;
use atrail_disk::Result;
use atrail_evidence::{KeyChange, SigningKey, VerifierKey, endorsement_text, origin};
use atrail_model::{Domain, Requester, Timestamp, format_timestamp};

use super::{Signing, key};

impl Signing {
    pub(crate) async fn rotate(
        &self,
        catalog: &Catalog,
        requester: Requester<'_>,
        now: Timestamp,
    ) -> Result<VerifierKey> {
        let mut current = self.key.write().await;
        // The catalog may name the key of an earlier try after all.
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
        // From the commit on nothing may be signed with the old one, even if the file cannot be replaced.
        *current = Arc::new(next);
        key::use_next(&*self.secrets)?;
        Ok(verifier_key)
    }

    /// Completes an interrupted change of keys: it uses the new key when the logs name it, or else deletes it.
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

/// Returns the note in which a key declares that another one signs after it.
fn endorse(current: &SigningKey, origin: &str, next: &SigningKey) -> Result<String> {
    let text = endorsement_text(origin, &next.verifier_key().to_string());
    key::signed(current.sign(text))
}
