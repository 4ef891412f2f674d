//! Every command that prints data also prints it for programs, with the keys that `docs/CLI.md` lists.

use serde_json::Value;

use crate::env::{Server, TestEnv, events, finish};

/// Returns the rows of the page's table: command, JSON members, CSV columns.
fn promised() -> Vec<[String; 3]> {
    let page = include_str!("../../../../docs/CLI.md");
    let table = page.split("## Keys").nth(1).unwrap();
    let table = table.split("\n## ").next().unwrap();
    let rows = table.lines().filter(|line| line.starts_with("| `"));
    rows.map(|row| {
        let cells: Vec<_> = row.trim_matches('|').split('|').collect();
        [0, 1, 2].map(|index| cells[index].trim().trim_matches('`').to_owned())
    })
    .collect()
}

fn keys(value: &Value) -> Vec<String> {
    value.as_object().unwrap().keys().cloned().collect()
}

fn sorted(text: &str) -> Vec<String> {
    let mut words: Vec<_> = text.split(' ').map(str::to_owned).collect();
    words.sort();
    words
}

#[test]
fn every_command_prints_the_promised_keys() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let sent = events(3, 0);
    env.run_with(&["trail", "-q"], sent.as_bytes()).ok();
    let id = env.run(&["session", "create", "-q"]).ok();
    env.run(&["admin", "ingest-key", "create", "ingest", "-q"])
        .ok();
    let rows = promised();
    assert!(rows.len() >= 20, "{rows:?}");
    for [command, members, columns] in &rows {
        let command = command.replace("ID", id.trim());
        let file = env.path("events.json.gz");
        let command = command.replace("events.json.gz", file.to_str().unwrap());
        if command == "hold list" {
            env.run(&["hold", "set", "--reason", "a case"]).ok();
        }
        let run = |format: &str| {
            let mut args: Vec<&str> = command.split(' ').collect();
            args.extend(["--format", format]);
            env.run_with(&args, sent.as_bytes()).ok()
        };
        let whole: Value = serde_json::from_str(&run("json")).unwrap();
        let first = whole.get(0).unwrap_or(&whole);
        let mut found = keys(first);
        found.sort();
        assert_eq!(found, sorted(members), "{command}: JSON");
        let lines = run("jsonl");
        let first: Value = serde_json::from_str(lines.lines().next().unwrap()).unwrap();
        let mut found = keys(&first);
        found.sort();
        assert_eq!(found, sorted(members), "{command}: JSON lines");
        let csv = run("csv");
        assert_eq!(
            csv.lines().next().unwrap(),
            columns.replace(' ', ","),
            "{command}: CSV"
        );
    }
}

#[test]
fn a_format_for_the_answer_is_not_one_for_the_events() {
    let env = TestEnv::new();
    for args in [
        &["download", "-s", "today", "--format", "json"][..],
        &["download", "-s", "today", "-o", "-", "--format", "csv"],
    ] {
        let said = env.run(args).fails(2);
        assert!(said.contains("--as"), "{said}");
    }
}

#[test]
fn q_leaves_data_and_errors_alone() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let ran = env.run_with(&["trail", "-q"], events(3, 0).as_bytes());
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "")
    );
    let ran = env.run(&["session", "create", "-q"]);
    assert_eq!((ran.stdout.trim().len(), ran.stderr.as_str()), (36, ""));
    let ran = env.run(&["download", "-q", "-s", "2017-07-24", "-o", "F"]);
    assert_eq!(
        (ran.code, ran.stdout.as_str(), ran.stderr.as_str()),
        (0, "", "")
    );
    assert!(
        env.run(&["status", "-q", "-s", "x"])
            .fails(2)
            .contains("error:")
    );
}

#[test]
fn every_variable_works() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let key = env.path("key.txt");
    std::fs::write(&key, server.secret("api_key")).unwrap();
    let endpoint = server.address.to_string();
    let all = [
        ("ATRAIL_ENDPOINT", endpoint.as_str()),
        ("ATRAIL_API_KEY_FILE", key.to_str().unwrap()),
        ("ATRAIL_ORG", "default"),
        ("ATRAIL_SPACE", "default"),
    ];
    let run = |left_out: &str, args: &[&str]| {
        let mut command = env.command(args);
        command.envs(all.into_iter().filter(|(name, _)| *name != left_out));
        finish(&mut command, b"")
    };
    run("", &["status"]).ok();
    run("ATRAIL_ENDPOINT", &["status"]).fails(4);
    run("ATRAIL_API_KEY_FILE", &["status"]).fails(4);
    // The only space needs no name.
    run("ATRAIL_SPACE", &["status"]).ok();
    run("", &["admin", "space", "create", "dev"]).ok();
    let said = run("ATRAIL_SPACE", &["status"]).fails(2);
    assert!(said.contains("ATRAIL_SPACE"), "{said}");
    // Without the organization, the name means the only space with it.
    run("ATRAIL_ORG", &["status"]).ok();

    env.log_in(&server);
    let mut command = env.command(&["status"]);
    let said = finish(command.env("ATRAIL_CONTEXT", "nowhere"), b"").fails(2);
    assert!(said.contains("nowhere"), "{said}");
    let name = endpoint.replace(':', "-");
    let mut command = env.command(&["status"]);
    finish(command.env("ATRAIL_CONTEXT", &name), b"").ok();
}

