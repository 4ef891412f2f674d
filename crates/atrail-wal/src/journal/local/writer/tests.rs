#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::io;
use std::sync::Arc;

use atrail_disk::{ErrorKind, StoreError};
use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Domain, ManualClock, SpaceId};
use bytes::Bytes;
use parking_lot::Mutex;

use super::*;
use crate::journal::memtable::Memtable;
use crate::journal::recent::{Before, Recent};
use crate::log::NewEvent;
use crate::log::testing::events;

fn domain() -> Domain {
    Domain::Space(SpaceId::from_bytes([7; 16]))
}

fn account() -> AccountId {
    AccountId::from_bytes([8; 16])
}

fn batch(events: Vec<NewEvent>) -> Batch {
    Batch {
        account: account(),
        domain: domain(),
        seals: 0,
        events,
    }
}

/// A log whose first write fails, as after an I/O error; a second would succeed.
struct FailsOnce(Option<AppendError>);

impl Wal for FailsOnce {
    fn append(&mut self, _: &[Frame]) -> Result<(), AppendError> {
        self.0.take().map_or(Ok(()), Err)
    }
    fn rotate(&mut self, _: bool) -> Result<(), AppendError> {
        Ok(())
    }
    fn trim(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn part_with(&mut self, _: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        Ok(Eraser::default())
    }
}

fn writer(error: Option<AppendError>) -> WriterHandle {
    start(Box::new(FailsOnce(error)))
}

fn start(wal: Box<dyn Wal>) -> WriterHandle {
    let clock = Arc::new(ManualClock::new("2017-07-24T07:00:00Z".parse().unwrap()));
    let recent = Recent::new(clock.clone(), 0, Before::default());
    let memtable = Arc::new(Memtable::new(
        clock,
        1 << 20,
        recent,
        std::collections::HashMap::new(),
    ));
    WriterHandle::start(wal, memtable, Arc::default(), 1).unwrap()
}

#[tokio::test]
async fn a_failed_write_is_never_retried_into_success() {
    let writer = writer(Some(AppendError::Broken(io::Error::other("EIO"))));
    for _ in 0..3 {
        let error = writer.append(batch(events(1))).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
    }
    assert_eq!(writer.refusal().unwrap().kind(), ErrorKind::Unavailable);
}

/// A log whose first write blocks until it is released, and which records the contents of each write.
struct Slow {
    go_on: std::sync::mpsc::Receiver<()>,
    writes: Arc<Mutex<Vec<Vec<Domain>>>>,
}

impl Wal for Slow {
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError> {
        let of = frames.iter().map(|frame| frame.domain).collect();
        self.writes.lock().push(of);
        // No release follows once the test is over.
        let _ = self.go_on.recv();
        Ok(())
    }
    fn rotate(&mut self, _: bool) -> Result<(), AppendError> {
        Ok(())
    }
    fn trim(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn part_with(&mut self, _: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        Ok(Eraser::default())
    }
}

/// One account has two hundred large requests waiting; the last request is a small one of another account.
#[tokio::test]
async fn whoever_sends_little_is_in_the_next_write_however_much_somebody_else_has_waiting() {
    let (let_go, go_on) = std::sync::mpsc::channel();
    let writes: Arc<Mutex<Vec<Vec<Domain>>>> = Arc::default();
    let slow = Slow {
        go_on,
        writes: Arc::clone(&writes),
    };
    let writer = start(Box::new(slow));
    let append = |account: u8, events: Vec<NewEvent>| {
        let writer = writer.clone();
        let account = AccountId::from_bytes([account; 16]);
        let domain = Domain::Account(account);
        let batch = Batch {
            account,
            domain,
            seals: 0,
            events,
        };
        async move { writer.append(batch).await.unwrap() }
    };
    let large = |n: usize| {
        let line = Bytes::from(format!("{n}{}", "x".repeat(600_000)));
        vec![NewEvent {
            leaf: leaf_hash(&line),
            line,
            ..events(1).remove(0)
        }]
    };
    let until_written = async |count: usize| {
        while writes.lock().len() < count {
            tokio::time::sleep(std::time::Duration::from_millis(1)).await;
        }
    };
    // Each spawned task has sent its request: all of them wait for the writer only.
    let settle = async || {
        for _ in 0..100 {
            tokio::task::yield_now().await;
        }
    };
    let first = tokio::spawn(append(1, large(0)));
    until_written(1).await;
    let greedy: Vec<_> = (1..200)
        .map(|n| tokio::spawn(append(1, large(n))))
        .collect();
    settle().await;
    let modest = tokio::spawn(append(2, events(1)));
    settle().await;
    let_go.send(()).unwrap();
    until_written(2).await;
    let modest_domain = Domain::Account(AccountId::from_bytes([2; 16]));
    let second = writes.lock()[1].clone();
    assert!(second.contains(&modest_domain), "{second:?}");
    assert!(
        second.len() <= 3,
        "an account's part of a write: {second:?}"
    );
    drop(let_go);
    first.await.unwrap();
    modest.await.unwrap();
    for one in greedy {
        one.await.unwrap();
    }
    // The control: there were enough requests for very many writes.
    assert!(writes.lock().len() > 50, "{}", writes.lock().len());
}

/// A log that breaks in the middle of a write.
struct Panics;

impl Wal for Panics {
    fn append(&mut self, _: &[Frame]) -> Result<(), AppendError> {
        panic!("planted")
    }
    fn rotate(&mut self, _: bool) -> Result<(), AppendError> {
        Ok(())
    }
    fn trim(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
    fn part_with(&mut self, _: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        Ok(Eraser::default())
    }
}

#[tokio::test]
async fn a_panic_of_the_writer_stops_all_writing_and_does_not_pass_for_a_shutdown() {
    let writer = start(Box::new(Panics));
    for _ in 0..2 {
        let error = writer.append(batch(events(1))).await.unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
    }
    assert!(writer.refusal().is_some());
}

#[tokio::test]
async fn a_full_disk_is_a_refusal_that_passes() {
    let writer = writer(Some(AppendError::Full(io::ErrorKind::StorageFull.into())));
    let error = writer.append(batch(events(1))).await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(writer.refusal().unwrap().kind(), ErrorKind::Full);
    writer.trim(Rotation::Whole).await.unwrap();
    assert!(
        writer.refusal().is_none(),
        "there is space for a new file again"
    );
    writer.append(batch(events(1))).await.unwrap();
}

#[tokio::test]
async fn after_stop_everything_is_refused() {
    let writer = writer(None);
    writer.append(batch(events(1))).await.unwrap();
    writer.stop().await.unwrap();
    assert!(matches!(
        writer.append(batch(events(1))).await,
        Err(StoreError::Closed)
    ));
}
