//! What logins are worth now, remembered for seconds, so that a request need not ask the catalog.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::{AccountId, Elapsed, LoginId, Moment, SpaceId, Standing};
use atrail_store::{ErrorKind, Identity, Result, Tenancy};
use parking_lot::RwLock;

/// How long a standing is believed. Changes by this process are seen at once; this bounds every other case.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Logins, and spaces, that are remembered.
const CAPACITY: usize = 10_000;

/// The catalog's answers, remembered.
#[derive(Debug)]
pub(crate) struct Standings {
    identity: Identity,
    tenancy: Tenancy,
    remembered: RwLock<Remembered>,
}

#[derive(Debug, Default)]
struct Remembered {
    /// Counts the changes, so that an answer from before a change is not remembered after it.
    changes: u64,
    logins: HashMap<LoginId, (Arc<Standing>, Elapsed)>,
    /// A space stays in its account until it is deleted.
    spaces: HashMap<SpaceId, AccountId>,
}

impl Standings {
    pub(crate) fn new(identity: Identity, tenancy: Tenancy) -> Self {
        Self {
            identity,
            tenancy,
            remembered: RwLock::default(),
        }
    }

    /// What the login is worth; `None` when it has ended.
    pub(crate) async fn of(&self, login: LoginId, now: Moment) -> Result<Option<Arc<Standing>>> {
        let changes = {
            let remembered = self.remembered.read();
            if let Some((standing, since)) = remembered.logins.get(&login)
                && now.elapsed.since(*since) < BELIEVED_FOR
                // The end of a login, or of the key that it came of, is not slept through.
                && now.date < standing.until
            {
                return Ok(Some(Arc::clone(standing)));
            }
            remembered.changes
        };
        let Some(standing) = self.identity.standing(login, now.date).await?.map(Arc::new) else {
            return Ok(None);
        };
        let mut remembered = self.remembered.write();
        if remembered.changes == changes {
            if remembered.logins.len() >= CAPACITY {
                remembered.logins.clear();
            }
            remembered
                .logins
                .insert(login, (Arc::clone(&standing), now.elapsed));
        }
        Ok(Some(standing))
    }

    /// The account of a space, if there is such a space and who asks may know of it: `knows` says so of its account. A space
    /// that is foreign costs the same look as one that is not there, however often it is asked for.
    pub(crate) async fn account_of(
        &self,
        space: SpaceId,
        knows: impl Fn(AccountId) -> bool,
    ) -> Result<Option<AccountId>> {
        let changes = {
            let remembered = self.remembered.read();
            if let Some(account) = remembered.spaces.get(&space)
                && knows(*account)
            {
                return Ok(Some(*account));
            }
            remembered.changes
        };
        let account = match self.tenancy.space(space).await {
            Ok(found) if knows(found.account) => found.account,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let mut remembered = self.remembered.write();
        if remembered.changes == changes {
            if remembered.spaces.len() >= CAPACITY {
                remembered.spaces.clear();
            }
            remembered.spaces.insert(space, account);
        }
        Ok(Some(account))
    }

    /// To be called after every change of users, logins or roles, and when a space is deleted.
    pub(crate) fn forget(&self) {
        let mut remembered = self.remembered.write();
        remembered.changes += 1;
        remembered.logins.clear();
        remembered.spaces.clear();
    }
}

#[cfg(test)]
mod tests;
