//! When API keys were last used.

use atrail_model::{LoginId, Timestamp};

use super::Identity;
use crate::catalog::failure::failed_to;
use crate::catalog::row::{Id, nanoseconds};
use crate::error::Result;

impl Identity {
    /// Records when requests last carried these API keys, each by the id of its requests. A later use that is on record
    /// stays, and a key that is gone is skipped.
    ///
    /// # Errors
    /// When the catalog fails; then none is recorded.
    pub async fn note_key_uses(&self, uses: &[(LoginId, Timestamp)]) -> Result<()> {
        const WHAT: &str = "record the use of API keys";
        let mut tx = self.catalog.begin(WHAT).await?;
        for (login, at) in uses {
            sqlx::query("UPDATE api_keys SET used = MAX(?1, COALESCE(used, ?1)) WHERE login = ?2")
                .bind(nanoseconds(*at))
                .bind(login.bytes())
                .execute(&mut *tx)
                .await
                .map_err(failed_to(WHAT))?;
        }
        tx.commit_as_no_change().await
    }
}
