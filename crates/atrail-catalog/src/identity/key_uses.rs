//! When API keys were last used.

use atrail_model::{LoginId, Timestamp};

use super::Identity;
use crate::failure::failed_to;
use crate::row::{Id, nanoseconds};
use crate::sql;
use atrail_disk::Result;

/// Number of uses that one transaction records: other writers wait no longer than that takes.
const AT_ONCE: usize = 256;

impl Identity {
    /// Records when requests last carried these API keys, each by the id of its requests. A later use that is on record
    /// stays, and a key that is gone is skipped. The uses are recorded in parts, each in a transaction of its own.
    ///
    /// # Errors
    /// When the catalog fails; then some of them may be recorded. Recording them again does no harm.
    pub async fn note_key_uses(&self, uses: &[(LoginId, Timestamp)]) -> Result<()> {
        const WHAT: &str = "record the use of API keys";
        for part in uses.chunks(AT_ONCE) {
            let mut tx = self.catalog.begin(WHAT).await?;
            for (login, at) in part {
                sql::query(
                    "UPDATE api_keys SET used = MAX(?1, COALESCE(used, ?1)) WHERE login = ?2",
                )
                .bind(nanoseconds(*at))
                .bind(login.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
            }
            tx.commit_as_no_change().await?;
        }
        Ok(())
    }
}
