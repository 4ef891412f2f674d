//! Issues tokens: for a password, an API key, a refresh token (RFC 6749 §4.3, §6), or an OpenID provider's token.

mod refusal;

use std::time::Duration;

use atrail_api::{ErrorCode, TokenRequest, TokenResponse};
use atrail_model::{LoginId, Timestamp, User};
use atrail_store::{
    EndedLogin, Exchange, ExternalUser, KeptBy, LoginKind, NewLogin, Proof, canonical_name,
};

use super::oidc::{Pending, Refused};
use super::secrets::{Secret, cookie, refresh_token, sha256};
use super::sent_keys::{self, Verified};
use super::tokens::ClientKind;
use crate::app::App;
use crate::audit::{Act, Action, Actor, Credential, Origin};
use crate::error::ApiError;
use crate::metrics::AuthFailure;
pub(crate) use refusal::Refusal;
use refusal::{BAD_CREDENTIALS, BAD_ID_TOKEN, BAD_LINK, BAD_REFRESH_TOKEN, INGEST_KEY};

/// Within this time after its exchange, a client may exchange a refresh token again, because it may not have received
/// the answer.
const REFRESH_RETRY_WITHIN: Duration = Duration::from_secs(10);

/// RFC 7523 §2.1.
const JWT_BEARER: &str = "urn:ietf:params:oauth:grant-type:jwt-bearer";

/// What shall keep a new login going.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Keeper {
    /// Refresh tokens.
    RefreshToken,
    /// The cookie of a browser.
    Cookie,
}

/// A login that has just begun.
#[derive(Debug)]
pub(crate) struct Begun {
    user: User,
    pub(crate) login: LoginId,
    client: ClientKind,
    /// The first refresh token, or the cookie's value.
    pub(crate) secret: Secret,
}

/// Issues tokens for the credentials in the form.
pub(crate) async fn grant(
    app: &App,
    form: TokenRequest,
    origin: &Origin,
) -> Result<TokenResponse, Refusal> {
    let TokenRequest {
        grant_type,
        username,
        password,
        passcode,
        refresh_token,
        assertion,
    } = form;
    let keeper = Keeper::RefreshToken;
    let begun = match grant_type.as_str() {
        "password" => match (username, password, passcode) {
            (_, None, Some(key)) => by_api_key(app, &key, origin, keeper).await?,
            (Some(user), Some(key), None) if user == "apikey" => {
                by_api_key(app, &key, origin, keeper).await?
            }
            (Some(user), Some(password), None) => {
                by_password(app, user, password, origin, keeper).await?
            }
            _ => {
                return Err(Refusal::Grant(
                    "invalid_request",
                    "username and password are required, or passcode alone",
                ));
            }
        },
        "refresh_token" => match refresh_token {
            Some(token) => by_refresh_token(app, &token, origin).await?,
            None => {
                return Err(Refusal::Grant(
                    "invalid_request",
                    "refresh_token is required",
                ));
            }
        },
        JWT_BEARER => match assertion {
            Some(token) => by_id_token(app, &token, None, origin, keeper).await?,
            None => return Err(Refusal::Grant("invalid_request", "assertion is required")),
        },
        _ => {
            return Err(Refusal::Grant(
                "unsupported_grant_type",
                "grant_type must be password, refresh_token, or that of a JWT bearer (RFC 7523)",
            ));
        }
    };
    respond(app, &begun)
}

/// Begins a login with a user name and a password.
pub(crate) async fn by_password(
    app: &App,
    name: String,
    password: String,
    origin: &Origin,
    keeper: Keeper,
) -> Result<Begun, Refusal> {
    let address = origin.address();
    // Two spellings of a name count as one name.
    let counted = canonical_name(&name);
    let now = app.clock.elapsed();
    let attempt = app.throttle.begin(Some(&counted), address, now).await?;
    let found = app.identity.credentials(&name).await;
    let (attempt, found) = attempt.tried(found)?;
    let hash = found.as_ref().and_then(|found| found.password_hash.clone());
    let fits = app.passwords.verify(password, hash.clone(), address).await;
    let (attempt, fits) = attempt.tried(fits)?;
    let hash = hash.filter(|_| fits);
    let (Some(found), Some(hash)) = (&found, &hash) else {
        app.metrics.auth_failed(AuthFailure::Password);
        tracing::warn!(%address, "a login was refused");
        if let Some(found) = found {
            let actor = Actor::new(&found.user, origin.clone());
            app.audit.refused_login(actor.by(Credential::Password));
        }
        return Err(BAD_CREDENTIALS);
    };
    attempt.succeeded();
    let proof = Proof::Password { hash };
    begin(app, &found.user, proof, origin, keeper).await
}

