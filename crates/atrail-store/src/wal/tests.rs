#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::path::Path;
use std::sync::Arc;

use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Domain, Hour, ManualClock, SpaceId};
use bytes::Bytes;
use parking_lot::Mutex;

use super::frame::{FILE_HEADER_LEN, FRAME_HEADER_LEN};
use super::*;
use crate::error::StoreError;
use crate::memtable::Memtable;
use crate::{ErrorKind, NewEvent};

fn events(count: usize) -> Vec<NewEvent> {
    (0..count)
        .map(|n| {
            let line = Bytes::from(format!("{{\"n\":{n}}}"));
            NewEvent {
                day: "2017-07-24".parse().unwrap(),
                hour: Hour::new(7).unwrap(),
                leaf: leaf_hash(&line),
                line,
            }
        })
        .collect()
}

fn frame(sequence: u64, domain: Domain, count: usize) -> Frame {
    Frame {
        sequence,
        domain,
        events: events(count),
    }
}

fn lines(frames: &[Frame]) -> Vec<(u64, Domain, Vec<Bytes>)> {
    let of = |frame: &Frame| {
        let lines = frame
            .events
            .iter()
            .map(|event| event.line.clone())
            .collect();
        (frame.sequence, frame.domain, lines)
    };
    frames.iter().map(of).collect()
}

fn domain() -> Domain {
    Domain::Space(SpaceId::from_bytes([7; 16]))
}

fn account() -> AccountId {
    AccountId::from_bytes([8; 16])
}

fn fresh(dir: &Path) -> FileWal {
    let replay = FileWal::replay(dir).unwrap();
    FileWal::restart(dir, &replay, &NewLog::of(&[], 1)).unwrap()
}

/// A log that keeps frames in memory.
#[derive(Default)]
struct MemoryWal {
    files: Arc<Mutex<Vec<Vec<Frame>>>>,
}

impl Wal for MemoryWal {
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError> {
        let mut files = self.files.lock();
        if files.is_empty() {
            files.push(Vec::new());
        }
        files.last_mut().unwrap().extend_from_slice(frames);
        Ok(())
    }
    fn rotate(&mut self, _: bool) -> Result<(), AppendError> {
        self.files.lock().push(Vec::new());
        Ok(())
    }
    fn trim(&mut self, floor: u64) -> io::Result<()> {
        let mut files = self.files.lock();
        while files.len() > 1 && files[0].last().is_none_or(|frame| frame.sequence < floor) {
            files.remove(0);
        }
        Ok(())
    }
}

/// What every log must do; `read` gives back what it holds.
fn conforms(wal: &mut dyn Wal, read: &dyn Fn() -> Vec<Frame>) {
    let appended: Vec<_> = (1..=6)
        .map(|n| frame(n, domain(), usize::try_from(n).unwrap()))
        .collect();
    wal.append(&appended[..2]).unwrap();
    wal.append(&appended[2..3]).unwrap();
    assert_eq!(
        lines(&read()),
        lines(&appended[..3]),
        "what was appended is there, in order"
    );
    wal.trim(4).unwrap();
    assert_eq!(
        lines(&read()),
        lines(&appended[..3]),
        "the file being written is never trimmed"
    );
    wal.rotate(false).unwrap();
    wal.append(&appended[3..]).unwrap();
    wal.trim(3).unwrap();
    assert_eq!(
        lines(&read()),
        lines(&appended),
        "a file with a frame that counts stays whole"
    );
    wal.trim(4).unwrap();
    assert_eq!(
        lines(&read()),
        lines(&appended[3..]),
        "a file whose frames are all below the floor goes"
    );
}

#[test]
fn memory_conforms() {
    let mut wal = MemoryWal::default();
    let files = Arc::clone(&wal.files);
    conforms(&mut wal, &|| files.lock().concat());
}

#[test]
fn files_conform() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    conforms(&mut wal, &|| FileWal::replay(dir.path()).unwrap().frames);
}

#[test]
fn a_restart_replaces_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3), frame(2, domain(), 1)])
        .unwrap();
    drop(wal);
    let replay = FileWal::replay(dir.path()).unwrap();
    let kept = [frame(3, domain(), 2)];
    let mut wal = FileWal::restart(dir.path(), &replay, &NewLog::of(&kept, 3)).unwrap();
    wal.append(&[frame(4, domain(), 1)]).unwrap();
    let sequences: Vec<_> = FileWal::replay(dir.path())
        .unwrap()
        .frames
        .iter()
        .map(|frame| frame.sequence)
        .collect();
    assert_eq!(sequences, [3, 4]);
}

