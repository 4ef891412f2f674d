//! Prepares signing at a start: continues the signed history, or begins a new one and records why. It never signs a
//! second history of one origin and size.

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use atrail_catalog::Catalog;
use atrail_catalog::domains::DomainRow;
use atrail_catalog::log::{Beginning, Epoch, Head};
use atrail_catalog::view::View;
use atrail_disk::{Result, off_thread};
use atrail_evidence::{Checkpoint, origin};
use atrail_model::{AccountId, Domain, Timestamp};
use uuid::Uuid;

use super::Signing;
use super::checkpoints::Signed;
use super::demand::TAKEN_IN;

const WHAT: &str = "begin the domains' logs";
/// The actor that the records of a new epoch name.
const ACTOR: &str = "atrail";

impl Signing {
    /// Returns the domains that have a signed checkpoint.
    pub(crate) fn signed_domains(&self) -> Vec<Domain> {
        self.checkpoints.domains()
    }

    /// Reads what other nodes have signed since.
    async fn refresh(&self) -> Result<()> {
        let checkpoints = Arc::clone(&self.checkpoints);
        off_thread(move || checkpoints.refresh()).await
    }

    /// Reports whether the signed history is longer than the catalog's, or differs from it: then the catalog is older,
    /// or another one. A catalog without logs, rebuilt from the archive, is neither.
    pub(crate) async fn is_ahead_of(&self, catalog: &Catalog) -> Result<bool> {
        self.refresh().await?;
        let name = self.name().await;
        let mut snapshot = catalog.snapshot(WHAT).await?;
        let mut view = snapshot.view();
        for row in view.all_domains().await? {
            if let Some(signed) = self.checkpoints.newest(row.domain)
                && let Some(head) = view.head(row.number).await?
                && !goes_on(&mut view, &name, &row, &head, &signed).await?
            {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// Continues the catalog's logs where they match the signed history, and begins them anew where not. `taken_in`
    /// lists accounts with adopted objects that their logs do not mention.
    pub(crate) async fn go_on(
        &self,
        catalog: &Catalog,
        taken_in: &BTreeSet<AccountId>,
        now: Timestamp,
    ) -> Result<()> {
        self.refresh().await?;
        let is_demanded = self.checkpoints.demanded_epoch()?;
        // The demand of an earlier adoption concerns its own accounts only.
        let demanded = is_demanded.clone().filter(|reason| reason != TAKEN_IN);
        let mut accounts: BTreeMap<AccountId, Vec<DomainRow>> = BTreeMap::new();
        for row in catalog.all_domains().await? {
            accounts.entry(row.account).or_default().push(row);
        }
        let verifier_key = self.verifier_key().await.to_string();
        let beginning = Beginning {
            verifier_key: &verifier_key,
            actor: ACTOR,
            now,
        };
        for (account, domains) in accounts {
            let mut write = catalog.write(WHAT).await?;
            let is_changed = taken_in.contains(&account);
            if let Some(epoch) = self
                .epoch_for(
                    &mut write.view(),
                    &domains,
                    &verifier_key,
                    demanded.as_deref(),
                    is_changed,
                )
                .await?
            {
                if !epoch.epoch.is_empty() {
                    tracing::warn!(%account, reason = epoch.reason, "the logs of an account begin a new epoch");
                }
                write.begin_epoch(&beginning, account, &epoch).await?;
                write.commit().await?;
            }
        }
        if is_demanded.is_some() {
            self.checkpoints.forget_demand()?;
        }
        Ok(())
    }

    /// Returns why and how the logs of an account begin anew, unless they continue.
    async fn epoch_for(
        &self,
        view: &mut View<'_>,
        domains: &[DomainRow],
        verifier_key: &str,
        demanded: Option<&str>,
        is_changed: bool,
    ) -> Result<Option<Epoch>> {
        let name = self.name().await;
        let mut reason = demanded.map(str::to_owned);
        let mut lacking = false;
        for row in domains {
            let newest = self.checkpoints.newest(row.domain);
            let head = view.head(row.number).await?;
            lacking |= head.is_none();
            if let Some(head) = &head
                && view.key(head.log).await? != verifier_key
            {
                reason.get_or_insert_with(|| "the signing key of the logs was lost".to_owned());
            }
            let Some(newest) = &newest else {
                continue;
            };
            let signed = &newest.checkpoint;
            let goes_on = match &head {
                None => false,
                Some(head) => goes_on(view, &name, row, head, newest).await?,
            };
            if !goes_on {
                reason.get_or_insert_with(|| {
                    format!(
                        "the catalog is not the one of which the checkpoint {} of {} was signed",
                        signed.size, row.domain
                    )
                });
            }
        }
        if reason.is_none() && is_changed {
            reason = Some(TAKEN_IN.to_owned());
        }
        if reason.is_none() && !lacking {
            return Ok(None);
        }
        let continues = domains.iter().filter_map(|row| {
            let signed = self.checkpoints.newest(row.domain)?;
            Some((row.domain, signed.note))
        });
        let continues: BTreeMap<Domain, String> = continues.collect();
        Ok(Some(Epoch {
            // Without a reason, this is the first history.
            epoch: if reason.is_some() {
                Uuid::now_v7().to_string()
            } else {
                String::new()
            },
            reason: reason.unwrap_or_default(),
            continues,
        }))
    }
}

/// Reports whether a log is the one of this signed checkpoint, or continues it.
async fn goes_on(
    view: &mut View<'_>,
    server: &str,
    row: &DomainRow,
    head: &Head,
    signed: &Signed,
) -> Result<bool> {
    let Checkpoint {
        origin: signed_origin,
        size,
        root,
    } = &signed.checkpoint;
    Ok(
        origin(server, &row.domain.to_string(), &head.epoch) == *signed_origin
            && view.root_at(head, *size).await? == Some(*root),
    )
}
