//! Receives events from senders that speak another collector's protocol.
//!
//! Each protocol has its routes in `routes/receive/`, `routes/es/` or `routes/hec.rs` (syslog: `serve/syslog/`). Most have a
//! pure reader of their bodies in `atrail-carriers`. All of them share this way in, and it is the one of `POST /v3/events`:
//! the same authorisation, limits, memory, checks and store.
//!
//! A sender does with an answer what its authors thought of, which is often less than the protocol states. So every
//! receiver keeps to the rules of `docs/SENDERS.md`: a request is durable before it is answered, a fault that passes is 429
//! or 503, and no payload is refused for its form unless the key is strict. A body that its protocol cannot read is refused.

pub(crate) mod acks;
pub(crate) mod dialect;
mod received;

use atrail_model::Timestamp;
use atrail_sources::{Payload, Reader, SourceKind, Strictness};
use bytes::Bytes;

use crate::app::App;
use crate::error::ApiError;
use crate::ingest::intake::Intake;
use crate::ingest::{self, Durable, Incoming};
use crate::metrics::Receiver;
pub(crate) use received::Received;

/// A request of a sender.
#[derive(Debug)]
pub(crate) struct Receiving {
    /// The receiver, for the counts.
    pub(crate) receiver: Receiver,
    /// The format of the payloads.
    pub(crate) kind: SourceKind,
    /// Whether payloads of no known format are refused.
    pub(crate) strictness: Strictness,
    /// The body and its sender.
    pub(crate) incoming: Incoming,
}

/// The result for one payload.
#[derive(Debug, Clone, Copy)]
pub(crate) enum Outcome<'a> {
    /// The payload is an event with this id, which is durable before the request is answered.
    Stored { id: &'a str },
    /// The payload is not kept.
    Refused { reason: &'a str },
}

/// A request whose events are durable.
#[derive(Debug)]
pub(crate) struct Kept<T> {
    /// The result of the function that read the body.
    pub(crate) read: T,
    /// The answer that this function wrote. It counts against the memory of the sender until it is sent.
    pub(crate) answer: Bytes,
    /// Number of payloads that are durable, duplicates included.
    pub(crate) accepted: u64,
    /// Number of refused payloads.
    pub(crate) refused: u64,
}

/// Makes events of payloads, and collects them.
#[derive(Debug)]
pub(crate) struct Keeper<'k, 'i> {
    intake: &'k mut Intake<'i>,
    reader: Reader,
}

impl Keeper<'_, '_> {
    /// Keeps a payload to be stored. `told` learns the outcome, and may write a part of the answer.
    ///
    /// # Errors
    /// When the request exceeds a limit. Nothing of it is stored then.
    pub(crate) fn keep(
        &mut self,
        payload: &Payload<'_>,
        told: impl FnOnce(&mut Vec<u8>, Outcome<'_>),
    ) -> Result<(), ApiError> {
        self.intake.must_have_room(self.reader.size_bytes())?;
        let made = match self.reader.read(payload) {
            Ok(made) => made,
            Err(reason) => {
                self.intake.refuse();
                let reason = reason.to_string();
                told(
                    &mut self.intake.answer,
                    Outcome::Refused { reason: &reason },
                );
                return Ok(());
            }
        };
        let mut told = Some(told);
        let mut tell = |answer: &mut Vec<u8>, outcome: Outcome<'_>| {
            if let Some(told) = told.take() {
                told(answer, outcome);
            }
        };
        // What the engine makes has an id.
        let no_id = |_: &[u8]| String::new();
        let kept = self
            .intake
            .admit(made.text, made.origin, no_id, |answer, event, _| {
                tell(answer, Outcome::Stored { id: &event.id });
            })?;
        if let Err(error) = kept {
            self.intake.refuse();
            let reason = error.to_string();
            tell(
                &mut self.intake.answer,
                Outcome::Refused { reason: &reason },
            );
        }
        Ok(())
    }

    /// Counts something that carries no payload where the protocol expects one.
    pub(crate) fn refuse(
        &mut self,
        reason: &str,
        told: impl FnOnce(&mut Vec<u8>, Outcome<'_>),
    ) -> Result<(), ApiError> {
        self.intake.must_have_room(self.reader.size_bytes())?;
        self.intake.refuse();
        told(&mut self.intake.answer, Outcome::Refused { reason });
        Ok(())
    }

    /// Sets when the payloads that follow arrived, where that was before their request: they have that time if they state
    /// none.
    pub(crate) const fn arrived_at(&mut self, time: Timestamp) {
        self.reader.arrived_at(time);
    }

    /// Returns when the request arrived.
    pub(crate) const fn now(&self) -> Timestamp {
        self.intake.now()
    }

    /// Returns how many payloads were read so far.
    pub(crate) const fn read(&self) -> u64 {
        self.intake.read()
    }

    /// Returns the answer, as far as it is written.
    pub(crate) const fn answer(&mut self) -> &mut Vec<u8> {
        &mut self.intake.answer
    }
}

/// Receives a body, lets `read` find its payloads, and makes their events durable: all of them, or none.
///
/// `read` writes the answer of success while it reads; the answer is sent only after the store has kept the events. It may
/// run twice: a request that was known before is read as it was then.
pub(crate) async fn keep<T: Send + 'static>(
    app: &App,
    receiving: Receiving,
    read: impl Fn(&Bytes, &mut Keeper<'_, '_>) -> Result<T, ApiError> + Send + Sync + 'static,
) -> Result<Kept<T>, ApiError> {
    let Receiving {
        receiver,
        kind,
        strictness,
        incoming,
    } = receiving;
    let engine = app.engine;
    let Durable {
        read,
        answer,
        accepted,
        duplicates,
        refused,
        origins: _,
    } = ingest::take(app, incoming, move |body, intake| {
        let reader = engine.reader(kind, strictness).received_at(intake.now());
        let mut keeper = Keeper { intake, reader };
        read(body, &mut keeper)
    })
    .await?;
    app.metrics
        .received(receiver, accepted, duplicates, refused);
    Ok(Kept {
        read,
        answer,
        accepted,
        refused,
    })
}
