//! The server's lasting records: bounded in number, and signed soon; and the key that signs them.

use std::sync::Arc;

use atrail_catalog::domains::DomainRow;
use atrail_disk::{Result, chain, joined};
use atrail_evidence::VerifierKey;
use atrail_model::{OwnedRequester, Requester, Target};

use crate::Store;
use crate::core::Core;

impl Store {
    /// Returns the key that verifies evidence.
    pub async fn verifier_key(&self) -> VerifierKey {
        self.core.signing.verifier_key().await
    }

    /// Returns the endorsements of all keys after the first, each a note by the previous key, with the server's name as
    /// origin.
    ///
    /// # Errors
    /// When the catalog fails.
    pub async fn endorsements(&self) -> Result<Vec<String>> {
        self.core.catalog.key_changes().await
    }

    /// Creates a new signing key, which the old one endorses in every domain's log, and signs with it from then on.
    /// Returns its verifier key. It completes even when nobody waits for it any longer.
    ///
    /// # Errors
    /// `Conflict` when other nodes run; when the catalog or the disk fails: then the old key still signs, or the next start completes the change.
    pub async fn rotate_key(&self, requester: impl Into<Requester<'_>>) -> Result<VerifierKey> {
        let core = Arc::clone(&self.core);
        let requester = OwnedRequester::from(requester.into());
        // Whatever becomes of the request: once the catalog names the new key, the old one must not sign.
        let rotation = tokio::spawn(async move {
            // A node that runs would go on signing with the key that it has in memory.
            #[cfg(feature = "cluster")]
            let alone = crate::start_turn::alone(&core.catalog).await?;
            let now = core.clock.now();
            let rotated = core.signing.rotate(&core.catalog, requester.get(), now);
            let rotated = rotated.await;
            #[cfg(feature = "cluster")]
            if let Some(node) = alone {
                node.has_started().await;
            }
            let key = rotated?;
            core.signing.sign_all(&core.catalog).await?;
            Ok(key)
        });
        joined(rotation).await
    }
}

impl Core {
    /// Refuses more sessions, deletions, policies and holds of one target than the limit: each is recorded for ever.
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

    /// Signs the present states of these domains' logs, for records that are valid whether they are signed now or by
    /// the background.
    pub(crate) async fn sign_soon(&self, domains: &[DomainRow]) {
        if let Err(error) = self
            .with_reserve(|| self.signing.sign(&self.catalog, domains))
            .await
        {
            tracing::warn!(
                error = chain(&error),
                "a log's present state is not signed yet; the server tries again"
            );
        }
    }
}
