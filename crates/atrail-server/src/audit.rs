//! The server's own events: the server records each use of the archive in the archive, in the domain that the use
//! concerns.
//!
//! The server answers a read of evidence only once its event is durable. It makes a change first and records it
//! afterwards; the domain's log contains the change in any case.

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

use atrail_model::{
    AccountId, Clock, Domain, Hours, LoginId, Scope, Timestamp, UserId, format_timestamp,
};
use atrail_store::search::Question;
use atrail_store::{Disagreement, Identity, RECORDS_OF_A_LOGIN, Session, SessionKey, Store};
use tokio_util::sync::CancellationToken;
use tokio_util::task::TaskTracker;
use uuid::Uuid;

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
use crate::search::range::days_of;

/// Time between two checks for hours that have ended and for readings to store.
const TICK: Duration = Duration::from_secs(1);
/// Number of accounts at most in which the server records one act of a user.
pub(crate) const ACCOUNTS_MAX: usize = RECORDS_OF_A_LOGIN;
/// Number of refused logins at most that wait to be recorded.
const REFUSALS_MAX: usize = 1000;
/// The status of the answer to a refused login (RFC 6749 §5.2).
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
            identity: store.identity(),
            writer: Arc::new(Writer::new(store, clock, metrics).await),
            repeats: Repeats::default(),
            readings: Readings::default(),
            refusals: TaskTracker::new(),
        }
    }

    /// Records that the actor read this in this hour, and returns when the event is durable. Await it before answering
    /// a read.
    pub(crate) async fn read(&self, act: Act) -> Result<(), Unwritten> {
        self.repeats
            .note(&self.writer, Key::by_user(&act), act)
            .await
    }

    /// Records that the actor read exactly this, by its details, in this hour, and returns when the event is durable.
    /// Await it before answering a read.
    pub(crate) async fn read_this(&self, act: Act) -> Result<(), Unwritten> {
        self.repeats
            .note(&self.writer, Key::by_details(&act), act)
            .await
    }

    /// Records that the actor searched the days of this question for its query in this hour, and returns when the event
    /// is durable. Await it before answering with an event or a count.
    pub(crate) async fn searched(
        &self,
        actor: Actor,
        question: &Question,
    ) -> Result<(), Unwritten> {
        let Question {
            target,
            range,
            query,
        } = question;
        let scope = Scope {
            target: *target,
            days: days_of(*range),
            hours: Hours::ALL,
        };
        let act = Act::new(Action::SearchEvents, actor, target.domain())
            .about(&scope)
            .searching(&query.text);
        let key = Key::by_query(&act, &query.text, scope.days);
        self.repeats.note(&self.writer, key, act).await
    }

    /// Records an act, and returns when the event is durable. Await it before handing out evidence.
    pub(crate) async fn must_record(&self, act: Act) -> Result<(), Unwritten> {
        let once = Once::new(act, self.writer.clock.now());
        once.write(&self.writer).await.map(drop)
    }

    /// Records an act by an event with this id and time, and returns when the event is durable. Recorded again, it is the
    /// same event, which the store has once.
    pub(crate) async fn must_record_as(
        &self,
        act: Act,
        id: Uuid,
        time: Timestamp,
    ) -> Result<(), Unwritten> {
        let once = Once::with_id(act, id, time);
        once.write(&self.writer).await.map(drop)
    }

    /// Records an act that is already done. The act cannot be undone: a failure is only logged and counted.
    pub(crate) async fn record(&self, act: Act) {
        // The writer logs and counts a failure.
        let _ = self.must_record(act).await;
    }

    /// Records an act that concerns a user in each account that the user uses.
    pub(crate) async fn record_for(&self, user: UserId, act: impl Fn(Domain) -> Act) {
        let accounts = self.accounts_of(user).await;
        self.record_in(&accounts, act).await;
    }

    /// Records an act in these accounts.
    pub(crate) async fn record_in(&self, accounts: &[AccountId], act: impl Fn(Domain) -> Act) {
        for account in accounts {
            self.record(act(Domain::Account(*account))).await;
        }
    }

    /// Records the beginning of a login in the accounts that are noted to have a record of it. Logs a failed lookup.
    pub(crate) async fn login_began(&self, login: LoginId, act: impl Fn(Domain) -> Act) {
        match self.identity.accounts_with_record_of(login).await {
            Ok(accounts) => self.record_in(&accounts, act).await,
            Err(error) => {
                tracing::error!(%error, "cannot look up a login's accounts, so the server does not record the login");
            }
        }
    }

    /// Returns the accounts that the user uses, or, for a user who has used none yet, those where the user holds a
    /// role. Logs a failed lookup, and then returns none.
    pub(crate) async fn accounts_of(&self, user: UserId) -> Vec<AccountId> {
        match self.identity.accounts_of(user, ACCOUNTS_MAX).await {
            Ok(accounts) => accounts,
            Err(error) => {
                tracing::error!(%user, %error, "cannot look up a user's accounts, so the server does not record an act of this user");
                Vec::new()
            }
        }
    }

    /// Records a refused login of a user in the background, after the response, so that response times do not reveal
    /// which users exist.
    pub(crate) fn refused_login(self: &Arc<Self>, actor: Actor) {
        let (audit, user) = (Arc::clone(self), actor.id);
        self.refused_in(actor, async move { audit.accounts_of(user).await });
    }

    /// Records, in the background, a refused refresh of a login that is on record in these accounts.
    pub(crate) fn refused_refresh(self: &Arc<Self>, actor: Actor, accounts: Vec<AccountId>) {
        self.refused_in(actor, std::future::ready(accounts));
    }

    fn refused_in(
        self: &Arc<Self>,
        actor: Actor,
        accounts: impl Future<Output = Vec<AccountId>> + Send + 'static,
    ) {
        if self.refusals.len() >= REFUSALS_MAX {
            self.writer.metrics.own_event_failed(Action::Login);
            tracing::error!(user = %actor.id, "too many refused logins at once: one is not recorded");
            return;
        }
        let audit = Arc::clone(self);
        self.refusals.spawn(async move {
            for account in accounts.await {
                let act = Act::new(Action::Login, actor.clone(), Domain::Account(account));
                let act = act.answered(REFUSED_LOGIN_STATUS);
                // The writer logs and counts a failure.
                let _ = audit
                    .repeats
                    .note(&audit.writer, Key::by_address(&act), act)
                    .await;
            }
        });
    }

    /// Begins an answer with these bytes of a session. Returns when the start of its reading is durable.
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

    /// Forgets the readings of a session that has ended.
    pub(crate) fn session_ended(&self, session: SessionKey) {
        self.readings.forget(session);
    }

    /// Records, in each account where retention is set, that retention waits because the machine's clock jumped ahead.
    /// It does so once for each jump, with the time up to which the server knows that time has passed.
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
                tracing::error!(%error, "cannot look up the accounts with retention, so the server does not record that retention waits");
                return;
            }
        };
        for account in accounts {
            let domain = Domain::Account(account);
            let act = Act::new(Action::SuspendRetention, Actor::server(), domain)
                .with("clock", format_timestamp(time.date))
                .with("passed", format_timestamp(time.passed))
                .with("aheadSeconds", by.as_secs());
            // The writer logs and counts a failure.
            let _ = Once::new(act, time.passed).write(&self.writer).await;
        }
    }

    /// Writes counts when their hour is over, stores readings and records jumps of the clock, until `stop` is
    /// cancelled.
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

    /// Writes every count and reading. Call it last before the store closes.
    pub(crate) async fn close(&self) {
        self.refusals.close();
        self.refusals.wait().await;
        self.repeats.write_due(&self.writer, true).await;
        self.readings.tidy(&self.writer, true).await;
    }
}
