//! Runs against the fault server, and against a real one where ATRAIL_TEST_S3 names it.

use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use atrail_disk::{ErrorKind, StoreError};
use atrail_model::ObjectId;
use atrail_torture::{S3, S3Fault};
use bytes::Bytes;
use sha2::{Digest, Sha256};

use super::super::conformance::conforms;
use super::{Remote, RemoteBlobs};
use crate::{Blobs, BucketAddress, BucketSettings, Expected, Variables};

const KEY: &str = "logs/a/archive/domain=x/one";

fn settings(url: &str, endpoint: String) -> BucketSettings {
    let variables = [
        ("AWS_ACCESS_KEY_ID", "any"),
        ("AWS_SECRET_ACCESS_KEY", "any"),
    ];
    let variables = variables.map(|(name, value)| (name.to_owned(), value.to_owned()));
    BucketSettings {
        address: BucketAddress {
            url: url.to_owned(),
            endpoint: Some(endpoint),
        },
        variables: Variables(BTreeMap::from(variables)),
    }
}

fn remote(settings: &BucketSettings, cache_bytes: u64) -> (Remote, tempfile::TempDir) {
    let dir = tempfile::tempdir().unwrap();
    let remote = Remote::open(settings, dir.path(), cache_bytes).unwrap();
    (remote, dir)
}

fn blobs(s3: &S3) -> (RemoteBlobs, tempfile::TempDir) {
    let (remote, dir) = remote(&settings("s3://logs/a", s3.endpoint()), 1 << 20);
    (remote.blobs("archive"), dir)
}

/// Each opening has a cache of its own, as another machine has.
async fn conforms_at(settings: &BucketSettings) -> Result<(), &'static str> {
    let dir = tempfile::tempdir().unwrap();
    conforms(|| {
        let cache = dir.path().join(ObjectId::generate().to_string());
        Arc::new(
            Remote::open(settings, &cache, 1 << 20)
                .unwrap()
                .blobs("archive"),
        )
    })
    .await
}

async fn read(blobs: &RemoteBlobs, bytes: &[u8]) -> Result<Bytes, StoreError> {
    let expected = Expected {
        size_bytes: bytes.len() as u64,
        sha256: Sha256::digest(bytes).into(),
    };
    let reader = blobs.open("domain=x/one", Some(expected)).await?;
    reader.read(0..bytes.len() as u64).await
}

async fn put(blobs: &RemoteBlobs, bytes: &'static [u8]) -> Result<(), StoreError> {
    blobs.put("domain=x/one", Bytes::from_static(bytes)).await
}

#[tokio::test]
async fn a_bucket_conforms() {
    let s3 = S3::start();
    for url in ["s3://logs", "s3://logs/a/b"] {
        assert_eq!(
            conforms_at(&settings(url, s3.endpoint())).await,
            Ok(()),
            "{url}"
        );
    }
    assert_eq!(s3.keys(), [""; 0]);
}

#[tokio::test]
#[allow(clippy::print_stdout, reason = "it says what it skips")]
async fn a_bucket_of_a_real_server_conforms() {
    let Ok(at) = std::env::var("ATRAIL_TEST_S3") else {
        println!("skipped: ATRAIL_TEST_S3 names no server");
        return;
    };
    let (endpoint, bucket) = at.rsplit_once('/').unwrap();
    let url = format!("s3://{bucket}/{}", ObjectId::generate());
    assert_eq!(
        conforms_at(&settings(&url, endpoint.to_owned())).await,
        Ok(())
    );
}

#[tokio::test]
async fn a_bucket_that_fails_now_and_then_conforms() {
    let s3 = S3::start();
    for fault in [
        S3Fault::Error500,
        S3Fault::SlowDown,
        S3Fault::ResetBefore,
        S3Fault::CutGet,
        S3Fault::WrongBytes,
    ] {
        s3.fail(&[(fault, 300)], 7);
        assert_eq!(
            conforms_at(&settings("s3://logs", s3.endpoint())).await,
            Ok(()),
            "{fault:?}"
        );
        assert!(s3.injected()[&fault] > 0, "the control: {fault:?}");
    }
}

