//! Logs browsers in and out, and tells the console who is logged in.

use std::sync::Arc;

use atrail_api::{
    ConsoleAccount, ConsoleIdentity, ConsoleLimits, ConsoleLogin, ConsoleLoginState, ConsoleMe,
    ConsoleOidc, ConsoleOrganization, ConsoleServer, ConsoleSpace, Role,
};
use atrail_model::{HeldRole, KeyScopes, format_timestamp};
use axum::Json;
use axum::extract::State;
use axum::http::{HeaderMap, HeaderValue, Method, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::role_place::place;
use super::super::unknown_path;
use crate::app::App;
use crate::audit::Origin;
use crate::auth::browser::{self, ByCookie, cookie, own_origins, rules};
use crate::auth::login::{self, Keeper};
use crate::auth::principal::Principal;
use crate::error::ApiError;
use crate::extract::JsonBody;

/// Begins the login of a browser. It takes the place of the login that the browser had.
pub(in crate::routes) async fn log_in(
    State(app): State<Arc<App>>,
    origin: Origin,
    method: Method,
    headers: HeaderMap,
    body: Result<JsonBody<ConsoleLogin>, ApiError>,
) -> Result<Response, ApiError> {
    must_be_own_page(&app, &method, &headers).await?;
    let JsonBody(ConsoleLogin {
        username,
        password,
        api_key,
        link,
    }) = body?;
    let keeper = Keeper::Cookie;
    let begun = match (username, password, api_key, link) {
        (Some(user), Some(password), None, None) => {
            login::by_password(&app, user, password, &origin, keeper).await
        }
        (None, None, Some(key), None) => login::by_api_key(&app, &key, &origin, keeper).await,
        (None, None, None, Some(secret)) => login::by_link(&app, &secret, &origin, keeper).await,
        _ => {
            return Err(ApiError::bad_request(
                "username and password are required, or api_key alone, or link alone",
            ));
        }
    };
    let begun = begun.map_err(login::Refusal::into_problem)?;
    end_earlier(&app, &headers, &origin).await?;
    let secret = begun.secret.expose();
    let now = app.clock.moment();
    let ended = || browser::ended(&app);
    let found = browser::of_cookie(&app, secret, now.date).await?;
    let found = found.ok_or_else(ended)?;
    let standing = app.standings.of(found.login, now).await?;
    let principal = Principal::of_browser(found, standing.ok_or_else(ended)?, origin);
    let answer = Json(describe(&app, &principal).await?).into_response();
    Ok(with_cookies(
        cookie::set(&app.settings, &headers, secret),
        answer,
    ))
}

/// Ends the login of a browser, and empties its cookie, whether or not the login was in force.
pub(in crate::routes) async fn log_out(
    State(app): State<Arc<App>>,
    origin: Origin,
    method: Method,
    headers: HeaderMap,
) -> Result<Response, ApiError> {
    must_be_own_page(&app, &method, &headers).await?;
    end_earlier(&app, &headers, &origin).await?;
    let answer = StatusCode::NO_CONTENT.into_response();
    Ok(with_cookies(
        cookie::set(&app.settings, &headers, ""),
        answer,
    ))
}

/// Shows the login of a browser.
pub(in crate::routes) async fn me(
    State(app): State<Arc<App>>,
    principal: Principal,
) -> Result<Json<ConsoleMe>, ApiError> {
    describe(&app, &principal).await.map(Json)
}

async fn must_be_own_page(app: &App, method: &Method, headers: &HeaderMap) -> Result<(), ApiError> {
    must_be_protected(app, headers).await?;
    rules::check(&app.settings, method, headers, ByCookie::Use)
}

/// Refuses a browser that cannot log in here: because there is no console, or because others could read what it sends.
pub(super) async fn must_be_protected(app: &App, headers: &HeaderMap) -> Result<(), ApiError> {
    if !app.settings.console.is_served() {
        return Err(unknown_path().await);
    }
    if !own_origins::is_protected(&app.settings, headers) {
        return Err(ApiError::forbidden(
            "the console needs HTTPS: over plain HTTP anybody on the way could read the password",
        ));
    }
    Ok(())
}

/// Ends the login of the cookie that came with a request.
async fn end_earlier(app: &App, headers: &HeaderMap, origin: &Origin) -> Result<(), ApiError> {
    let Some(value) = cookie::sent(&app.settings, headers) else {
        return Ok(());
    };
    match browser::of_cookie(app, value, app.clock.now()).await? {
        Some(found) => login::end(app, found.login, origin).await,
        None => Ok(()),
    }
}

/// Adds values of `Set-Cookie` to an answer.
pub(super) fn with_cookies(lines: Vec<HeaderValue>, mut answer: Response) -> Response {
    for line in lines {
        answer.headers_mut().append(header::SET_COOKIE, line);
    }
    answer
}

async fn describe(app: &App, principal: &Principal) -> Result<ConsoleMe, ApiError> {
    let Some(login) = principal.browser() else {
        return Err(ApiError::unauthenticated(
            "this call is for a browser that is logged in",
        ));
    };
    let standing = principal.standing();
    let key = app.store.verifier_key().await;
    let scopes = (standing.scopes != KeyScopes::ALL).then(|| {
        let words = standing.scopes.to_string();
        words.split(' ').map(str::to_owned).collect()
    });
    Ok(ConsoleMe {
        user: ConsoleIdentity {
            id: principal.id().to_string(),
            name: principal.user().name.clone(),
        },
        operator: principal.is_operator(),
        login: ConsoleLoginState {
            id: login.login.to_string(),
            began: format_timestamp(login.began),
            expires: format_timestamp(standing.until),
            ends: format_timestamp(login.ends),
            fresh_until: format_timestamp(browser::fresh_until(app, login)),
            scopes,
        },
        server: ConsoleServer {
            name: key.name().to_owned(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            vkey: key.to_string(),
            generation: app.store.endorsements().await?.len() as u64,
            limits: ConsoleLimits {
                open_sessions: app.settings.store.max_open_sessions,
                session_idle_s: app.settings.store.session_idle_ttl.as_secs(),
            },
        },
        oidc: app.oidc.as_ref().map(|oidc| ConsoleOidc {
            name: oidc.host().to_owned(),
        }),
        accounts: accounts(app, principal).await?,
    })
}

/// Returns the accounts, organizations and spaces that the caller may know of.
async fn accounts(app: &App, principal: &Principal) -> Result<Vec<ConsoleAccount>, ApiError> {
    let spaces = app.tenancy.spaces().await?;
    let spaces: Vec<_> = spaces
        .into_iter()
        .filter(|one| principal.knows_space(one.id, one.account))
        .collect();
    let organizations = app.tenancy.organizations().await?;
    let accounts = app.tenancy.accounts().await?.into_iter();
    let roles = |is_here: &dyn Fn(&HeldRole) -> bool| {
        let mut roles: Vec<Role> = principal
            .standing()
            .roles
            .iter()
            .filter(|role| is_here(role))
            .map(|role| place(*role).0)
            .collect();
        roles.sort_by_key(|role| Role::ALL.iter().position(|one| one == role));
        roles
    };
    let known = accounts.filter(|one| principal.knows_account(one.id));
    Ok(known
        .map(|account| ConsoleAccount {
            id: account.id.to_string(),
            name: account.name,
            roles: roles(&|role| matches!(role, HeldRole::Account(of, _) if *of == account.id)),
            organizations: organizations
                .iter()
                .filter(|one| one.account == account.id)
                .filter(|one| {
                    principal.knows_all_of(account.id)
                        || spaces.iter().any(|space| space.organization == one.id)
                })
                .map(|organization| ConsoleOrganization {
                    id: organization.id.to_string(),
                    name: organization.name.clone(),
                    spaces: spaces
                        .iter()
                        .filter(|space| space.organization == organization.id)
                        .map(|space| ConsoleSpace {
                            id: space.id.to_string(),
                            name: space.name.clone(),
                            roles: roles(
                                &|role| matches!(role, HeldRole::Space(of, _) if *of == space.id),
                            ),
                        })
                        .collect(),
                })
                .collect(),
        })
        .collect())
}
