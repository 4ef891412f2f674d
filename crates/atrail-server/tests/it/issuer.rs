//! A small OpenID provider: a description, keys, and tokens of any kind.

use std::collections::HashMap;
use std::net::SocketAddr;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

use axum::extract::{Form, State};
use axum::http::StatusCode;
use axum::routing::{get, post};
use axum::{Json, Router};
use jsonwebtoken::jwk::Jwk;
use jsonwebtoken::{Algorithm, EncodingKey, Header};
use parking_lot::Mutex;
use serde_json::{Value, json};

/// A key pair of the provider, or of an impostor.
pub(crate) struct Signer {
    pub(crate) id: &'static str,
    private: EncodingKey,
}

impl Signer {
    pub(crate) fn new(id: &'static str) -> Self {
        let pair = rcgen::KeyPair::generate().unwrap();
        let private = EncodingKey::from_ec_der(&pair.serialize_der());
        Self { id, private }
    }

    /// Returns the public key in the form that the provider publishes.
    pub(crate) fn public(&self) -> Value {
        let mut key = Jwk::from_encoding_key(&self.private, Algorithm::ES256).unwrap();
        key.common.key_id = Some(self.id.to_owned());
        serde_json::to_value(key).unwrap()
    }

    /// Returns a token with these claims and this header.
    pub(crate) fn sign(&self, claims: &Value, change: impl FnOnce(&mut Header)) -> String {
        let mut header = Header::new(Algorithm::ES256);
        header.kid = Some(self.id.to_owned());
        change(&mut header);
        jsonwebtoken::encode(&header, claims, &self.private).unwrap()
    }
}

#[derive(Debug, Default)]
struct Shared {
    issuer: Mutex<String>,
    keys: Mutex<Vec<Value>>,
    fetches: AtomicUsize,
    is_down: AtomicBool,
    manner: Mutex<Manner>,
    exchange: Mutex<Exchange>,
    exchanged: Mutex<HashMap<String, String>>,
}

/// What the provider does with a browser's code.
#[derive(Debug, Clone, Default)]
pub(crate) enum Exchange {
    /// It refuses the code.
    #[default]
    Refuses,
    /// It fails.
    Fails,
    /// It gives tokens without an ID token.
    GivesNone,
    /// It gives this ID token.
    Gives(String),
}

/// The provider's deviations from correct answers.
#[derive(Debug, Default)]
pub(crate) struct Manner {
    /// The name that the provider states for itself.
    pub(crate) calls_itself: Option<String>,
    /// The location that the provider states for its keys.
    pub(crate) keys_at: Option<String>,
    /// The status of the answer with the keys.
    pub(crate) keys_status: Option<StatusCode>,
    /// Bytes of white space before the keys.
    pub(crate) padding: usize,
}

/// The provider, on a port of this machine.
pub(crate) struct Issuer {
    pub(crate) url: String,
    shared: Arc<Shared>,
}

impl Issuer {
    pub(crate) async fn start(signer: &Signer) -> Self {
        let shared = Arc::new(Shared::default());
        let listener = tokio::net::TcpListener::bind(SocketAddr::from(([127, 0, 0, 1], 0)))
            .await
            .unwrap();
        let url = format!("http://{}/realm", listener.local_addr().unwrap());
        shared.issuer.lock().clone_from(&url);
        shared.keys.lock().push(signer.public());
        let router = Router::new()
            .route("/realm/.well-known/openid-configuration", get(describe))
            .route("/realm/keys", get(keys))
            .route("/realm/token", post(exchange))
            .with_state(Arc::clone(&shared));
        tokio::spawn(async move { axum::serve(listener, router).await.unwrap() });
        Self { url, shared }
    }

    /// Publishes this key alone from now on.
    pub(crate) fn publish(&self, signer: &Signer) {
        *self.shared.keys.lock() = vec![signer.public()];
    }

    /// Publishes these keys alone from now on.
    pub(crate) fn publish_all(&self, keys: Vec<Value>) {
        *self.shared.keys.lock() = keys;
    }

    /// Shows these deviations from now on.
    pub(crate) fn behave(&self, manner: Manner) {
        *self.shared.manner.lock() = manner;
    }

    /// Returns how often the server fetched the keys.
    pub(crate) fn fetches(&self) -> usize {
        self.shared.fetches.load(Ordering::Relaxed)
    }

    /// Does this with browsers' codes from now on.
    pub(crate) fn exchange(&self, exchange: Exchange) {
        *self.shared.exchange.lock() = exchange;
    }

    /// Returns the form of the last exchange.
    pub(crate) fn exchanged(&self) -> HashMap<String, String> {
        self.shared.exchanged.lock().clone()
    }

    pub(crate) fn go_down(&self, down: bool) {
        self.shared.is_down.store(down, Ordering::Relaxed);
    }

    /// Names another issuer from now on.
    pub(crate) fn rename(&self, name: &str) {
        name.clone_into(&mut self.shared.issuer.lock());
    }
}

async fn describe(State(shared): State<Arc<Shared>>) -> Result<Json<Value>, StatusCode> {
    if shared.is_down.load(Ordering::Relaxed) {
        return Err(StatusCode::BAD_GATEWAY);
    }
    let issuer = shared.issuer.lock().clone();
    let manner = shared.manner.lock();
    let keys_at = manner.keys_at.clone();
    let keys_at = keys_at.unwrap_or_else(|| format!("{issuer}/keys"));
    let (authorization, token) = (format!("{issuer}/authorize"), format!("{issuer}/token"));
    let issuer = manner.calls_itself.clone().unwrap_or(issuer);
    Ok(Json(json!({
        "issuer": issuer, "jwks_uri": keys_at,
        "authorization_endpoint": authorization, "token_endpoint": token,
    })))
}

async fn exchange(
    State(shared): State<Arc<Shared>>,
    Form(form): Form<HashMap<String, String>>,
) -> (StatusCode, Json<Value>) {
    *shared.exchanged.lock() = form;
    let tokens = json!({"access_token": "a", "token_type": "bearer"});
    match shared.exchange.lock().clone() {
        Exchange::Refuses => (
            StatusCode::BAD_REQUEST,
            Json(json!({"error": "invalid_grant"})),
        ),
        Exchange::Fails => (StatusCode::INTERNAL_SERVER_ERROR, Json(json!({}))),
        Exchange::GivesNone => (StatusCode::OK, Json(tokens)),
        Exchange::Gives(token) => {
            let mut tokens = tokens;
            tokens["id_token"] = token.into();
            (StatusCode::OK, Json(tokens))
        }
    }
}

async fn keys(State(shared): State<Arc<Shared>>) -> (StatusCode, String) {
    shared.fetches.fetch_add(1, Ordering::Relaxed);
    let (status, padding) = {
        let manner = shared.manner.lock();
        (manner.keys_status.unwrap_or(StatusCode::OK), manner.padding)
    };
    // A key of an unknown kind does no harm.
    let mut keys = vec![json!({"kty": "quantum", "kid": "q"})];
    keys.extend(shared.keys.lock().clone());
    let text = json!({ "keys": keys }).to_string();
    (status, " ".repeat(padding) + &text)
}