#[tokio::test]
async fn an_object_is_fetched_once() {
    let s3 = S3::start();
    put(&blobs(&s3).0, b"abc").await.unwrap();
    let (blobs, dir) = blobs(&s3);
    assert!(blobs.open_near("domain=x/one").is_none());
    let reads = (0..8).map(|_| read(&blobs, b"abc"));
    for read in futures_util::future::join_all(reads).await {
        assert_eq!(read.unwrap(), "abc");
    }
    assert!(blobs.open_near("domain=x/one").is_some());
    assert_eq!(s3.requests()["GET"], 1);
    // The cache may be erased at any time.
    std::fs::remove_dir_all(dir.path()).unwrap();
    assert_eq!(read(&blobs, b"abc").await.unwrap(), "abc");
    assert_eq!(s3.requests()["GET"], 2);
    assert!(
        !s3.requests().contains_key("HEAD"),
        "the catalog knows the length"
    );
}

#[tokio::test]
async fn the_cache_is_bounded_and_begins_empty_after_a_start_of_the_machine() {
    let s3 = S3::start();
    let dir = tempfile::tempdir().unwrap();
    let settings = settings("s3://logs", s3.endpoint());
    let open = || {
        Remote::open(&settings, dir.path(), 250)
            .unwrap()
            .blobs("archive")
    };
    let near = |blobs: &RemoteBlobs| {
        let names = ["a", "b", "c"].iter();
        names
            .filter(|name| blobs.open_near(name).is_some())
            .copied()
            .collect::<String>()
    };
    let store = open();
    for name in ["a", "b", "c"] {
        store
            .put(name, Bytes::from_static(&[7; 100]))
            .await
            .unwrap();
    }
    assert_eq!(near(&store), "bc");
    let big = store.put("big", Bytes::from_static(&[7; 300])).await;
    big.unwrap();
    assert!(store.open_near("big").is_none());
    let reader = store.open("big", None).await.unwrap();
    assert_eq!(
        reader.read(0..300).await.unwrap().len(),
        300,
        "too big to be kept"
    );
    let other = Remote::open(&settings, dir.path(), 250).unwrap_err();
    assert_eq!(other.kind(), ErrorKind::Conflict);
    drop(store);
    let store = open();
    assert_eq!(near(&store), "bc", "the control");
    drop(store);
    std::fs::write(dir.path().join("boot"), "another").unwrap();
    assert_eq!(near(&open()), "");
}

#[tokio::test]
async fn wrong_bytes_reach_the_reader_and_not_the_cache() {
    let s3 = S3::start();
    put(&blobs(&s3).0, b"abc").await.unwrap();
    s3.put(KEY, b"abd");
    let (blobs, _dir) = blobs(&s3);
    assert_eq!(
        read(&blobs, b"abc").await.unwrap(),
        "abd",
        "the reader checks, as for a file"
    );
    assert!(blobs.open_near("domain=x/one").is_none());
    s3.put(KEY, b"abcd");
    let reader = blobs
        .open(
            "domain=x/one",
            Some(Expected {
                size_bytes: 3,
                sha256: [0; 32],
            }),
        )
        .await;
    assert_eq!(reader.unwrap().stamp().unwrap().size_bytes, 4);
    s3.put(KEY, b"abc");
    assert_eq!(read(&blobs, b"abc").await.unwrap(), "abc");
    assert!(blobs.open_near("domain=x/one").is_some());
    // A copy that the disk changed is read until somebody sees it.
    assert!(blobs.distrust("domain=x/one"));
    assert!(blobs.open_near("domain=x/one").is_none());
}

