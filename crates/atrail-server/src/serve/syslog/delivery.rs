//! Makes batches durable, and waits while the store refuses them.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use atrail_api::ErrorCode;
use atrail_carriers::syslog::{Message, Place};
use axum::body::Body;
use axum::http::HeaderMap;
use jiff::tz::TimeZone;
use tokio_util::sync::CancellationToken;

use super::batch::Sealed;
use super::identity::{Admission, SenderKey};
use crate::app::App;
use crate::error::ApiError;
use crate::ingest::Incoming;
use crate::ingest::budget::Sender;
use crate::metrics::{Metrics, Receiver, SyslogRefusal};
use crate::receivers::{self, Receiving};
use crate::serve::source::network;

/// Wait after a batch was refused: the first, and the longest.
const PAUSE: Duration = Duration::from_millis(200);
const PAUSE_MAX: Duration = Duration::from_secs(5);

/// What senders of a listener share.
#[derive(Clone)]
pub(super) struct Delivery {
    pub(super) app: Arc<App>,
    pub(super) key: SenderKey,
    pub(super) zone: TimeZone,
    pub(super) stop: CancellationToken,
}

/// Why a batch is not durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Undelivered {
    /// Its sender's key is not valid.
    Key,
    /// The server stops.
    Stopped,
}

impl Undelivered {
    /// Counts it where a refusal is counted. A stop is none.
    pub(super) fn count(self, metrics: &Metrics) {
        if self == Self::Key {
            metrics.refused_syslog(SyslogRefusal::Key);
        }
    }
}

impl Delivery {
    /// Makes a batch durable. It waits for as long as the store refuses it for reasons that pass.
    pub(super) async fn deliver(&self, address: IpAddr, batch: Sealed) -> Result<(), Undelivered> {
        let _waiting = self.app.metrics.syslog_waits(batch.entries.len() as u64);
        let mut left = vec![batch];
        while let Some(batch) = left.pop() {
            let mut pause = PAUSE;
            loop {
                let Err(error) = self.keep(address, &batch).await else {
                    break;
                };
                match error.code() {
                    ErrorCode::Unauthenticated | ErrorCode::Forbidden | ErrorCode::NotFound => {
                        tracing::warn!(peer = %address, error = error.detail(), "a syslog sender was refused");
                        return Err(Undelivered::Key);
                    }
                    // Together the messages exceed a limit of requests.
                    ErrorCode::BadRequest | ErrorCode::TooLarge => {
                        match batch.halves() {
                            Some([one, other]) => left.extend([other, one]),
                            None => {
                                self.app.metrics.received(Receiver::Syslog, 0, 0, 1);
                                tracing::warn!(peer = %address, error = error.detail(), "a syslog message was refused");
                            }
                        }
                        break;
                    }
                    _ => {}
                }
                tracing::debug!(peer = %address, error = error.detail(), "syslog waits for the store");
                let wait = tokio::time::sleep(pause);
                if self.stop.run_until_cancelled(wait).await.is_none() {
                    tracing::warn!(
                        peer = %address,
                        messages = batch.entries.len(),
                        "the server stopped before the store accepted these syslog messages"
                    );
                    return Err(Undelivered::Stopped);
                }
                pause = (pause * 2).min(PAUSE_MAX);
            }
        }
        Ok(())
    }

    async fn keep(&self, address: IpAddr, batch: &Sealed) -> Result<(), ApiError> {
        let app = &self.app;
        let Admission {
            user,
            target,
            account,
            terms,
            admitted,
        } = self.key.admission(app).await?;
        let incoming = Incoming {
            sender: Sender {
                user,
                domain: target.domain(),
                account,
                network: network(address),
                is_proven: true,
            },
            headers: HeaderMap::new(),
            key: None,
            body: Body::from(batch.bytes.clone()),
            admitted: Some(admitted),
            organization: None,
        };
        let receiving = Receiving::by(app, Receiver::Syslog, terms.as_ref(), incoming);
        let Sealed { id, entries, .. } = batch.clone();
        let zone = self.zone.clone();
        receivers::keep(app, receiving, move |body, keeper| {
            let mut place = Place {
                zone: zone.clone(),
                now: keeper.now(),
                peer: String::new(),
            };
            for entry in &entries {
                place.peer = entry.peer.to_string();
                place.now = entry.arrived;
                keeper.arrived_at(entry.arrived);
                let message = Message::read(&body[entry.range.clone()], entry.is_cut, &place);
                let mut payload = message.payload;
                // Two equal messages of one second may be two events.
                if !message.has_fraction {
                    payload.hints.id = Some(format!("{id}/{}", entry.number).into());
                }
                keeper.keep(&payload, |_, _| ())?;
            }
            Ok(())
        })
        .await?;
        Ok(())
    }
}