#[test]
fn a_restart_that_was_cut_short_is_done_again() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3)]).unwrap();
    drop(wal);
    // Cut before the rename: the unfinished file does not count.
    std::fs::write(dir.path().join("000000000002.wal.new"), b"half").unwrap();
    let replay = FileWal::replay(dir.path()).unwrap();
    assert_eq!(replay.frames.len(), 1);
    // Cut after the rename, before the old file went: the old file does not count.
    let old = std::fs::read(dir.path().join("000000000001.wal")).unwrap();
    drop(
        FileWal::restart(
            dir.path(),
            &replay,
            &NewLog::of(&[frame(2, domain(), 3)], 2),
        )
        .unwrap(),
    );
    std::fs::write(dir.path().join("000000000001.wal"), old).unwrap();
    let replay = FileWal::replay(dir.path()).unwrap();
    assert_eq!(
        replay
            .frames
            .iter()
            .map(|frame| frame.sequence)
            .collect::<Vec<_>>(),
        [2]
    );
}

fn damage(path: &Path, at: usize) {
    let mut bytes = std::fs::read(path).unwrap();
    bytes[at] ^= 0x20;
    std::fs::write(path, bytes).unwrap();
}

/// Two frames in one batch: where the second begins.
fn second_frame_at(dir: &Path) -> usize {
    let len = super::frame::encoded_len(&events(3));
    let at = FILE_HEADER_LEN + len;
    let bytes = std::fs::read(dir.join("000000000001.wal")).unwrap();
    assert_eq!(bytes[at..at + 4], super::frame::FRAME_MAGIC);
    at
}

#[test]
fn a_torn_frame_that_was_never_durable_is_cut_with_all_that_follows_it() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[
        frame(1, domain(), 3),
        frame(2, domain(), 3),
        frame(3, domain(), 3),
    ])
    .unwrap();
    let second = second_frame_at(dir.path());
    damage(
        &dir.path().join("000000000001.wal"),
        second + FRAME_HEADER_LEN + 30,
    );
    let replay = FileWal::replay(dir.path()).unwrap();
    assert_eq!(
        replay
            .frames
            .iter()
            .map(|frame| frame.sequence)
            .collect::<Vec<_>>(),
        [1]
    );
}

#[test]
fn damage_below_the_watermark_is_named_and_nothing_is_touched() {
    let dir = tempfile::tempdir().unwrap();
    let path = dir.path().join("000000000001.wal");
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3), frame(2, domain(), 3)])
        .unwrap();
    wal.append(&[frame(3, domain(), 3)]).unwrap();
    let second = second_frame_at(dir.path());
    damage(&path, second + 20);
    let before = std::fs::read(&path).unwrap();
    let error = FileWal::replay(dir.path()).unwrap_err();
    assert!(
        matches!(&error, StoreError::Damaged { what, .. } if what.contains(&format!("byte {second}"))),
        "{error}"
    );
    assert_eq!(std::fs::read(&path).unwrap(), before);
}

#[test]
fn damage_at_the_end_of_a_closed_file_is_seen_by_the_next_one() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3), frame(2, domain(), 3)])
        .unwrap();
    wal.rotate(false).unwrap();
    let second = second_frame_at(dir.path());
    assert_eq!(
        FileWal::replay(dir.path()).unwrap().frames.len(),
        2,
        "sound without the damage"
    );
    damage(&dir.path().join("000000000001.wal"), second + 20);
    assert!(matches!(
        FileWal::replay(dir.path()),
        Err(StoreError::Damaged { .. })
    ));
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
}

fn writer(error: Option<AppendError>) -> WriterHandle {
    start(Box::new(FailsOnce(error)))
}

fn start(wal: Box<dyn Wal>) -> WriterHandle {
    let clock = Arc::new(ManualClock::new("2017-07-24T07:00:00Z".parse().unwrap()));
    let memtable = Arc::new(Memtable::new(clock, 1 << 20));
    WriterHandle::start(wal, memtable, Arc::default(), 1).unwrap()
}

