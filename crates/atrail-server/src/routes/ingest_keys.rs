//! Ingest keys: an owner makes them for the account and its spaces, and so may the server's operator.

use std::sync::Arc;
use std::time::Duration;

use atrail_api::{
    Deleted, IngestKey, IngestKeyCreate, IngestKeyCreated, IngestKeyRotate, IngestKeysQuery, List,
};
use atrail_evidence::hex;
use atrail_model::{AccountId, Domain, IngestTerms, SpaceId, Timestamp, format_timestamp};
use atrail_sources::SourceKind;
use atrail_store::{self as store, IngestSecret, NewIngestKey};
use axum::Json;
use axum::extract::{Path, State};
use axum::http::{HeaderName, StatusCode, header};
use serde_json::Value;

use super::key_reach::{account_called, owned, reach};
use crate::app::App;
use crate::audit::{Act, Action, Thing};
use crate::auth::only_account::only_owned;
use crate::auth::principal::{Manager, Principal};
use crate::auth::secrets::ApiKeySecret;
use crate::error::ApiError;
use crate::extract::{JsonBody, OptionalJsonBody, Query};

/// The format whose senders sign bodies rather than send their key.
const SIGNED_FORMAT: &str = "github";
/// For how long the secret before a rotation works, in seconds, unless the request states it.
const OVERLAP_SECS: u64 = 7 * 86_400;
/// The longest such time: a year.
const OVERLAP_MAX_SECS: u64 = 366 * 86_400;
/// The shortest silence that can be noticed: the server stores once a minute when keys were used.
const SILENCE_MIN_SECS: u64 = 60;
/// The longest: a year.
const SILENCE_MAX_SECS: u64 = 366 * 86_400;

