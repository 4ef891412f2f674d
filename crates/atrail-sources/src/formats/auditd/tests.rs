use std::fmt::Write as _;

use serde_json::{Value, json};

use super::*;
use crate::{Engine, Framing, SourceKind, Strictness};

fn made(text: &str) -> Value {
    serde_json::from_slice(&object(text).unwrap()).unwrap()
}

#[test]
fn values_lose_their_quotes_and_their_digits() {
    let made = made(concat!(
        "type=SYSCALL msg=audit(1.002:3): arch=c000003e syscall=2 comm=226122200A key=6101620163 a0=7FFD acct=1000 ",
        "exe=\"/bin/it's\" tty=(none), subj=a:b:c0.c1\n",
        "type=EXECVE msg=audit(1.002:3): argc=2 a0=\"ls\" a1_len=8 a1[0]=\"/s\" a1[1]=7276 a2=FF\n",
        "type=SOCKADDR msg=audit(1.002:3): saddr=0A0001BB0000000020010DB800000000000000000000000700000000\n",
    ));
    assert_eq!(
        made,
        json!({
            "id": "1.002:3", "time": "1.002", "lead": "SYSCALL", "type": "SYSCALL", "call": "open",
            "fields": {
                "arch": "c000003e", "syscall": "2", "comm": "\"a\" \n", "key": "a,b,c",
                "a0": "7FFD", "acct": "1000", "exe": "/bin/it's", "subj": "a:b:c0.c1",
            },
            "command": "ls /srv \u{fffd}", "remote": "[2001:db8::7]:443",
        })
    );
}

#[test]
fn a_socket_may_be_a_path() {
    for (saddr, expected) in [
        ("01002F72756E2F78000000", Some("/run/x")),
        ("0100004142", Some("AB")),
        ("020000357F000035", Some("127.0.0.53:53")),
        ("02000035", None),
        ("0G", None),
        ("1", None),
        ("", None),
    ] {
        assert_eq!(numbers::address(saddr).as_deref(), expected, "{saddr}");
    }
}

#[test]
fn lines_of_one_event_are_joined_wherever_they_are() {
    let record = |kind: &str, at: u64, number: u64| {
        format!("type={kind} msg=audit({at}.000:{number}): pid={number} auid=7\n")
    };
    let one = record("SYSCALL", 10, 1) + &record("PATH", 10, 1) + &record("PROCTITLE", 10, 1);
    let texts = |body: &str| {
        let engine = Engine::embedded();
        let items = engine.split(body.as_bytes(), SourceKind::Auto, Framing::Sniffed);
        let made = items.as_strict_as(Strictness::Lenient).map(|item| {
            let item = item.unwrap();
            assert_eq!(item.origin.to_string(), "auditd");
            let event: Value = serde_json::from_slice(&item.text).unwrap();
            let content = event["attachments"][0]["content"].as_str().unwrap();
            (item.line, content.to_owned())
        });
        made.collect::<Vec<_>>()
    };
    // With the lines of another event between them.
    let other = record("SYSCALL", 10, 2);
    let mixed: String = one.lines().map(|line| format!("{line}\n{other}")).collect();
    let found = texts(&mixed);
    assert_eq!(found[0], (1, one.trim_end().to_owned()));
    assert_eq!(found[1], (2, other.repeat(3).trim_end().to_owned()));
    assert_eq!(found.len(), 2);
    // An event ends when another one is two seconds later, and its late lines are one of their own.
    let late = record("SYSCALL", 10, 1) + &record("SYSCALL", 12, 2) + &record("PATH", 10, 1);
    let lines: Vec<_> = texts(&late).into_iter().map(|(line, _)| line).collect();
    assert_eq!(lines, [1, 2, 3]);
    // No more than 64 events are open.
    let many: String = (0..200).fold(String::new(), |mut all, number| {
        write!(all, "{}", record("SYSCALL", 10, number)).unwrap();
        all
    });
    let found = texts(&(many + &record("PATH", 10, 199) + &record("PATH", 10, 0)));
    assert_eq!(found.len(), 201);
    assert_eq!(
        found.iter().filter(|(_, text)| text.contains('\n')).count(),
        1
    );
}

#[test]
fn what_is_no_record_is_refused() {
    for text in [
        "",
        "type=SYSCALL",
        "type=SYSCALL msg=audit(1:2)",
        "type=SYSCALL msg=audit(:2): ",
        "type=SYSCALL msg=audit(1.0): ",
        "type= msg=audit(1:2): ",
        "node=a",
        "type=A msg=audit(1:2): x\ntype=B msg=audit(1:3): x",
        "type=A msg=audit(18446744073709551615:2): x",
    ] {
        assert!(object(text).is_err(), "{text}");
    }
    assert!(object("node=a type=A msg=audit(1:2):").is_ok());
}
