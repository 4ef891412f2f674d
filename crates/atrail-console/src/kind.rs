//! Which files are assets, and of what kind. `build.rs` contains this file, too.

/// Returns the media type of an asset by its path; `None` for a file that is none, such as a note for developers.
pub(crate) fn content_type(path: &str) -> Option<&'static str> {
    let (_, ending) = path.rsplit_once('.')?;
    Some(match ending {
        "js" => "text/javascript; charset=utf-8",
        "css" => "text/css; charset=utf-8",
        "svg" => "image/svg+xml",
        "png" => "image/png",
        "wasm" => "application/wasm",
        _ => return None,
    })
}

/// Returns whether an asset is the script of a worker.
pub(crate) fn is_worker(path: &str) -> bool {
    path == "worker.js"
}
