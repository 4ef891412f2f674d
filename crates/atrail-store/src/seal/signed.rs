//! Letting the log go of what is sealed, once it is signed.

use atrail_disk::{Result, is_full};
use atrail_wal::Rotation;

use crate::core::Core;

impl Core {
    /// Removes log files whose events are sealed in a catalog that is where it was. What was sealed is signed before: by that a later
    /// start knows a catalog that is older than the archive. What cannot be signed stays in the log.
    pub(crate) async fn trim(&self, rotation: Rotation) -> Result<()> {
        self.catalog.anchors().check()?;
        let signed = self.sign_sealed().await;
        self.journal.trim(rotation).await?;
        signed
    }

    /// Signs what is sealed and not signed yet, and has the journal know.
    ///
    /// # Errors
    /// The first, when some cannot be signed; the others are.
    pub(crate) async fn sign_sealed(&self) -> Result<()> {
        // What is sealed from here on may be signed too; it counts as unsigned.
        let numbers = self.journal.unsigned();
        if numbers.is_empty() {
            return Ok(());
        }
        let known = self.domains(numbers.keys().copied()).await?;
        let rows = numbers.keys().filter_map(|domain| known.get(domain));
        let rows: Vec<_> = rows.copied().collect();
        let sign = |rows| self.signing.sign(&self.catalog, rows);
        let together = self.with_reserve(|| sign(&rows)).await;
        if together.is_ok() {
            self.journal.signed(&numbers);
        }
        if together.is_ok() || rows.len() == 1 || is_full(&together) {
            return together;
        }
        let mut outcome = Ok(());
        for row in &rows {
            let signed = sign(std::slice::from_ref(row)).await;
            if signed.is_ok() {
                let number = numbers[&row.domain];
                self.journal.signed(&[(row.domain, number)].into());
            }
            outcome = outcome.and(signed);
        }
        outcome
    }
}
