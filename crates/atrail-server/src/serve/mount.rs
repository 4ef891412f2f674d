//! What a listener serves at its root.

use atrail_api::paths;
use axum::http::uri::PathAndQuery;
use axum::http::{Request, Uri};

use crate::settings::Serves;

/// The part of the server's paths that a listener serves at its root.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Mount {
    /// All paths.
    Whole,
    /// The paths below this one.
    Below(&'static str),
}

impl From<Serves> for Mount {
    fn from(serves: Serves) -> Self {
        match serves {
            Serves::Elasticsearch => Self::Below(paths::ES),
        }
    }
}

impl Mount {
    /// Rewrites a request's path as if it had come to the main listener, unless it is one of the exceptions.
    pub(super) fn put<B>(self, request: &mut Request<B>, exceptions: &[&str]) {
        let Self::Below(base) = self else { return };
        let uri = request.uri();
        if exceptions.contains(&uri.path()) {
            return;
        }
        let after = uri.path_and_query().map_or("/", PathAndQuery::as_str);
        let Ok(whole) = PathAndQuery::try_from(format!("{base}{after}")) else {
            return;
        };
        let mut parts = uri.clone().into_parts();
        parts.path_and_query = Some(whole);
        if let Ok(uri) = Uri::from_parts(parts) {
            *request.uri_mut() = uri;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_mount_puts_its_base_before_every_path_but_the_exceptions() {
        for (path, expected) in [
            ("/", "/es/"),
            ("/_bulk?refresh=true", "/es/_bulk?refresh=true"),
            ("/logs/_bulk", "/es/logs/_bulk"),
            ("/healthz", "/healthz"),
            ("/es/_bulk", "/es/es/_bulk"),
        ] {
            let mut request = Request::get(path).body(()).unwrap();
            Mount::Whole.put(&mut request, &["/healthz"]);
            assert_eq!(request.uri(), path);
            Mount::from(Serves::Elasticsearch).put(&mut request, &["/healthz"]);
            assert_eq!(request.uri(), expected);
        }
    }
}
