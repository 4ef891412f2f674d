//! Mistakes of an operator with a data directory, during its use or after: no acknowledged event is lost, and no event
//! that would be lost is acknowledged.

use std::fs;
use std::path::Path;
use std::time::Duration;

use atrail_evidence::Manifest;
use atrail_model::{Domain, Scope, Target};
use atrail_store::ErrorKind;

use crate::support::{TestStore, event, ever, files_below};

const DAY: &str = "2017-07-24";

fn everything(target: Target) -> Scope {
    Scope {
        target,
        days: ever(),
        hours: atrail_model::Hours::ALL,
    }
}

async fn held(t: &TestStore) -> u64 {
    let days = t.counts(Target::Account(t.account)).await;
    days.iter().map(|(_, count, _)| count).sum()
}

async fn refused(t: &TestStore, text: &str) -> ErrorKind {
    let sent = t
        .store
        .append(Domain::Space(t.space), vec![event(DAY, 1, text)]);
    sent.await.expect_err("it is not acknowledged").kind()
}

#[tokio::test]
async fn a_second_server_is_kept_out_though_the_lock_file_was_removed() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    fs::remove_file(t.data_dir().join("lock")).unwrap();
    assert_eq!(
        t.open_again().await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
    // The first store continues, and its lock did keep the other one out: the other one opens when the first has ended.
    t.send(&[event(DAY, 1, "b")]).await;
    let t = t.crash_and_reopen().await;
    assert_eq!(held(&t).await, 2);
}

#[tokio::test]
async fn a_second_server_is_kept_out_by_another_name_of_the_directory() {
    let t = TestStore::new().await;
    let link = t.data_dir().with_extension("link");
    std::os::unix::fs::symlink(t.data_dir(), &link).unwrap();
    let settings = atrail_store::StoreSettings::new(link);
    let second = atrail_store::Store::open_dir(settings, t.clock.clone()).await;
    assert_eq!(second.unwrap_err().kind(), ErrorKind::Conflict);
}

/// With the log's directory renamed, nothing keeps a second server out: from then on the first writes neither to its
/// log nor to the common catalog.
#[tokio::test]
async fn who_lost_the_directory_to_a_second_server_writes_nothing_more() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    fs::remove_file(t.data_dir().join("lock")).unwrap();
    fs::rename(t.data_dir().join("wal"), t.data_dir().join("away")).unwrap();
    let second = t.open_again().await.unwrap();
    let sent = vec![event(DAY, 1, "to the second")];
    second.append(Domain::Space(t.space), sent).await.unwrap();
    let session = t.new_session(everything(Target::Space(t.space)));
    let refused = t.store.create_session(session).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable);
    assert_eq!(
        self::refused(&t, "to the first").await,
        ErrorKind::Unavailable
    );
    second.close().await.unwrap();
    drop(second);
    let t = t.crash_and_reopen().await;
    assert_eq!(held(&t).await, 1, "what the second acknowledged");
}

/// Changes the running store's directory, and reverts that after the store has ended: every acknowledged event is
/// there, and none was acknowledged in between.
async fn moved(hide: impl Fn(&Path), bring_back: impl Fn(&Path)) {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "before")]).await;
    hide(t.data_dir());
    assert_eq!(refused(&t, "into nowhere").await, ErrorKind::Unavailable);
    bring_back(t.data_dir());
    // Not even when everything is in place again: it is unknown what was written in between.
    assert_eq!(refused(&t, "after").await, ErrorKind::Unavailable);
    let t = t.crash_and_reopen().await;
    t.send(&[event(DAY, 1, "before"), event(DAY, 1, "again")])
        .await;
    let left = held(&t).await;
    assert!(
        (2..=3).contains(&left),
        "the one that was refused may be there: {left}"
    );
}

