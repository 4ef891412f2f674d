use super::*;

type Seen<'a> = (
    &'static str,
    Option<&'a str>,
    Option<&'a str>,
    Result<&'a str, NoDocument>,
);

/// An item: action, index, id, and document.
type Owned = (
    String,
    Option<String>,
    Option<String>,
    Result<String, NoDocument>,
);

/// Returns the items of a body.
fn seen(body: &str) -> Vec<Owned> {
    let text = |bytes: &[u8]| String::from_utf8(bytes.to_vec()).unwrap();
    let items = items(body.as_bytes()).unwrap();
    items
        .map(|item| {
            (
                item.verb.name().to_owned(),
                item.index.as_deref().map(str::to_owned),
                item.id.as_deref().map(str::to_owned),
                item.document.map(text),
            )
        })
        .collect()
}

fn assert_seen(body: &str, expected: &[Seen<'_>]) {
    let expected: Vec<_> = (expected.iter())
        .map(|(verb, index, id, document)| {
            (
                (*verb).to_owned(),
                index.map(str::to_owned),
                id.map(str::to_owned),
                document.map(str::to_owned),
            )
        })
        .collect();
    assert_eq!(seen(body), expected, "{body}");
}

#[test]
fn each_action_has_its_document() {
    assert_seen(
        concat!(
            "{\"index\":{\"_index\":\"a\",\"_id\":\"1\"}}\n{\"n\":1}\n",
            "{\"create\":{}}\n{\"n\":2}\n",
            "{ \"create\" : null }\r\n{\"n\":3}\r\n",
            "{\"update\":{\"_id\":7,\"_type\":\"_doc\",\"routing\":\"x\"}}\n{\"doc\":{\"n\":4},\"doc_as_upsert\":true}\n",
            "{\"update\":{}}\n{\"script\":\"s\",\"upsert\":{\"n\":5}}\n",
            "{\"update\":{}}\n{\"script\":\"s\"}\n",
            "{\"delete\":{\"_index\":\"b\",\"_id\":\"9\"}}\n",
            "{\"index\":{\"_id\":\"a\\\"b\\u00fc\"}}\n{\"n\":6}",
        ),
        &[
            ("index", Some("a"), Some("1"), Ok("{\"n\":1}")),
            ("create", None, None, Ok("{\"n\":2}")),
            ("create", None, None, Ok("{\"n\":3}")),
            ("update", None, Some("7"), Ok("{\"n\":4}")),
            ("update", None, None, Ok("{\"n\":5}")),
            ("update", None, None, Ok("{\"script\":\"s\"}")),
            ("delete", Some("b"), Some("9"), Err(NoDocument::Deletes)),
            ("index", None, Some("a\"bü"), Ok("{\"n\":6}")),
        ],
    );
}

#[test]
fn blank_lines_stand_anywhere_and_nothing_need_stand_at_the_end() {
    assert_seen(
        "\n\n{\"index\":{}}\n\n{\"n\":1}\n\n  \n{\"index\":{}}\n{\"n\":2}",
        &[
            ("index", None, None, Ok("{\"n\":1}")),
            ("index", None, None, Ok("{\"n\":2}")),
        ],
    );
    assert_seen("", &[]);
    assert_seen("\n \r\n", &[]);
    assert_seen(
        "{\"index\":{}}\n{\"n\":1}\n{\"create\":{\"_id\":\"z\"}}\n",
        &[
            ("index", None, None, Ok("{\"n\":1}")),
            ("create", None, Some("z"), Err(NoDocument::Missing)),
        ],
    );
}

#[test]
fn a_damaged_line_costs_no_other_document() {
    assert_seen(
        "{\"index\":{}}\n{\"n\":\nbroken}\n{\"index\":{}}\nno JSON\n",
        &[
            ("index", None, None, Ok("{\"n\":")),
            ("index", None, None, Ok("broken}")),
            ("index", None, None, Ok("no JSON")),
        ],
    );
}

#[test]
fn a_body_that_begins_with_no_action_is_no_bulk_body() {
    for body in [
        "{\"n\":1}\n",
        "[]",
        "x",
        "{}\n{}\n",
        "{\"index\":{},\"create\":{}}\n",
        "{\"index\":7}\n{}\n",
        "{\"remove\":{}}\n{}\n",
    ] {
        assert!(items(body.as_bytes()).is_err(), "{body}");
    }
}

#[test]
fn names_of_other_kinds_name_nothing() {
    assert_seen(
        "{\"index\":{\"_id\":\"\",\"_index\":[1]}}\n{}\n{\"index\":{\"_id\":null}}\n{}\n{\"index\":{\"_id\":-2.5}}\n{}\n",
        &[
            ("index", None, None, Ok("{}")),
            ("index", None, None, Ok("{}")),
            ("index", None, Some("-2.5"), Ok("{}")),
        ],
    );
}