#[test]
fn roles_are_revoked_and_keys_ended() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let user = ["admin", "user", "create", "alice", "--password-stdin"];
    env.run_with(&user, b"correct horse battery staple\n").ok();
    let holding = [
        "--user",
        "alice",
        "--role",
        "developer",
        "--space",
        "default",
    ];
    let role = |word| env.run(&[&["admin", "role", word][..], &holding].concat());
    role("create").ok();
    assert!(role("revoke").ok().contains("Delete role success"));
    role("revoke").fails(1);
    let made = env
        .run(&["admin", "api-key", "create", "k", "--format", "json"])
        .ok();
    let made: Value = serde_json::from_str(&made).unwrap();
    let id = made["id"].as_str().unwrap();
    assert!(
        env.run(&["admin", "api-key", "show", "k"])
            .ok()
            .contains(id)
    );
    assert!(
        env.run(&["admin", "api-key", "delete", id])
            .ok()
            .contains("success")
    );
    env.run(&["admin", "api-key", "show", "k"]).fails(1);
    for (kind, name) in [
        ("account", "default"),
        ("org", "default"),
        ("space", "default"),
        ("user", "alice"),
    ] {
        let shown = env.run(&["admin", kind, "show", name]).ok();
        assert!(shown.contains(name), "{shown}");
        env.run(&["admin", kind, "show", "nothing"]).fails(1);
    }
}

#[test]
fn completions_and_manual_pages_are_made() {
    let env = TestEnv::new();
    for shell in ["bash", "zsh", "fish", "powershell"] {
        let script = env.run(&["completions", shell]).ok();
        for word in ["atrail", "session", "download"] {
            assert!(script.contains(word), "{shell}: {word}");
        }
    }
    env.run(&["completions", "tcsh"]).fails(2);
    env.run(&["man", "pages"]).ok();
    for page in ["atrail.1", "atrail-status.1", "atrail-session-create.1"] {
        let text = std::fs::read_to_string(env.path("pages").join(page)).unwrap();
        assert!(
            text.contains(".SH NAME") && text.contains(".SH SYNOPSIS"),
            "{page}"
        );
    }
    let page = std::fs::read_to_string(env.path("pages/atrail-download.1")).unwrap();
    assert_eq!(page.matches(".ds Aq \\(aq").count(), 1, "{page}");
    for section in [".SH OPTIONS", ".SH EXAMPLES"] {
        assert!(page.contains(section), "{page}");
    }
    // The synopsis shows how a command is called: values, what is needed, and subcommands.
    let synopsis = |page: &str| {
        let text = std::fs::read_to_string(env.path("pages").join(page)).unwrap();
        let (_, synopsis) = text.split_once(".SH SYNOPSIS\n").unwrap();
        let (synopsis, _) = synopsis.split_once("\n.SH ").unwrap();
        let plain = synopsis.replace("\\fB", "").replace("\\fI", "");
        plain
            .replace("\\fR", "")
            .replace("\\-", "-")
            .replace("\\ ", " ")
    };
    for (page, shown) in [
        (
            "atrail-download.1",
            "atrail download [-o FILE] [-s DAY] [-e DAY] [--day DAY] [-T HOURS]",
        ),
        ("atrail-download.1", " [SESSION] [option of every command]"),
        (
            "atrail-admin-api-key-create.1",
            "atrail admin api-key create ",
        ),
        (
            "atrail-admin-role-create.1",
            "atrail admin role create --user USER --role ROLE [--account ACCOUNT]",
        ),
        (
            "atrail-admin-space-create.1",
            " [--organization ORGANIZATION] NAME ",
        ),
        (
            "atrail-admin.1",
            "atrail admin COMMAND [option of every command]",
        ),
    ] {
        let synopsis = synopsis(page);
        assert!(synopsis.contains(shown), "{page}: {synopsis}");
    }
}

#[test]
fn shells_and_man_understand_what_is_made_for_them() {
    let env = TestEnv::new();
    env.run(&["man", "pages"]).ok();
    let page = std::fs::read_to_string(env.path("pages/atrail-trail.1")).unwrap();
    assert!(
        page.contains(concat!("atrail ", env!("CARGO_PKG_VERSION"))),
        "{page}"
    );
    for shell in ["bash", "zsh", "fish"] {
        let script = env.path(shell);
        std::fs::write(&script, env.run(&["completions", shell]).ok()).unwrap();
        check(std::process::Command::new(shell).arg("-n").arg(script));
    }
    let page = env.path("pages/atrail-trail.1");
    check(
        std::process::Command::new("man")
            .args(["--warnings", "-E", "UTF-8", "-l"])
            .arg(page),
    );
}

/// Runs a checking program, which prints nothing on standard error when it finds no fault; reports when it is not
/// installed.
#[allow(
    clippy::print_stderr,
    reason = "a skipped check must not pass for a passed one"
)]
fn check(command: &mut std::process::Command) {
    let program = command.get_program().to_owned();
    match command.env("MANPAGER", "cat").output() {
        Ok(done) => assert!(
            done.status.success() && done.stderr.is_empty(),
            "{program:?}: {}",
            String::from_utf8_lossy(&done.stderr)
        ),
        Err(error) => eprintln!("not checked: {program:?} cannot be run: {error}"),
    }
}
