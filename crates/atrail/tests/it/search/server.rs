//! The server's answers, and that a download gives the same.

use std::fs;

use super::{ACTIONS, ACTORS, OUTCOMES, found, ids, pick, sample, search};
use crate::env::{Numbers, Server, TestEnv};
use crate::pty::at_terminal;

/// More than the days of the events: their own records of today are outside.
const TIMES: [&str; 4] = ["-s", "2017-07-22", "-e", "2017-07-26"];

/// Starts a server with events in two spaces and in the account's own domain.
fn with_three_domains() -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    env.run(&["admin", "space", "create", "two"]).ok();
    for (seed, count, args) in [
        (41, 300, &[][..]),
        (42, 200, &["-a"][..]),
        (43, 250, &["space two"][..]),
    ] {
        fs::write(env.path("in.json"), sample(seed, count)).unwrap();
        let mut command = env.command(&["trail", "-q", "-f", "in.json"]);
        match args {
            ["-a"] => command.arg("-a"),
            ["space two"] => command.env("ATRAIL_SPACE", "two"),
            _ => &mut command,
        };
        let ended = command.output().unwrap();
        assert!(ended.status.success(), "{ended:?}");
    }
    (env, server)
}

/// Returns a query that nobody chose.
fn query(numbers: &mut Numbers, depth: u64) -> String {
    let kind = match depth {
        0 => numbers.below(12),
        _ => numbers.below(16),
    };
    match kind {
        0 => format!("actor:{}", pick(numbers, &ACTORS)),
        1 => format!("action:\"{}\"", pick(numbers, &ACTIONS)),
        2 | 3 => format!("outcome:{}", pick(numbers, &OUTCOMES).to_uppercase()),
        4 => format!("target:bucket-{}", numbers.below(10)),
        5 => format!("from:10.{}.0.0/16", numbers.below(4)),
        6 => format!("requestData.size:>{}", numbers.below(5000)),
        7 => format!("requestData.size:[{} TO 4000]", numbers.below(4000)),
        8 => "action:/^cre|^del/".to_owned(),
        9 => format!("id:e-4?-{}*", numbers.below(10)),
        10 => format!("time:>=2017-07-24T{:02}:00:00Z", numbers.below(24)),
        11 => pick(
            numbers,
            &["zoë", "\"svc backup\"", "bucket", "_exists_:target.name"],
        )
        .to_owned(),
        12 => format!("-({})", query(numbers, depth - 1)),
        13 => format!(
            "({} OR {})",
            query(numbers, depth - 1),
            query(numbers, depth - 1)
        ),
        _ => format!(
            "({} {})",
            query(numbers, depth - 1),
            query(numbers, depth - 1)
        ),
    }
}

#[test]
fn a_download_answers_as_the_server_does() {
    let (env, _server) = with_three_domains();
    let days = ["-s", "2017-07-23", "-e", "2017-07-25"];
    for (file, args) in [("all.json.gz", &["-a"][..]), ("one.json.gz", &[][..])] {
        env.run(&[&["download", "-q", "-o", file], args, &days].concat())
            .ok();
    }
    let mut numbers = Numbers::new(44);
    let mut hits = Vec::new();
    for round in 0..40 {
        let query = query(&mut numbers, round % 3);
        let order = ["newest", "oldest"][numbers.below(2) as usize];
        let limit = [1, 10, 900][numbers.below(3) as usize].to_string();
        let args = ["--order", order, "--limit", &limit];
        let asked = [&["--", query.as_str()][..]].concat();
        for (file, scope) in [("all.json.gz", &["-a"][..]), ("one.json.gz", &[][..])] {
            let online = found(&env, &[scope, &TIMES, &args, &asked].concat());
            let files = [&TIMES[..], &args, &["--file", file], &asked].concat();
            let offline = found(&env, &files);
            assert_eq!(offline, online, "{query} {args:?} {file}");
            hits.push(online.len());
        }
    }
    assert!(
        hits.iter().filter(|hits| **hits > 0).count() > 40,
        "{hits:?}"
    );
    assert!(hits.iter().any(|hits| *hits > 100), "{hits:?}");
    // Counts, too.
    for counting in [
        &["--count"][..],
        &["--by", "actor"][..],
        &["--by", "initiator.host.address", "--limit", "5"][..],
        &["--by", "target.name"][..],
        &["--histogram", "day"][..],
        &["--histogram", "hour"][..],
    ] {
        let args = [counting, &["--format", "csv", "outcome:failure"], &TIMES].concat();
        let online = search(&env, &[&["-a"][..], &args].concat());
        let offline = search(&env, &[&args[..], &["--file", "all.json.gz"]].concat());
        let said = online.stderr.lines().next().unwrap_or_default().to_owned();
        assert!(
            offline.stderr.starts_with(&said),
            "{said}\n{}",
            offline.stderr
        );
        assert_eq!(offline.ok(), online.ok(), "{counting:?}");
    }
    // The control: what the server has since then is not in the file.
    env.run_with(&["trail", "-q"], sample(45, 1).as_bytes())
        .ok();
    let online = found(&env, &[&TIMES[..], &["--limit", "1000"]].concat());
    let offline = found(
        &env,
        &[&TIMES[..], &["--limit", "1000", "--file", "one.json.gz"]].concat(),
    );
    assert_eq!(online.len(), offline.len() + 1);
}

