//! What is proven, and what is found out, through the public face of the crate.

#![allow(clippy::unwrap_used, reason = "a failed unwrap is a failed test")]
#![allow(clippy::print_stdout, reason = "it says what it did")]

mod fixtures;
mod honest;
mod independent;
mod proof;
mod synthetic;
mod tamper;
mod world;

use atrail_evidence::{Expectations, Report, SigningKey, VerifyError, verify};

/// A key that is the same each time.
fn key() -> SigningKey {
    SigningKey::parse(
        "PRIVATE+KEY+atrail-test+c392d2b1+AQcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcHBwcH",
    )
    .unwrap()
}

fn check(key: &SigningKey, receipt: &str, file: &[u8]) -> Result<Report, VerifyError> {
    let expected = Expectations {
        keys: vec![key.verifier_key().clone()],
        ..Expectations::default()
    };
    verify(receipt, &expected, file)
}

/// A number from the environment, for longer runs.
fn number(name: &str, default: u64) -> u64 {
    std::env::var(name).map_or(default, |text| text.parse().unwrap())
}
