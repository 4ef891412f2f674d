//! An earlier receipt: the next one is to prove that the logs have only grown since.

use std::collections::BTreeMap;
use std::path::Path;

use atrail_evidence::{Checkpoint, MAX_RECEIPT_BYTES, Receipt};

use crate::commands::evidence_text::text_of;
use crate::error::{CliError, Result};

/// An earlier receipt.
#[derive(Debug, Clone)]
pub(crate) struct Since {
    /// Its text.
    pub(crate) text: String,
    /// The sizes of the logs that it shows, by domain.
    pub(crate) sizes: BTreeMap<String, u64>,
}

impl Since {
    /// Reads an earlier receipt.
    ///
    /// # Errors
    /// When the file cannot be read, or is no receipt.
    pub(crate) fn read(path: &Path) -> Result<Self> {
        let text = text_of(path, MAX_RECEIPT_BYTES)?;
        let not_a_receipt = || {
            CliError::failed(format!("{} is not a receipt", path.display()))
                .hint("--since names the FILE.receipt of an earlier download")
        };
        let (receipt, _) = Receipt::parse(&text).map_err(|error| not_a_receipt().because(error))?;
        let mut sizes = BTreeMap::new();
        for domain in &receipt.domains {
            let checkpoint = Checkpoint::parse(&domain.checkpoint)
                .map_err(|error| not_a_receipt().because(error))?;
            sizes.insert(domain.domain.clone(), checkpoint.size);
        }
        Ok(Self { text, sizes })
    }
}
