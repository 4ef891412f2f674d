//! What people read at the moments that stop them: the message says what happened, and what to do next.

use std::fs;
use std::process::Stdio;
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};
use serde_json::Value;

use crate::env::{Ran, Server, TestEnv, bx, events, finish, value};
use crate::fake::{Answer, Fake};
use crate::proxy::{Behaviour, Proxy};

const DAY: [&str; 2] = ["--day", "2017-07-24"];

fn with_events(count: usize, filler: usize) -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), events(count, filler)).unwrap();
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
fn a_download_says_what_it_brought() {
    let (env, _server) = with_events(1_734, 10);
    let args = [&["download", "-o", "audit.json.gz", "--verify"][..], &DAY].concat();
    let ran = env.run(&args);
    let bytes = fs::metadata(env.path("audit.json.gz")).unwrap().len();
    let kib = bytes as f64 / 1024.0;
    let line = ran
        .stderr
        .lines()
        .find(|line| line.contains("1,734 events"))
        .unwrap_or_else(|| panic!("{}", ran.stderr));
    let rest = line
        .strip_prefix("audit.json.gz: 1,734 events of 2017-07-24, ")
        .unwrap();
    let (size, receipt) = rest.split_once(". ").unwrap();
    assert_eq!(receipt, "Receipt: audit.json.gz.receipt");
    let said: f64 = size.strip_suffix(" KiB").unwrap().parse().unwrap();
    assert!((said - kib).abs() < 1.0, "{said} {kib}");
    assert!(
        ran.stderr.ends_with("Download completed successfully\n"),
        "{}",
        ran.stderr
    );
    ran.ok();
    // The original's spelling says what the original said.
    let day = "-s 2017-07-24 -e 2017-07-24";
    let id = bx(&env, &format!("cf at session create {day}"), b"").ok();
    let id = value(&id, "id");
    let said = bx(&env, &format!("cf at download -o events.log {id}"), b"").stderr;
    assert!(!said.contains("1,734"), "{said}");
    assert!(
        said.ends_with("\nDownload completed successfully\n"),
        "{said}"
    );
}

#[test]
fn a_download_of_nothing_warns() {
    let (env, _server) = with_events(1, 0);
    let args = [
        "download",
        "-q",
        "-o",
        "none.gz",
        "-s",
        "2016-01-01",
        "-e",
        "2016-01-02",
    ];
    let ran = env.run(&args);
    assert_eq!(
        ran.stderr,
        "warning: none.gz: there is no event of 2016-01-01 to 2016-01-02\n"
    );
    ran.ok();
    // The control.
    let ran = env.run(&[&["download", "-q", "-o", "one.gz"][..], &DAY].concat());
    assert_eq!(ran.stderr, "");
}

#[test]
fn an_interrupted_download_says_how_far_it_is_and_what_to_do() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(3_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let args = [&["download", "-o", "F"][..], &DAY].concat();
    proxy.always(Behaviour {
        rate: Some(400_000),
        ..Behaviour::default()
    });
    let child = env.command(&args).stderr(Stdio::piped()).spawn().unwrap();
    let part = || fs::metadata(env.path("F.part")).map_or(0, |part| part.len());
    while part() < 300_000 {
        std::thread::sleep(Duration::from_millis(20));
    }
    kill_process(Pid::from_child(&child), Signal::INT).unwrap();
    let output = child.wait_with_output().unwrap();
    assert_eq!(output.status.code(), Some(130));
    let said = String::from_utf8(output.stderr).unwrap();
    let last = said.lines().last().unwrap();
    let percent = last
        .strip_prefix("interrupted at ")
        .and_then(|rest| rest.strip_suffix(" %; run the same command again to resume"))
        .unwrap_or_else(|| panic!("{said}"));
    assert!(
        (1..100).contains(&percent.parse::<u32>().unwrap()),
        "{said}"
    );
    proxy.always(Behaviour::default());
    let again = env.run(&args);
    assert!(again.stderr.contains("resuming from"), "{}", again.stderr);
    again.ok();
}

#[test]
fn a_broken_connection_says_where_it_broke() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let proxy = Proxy::start(server.address);
    env.log_in_at(&server, proxy.address);
    fs::write(env.path("in.json"), events(3_000, 1_000)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let create = [&["session", "create", "-q"][..], &DAY].concat();
    let id = env.run(&create).ok();
    let mut count = 0;
    proxy.set(move || {
        count += 1;
        Behaviour {
            cut_after: (count == 1).then_some(1_500_000),
            ..Behaviour::default()
        }
    });
    let ran = env.run(&["download", "-o", "F", id.trim()]);
    let line = ran
        .stderr
        .lines()
        .find(|line| line.ends_with("; trying again"));
    let line = line.unwrap_or_else(|| panic!("{}", ran.stderr));
    assert!(line.starts_with("the connection broke at 1."), "{line}");
    assert!(line.contains(" of ") && line.contains(" MiB"), "{line}");
    assert!(!ran.stderr.contains("end of file"), "{}", ran.stderr);
    ran.ok();
}

