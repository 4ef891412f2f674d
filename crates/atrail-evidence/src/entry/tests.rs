use super::*;

#[test]
fn entries_are_written_as_the_page_shows_them() {
    let hash = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
    for text in [
        format!(
            r#"{{"type":"seal","time":"T","day":"2026-11-20","segments":[{{"id":"g","hour":7,"count":1024,"size":1317312,"root":"{hash}"}}]}}"#
        ),
        r#"{"type":"delete","time":"T","day":"2026-11-20","hours":{"first":0,"last":23},"position":5,"kind":"request","actor":"admin","request":"r","reason":"w","events":16,"bytes":21004}"#.to_owned(),
    ] {
        assert_eq!(DayEntry::parse(&text).unwrap().to_text(), text);
    }
    for text in [
        r#"{"type":"genesis","time":"T","domain":"space-g","key":"k","epoch":"","continues":"","reason":""}"#.to_owned(),
        r#"{"type":"key","time":"T","actor":"admin","key":"k","endorsement":"a\n\n— b c\n"}"#.to_owned(),
        r#"{"type":"policy","time":"T","actor":"admin","retention_days":-1}"#.to_owned(),
        r#"{"type":"hold","time":"T","actor":"admin","level":"space","reason":"w"}"#.to_owned(),
        r#"{"type":"release","time":"T","actor":"admin","level":"account","reason":"w"}"#.to_owned(),
        format!(r#"{{"type":"space-added","time":"T","actor":"admin","space":"g","genesis":"{hash}"}}"#),
        r#"{"type":"space-removed","time":"T","actor":"admin","space":"g"}"#.to_owned(),
    ] {
        assert_eq!(ControlEntry::parse(&text).unwrap().to_text(), text);
    }
}

#[test]
fn unknown_members_are_passed_over_and_unknown_types_refused() {
    let text = r#"{"new":{"a":[1]},"type":"policy","time":"T","actor":"a","retention_days":3}"#;
    assert!(ControlEntry::parse(text).is_ok());
    assert!(ControlEntry::parse(&text.replace("policy", "polizy")).is_err());
    assert!(ControlEntry::parse(&text.replace("new", "time")).is_err());
    assert!(DayEntry::parse(text).is_err());
}
