//! Every spelling in the original's reference, typed under the tools' names.

use std::fs;

use crate::env::{Ran, Server, TestEnv, events, typed, value};

const TOOLS: [&str; 3] = ["bx", "ibmcloud", "cf"];
/// Every spelling of the plugin's commands.
const PLUGINS: [&str; 5] = [
    "bx cf at",
    "bx at",
    "ibmcloud cf at",
    "ibmcloud at",
    "cf at",
];
const DAY: &str = "2017-07-24";

pub(crate) fn log_in(env: &TestEnv, server: &Server, tool: &str) {
    let line = format!(
        "{tool} login -a {} -u admin --password-stdin",
        server.address
    );
    typed(env, &line, server.secret("password").as_bytes()).ok();
    let shown = typed(env, &format!("{tool} target -o default -s default"), b"").ok();
    assert_eq!(value(&shown, "space"), "default");
}

#[test]
fn every_help_form_is_an_answer() {
    let env = TestEnv::new();
    for plugin in PLUGINS {
        let tool = plugin.split_once(' ').unwrap().0;
        let whole = typed(&env, plugin, b"").ok();
        assert!(
            whole.contains(&format!("Usage: {plugin} ")),
            "{plugin}: {whole}"
        );
        for (line, usage) in [
            (tool.to_owned(), format!("Usage: {tool} ")),
            (format!("{tool} -h"), format!("Usage: {tool} ")),
            (format!("{tool} help"), format!("Usage: {tool} ")),
            (format!("{tool} help login"), format!("Usage: {tool} login")),
            (format!("{plugin} -h"), format!("Usage: {plugin} ")),
            (format!("{plugin} --help"), format!("Usage: {plugin} ")),
            (format!("{plugin} help"), format!("Usage: {plugin} ")),
            (
                format!("{plugin} help status"),
                format!("Usage: {plugin} status"),
            ),
            (
                format!("{plugin} status -h"),
                format!("Usage: {plugin} status"),
            ),
            (
                format!("{plugin} status --help"),
                format!("Usage: {plugin} status"),
            ),
            (
                format!("{plugin} session"),
                format!("Usage: {plugin} session "),
            ),
            (
                format!("{plugin} session -h"),
                format!("Usage: {plugin} session "),
            ),
            (
                format!("{plugin} session help"),
                format!("Usage: {plugin} session "),
            ),
            (
                format!("{plugin} help session"),
                format!("Usage: {plugin} session "),
            ),
            (
                format!("{plugin} session help create"),
                format!("Usage: {plugin} session create"),
            ),
            (
                format!("{plugin} help session create"),
                format!("Usage: {plugin} session create"),
            ),
            (
                format!("{plugin} session create -h"),
                format!("Usage: {plugin} session create"),
            ),
            (
                format!("{plugin} --help status"),
                format!("Usage: {plugin} status"),
            ),
            (
                format!("{plugin} -h session create"),
                format!("Usage: {plugin} session create"),
            ),
            (
                format!("{plugin} status help"),
                format!("Usage: {plugin} status"),
            ),
            (
                format!("{plugin} session create help"),
                format!("Usage: {plugin} session create"),
            ),
            (
                format!("{plugin} delete help"),
                format!("Usage: {plugin} delete"),
            ),
            (format!("{tool} login help"), format!("Usage: {tool} login")),
            (
                format!("{tool} --help login"),
                format!("Usage: {tool} login"),
            ),
        ] {
            let help = typed(&env, &line, b"").ok();
            assert!(help.contains(&usage), "{line}: {help}");
        }
    }
}

#[test]
fn help_lists_only_what_is_there_and_speaks_as_the_tool() {
    let env = TestEnv::new();
    for plugin in PLUGINS {
        let help = typed(&env, plugin, b"").ok();
        for there in [
            "status", "session", "download", "delete", "option", "trail", "search",
        ] {
            assert!(help.contains(&format!("\n  {there} ")), "{there}: {help}");
        }
        for foreign in [
            "serve",
            "quickstart",
            "admin",
            "context",
            "completions",
            "--format",
        ] {
            assert!(!help.contains(foreign), "{foreign}: {help}");
        }
    }
    for (line, example) in [
        ("bx cf at status -h", "\n  bx cf at status"),
        (
            "ibmcloud at session create -h",
            "\n  ibmcloud at session create -s",
        ),
        ("cf at download -h", "\n  cf at download -o"),
        ("bx login -h", "\n  bx login -a"),
        ("cf target -h", "\n  cf target -o"),
    ] {
        let help = typed(&env, line, b"").ok();
        assert!(help.contains(example), "{line}: {help}");
        assert!(!help.contains("atrail status"), "{help}");
    }
}

