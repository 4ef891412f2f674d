//! Accepts one event as a document of Elasticsearch.

use std::borrow::Cow;
use std::sync::Arc;

use atrail_carriers::bulk::Verb;
use atrail_sources::{Hints, Payload};
use axum::extract::{Path, State};
use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use serde::Deserialize;

use super::bulk::{index_in, write_result};
use super::shape::Failure;
use crate::app::App;
use crate::auth::access::{Authorised, SendEvents};
use crate::error::ApiError;
use crate::es::Refusal;
use crate::metrics::Receiver;
use crate::receivers::{self, Outcome, Received, Receiving};

/// The parameters of the path.
#[derive(Debug, Deserialize)]
pub(in crate::routes) struct Named {
    id: Option<String>,
}

/// Accepts the document that is the body.
pub(in crate::routes) async fn add(
    State(app): State<Arc<App>>,
    Path(Named { id }): Path<Named>,
    authorised: Authorised<SendEvents, Received>,
) -> Result<Response, Failure> {
    let index = index_in(authorised.wire.uri.path());
    let receiving = Receiving::of(&app, Receiver::Elasticsearch, authorised).await?;
    let kept = receivers::keep(&app, receiving, move |body, keeper| {
        if body.trim_ascii().is_empty() {
            return Err(ApiError::bad_request("the request body is required"));
        }
        let payload = Payload {
            text: Cow::Borrowed(body),
            hints: Hints {
                id: id.as_deref().map(Cow::Borrowed),
                ..Hints::default()
            },
        };
        let mut refusal = None;
        keeper.keep(&payload, |answer, outcome| match outcome {
            Outcome::Refused { reason } => refusal = Some(reason.to_owned()),
            Outcome::Stored { .. } => {
                answer.push(b'{');
                write_result(answer, &index, id.as_deref(), Verb::Index, outcome);
                answer.extend_from_slice(
                    br#","_shards":{"total":1,"successful":1,"failed":0},"_seq_no":0,"_primary_term":1}"#,
                );
            }
        })?;
        Ok(refusal)
    })
    .await?;
    if let Some(reason) = kept.read {
        return Err(Refusal::document(reason).into());
    }
    let json = [(header::CONTENT_TYPE, "application/json")];
    Ok((StatusCode::CREATED, json, kept.answer).into_response())
}
