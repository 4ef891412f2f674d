//! The words of a text.

use atrail_search::text::words;

fn of(text: &str) -> Vec<String> {
    words(text)
        .map(|word| match word.short {
            Some(short) => format!("{}={short}", word.text),
            None => word.text.to_owned(),
        })
        .collect()
}

#[test]
fn words_are_runs_of_letters_digits_and_underscores() {
    for (text, words) in [
        ("", vec![]),
        (" - / .: ", vec![]),
        ("ann", vec!["ann"]),
        (
            "service/security/account_user",
            vec!["service", "security", "account_user"],
        ),
        (
            "read/list ann@example.com",
            vec!["read", "list", "ann", "example", "com"],
        ),
        ("straße 10€ 日本語", vec!["straße", "10", "日本語"]),
        ("-1.5e3", vec!["1", "5e3"]),
        ("openstacksdk/4.1.0", vec!["openstacksdk", "4", "1", "0"]),
    ] {
        assert_eq!(of(text), words, "{text}");
    }
}

#[test]
fn a_uuid_is_one_word_and_its_first_eight_digits_stand_for_it() {
    let uuid = "550e8400-e29b-41d4-a716-446655440000";
    let word = format!("{uuid}=550e8400");
    for (text, words) in [
        (uuid.to_owned(), vec![&*word]),
        (format!("openstack:{uuid}"), vec!["openstack", &word]),
        (format!("req-{uuid}-x"), vec!["req", &word, "x"]),
        (format!("/v2/{uuid}/y"), vec!["v2", &word, "y"]),
        (
            format!("{uuid}{uuid}"),
            vec![
                "550e8400",
                "e29b",
                "41d4",
                "a716",
                "446655440000550e8400",
                "e29b",
                "41d4",
                "a716",
                "446655440000",
            ],
        ),
        (
            format!("{uuid}é"),
            vec!["550e8400", "e29b", "41d4", "a716", "446655440000é"],
        ),
        (
            format!("x{uuid}"),
            vec!["x550e8400", "e29b", "41d4", "a716", "446655440000"],
        ),
        (
            uuid[..35].to_owned(),
            vec!["550e8400", "e29b", "41d4", "a716", "44665544000"],
        ),
    ] {
        assert_eq!(of(&text), words, "{text}");
    }
}

#[test]
fn an_address_is_one_word() {
    for (text, words) in [
        ("10.0.0.1", vec!["10.0.0.1"]),
        (
            "10.0.0.1:443, 10.0.0.0/8.",
            vec!["10.0.0.1", "443", "10.0.0.0", "8"],
        ),
        ("from 192.0.2.7.", vec!["from", "192.0.2.7"]),
        ("1.10.0.0.1", vec!["1", "10", "0", "0", "1"]),
        ("10.0.0.1.5", vec!["10", "0", "0", "1", "5"]),
        ("v10.0.0.1", vec!["v10", "0", "0", "1"]),
        ("10.0.0.1x", vec!["10", "0", "0", "1x"]),
        (
            "10.0.0.256 10.0.0",
            vec!["10", "0", "0", "256", "10", "0", "0"],
        ),
        ("2001:db8::1", vec!["2001:db8::1"]),
        ("[2001:db8::1]:443", vec!["2001:db8::1", "443"]),
        (
            "fe80::1%eth0 ::1, 2001:db8::.",
            vec!["fe80::1", "eth0", "::1", "2001:db8::"],
        ),
        ("at 2001:db8::1: ok", vec!["at", "2001:db8::1", "ok"]),
        ("::ffff:10.0.0.1", vec!["::ffff:10.0.0.1"]),
        ("face::bad ::", vec!["face", "bad"]),
        ("x::1 1::2::3", vec!["x", "1", "1", "2", "3"]),
        (
            "10:29:28 fa:16:3e:00:00:01",
            vec!["10", "29", "28", "fa", "16", "3e", "00", "00", "01"],
        ),
        (
            "crn:v1:bluemix:public::1::",
            vec!["crn", "v1", "bluemix", "public", "1"],
        ),
    ] {
        assert_eq!(of(text), words, "{text}");
    }
}
