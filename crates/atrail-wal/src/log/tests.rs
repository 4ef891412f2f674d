#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::collections::HashSet;
use std::path::Path;
use std::sync::Arc;

use atrail_disk::StoreError;
use atrail_model::{Domain, SpaceId};
use bytes::Bytes;
use parking_lot::Mutex;

use super::frame::{FILE_HEADER_LEN, FRAME_HEADER_LEN};
use super::testing::events;
use super::*;

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

fn fresh(dir: &Path) -> FileWal {
    let replay = Replay::read(dir).unwrap();
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
    fn part_with(&mut self, _: &HashSet<Domain>) -> Result<Eraser, AppendError> {
        Ok(Eraser::default())
    }
}

/// Tests what every log must do; `read` returns its frames.
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
    conforms(&mut wal, &|| Replay::read(dir.path()).unwrap().frames);
}

#[test]
fn a_restart_replaces_what_was_there() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3), frame(2, domain(), 1)])
        .unwrap();
    drop(wal);
    let replay = Replay::read(dir.path()).unwrap();
    let kept = [frame(3, domain(), 2)];
    let mut wal = FileWal::restart(dir.path(), &replay, &NewLog::of(&kept, 3)).unwrap();
    wal.append(&[frame(4, domain(), 1)]).unwrap();
    let sequences: Vec<_> = Replay::read(dir.path())
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
    // A crash before the rename: the unfinished file does not count.
    std::fs::write(dir.path().join("000000000002.wal.new"), b"half").unwrap();
    let replay = Replay::read(dir.path()).unwrap();
    assert_eq!(replay.frames.len(), 1);
    // A crash after the rename, before the removal of the old file: the old file does not count.
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
    let replay = Replay::read(dir.path()).unwrap();
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

/// Writes two frames in one batch; returns the offset of the second.
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
    let replay = Replay::read(dir.path()).unwrap();
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
    let error = Replay::read(dir.path()).unwrap_err();
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
        Replay::read(dir.path()).unwrap().frames.len(),
        2,
        "sound without the damage"
    );
    damage(&dir.path().join("000000000001.wal"), second + 20);
    assert!(matches!(
        Replay::read(dir.path()),
        Err(StoreError::Damaged { .. })
    ));
}

#[test]
fn a_log_that_begins_on_a_full_disk_takes_no_more_than_it_needs() {
    let dir = tempfile::tempdir().unwrap();
    let mut wal = fresh(dir.path());
    wal.append(&[frame(1, domain(), 3)]).unwrap();
    drop(wal);
    let kept = [frame(2, domain(), 3)];
    let replay = Replay::read(dir.path()).unwrap();
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
    // A frame that does not fit goes to a file of the usual size.
    wal.append(&[frame(3, domain(), 200_000)]).unwrap();
    assert_eq!(size(3), FILE_SIZE_BYTES);
    let frames = Replay::read(dir.path()).unwrap().frames;
    assert_eq!(frames.len(), 2);
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
    let error = Replay::read(dir.path()).unwrap_err();
    assert!(matches!(error, StoreError::Damaged { .. }), "{error}");
}
