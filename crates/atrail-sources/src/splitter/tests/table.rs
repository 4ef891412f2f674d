//! Tests the features of a row, with a table of made-up formats: the engine knows no formats besides its table's.

use std::sync::LazyLock;

use atrail_model::limits::EVENT_MAX_BYTES;

use super::{Found, found};
use crate::formats::{Holds, Items, Lines, Name, Reading, Recognition, Wrapping};
use crate::members::{members, string};
use crate::split::candidate;
use crate::splitter::{Splitter, Step};
use crate::{Engine, Format, Framing, Reason, SourceKind, Strictness, Table};

/// `base` claims objects with an `at` that no other format claims; `ledger` comes in lists named `rows`; `boxed` is a
/// `ledger` in an envelope; for `plain`, every line is an item.
static ROWS: [Format; 4] = [
    Format {
        name: "base",
        kind: "base",
        wrappings: &[Wrapping {
            member: Name::quoted("\"all\""),
            holds: Holds::Events,
            unless: Name::quoted("\"at\""),
        }],
        ..Format::BLANK
    },
    Format {
        name: "ledger",
        kind: "ledger",
        object: Some(Recognition {
            telling: Name::quoted("\"booked\""),
            detect: |text| matches!(members(text, ["booked", "at"]), Ok([Some(_), None])),
        }),
        wrappings: &[Wrapping {
            member: Name::quoted("\"rows\""),
            holds: Holds::Events,
            unless: Name::quoted("\"booked\""),
        }],
        reading: Reading::Converted(|text| {
            let refuse = || Reason::NotConverted {
                format: "ledger",
                problem: "booked must be a string".to_owned(),
            };
            let [booked] = members(text, ["booked"]).map_err(|_| refuse())?;
            let booked = booked.and_then(string).ok_or_else(refuse)?;
            Ok(format!("{{\"at\":\"{booked}\"}}").into_bytes())
        }),
        ..Format::BLANK
    },
    Format {
        name: "boxed",
        kind: "ledger",
        wrappings: &[Wrapping {
            member: Name::quoted("\"box\""),
            holds: Holds::Event,
            unless: Name::quoted("\"at\""),
        }],
        ..Format::BLANK
    },
    Format {
        name: "plain",
        kind: "plain",
        lines: Some(Lines {
            begins: |line| line.starts_with(b"at="),
            items: Items::Single,
        }),
        reading: Reading::Converted(|text| match text.strip_prefix(b"at=") {
            Some(at) => Ok([b"{\"at\":\"", at, b"\"}"].concat()),
            None => Err(Reason::NotConverted {
                format: "plain",
                problem: "it must begin with at=".to_owned(),
            }),
        }),
        ..Format::BLANK
    },
];

static TABLE: LazyLock<Table> = LazyLock::new(|| Table::new(ROWS.to_vec()));

fn kind(name: &str) -> SourceKind {
    TABLE
        .iter()
        .find(|row| row.name == name)
        .map_or(SourceKind::Auto, SourceKind::Of)
}

/// Returns every item with the name of its origin, and checks that whole and chunked input agree.
fn items(text: &str, kind: SourceKind) -> Vec<(String, Found)> {
    let all = text.len().max(1);
    let [whole, chunked] = [all, 7].map(|chunk_bytes| {
        let mut splitter = Splitter::new(&TABLE, kind, Framing::Sniffed);
        let engine = Engine::of_table(&TABLE);
        let mut reader = engine.reader(kind, Strictness::Strict);
        let mut window = Vec::new();
        let mut chunks = text.as_bytes().chunks(chunk_bytes);
        let mut last = false;
        let mut items = Vec::new();
        loop {
            match splitter.step(&window, last) {
                Step::End => break items,
                Step::NeedMore => {
                    let released = splitter.release(&window);
                    window.drain(..released);
                    match chunks.next() {
                        Some(chunk) => window.extend_from_slice(chunk),
                        None => last = true,
                    }
                    assert!(window.len() <= EVENT_MAX_BYTES + 2 * all.min(4096) + chunk_bytes);
                }
                step => {
                    let item = candidate(&window, step, &mut reader).unwrap();
                    let origin = item.as_ref().map_or_else(
                        |_| "refused".to_owned(),
                        |candidate| candidate.origin.to_string(),
                    );
                    items.push((origin, found(item)));
                }
            }
        }
    });
    assert_eq!(whole, chunked);
    whole
}

