//! `atrail admin recover`: a directory without its catalog serves the same lines again.

use std::fs;

use serde_json::Value;

use crate::damage::{files_below, flip};
use crate::env::{Server, TestEnv, events};

const DAY: [&str; 4] = ["-s", "2017-07-24", "-e", "2017-07-24"];

/// Returns the lines of a day, in the order of their text.
fn lines(env: &TestEnv, more: &[&str]) -> Vec<String> {
    let args = [&["download", "--as", "ndjson"][..], &DAY, more].concat();
    let mut lines: Vec<_> = env.run(&args).ok().lines().map(str::to_owned).collect();
    lines.sort();
    lines
}

fn recovered(env: &TestEnv) -> Vec<Value> {
    let args = ["admin", "recover", "--data", "data", "--format", "json"];
    serde_json::from_str(&env.run(&args).ok()).unwrap()
}

/// Stores sealed and unsealed events in a space and in the account, and then kills the server.
fn fixture() -> (TestEnv, [Vec<String>; 2], String) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let space = server.secret("space");
    let other = |text: &str| text.replace("event-", "account-");
    env.run_with(&["trail", "-q"], events(48, 50).as_bytes())
        .ok();
    env.run_with(&["trail", "-q", "-a"], other(&events(24, 50)).as_bytes())
        .ok();
    let sealed = [lines(&env, &[]), lines(&env, &["-a"])];
    let late = events(100, 20).replace("event-", "late-");
    env.run_with(&["trail", "-q"], late.as_bytes()).ok();
    drop(server);
    // The lines that a surviving server would have served, unsealed events included.
    let mut all = sealed;
    for lines in &mut all {
        lines.extend(late.lines().map(str::to_owned));
        lines.sort();
    }
    (env, all, space)
}

#[test]
fn the_same_lines_are_served_after_the_catalog_is_gone() {
    let (env, [in_space, in_account], space) = fixture();
    for suffix in ["", "-wal", "-shm"] {
        let _ = fs::remove_file(env.path(&format!("data/catalog.sqlite{suffix}")));
    }
    // No server starts afresh on an archive that it does not know.
    let said = env
        .run(&["serve", "--data", "data", "--listen", "127.0.0.1:0"])
        .fails(1);
    assert!(said.contains("admin recover"), "{said}");

    let domains = recovered(&env);
    assert_eq!(domains.len(), 2, "{domains:?}");
    let of = |kind: &str| {
        let found = domains
            .iter()
            .find(|row| row["domain"].as_str().unwrap().starts_with(kind));
        found.unwrap().clone()
    };
    // The sent events, which the test compares below, and the server's own records.
    assert!(of("space-")["events"].as_u64().unwrap() > 48);
    assert!(of("account-")["events"].as_u64().unwrap() > 24);
    assert_eq!(of("space-")["name"], format!("recovered-{}", &space[..8]));
    assert_eq!(env.run(&["admin", "scrub", "--data", "data"]).code, 0);

    let server = Server::start(&env);
    env.log_in_only(&server);
    env.run(&["target", "-o", "recovered", "-s", &space]).ok();
    assert_eq!(lines(&env, &[]), in_space);
    assert_eq!(lines(&env, &["-a"]), in_account);
}

#[test]
fn a_lost_credentials_file_only_means_roles_anew() {
    let (env, [in_space, _], space) = fixture();
    fs::remove_file(env.path("data/catalog.sqlite")).unwrap();
    fs::remove_file(env.path("data/initial-credentials.json")).unwrap();
    let account = recovered(&env)[0]["account"].as_str().unwrap().to_owned();
    let server = Server::start(&env);
    env.log_in_only(&server);
    let role = [
        "admin",
        "role",
        "create",
        "--user",
        "admin",
        "--role",
        "owner",
        "--account",
        &account,
    ];
    env.run(&role).ok();
    env.run(&["target", "-o", "recovered", "-s", &space]).ok();
    assert_eq!(lines(&env, &[]), in_space);
}

#[test]
fn a_catalog_that_is_refused_is_moved_aside_and_damage_stays_outside() {
    let (env, [in_space, _], space) = fixture();
    let said = env.run(&["admin", "recover", "--data", "data"]).fails(1);
    assert!(
        said.contains("is sound") && said.contains("--force"),
        "{said}"
    );
    let before = fs::read(env.path("data/catalog.sqlite")).unwrap();

    let catalog = env.path("data/catalog.sqlite");
    fs::write(&catalog, vec![7; 8192]).unwrap();
    // With its log, SQLite would repair the file.
    let _ = fs::remove_file(env.path("data/catalog.sqlite-wal"));
    let objects: Vec<_> = files_below(&env.path("data/archive"))
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains("domain=space-"))
        .collect();
    flip(&objects[5]);
    // A second copy of a segment, as a crash in the middle of a replacement leaves it.
    let twin = objects[8].with_file_name("ffffffff-ffff-7fff-bfff-ffffffffffff.ndjson.gz");
    fs::copy(&objects[8], &twin).unwrap();
    let ran = env.run(&["admin", "recover", "--data", "data"]);
    let name = objects[5].file_name().unwrap().to_str().unwrap();
    assert!(ran.stderr.contains(name), "{}", ran.stderr);
    assert!(
        ran.stderr
            .contains("1 objects were left outside, because other"),
        "{}",
        ran.stderr
    );
    assert!(ran.fails(1).contains("1 files were left outside"));
    assert!(objects[5].exists() && twin.exists());
    let aside: Vec<_> = files_below(&env.path("data"))
        .into_iter()
        .filter(|path| path.to_str().unwrap().contains(".lost-"))
        .collect();
    assert!(
        aside
            .iter()
            .any(|path| fs::read(path).unwrap() == vec![7; 8192]),
        "{aside:?}"
    );
    assert_ne!(before, fs::read(&catalog).unwrap());

    let server = Server::start(&env);
    env.log_in_only(&server);
    env.run(&["target", "-o", "recovered", "-s", &space]).ok();
    let served = lines(&env, &[]);
    // The log also held the two events of the damaged object, and restores them.
    assert_eq!(served, in_space);
    // A running server locks its directory.
    let said = env
        .run(&["admin", "recover", "--data", "data", "--force"])
        .fails(1);
    assert!(said.contains("a server uses"), "{said}");
}
