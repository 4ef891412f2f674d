//! Notices senders that fall silent, and those that come back, and records each once.
//!
//! A turn is in the catalog before its event is written, and its event follows from the turn alone, with its id. So a crash
//! between the two writes the same event again, and the store keeps one of them.

use std::time::Duration;

use atrail_model::{Timestamp, format_timestamp};
use atrail_store::{IngestKey, IngestTurn};
use sha2::{Digest, Sha256};
use uuid::{Builder, Uuid};

use super::IngestKeys;
use crate::audit::{Act, Action, Actor, Audit, Thing};

/// After a start, a sender has so long to be heard before it counts as silent, unless its key allows less.
const HEARD_WITHIN: Duration = Duration::from_secs(300);

/// The time of a look at the senders.
#[derive(Debug, Clone, Copy)]
pub(super) struct Now {
    pub(super) date: Timestamp,
    /// For how long the server has run.
    pub(super) running: Duration,
}

/// Returns the turn of a key's sender that is due; `received` is when its last event came.
fn due(key: &IngestKey, received: Option<Timestamp>, now: Now) -> Option<IngestTurn> {
    let after = key.silent_after?;
    if let Some(silent_since) = key.silent_since {
        let at = received.filter(|received| *received > silent_since)?;
        return Some(IngestTurn {
            silent: false,
            at,
            after: Some(silent_since),
        });
    }
    let heard = received.unwrap_or(key.created);
    let end = heard.checked_add(after).ok()?;
    let had_time = now.running >= after.min(HEARD_WITHIN);
    (now.date >= end && had_time).then_some(IngestTurn {
        silent: true,
        at: now.date,
        after: received,
    })
}

impl IngestKeys {
    /// Records the turns of all senders that are due, and those whose events are not written yet.
    pub(super) async fn note_turns(&self, audit: &Audit, now: Now) {
        let keys = match self.keys().await {
            Ok(keys) => keys,
            Err(error) => {
                tracing::error!(%error, "cannot look up ingest keys, so the server does not notice who falls silent");
                return;
            }
        };
        for key in keys.iter() {
            if let Some(turn) = key.unrecorded {
                self.write(audit, key, turn).await;
                // No other turn may take the place of one without an event.
                continue;
            }
            let Some(turn) = due(key, self.last_received(key), now) else {
                continue;
            };
            match self.identity.turn_ingest_key(key.login, turn).await {
                Ok(true) => self.write(audit, key, turn).await,
                Ok(false) => self.look_again(),
                Err(error) => {
                    tracing::error!(%error, key = key.id, "cannot record that a sender fell silent or came back");
                }
            }
        }
    }

    async fn write(&self, audit: &Audit, key: &IngestKey, turn: IngestTurn) {
        let IngestTurn { silent, at, after } = turn;
        let (action, about) = if silent {
            (Action::SourceSilent, "lastEvent")
        } else {
            (Action::SourceBack, "silentSince")
        };
        let act = Act::new(action, Actor::server(), key.terms.domain());
        let act = act.to(Thing::api_key(&key.id, Some(&key.name)));
        let act = match key.silent_after {
            Some(time) => act.with("silentAfterSeconds", time.as_secs()),
            None => act,
        };
        let act = match after {
            Some(after) => act.with(about, format_timestamp(after)),
            None => act,
        };
        // A failure is logged, and the event is written at the next look.
        if audit
            .must_record_as(act, event_id(key, turn), at)
            .await
            .is_ok()
        {
            let noted = self
                .identity
                .ingest_turn_is_on_record(key.login, turn)
                .await;
            if let Err(error) = noted {
                tracing::error!(%error, key = key.id, "cannot record that an event about a sender was written");
            }
        }
        self.look_again();
    }
}

/// Returns the id of the event about a turn: the same each time.
fn event_id(key: &IngestKey, turn: IngestTurn) -> Uuid {
    let hash = Sha256::new()
        .chain_update(b"atrail ingest key turn\n")
        .chain_update(key.login.as_bytes())
        .chain_update([u8::from(turn.silent)])
        .chain_update(turn.at.as_nanosecond().to_be_bytes())
        .finalize();
    let mut bytes = [0; 16];
    bytes.copy_from_slice(&hash[..16]);
    Builder::from_custom_bytes(bytes).into_uuid()
}
