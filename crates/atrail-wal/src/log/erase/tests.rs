#![allow(clippy::unwrap_used, reason = "a test fails by panicking")]

use std::fs;

use atrail_evidence::leaf_hash;
use atrail_model::{AccountId, Hour};

use super::*;
use crate::log::{FileWal, NewEvent, NewLog, Replay, Wal, check_log};

fn space(n: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([n; 16]))
}

fn frame(sequence: u64, domain: Domain) -> Frame {
    let line = Bytes::from(format!("{{\"n\":\"event {sequence}.\"}}"));
    Frame {
        sequence,
        domain,
        events: vec![NewEvent {
            day: "2017-07-24".parse().unwrap(),
            hour: Hour::new(7).unwrap(),
            leaf: leaf_hash(&line),
            line,
        }],
    }
}

/// Returns a log with frames of these domains, begun with the first two of them, with a new file after every third.
fn log(dir: &Path, domains: &[Domain]) -> FileWal {
    let frames: Vec<_> = (1..)
        .zip(domains)
        .map(|(sequence, domain)| frame(sequence, *domain))
        .collect();
    let replay = Replay::read(dir).unwrap();
    let new = NewLog {
        file_size_bytes: 4000,
        ..NewLog::of(&frames[..2], 1)
    };
    let mut log = FileWal::restart(dir, &replay, &new).unwrap();
    for (at, frame) in frames.iter().enumerate().skip(2) {
        log.append(std::slice::from_ref(frame)).unwrap();
        if at % 3 == 2 {
            log.rotate(false).unwrap();
        }
    }
    log
}

fn found(dir: &Path) -> (Vec<(u64, Domain, Bytes)>, u64) {
    let replay = Replay::read(dir).unwrap();
    let frames = replay.frames.into_iter();
    let frames = frames.map(|frame| (frame.sequence, frame.domain, frame.events[0].line.clone()));
    (frames.collect(), replay.last_sequence)
}

fn holds(dir: &Path, text: &str) -> bool {
    let mut files = fs::read_dir(dir).unwrap();
    files.any(|file| {
        let bytes = fs::read(file.unwrap().path()).unwrap();
        memchr::memmem::find(&bytes, text.as_bytes()).is_some()
    })
}

#[test]
fn events_go_with_their_bytes_and_every_other_frame_stays_what_it_is() {
    let [one, two] = [space(1), Domain::Account(AccountId::from_bytes([2; 16]))];
    // Includes the beginning and the end of files, and whole files.
    let domains = [one, two, one, one, one, one, two, two, one, one, two, one];
    for below in [0, 1, 5, 7, 12, u64::MAX] {
        let dir = tempfile::tempdir().unwrap();
        let mut log = log(dir.path(), &domains);
        let before = found(dir.path());
        assert_eq!(before.0.len(), 12);
        let eraser = log.part_with(&HashSet::from([one])).unwrap();
        // Later frames are not sealed, although their numbers are below the limit.
        log.append(&[frame(13, one), frame(14, two)]).unwrap();
        log.rotate(false).unwrap();
        eraser.erase(&HashMap::from([(one, below)])).unwrap();
        for (sequence, domain) in (1_u64..).zip(domains) {
            let is_gone = domain == one && sequence < below;
            let text = format!("event {sequence}.");
            assert_eq!(holds(dir.path(), &text), !is_gone, "{text} below {below}");
        }
        let (frames, last) = found(dir.path());
        assert_eq!(last, 14);
        let mut expected = before.0;
        expected.retain(|(sequence, domain, _)| *domain != one || *sequence >= below);
        assert_eq!(frames[..expected.len()], expected);
        assert_eq!(frames.len(), expected.len() + 2);
        let checked = check_log(dir.path()).unwrap();
        assert_eq!((checked.frames, checked.unreadable_tail), (14, None));
        // The log continues, also after a start; and the empty frames do not prevent a trim.
        log.append(&[frame(15, two)]).unwrap();
        assert_eq!(found(dir.path()).0.len(), expected.len() + 3);
        log.trim(14).unwrap();
        assert_eq!(found(dir.path()).0.last().unwrap().0, 15);
        assert!(!holds(dir.path(), "event 1."));
    }
}

