//! What people read when something is refused: it names what they have, what would do, and the next command.

use std::fs;

use serde_json::Value;

use crate::env::{Server, TestEnv, events, finish, value};
use crate::fake::{Answer, Fake};
use crate::proxy::{Behaviour, Proxy};

fn with_an_event() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(1, 0)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    (env, server)
}

/// Makes a user with this role of the space `default`, and logs in as that user.
fn log_in_as(env: &TestEnv, server: &Server, name: &str, role: &str) {
    let password = b"correct horse battery staple\n";
    let create = ["admin", "user", "create", name, "--password-stdin"];
    env.run_with(&create, password).ok();
    let grant = ["--user", name, "--role", role, "--space", "default"];
    env.run(&[&["admin", "role", "create"][..], &grant].concat())
        .ok();
    let address = server.address.to_string();
    let login = [
        "login",
        "-a",
        &address,
        "-u",
        name,
        "--password-stdin",
        "--context",
        name,
    ];
    env.run_with(&login, password).ok();
}

#[test]
fn hints_name_what_the_context_knows() {
    let (env, server) = with_an_event();
    env.run(&["logout"]).ok();
    let said = env.run(&["status"]).fails(4);
    let command = format!("`atrail login -a http://{} -u admin`", server.address);
    assert!(said.contains(&command), "{said}");
    let said = env.run(&["target"]).stderr;
    assert!(said.contains(&command), "{said}");
    // Nothing is known before the first login.
    let new = TestEnv::new();
    let said = new.run(&["status"]).fails(4);
    assert!(
        said.contains("`atrail login -a ENDPOINT -u USER`"),
        "{said}"
    );
}

#[test]
fn a_login_that_has_ended_is_said_to_have_ended() {
    let (env, server) = with_an_event();
    let name = format!("127.0.0.1-{}.json", server.address.port());
    let path = env.path("home/config/atrail/credentials").join(name);
    let mut tokens: Value = serde_json::from_slice(&fs::read(&path).unwrap()).unwrap();
    tokens["access_token"] = "expired".into();
    tokens["refresh_token"] = "used before".into();
    fs::write(&path, tokens.to_string()).unwrap();
    let said = env.run(&["status"]).fails(4);
    let address = server.address;
    assert_eq!(
        said,
        format!(
            "error: your login has ended: log in again\nhint: `atrail login -a http://{address} -u admin`\n"
        )
    );
}

#[test]
fn what_is_not_there_is_named_with_its_kind() {
    let (env, _server) = with_an_event();
    for (args, said) in [
        (
            &["admin", "space", "show", "sp1"][..],
            "there is no space \"sp1\" that you may see: `atrail admin space list`",
        ),
        (
            &["admin", "org", "show", "sp1"],
            "there is no organization \"sp1\" that you may see: `atrail admin org list`",
        ),
        (
            &["target", "-s", "sp1"],
            "there is no space \"sp1\" that you may see: `atrail admin space list`",
        ),
        (
            &["target", "--account", "sp1"],
            "there is no account \"sp1\" that you may see: `atrail admin account list`",
        ),
        (
            &["admin", "user", "delete", "sp1", "--yes"],
            "there is no user \"sp1\" that you may see: `atrail admin user list`",
        ),
    ] {
        let error = env.run(args).fails(1);
        assert!(error.contains(said), "{args:?}: {error}");
    }
}

#[test]
fn a_role_that_does_not_suffice_is_named_with_those_that_do() {
    let (env, server) = with_an_event();
    log_in_as(&env, &server, "ann", "auditor");
    // An auditor sees retention, and cannot set it.
    assert!(env.run(&["option"]).ok().contains("-1"));
    // -1 deletes nothing; 30 would delete the event, which an auditor cannot, either.
    for days in ["-1", "30"] {
        let said = env.run(&["option", "-r", days]).fails(4);
        assert!(
            said.contains(
                "your role auditor cannot set how long events are kept; an owner or a developer can"
            ),
            "{days}: {said}"
        );
    }
    let said = env.run(&["hold", "set", "--reason", "x"]).fails(4);
    assert!(
        said.contains("your role auditor cannot manage legal holds; an owner can"),
        "{said}"
    );
    let said = env.run_with(&["trail"], events(1, 0).as_bytes()).fails(4);
    assert!(
        said.contains("your role auditor cannot send events"),
        "{said}"
    );
    // A writer does not even see it.
    let first = format!("127.0.0.1-{}", server.address.port());
    env.run(&["context", "use", &first]).ok();
    log_in_as(&env, &server, "bob", "writer");
    let said = env.run(&["option"]).fails(4);
    assert!(
        said.contains("your role writer cannot see how long events are kept"),
        "{said}"
    );
}

#[test]
fn a_proxy_that_refuses_large_bodies_is_named() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    proxy.always(Behaviour {
        answer: Some(
            "HTTP/1.1 413 Payload Too Large\r\ncontent-length: 0\r\nconnection: close\r\n\r\n",
        ),
        ..Behaviour::default()
    });
    let said = env.run_with(&["trail"], events(1, 0).as_bytes()).fails(1);
    assert!(
        said.contains(
            "a proxy before the server refuses bodies of this size: it must take 64 MiB (docs/OPERATIONS.md)"
        ),
        "{said}"
    );
}

#[test]
fn org_create_goes_to_the_targeted_account() {
    let (env, _server) = with_an_event();
    env.run(&["admin", "account", "create", "second"]).ok();
    env.run(&["admin", "org", "create", "o2"]).ok();
    let shown = env.run(&["admin", "org", "show", "o2"]).ok();
    assert_eq!(value(&shown, "account"), "default");
}

#[test]
fn an_answer_that_is_no_atrail_server_is_no_crash() {
    let env = TestEnv::new();
    let fake = Fake::start(|_| Answer::Json(200, "[]".to_owned()));
    let address = fake.address.to_string();
    let args = ["login", "-a", &address, "-u", "x", "--password-stdin"];
    let said = finish(&mut env.command(&args), b"x").fails(1);
    assert!(said.contains("as an atrail server"), "{said}");
}
