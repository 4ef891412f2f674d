//! The rules under which a request with a cookie counts: no page of another origin can make such a request.
//!
//! Browsers state where a request comes from (`Sec-Fetch-Site`, W3C Fetch Metadata) and, of one that changes something,
//! the origin. A request that changes something also has a media type and a header field that a page of another origin
//! could only send after a question (CORS preflight), to which this server never agrees.

use atrail_api::headers::CONSOLE;
use axum::http::header::ORIGIN;
use axum::http::{HeaderMap, Method};

use super::{ByCookie, own_origins};
use crate::error::ApiError;
use crate::fields::{media_type, only};
use crate::settings::Settings;

const FETCH_SITE: &str = "sec-fetch-site";

/// Refuses a request that a page of another origin may have made.
pub(crate) fn check(
    settings: &Settings,
    method: &Method,
    headers: &HeaderMap,
    by_cookie: ByCookie,
) -> Result<(), ApiError> {
    match once(headers, FETCH_SITE) {
        Some("same-origin") => {}
        // The user opened the address itself, or the browser resumes a download by itself.
        Some("none") if method.is_safe() && by_cookie == ByCookie::Download => {}
        _ => {
            return Err(refused(
                "Sec-Fetch-Site: same-origin, which browsers add to requests of the server's own pages",
            ));
        }
    }
    if method.is_safe() {
        return Ok(());
    }
    let origins = own_origins::of(settings, headers);
    if !once(headers, ORIGIN.as_str()).is_some_and(|sent| origins.iter().any(|own| own == sent)) {
        return Err(refused(
            "the server's own Origin: behind a proxy, the setting server.public_url states it",
        ));
    }
    if !media_type(headers).eq_ignore_ascii_case("application/json") {
        return Err(refused("Content-Type: application/json"));
    }
    if once(headers, CONSOLE) != Some("1") {
        return Err(refused("X-Atrail-Console: 1"));
    }
    Ok(())
}

/// Returns the text of a header field that occurs once.
fn once<'a>(headers: &'a HeaderMap, name: &str) -> Option<&'a str> {
    only(headers, name).flatten()
}

fn refused(wanted: &str) -> ApiError {
    ApiError::forbidden(format!(
        "a request with a cookie counts when it comes from the console's own pages. This one lacks {wanted}. A program sends a token or an API key instead"
    ))
}
