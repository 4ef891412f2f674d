//! Properties of every format.

use std::cell::Cell;

use atrail_export::{EventFault, ExportError, Exporter, FORMATS, LINE_MAX_BYTES, Options};
use proptest::prelude::*;

use crate::support::{EVENT, events, export};

#[test]
fn ndjson_is_the_download_itself() {
    let odd = "not even JSON \u{0}";
    assert_eq!(
        export("ndjson", &[EVENT, odd]).unwrap(),
        format!("{EVENT}\n{odd}\n")
    );
    assert_eq!(export("ndjson", &[""; 0]).unwrap(), "");
}

#[test]
fn names_are_distinct_and_others_are_refused() {
    for format in &FORMATS {
        let found: &atrail_export::Format = format.name.parse().unwrap();
        assert_eq!(found.about, format.about);
    }
    let error = "xml".parse::<&atrail_export::Format>().unwrap_err();
    assert!(
        error
            .to_string()
            .ends_with("the formats are ndjson, json, csv, es-bulk"),
        "{error}"
    );
}

#[test]
fn every_event_is_written_before_the_next_comes() {
    for format in &FORMATS {
        let written = Cell::new(0);
        let mut exporter = Exporter::new(format, Options::default(), Counting(&written));
        let mut sizes = Vec::new();
        for _ in 0..1000 {
            exporter.push(EVENT.as_bytes()).unwrap();
            exporter.push(b"\n").unwrap();
            sizes.push(written.get());
        }
        assert!(
            sizes
                .windows(2)
                .all(|pair| pair[0] + EVENT.len() <= pair[1]),
            "{}",
            format.name
        );
        exporter.finish().unwrap();
    }
}

#[test]
fn a_line_that_is_no_event_is_named() {
    let faults = [
        ("{}],[{}", EventFault::NotAnObject),
        ("17", EventFault::NotAnObject),
        ("", EventFault::NotAnObject),
        ("{\"a\":}", EventFault::NotAnObject),
    ];
    for name in ["json", "csv", "es-bulk"] {
        for (wrong, expected) in faults {
            match export(name, &[EVENT, wrong, EVENT]) {
                Err(ExportError::Event { line: 2, fault }) => assert_eq!(fault, expected),
                other => panic!("{name} {wrong:?}: {other:?}"),
            }
        }
    }
    let mut exporter = Exporter::new(&FORMATS[1], Options::default(), Vec::new());
    let error = exporter.push(b"{\"a\":\"\xff\"}\n").unwrap_err();
    assert!(matches!(
        error,
        ExportError::Event {
            line: 1,
            fault: EventFault::NotUtf8
        }
    ));
}

#[test]
fn what_is_cut_off_or_endless_is_refused() {
    let mut exporter = Exporter::new(&FORMATS[0], Options::default(), Vec::new());
    exporter.push(b"{}\n{\"a\"").unwrap();
    assert!(matches!(
        exporter.finish(),
        Err(ExportError::Cut { line: 2 })
    ));

    let mut exporter = Exporter::new(&FORMATS[0], Options::default(), Vec::new());
    exporter.push(&vec![b' '; LINE_MAX_BYTES]).unwrap();
    assert!(matches!(
        exporter.push(b" "),
        Err(ExportError::TooLong { line: 1 })
    ));
}

#[test]
fn an_output_that_fails_is_told_as_it_is() {
    struct Closed;
    impl std::io::Write for Closed {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::ErrorKind::BrokenPipe.into())
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for format in &FORMATS {
        let mut exporter = Exporter::new(format, Options::default(), Closed);
        let error = std::io::Write::write(&mut exporter, format!("{EVENT}\n").as_bytes());
        assert_eq!(error.unwrap_err().kind(), std::io::ErrorKind::BrokenPipe);
    }
}

proptest! {
    #[test]
    fn it_does_not_matter_where_the_text_is_cut(lines in events(), size in 1..50_usize) {
        for format in &FORMATS {
            let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
            let mut exporter = Exporter::new(format, Options::default(), Vec::new());
            for part in text.as_bytes().chunks(size) {
                exporter.push(part).unwrap();
            }
            prop_assert_eq!(
                String::from_utf8(exporter.finish().unwrap()).unwrap(),
                export(format.name, &lines).unwrap()
            );
        }
    }

    #[test]
    fn no_text_breaks_a_format(text: Vec<u8>) {
        for format in &FORMATS {
            let mut exporter = Exporter::new(format, Options::default(), Vec::new());
            if exporter.push(&text).is_ok() {
                let _whatever = exporter.finish();
            }
        }
    }
}

/// Counts the bytes written, for a test that reads the count while the exporter owns the output.
struct Counting<'a>(&'a Cell<usize>);

impl std::io::Write for Counting<'_> {
    fn write(&mut self, bytes: &[u8]) -> std::io::Result<usize> {
        self.0.set(self.0.get() + bytes.len());
        Ok(bytes.len())
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}
