//! Limits how long a client may take: a stream that breaks when the peer is too slow.
//!
//! A connection waits for a head, then serves a request, then waits for the next head. How long it may wait depends on
//! which of these it does, which only the layer above knows: it reports this through a [`Stage`] that both share.
//! `crate::pace` limits the pace of a request's body, because the server can still answer a request whose body arrives
//! too slowly.

use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::sync::atomic::{AtomicU8, AtomicU64, Ordering};
use std::task::{Context, Poll, ready};
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio::time::{Instant, Sleep, sleep};

/// How long a connection may take for each step.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Patience {
    /// For the whole head of a request, from its first byte on. For the first head, from the time when the connection
    /// was accepted.
    pub(crate) head: Duration,
    /// From the end of an answer to the first byte of the next head.
    pub(crate) keep_alive: Duration,
    /// Without reading anything of an answer.
    pub(crate) write_idle: Duration,
    /// A client that reads an answer more slowly than this many bytes per second counts as idle.
    pub(crate) write_min_rate: u64,
}

/// The stage of a connection, shared by its stream and the layer that serves its requests.
#[derive(Debug)]
pub(super) struct Stage {
    began: Instant,
    /// Counts the changes; its last two bits are the current stage.
    state: AtomicU64,
    /// Milliseconds from `began` to the end of the last request.
    idle_since: AtomicU64,
    slow: AtomicU8,
}

/// The step for which the peer was too slow.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Slow {
    /// The peer did not complete the head of a request.
    Head,
    /// The peer did not read an answer.
    Reader,
}

const HEAD: u64 = 0;
const KEEP_ALIVE: u64 = 1;
const BUSY: u64 = 2;
const STAGES: u64 = 4;

impl Stage {
    /// Creates a stage that waits for its first head.
    pub(super) fn new() -> Self {
        Self {
            began: Instant::now(),
            state: AtomicU64::new(STAGES + HEAD),
            idle_since: AtomicU64::new(0),
            slow: AtomicU8::new(0),
        }
    }

    /// Notes that the connection waits for a head that has not begun, as after a TLS handshake.
    pub(super) fn expect_head(&self) {
        self.enter(HEAD);
    }

    /// Notes that the connection serves a request.
    pub(super) fn busy(&self) {
        self.enter(BUSY);
    }

    /// Notes that the answer has ended.
    pub(super) fn idle(&self) {
        let since = u64::try_from(self.began.elapsed().as_millis()).unwrap_or(u64::MAX);
        self.idle_since.store(since, Ordering::Relaxed);
        self.enter(KEEP_ALIVE);
    }

    /// Returns since when the connection has served no request; `None` while it serves one.
    pub(super) fn idle_since(&self) -> Option<Instant> {
        if self.state.load(Ordering::Acquire) % STAGES == BUSY {
            return None;
        }
        let since = Duration::from_millis(self.idle_since.load(Ordering::Relaxed));
        Some(self.began + since)
    }

    /// Returns the step for which the peer was too slow, if that ended the connection.
    pub(super) fn slow(&self) -> Option<Slow> {
        match self.slow.load(Ordering::Relaxed) {
            1 => Some(Slow::Head),
            2 => Some(Slow::Reader),
            _ => None,
        }
    }

    fn enter(&self, stage: u64) {
        let next = |state: u64| Some((state / STAGES + 1) * STAGES + stage);
        // The closure never declines.
        let _ = self
            .state
            .fetch_update(Ordering::AcqRel, Ordering::Acquire, next);
    }

    /// Notes the first byte of a head.
    fn head_begins(&self, seen: u64) {
        let next = (seen / STAGES + 1) * STAGES + HEAD;
        // A concurrent change is more recent, and wins.
        let _ = self
            .state
            .compare_exchange(seen, next, Ordering::AcqRel, Ordering::Acquire);
    }

    fn was_slow(&self, slow: Slow) {
        let number = match slow {
            Slow::Head => 1,
            Slow::Reader => 2,
        };
        self.slow.store(number, Ordering::Relaxed);
    }
}

