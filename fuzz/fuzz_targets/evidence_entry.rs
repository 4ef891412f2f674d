//! Records and entries: serializing a parsed text returns the same bytes.
#![no_main]

use atrail_evidence::{ControlEntry, DayEntry, Record, parse_acknowledgements};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(record) = Record::parse(text) {
        assert_eq!(Record::parse(&record.to_text()).ok(), Some(record));
    }
    if let Ok(entry) = DayEntry::parse(text) {
        assert_eq!(DayEntry::parse(&entry.to_text()).ok(), Some(entry));
    }
    if let Ok(entry) = ControlEntry::parse(text) {
        assert_eq!(ControlEntry::parse(&entry.to_text()).ok(), Some(entry));
    }
    let _ = parse_acknowledgements(text);
});
