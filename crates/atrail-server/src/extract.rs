//! Extractors whose rejections are problems like every other error.

mod json;

use std::str::FromStr;
use std::sync::Arc;

use axum::body::{Body, Bytes, HttpBody};
use axum::extract::{FromRequest, FromRequestParts, Path, Request, State};
use axum::http::request::Parts;
use axum::http::{HeaderMap, Uri, header};
use axum::middleware::Next;
use axum::response::{IntoResponse, Response};
use serde::Deserialize;
use serde::de::DeserializeOwned;

use crate::app::App;
use crate::auth::principal::Admitted;
use crate::error::ApiError;
use crate::pace::Pace;
use atrail_api::ErrorCode;

pub(crate) use json::object;

/// Largest body of a request that does not send events, in bytes.
pub(crate) const BODY_MAX_BYTES: usize = 64 << 10;
const FORM: &str = "application/x-www-form-urlencoded";

/// The query.
#[derive(Debug)]
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<App>> for Query<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, _: &Arc<App>) -> Result<Self, ApiError> {
        query(&parts.uri).map(Self)
    }
}

/// The id in the path. A text that is not an id gets the same answer as an unknown id.
#[derive(Debug)]
pub(crate) struct IdInPath<T>(pub(crate) Option<T>);

impl<T> IdInPath<T> {
    /// Returns the id, or reports that there is no such `what`.
    pub(crate) fn of(self, what: &str) -> Result<T, ApiError> {
        self.0.ok_or_else(|| ApiError::not_found(what))
    }
}

impl<T: FromStr> FromRequestParts<Arc<App>> for IdInPath<T> {
    type Rejection = ApiError;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self, ApiError> {
        let text = Path::<String>::from_request_parts(parts, app).await;
        Ok(Self(text.ok().and_then(|Path(text)| text.parse().ok())))
    }
}

/// A JSON body with any `Content-Type`: the original's clients send none.
#[derive(Debug)]
pub(crate) struct JsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for JsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        json::object(&read(request, app).await?).map(Self)
    }
}

/// A JSON body that may be absent.
#[derive(Debug)]
pub(crate) struct OptionalJsonBody<T>(pub(crate) T);

impl<T: DeserializeOwned + Default> FromRequest<Arc<App>> for OptionalJsonBody<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let body = read(request, app).await?;
        if is_blank(&body) {
            return Ok(Self(T::default()));
        }
        json::object(&body).map(Self)
    }
}

/// A body in another form.
#[derive(Debug)]
pub(crate) struct RawBody(pub(crate) Bytes);

impl FromRequest<Arc<App>> for RawBody {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        read(request, app).await.map(Self)
    }
}

/// A JSON body, also on `GET` (the original's clients send one), or the query. A request with both is refused, because
/// the server would have to ignore one of them.
#[derive(Debug)]
pub(crate) struct BodyOrQuery<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for BodyOrQuery<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let only_reads = request.method().is_safe();
        let has_query = has_query(request.uri());
        let said = SaidIn::from_request(request, app).await?;
        if said.body_is_lost && !only_reads && !has_query {
            return Err(ApiError::bad_request(
                "the request announces a body, but none came: some clients send none with DELETE; use the query",
            ));
        }
        Ok(Self(said.value))
    }
}

/// The same as [`BodyOrQuery`], for requests whose meaning changes when their body is lost in transit.
#[derive(Debug)]
pub(crate) struct SaidIn<T> {
    /// The content of the request.
    pub(crate) value: T,
    /// Whether the headers announced a body that did not arrive.
    pub(crate) body_is_lost: bool,
}

impl<T: DeserializeOwned> FromRequest<Arc<App>> for SaidIn<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let uri = request.uri().clone();
        let announced = announces_body(request.headers());
        let body = read(request, app).await?;
        let value = match (is_blank(&body), has_query(&uri)) {
            (true, _) => query(&uri)?,
            (false, false) => json::object(&body)?,
            (false, true) => {
                return Err(ApiError::bad_request(
                    "the request has both a body and a query: send only one of them",
                ));
            }
        };
        Ok(Self {
            value,
            body_is_lost: announced && is_blank(&body),
        })
    }
}