/// An answer with a secret, which no cache keeps.
type Shown = (
    StatusCode,
    [(HeaderName, &'static str); 1],
    Json<IngestKeyCreated>,
);

/// Lists keys, without their secrets.
pub(super) async fn list(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    Query(IngestKeysQuery { account }): Query<IngestKeysQuery>,
) -> Result<Json<List<IngestKey>>, ApiError> {
    let owned = owned(&principal);
    let account = account.map(|guid| account_called(&principal, &guid));
    let account = account.transpose()?;
    app.ingest_keys.store_uses_to_the_end().await;
    let keys = app
        .identity
        .ingest_keys(reach(&principal, &owned), account)
        .await?;
    let now = app.clock.now();
    Ok(Json(List {
        resources: keys.into_iter().map(|key| wire(key, now)).collect(),
    }))
}

/// Shows one key, without its secret.
pub(super) async fn show(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<IngestKey>, ApiError> {
    let owned = owned(&principal);
    app.ingest_keys.store_uses_to_the_end().await;
    let key = app
        .identity
        .ingest_key(reach(&principal, &owned), &id_in(path)?)
        .await?;
    Ok(Json(wire(key, app.clock.now())))
}

/// Creates a key, and returns its secret this once.
pub(super) async fn create(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    JsonBody(new): JsonBody<IngestKeyCreate>,
) -> Result<Shown, ApiError> {
    must_be_unlimited(&principal)?;
    let IngestKeyCreate {
        name,
        space,
        account,
        kind,
        strict,
        by_organization,
        certificate,
        silent_after,
    } = new;
    let (account, space) = place(&app, &principal, account, space).await?;
    let format = kind.map(|kind| format_called(&kind)).transpose()?;
    let certificate = certificate.map(|digits| fingerprint(&digits)).transpose()?;
    // Anybody can know a certificate: an owner could bind that of another account's sender.
    if certificate.is_some() && !principal.is_operator() {
        return Err(ApiError::forbidden(
            "only the operator of the server may bind a client certificate to a key",
        ));
    }
    if silent_after.is_some_and(|secs| !(SILENCE_MIN_SECS..=SILENCE_MAX_SECS).contains(&secs)) {
        return Err(ApiError::bad_request(format!(
            "silent_after must be {SILENCE_MIN_SECS} to {SILENCE_MAX_SECS} seconds"
        )));
    }
    let signs = format.as_deref() == Some(SIGNED_FORMAT);
    let id = ApiKeySecret::generate_id().map_err(ApiError::internal)?;
    let secret = secret(&app, &id, signs, 1)?;
    let new = NewIngestKey {
        id: &id,
        name: &name,
        terms: IngestTerms {
            account,
            space,
            format: format.map(Into::into),
            strict,
        },
        by_organization,
        hash: secret.whole().hash(),
        signs,
        certificate,
        silent_after_secs: silent_after,
        maker: &principal.user().name,
    };
    let now = app.clock.now();
    let made = principal.identity(&app).create_ingest_key(new, now).await?;
    principal.manages(&app, account).await;
    let act = about(&principal, Action::CreateIngestKey, &made).with("strict", made.terms.strict);
    let details = [
        ("format", made.terms.format.as_deref().map(Value::from)),
        ("byOrganization", made.by_organization.then(|| true.into())),
        (
            "certificate",
            made.certificate.map(|bytes| hex(&bytes).into()),
        ),
        (
            "silentAfter",
            made.silent_after.map(|time| time.as_secs().into()),
        ),
    ];
    let known = details
        .into_iter()
        .filter_map(|(name, value)| Some((name, value?)));
    let act = known.fold(act, |act, (name, value)| act.with(name, value));
    app.audit.record(act).await;
    Ok(shown(StatusCode::CREATED, &made, &secret, None))
}

/// Gives a key another secret, and returns that this once. The one before works for a while.
pub(super) async fn rotate(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
    OptionalJsonBody(IngestKeyRotate { overlap }): OptionalJsonBody<IngestKeyRotate>,
) -> Result<Shown, ApiError> {
    must_be_unlimited(&principal)?;
    let overlap = overlap.unwrap_or(OVERLAP_SECS);
    if overlap > OVERLAP_MAX_SECS {
        return Err(ApiError::bad_request(format!(
            "overlap must be at most {OVERLAP_MAX_SECS} seconds"
        )));
    }
    let owned = owned(&principal);
    let reach = reach(&principal, &owned);
    let id = id_in(path)?;
    let identity = principal.identity(&app);
    let before = identity.ingest_key(reach, &id).await?;
    let generation = before.generation + 1;
    let secret = secret(&app, &id, before.signs, generation)?;
    let hash = secret.whole().hash();
    let now = app.clock.now();
    let until = now.checked_add(Duration::from_secs(overlap));
    let until = until.unwrap_or(Timestamp::MAX);
    let next = IngestSecret { hash, generation };
    let rotated = identity
        .rotate_ingest_key(reach, &id, next, until, now)
        .await?;
    record(&app, &principal, Action::RotateIngestKey, &rotated).await;
    let until = (overlap > 0).then_some(until);
    Ok(shown(StatusCode::CREATED, &rotated, &secret, until))
}

/// Deletes a key: it ends at once.
pub(super) async fn delete(
    State(app): State<Arc<App>>,
    Manager(principal): Manager,
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<Json<Deleted>, ApiError> {
    let owned = owned(&principal);
    let deleted = principal
        .identity(&app)
        .delete_ingest_key(reach(&principal, &owned), &id_in(path)?)
        .await?;
    record(&app, &principal, Action::DeleteIngestKey, &deleted).await;
    Ok(Json(Deleted {
        message: "Delete ingest key success".to_owned(),
    }))
}

/// Records an act about a key in its account.
async fn record(app: &App, principal: &Principal, action: Action, key: &store::IngestKey) {
    app.audit.record(about(principal, action, key)).await;
}

/// Returns an act about a key.
fn about(principal: &Principal, action: Action, key: &store::IngestKey) -> Act {
    let terms = &key.terms;
    let act = Act::new(action, principal.actor(), Domain::Account(terms.account));
    let act = act.to(Thing::api_key(&key.id, Some(&key.name)));
    match terms.space {
        Some(space) => act.with("space", space.to_string()),
        None => act,
    }
}

fn shown(
    status: StatusCode,
    key: &store::IngestKey,
    secret: &ApiKeySecret,
    previous_until: Option<Timestamp>,
) -> Shown {
    let answer = IngestKeyCreated {
        id: key.id.clone(),
        name: key.name.clone(),
        key: secret.whole().expose().to_owned(),
        previous_until: previous_until.map(format_timestamp),
    };
    (status, [(header::CACHE_CONTROL, "no-store")], Json(answer))
}

/// Returns a secret: of a key that signs, the one that the server can derive again.
fn secret(app: &App, id: &str, signs: bool, generation: u64) -> Result<ApiKeySecret, ApiError> {
    if signs {
        let derived = app.ingest_keys.signing.key(id, generation);
        derived.map_err(ApiError::internal)
    } else {
        ApiKeySecret::generate_for(id).map_err(ApiError::internal)
    }
}

/// Refuses a key that is limited: an ingest key would outlive it.
fn must_be_unlimited(principal: &Principal) -> Result<(), ApiError> {
    if principal.standing().by_limited_key {
        return Err(ApiError::forbidden(
            "a key that is limited to scopes or a place, or that expires, cannot create or rotate keys: log in with a password",
        ));
    }
    Ok(())
}

/// Returns the id in the path. A text that is no id is an unknown one.
fn id_in(
    path: Result<Path<String>, axum::extract::rejection::PathRejection>,
) -> Result<String, ApiError> {
    let path = path.map_err(|_| ApiError::not_found("ingest key"))?;
    Ok(path.0)
}

/// Returns the place of a new key, which the caller may manage: the place that the request names, or the only account
/// that the caller owns.
async fn place(
    app: &App,
    principal: &Principal,
    account: Option<String>,
    space: Option<String>,
) -> Result<(AccountId, Option<SpaceId>), ApiError> {
    match (account, space) {
        (None, None) => Ok((only_owned(app, principal).await?, None)),
        (Some(account), None) => {
            let account = account_called(principal, &account)?;
            app.must_exist(account).await?;
            Ok((account, None))
        }
        (None, Some(space)) => {
            let unknown = || ApiError::not_found("space");
            let space: SpaceId = space.parse().map_err(|_| unknown())?;
            let knows = |account| principal.knows_space(space, account);
            let account = app.standings.account_of(space, knows).await?;
            let account = account.ok_or_else(unknown)?;
            if !principal.is_operator() {
                principal.must_own(account, true, "space")?;
            }
            Ok((account, Some(space)))
        }
        _ => Err(ApiError::bad_request(
            "an ingest key sends to a space or to an account's own domain: send the GUID of one of them",
        )),
    }
}

/// Returns the name of the format that a key states.
fn format_called(text: &str) -> Result<String, ApiError> {
    if text == SIGNED_FORMAT {
        return Ok(text.to_owned());
    }
    let kind: SourceKind = text
        .parse()
        .map_err(|error| ApiError::bad_request(format!("type is {error}")))?;
    Ok(kind.to_string())
}

/// Returns the bytes of a SHA-256 in hexadecimal digits, with or without colons between them.
fn fingerprint(text: &str) -> Result<[u8; 32], ApiError> {
    let digits: String = text.chars().filter(|one| *one != ':').collect();
    let digits = digits.to_ascii_lowercase();
    let mut bytes = [0; 32];
    let pairs = digits.as_bytes().chunks(2);
    for (byte, pair) in bytes.iter_mut().zip(pairs) {
        let pair = std::str::from_utf8(pair).ok();
        *byte = pair
            .and_then(|pair| u8::from_str_radix(pair, 16).ok())
            .unwrap_or_default();
    }
    if hex(&bytes) == digits {
        return Ok(bytes);
    }
    Err(ApiError::bad_request(
        "certificate is not the SHA-256 of a certificate: send 64 hexadecimal digits",
    ))
}

fn wire(key: store::IngestKey, now: Timestamp) -> IngestKey {
    let store::IngestKey {
        id,
        login: _,
        name,
        terms,
        by_organization,
        signs: _,
        generation: _,
        certificate,
        maker,
        created,
        rotated,
        previous_until,
        used,
        received,
        counts,
        silent_after,
        silent_since,
        unrecorded: _,
    } = key;
    let previous_until = previous_until.filter(|until| *until > now);
    IngestKey {
        id,
        name,
        account: terms.account.to_string(),
        space: terms.space.map(|space| space.to_string()),
        kind: terms.format.map(|format| format.as_ref().to_owned()),
        strict: terms.strict,
        by_organization,
        certificate: certificate.map(|bytes| hex(&bytes)),
        maker,
        create_time: format_timestamp(created),
        rotate_time: rotated.map(format_timestamp),
        previous_until: previous_until.map(format_timestamp),
        use_time: used.map(format_timestamp),
        event_time: received.map(format_timestamp),
        accepted: counts.accepted,
        duplicates: counts.duplicates,
        refused: counts.refused,
        bytes: counts.bytes,
        silent_after: silent_after.map(|time| time.as_secs()),
        silent_since: silent_since.map(format_timestamp),
    }
}