/// Begins a login with an API key.
pub(crate) async fn by_api_key(
    app: &App,
    text: &str,
    origin: &Origin,
    keeper: Keeper,
) -> Result<Begun, Refusal> {
    let address = origin.address();
    let attempt = app.throttle.begin_key(address, app.clock.elapsed());
    let found = sent_keys::holder_of(app, text, address, attempt).await?;
    let Verified { key, holder, .. } = found.ok_or(BAD_CREDENTIALS)?;
    let user = holder.user.ok_or(INGEST_KEY)?;
    let proof = Proof::ApiKey {
        id: key.id(),
        hash: holder.hash,
    };
    begin(app, &user, proof, origin, keeper).await
}

/// Begins a login with the secret of a link, which works once.
pub(crate) async fn by_link(
    app: &App,
    secret: &str,
    origin: &Origin,
    keeper: Keeper,
) -> Result<Begun, Refusal> {
    let now = app.clock.moment();
    let attempt = app
        .throttle
        .begin(None, origin.address(), now.elapsed)
        .await?;
    let hash = sha256(secret.trim().as_bytes());
    let found = app.identity.user_of_login_link(hash, now.date).await;
    let (attempt, found) = attempt.tried(found)?;
    let Some(user) = found else {
        app.metrics.auth_failed(AuthFailure::Link);
        tracing::warn!(address = %origin.address(), "a login link was refused");
        return Err(BAD_LINK);
    };
    attempt.succeeded();
    let proof = Proof::Link { hash };
    match begin(app, &user, proof, origin, keeper).await {
        Err(Refusal::Grant(..)) => Err(BAD_LINK),
        begun => begun,
    }
}

/// Begins a login with an ID token of the OpenID provider; for a browser that is `pending`, only with one that was made
/// for it, and, where it wants a fresh login, only if the provider says that the user has just proved who they are.
pub(crate) async fn by_id_token(
    app: &App,
    token: &str,
    pending: Option<&Pending>,
    origin: &Origin,
    keeper: Keeper,
) -> Result<Begun, Refusal> {
    let address = origin.address();
    let Some(oidc) = &app.oidc else {
        return Err(Refusal::Grant(
            "unsupported_grant_type",
            "this server has no OpenID provider",
        ));
    };
    let now = app.clock.moment();
    let attempt = app.throttle.begin(None, address, now.elapsed).await?;
    let verified = oidc.verify(token.trim(), now).await;
    let user = match verified {
        Ok(user) if pending.is_none_or(|pending| user.is_for(pending.nonce())) => user,
        Ok(_) => {
            app.metrics.auth_failed(AuthFailure::IdToken);
            tracing::warn!(%address, why = "it was made for another login", "an ID token was refused");
            return Err(BAD_ID_TOKEN);
        }
        Err(Refused::Other(error)) => {
            attempt.not_made();
            return Err(Refusal::Other(error));
        }
        Err(Refused::NoName(claim)) => {
            attempt.not_made();
            tracing::warn!(%claim, "an ID token has no name in the claim of auth.oidc.user_claim");
            return Err(BAD_ID_TOKEN);
        }
        Err(Refused::Token(why)) => {
            app.metrics.auth_failed(AuthFailure::IdToken);
            tracing::warn!(%address, why, "an ID token was refused");
            return Err(BAD_ID_TOKEN);
        }
    };
    attempt.succeeded();
    let proven = user.proven(now.date);
    if pending.is_some_and(Pending::wants_fresh) {
        let until = proven.and_then(|at| at.checked_add(app.settings.console.fresh_ttl).ok());
        if until.is_none_or(|until| until <= now.date) {
            return Err(Refusal::Other(ApiError::new(
                ErrorCode::FreshLoginRequired,
                "the provider does not say that you have just logged in",
            )));
        }
    }
    let roles = oidc.roles(&app.tenancy, &user).await?;
    let external = ExternalUser {
        issuer: oidc.issuer(),
        subject: &user.subject,
        name: &user.name,
        roles: &roles,
    };
    let admitted = app
        .identity
        .admit_external_user(&external, now.date)
        .await?;
    let ends = now.date.checked_add(oidc.login_ttl());
    let ends = ends.unwrap_or(Timestamp::MAX);
    let proof = Proof::External { ends, proven };
    begin(app, &admitted, proof, origin, keeper).await
}

