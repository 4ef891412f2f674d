//! The bytes of a session: any part of them, many readers at once, and the end of reading.

use std::collections::VecDeque;
use std::fs;
use std::path::Path;
use std::time::Duration;

use atrail_model::SessionId;
use atrail_store::{NewSession, Session, SessionState, StoreError};
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};

use crate::support::{TestStore, event, files_below, noise};

#[tokio::test]
async fn any_range_is_a_part_of_the_whole() {
    let test = TestStore::new().await;
    for hour in 0..5 {
        test.send(&[
            event("2017-07-24", hour, &noise(hour.into(), 200_000)),
            event("2017-07-24", hour, "short"),
        ])
        .await;
    }
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let whole = test.gzip(session.id).await;
    let download = test.open(session.id).await.unwrap();
    for start in (0..whole.len()).step_by(whole.len() / 17) {
        for end in (start..=whole.len()).step_by(whole.len() / 13) {
            let part = download.read(start as u64..end as u64).await;
            let part: Vec<_> = part.unwrap().try_collect().await.unwrap();
            assert!(part.concat() == whole[start..end], "{start}..{end}");
        }
    }
}

#[tokio::test]
async fn progress_is_how_far_a_client_got_and_survives_a_restart() {
    let test = TestStore::new().await;
    test.send(&[event("2017-07-24", 7, &"x".repeat(1000))])
        .await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    let seen = |session: &atrail_store::Session| (session.state.clone(), session.downloaded_bytes);
    assert_eq!(seen(&session), (SessionState::Open, 0));
    let download = test.open(session.id).await.unwrap();
    let take = async |range| {
        let stream = download.read(range).await?;
        stream.try_collect::<Vec<_>>().await
    };
    take(0..25).await.unwrap();
    let partly = |bytes| (SessionState::Downloading, bytes);
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        partly(25)
    );
    take(5..10).await.unwrap();
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        partly(25)
    );
    take(30..40).await.unwrap();
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        partly(35)
    );
    take(session.total_bytes - 1..session.total_bytes)
        .await
        .unwrap();
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        partly(36),
        "the last byte is not all"
    );
    take(10..session.total_bytes).await.unwrap();
    let done = (SessionState::Downloaded, session.total_bytes);
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        done
    );
    drop(download);
    test.store.close().await.unwrap();
    let test = test.crash_and_reopen().await;
    assert_eq!(
        seen(&test.store.session(test.user, session.id).await.unwrap()),
        done
    );
}

#[tokio::test]
async fn what_is_not_taken_does_not_count_as_downloaded() {
    let (test, session) = large(1).await;
    let download = test.open(session.id).await.unwrap();
    let mut stream = download.read(0..session.total_bytes).await.unwrap();
    let counted = async || {
        let session = test.store.session(test.user, session.id).await;
        session.unwrap().downloaded_bytes
    };
    assert_eq!(counted().await, 0);
    let first = stream.next().await.unwrap().unwrap();
    assert_eq!(counted().await, first.len() as u64);
}

#[tokio::test]
async fn once_a_deletion_has_returned_a_download_hands_out_nothing() {
    let (test, session) = large(1).await;
    let bystander = test.session(test.scope("2017-07-25", "2017-07-25")).await;
    // All objects are known to be sound, and the file stays open from the first bytes on.
    let _ = test.gzip(session.id).await;
    let download = test.open(session.id).await.unwrap();
    let mut stream = download.read(0..session.total_bytes).await.unwrap();
    stream.next().await.unwrap().unwrap();
    let late = download.read(0..session.total_bytes).await.unwrap();
    let kept = test.open(bystander.id).await.unwrap();
    let kept = kept.read(0..bystander.total_bytes).await.unwrap();
    delete(&test, "2017-07-24").await;
    for mut stream in [stream, late] {
        let error = stream.next().await.unwrap().err();
        assert!(matches!(error, Some(StoreError::Gone { .. })), "{error:?}");
        assert!(stream.next().await.is_none());
    }
    let opened_before = download.read(0..session.total_bytes).await.err();
    assert!(matches!(opened_before, Some(StoreError::Gone { .. })));
    let kept: Vec<Bytes> = kept.try_collect().await.unwrap();
    assert_eq!(
        kept.concat().len() as u64,
        bystander.total_bytes,
        "sessions that lost nothing go on"
    );
}

#[tokio::test]
async fn an_error_ends_the_stream() {
    let (test, session) = large(3).await;
    let whole = test.gzip(session.id).await;
    let files = objects(&test);
    fs::remove_file(&files[1]).unwrap();
    let download = test.open(session.id).await.unwrap();
    let mut stream = download.read(0..session.total_bytes).await.unwrap();
    let mut before = Vec::new();
    let error = loop {
        match stream.next().await.unwrap() {
            Ok(bytes) => before.extend_from_slice(&bytes),
            Err(error) => break error,
        }
    };
    assert!(
        matches!(error, StoreError::DamagedObject { .. }),
        "{error:?}"
    );
    let sound = usize::try_from(fs::metadata(&files[0]).unwrap().len()).unwrap();
    assert!(before == whole[..sound], "what is sound comes before");
    assert!(stream.next().await.is_none());
}

