//! Turns an act into an event, and makes the event durable.

use std::sync::Arc;

use atrail_model::{Clock, Domain, EventError, Recent, Timestamp};
use atrail_store::{ErrorKind, NewEvent, Store, StoreError, Tenancy};
use parking_lot::Mutex;
use uuid::Uuid;

use super::act::Act;
use super::cadf::{self, Frame};
use crate::error::ApiError;
use crate::metrics::Metrics;

/// Number of names of spaces and accounts at most that are cached.
const NAMES_MAX: usize = 10_000;

/// The server could not make an event durable.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Unwritten {
    /// The store refuses the event.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The event is invalid: a fault of the program.
    #[error("the server made an invalid event")]
    Event(#[from] EventError),
}

impl From<Unwritten> for ApiError {
    /// Refuses the answer for any cause, because the server does not answer a read that it cannot record.
    fn from(error: Unwritten) -> Self {
        Self::unavailable(
            "the server could not record this read, so it does not answer it: try again, and see the server's log",
        )
        .because(error)
    }
}

/// Turns acts into events, and passes them to the store.
#[derive(Debug)]
pub(super) struct Writer {
    pub(super) store: Store,
    tenancy: Tenancy,
    pub(super) clock: Arc<dyn Clock>,
    pub(super) metrics: Arc<Metrics>,
    /// The name under which this server signs.
    server: String,
    names: Mutex<Recent<Domain, String>>,
}

impl Writer {
    pub(super) async fn new(store: Store, clock: Arc<dyn Clock>, metrics: Arc<Metrics>) -> Self {
        Self {
            tenancy: store.tenancy(),
            server: store.verifier_key().await.name().to_owned(),
            store,
            clock,
            metrics,
            names: Mutex::new(Recent::new(NAMES_MAX)),
        }
    }

    pub(super) async fn event_of(
        &self,
        act: &Act,
        id: Uuid,
        time: Timestamp,
    ) -> Result<NewEvent, Unwritten> {
        let name = match act.thing {
            None => self.name_of(act.domain).await?,
            Some(_) => None,
        };
        let frame = Frame {
            id,
            time,
            server: &self.server,
            domain_name: name.as_deref(),
        };
        Ok(cadf::event_of(act, &frame)?)
    }

    pub(super) async fn append(&self, act: &Act, event: NewEvent) -> Result<(), Unwritten> {
        self.store.append_own(act.domain, event).await?;
        self.metrics.own_event(act.action, act.outcome());
        Ok(())
    }

    pub(super) fn failed(&self, act: &Act, error: &Unwritten) {
        self.metrics.own_event_failed(act.action);
        tracing::error!(
            action = act.action.word(),
            domain = %act.domain,
            user = %act.actor.id,
            error = error as &dyn std::error::Error,
            "cannot record an event about the use of the archive"
        );
    }

    /// Returns the name of a space or account; `None` when it is gone.
    async fn name_of(&self, domain: Domain) -> Result<Option<String>, StoreError> {
        if let Some(name) = self.names.lock().get(&domain) {
            return Ok(Some(name.clone()));
        }
        let found = match domain {
            Domain::Space(id) => self.tenancy.space(id).await.map(|space| space.name),
            Domain::Account(id) => self.tenancy.account(id).await.map(|account| account.name),
        };
        let name = match found {
            Ok(name) => name,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        self.names.lock().insert(domain, name.clone(), 1);
        Ok(Some(name))
    }
}
