//! The six steps of the original's guide, typed as printed there.

use std::fs;
use std::io::Read;

use flate2::read::MultiGzDecoder;

use crate::env::{Server, TestEnv, bx, events, value};

#[test]
fn the_originals_guide_runs_verbatim() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let day = "2017-07-24";
    fs::write(env.path("in.json"), events(6, 10)).unwrap();

    let login = format!("login -a {} -u admin --password-stdin", server.address);
    bx(&env, &login, server.secret("password").as_bytes()).ok();
    bx(&env, "target -o default -s default", b"").ok();
    let receipts = bx(&env, "cf at trail -t cadf -f in.json", b"").ok();
    assert!(receipts.starts_with(
        "+--------------------------------------+----------------------------------------------+\n\
         |                  ID                  |                    VALUE                     |\n"
    ));

    let status = bx(&env, &format!("cf at status -s {day} -e {day}"), b"").ok();
    insta::assert_snapshot!("guide_status", status);

    let created = bx(
        &env,
        &format!("cf at session create -s {day} -e {day}"),
        b"",
    )
    .ok();
    let id = value(&created, "id");
    let space = server.secret("space");
    assert_eq!(value(&created, "space"), space);
    assert_eq!(
        value(&created, "date-range"),
        r#"{"End":"2017-07-24","Start":"2017-07-24"}"#
    );
    assert_eq!(
        value(&created, "type-account"),
        r#"{"Type":"ActivityTracker"}"#
    );
    assert_eq!(created.lines().count(), 11, "{created}");
    assert_eq!(bx(&env, "cf at session list", b"").ok().lines().count(), 5);
    assert_eq!(
        value(
            &bx(&env, &format!("cf at session show {id}"), b"").ok(),
            "id"
        ),
        id
    );

    let said = bx(&env, &format!("cf at download -o events.log {id}"), b"");
    assert!(
        said.stderr.ends_with("Download completed successfully\n"),
        "{}",
        said.stderr
    );
    said.ok();
    let mut text = String::new();
    let gzip = fs::read(env.path("events.log")).unwrap();
    MultiGzDecoder::new(&gzip[..])
        .read_to_string(&mut text)
        .unwrap();
    let mut got: Vec<_> = text.lines().collect();
    let sent = events(6, 10);
    let mut expected: Vec<_> = sent.lines().collect();
    got.sort_unstable();
    expected.sort_unstable();
    assert_eq!(got, expected);

    let deleted = bx(&env, &format!("cf at session delete {id}"), b"").ok();
    insta::assert_snapshot!("guide_session_delete", deleted);
    let deleted = bx(&env, &format!("cf at delete -s {day} -e {day}"), b"").ok();
    let size: usize = sent.lines().map(str::len).sum();
    assert_eq!(
        deleted,
        format!("Deleted successfully\n\"6 logs were deleted, freeing {size} bytes.\"\n")
    );
}

#[test]
fn the_originals_help_is_answered() {
    let env = TestEnv::new();
    let help = bx(&env, "cf at", b"").ok();
    assert!(help.contains("Usage: bx cf at"), "{help}");
    assert_eq!(bx(&env, "cf at -h", b"").ok(), help.clone());
    assert!(
        bx(&env, "cf at help status", b"")
            .ok()
            .contains("bx cf at status")
    );
    assert!(
        bx(&env, "cf at session help create", b"")
            .ok()
            .contains("session create")
    );
    assert!(bx(&env, "cf at -v", b"").ok().starts_with("atrail "));
}
