//! Tests through the public API: what verifies, and which faults are detected.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "it says what it did")]

mod agree;
mod alone;
mod deflate;
mod earlier;
mod epoch;
mod fixtures;
mod forms;
mod honest;
mod independent;
mod lacking;
mod located;
mod proof;
mod python;
mod reading;
mod rules;
mod spelling;
mod synthetic;
mod tamper;
mod wasm;
mod world;

use atrail_evidence::{Expectations, Report, SigningKey, VerifyError};

use python::both;

/// Returns a key that is the same each time.
fn key() -> SigningKey {
    SigningKey::parse(
        "PRIVATE+KEY+atrail-test+c392d2b1+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",
    )
    .unwrap()
}

/// Returns another key of the same name.
fn second() -> SigningKey {
    SigningKey::parse(
        "PRIVATE+KEY+atrail-test+5052235d+AQgICAgICAgICAgICAgICAgICAgICAgICAgICAgICAgI",
    )
    .unwrap()
}

/// Returns the verdict of both verifiers with this key pinned.
fn check(key: &SigningKey, receipt: &str, file: &[u8]) -> Result<Report, VerifyError> {
    both(receipt, &pinned(key), file)
}

pub(crate) fn pinned(key: &SigningKey) -> Expectations {
    Expectations {
        keys: vec![key.verifier_key().clone()],
        ..Expectations::default()
    }
}

/// Reads a number from the environment, for longer runs.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}
