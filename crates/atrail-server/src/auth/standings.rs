//! Caches the standing of each login for seconds, so that most requests need no query of the catalog.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{AccountId, Elapsed, LoginId, Moment, Recent, SpaceId, Standing};
use atrail_store::{ErrorKind, Identity, Result, Tenancy};
use parking_lot::Mutex;

/// How long a cached standing counts while nothing changes. Changes by this process take effect at once; this bounds
/// every other case.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Number of cached logins, and of cached spaces.
const CAPACITY: usize = 10_000;

/// Caches answers of the catalog. Each answer records how often identity or tenancy had changed before it was read, and
/// counts only while that number is the same. So the code that makes a change need not know of this cache.
#[derive(Debug)]
pub(crate) struct Standings {
    identity: Identity,
    tenancy: Tenancy,
    logins: Mutex<Recent<LoginId, Remembered>>,
    /// A space stays in its account until it is deleted.
    spaces: Mutex<Recent<SpaceId, (AccountId, u64)>>,
}

#[derive(Debug, Clone)]
struct Remembered {
    standing: Arc<Standing>,
    since: Elapsed,
    changes: u64,
}

impl Standings {
    pub(crate) fn new(identity: Identity, tenancy: Tenancy) -> Self {
        Self {
            identity,
            tenancy,
            logins: Mutex::new(Recent::new(CAPACITY)),
            spaces: Mutex::new(Recent::new(CAPACITY)),
        }
    }

    /// Returns the login's standing; `None` when the login has ended.
    pub(crate) async fn of(&self, login: LoginId, now: Moment) -> Result<Option<Arc<Standing>>> {
        let changes = self.identity.changes();
        if let Some(known) = self.logins.lock().get(&login)
            && known.changes == changes
            && now.elapsed.since(known.since) < BELIEVED_FOR
            // The end of a login, or of its API key, takes effect at once in spite of the cache.
            && now.date < known.standing.until
        {
            return Ok(Some(Arc::clone(&known.standing)));
        }
        let Some(standing) = self.identity.standing(login, now.date).await?.map(Arc::new) else {
            return Ok(None);
        };
        let known = Remembered {
            standing: Arc::clone(&standing),
            since: now.elapsed,
            changes,
        };
        self.logins.lock().insert(login, known, 1);
        Ok(Some(standing))
    }

    /// Forgets a login whose end has changed: the next request with it asks the catalog.
    pub(crate) fn forget(&self, login: LoginId) {
        self.logins.lock().remove(&login);
    }

    /// Returns the account of a space, if the space exists and the caller may know of it, which `knows` decides by its
    /// account. A foreign space costs the same lookup as one that does not exist, every time.
    pub(crate) async fn account_of(
        &self,
        space: SpaceId,
        knows: impl Fn(AccountId) -> bool,
    ) -> Result<Option<AccountId>> {
        let changes = self.identity.changes();
        if let Some((account, since)) = self.spaces.lock().get(&space)
            && *since == changes
            && knows(*account)
        {
            return Ok(Some(*account));
        }
        let account = match self.tenancy.space(space).await {
            Ok(found) if knows(found.account) => found.account,
            Ok(_) => return Ok(None),
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        self.spaces.lock().insert(space, (account, changes), 1);
        Ok(Some(account))
    }
}

#[cfg(test)]
mod tests;
