//! Notes, checkpoints and keys.
#![no_main]

use atrail_evidence::{Checkpoint, Note, SigningKey, VerifierKey};
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(note) = Note::parse(text) {
        let _ = Checkpoint::parse(note.text());
    }
    if let Ok(checkpoint) = Checkpoint::parse(text) {
        assert_eq!(Checkpoint::parse(&checkpoint.text()).ok(), Some(checkpoint));
    }
    if let Ok(key) = text.parse::<VerifierKey>() {
        assert_eq!(key.to_string(), text);
    }
    let _ = SigningKey::parse(text);
});