/// Refuses a query on a request that may change something, for routes that read none.
pub(crate) async fn refuse_query_of_change(request: Request, next: Next) -> Response {
    if request.method().is_safe() || !has_query(request.uri()) {
        return next.run(request).await;
    }
    ApiError::bad_request(
        "this call reads no query: send its parameters in its path and its JSON body",
    )
    .into_response()
}

/// An object without members.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct Nothing {}

/// Refuses a body on a request that may change something, for routes that read none. A blank body and `{}` pass.
pub(crate) async fn refuse_body_of_change(
    State(app): State<Arc<App>>,
    request: Request,
    next: Next,
) -> Response {
    if request.method().is_safe() || request.body().is_end_stream() {
        return next.run(request).await;
    }
    let (parts, body) = request.into_parts();
    let head = Request::from_parts(parts.clone(), Body::empty());
    let said = read(Request::from_parts(parts, body), &app).await;
    match said {
        Ok(text) if is_blank(&text) || json::object::<Nothing>(&text).is_ok() => {
            next.run(head).await
        }
        Ok(_) => ApiError::bad_request(
            "this call reads no body, and did nothing: send its parameters in its path",
        )
        .into_response(),
        Err(error) => error.into_response(),
    }
}

fn has_query(uri: &Uri) -> bool {
    uri.query().is_some_and(|query| !query.is_empty())
}

/// Returns whether the headers announce a body: by its type, its length, or chunks.
fn announces_body(headers: &HeaderMap) -> bool {
    let has_length = headers
        .get(header::CONTENT_LENGTH)
        .is_some_and(|length| length != "0");
    has_length
        || headers.contains_key(header::CONTENT_TYPE)
        || headers.contains_key(header::TRANSFER_ENCODING)
}

/// The form of a login.
#[derive(Debug)]
pub(crate) struct Form<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequest<Arc<App>> for Form<T> {
    type Rejection = ApiError;

    async fn from_request(request: Request, app: &Arc<App>) -> Result<Self, ApiError> {
        let body = read(request, app).await?;
        let form = Request::builder()
            .method(axum::http::Method::POST)
            .header(axum::http::header::CONTENT_TYPE, FORM)
            .body(Body::from(body))
            .map_err(ApiError::internal)?;
        // The library's message could quote a secret, so the answer omits it.
        axum::extract::Form::from_request(form, app)
            .await
            .map(|axum::extract::Form(value)| Self(value))
            .map_err(|_| ApiError::bad_request(format!("the body is not {FORM}")))
    }
}

fn query<T: DeserializeOwned>(uri: &Uri) -> Result<T, ApiError> {
    axum::extract::Query::try_from_uri(uri)
        .map(|axum::extract::Query(value)| value)
        .map_err(|rejection| ApiError::bad_request(rejection.body_text()))
}

fn is_blank(body: &[u8]) -> bool {
    body.iter().all(u8::is_ascii_whitespace)
}

/// Reads the whole of a small body. Refuses it when the caller, if there is one, lost the login or any rights
/// meanwhile.
async fn read(request: Request, app: &App) -> Result<Bytes, ApiError> {
    let (parts, body) = request.into_parts();
    let mut stream = body.into_data_stream();
    let mut whole = Vec::new();
    let mut pace = Pace::default();
    let limits = app.settings.body_limits();
    while let Some(chunk) = pace.next(&mut stream, limits, &app.metrics).await? {
        if whole.len() + chunk.len() > BODY_MAX_BYTES {
            return Err(ApiError::new(
                ErrorCode::TooLarge,
                format!("the body is larger than {BODY_MAX_BYTES} bytes"),
            ));
        }
        whole.extend_from_slice(&chunk);
    }
    if let Some(admitted) = parts.extensions.get::<Admitted>() {
        admitted.must_still_stand(app).await?;
    }
    Ok(whole.into())
}