/// A stream with limited waits for reading and writing. Without limits, a client that stops sending its head, or
/// reading its download, would hold a connection for ever.
#[derive(Debug)]
pub(super) struct Timed<S> {
    stream: S,
    patience: Patience,
    stage: Arc<Stage>,
    /// The stage for which the deadline for reading was set.
    timed: u64,
    reading: Pin<Box<Sleep>>,
    /// Since when a write has waited.
    waiting: Option<Instant>,
    /// How long writes may still wait. Waiting uses it up, and each byte that the peer reads restores some of it, up to
    /// [`Patience::write_idle`]. A peer that keeps the minimum rate never uses it up.
    credit: Duration,
    writing: Pin<Box<Sleep>>,
}

impl<S> Timed<S> {
    pub(super) fn new(stream: S, patience: Patience, stage: Arc<Stage>) -> Self {
        Self {
            stream,
            stage,
            timed: 0,
            reading: Box::pin(sleep(patience.head)),
            waiting: None,
            credit: patience.write_idle,
            writing: Box::pin(sleep(patience.write_idle)),
            patience,
        }
    }

    /// Returns the result of a read that has produced nothing yet.
    fn read_waits(&mut self, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let state = self.stage.state.load(Ordering::Acquire);
        let patience = match state % STAGES {
            HEAD => self.patience.head,
            KEEP_ALIVE => self.patience.keep_alive,
            // The body's reader has its own limits.
            _ => return Poll::Pending,
        };
        if self.timed != state {
            self.timed = state;
            self.reading.as_mut().reset(Instant::now() + patience);
        }
        ready!(self.reading.as_mut().poll(cx));
        if state % STAGES == HEAD {
            self.stage.was_slow(Slow::Head);
        }
        Poll::Ready(Err(io::ErrorKind::TimedOut.into()))
    }

    fn within_time<T>(
        &mut self,
        cx: &mut Context<'_>,
        written: Poll<io::Result<T>>,
        bytes: impl Fn(&T) -> usize,
    ) -> Poll<io::Result<T>> {
        let Poll::Ready(written) = written else {
            if self.waiting.is_none() {
                let now = Instant::now();
                self.waiting = Some(now);
                self.writing.as_mut().reset(now + self.credit);
            }
            ready!(self.writing.as_mut().poll(cx));
            self.stage.was_slow(Slow::Reader);
            return Poll::Ready(Err(io::ErrorKind::TimedOut.into()));
        };
        if let Some(since) = self.waiting.take() {
            self.credit = self.credit.saturating_sub(since.elapsed());
        }
        if let Ok(written) = &written
            && self.credit < self.patience.write_idle
        {
            let taken = Duration::from_secs_f64(
                bytes(written) as f64 / self.patience.write_min_rate.max(1) as f64,
            );
            self.credit = self.patience.write_idle.min(self.credit + taken);
        }
        Poll::Ready(written)
    }
}

impl<S: AsyncRead + Unpin> AsyncRead for Timed<S> {
    fn poll_read(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        let before = buffer.filled().len();
        match Pin::new(&mut self.stream).poll_read(cx, buffer) {
            Poll::Pending => self.read_waits(cx),
            read => {
                let state = self.stage.state.load(Ordering::Acquire);
                if buffer.filled().len() > before && state % STAGES == KEEP_ALIVE {
                    self.stage.head_begins(state);
                }
                read
            }
        }
    }
}

impl<S: AsyncWrite + Unpin> AsyncWrite for Timed<S> {
    fn poll_write(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write(cx, bytes);
        self.within_time(cx, written, |written| *written)
    }

    fn poll_write_vectored(
        mut self: Pin<&mut Self>,
        cx: &mut Context<'_>,
        slices: &[io::IoSlice<'_>],
    ) -> Poll<io::Result<usize>> {
        let written = Pin::new(&mut self.stream).poll_write_vectored(cx, slices);
        self.within_time(cx, written, |written| *written)
    }

    fn is_write_vectored(&self) -> bool {
        self.stream.is_write_vectored()
    }

    fn poll_flush(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let flushed = Pin::new(&mut self.stream).poll_flush(cx);
        self.within_time(cx, flushed, |()| 0)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, cx: &mut Context<'_>) -> Poll<io::Result<()>> {
        let ended = Pin::new(&mut self.stream).poll_shutdown(cx);
        self.within_time(cx, ended, |()| 0)
    }
}

#[cfg(test)]
mod tests {
    use tokio::io::{AsyncReadExt, AsyncWriteExt, DuplexStream, duplex};

    use super::*;