/// Begins a login with what proved the user's identity. When the proof no longer holds, answers as for wrong
/// credentials.
async fn begin(
    app: &App,
    user: &User,
    proof: Proof<'_>,
    origin: &Origin,
    keeper: Keeper,
) -> Result<Begun, Refusal> {
    let (client, credential, api_key) = match proof {
        Proof::Password { .. } => (ClientKind::Password, Credential::Password, None),
        Proof::ApiKey { id, .. } => (ClientKind::ApiKey, Credential::ApiKey, Some(id)),
        Proof::External { .. } => (ClientKind::Sso, Credential::Token, None),
        // Of the key that the link's maker may have logged in with, the catalog knows.
        Proof::Link { .. } => (ClientKind::Link, Credential::Token, None),
    };
    let now = app.clock.now();
    let after = |span| now.checked_add(span).unwrap_or(Timestamp::MAX);
    let (secret, kept_by, expires) = match keeper {
        Keeper::RefreshToken => {
            let secret = refresh_token().map_err(ApiError::internal)?;
            let kept_by = KeptBy::RefreshToken(secret.hash());
            (secret, kept_by, app.refresh_end(now))
        }
        Keeper::Cookie => {
            let secret = cookie().map_err(ApiError::internal)?;
            let kept_by = KeptBy::Cookie {
                hash: secret.hash(),
                ends: after(app.settings.console.max_ttl),
            };
            (secret, kept_by, after(app.settings.console.idle_ttl))
        }
    };
    let new = NewLogin {
        user,
        proof,
        kept_by,
        now,
        expires,
    };
    let login = app.identity.begin_login(new).await?;
    let login = login.ok_or(BAD_CREDENTIALS)?;
    let api_key = match proof {
        // The key that the link's maker logged in with.
        Proof::Link { .. } => {
            let standing = app.standings.of(login, app.clock.moment()).await?;
            standing.and_then(|standing| standing.api_key.as_deref().map(str::to_owned))
        }
        _ => api_key.map(str::to_owned),
    };
    let act = |domain| {
        let actor = Actor::new(user, origin.clone()).by(credential);
        let act = Act::new(Action::Login, actor, domain);
        let act = match keeper {
            Keeper::RefreshToken => act,
            Keeper::Cookie => act.with("client", "console"),
        };
        let act = match proof {
            Proof::Link { .. } => act.with("by", "link"),
            _ => act,
        };
        match &api_key {
            Some(key) => act.with("apiKey", key.clone()),
            None => act,
        }
    };
    app.audit.login_began(login, act).await;
    Ok(Begun {
        user: user.clone(),
        login,
        client,
        secret,
    })
}

async fn by_refresh_token(app: &App, text: &str, origin: &Origin) -> Result<Begun, Refusal> {
    let next = refresh_token().map_err(ApiError::internal)?;
    let now = app.clock.now();
    let exchange = app
        .identity
        .exchange_refresh_token(
            sha256(text.trim().as_bytes()),
            next.hash(),
            now,
            app.refresh_end(now),
            REFRESH_RETRY_WITHIN,
        )
        .await?;
    match exchange {
        Exchange::Renewed { login, user, kind } => {
            let client = match kind {
                LoginKind::Password => ClientKind::Password,
                LoginKind::ApiKey => ClientKind::ApiKey,
                LoginKind::External => ClientKind::Sso,
            };
            Ok(Begun {
                user,
                login,
                client,
                secret: next,
            })
        }
        Exchange::Unknown => {
            app.metrics.auth_failed(AuthFailure::RefreshToken);
            Err(BAD_REFRESH_TOKEN)
        }
        Exchange::Reused { user, ended } => {
            app.metrics.auth_failed(AuthFailure::RefreshToken);
            tracing::warn!(user = %user.id, "a client used a refresh token twice: its login has ended");
            let actor = of_login(Actor::new(&user, origin.clone()), ended.api_key);
            app.audit.refused_refresh(actor, ended.accounts);
            Err(BAD_REFRESH_TOKEN)
        }
    }
}

/// Ends the login of a refresh token, whether exchanged or not, or of an access token that has not expired.
pub(crate) async fn revoke(app: &App, token: &str, origin: &Origin) -> Result<(), ApiError> {
    let ended = match app.tokens.verify(token, app.clock.moment()) {
        Some(login) => app.identity.end_login(login).await?,
        None => app.identity.end_login_of(sha256(token.as_bytes())).await?,
    };
    record_end(app, ended, origin).await;
    Ok(())
}

/// Ends a login, as its user wants.
pub(crate) async fn end(app: &App, login: LoginId, origin: &Origin) -> Result<(), ApiError> {
    let ended = app.identity.end_login(login).await?;
    record_end(app, ended, origin).await;
    Ok(())
}

/// Records the end of a login, as its user wanted.
pub(crate) async fn record_end(app: &App, ended: Option<EndedLogin>, origin: &Origin) {
    if let Some(ended) = ended {
        let actor = of_login(Actor::of_id(ended.user, origin.clone()), ended.api_key);
        let act = |domain| Act::new(Action::Logout, actor.clone(), domain);
        app.audit.record_in(&ended.accounts, act).await;
    }
}

/// Returns the actor with the API key that began the login, if one did.
fn of_login(actor: Actor, api_key: Option<String>) -> Actor {
    match api_key {
        Some(key) => actor.of_login_by(key.into()),
        None => actor,
    }
}

fn respond(app: &App, begun: &Begun) -> Result<TokenResponse, Refusal> {
    let Begun {
        user,
        login,
        client,
        secret,
    } = begun;
    let issued = app.tokens.issue(user, *login, *client, app.clock.now())?;
    Ok(TokenResponse {
        access_token: issued.token,
        token_type: "bearer".to_owned(),
        refresh_token: secret.expose().to_owned(),
        expires_in: issued.expires_in_secs,
        scope: "atrail".to_owned(),
        jti: issued.jti,
    })
}
