//! The server's own events: what is done with the archive is on record in the archive, in the domain that it is done to.
//!
//! Reads of evidence are answered only once their event is durable. What changes something is done first, then put on
//! record; it is in the domain's log in any case.

mod act;
pub(crate) mod action;
mod cadf;
mod ledger;
mod once;
mod origin;
mod readings;
mod repeats;
mod text;
mod writer;

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use atrail_model::{AccountId, Clock, Domain, LoginId, UserId, format_timestamp};
use atrail_store::{Disagreement, Identity, Session, SessionKey, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;

pub(crate) use act::{Act, Actor, Credential, Thing};
pub(crate) use action::Action;
use ledger::Reader;
use once::Once;
pub(crate) use origin::Origin;
pub(crate) use readings::Answer;
use readings::Readings;
use repeats::{Key, Repeats};
pub(crate) use writer::Unwritten;
use writer::Writer;

use crate::metrics::Metrics;

/// Time between two looks for hours that are over and readings that are to be kept.
const TICK: Duration = Duration::from_secs(1);
/// Accounts in which one act of a user is on record.
pub(crate) const ACCOUNTS_MAX: usize = 16;
/// Refused logins that may wait to be put on record.
const REFUSALS_MAX: usize = 1000;
/// The status that a refused login is answered with (RFC 6749 §5.2).
const REFUSED_LOGIN_STATUS: u16 = 400;

/// Writes the server's own events.
#[derive(Debug)]
pub(crate) struct Audit {
    writer: Arc<Writer>,
    identity: Identity,
    repeats: Repeats,
    readings: Readings,
    refusals: TaskTracker,
}

impl Audit {
    pub(crate) async fn new(store: Store, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            identity: store.catalog().identity(),
            writer: Arc::new(Writer::new(store, clock, metrics).await),
            repeats: Repeats::default(),
            readings: Readings::default(),
            refusals: TaskTracker::new(),
        }
    }

    /// Returns when it is on record that somebody read this in this hour: to be called before a read is answered.
    pub(crate) async fn read(&self, act: Act) -> Result<(), Unwritten> {
        self.repeats
            .note(&self.writer, Key::by_user(&act), act)
            .await
    }

    /// Returns when the act is on record: to be called before evidence is handed out.
    pub(crate) async fn must_record(&self, act: Act) -> Result<(), Unwritten> {
        let once = Once::new(act, self.writer.clock.now());
        once.write(&self.writer).await.map(drop)
    }

    /// Puts on record what is done already. When that fails, the log and a metric say so: the act cannot be undone.
    pub(crate) async fn record(&self, act: Act) {
        // Counted and logged where it failed.
        let _ = self.must_record(act).await;
    }

    /// Puts an act that concerns a user on record in each account that the user uses.
    pub(crate) async fn record_for(&self, user: UserId, act: impl Fn(Domain) -> Act) {
        let accounts = self.accounts_of(user).await;
        self.record_in(&accounts, act).await;
    }

    /// Puts an act on record in these accounts.
    pub(crate) async fn record_in(&self, accounts: &[AccountId], act: impl Fn(Domain) -> Act) {
        for account in accounts {
            self.record(act(Domain::Account(*account))).await;
        }
    }

    /// The accounts that the user uses; of a user who has used none yet, those where the user holds a role. When they cannot be looked up, the log says so.
    pub(crate) async fn accounts_of(&self, user: UserId) -> Vec<AccountId> {
        match self.identity.accounts_of(user, ACCOUNTS_MAX).await {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::error!(%user, %error, "what a user does cannot be put on record");
                Vec::new()
            }
        }
    }

    /// Puts on record that a login of a user was refused, in a while: the answer must not tell by its time that there is
    /// such a user.
    pub(crate) fn refused_login(self: &Arc<Self>, actor: Actor) {
        if self.refusals.len() >= REFUSALS_MAX {
            self.writer.metrics.own_event_failed(Action::Login);
            tracing::error!(user = %actor.id, "too many refused logins at once: one is not on record");
            return;
        }
        let audit = Arc::clone(self);
        self.refusals.spawn(async move {
            for account in audit.accounts_of(actor.id).await {
                let act = Act::new(Action::Login, actor.clone(), Domain::Account(account));
                let act = act.answered(REFUSED_LOGIN_STATUS);
                // Counted and logged where it failed.
                let _ = audit
                    .repeats
                    .note(&audit.writer, Key::by_address(&act), act)
                    .await;
            }
        });
    }

    /// Begins an answer with these bytes of a session: returns when it is on record that they are read.
    pub(crate) async fn reads(
        self: &Arc<Self>,
        session: &Arc<Session>,
        login: LoginId,
        actor: &Actor,
        bytes: Range<u64>,
    ) -> Result<Answer, Unwritten> {
        let reader = Reader {
            login,
            address: actor.origin.address(),
        };
        self.readings
            .begin(&self.writer, session, reader, actor, bytes)
            .await
    }

    /// Forgets how far a session was read, which has ended.
    pub(crate) fn session_ended(&self, session: SessionKey) {
        self.readings.forget(session);
    }

    /// Puts on record, in each account where retention is set, that it waits because the machine's clock jumped ahead: once for
    /// each jump, under the date up to which time is known to have passed.
    async fn note_jumps(&self, noted: &mut u64) {
        let time = self.writer.store.time();
        if time.jumps == *noted {
            return;
        }
        *noted = time.jumps;
        let Some(Disagreement::Ahead(by)) = time.disagreement else {
            return;
        };
        let accounts = match self.writer.store.accounts_with_retention().await {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::error!(%error, "that retention waits cannot be put on record");
                return;
            }
        };
        for account in accounts {
            let domain = Domain::Account(account);
            let act = Act::new(Action::SuspendRetention, Actor::server(), domain)
                .with("clock", format_timestamp(time.date))
                .with("passed", format_timestamp(time.passed))
                .with("aheadSeconds", by.as_secs());
            // Counted and logged where it failed.
            let _ = Once::new(act, time.passed).write(&self.writer).await;
        }
    }

    /// Writes what is counted when its hour is over, and that a clock jumped, until it is told to stop.
    pub(crate) async fn run(self: Arc<Self>, stop: CancellationToken) {
        let mut noted = 0;
        loop {
            tokio::select! {
                () = stop.cancelled() => return,
                () = tokio::time::sleep(TICK) => {}
            }
            self.repeats.write_due(&self.writer, false).await;
            self.readings.tidy(&self.writer, false).await;
            self.note_jumps(&mut noted).await;
        }
    }

    /// Writes all that is counted: the last thing before the store is closed.
    pub(crate) async fn close(&self) {
        self.refusals.close();
        self.refusals.wait().await;
        self.repeats.write_due(&self.writer, true).await;
        self.readings.tidy(&self.writer, true).await;
    }
}
