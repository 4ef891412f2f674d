//! Days in words, and what is meant where little is said.

use std::fs;

use atrail_model::{Clock, Day, SystemClock};

use crate::env::{Server, TestEnv, events, finish, value};

/// Returns an event of this time.
fn at(time: &str) -> String {
    format!(
        "{{\"eventTime\":\"{time}\",\"action\":\"read\",\"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\"}}\n"
    )
}

/// Returns the day this many days ago, in UTC.
fn ago(days: u32) -> String {
    let today = Day::of(SystemClock.now()).unwrap();
    today.minus(days).to_string()
}

#[test]
fn a_nightly_download_holds_yesterday_and_nothing_else() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let sent = at(&format!("{}T00:00:01Z", ago(1))) + &at(&format!("{}T00:00:01Z", ago(0)));
    env.run_with(&["trail", "-q"], sent.as_bytes()).ok();
    let download = |file: &str, days: &[&str]| {
        let args = [&["download", "-q", "-o", file, "--as", "ndjson"][..], days].concat();
        env.run(&args).ok();
        fs::read_to_string(env.path(file)).unwrap()
    };
    let (yesterday, today) = (ago(1), ago(0));
    let night = download("night", &["--day", "yesterday"]);
    assert!(
        night.contains(&yesterday) && !night.contains(&today),
        "{night}"
    );
    // The control: a start alone runs to today.
    let both = download("both", &["-s", "1d"]);
    assert!(both.contains(&yesterday) && both.contains(&today), "{both}");
}

#[test]
fn words_for_days_mean_the_same_everywhere() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(6, 0).as_bytes()).ok();
    let made = env.run(&["session", "create", "--day", "2017-07"]).ok();
    assert_eq!(
        value(&made, "date-range"),
        r#"{"End":"2017-07-31","Start":"2017-07-01"}"#
    );
    let shown = env
        .run(&["status", "--day", "2017-07", "--format", "csv"])
        .ok();
    assert!(shown.contains("2017-07-24,6,"), "{shown}");
    let counted = env.run(&["delete", "--day", "2017-07", "--dry-run"]).ok();
    assert!(counted.contains("6 logs would be deleted"), "{counted}");
    // A whole month is two given ends; one end is not.
    env.run(&["delete", "-s", "2017-07", "--dry-run"]).fails(2);
    let said = env
        .run(&["status", "--day", "today", "-s", "today"])
        .fails(2);
    assert!(said.contains("cannot be used with"), "{said}");
    env.run(&["download", "-q", "-o", "F", "--day", "2017-07"])
        .ok();
    let proven = env.run(&["verify", "F", "--day", "2017-07"]);
    assert_eq!(proven.code, 0, "{}{}", proven.stdout, proven.stderr);
    env.run(&["verify", "F", "--day", "2017-08"]).fails(1);
}

#[test]
fn help_names_each_default() {
    let env = TestEnv::new();
    let help = |command: &str| {
        let help = env.run(&[command, "--help"]).ok();
        help.split_whitespace().collect::<Vec<_>>().join(" ")
    };
    for command in ["status", "download"] {
        assert!(
            help(command).contains("[default: today]"),
            "{}",
            help(command)
        );
    }
    assert!(help("status").contains("[default: 13 days before the last]"));
    assert!(help("download").contains("[default: the last day]"));
    assert!(!help("delete").contains("[default: today]"));
}

#[test]
fn the_only_space_of_a_user_is_targeted_by_itself() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let address = server.address.to_string();
    let login = ["login", "-a", &address, "-u", "admin", "--password-stdin"];
    let ran = env.run_with(&login, server.secret("password").as_bytes());
    assert!(
        ran.stderr
            .contains("Targeted: org default, space default (the only one that you may use)"),
        "{}",
        ran.stderr
    );
    ran.ok();
    env.run(&["status"]).ok();
    // A script has neither a login nor a target.
    fs::write(env.path("key.txt"), server.secret("api_key")).unwrap();
    let script = |args: &[&str]| {
        let mut command = env.command(args);
        command
            .env("XDG_CONFIG_HOME", env.path("home/none"))
            .env("ATRAIL_ENDPOINT", &address)
            .env("ATRAIL_API_KEY_FILE", env.path("key.txt"));
        finish(&mut command, b"")
    };
    script(&["status"]).ok();
    // Of two, neither is meant.
    env.run(&["admin", "space", "create", "dev"]).ok();
    let said = script(&["status"]).fails(2);
    assert!(said.contains("no space is targeted"), "{said}");
    env.run(&["status"]).ok();
}

#[test]
fn the_counts_of_an_account_can_be_told_apart_by_space() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run_with(&["trail", "-q"], events(6, 0).as_bytes()).ok();
    env.run(&["admin", "space", "create", "dev"]).ok();
    env.run(&["target", "-s", "dev"]).ok();
    let more = events(3, 0).replace("event-", "dev-");
    env.run_with(&["trail", "-q"], more.as_bytes()).ok();
    let own = events(2, 0).replace("event-", "own-");
    env.run_with(&["trail", "-q", "-a"], own.as_bytes()).ok();
    let by = ["status", "--day", "2017-07-24", "-a", "--by", "space"];
    let shown = env.run(&by).ok();
    let rows: Vec<(String, u64)> = shown
        .lines()
        .filter_map(|line| {
            let cells: Vec<_> = line.split('|').map(str::trim).collect();
            Some(((*cells.get(6)?).to_owned(), cells.get(2)?.parse().ok()?))
        })
        .collect();
    let of = |name: &str| {
        rows.iter()
            .find(|(space, _)| space == name)
            .map(|(_, count)| *count)
    };
    assert_eq!(rows.len(), 3, "{shown}");
    assert_eq!(of("default"), Some(6), "{shown}");
    assert_eq!(of("dev"), Some(3), "{shown}");
    assert_eq!(of("(account default)"), Some(2), "{shown}");
    let csv = env.run(&[&by[..], &["--format", "csv"]].concat()).ok();
    assert!(csv.contains(&server.secret("space")), "{csv}");
    let whole = env
        .run(&["status", "--day", "2017-07-24", "-a", "--format", "csv"])
        .ok();
    assert!(whole.contains("2017-07-24,11,"), "{whole}");
    env.run(&["status", "--by", "space"]).fails(2);
}
