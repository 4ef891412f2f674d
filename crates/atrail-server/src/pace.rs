//! How slowly a request's body may come.

use std::time::Duration;

use atrail_api::ErrorCode;
use axum::body::{BodyDataStream, Bytes};
use futures_util::StreamExt;
use tokio::time::{Instant, timeout};

use crate::error::ApiError;
use crate::metrics::{Metrics, Refusal};

/// The pace of one body. Only the time counts that is spent waiting for the client: a body that is long in being worked on
/// is not slow.
#[derive(Debug, Default)]
pub(crate) struct Pace {
    waited: Duration,
    received_bytes: u64,
}

/// What a body may take.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Limits {
    /// For the next piece of it, and for the beginning of all of it before a rate is asked for.
    pub(crate) idle: Duration,
    /// For all of it.
    pub(crate) total: Duration,
    /// Bytes a second of what is not free.
    pub(crate) min_rate: u64,
}

/// How a body was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Slow {
    Idle,
    Total,
    Rate,
}

impl Pace {
    /// The next piece of the body, unless the client takes too long to send it.
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
                "the body could not be read: {error}"
            ))),
            Err(_) => {
                metrics.refused(Refusal::SlowBody);
                let why = slow.explain(limits);
                Err(ApiError::new(ErrorCode::RequestTimeout, why))
            }
        }
    }

    /// How long to wait for the next piece, and what it means when it does not come.
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
            Self::Idle => format!("nothing of the body came for {} seconds", idle.as_secs()),
            Self::Total => format!(
                "the body did not come within {} seconds: send smaller requests",
                total.as_secs()
            ),
            Self::Rate => format!("the body came more slowly than {min_rate} bytes a second"),
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

    /// How long a client is borne that sends so many bytes after each so many seconds, and how it ends.
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
        // A burst at the begin pays for a while, and not for ever.
        let pace = Pace {
            received_bytes: 10_000,
            waited: 129 * SECOND,
        };
        assert_eq!(pace.patience(LIMITS), (SECOND, Slow::Rate));
    }
}