#[tokio::test]
async fn a_write_without_an_answer_is_repeated() {
    let s3 = S3::start();
    let (blobs, _dir) = blobs(&s3);
    s3.fail(&[(S3Fault::AnswerLost, 500)], 3);
    put(&blobs, b"abc").await.unwrap();
    assert!(s3.injected()[&S3Fault::AnswerLost] > 0, "the control");
    assert_eq!(s3.get(KEY).unwrap(), b"abc");
}

#[tokio::test]
async fn an_object_whose_write_may_come_late_is_deleted_again() {
    let s3 = S3::start();
    let (blobs, _dir) = blobs(&s3);
    put(&blobs, b"abc").await.unwrap();
    blobs.delete("domain=x/one").await.unwrap();
    let late = S3Fault::LateReplay { after_millis: 600 };
    s3.fail(&[(late, 1000)], 3);
    let writing = tokio::time::timeout(Duration::from_millis(200), put(&blobs, b"abc")).await;
    assert!(writing.is_err(), "no write is answered");
    s3.fail(&[], 0);
    put(&blobs, b"abc").await.unwrap();
    let deleted = blobs.delete("domain=x/one").await.unwrap_err();
    assert_eq!(
        deleted.kind(),
        ErrorKind::Unavailable,
        "the catalog keeps the path"
    );
    assert_eq!(s3.get(KEY), None);
    tokio::time::sleep(Duration::from_millis(1200)).await;
    assert!(s3.get(KEY).is_some(), "the control: the write came late");
    let requests = s3.requests()["DELETE"];
    assert!(blobs.delete("domain=x/one").await.is_err());
    assert_eq!(s3.requests()["DELETE"], requests, "not every second");
    blobs.late.pass(Duration::from_secs(61));
    assert!(blobs.delete("domain=x/one").await.is_err());
    assert_eq!(s3.get(KEY), None);
    blobs.late.pass(Duration::from_secs(15 * 60));
    blobs.delete("domain=x/one").await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn a_bucket_that_is_away_is_reported_as_such() {
    let s3 = S3::start();
    let (blobs, _dir) = blobs(&s3);
    s3.fail(&[(S3Fault::Error500, 1000)], 3);
    let error = put(&blobs, b"abc").await.unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unavailable, "{error}");
    let dir = tempfile::tempdir().unwrap();
    let (settings, mark) = (
        settings("s3://logs/a", s3.endpoint()),
        dir.path().join("mark"),
    );
    let remote = Remote::open(&settings, &dir.path().join("cache"), 1 << 20).unwrap();
    let unbound = remote.bind(&mark, &settings.address).await.unwrap_err();
    assert_eq!(unbound.kind(), ErrorKind::Unavailable, "{unbound}");
    std::fs::write(&mark, r#"{"id":"one","url":"s3://logs/a"}"#).unwrap();
    remote.bind(&mark, &settings.address).await.unwrap();
}

#[tokio::test]
async fn a_prefix_belongs_to_one_directory() {
    let s3 = S3::start();
    let (dirs, settings) = (
        tempfile::tempdir().unwrap(),
        settings("s3://logs/a", s3.endpoint()),
    );
    let (one, other) = (dirs.path().join("one"), dirs.path().join("other"));
    let (remote, _dir) = remote(&settings, 1 << 20);
    let address = &settings.address;
    remote.bind(&one, address).await.unwrap();
    remote.bind(&one, address).await.unwrap();
    assert_eq!(
        BucketAddress::of_mark(&one).unwrap().as_ref(),
        Some(address)
    );
    let refused = remote.bind(&other, address).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Conflict, "{refused}");
    assert!(!other.exists());
    // Both found the prefix free at the same time.
    s3.put("logs/a/home/another", b"");
    assert_eq!(
        remote.bind(&one, address).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    s3.remove("logs/a/home/another");
    // A crash came between the two marks.
    for key in s3.keys() {
        s3.remove(&key);
    }
    remote.bind(&one, address).await.unwrap();
    for key in s3.keys() {
        s3.remove(&key);
    }
    s3.put(KEY, b"abc");
    assert_eq!(
        remote.bind(&one, address).await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
}
