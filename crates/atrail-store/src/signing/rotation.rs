//! Signing with another key from here on.
//!
//! The new key is kept in a file of its own, then recorded in every domain's log, endorsed by the old one, in one
//! transaction; then it takes the old one's place. A crash in between is finished, or taken back, by the next start.

use std::sync::Arc;

use atrail_evidence::{ControlEntry, KeyChange, SigningKey, VerifierKey, endorsement_text, origin};
use atrail_model::{Requester, Timestamp, format_timestamp};

use super::{Signing, key};
use crate::catalog::domains;
use crate::catalog::failure::failed_to;
use crate::catalog::log::{self, NewEntry};
use crate::catalog::{Catalog, must_stand};
use crate::error::{Result, StoreError};

const WHAT: &str = "record another signing key";

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
        let mut tx = catalog.begin(WHAT).await?;
        must_stand(requester.warrant, &mut tx).await?;
        // From here on nobody else begins a log until this one is committed.
        let domains = domains::all_domains(&mut tx).await?;
        let for_server = endorse(&current, current.name(), &next)?;
        catalog.note_key_change(&mut tx, &for_server).await?;
        for row in domains {
            let head = log::head(&mut tx, row.number).await?;
            let head = head.ok_or_else(|| StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!("{} has no log", row.domain),
            })?;
            let origin = origin(current.name(), &row.domain.to_string(), &head.epoch);
            let entry = ControlEntry::Key(KeyChange {
                time: format_timestamp(now),
                actor: requester.name.to_owned(),
                key: next.verifier_key().to_string(),
                endorsement: endorse(&current, &origin, &next)?,
            });
            log::append(&mut tx, row.number, vec![NewEntry::Control(entry)]).await?;
        }
        let verifier_key = next.verifier_key().clone();
        // Who begins a log after this transaction names the new key in it.
        catalog.set_verifier_key(verifier_key.to_string());
        let committed = catalog.commit(tx, WHAT).await;
        if let Err(error) = committed {
            match logs_name(catalog, &verifier_key.to_string()).await {
                Ok(true) => {}
                Ok(false) => {
                    catalog.set_verifier_key(current.verifier_key().to_string());
                    return Err(error);
                }
                // Either key may be the wrong one: nothing is signed, and no log begins, until the next start finds out.
                Err(unknown) => {
                    let why =
                        format!("the catalog does not say which key the logs name: {unknown}");
                    return Err(catalog.anchors().lose(why));
                }
            }
        }
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
        if !logs_name(catalog, &next.verifier_key().to_string()).await? {
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

/// Whether the logs name this key for their signatures.
async fn logs_name(catalog: &Catalog, verifier_key: &str) -> Result<bool> {
    let connection = catalog.readers().acquire().await;
    let mut connection = connection.map_err(failed_to(WHAT))?;
    let domains = catalog.all_domains().await?;
    let Some(first) = domains.first() else {
        return Ok(false);
    };
    match log::head(&mut connection, first.number).await? {
        Some(head) => Ok(log::key(&mut connection, head.log).await? == verifier_key),
        None => Ok(false),
    }
}
