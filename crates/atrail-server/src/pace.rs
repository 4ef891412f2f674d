//! Limits how slowly a client may send a request's body.

use std::time::Duration;

use atrail_api::ErrorCode;
use axum::body::{BodyDataStream, Bytes};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use crate::error::ApiError;
use crate::metrics::{Metrics, Refusal};

/// The pace of one body. Only the time that the server waits for the client counts: a body that the server processes
/// for long is not slow.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    waited: Duration,
    received_bytes: u64,
}

/// The limits of a body's pace.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// The longest wait for the next bytes, and the total wait that is free before the minimum rate applies.
    pub(crate) idle: Duration,
    /// The longest total wait for the body.
    pub(crate) total: Duration,
    /// The minimum rate beyond the free wait, in bytes per second.
    pub(crate) min_rate: u64,
}

/// The limit that a body exceeded.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    Idle,
    Total,
    Rate,
}

impl Pace {
    /// Returns the next bytes of the body, unless the client takes too long to send them.
    pub(crate) async fn next(
        &mut self,
        stream: &mut BodyDataStream,
        limits: Limits,
        metrics: &Metrics,
    ) -> Result<Option<Bytes>, ApiError> {
        let (patience, slow) = self.patience(limits);
        let asked = Instant::now();
        let came = timeout(patience, stream.next()).await;
        self.waited += asked.elapsed();
        match came {
            Ok(None) => Ok(None),
            Ok(Some(Ok(chunk))) => {
                self.received_bytes += chunk.len() as u64;
                Ok(Some(chunk))
            }
            Ok(Some(Err(error))) => Err(ApiError::bad_request(format!(
                "the server cannot read the body: {error}"
            ))),
            Err(_) => {
                metrics.refused(Refusal::SlowBody);
                let why = slow.explain(limits);
                Err(ApiError::new(ErrorCode::RequestTimeout, why))
            }
        }
    }

    /// Returns how long to wait for the next bytes, and which limit the body exceeds when they do not arrive.
    fn patience(&self, limits: Limits) -> (Duration, Slow) {
        let Limits {
            idle,
            total,
            min_rate,
        } = limits;
        let earned = Duration::from_secs_f64(self.received_bytes as f64 / min_rate.max(1) as f64);
        let left = |whole: Duration| whole.saturating_sub(self.waited);
        let all = [
            (idle, Slow::Idle),
            (left(total), Slow::Total),
            (left(idle.saturating_add(earned)), Slow::Rate),
        ];
        let shortest = all.into_iter().min_by_key(|(patience, _)| *patience);
        shortest.expect("there are three")
    }
}

impl Slow {
    fn explain(self, limits: Limits) -> String {
        let Limits {
            idle,
            total,
            min_rate,
        } = limits;
        match self {
            Self::Idle => format!("no byte of the body arrived for {} seconds", idle.as_secs()),
            Self::Total => format!(
                "the body did not arrive within {} seconds: send smaller requests",
                total.as_secs()
            ),
            Self::Rate => format!("the body arrived more slowly than {min_rate} bytes per second"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Duration = Duration::from_secs(1);
    const LIMITS: Limits = Limits {
        idle: Duration::from_secs(30),
        total: Duration::from_secs(600),
        min_rate: 100,
    };

    /// Returns after how many seconds a client is refused that sends `bytes` bytes each `every`, and the limit that it
    /// exceeded.
    fn borne(bytes: u64, every: Duration) -> (u64, Slow) {
        let mut pace = Pace::default();
        loop {
            let (patience, slow) = pace.patience(LIMITS);
            if patience < every {
                return ((pace.waited + patience).as_secs(), slow);
            }
            pace.waited += every;
            pace.received_bytes += bytes;
        }
    }

    #[test]
    fn each_way_of_being_slow_has_its_end() {
        assert_eq!(borne(1 << 20, 31 * SECOND), (30, Slow::Idle));
        assert_eq!(borne(1 << 20, 29 * SECOND), (600, Slow::Total));
        let (after, slow) = borne(1, 10 * SECOND);
        assert_eq!((after, slow), (30, Slow::Rate));
        let (after, slow) = borne(50, SECOND);
        assert!((58..=61).contains(&after) && slow == Slow::Rate, "{after}");
        // An early burst earns some time, but not without end.
        let pace = Pace {
            received_bytes: 10_000,
            waited: 129 * SECOND,
        };
        assert_eq!(pace.patience(LIMITS), (SECOND, Slow::Rate));
    }
}