#[test]
fn every_way_gives_all_hits() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("in.json"), sample(51, 2500)).unwrap();
    env.run(&["trail", "-q", "-f", "in.json"]).ok();
    let all = found(&env, &[&["--all"][..], &TIMES].concat());
    assert_eq!(all.len(), 2500);
    // Answers of at most 1,000 follow each other.
    let ran = search(&env, &[&["--limit", "2400"][..], &TIMES].concat());
    assert!(
        ran.stderr
            .starts_with("2,400 of 2,500 events of 2017-07-22 to 2017-07-26 that match"),
        "{}",
        ran.stderr
    );
    let paged: Vec<_> = ran.ok().lines().map(str::to_owned).collect();
    assert_eq!(paged, all[..2400]);
    let ran = search(&env, &[&["-o", "all.ndjson"][..], &TIMES].concat());
    assert!(
        ran.stderr
            .starts_with("all.ndjson: 2,500 events of 2017-07-22"),
        "{}",
        ran.stderr
    );
    ran.ok();
    let written = fs::read_to_string(env.path("all.ndjson")).unwrap();
    assert_eq!(written.lines().collect::<Vec<_>>(), all);
    let csv = search(
        &env,
        &[&["--as", "csv", "--columns", "id"][..], &TIMES].concat(),
    )
    .ok();
    let in_csv: Vec<_> = csv.lines().skip(1).map(str::to_owned).collect();
    assert_eq!(in_csv, ids(&all));
    // The default shows a hundred, and says so.
    let ran = search(&env, &TIMES);
    assert!(
        ran.stderr.starts_with("100 of 2,500 events"),
        "{}",
        ran.stderr
    );
    assert_eq!(ran.ok().lines().count(), 100);
    let ran = search(&env, &[&["--explain", "actor:ann"][..], &TIMES].concat());
    assert!(
        ran.stderr.contains("\nthe query means: ")
            && ran.stderr.contains("\nread for the answer: "),
        "{}",
        ran.stderr
    );
    ran.ok();
}

#[test]
fn what_was_acknowledged_is_found_and_the_default_is_two_weeks() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let now = env.run(&["search", "action:delete"]);
    assert!(now.stderr.starts_with("no event of 20"), "{}", now.stderr);
    now.ok();
    let yesterday = chrono_day(&env);
    let event = sample(61, 1).replace("2017-07-", &format!("{}-", &yesterday[..7]));
    let event = event.replacen(
        &event[event.find("eventTime").unwrap() + 12..][..10],
        &yesterday,
        1,
    );
    env.run_with(&["trail", "-q"], event.as_bytes()).ok();
    let got = found(&env, &["id:e-61-0"]);
    assert_eq!(got, [event.trim_end()]);
    assert_eq!(
        search(
            &env,
            &[
                "--count",
                "id:e-61-0",
                "-s",
                "2017-01-01",
                "-e",
                "2017-12-31"
            ]
        )
        .ok(),
        "0\n"
    );
}

