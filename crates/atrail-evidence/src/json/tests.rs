use std::collections::BTreeMap;

use super::*;

#[test]
fn refuses_repeated_members_and_deep_nesting() {
    assert!(check(r#"{"a":[{"b":1,"c":null}],"b":{"a":15,"é":true}}"#).is_ok());
    for text in [
        r#"{"a":1,"a":1}"#,
        r#"{"x":[{"a":1,"\u0061":1}]}"#,
        r#"{"a":1} "#.repeat(2).as_str(),
        "[".repeat(17).as_str(),
        "",
    ] {
        assert!(check(text).is_err(), "{text}");
    }
    let deep = format!("{}{}", "[".repeat(17), "]".repeat(17));
    assert!(check(&deep).is_err());
    assert!(check(&deep[1..33]).is_ok());
}

#[test]
fn a_number_is_a_whole_one_in_one_spelling() {
    for number in [
        "0",
        "7",
        "-1",
        "18446744073709551615",
        "-9223372036854775808",
    ] {
        assert!(check(number).is_ok(), "{number}");
    }
    for number in [
        "-0",
        "+1",
        "01",
        "-01",
        "1.0",
        "1.",
        ".5",
        "1e3",
        "1E0",
        "1e400",
        "0x1",
        "1_0",
        "NaN",
        "Infinity",
        "18446744073709551616",
        "-9223372036854775809",
        "١",
        &"1".repeat(400),
    ] {
        assert!(check(number).is_err(), "{number}");
    }
}

#[test]
fn a_string_is_text_of_unicode() {
    for string in [
        r#""\ud83d\ude00""#,
        r#""\u0000\/\b\f""#,
        "\"\u{7f}\u{85}\u{feff}\"",
    ] {
        assert!(check(string).is_ok(), "{string}");
    }
    for string in [
        r#""\ud83d""#,
        r#""\ude00\ud83d""#,
        r#""\ud83dx""#,
        r#""\x41""#,
        r#""\u00e""#,
        "\"a\tb\"",
        "\"a",
        "'a'",
        "\u{feff}\"a\"",
        "\u{a0}\"a\"",
    ] {
        assert!(check(string).is_err(), "{string:?}");
    }
}

/// The forms that a derived deserializer would also accept, and another verifier would not.
#[test]
fn each_value_has_one_form() {
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Outer {
        inner: Inner,
        list: Vec<Inner>,
        map: BTreeMap<String, Inner>,
        maybe: Option<String>,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    struct Inner {
        kind: Kind,
        number: u8,
    }
    #[derive(Debug, PartialEq, serde::Deserialize)]
    #[serde(rename_all = "lowercase")]
    enum Kind {
        One,
    }
    let inner = r#"{"kind":"one","number":3}"#;
    let text = format!(
        r#"{{"inner":{inner},"list":[{inner}],"map":{{"a":{inner}}},"maybe":"b","unknown":[{{"a":[]}}]}}"#
    );
    let read = |text: &str| parse::<Outer>(text, "it");
    assert!(read(&text).is_ok(), "{:?}", read(&text));
    assert!(read(&text.replace(r#","maybe":"b""#, "")).is_ok());
    for (was, is) in [
        (inner, r#"["one",3]"#),
        (r#""one""#, r#"{"one":null}"#),
        (r#""one""#, "0"),
        (r#""b""#, "null"),
        ("3", "null"),
        ("3", "256"),
        ("3", "-1"),
        ("3", r#""3""#),
    ] {
        for place in 0..text.matches(was).count() {
            let (at, _) = text.match_indices(was).nth(place).unwrap();
            let changed = format!("{}{is}{}", &text[..at], &text[at + was.len()..]);
            assert!(read(&changed).is_err(), "{changed}");
        }
    }
    let pairs = format!(r#"[["a",{inner}]]"#);
    assert!(read(&text.replace(&format!(r#"{{"a":{inner}}}"#), &pairs)).is_err());
    assert!(read(&format!(r#"[{inner},[],{{}},"b"]"#)).is_err());
}
