//! Receivers of protocols whose requests are a body of events, and whose answers are short.

pub(super) mod cloudevents;
pub(super) mod github;
pub(super) mod gitlab;
pub(super) mod kubernetes;
pub(super) mod okta;
pub(crate) mod otlp;
pub(crate) mod pangea;
pub(crate) mod retraced;
pub(crate) mod workos;

use std::ops::ControlFlow;

use atrail_api::ErrorCode;
use atrail_carriers::{Fault, Take};
use atrail_sources::{Payload, SourceKind};
use axum::Json;
use axum::response::{IntoResponse, Response};
use serde_json::json;

use crate::error::ApiError;
use crate::receivers::{Keeper, Kept, Outcome, Receiving};

/// The payloads of a request that were refused, which only a strict key does.
#[derive(Debug, Default)]
struct Refusals {
    count: u64,
    /// Why the first one was.
    first: String,
}

impl Refusals {
    fn note(&mut self, outcome: Outcome<'_>) {
        if let Outcome::Refused { reason } = outcome {
            if self.count == 0 {
                reason.clone_into(&mut self.first);
            }
            self.count += 1;
        }
    }
}

/// Refuses a request of which a strict key refused everything. Of several payloads, the others are kept.
fn must_have_kept(kept: &Kept<Refusals>) -> Result<(), ApiError> {
    if kept.accepted == 0 && kept.refused > 0 {
        return Err(ApiError::bad_request(kept.read.first.as_str()));
    }
    Ok(())
}

/// Keeps the payload of a request that has one.
fn keep_one(keeper: &mut Keeper<'_, '_>, payload: &Payload<'_>) -> Result<Refusals, ApiError> {
    let mut refusals = Refusals::default();
    keeper.keep(payload, |_, outcome| refusals.note(outcome))?;
    Ok(refusals)
}

/// Keeps every payload that `decode` finds, and returns those that were refused.
fn keep_all<'a>(
    keeper: &mut Keeper<'_, '_>,
    decode: impl FnOnce(Take<'_, 'a>) -> Result<(), Fault>,
) -> Result<Refusals, ApiError> {
    let mut refusals = Refusals::default();
    keep_each(keeper, decode, |_, outcome, _| refusals.note(outcome))?;
    Ok(refusals)
}

/// Keeps every payload that `decode` finds. `told` learns the outcome, and may write a part of the answer.
fn keep_each<'a>(
    keeper: &mut Keeper<'_, '_>,
    decode: impl FnOnce(Take<'_, 'a>) -> Result<(), Fault>,
    mut told: impl FnMut(&mut Vec<u8>, Outcome<'_>, &Payload<'_>),
) -> Result<(), ApiError> {
    let mut failed = None;
    let decoded = decode(&mut |payload| {
        let kept = keeper.keep(&payload, |answer, outcome| told(answer, outcome, &payload));
        match kept {
            Ok(()) => ControlFlow::Continue(()),
            Err(error) => {
                failed = Some(error);
                ControlFlow::Break(())
            }
        }
    });
    if let Some(error) = failed {
        return Err(error);
    }
    decoded.map_err(|fault| match fault {
        Fault::Malformed(_) => ApiError::bad_request(fault.to_string()),
        Fault::TooMuch => ApiError::new(ErrorCode::TooLarge, fault.to_string()),
    })
}

/// Returns the answer for protocols that ask for none: the counts.
fn counts<T>(kept: &Kept<T>) -> Response {
    let counts = json!({"accepted": kept.accepted, "refused": kept.refused});
    Json(counts).into_response()
}

/// Sets the format of payloads that no mark tells apart, unless the key names another one.
fn of_format(receiving: &mut Receiving, name: &str) {
    if receiving.kind == SourceKind::Auto {
        receiving.kind = name.parse().expect("the name of a format of ours");
    }
}