#[tokio::test]
async fn a_session_that_was_looked_up_before_a_deletion_is_not_handed_out_after_it() {
    let (test, _) = large(1).await;
    let both_days = test.scope("2017-07-24", "2017-07-25");
    let session = test.session(both_days).await;
    let looked_up = test.store.session(test.user, session.id).await.unwrap();
    delete(&test, "2017-07-24").await;
    let download = test.store.open_download(looked_up).await.unwrap();
    // Of the day whose events nobody deleted.
    let end = session.total_bytes;
    let error = download.read(end - 10..end).await.err();
    assert!(matches!(error, Some(StoreError::Gone { .. })), "{error:?}");
}

#[tokio::test]
async fn a_session_that_its_owner_ends_is_not_handed_out_even_if_its_id_comes_again() {
    let (test, _) = large(1).await;
    let new = NewSession {
        id: Some(SessionId::generate()),
        ..test.new_session(test.scope("2017-07-24", "2017-07-24"))
    };
    let session = test.store.create_session(new.clone()).await.unwrap();
    let _ = test.gzip(session.id).await;
    let download = test.open(session.id).await.unwrap();
    let read = async || download.read(0..session.total_bytes).await.unwrap();
    let (mut one, mut other) = (read().await, read().await);
    one.next().await.unwrap().unwrap();
    let end = async || {
        let ended = test.store.delete_session(test.user, session.id).await;
        ended.unwrap();
    };
    end().await;
    let error = one.next().await.unwrap().err();
    assert!(
        matches!(error, Some(StoreError::NotFound { .. })),
        "{error:?}"
    );
    test.send(&[event("2017-07-24", 0, "more")]).await;
    let again = test.store.create_session(new).await.unwrap();
    assert_eq!(again.id, session.id);
    let error = other.next().await.unwrap().err();
    assert!(
        matches!(error, Some(StoreError::NotFound { .. })),
        "{error:?}"
    );
    assert_eq!(
        test.gzip(again.id).await.len() as u64,
        again.total_bytes,
        "the control: the new one can be downloaded"
    );
}

#[cfg(target_os = "linux")]
#[tokio::test]
async fn one_that_waits_keeps_few_files_open() {
    let (test, session) = large(3).await;
    let _ = test.gzip(session.id).await;
    let archive = test.data_dir().join("archive");
    let open_files = || {
        let links = fs::read_dir("/proc/self/fd").unwrap();
        let files = links.filter_map(|link| fs::read_link(link.unwrap().path()).ok());
        files.filter(|file| file.starts_with(&archive)).count()
    };
    assert_eq!(open_files(), 0);
    let mut streams = Vec::new();
    for nth in 1..=20 {
        let download = test.open(session.id).await.unwrap();
        let mut stream = download.read(0..session.total_bytes).await.unwrap();
        let _ = stream.next().await.unwrap().unwrap();
        streams.push(stream);
        // One file, and another one where a read waits for the disk.
        assert!((nth..=2 * nth).contains(&open_files()));
    }
    drop(streams);
    while open_files() > 0 {
        tokio::task::yield_now().await;
    }
}

