//! Checkpoints in memory, for tests.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_disk::Result;
use atrail_model::Domain;
use parking_lot::Mutex;

use super::{Checkpoints, Signed, covers};

/// Checkpoints in memory; clones share them.
#[derive(Debug, Clone, Default)]
pub(crate) struct MemoryCheckpoints(Arc<Mutex<Kept>>);

#[derive(Debug, Clone, Default)]
struct Kept {
    newest: HashMap<Domain, Signed>,
    demanded_epoch: Option<String>,
}

#[cfg(test)]
impl MemoryCheckpoints {
    /// Replaces the kept checkpoint, whatever it is.
    pub(super) fn put(&self, domain: Domain, signed: Option<Signed>) {
        let mut kept = self.0.lock();
        kept.newest.remove(&domain);
        kept.newest.extend(signed.map(|signed| (domain, signed)));
    }
}

impl MemoryCheckpoints {
    /// Returns a new one with a copy of the present contents.
    pub(crate) fn copied(&self) -> Self {
        Self(Arc::new(Mutex::new(self.0.lock().clone())))
    }
}

impl Checkpoints for MemoryCheckpoints {
    fn domains(&self) -> Vec<Domain> {
        self.0.lock().newest.keys().copied().collect()
    }

    fn newest(&self, domain: Domain) -> Option<Signed> {
        self.0.lock().newest.get(&domain).cloned()
    }

    fn remember(&self, signed: &[(Domain, Signed)]) -> Result<()> {
        let mut kept = self.0.lock();
        for (domain, signed) in signed {
            if !covers(kept.newest.get(domain), &signed.checkpoint)? {
                kept.newest.insert(*domain, signed.clone());
            }
        }
        Ok(())
    }

    fn demanded_epoch(&self) -> Result<Option<String>> {
        Ok(self.0.lock().demanded_epoch.clone())
    }

    fn demand_epoch(&self, reason: &str) -> Result<()> {
        self.0.lock().demanded_epoch = Some(reason.to_owned());
        Ok(())
    }

    fn forget_demand(&self) -> Result<()> {
        self.0.lock().demanded_epoch = None;
        Ok(())
    }
}