fn texts(text: &str, kind: SourceKind) -> Vec<String> {
    let items = items(text, kind).into_iter();
    items
        .map(|(origin, (line, item))| match item {
            Ok(text) => format!("{line} {origin} {text}"),
            Err(error) => format!("{line} {origin} {error}"),
        })
        .collect()
}

#[test]
fn an_object_is_recognised_and_converted() {
    let text =
        "{\"at\":\"1\"}\n{\"booked\":\"2\"}\n{\"booked\":3}\n{\"booked\":\"4\",\"at\":\"5\"}";
    let expected = [
        "1 base {\"at\":\"1\"}",
        "2 ledger {\"at\":\"2\"}",
        "3 refused not a ledger event: booked must be a string",
        "4 base {\"booked\":\"4\",\"at\":\"5\"}",
    ];
    assert_eq!(texts(text, SourceKind::Auto), expected);
    let named = texts(text, kind("ledger"));
    assert_eq!(
        named[0],
        "1 refused not a ledger event: booked must be a string"
    );
    assert_eq!(named[3], "4 ledger {\"at\":\"4\"}");
    assert!(
        texts(text, kind("base"))
            .iter()
            .all(|item| item.contains(" base "))
    );
}

#[test]
fn each_format_has_a_list_of_its_own() {
    let text = "{\"rows\":[{\"booked\":\"1\"},\n{\"all\":[{\"at\":\"2\"}]}]}\n{\"rows\":[],\"booked\":\"3\"}";
    let expected = [
        "1 ledger {\"at\":\"1\"}",
        "2 base {\"at\":\"2\"}",
        "3 ledger {\"at\":\"3\"}",
    ];
    assert_eq!(texts(text, SourceKind::Auto), expected);
    let none = "{\"events\":[{\"booked\":\"1\"}]}";
    let expected = [format!("1 base {none}")];
    assert_eq!(texts(none, SourceKind::Auto), expected, "no row names it");
}

#[test]
fn an_envelope_holds_an_event_of_its_kind() {
    let text = "{\"box\":{\"booked\":\"1\"},\"to\":7}\n{\"box\":{},\"at\":\"2\"}";
    let expected = [
        "1 ledger {\"at\":\"1\"}",
        "2 base {\"box\":{},\"at\":\"2\"}",
    ];
    // The name that reveals the format is inside, so the engine inspects the envelope before it opens it.
    assert_eq!(texts(text, SourceKind::Auto), expected);
    assert_eq!(texts(text, kind("ledger"))[0], expected[0]);
}

#[test]
fn an_input_whose_first_line_says_so_is_read_by_lines() {
    let text = "\u{feff}\n  \nat=1\n{\"at\":\"2\"}\n[at=3]\r\n\nat=4";
    let expected = [
        "3 plain {\"at\":\"1\"}",
        "4 refused not a plain event: it must begin with at=",
        "5 refused not a plain event: it must begin with at=",
        "7 plain {\"at\":\"4\"}",
    ];
    assert_eq!(texts(text, SourceKind::Auto), expected);
    assert_eq!(texts(text, kind("plain")), expected);
    let later = texts("{\"at\":\"1\"}\nat=2", SourceKind::Auto);
    assert_eq!(later[..], ["1 base {\"at\":\"1\"}", "2 base at=2"]);
    assert_eq!(texts("\n", SourceKind::Auto), [""; 0]);
}

#[test]
fn a_line_that_is_too_large_costs_only_itself() {
    let long = "x".repeat(EVENT_MAX_BYTES);
    let text = format!("at=1\nat={long}\nat=3\nat={long}");
    let items = texts(&text, SourceKind::Auto);
    assert_eq!(items.len(), 4);
    assert_eq!(
        (&*items[0], &*items[2]),
        ("1 plain {\"at\":\"1\"}", "3 plain {\"at\":\"3\"}")
    );
    for (item, line) in [(&items[1], 2), (&items[3], 4)] {
        assert!(
            item.starts_with(&format!(
                "{line} refused the event that begins here is longer"
            )),
            "{item}"
        );
    }
}