#[test]
fn the_version_is_answered() {
    let env = TestEnv::new();
    let version = format!("atrail {}\n", env!("CARGO_PKG_VERSION"));
    for start in PLUGINS.iter().chain(&TOOLS) {
        for flag in ["-v", "--version"] {
            assert_eq!(typed(&env, &format!("{start} {flag}"), b"").ok(), version);
        }
    }
}

#[test]
fn hints_speak_as_the_tool() {
    let env = TestEnv::new();
    for (line, hint) in [
        ("bx cf at status", "`bx login -a ENDPOINT -u USER`"),
        ("ibmcloud at status", "`ibmcloud login -a ENDPOINT -u USER`"),
        ("cf at status", "`cf login -a ENDPOINT -u USER`"),
        ("cf target", "`cf login -a ENDPOINT -u USER`"),
    ] {
        let said = typed(&env, line, b"").fails(4);
        assert!(said.contains(hint), "{line}: {said}");
    }
    let said = typed(&env, "bx cf at download -o F", b"").fails(2);
    assert!(said.contains("`bx cf at session list`"), "{said}");
    assert!(!said.contains("atrail"), "{said}");
}

#[test]
fn an_unknown_command_suggests_the_nearest() {
    let env = TestEnv::new();
    for (line, nearest) in [
        ("bx cf at stauts", "'status'"),
        ("bx cf at sesion list", "'session'"),
        ("bx cf at session creat", "'create'"),
        ("bx logn", "'login'"),
        ("bx status", "'bx cf at status'"),
        ("ibmcloud download", "'ibmcloud at download'"),
        ("cf trail", "'cf at trail'"),
        ("bx cf at status --strat today", "'--start'"),
    ] {
        let said = typed(&env, line, b"").fails(2);
        assert!(said.contains(nearest), "{line}: {said}");
    }
    for (args, nearest) in [
        (&["stauts"][..], "'status'"),
        (&["dowload"], "'download'"),
        (&["admin", "usr"], "'user'"),
    ] {
        let said = env.run(args).fails(2);
        assert!(said.contains(nearest), "{args:?}: {said}");
    }
}

/// A line after the plugin's name, and text that its output contains.
type Spoken = (&'static str, &'static str);

const LINES: &[Spoken] = &[
    ("trail -t cadf -f in.json", "VALUE"),
    ("trail --type cadf --file in.json", "VALUE"),
    ("trail -t auto -f in.json -a", "VALUE"),
    ("trail -f in.json", "VALUE"),
    ("trail -t CADF -f in.json", "VALUE"),
    ("trail -t Auto -f in.json", "VALUE"),
    ("trail --type KONG -f empty.json", "VALUE"),
    ("status", "SEARCHABLE"),
    ("status -s 2017-07-24", "2017-07-24"),
    ("status -s 2017-07-24 -e 2017-07-24", "2017-07-24"),
    ("status --start 2017-07-24 --end 2017-07-24", "2017-07-24"),
    ("status -a", "SEARCHABLE"),
    ("status --at-account-level", "SEARCHABLE"),
    ("session create", "date-range"),
    ("session create -s 2017-07-24", "date-range"),
    ("session create -e 2017-07-24", "\"End\":\"2017-07-24\""),
    (
        "session create -s 2017-07-24 -e 2017-07-24 -T 7",
        "date-range",
    ),
    (
        "session create --start 2017-07-24 --end 2017-07-24 --search-time 0-23",
        "date-range",
    ),
    ("session create -a", "\"AtAccountLevel\":true"),
    (
        "session create --at-account-level",
        "\"AtAccountLevel\":true",
    ),
    ("session list", "Access-time"),
    ("option", "RETENTION"),
    ("option -r 30", "30"),
    ("option --retention 30", "30"),
    ("option -r -1", "-1"),
    ("option -a", "RETENTION"),
    ("option -r -1 -a", "-1"),
    ("option -r -1 --at-account-level", "-1"),
    (
        "delete -s 2017-07-24 -e 2017-07-24 -T 7",
        "Deleted successfully",
    ),
    (
        "delete --start 2017-07-24 --end 2017-07-24",
        "Deleted successfully",
    ),
    (
        "delete -s 2017-07-24 -e 2017-07-24 -a --yes",
        "Deleted successfully",
    ),
];

