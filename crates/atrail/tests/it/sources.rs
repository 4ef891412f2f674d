//! `atrail sources`: the formats, and what a file would become, without a server.

use std::fs;

use serde_json::Value;

use crate::env::TestEnv;

const KUBERNETES: &str = r#"{"kind":"Event","apiVersion":"audit.k8s.io/v1","auditID":"a-1","stage":"ResponseComplete","verb":"delete","user":{"username":"eve"},"objectRef":{"resource":"pods","namespace":"till","name":"shop"},"responseStatus":{"code":200},"stageTimestamp":"2026-03-01T10:00:00Z"}"#;
const OWN: &str = r#"
[server]
listen = "127.0.0.1:0"

[[mapping]]
name = "till"
detect = [["till_event"]]
[mapping.event]
id = "till_event"
time = { path = "at", as = "ms" }
action = [{ path = "what", words = { sold = "create" } }, { path = "what", before = "unknown/" }]
[mapping.initiator]
id = "operator"
"#;

#[test]
fn a_file_shows_what_it_would_become() {
    let env = TestEnv::new();
    let nonsense = r#"{"message":"nothing known"}"#;
    fs::write(env.path("audit.log"), format!("{KUBERNETES}\n{nonsense}\n")).unwrap();
    let ran = env.run(&["sources", "test", "audit.log", "--format", "jsonl"]);
    assert!(
        ran.stderr.contains("1 generic, 1 kubernetes"),
        "{}",
        ran.stderr
    );
    let events: Vec<Value> = (ran.ok().lines())
        .map(|line| serde_json::from_str(line).unwrap())
        .collect();
    assert_eq!(events[0]["event"]["id"], "a-1/ResponseComplete");
    assert_eq!(events[0]["event"]["tags"][0], "mapping:kubernetes/1");
    assert_eq!(events[1]["format"], "generic");
    let table = env.run(&["sources", "test", "audit.log"]).ok();
    assert!(
        table.contains("kubernetes") && table.contains("shop"),
        "{table}"
    );

    let refused = env.run(&["sources", "test", "--strict", "audit.log"]);
    assert!(
        refused
            .stderr
            .contains("line 2 would be refused: eventTime is missing"),
        "{}",
        refused.stderr
    );
    refused.fails(1);
}

#[test]
fn mappings_of_a_configuration_are_used_and_checked() {
    let env = TestEnv::new();
    fs::write(env.path("atrail.toml"), OWN).unwrap();
    fs::write(
        env.path("till.log"),
        r#"{"till_event":"t-1","at":1772359200000,"what":"sold","operator":"ann"}"#,
    )
    .unwrap();
    let known = [
        "sources",
        "test",
        "--config",
        "atrail.toml",
        "-t",
        "till",
        "--format",
        "jsonl",
        "till.log",
    ];
    let event: Value = serde_json::from_str(env.run(&known).ok().trim()).unwrap();
    assert_eq!(event["event"]["action"], "create");
    assert_eq!(
        event["event"]["eventTime"],
        "2026-03-01T10:00:00.000000000Z"
    );
    let listed = env
        .run(&["sources", "list", "--config", "atrail.toml"])
        .ok();
    assert!(
        listed.contains("till") && listed.contains("kubernetes"),
        "{listed}"
    );
    let unknown = env
        .run(&["sources", "test", "-t", "till", "till.log"])
        .fails(2);
    assert!(
        unknown.contains("`till` is not a type of events"),
        "{unknown}"
    );

    for (from, to, reason) in [
        (
            "[[\"till_event\"]]",
            "[[\"till..event\"]]",
            "mapping 1 (`till`): detect: path `till..event`",
        ),
        ("words =", "word =", "line 11: unknown field `word`"),
    ] {
        fs::write(env.path("atrail.toml"), OWN.replace(from, to)).unwrap();
        let error = env
            .run(&["sources", "list", "--config", "atrail.toml"])
            .fails(2);
        assert!(error.contains(reason), "{error}");
        let error = env
            .run(&["serve", "--check-config", "--config", "atrail.toml"])
            .fails(2);
        assert!(error.contains(reason), "{error}");
    }
}
