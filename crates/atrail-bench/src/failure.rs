//! The error of a measurement that cannot continue.

use std::path::Path;

/// The error of a measurement that cannot continue.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// Returns an error with its path.
pub(crate) fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