/// A crash leaves some files in their old and some in their new state: a start reads the same unsealed events.
#[test]
fn whatever_file_a_crash_leaves_the_same_is_unsealed() {
    let [one, two] = [space(1), space(2)];
    let domains = [one, two, one, two, one, two, one, one, one, two];
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(dir.path(), &domains);
    let eraser = log.part_with(&HashSet::from([one])).unwrap();
    let names: Vec<_> = log_names(dir.path());
    assert_eq!(names.len(), 4);
    let read = || {
        names
            .iter()
            .map(|name| fs::read(dir.path().join(name)).unwrap())
    };
    let before: Vec<_> = read().collect();
    eraser.erase(&HashMap::from([(one, 9)])).unwrap();
    let after: Vec<_> = read().collect();
    assert!(before.iter().zip(&after).filter(|(a, b)| a != b).count() >= 3);
    let unsealed = |dir: &Path| {
        let (mut frames, last) = found(dir);
        frames.retain(|(sequence, domain, _)| *domain != one || *sequence >= 9);
        (frames, last)
    };
    let expected = unsealed(dir.path());
    for which in 0_u32..1 << names.len() {
        let crashed = tempfile::tempdir().unwrap();
        for (at, name) in names.iter().enumerate() {
            let bytes = if which & (1 << at) == 0 {
                &before[at]
            } else {
                &after[at]
            };
            fs::write(crashed.path().join(name), bytes).unwrap();
        }
        fs::write(crashed.path().join(".000000000002.wal.tmp"), "event 4.").unwrap();
        assert_eq!(unsealed(crashed.path()), expected);
        let replay = Replay::read(crashed.path()).unwrap();
        FileWal::restart(crashed.path(), &replay, &NewLog::of(&[], 11)).unwrap();
        assert!(
            !holds(crashed.path(), "event 4."),
            "an unfinished file is left"
        );
    }
}

fn log_names(dir: &Path) -> Vec<String> {
    let files = fs::read_dir(dir).unwrap();
    let names = files.map(|file| file.unwrap().file_name().into_string().unwrap());
    let mut names: Vec<_> = names.collect();
    names.sort_unstable();
    names
}

/// An unreadable part may have acknowledged events: the error names it, and nothing replaces it.
#[test]
fn a_damaged_file_is_left_as_it_is_and_so_is_one_that_cannot_be_replaced() {
    let [one, two] = [space(1), space(2)];
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(dir.path(), &[one, two, one, two]);
    let eraser = log.part_with(&HashSet::from([one])).unwrap();
    let below = HashMap::from([(one, u64::MAX)]);
    let path = dir.path().join(&log_names(dir.path())[0]);
    let in_the_way = dir.path().join(".000000000001.wal.tmp");
    fs::create_dir(&in_the_way).unwrap();
    eraser.erase(&below).unwrap_err();
    assert!(holds_in(&path, "event 2."));
    fs::remove_dir(&in_the_way).unwrap();
    let sound = fs::read(&path).unwrap();
    let mut damaged = sound.clone();
    let at = memchr::memmem::find(&damaged, b"event 2.").unwrap();
    damaged[at] ^= 1;
    fs::write(&path, &damaged).unwrap();
    let error = eraser.erase(&below).unwrap_err();
    assert!(error.to_string().contains("000000000001.wal"), "{error}");
    assert_eq!(fs::read(&path).unwrap(), damaged);
    fs::write(&path, &sound).unwrap();
    eraser.erase(&below).unwrap();
    assert!(!holds_in(&path, "event 1.") && holds_in(&path, "event 2."));
}

fn holds_in(path: &Path, text: &str) -> bool {
    let bytes = fs::read(path).unwrap();
    memchr::memmem::find(&bytes, text.as_bytes()).is_some()
}

/// The writer does not wait while a file is rewritten.
#[test]
fn a_trim_leaves_files_alone_while_one_is_written_anew() {
    let dir = tempfile::tempdir().unwrap();
    let mut log = log(dir.path(), &[space(1); 7]);
    let eraser = log.part_with(&HashSet::from([space(1)])).unwrap();
    let at_work = eraser.closed.at_work.lock();
    log.trim(8).unwrap();
    assert_eq!(log_names(dir.path()).len(), 4);
    drop(at_work);
    log.trim(8).unwrap();
    assert_eq!(log_names(dir.path()).len(), 1);
}