    const HEAD_MILLIS: u64 = 300;
    const KEEP_ALIVE_MILLIS: u64 = 900;
    /// Longer than anything here takes, however busy the machine is.
    const LONG: Duration = Duration::from_secs(120);

    const fn millis(millis: u64) -> Duration {
        Duration::from_millis(millis)
    }

    fn timed(
        buffer: usize,
        write_idle: Duration,
    ) -> (Timed<DuplexStream>, DuplexStream, Arc<Stage>) {
        let patience = Patience {
            head: millis(HEAD_MILLIS),
            keep_alive: millis(KEEP_ALIVE_MILLIS),
            write_idle,
            write_min_rate: 100,
        };
        let (near, far) = duplex(buffer);
        let stage = Arc::new(Stage::new());
        (Timed::new(near, patience, Arc::clone(&stage)), far, stage)
    }

    /// Reads until the stream breaks, however much arrives. Returns how long that took.
    async fn read_until_cut(near: &mut Timed<DuplexStream>) -> Duration {
        let began = Instant::now();
        let error = loop {
            match tokio::time::timeout(LONG, near.read(&mut [0; 64]))
                .await
                .unwrap()
            {
                Ok(0) => unreachable!("the other side is open"),
                Ok(_) => assert!(began.elapsed() < LONG, "it goes on"),
                Err(error) => break error,
            }
        };
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        began.elapsed()
    }

    fn drip(mut far: DuplexStream) {
        tokio::spawn(async move {
            while far.write_all(b"x").await.is_ok() {
                tokio::time::sleep(millis(20)).await;
            }
        });
    }

    #[tokio::test]
    async fn a_head_that_comes_byte_by_byte_has_no_longer_than_one_that_does_not_come() {
        let (mut near, far, stage) = timed(64, LONG);
        drip(far);
        assert!(read_until_cut(&mut near).await >= millis(HEAD_MILLIS));
        assert_eq!(stage.slow(), Some(Slow::Head));
    }

    #[tokio::test]
    async fn between_requests_there_is_more_time_and_none_is_counted_while_one_is_served() {
        let (mut near, far, stage) = timed(64, LONG);
        stage.busy();
        assert!(stage.idle_since().is_none());
        let served = millis(2 * KEEP_ALIVE_MILLIS);
        let served = tokio::time::timeout(served, near.read(&mut [0; 64])).await;
        assert!(served.is_err(), "{served:?}");
        stage.idle();
        assert!(stage.idle_since().is_some());
        assert!(read_until_cut(&mut near).await >= millis(KEEP_ALIVE_MILLIS - 1));
        assert_eq!(stage.slow(), None, "nobody promised another request");
        // The first byte of a head starts its time.
        stage.idle();
        drip(far);
        assert!(read_until_cut(&mut near).await >= millis(HEAD_MILLIS - 1));
        assert_eq!(stage.slow(), Some(Slow::Head));
    }

    /// Returns how long a writer continues against a reader that reads `take` bytes at each interval; `None` when it
    /// completed.
    async fn write_until_cut(
        write_idle: Duration,
        take: usize,
        every: Duration,
    ) -> Option<Duration> {
        let (mut near, mut far, stage) = timed(1, write_idle);
        stage.busy();
        tokio::spawn(async move {
            loop {
                tokio::time::sleep(every).await;
                for _ in 0..take {
                    if far.read(&mut [0]).await.is_err() {
                        return;
                    }
                }
            }
        });
        let began = Instant::now();
        let error = near.write_all(&[0; 200]).await.err()?;
        assert_eq!(error.kind(), io::ErrorKind::TimedOut);
        assert_eq!(stage.slow(), Some(Slow::Reader));
        Some(began.elapsed())
    }

    #[tokio::test]
    async fn whoever_takes_nothing_or_next_to_nothing_is_cut_and_whoever_keeps_the_rate_is_not() {
        let idle = millis(300);
        let nothing = write_until_cut(idle, 1, LONG).await;
        assert!(nothing.is_some_and(|after| after >= idle), "{nothing:?}");
        // A byte each fifty milliseconds must not suffice: the minimum rate applies.
        let trickle = write_until_cut(idle, 1, millis(50)).await;
        assert!(trickle.is_some_and(|after| after >= idle), "{trickle:?}");
        // In bursts, as operating systems deliver bytes.
        let fast = write_until_cut(millis(5000), 40, millis(200)).await;
        assert_eq!(fast, None);
    }
}
