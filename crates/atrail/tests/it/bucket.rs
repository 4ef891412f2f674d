//! A server whose archive is in a bucket: of a server that fails as it is told to, and of a real one where ATRAIL_TEST_S3
//! names it.

use std::fs;
use std::path::Path;
use std::time::Duration;

use atrail_torture::{Ledger, Program, S3, S3Fault, nanos, workload};

use crate::env::{Server, TestEnv, events};
use crate::postgres::{DAY, Postgres, SERVE, downloaded, session, stored};

const CREDENTIALS: &str = "[default]\naws_access_key_id = any\naws_secret_access_key = any\n";

/// Says that the program keeps no archive in a bucket.
fn is_without() -> bool {
    if !cfg!(feature = "cluster") {
        println!("skipped: the program was built without the feature cluster");
    }
    !cfg!(feature = "cluster")
}

/// Writes credentials where AWS's own tools find them.
fn give_credentials(home: &Path) {
    fs::create_dir_all(home.join(".aws")).unwrap();
    fs::write(home.join(".aws/credentials"), CREDENTIALS).unwrap();
}

/// Returns the settings of an archive in this bucket.
fn archive(endpoint: &str, url: &str, cache: &str) -> String {
    format!(
        "archive = \"{url}\"\narchive_endpoint = \"{endpoint}\"\ncache = \"{cache}\"\nseal_after = \"1s\"\n"
    )
}

fn configure(env: &TestEnv, store: &str) {
    give_credentials(&env.path("home"));
    let text = format!("[store]\n{store}\n[log]\nlevel = \"warn\"\n");
    fs::write(env.path("atrail.toml"), text).unwrap();
}

/// Erases a cache, also beside a server that writes into it.
fn erase(cache: &Path) {
    while let Err(error) = fs::remove_dir_all(cache) {
        if error.kind() == std::io::ErrorKind::NotFound {
            return;
        }
    }
}

fn objects(s3: &S3) -> Vec<String> {
    let keys = s3.keys().into_iter();
    keys.filter(|key| key.contains("/archive/")).collect()
}

/// Sends, seals, counts, downloads from a cold cache, verifies and deletes.
fn works(env: &TestEnv, settings: impl Fn(&str) -> String) {
    configure(env, &settings("cache"));
    let mut server = Server::start_with(env, &SERVE);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(480, 300).as_bytes())
        .ok();
    assert_eq!(stored(env), 480);
    let made = session(env);
    let bytes = downloaded(env, &made, "first.gz");
    assert!(!env.path("data/archive").exists());
    server.kill();
    configure(env, &settings("another"));
    server.start_again(env, &SERVE);
    assert_eq!(stored(env), 480);
    assert_eq!(downloaded(env, &made, "cold.gz"), bytes);
    erase(&env.path("another"));
    assert_eq!(downloaded(env, &made, "erased.gz"), bytes);
    let deleted = env.run(&[&["delete", "--yes"][..], &DAY].concat()).ok();
    assert!(deleted.contains("480 logs were deleted"), "{deleted}");
    assert_eq!(stored(env), 0);
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn everything_works_with_the_archive_in_a_bucket() {
    if is_without() {
        return;
    }
    let (s3, env) = (S3::start(), TestEnv::new());
    works(&env, |cache| {
        archive(&s3.endpoint(), "s3://logs/a/b", cache)
    });
    // What the day had is gone, and the account's own events are there.
    let keys = s3.keys();
    assert!(
        !keys.iter().any(|key| key.contains("date=2017-07-24")),
        "{keys:?}"
    );
    assert!(!objects(&s3).is_empty(), "{keys:?}");
}

#[test]
fn everything_works_with_a_bucket_and_postgresql() {
    if is_without() {
        return;
    }
    let Some(postgres) = Postgres::start() else {
        return;
    };
    let (s3, env) = (S3::start(), TestEnv::new());
    works(&env, |cache| {
        let archive = archive(&s3.endpoint(), "s3://logs", cache);
        format!("catalog = \"{}\"\n{archive}", postgres.url())
    });
}

#[test]
fn everything_works_with_a_real_server_of_s3() {
    if is_without() {
        return;
    }
    let Ok(at) = std::env::var("ATRAIL_TEST_S3") else {
        println!("skipped: ATRAIL_TEST_S3 names no server");
        return;
    };
    let (endpoint, bucket) = at.rsplit_once('/').unwrap();
    let url = format!("s3://{bucket}/test-{}", nanos());
    works(&TestEnv::new(), |cache| archive(endpoint, &url, cache));
}

