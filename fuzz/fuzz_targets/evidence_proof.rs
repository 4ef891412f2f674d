//! The proof of an event.
#![no_main]

use atrail_evidence::EventProof;
use libfuzzer_sys::fuzz_target;

fuzz_target!(|text: &str| {
    if let Ok(proof) = EventProof::parse(text) {
        assert_eq!(EventProof::parse(&proof.to_text()).ok().as_ref(), Some(&proof));
        let _ = proof.verify(&[]);
    }
});