#[tokio::test]
async fn a_failed_write_is_never_retried_into_success() {
    let writer = writer(Some(AppendError::Broken(io::Error::other("EIO"))));
    for _ in 0..3 {
        let error = writer
            .append(account(), domain(), 0, events(1))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
    }
    assert_eq!(writer.refusal().unwrap().kind(), ErrorKind::Unavailable);
}

/// A log whose first write takes until it is let go on, and which notes what each write holds.
struct Slow {
    go_on: std::sync::mpsc::Receiver<()>,
    writes: Arc<Mutex<Vec<Vec<Domain>>>>,
}

impl Wal for Slow {
    fn append(&mut self, frames: &[Frame]) -> Result<(), AppendError> {
        let of = frames.iter().map(|frame| frame.domain).collect();
        self.writes.lock().push(of);
        // Nobody tells it to wait any more once the test is over.
        let _ = self.go_on.recv();
        Ok(())
    }
    fn rotate(&mut self, _: bool) -> Result<(), AppendError> {
        Ok(())
    }
    fn trim(&mut self, _: u64) -> io::Result<()> {
        Ok(())
    }
}

/// One account has two hundred large requests waiting, another comes last with a small one.
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
        async move { writer.append(account, domain, 0, events).await.unwrap() }
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
    // Whoever was spawned has sent: nothing of it waits but for the writer.
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
    // The control: there was enough for very many writes.
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
}

#[tokio::test]
async fn a_panic_of_the_writer_stops_all_writing_and_does_not_pass_for_a_shutdown() {
    let writer = start(Box::new(Panics));
    for _ in 0..2 {
        let error = writer
            .append(account(), domain(), 0, events(1))
            .await
            .unwrap_err();
        assert!(matches!(error, StoreError::Poisoned(_)), "{error}");
    }
    assert!(writer.refusal().is_some());
}

#[test]
fn a_log_that_begins_on_a_full_disk_takes_no_more_than_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3)]).unwrap();
    drop(wal);
    let kept = [frame(2, domain(), 3)];
    let replay = FileWal::replay(dir.path()).unwrap();
    let new = NewLog {
        is_cramped: true,
        ..NewLog::of(&kept, 2)
    };
    let mut wal = FileWal::restart(dir.path(), &replay, &new).unwrap();
    let size = |generation: u64| {
        let path = dir.path().join(format!("{generation:012}.wal"));
        std::fs::metadata(path).map_or(0, |file| file.len())
    };
    assert!((1 << 20..2 << 20).contains(&size(2)), "{}", size(2));
    // What does not fit in goes to a file of the usual size.
    wal.append(&[frame(3, domain(), 200_000)]).unwrap();
    assert_eq!(size(3), FileWal::FILE_SIZE_BYTES);
    let frames = FileWal::replay(dir.path()).unwrap().frames;
    assert_eq!(frames.len(), 2);
}

#[tokio::test]
async fn a_full_disk_is_a_refusal_that_passes() {
    let writer = writer(Some(AppendError::Full(io::ErrorKind::StorageFull.into())));
    let error = writer
        .append(account(), domain(), 0, events(1))
        .await
        .unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Full);
    assert_eq!(writer.refusal().unwrap().kind(), ErrorKind::Full);
    writer.trim(Rotation::Whole).await.unwrap();
    assert!(
        writer.refusal().is_none(),
        "there is space for a new file again"
    );
    writer
        .append(account(), domain(), 0, events(1))
        .await
        .unwrap();
}

#[tokio::test]
async fn after_stop_everything_is_refused() {
    let writer = writer(None);
    writer
        .append(account(), domain(), 0, events(1))
        .await
        .unwrap();
    writer.stop().await.unwrap();
    assert!(matches!(
        writer.append(account(), domain(), 0, events(1)).await,
        Err(StoreError::Closed)
    ));
}

#[test]
fn a_frame_with_the_last_number_there_is_is_damage_and_no_panic() {
    let dir = tempfile::tempdir().unwrap();
    let header = super::frame::FileHeader {
        generation: 1,
        first_sequence: u64::MAX,
        restart: true,
    };
    let mut bytes = header.encode().to_vec();
    super::frame::encode_frame(&frame(u64::MAX, domain(), 1), 0, &mut bytes);
    std::fs::write(dir.path().join("000000000001.wal"), bytes).unwrap();
    let error = FileWal::replay(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
