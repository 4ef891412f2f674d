//! What a measurement that cannot go on says.

use std::path::Path;

/// What a measurement that cannot go on says.
pub(crate) type Result<T> = std::result::Result<T, String>;

/// An error with the path that it is of.
pub(crate) fn at(path: &Path, error: &std::io::Error) -> String {
    format!("{}: {error}", path.display())
}