/// Returns yesterday, as the program reads it.
fn chrono_day(env: &TestEnv) -> String {
    let said = search(env, &["--day", "yesterday", "id:none"]).stderr;
    let day = said.strip_prefix("no event of ").unwrap();
    day[..10].to_owned()
}

#[test]
fn a_place_leads_to_the_event() {
    let (env, _server) = with_three_domains();
    env.run(&[
        "download",
        "-q",
        "-o",
        "all.json.gz",
        "-a",
        "-s",
        "2017-07-23",
        "-e",
        "2017-07-25",
    ])
    .ok();
    let args = [
        &["--places", "-a", "--limit", "5", "action:delete"][..],
        &TIMES,
    ]
    .concat();
    for line in found(&env, &args) {
        let place: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(place["sealed"], true, "{line}");
        assert!(
            place["segment"].is_string() && place["index"].is_u64(),
            "{line}"
        );
        assert_eq!(place["event"]["action"], "delete", "{line}");
    }
    let args = [
        "--places",
        "--limit",
        "1",
        "action:delete",
        "--file",
        "all.json.gz",
    ];
    let line = found(&env, &args).remove(0);
    let place: serde_json::Value = serde_json::from_str(&line).unwrap();
    assert_eq!(place["file"], "all.json.gz");
    let number = place["line"].as_u64().unwrap().to_string();
    env.run(&[
        "prove",
        "all.json.gz",
        "--line",
        &number,
        "-o",
        "event.proof",
    ])
    .ok();
    let proven = env
        .run(&["verify", "--proof", "event.proof", "--format", "json"])
        .ok();
    let proven: serde_json::Value = serde_json::from_str(&proven).unwrap();
    let event: serde_json::Value = serde_json::from_str(proven["event"].as_str().unwrap()).unwrap();
    assert_eq!(event, place["event"]);
}

#[test]
fn a_table_of_the_account_shows_whose_events_are() {
    let (env, _server) = with_three_domains();
    let args = [
        &["search", "-a", "--limit", "200", "action:delete"][..],
        &TIMES,
    ]
    .concat();
    let screen = at_terminal(&mut env.command(&args), 160, "").screen;
    for name in ["| default ", "| two ", "| (account default) "] {
        assert!(screen.contains(name), "{name}: {screen}");
    }
}

#[test]
fn who_may_not_read_finds_nothing() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    search(&env, &["action:delete"]).fails(4);
    env.log_in(&server);
    let said = search(&env, &["actor:(ann"]).fails(2);
    assert!(said.contains("\n  actor:(ann\n"), "{said}");
    drop(server);
    search(&env, &["action:delete"]).fails(5);
}

#[test]
fn a_field_that_few_events_have_is_named_where_nothing_matched() {
    let (env, _server) = with_three_domains();
    let ask = |query: &str, more: &[&str]| {
        let ran = env.run(&[&["search", query], more, &TIMES].concat());
        assert_eq!(ran.code, 0, "{}", ran.stderr);
        ran
    };
    for more in [&[][..], &["--count"]] {
        let said = ask("actr:Ann", more).stderr;
        assert!(
            said.contains("actr is neither a short name nor a member of CADF: did you mean actor?"),
            "{said}"
        );
        let said = ask("labels.app:web", more).stderr;
        assert!(
            said.contains("labels.app is neither") && !said.contains("did you mean"),
            "{said}"
        );
        // Controls: nothing is said of usual fields, nor where something matched.
        for query in [
            "actor:nobody-at-all",
            "requestData.colour:red",
            "actor:Ann OR actr:Ann",
        ] {
            let said = ask(query, more).stderr;
            assert!(!said.contains("is neither"), "{query}: {said}");
        }
    }
    assert_eq!(
        ask("who:Ann", &["--count"]).stdout,
        ask("actor:Ann", &["--count"]).stdout
    );
    assert_ne!(ask("who:Ann", &["--count"]).stdout, "0\n");
}
