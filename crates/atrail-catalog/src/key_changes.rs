//! Records changes of the signing key, for clients that remember an earlier one.

use atrail_disk::{Result, StoreError};
use atrail_evidence::{ControlEntry, KeyChange};
use atrail_model::{Domain, Warrant};

use super::failure::failed_to;
use super::log::{self, Head, NewEntry};
use super::row::Columns;
use super::view::View;
use super::{Catalog, domains, must_stand};
use crate::sql;

const WHAT: &str = "record another signing key";

/// A change of the signing key.
#[derive(Debug)]
pub struct KeyRotation {
    /// The verifier key of the previous key.
    pub before: String,
    /// The verifier key of the new key.
    pub after: String,
    /// The note in which the previous key declares to the server's clients that the new one signs after it.
    pub for_server: String,
}

impl Catalog {
    /// Records in every domain's log, and for the server, that another key signs from here on. `for_domain` returns the
    /// entry of one domain. Later logs name the new key.
    ///
    /// # Errors
    /// The refusal of [`must_stand`], or when the catalog fails: the logs still name the earlier key. When it is
    /// unknown which key they name, the catalog accepts no more transactions.
    pub async fn change_key(
        &self,
        warrant: Option<&Warrant>,
        change: &KeyRotation,
        for_domain: impl Fn(Domain, &Head) -> Result<KeyChange>,
    ) -> Result<()> {
        let mut tx = self.begin(WHAT).await?;
        must_stand(warrant, &mut tx).await?;
        sql::query("INSERT INTO key_changes (endorsement) VALUES (?)")
            .bind(&change.for_server)
            .execute(&mut *tx)
            .await
            .map_err(failed_to(WHAT))?;
        // From here on nobody else begins a log until this transaction is committed.
        for row in domains::all_domains(&mut tx).await? {
            let head = View::of(&mut tx).head(row.number).await?;
            let head = head.ok_or_else(|| StoreError::Damaged {
                what: "the catalog".to_owned(),
                why: format!("{} has no log", row.domain),
            })?;
            let entry = ControlEntry::Key(for_domain(row.domain, &head)?);
            log::append(&mut tx, row.number, vec![NewEntry::Control(entry)]).await?;
        }
        // A log that begins after this transaction names the new key.
        self.set_verifier_key(change.after.clone());
        let Err(error) = tx.commit().await else {
            return Ok(());
        };
        match self.logs_name(&change.after).await {
            Ok(true) => Ok(()),
            Ok(false) => {
                self.set_verifier_key(change.before.clone());
                Err(error)
            }
            // Either key may be the wrong one: nothing is signed, and no log begins, until the next start determines
            // the key.
            Err(unknown) => {
                let why = format!("the catalog does not say which key the logs name: {unknown}");
                Err(self.anchors().lose(why))
            }
        }
    }

    /// Reports whether the logs name this key for their signatures.
    pub async fn logs_name(&self, verifier_key: &str) -> Result<bool> {
        let mut snapshot = self.snapshot(WHAT).await?;
        let mut view = snapshot.view();
        let domains = view.all_domains().await?;
        let Some(first) = domains.first() else {
            return Ok(false);
        };
        match view.head(first.number).await? {
            Some(head) => Ok(view.key(head.log).await? == verifier_key),
            None => Ok(false),
        }
    }

    /// Returns all endorsements, oldest first.
    pub async fn key_changes(&self) -> Result<Vec<String>> {
        let rows = sql::query("SELECT endorsement FROM key_changes ORDER BY change")
            .fetch_all(self.readers())
            .await
            .map_err(failed_to("list the signing keys"))?;
        rows.iter().map(|row| row.text("endorsement")).collect()
    }
}