#[tokio::test]
async fn nothing_is_acknowledged_into_a_log_directory_that_was_renamed() {
    let away = |dir: &Path| dir.join("wal.away");
    moved(
        |dir| fs::rename(dir.join("wal"), away(dir)).unwrap(),
        |dir| fs::rename(away(dir), dir.join("wal")).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn nothing_is_acknowledged_into_a_data_directory_that_was_renamed() {
    let away = |dir: &Path| dir.with_extension("away");
    moved(
        |dir| fs::rename(dir, away(dir)).unwrap(),
        |dir| fs::rename(away(dir), dir).unwrap(),
    )
    .await;
}

#[tokio::test]
async fn nothing_is_acknowledged_into_a_log_file_that_was_replaced_by_its_copy() {
    let file = |dir: &Path| files_below(&dir.join("wal")).pop().unwrap();
    moved(
        |dir| {
            let copy = dir.join("copy");
            fs::copy(file(dir), &copy).unwrap();
            fs::rename(copy, file(dir)).unwrap();
        },
        |_| {},
    )
    .await;
}

#[tokio::test]
async fn nothing_is_sealed_into_a_catalog_that_was_replaced() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let (file, copy) = (
        t.data_dir().join("catalog.sqlite"),
        t.data_dir().join("copy"),
    );
    let catalog = t.catalog().await;
    let name = copy.to_str().unwrap();
    catalog.run_with_text("VACUUM INTO ?", name).await;
    catalog.close().await;
    fs::rename(copy, &file).unwrap();
    for beside in ["-wal", "-shm"] {
        fs::remove_file(t.data_dir().join(format!("catalog.sqlite{beside}"))).unwrap();
    }
    let session = t.new_session(everything(Target::Space(t.space)));
    let refused = t.store.create_session(session).await.unwrap_err();
    assert_eq!(refused.kind(), ErrorKind::Unavailable, "{refused}");
    assert!(
        t.store.write_refusal().is_some(),
        "it is told to who asks whether it is ready"
    );
    assert_eq!(files_below(&t.data_dir().join("archive")).len(), 0);
    let t = t.crash_and_reopen().await;
    assert_eq!(held(&t).await, 1);
}

#[tokio::test]
async fn nothing_is_sealed_into_an_archive_that_is_another() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let (archive, away) = (t.data_dir().join("archive"), t.data_dir().join("away"));
    fs::rename(&archive, &away).unwrap();
    let session = t.new_session(everything(Target::Space(t.space)));
    assert_eq!(
        t.store.create_session(session).await.unwrap_err().kind(),
        ErrorKind::Unavailable
    );
    assert!(!archive.exists(), "none is made in its place");
    fs::rename(&away, &archive).unwrap();
    let t = t.crash_and_reopen().await;
    assert_eq!(
        t.session(everything(Target::Space(t.space))).await.events,
        1
    );
}

/// Returns the segments of all events, from a session's manifest.
async fn segments(t: &TestStore) -> Vec<String> {
    let session = t.session(everything(Target::Account(t.account))).await;
    let manifest = t.store.manifest(t.user, session.id).await.unwrap();
    let manifest: Manifest = serde_json::from_slice(&manifest).unwrap();
    let objects = manifest.objects.into_iter();
    let mut all: Vec<_> = objects.flat_map(|object| object.segments).collect();
    all.sort();
    all
}

async fn all_lines(t: &TestStore) -> Vec<String> {
    let session = t.session(everything(Target::Account(t.account))).await;
    let mut lines = t.lines(session.id).await;
    lines.sort();
    lines
}

/// Runs `then` between the copy of the catalog and its return.
async fn older_catalog(then: impl AsyncFn(&TestStore)) -> (TestStore, Vec<String>, Vec<String>) {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "sealed before"), event(DAY, 2, "as well")])
        .await;
    t.session(everything(Target::Account(t.account))).await;
    t.store.close().await.unwrap();
    let (file, copy) = (
        t.data_dir().join("catalog.sqlite"),
        t.data_dir().with_extension("old"),
    );
    fs::copy(&file, &copy).unwrap();
    let t = t.crash_and_reopen().await;
    then(&t).await;
    let (segments, lines) = (segments(&t).await, all_lines(&t).await);
    t.store.close().await.unwrap();
    fs::copy(&copy, &file).unwrap();
    (t.crash_and_reopen().await, segments, lines)
}

async fn nothing_is_lost(then: impl AsyncFn(&TestStore)) -> TestStore {
    let (t, before, lines) = older_catalog(then).await;
    assert_eq!(held(&t).await, lines.len() as u64, "each once");
    assert_eq!(segments(&t).await, before, "under the ids that were signed");
    assert_eq!(all_lines(&t).await, lines);
    let (findings, _) = t.scrub().await;
    assert!(findings.is_empty(), "{findings:?}");
    // The work is complete: another start finds nothing to do.
    let t = t.crash_and_reopen().await;
    assert_eq!(segments(&t).await, before);
    t
}

#[tokio::test]
async fn an_older_catalog_takes_in_what_was_sealed_since() {
    nothing_is_lost(async |t| {
        t.send(&[
            event(DAY, 1, "later"),
            event("2017-07-23", 5, "of another day"),
        ])
        .await;
        t.session(everything(Target::Account(t.account))).await;
        t.send(&[event(DAY, 1, "later still")]).await;
    })
    .await;
}