#[test]
fn every_line_of_the_reference_runs_after_every_name() {
    for plugin in PLUGINS {
        let env = TestEnv::new();
        let server = Server::start(&env);
        log_in(&env, &server, plugin.split_once(' ').unwrap().0);
        fs::write(env.path("in.json"), events(6, 10)).unwrap();
        fs::write(env.path("empty.json"), "").unwrap();
        for (line, holds) in LINES {
            let ran = typed(&env, &format!("{plugin} {line}"), b"");
            assert_eq!(ran.code, 0, "{plugin} {line}: {}", ran.stderr);
            assert!(
                ran.stdout.contains(holds),
                "{plugin} {line}: {}",
                ran.stdout
            );
        }
        downloads(&env, plugin);
    }
}

fn downloads(env: &TestEnv, plugin: &str) {
    let run = |line: String| -> Ran { typed(env, &format!("{plugin} {line}"), b"") };
    run("trail -f in.json".into()).ok();
    let made = run(format!("session create -s {DAY} -e {DAY}")).ok();
    let id = value(&made, "id");
    assert_eq!(value(&run(format!("session show {id}")).ok(), "id"), id);
    for output in ["-o events.log", "--output events2.log"] {
        let ran = run(format!("download {output} {id}"));
        assert!(
            ran.stderr.ends_with("Download completed successfully\n"),
            "{}",
            ran.stderr
        );
        ran.ok();
    }
    assert_eq!(
        fs::read(env.path("events.log")).unwrap(),
        fs::read(env.path("events2.log")).unwrap()
    );
    let ended = run(format!("session delete {id}")).ok();
    assert!(ended.contains("Delete session success"), "{ended}");
}

#[test]
fn tokens_are_printed_as_the_tools_did() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    log_in(&env, &server, "bx");
    for line in ["bx iam oauth-tokens", "ibmcloud iam oauth-tokens"] {
        let shown = typed(&env, line, b"").ok();
        let (iam, uaa) = shown.trim().split_once('\n').unwrap();
        let token = iam.strip_prefix("IAM token:  Bearer ").unwrap();
        assert_eq!(token.split('.').count(), 3, "{line}");
        // The original's pages use this one.
        assert_eq!(uaa.strip_prefix("UAA token:  Bearer "), Some(token));
    }
    typed(&env, "bx logout", b"").ok();
    let said = typed(&env, "ibmcloud iam oauth-tokens", b"").fails(4);
    assert!(said.contains("`ibmcloud login"), "{said}");
}

#[test]
fn nothing_is_deleted_unasked_without_both_days_nor_of_an_account() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    log_in(&env, &server, "cf");
    typed(&env, "cf at trail", events(6, 10).as_bytes()).ok();
    let held = || typed(&env, &format!("cf at status -a -s {DAY} -e {DAY}"), b"").ok();
    let before = held();
    assert!(before.contains(DAY), "{before}");
    let both = format!("-s {DAY} -e {DAY}");
    for plugin in PLUGINS {
        for flags in [
            "",
            &format!("-s {DAY}"),
            &format!("-e {DAY}"),
            "-a",
            &format!("-s {DAY} -a"),
            &format!("{both} -a"),
            &format!("{both} --at-account-level"),
            &format!("{both} -T 0-23 -a"),
        ] {
            let line = format!("{plugin} delete {flags}");
            let said = typed(&env, &line, b"").fails(2);
            assert!(said.contains("--yes"), "{line}: {said}");
            assert_eq!(held(), before, "{line}");
        }
        let help = typed(&env, &format!("{plugin} delete --help"), b"").ok();
        for said in ["two weeks", "both days are given", "-a", "--yes"] {
            assert!(help.contains(said), "{said}: {help}");
        }
    }
    // The control: for a space, both days count as a yes; for an account, --yes does.
    let gone = typed(&env, &format!("cf at delete {both} -T 0"), b"").ok();
    assert!(gone.contains("1 logs were deleted"), "{gone}");
    let gone = typed(&env, &format!("cf at delete {both} -a --yes"), b"").ok();
    assert!(gone.contains("5 logs were deleted"), "{gone}");
}