/// Changed, truncated or removed files, and ranges at the borders between them: a reader gets the session's bytes up to
/// the first byte of a damaged object, and then an error.
#[tokio::test]
async fn any_range_with_any_damage_is_what_is_sound_before_it_and_an_error() {
    let (test, session) = mixed_sizes().await;
    let whole = test.gzip(session.id).await;
    let files = objects(&test);
    let mut borders = vec![0];
    for file in &files {
        borders.push(borders.last().unwrap() + fs::metadata(file).unwrap().len());
    }
    assert_eq!(*borders.last().unwrap(), session.total_bytes);
    let mut random = random(1);
    for round in 0..200 {
        let hurt = (round % 3 != 0).then(|| usize::try_from(random(files.len() as u64)).unwrap());
        let kept = hurt.map(|hurt| fs::read(&files[hurt]).unwrap());
        if let (Some(hurt), Some(kept)) = (hurt, &kept) {
            let mut bytes = kept.clone();
            match random(4) {
                0 => fs::remove_file(&files[hurt]).unwrap(),
                1 => fs::write(&files[hurt], &bytes[1..]).unwrap(),
                _ => {
                    let at = usize::try_from(random(bytes.len() as u64)).unwrap();
                    bytes[at] ^= 4;
                    fs::write(&files[hurt], bytes).unwrap();
                    touch(&files[hurt], 2 * round);
                }
            }
        }
        let mut near_a_border = || {
            let nth = usize::try_from(random(borders.len() as u64)).unwrap();
            (borders[nth] + random(5))
                .saturating_sub(2)
                .min(session.total_bytes)
        };
        let (one, other) = (near_a_border(), near_a_border());
        let range = one.min(other)..one.max(other);
        let is_hit = hurt.filter(|hurt| {
            borders[*hurt] < range.end && borders[hurt + 1] > range.start && !range.is_empty()
        });
        let end = is_hit.map_or(range.end, |hurt| borders[hurt].max(range.start));

        let download = test.open(session.id).await.unwrap();
        let mut got = Vec::new();
        let mut error = None;
        match download.read(range.clone()).await {
            Err(refused) => error = Some(refused),
            Ok(mut stream) => {
                while let Some(next) = stream.next().await {
                    match next {
                        Ok(bytes) => got.extend_from_slice(&bytes),
                        Err(told) => error = Some(told),
                    }
                }
            }
        }
        let sound = usize::try_from(range.start).unwrap()..usize::try_from(end).unwrap();
        assert!(got == whole[sound], "round {round}: {range:?} up to {end}");
        match error {
            Some(StoreError::DamagedObject { .. }) => assert!(is_hit.is_some(), "round {round}"),
            None => assert!(is_hit.is_none(), "round {round}: {range:?}"),
            Some(other) => panic!("round {round}: {other:?}"),
        }
        if let (Some(hurt), Some(kept)) = (hurt, kept) {
            fs::write(&files[hurt], kept).unwrap();
            touch(&files[hurt], 2 * round + 1);
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 4)]
async fn many_at_once_that_hold_what_they_take_see_each_its_own_bytes() {
    let (test, session) = mixed_sizes().await;
    let whole = Bytes::from(test.gzip(session.id).await);
    let mut readers = Vec::new();
    for seed in 1..40 {
        let download = test.open(session.id).await.unwrap();
        let whole = whole.clone();
        readers.push(tokio::spawn(async move {
            let mut random = random(seed);
            for _ in 0..10 {
                let start = random(whole.len() as u64);
                let stream = download.read(start..whole.len() as u64).await;
                let mut stream = stream.unwrap().take(5 + usize::try_from(seed).unwrap());
                let mut at = usize::try_from(start).unwrap();
                let mut held = VecDeque::new();
                let mut compare = |bytes: Bytes| {
                    assert!(bytes == whole[at..at + bytes.len()]);
                    at += bytes.len();
                };
                while let Some(bytes) = stream.next().await {
                    held.push_back(bytes.unwrap());
                    tokio::task::yield_now().await;
                    if held.len() > 3 {
                        compare(held.pop_front().unwrap());
                    }
                }
                held.into_iter().for_each(compare);
            }
        }));
    }
    for reader in readers {
        reader.await.unwrap();
    }
}

/// Returns a session over this many objects of about a megabyte.
async fn large(objects: u8) -> (TestStore, Session) {
    let test = TestStore::new().await;
    for hour in 0..objects {
        let seed = u64::from(hour) * 10;
        let events = (0..6).map(|nth| event("2017-07-24", hour, &noise(seed + nth, 300_000)));
        test.send(&events.collect::<Vec<_>>()).await;
    }
    test.send(&[event("2017-07-25", 0, &noise(99, 300_000))])
        .await;
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    (test, session)
}

/// Returns a session over objects of many sizes, from very small ones to those that are read in many pieces.
async fn mixed_sizes() -> (TestStore, Session) {
    let test = TestStore::new().await;
    let sizes = [40, 3_000, 262_000, 524_400, 1_400_000, 90].iter();
    for (hour, size) in (0..20).zip(sizes.cycle()) {
        test.send(&[event("2017-07-24", hour, &noise(hour.into(), *size))])
            .await;
    }
    let session = test.session(test.scope("2017-07-24", "2017-07-24")).await;
    (test, session)
}

async fn delete(test: &TestStore, day: &str) {
    let scope = test.scope(day, day);
    let deleted = test.store.delete_events(scope, "mallory", false).await;
    assert!(deleted.unwrap().count > 0);
}

/// Sets the file's time of change ahead, however coarse the file system's clock.
fn touch(file: &Path, seconds: u64) {
    let file = fs::File::options().write(true).open(file).unwrap();
    let written = file.metadata().unwrap().modified().unwrap();
    file.set_modified(written + Duration::from_secs(seconds))
        .unwrap();
}

/// Returns the files of the archive, in the order of a download.
fn objects(test: &TestStore) -> Vec<std::path::PathBuf> {
    let mut files = files_below(&test.data_dir().join("archive"));
    files.sort();
    files
}

/// Returns a generator of numbers below a limit (xorshift64).
fn random(seed: u64) -> impl FnMut(u64) -> u64 {
    let mut state = seed;
    move |below| {
        state ^= state << 13;
        state ^= state >> 7;
        state ^= state << 17;
        state % below
    }
}