#[tokio::test]
async fn an_older_catalog_takes_in_what_was_sealed_and_compacted_since() {
    nothing_is_lost(async |t| {
        for n in 0..3 {
            t.send(&[event(DAY, 1, &format!("later {n}"))]).await;
            t.session(everything(Target::Account(t.account))).await;
        }
        t.clock.advance(Duration::from_secs(2 * 86_400));
        assert!(t.store.compact().await.unwrap().objects_out > 0);
    })
    .await;
}

#[tokio::test]
async fn an_older_catalog_takes_in_a_space_that_was_made_since() {
    let (t, _, lines) = older_catalog(async |t| {
        let now = "2017-07-25T11:00:00Z".parse().unwrap();
        let tenancy = t.store.tenancy();
        let organization = tenancy.organizations().await.unwrap()[0].id;
        let space = tenancy
            .create_space(organization, "new", now)
            .await
            .unwrap()
            .id;
        let sent = vec![event(DAY, 3, "sealed in a new space")];
        t.store.append(Domain::Space(space), sent).await.unwrap();
        t.session(everything(Target::Account(t.account))).await;
        let sent = vec![event(DAY, 3, "not sealed in a new space")];
        t.store.append(Domain::Space(space), sent).await.unwrap();
    })
    .await;
    assert_eq!(all_lines(&t).await, lines);
    let names = t.store.tenancy().spaces().await.unwrap();
    assert!(
        names
            .iter()
            .any(|space| space.name.starts_with("recovered-")),
        "{names:?}"
    );
}

#[tokio::test]
async fn each_session_reads_anew_what_it_hands_out() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let scope = everything(Target::Space(t.space));
    let (one, other) = (t.session(scope).await, t.session(scope).await);
    let mut checked = Vec::new();
    for id in [one.id, one.id, other.id, other.id, one.id] {
        t.gzip(id).await;
        checked.push(t.store.stats().checked_bytes / one.total_bytes);
    }
    assert_eq!(
        checked,
        [1, 1, 1, 1, 1],
        "the look was made since both were"
    );
    let third = t.session(scope).await;
    t.gzip(third.id).await;
    t.gzip(third.id).await;
    assert_eq!(t.store.stats().checked_bytes / one.total_bytes, 2);
}

#[tokio::test]
async fn a_change_is_noticed_though_the_times_were_put_back() {
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    let session = t.session(everything(Target::Space(t.space))).await;
    t.gzip(session.id).await;
    let file = files_below(&t.data_dir().join("archive")).pop().unwrap();
    let modified = fs::metadata(&file).unwrap().modified().unwrap();
    let mut bytes = fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    fs::write(&file, bytes).unwrap();
    fs::File::open(&file)
        .unwrap()
        .set_modified(modified)
        .unwrap();
    let download = t.open(session.id).await.unwrap();
    let read = download.read(0..session.total_bytes).await;
    assert_eq!(
        read.err().expect("it is not handed out").kind(),
        ErrorKind::Damaged
    );
}

/// Whatever the shell's mask and the earlier modes: files of the store are private to its owner.
#[tokio::test]
async fn what_is_made_is_the_owners_alone() {
    use std::os::unix::fs::PermissionsExt;
    let t = TestStore::new().await;
    t.send(&[event(DAY, 1, "a")]).await;
    t.session(everything(Target::Space(t.space))).await;
    let mode = |path: &Path| fs::metadata(path).unwrap().permissions().mode() & 0o777;
    // Below these the directory alone protects the files: others may be meant to read them.
    let open = ["archive", "index"].map(|name| t.data_dir().join(name));
    let is_open = |file: &Path| open.iter().any(|dir| file.starts_with(dir));
    let files = files_below(t.data_dir()).into_iter();
    for file in files.filter(|file| !is_open(file)) {
        assert_eq!(mode(&file), 0o600, "{}", file.display());
    }
    for dir in ["", "archive", "index", "wal", "dedup", "keys"] {
        assert_eq!(mode(&t.data_dir().join(dir)), 0o700, "{dir}");
    }
    // As a copy or an earlier version left them.
    let dir = t.data_dir().to_owned();
    let open = ["catalog.sqlite", "lock", "checkpoints", "wal", "dedup"];
    t.store.close().await.unwrap();
    for name in open {
        fs::set_permissions(dir.join(name), fs::Permissions::from_mode(0o755)).unwrap();
    }
    let t = t.crash_and_reopen().await;
    for name in open {
        assert_eq!(mode(&dir.join(name)) & 0o077, 0, "{name}");
    }
    // A user who may write to the directory can replace its contents.
    t.store.close().await.unwrap();
    fs::set_permissions(&dir, fs::Permissions::from_mode(0o777)).unwrap();
    assert_eq!(
        t.open_again().await.unwrap_err().kind(),
        ErrorKind::Conflict
    );
}
