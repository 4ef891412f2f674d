//! Logins of browsers.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, schema};

const PAGE: &str =
    "`1`; required, as are `Sec-Fetch-Site: same-origin` and the server's own `Origin`.";

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "console";
    vec![
        Operation::open(
            "POST",
            paths::CONSOLE_LOGIN,
            "logInBrowser",
            tag,
            "Begins the login of a browser, which its cookie proves from then on",
        )
        .header("X-Atrail-Console", PAGE)
        .json::<api::ConsoleLogin>(true)
        .gives(
            200,
            "the login; `Set-Cookie` has its cookie",
            schema::<api::ConsoleMe>(),
        )
        .with_headers(200, &["Set-Cookie"])
        .errors(&[E::Unauthenticated, E::Forbidden, E::NotFound, E::TooMany]),
        Operation::open(
            "POST",
            paths::CONSOLE_LOGOUT,
            "logOutBrowser",
            tag,
            "Ends the login of a browser, and empties its cookie",
        )
        .header("X-Atrail-Console", PAGE)
        .gives_as(204, "the login has ended, now or before", &[])
        .with_headers(204, &["Set-Cookie"])
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::by_cookie(
            "GET",
            paths::CONSOLE_ME,
            "me",
            tag,
            "The login of a browser, its user, and what the user may see",
        )
        .gives(200, "the login", schema::<api::ConsoleMe>()),
        Operation::new(
            "POST",
            paths::CONSOLE_LINKS,
            "createConsoleLink",
            tag,
            "Makes an address that logs a browser in once, with the rights of the caller's login",
        )
        .gives(201, "the address", schema::<api::ConsoleLink>())
        .errors(&[E::NotFound]),
        Operation::open(
            "GET",
            paths::CONSOLE_OIDC_START,
            "startConsoleOidc",
            tag,
            "Leads a browser to the OpenID provider",
        )
        .query_text(
            "return",
            "The place in the console to come back to: a fragment, which begins with `#/`.",
        )
        .query_text(
            "fresh",
            "`true`: the provider shall ask the user again, and say when that was.",
        )
        .gives_as(303, "to the provider", &[])
        .with_headers(303, &["Location", "Set-Cookie"])
        .errors(&[E::BadRequest, E::Forbidden, E::NotFound]),
        Operation::open(
            "GET",
            paths::CONSOLE_OIDC_CALLBACK,
            "finishConsoleOidc",
            tag,
            "Where the OpenID provider leads a browser back to",
        )
        .query_text("state", "As `start` sent it.")
        .query_text("code", "The provider's code.")
        .query_text("error", "Why the provider logs nobody in.")
        .gives_as(
            303,
            "to the console, logged in, or to its login with `problem` in the fragment",
            &[],
        )
        .with_headers(303, &["Location", "Set-Cookie"])
        .errors(&[E::Forbidden, E::NotFound]),
    ]
}