#[test]
fn an_object_is_read_once_and_a_changed_one_is_found() {
    if is_without() {
        return;
    }
    let (s3, env) = (S3::start(), TestEnv::new());
    configure(&env, &archive(&s3.endpoint(), "s3://logs", "cache"));
    let mut server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(480, 300).as_bytes())
        .ok();
    let made = session(&env);
    let bytes = downloaded(&env, &made, "first.gz");
    let gets = |s3: &S3| s3.requests().get("GET").copied().unwrap_or_default();
    server.kill();
    erase(&env.path("cache"));
    server.start_again(&env, &SERVE);
    let before = gets(&s3);
    for file in ["a.gz", "b.gz", "c.gz"] {
        assert_eq!(downloaded(&env, &made, file), bytes);
    }
    let space = objects(&s3).len() as u64;
    let fetched = gets(&s3) - before;
    assert!(
        (1..=space).contains(&fetched),
        "{fetched} GETs of {space} objects"
    );

    let scrub = || env.run(&["admin", "scrub", "--data", "data"]);
    server.kill();
    scrub().ok();
    let scrubbed = objects(&s3);
    let victim = scrubbed.iter().max_by_key(|key| s3.get(key).unwrap().len());
    let victim = victim.unwrap();
    let sound = s3.get(victim).unwrap();
    let mut broken = sound.clone();
    *broken.last_mut().unwrap() ^= 1;
    s3.put(victim, &broken);
    let found = scrub();
    assert_eq!(found.code, 1, "{}", found.stdout);
    assert!(
        found.stdout.contains("do not match their SHA-256"),
        "{}",
        found.stdout
    );
    s3.remove(victim);
    let found = scrub();
    assert!(
        found.stdout.contains("its file is missing"),
        "{}",
        found.stdout
    );
    s3.put("logs/archive/domain=x/stranger", b"");
    let found = scrub();
    assert!(
        found.stdout.contains("does not know this file"),
        "{}",
        found.stdout
    );
    s3.remove("logs/archive/domain=x/stranger");
    // Readers see it as well, once they have no copy of their own.
    s3.put(victim, &broken);
    erase(&env.path("cache"));
    server.start_again(&env, &SERVE);
    let refused = env.run(&["download", "-o", "broken.gz", &made]);
    assert_ne!(refused.code, 0, "{}", refused.stderr);
    s3.put(victim, &sound);
    assert_eq!(downloaded(&env, &made, "mended.gz"), bytes);
}

#[test]
fn a_bucket_and_its_directory_are_not_mixed_up() {
    if is_without() {
        return;
    }
    let (s3, env) = (S3::start(), TestEnv::new());
    configure(&env, &archive(&s3.endpoint(), "s3://logs", "cache"));
    let serve = |data: &str, config: &[&str]| {
        let args = ["serve", "--listen", "127.0.0.1:0", "--data", data];
        env.run(&[&args[..], config].concat()).fails(1)
    };
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    let said = serve("other", &SERVE);
    assert!(said.contains("uses the cache directory"), "{said}");
    env.run_with(&["trail", "-q"], events(10, 300).as_bytes())
        .ok();
    session(&env);
    assert_eq!(server.stop(), Some(0));
    let said = serve("other", &SERVE);
    assert!(said.contains("choose an empty prefix"), "{said}");
    let said = serve("data", &[]);
    assert!(said.contains("its archive is in a bucket"), "{said}");
    for care in [
        &["admin", "backup", "--data", "data", "copy"][..],
        &["admin", "recover", "--data", "data", "--force"],
    ] {
        let said = env.run(care).fails(1);
        assert!(said.contains("is in a bucket"), "{said}");
    }
    assert!(!env.path("copy").exists());
    // A catalog is not made anew beside objects that it would not know.
    fs::rename(env.path("data/catalog.sqlite"), env.path("gone")).unwrap();
    let said = serve("data", &SERVE);
    assert!(said.contains("catalog.sqlite is missing"), "{said}");
    fs::rename(env.path("gone"), env.path("data/catalog.sqlite")).unwrap();
    let local = TestEnv::new();
    let server = Server::start(&local);
    local.log_in(&server);
    local
        .run_with(&["trail", "-q"], events(10, 300).as_bytes())
        .ok();
    session(&local);
    drop(server);
    let own = local.path("data").display().to_string();
    let said = serve(&own, &SERVE);
    assert!(said.contains("it has its own archive"), "{said}");
    // The control.
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    assert_eq!(server.stop(), Some(0));
}

/// A copy of the data directory that is older than the bucket adopts what the bucket has.
#[test]
fn a_directory_that_was_put_back_adopts_what_the_bucket_has() {
    if is_without() {
        return;
    }
    for is_put_back in [false, true] {
        let (s3, env) = (S3::start(), TestEnv::new());
        configure(&env, &archive(&s3.endpoint(), "s3://logs", "cache"));
        let mut server = Server::start_with(&env, &SERVE);
        env.log_in(&server);
        let send = |name: &str| {
            let text = events(240, 300).replace("\"event-", &format!("\"{name}-"));
            env.run_with(&["trail", "-q"], text.as_bytes()).ok();
            session(&env)
        };
        send("before");
        assert_eq!(server.stop(), Some(0));
        copy(&env.path("data"), &env.path("copy"));
        server = Server::start_with(&env, &SERVE);
        env.log_in(&server);
        send("after");
        assert_eq!(server.stop(), Some(0));
        if is_put_back {
            fs::remove_dir_all(env.path("data")).unwrap();
            fs::rename(env.path("copy"), env.path("data")).unwrap();
            fs::write(env.path("data/new-epoch"), "the copy came back").unwrap();
        }
        erase(&env.path("cache"));
        server = Server::start_with(&env, &SERVE);
        env.log_in(&server);
        assert_eq!(stored(&env), 480, "put back: {is_put_back}");
        let made = session(&env);
        downloaded(&env, &made, "all.gz");
        assert_eq!(server.stop(), Some(0));
    }
}

