use serde_json::{Value, json};

use super::*;

fn fixture(name: &str) -> Vec<u8> {
    let dir = concat!(
        env!("CARGO_MANIFEST_DIR"),
        "/../atrail-evidence/tests/fixtures/"
    );
    std::fs::read(format!("{dir}{name}")).unwrap()
}

fn text(name: &str) -> String {
    String::from_utf8(fixture(name)).unwrap()
}

fn of_file(argument: &Value, file: &[u8]) -> Value {
    serde_json::from_str(&verify(&argument.to_string(), file)).unwrap()
}

fn of_proof(argument: &Value) -> Value {
    serde_json::from_str(&prove(&argument.to_string())).unwrap()
}

#[test]
fn a_download_is_judged_in_words() {
    let file = fixture("events.json.gz");
    let mut argument = json!({
        "receipt": text("events.json.gz.receipt"),
        "key": text("key"),
        "since": text("earlier.json.gz.receipt"),
    });
    let answer = of_file(&argument, &file);
    assert_eq!(
        (&answer["outcome"], &answer["code"]),
        (&json!("proven"), &json!(0))
    );
    assert_eq!(
        (&answer["events"], &answer["bytes"]),
        (&json!(1044), &json!(file.len()))
    );
    let lines = answer["text"].as_str().unwrap();
    assert!(lines.starts_with("OK          account 0a11 "), "{lines}");

    let mut changed = file.clone();
    changed.truncate(file.len() - 9);
    let answer = of_file(&argument, &changed);
    assert_eq!(
        (&answer["outcome"], &answer["code"]),
        (&json!("failed"), &json!(1))
    );
    assert!(
        answer["text"].as_str().unwrap().starts_with("TRUNCATED"),
        "{answer}"
    );

    argument["key"] = Value::Null;
    let answer = of_file(&argument, &file);
    assert_eq!(
        (&answer["outcome"], &answer["code"]),
        (&json!("inconclusive"), &json!(3))
    );

    argument["receipt"] = json!("nothing");
    argument["file"] = json!("events.json.gz");
    let answer = of_file(&argument, &file);
    assert_eq!(answer["code"], 1);
    let error = "could not verify events.json.gz: the receipt cannot be used: ";
    assert!(
        answer["error"].as_str().unwrap().starts_with(error),
        "{answer}"
    );
}

#[test]
fn a_proof_is_judged_in_words() {
    let event: Value = of_proof(&json!({"proof": text("event.proof"), "keys": [text("key")]}));
    assert_eq!(
        (&event["outcome"], &event["code"]),
        (&json!("proven"), &json!(0))
    );
    assert!(
        event["text"]
            .as_str()
            .unwrap()
            .starts_with("OK          space 5bace1 ")
    );
    let line = event["event"].as_str().unwrap();
    let with = |line: &str| {
        let event = STANDARD.encode(line);
        of_proof(&json!({"proof": text("event.proof"), "keys": [text("key")], "event": event}))
    };
    assert_eq!(with(line), event);
    let of_another = with(&format!("{line} "));
    assert_eq!(
        (&of_another["outcome"], &of_another["code"]),
        (&json!("failed"), &json!(1))
    );

    let unpinned = of_proof(&json!({"proof": text("event.proof")}));
    assert_eq!(
        (&unpinned["outcome"], &unpinned["code"]),
        (&json!("inconclusive"), &json!(3))
    );
    let none = of_proof(&json!({"proof": "none", "file": "event.proof"}));
    let error = "not proven: event.proof: the proof does not hold: it is no C2SP tlog-proof";
    assert_eq!((&none["code"], &none["error"]), (&json!(1), &json!(error)));
}

#[test]
fn a_wrong_call_judges_nothing() {
    let receipt = text("events.json.gz.receipt");
    for argument in [
        json!({}),
        json!({"receipt": receipt, "vkey": text("key")}),
        json!({"receipt": receipt, "key": "k"}),
        json!({"receipt": receipt, "contains": "{}"}),
    ] {
        let answer = of_file(&argument, b"");
        assert_eq!(
            (&answer["outcome"], &answer["code"]),
            (&json!("usage"), &json!(2)),
            "{argument}"
        );
    }
    for argument in [
        json!({}),
        json!({"proof": "", "key": "k"}),
        json!({"proof": "", "event": "?"}),
    ] {
        assert_eq!(of_proof(&argument)["outcome"], "usage", "{argument}");
    }
}
