//! What goes on record: bounded in number, and signed soon; and the key that signs it.

use atrail_evidence::VerifierKey;
use atrail_model::{Requester, Target};

use crate::Store;
use crate::catalog::domains::DomainRow;
use crate::core::Core;
use crate::error::{Result, chain};

impl Store {
    /// The key that evidence is verified with.
    pub async fn verifier_key(&self) -> VerifierKey {
        self.core.signing.verifier_key().await
    }

    /// The endorsements of all keys after the first, each a note by the key before, with the server's name as origin.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn endorsements(&self) -> Result<Vec<String>> {
        self.core.catalog.key_changes().await
    }

    /// Makes a new signing key, which the old one endorses in every domain's log, and signs with it from then on. Returns
    /// its verifier key.
    ///
    /// # Errors
    /// When the catalog or the disk fails: then it is the old key that signs, or the next start ends the change.
    pub async fn rotate_key(&self, requester: impl Into<Requester<'_>>) -> Result<VerifierKey> {
        let core = &self.core;
        let requester = requester.into();
        let key = core
            .signing
            .rotate(&core.catalog, requester, core.clock.now())
            .await?;
        core.signing.sign_all(&core.catalog).await?;
        Ok(key)
    }
}

impl Core {
    /// Sessions, deletions, policies and holds of one target are bounded in number: each is on record for ever.
    pub(crate) async fn admit_record(&self, target: Target) -> Result<()> {
        let Some(first) = self.catalog.domains_of(target).await?.first().copied() else {
            return Ok(());
        };
        let space = match target {
            Target::Space(space) => Some(space),
            Target::Account(_) => None,
        };
        self.seal_rate.admit(
            (first.account, space),
            self.clock.elapsed(),
            self.settings.max_sessions_per_hour,
        )
    }

    /// Signs where the logs of these domains stand, for what holds whether it is signed now or by the background.
    pub(crate) async fn sign_soon(&self, domains: &[DomainRow]) {
        if let Err(error) = self
            .with_reserve(|| self.signing.sign(&self.catalog, domains))
            .await
        {
            tracing::warn!(
                error = chain(&error),
                "where a log stands is not signed yet; it is tried again"
            );
        }
    }
}
