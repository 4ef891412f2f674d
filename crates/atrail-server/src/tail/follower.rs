//! One tail: its lines, and why it ends.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{
    ErrorCode, HitPlace, MissedRange, TailEnd, TailEnded, TailMissed, TailPlace, TailStart,
};
use atrail_evidence::Hash;
use atrail_model::{Target, Timestamp, format_timestamp};
use atrail_store::{Tail, Tailed};
use axum::body::Bytes;
use futures_util::Stream;
use futures_util::stream;
use serde::Serialize;
use tokio::time::Instant;

use super::Filter;
use super::position::From;
use crate::app::App;
use crate::auth::watch::{Ended, Watch};
use crate::error::ApiError;
use crate::routes::guid;

/// Memory of a tail while its client reads slowly: a part of its lines, and one event.
pub(crate) const TAIL_BYTES: usize = 256 << 10;
/// Bytes of events that are looked at together.
const PART_BYTES: u64 = 64 << 10;
/// After this long without a line, a blank one shows that the connection lives.
const BLANK_AFTER: Duration = Duration::from_secs(15);
/// The wait after events that are not the reader's, so that a busy neighbour does not keep a tail busy.
const PAUSE: Duration = Duration::from_millis(10);

/// A tail that is being sent.
pub(crate) struct Follower {
    app: Arc<App>,
    watch: Watch,
    filter: Filter,
    tail: Tail,
    /// When the last event that was looked at became durable.
    time: Option<Timestamp>,
    is_begun: bool,
    has_ended: bool,
    last_line: Instant,
}

impl Follower {
    pub(crate) async fn new(
        app: &Arc<App>,
        watch: Watch,
        target: Target,
        filter: Filter,
        from: From,
    ) -> Result<Self, ApiError> {
        Ok(Self {
            tail: app.store.tail(target, from.after).await?,
            app: Arc::clone(app),
            watch,
            filter,
            time: from.time,
            is_begun: false,
            has_ended: false,
            last_line: Instant::now(),
        })
    }

    /// Returns the lines. The stream produces nothing while nobody reads it.
    pub(crate) fn lines(self) -> impl Stream<Item = Result<Bytes, std::convert::Infallible>> {
        stream::unfold(self, |mut follower| async {
            let text = follower.next().await?;
            follower.last_line = Instant::now();
            Some((Ok(text.into()), follower))
        })
    }

    async fn next(&mut self) -> Option<Vec<u8>> {
        if self.has_ended {
            return None;
        }
        if !std::mem::replace(&mut self.is_begun, true) {
            let time = self.time.unwrap_or_else(|| self.app.clock.now());
            let position = self.app.tails.positions.text(self.tail.place(), time);
            return Some(line_of(&TailStart { position }));
        }
        loop {
            if self.app.stop.is_cancelled() {
                let detail = "the server stops: connect again, with the last position as after";
                return Some(self.end(ErrorCode::Unavailable, detail.to_owned()));
            }
            if let Err(ended) = self.watch.allow().await {
                return Some(match ended {
                    Ended::NotAllowed => self.end(ErrorCode::Forbidden, ended.to_string()),
                    ended => self.broken(&ended, "cannot look up whether you may still read"),
                });
            }
            let found = match self.tail.next(PART_BYTES).await {
                Ok(found) => found,
                Err(error) => return Some(self.broken(&error, "cannot look up the events")),
            };
            let is_idle = found.is_empty();
            let mut text = Vec::new();
            for one in found {
                self.add(one, &mut text);
            }
            if !text.is_empty() {
                return Some(text);
            }
            if self.last_line.elapsed() >= BLANK_AFTER {
                return Some(b"\n".to_vec());
            }
            if is_idle {
                self.wait().await;
            }
        }
    }

    /// Waits for events, until a blank line is due, the reader's right has ended, or the server stops.
    async fn wait(&mut self) {
        let pause = tokio::time::sleep(PAUSE);
        tokio::select! {
            () = self.app.stop.cancelled() => return,
            _ = self.watch.until_ended() => return,
            () = tokio::time::sleep_until(self.last_line + BLANK_AFTER) => return,
            () = self.tail.wait() => {}
        }
        pause.await;
    }

    fn add(&mut self, one: Tailed, text: &mut Vec<u8>) {
        match one {
            Tailed::Missed { to } => {
                let missed = MissedRange {
                    from: self.time.map(format_timestamp),
                    to: format_timestamp(to),
                };
                text.extend(line_of(&TailMissed { missed }));
            }
            Tailed::Event {
                place,
                durable,
                domain,
                day,
                leaf,
                line,
            } => {
                self.time = Some(durable);
                if !self.filter.matches(&line) {
                    return;
                }
                let place = TailPlace {
                    place: HitPlace {
                        day: day.to_string(),
                        segment: None,
                        index: None,
                        leaf: Hash::from(leaf).to_string(),
                        sealed: false,
                        space: guid(domain),
                    },
                    position: self.app.tails.positions.text(place, durable),
                };
                text.extend(line_of(&place));
                text.extend_from_slice(&line);
                text.push(b'\n');
            }
        }
    }

    fn broken(&mut self, error: &(dyn std::error::Error + 'static), why: &str) -> Vec<u8> {
        tracing::error!(error, "a tail broke off");
        self.end(ErrorCode::Unavailable, format!("the server {why} now"))
    }

    fn end(&mut self, code: ErrorCode, detail: String) -> Vec<u8> {
        self.has_ended = true;
        let end = TailEnded { code, detail };
        line_of(&TailEnd { end })
    }
}

fn line_of(value: &impl Serialize) -> Vec<u8> {
    let mut text = Vec::new();
    // Writing to memory, of texts and numbers, does not fail.
    let _ = serde_json::to_writer(&mut text, value);
    text.push(b'\n');
    text
}
