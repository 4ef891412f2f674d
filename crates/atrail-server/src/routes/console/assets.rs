//! Serves the console's pages: compressed or not, from what the build embeds.

use axum::http::{HeaderMap, HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};

use super::super::unknown_path;
use crate::app::App;
use crate::error::ApiError;

/// A browser keeps an asset whose path names its version; it asks again for anything else.
const FOR_EVER: &str = "public, max-age=31536000, immutable";
const ASK_AGAIN: &str = "no-cache";

/// Returns the asset at this path below `/console/`.
pub(super) async fn serve(
    app: &App,
    headers: &HeaderMap,
    path: &str,
) -> Result<Response, ApiError> {
    let asset = if app.settings.console.is_served() {
        find(app, path)?
    } else {
        None
    };
    let Some(asset) = asset else {
        return Err(unknown_path().await);
    };
    let is_gz = takes_gzip(headers);
    let etag = if is_gz {
        format!("\"{}-gz\"", asset.sha256)
    } else {
        format!("\"{}\"", asset.sha256)
    };
    let is_known = headers
        .get_all(header::IF_NONE_MATCH)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .any(|one| one.trim().trim_start_matches("W/") == etag || one.trim() == "*");
    let (status, body) = if is_known {
        (StatusCode::NOT_MODIFIED, Vec::new())
    } else if is_gz {
        (StatusCode::OK, asset.gz.to_vec())
    } else {
        (StatusCode::OK, asset.bytes())
    };
    let mut response = (status, body).into_response();
    let keep = if asset.is_immutable {
        FOR_EVER
    } else {
        ASK_AGAIN
    };
    let fields = [
        (header::CONTENT_TYPE, Some(asset.content_type.to_owned())),
        (header::CONTENT_ENCODING, is_gz.then(|| "gzip".to_owned())),
        (header::CACHE_CONTROL, Some(keep.to_owned())),
        (header::ETAG, Some(etag)),
        (header::VARY, Some("Accept-Encoding".to_owned())),
        (
            header::CONTENT_SECURITY_POLICY,
            Some(asset.policy.value().to_owned()),
        ),
    ];
    for (name, value) in fields {
        if let Some(value) = value {
            let value = HeaderValue::try_from(value).map_err(ApiError::internal)?;
            response.headers_mut().insert(name, value);
        }
    }
    Ok(response)
}

fn find(app: &App, path: &str) -> Result<Option<atrail_console::Asset>, ApiError> {
    #[cfg(debug_assertions)]
    if let Some(dir) = &app.settings.console.dir {
        return atrail_console::from_dir(dir, path).map_err(ApiError::internal);
    }
    let _ = app;
    Ok(atrail_console::get(path))
}

/// Returns whether a client takes gzip (RFC 9110 §12.5.3).
fn takes_gzip(headers: &HeaderMap) -> bool {
    let codings = headers
        .get_all(header::ACCEPT_ENCODING)
        .iter()
        .filter_map(|value| value.to_str().ok())
        .flat_map(|value| value.split(','))
        .map(|coding| coding.split_once(';').unwrap_or((coding, "")));
    let is_refused = |weight: &str| {
        let weight = weight.trim().strip_prefix("q=");
        weight.is_some_and(|weight| weight.parse() == Ok(0.0_f32))
    };
    let mut any = false;
    for (name, weight) in codings {
        match name.trim() {
            name if name.eq_ignore_ascii_case("gzip") => return !is_refused(weight),
            "*" => any = !is_refused(weight),
            _ => {}
        }
    }
    any
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn gzip_is_for_clients_that_take_it() {
        for (sent, expected) in [
            ("gzip, deflate, br, zstd", true),
            ("GZIP", true),
            ("br, gzip;q=0.5", true),
            ("*", true),
            ("*;q=0, gzip", true),
            ("gzip;q=0, *", false),
            ("gzip;q=0.000", false),
            ("br", false),
            ("", false),
            ("x-gzip2", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::ACCEPT_ENCODING, HeaderValue::from_static(sent));
            assert_eq!(takes_gzip(&headers), expected, "{sent}");
        }
        assert!(!takes_gzip(&HeaderMap::new()));
    }
}