#[test]
fn hints_name_what_the_context_knows() {
    let (env, server) = with_events(1, 0);
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
    let (env, server) = with_events(1, 0);
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
    let (env, _server) = with_events(1, 0);
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
    let (env, server) = with_events(1, 0);
    log_in_as(&env, &server, "ann", "auditor");
    // An auditor sees retention, and cannot set it.
    assert!(env.run(&["option"]).ok().contains("-1"));
    let said = env.run(&["option", "-r", "-1"]).fails(4);
    assert!(
        said.contains(
            "your role auditor cannot set how long events are kept; an owner or a developer can"
        ),
        "{said}"
    );
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
fn a_file_that_is_not_there_is_no_missing_receipt() {
    let env = TestEnv::new();
    let ran = env.run(&["verify", "nofile.gz"]);
    assert!(
        ran.stdout.contains("there is no file nofile.gz"),
        "{}",
        ran.stdout
    );
    let said = ran.fails(3);
    assert!(
        !said.contains("receipt") && !said.contains("Verifying"),
        "{said}"
    );
    // The control: a file without its receipt.
    fs::write(env.path("file.gz"), "x").unwrap();
    let ran = env.run(&["verify", "file.gz"]);
    assert!(ran.stdout.contains("file.gz.receipt"), "{}", ran.stdout);
    ran.fails(3);
}

#[test]
fn a_full_output_has_no_advice_about_downloads() {
    let (env, _server) = with_events(1, 0);
    let Ok(full) = fs::OpenOptions::new().write(true).open("/dev/full") else {
        return;
    };
    let output = env
        .command(&["status"])
        .stdout(full)
        .stderr(Stdio::piped())
        .output();
    let output = output.unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert_eq!(output.status.code(), Some(1));
    assert!(
        said.starts_with("error: could not write to standard output"),
        "{said}"
    );
    assert!(!said.contains("hint"), "{said}");
}

#[test]
fn a_download_that_cannot_begin_leaves_no_session() {
    let (env, _server) = with_events(1, 0);
    let sessions = || {
        env.run(&["session", "list", "--format", "jsonl"])
            .ok()
            .lines()
            .count()
    };
    // The record of what begins cannot be written: its temporary name is longer than a file system takes. A full disk
    // fails at the same place.
    let name = "F".repeat(245);
    let download = |name: &str| env.run(&[&["download", "-q", "-o", name][..], &DAY].concat());
    for _ in 0..3 {
        let said = download(&name).fails(1);
        assert!(said.contains("could not begin"), "{said}");
        assert_eq!(sessions(), 0);
    }
    assert!(!env.path(&name).exists());
    download("F").ok();
    assert_eq!(sessions(), 0);
}

#[test]
fn a_proof_has_no_other_format() {
    let (env, _server) = with_events(2, 0);
    env.run(&[&["download", "-q", "-o", "F"][..], &DAY].concat())
        .ok();
    let prove = ["prove", "F", "--line", "1"];
    env.run(&prove).ok();
    let said = env
        .run(&[&prove[..], &["--format", "json"]].concat())
        .fails(2);
    assert!(said.contains("--format cannot be used"), "{said}");
}

#[test]
fn a_server_with_a_certificate_that_does_not_fit_makes_nothing() {
    let env = TestEnv::new();
    let key = || rcgen::KeyPair::generate().unwrap();
    let (one, other) = (key(), key());
    let params = rcgen::CertificateParams::new(vec!["localhost".to_owned()]).unwrap();
    fs::write(env.path("a.pem"), params.self_signed(&one).unwrap().pem()).unwrap();
    fs::write(env.path("a.key"), one.serialize_pem()).unwrap();
    fs::write(env.path("b.key"), other.serialize_pem()).unwrap();
    let serve = |key: &str, more: &[&str]| -> Ran {
        let args = [
            "serve",
            "--data",
            "d",
            "--listen",
            "127.0.0.1:0",
            "--tls-cert",
            "a.pem",
        ];
        env.run(&[&args[..], &["--tls-key", key], more].concat())
    };
    for (key, words) in [
        (
            "b.key",
            "the key b.key does not belong to the certificate a.pem",
        ),
        ("nofile", "cannot read nofile"),
    ] {
        for more in [&["--check-config"][..], &[]] {
            let said = serve(key, more).fails(2);
            assert!(said.contains(words), "{key} {more:?}: {said}");
            assert!(!said.contains("KeyMismatch"), "{said}");
            assert!(!env.path("d").exists(), "{key} {more:?}");
        }
    }
    // The control.
    serve("a.key", &["--check-config"]).ok();
    assert!(!env.path("d").exists());
}

#[test]
fn an_evidence_name_that_is_not_the_keys_warns() {
    let env = TestEnv::new();
    drop(Server::start(&env));
    let log = || fs::read_to_string(env.path("server.log")).unwrap();
    assert!(!log().contains("evidence.name"), "{}", log());
    fs::write(
        env.path("c.toml"),
        "[evidence]\nname = \"audit.example.com\"\n",
    )
    .unwrap();
    drop(Server::start_with(&env, &["--config", "c.toml"]));
    assert!(log().contains("evidence.name is not the name"), "{}", log());
}

#[test]
fn org_create_goes_to_the_targeted_account() {
    let (env, _server) = with_events(1, 0);
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
