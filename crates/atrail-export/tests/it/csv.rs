//! Every reader of RFC 4180 reads the rows back, and no spreadsheet runs them.

use std::collections::HashMap;

use atrail_export::{Columns, Options};
use proptest::prelude::*;
use serde_json::{Value, json};

use crate::support::{EVENT, events, export, export_with, with};

const HEADER: &str = "time,eventTime,id,eventType,action,outcome,severity,initiator.id,initiator.name,initiator.typeURI,\
initiator.host.address,initiator.host.agent,initiator.project_id,target.id,target.name,target.typeURI,target.project_id,\
observer.id,observer.name,observer.typeURI,reason.reasonCode,reason.reasonType,requestPath,message,event";

type Row = HashMap<String, String>;

/// Reads rows with an independent implementation.
pub(crate) fn rows(text: &str) -> Vec<Row> {
    let mut reader = csv::Reader::from_reader(text.as_bytes());
    reader.deserialize().map(Result::unwrap).collect()
}

fn row(line: &str) -> Row {
    rows(&export("csv", &[line]).unwrap()).remove(0)
}

#[test]
fn the_columns_are_a_promise() {
    assert_eq!(export("csv", &[""; 0]).unwrap(), format!("{HEADER}\r\n"));
    let text = export("csv", &[EVENT]).unwrap();
    let expected = concat!(
        r#"2017-10-19T19:07:50.320000000Z,2017-10-19T19:07:50.32+0000,e1,activity,create,success,,u1,"#,
        r#""Jo, ""the"" User",service/security/account/user,192.0.2.1,curl,,t1,'-,compute/machine,,o1,nova,,200,HTTP,/v1/x,,"#,
    );
    assert_eq!(
        text,
        format!(
            "{HEADER}\r\n{expected}\"{}\"\r\n",
            EVENT.replace('"', "\"\"")
        )
    );
}

#[test]
fn columns_are_chosen_by_name_and_come_in_that_order() {
    let chosen = |list: &str| {
        let columns = list.parse().unwrap();
        let options = Options {
            columns,
            ..Options::default()
        };
        export_with("csv", options, &[EVENT]).unwrap()
    };
    assert_eq!(
        chosen("target.name,time,action"),
        "target.name,time,action\r\n'-,2017-10-19T19:07:50.320000000Z,create\r\n"
    );
    let line = EVENT.replace('"', "\"\"");
    assert_eq!(chosen("event,id"), format!("event,id\r\n\"{line}\",e1\r\n"));
    // All of them by name are what the default is.
    assert_eq!(chosen(HEADER), export("csv", &[EVENT]).unwrap());
    let wrong = |list: &str| list.parse::<Columns>().unwrap_err().to_string();
    assert_eq!(
        wrong("id,nobody"),
        format!(
            "there is no column \"nobody\"; the columns are {}",
            HEADER.replace(',', ", ")
        )
    );
    for list in ["", "id,", "id, action", "ID"] {
        assert!(wrong(list).starts_with("there is no column"), "{list}");
    }
    assert_eq!(wrong("id,action,id"), "the column id is named twice");
}

#[test]
fn values_of_any_kind_are_shown() {
    let row = row(&with(
        "reason",
        json!({"reasonCode": "404", "reasonType": [1, {"a": null}]}),
    ));
    assert_eq!(row["reason.reasonCode"], "404");
    assert_eq!(row["reason.reasonType"], r#"[1,{"a":null}]"#);
    let row = self::row(&with("initiator", json!("nobody")));
    assert_eq!(row["initiator.id"], "");
    let row = self::row(&with("severity", Value::Null));
    assert_eq!(row["severity"], "");
    let row = self::row(&with("message", json!(-1.5)));
    assert_eq!(row["message"], "'-1.5");
}

#[test]
fn ids_outside_their_resource_count_when_it_has_none() {
    let line = r#"{"eventTime":"x","initiatorId":"i","targetId":"t","observer":{"id":null},"observerId":"o"}"#;
    let row = row(line);
    assert_eq!(
        [
            "time",
            "eventTime",
            "initiator.id",
            "target.id",
            "observer.id"
        ]
        .map(|name| row[name].as_str()),
        ["", "x", "i", "t", "o"]
    );
}

#[test]
fn escapes_and_duplicates_are_resolved() {
    let row = row(
        r#"{"id":"a","\u0069d":"\u003d1\n\ud800","initiator":{"name":"x"},"initiator":{"id":"y"}}"#,
    );
    assert_eq!(row["id"], "'=1\n\u{fffd}\u{fffd}\u{fffd}");
    assert_eq!((&*row["initiator.name"], &*row["initiator.id"]), ("", "y"));
}

/// Returns the expected cell: the text, with an apostrophe before a possible formula.
fn harmless(text: &str) -> String {
    let text = text.replace('\0', "\u{fffd}");
    let strip = |c: char| c.is_whitespace() || c.is_control() || "'\"\u{feff}\u{200b}".contains(c);
    let runs = text
        .trim_start_matches(['\'', '"'])
        .starts_with(['\t', '\r', '\n'])
        || text
            .trim_start_matches(strip)
            .starts_with(['=', '+', '-', '@', '＝', '＋', '－', '＠']);
    if runs { format!("'{text}") } else { text }
}

proptest! {
    #[test]
    fn any_event_is_read_back_and_nothing_runs(lines in events()) {
        let rows = rows(&export("csv", &lines).unwrap());
        prop_assert_eq!(rows.len(), lines.len());
        for (row, line) in rows.iter().zip(&lines) {
            prop_assert_eq!(&row["event"], line, "the last column is the stored line");
            prop_assert_eq!(&row["time"], "2017-09-17T15:15:32.396000000Z");
            for (name, cell) in row {
                prop_assert!(!cell.starts_with(['=', '+', '-', '@', '\t', '\r', '\n']), "{name}: {cell:?}");
            }
            let event: Value = serde_json::from_str(line).unwrap();
            for name in ["id", "action", "requestPath"] {
                let expected = match &event[name] {
                    Value::Null => String::new(),
                    Value::String(text) => harmless(text),
                    other => harmless(&other.to_string()),
                };
                prop_assert_eq!(&row[name], &expected);
            }
        }
    }

    #[test]
    fn the_apostrophe_can_be_taken_off_again(text in crate::support::text()) {
        let cell = &row(&with("id", json!(text)))["id"];
        let back = match cell.strip_prefix('\'') {
            Some(rest) if harmless(rest) != rest => rest,
            _ => cell,
        };
        prop_assert_eq!(back, text.replace('\0', "\u{fffd}"));
    }
}
