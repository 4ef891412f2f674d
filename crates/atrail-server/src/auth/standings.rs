//! What logins are worth now, remembered for seconds, so that a request need not ask the catalog.

use std::sync::Arc;
use std::time::Duration;

use atrail_model::{AccountId, Elapsed, LoginId, Moment, Recent, SpaceId, Standing};
use atrail_store::{ErrorKind, Identity, Result, Tenancy};
use parking_lot::Mutex;

/// How long a standing is believed while nothing changes. The server sees its own changes at once; this bounds every other
/// case.
const BELIEVED_FOR: Duration = Duration::from_secs(5);
/// Logins, and spaces, that are remembered.
const CAPACITY: usize = 10_000;

/// The catalog's answers, remembered. Each has the count of changes of identity and tenancy from before it was read, and holds
/// while the count stays the same. So no writer needs to know of this cache.
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

    /// What the login is worth; `None` when it has ended.
    pub(crate) async fn of(&self, login: LoginId, now: Moment) -> Result<Option<Arc<Standing>>> {
        let changes = self.identity.changes();
        if let Some(known) = self.logins.lock().get(&login)
            && known.changes == changes
            && now.elapsed.since(known.since) < BELIEVED_FOR
            // The end of a login, or of the key that it came of, is not slept through.
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

    /// The account of a space, if there is such a space and who asks may know of it: `knows` says so of its account. A space
    /// that is foreign costs the same look as one that is not there, however often it is asked for.
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