fn copy(from: &Path, to: &Path) {
    let copied = std::process::Command::new("cp")
        .arg("-a")
        .args([from, to])
        .status();
    assert!(copied.unwrap().success());
}

#[test]
fn wrong_settings_are_refused() {
    let env = TestEnv::new();
    for (store, word) in [
        ("archive = \"logs\"", "s3://BUCKET"),
        ("archive_endpoint = \"https://s3.example\"", "store.archive"),
        (
            "archive = \"s3://logs\"\narchive_endpoint = \"http://s3.example\"",
            "without TLS",
        ),
    ] {
        configure(&env, store);
        let said = env.run(&["serve", "--check-config", "--config", "atrail.toml"]);
        assert_eq!(said.code, 2, "{store}: {}", said.stderr);
        assert!(said.stderr.contains(word), "{}", said.stderr);
    }
    configure(&env, "archive = \"s3://logs\"");
    env.run(&["serve", "--check-config", "--config", "atrail.toml"])
        .ok();
}

#[test]
fn events_are_acknowledged_while_the_bucket_is_away() {
    if is_without() {
        return;
    }
    let (s3, env) = (S3::start(), TestEnv::new());
    configure(&env, &archive(&s3.endpoint(), "s3://logs", "cache"));
    let server = Server::start_with(&env, &SERVE);
    env.log_in(&server);
    s3.set_away(true);
    env.run_with(&["trail", "-q"], events(100, 300).as_bytes())
        .ok();
    std::thread::sleep(Duration::from_secs(3));
    assert_eq!(stored(&env), 100);
    assert!(objects(&s3).is_empty(), "the control");
    s3.set_away(false);
    let made = session(&env);
    downloaded(&env, &made, "later.gz");
    assert!(!objects(&s3).is_empty());
}

/// A server of the torture's, with its archive in this bucket.
fn tortured(s3: &S3) -> Program {
    let archive = archive(&s3.endpoint(), "s3://logs/t", "cache");
    Program {
        binary: env!("CARGO_BIN_EXE_atrail").into(),
        config: format!("[store]\n{archive}[log]\nlevel = \"warn\"\n"),
    }
}

/// Sends, deletes and makes sessions while requests to the bucket fail; kills the server twice; compares what is there
/// with what was promised.
fn promises_hold(faults: &[(S3Fault, u64)], seed: u64) {
    let (s3, dir, scratch) = (
        S3::start(),
        tempfile::tempdir().unwrap(),
        tempfile::tempdir().unwrap(),
    );
    give_credentials(scratch.path());
    let program = tortured(&s3);
    let ledger = Ledger::default();
    let mut server = program.start(dir.path(), scratch.path(), None).unwrap();
    s3.fail(faults, seed);
    for round in 0..2 {
        let client = server.client().unwrap();
        workload(&client, &ledger, 8, seed * 2 + round);
        server.kill();
        // What is read again comes from the bucket.
        fs::remove_dir_all(scratch.path().join("cache")).unwrap();
        server = program.start(dir.path(), scratch.path(), None).unwrap();
    }
    let client = server.client().unwrap();
    let before = nanos();
    let found = client.everything().unwrap();
    let injected = s3.injected();
    for (fault, _) in faults {
        assert!(
            injected.contains_key(fault),
            "the control: {fault:?} of {injected:?}"
        );
    }
    assert!(found.len() > 50, "the control: {} events", found.len());
    assert_eq!(ledger.check(&found, before), [""; 0], "{faults:?}");
    // The control: a lost event is noticed.
    assert_ne!(ledger.check(&found[1..], before), [""; 0]);
    server.stop();
}

#[test]
fn promises_hold_when_the_bucket_answers_with_errors() {
    if !is_without() {
        promises_hold(&[(S3Fault::Error500, 150), (S3Fault::SlowDown, 150)], 1);
    }
}

#[test]
fn promises_hold_when_connections_break() {
    if !is_without() {
        promises_hold(
            &[(S3Fault::ResetBefore, 100), (S3Fault::AnswerLost, 200)],
            2,
        );
    }
}

#[test]
fn promises_hold_when_writes_come_late() {
    if !is_without() {
        promises_hold(&[(S3Fault::LateReplay { after_millis: 700 }, 300)], 3);
    }
}

#[test]
fn promises_hold_when_reads_are_torn_and_listings_stale() {
    if !is_without() {
        let torn = [(S3Fault::CutGet, 300), (S3Fault::WrongBytes, 100)];
        promises_hold(&[&torn[..], &[(S3Fault::StaleList, 1000)]].concat(), 4);
    }
}
