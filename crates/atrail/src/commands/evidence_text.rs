//! Reads a text of evidence: a receipt, a proof, a list of acknowledgements.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;

use atrail_evidence::MAX_RECEIPT_BYTES;

use crate::error::{CliError, Exit, Result};

/// Where a receipt is, for who has none.
pub(super) const RECEIPT_HINT: &str =
    "`atrail download -o FILE` keeps the receipt as FILE.receipt; --receipt names another";

/// Returns the failure for a file that is not there: nothing can be concluded about it.
pub(super) fn missing(path: &Path) -> Option<CliError> {
    let error = std::fs::metadata(path).err()?;
    (error.kind() == io::ErrorKind::NotFound).then(|| unreadable(path, error))
}

/// Reads the receipt of a download.
pub(super) fn receipt_of(path: &Path) -> Result<String> {
    text_of(path, MAX_RECEIPT_BYTES).map_err(|error| error.hint(RECEIPT_HINT))
}

/// Reads a text of evidence. Without it nothing can be concluded.
pub(super) fn text_of(path: &Path, max_bytes: u64) -> Result<String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    text_in(file, path, max_bytes)
}

/// Like [`text_of`], for an open file.
pub(super) fn text_in(file: File, path: &Path, max_bytes: u64) -> Result<String> {
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > max_bytes {
        return Err(CliError::new(
            Exit::Inconclusive,
            format!("{} is larger than {max_bytes} bytes", path.display()),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|error| CliError::failed(format!("{} is not text", path.display())).because(error))
}

fn unreadable(path: &Path, error: io::Error) -> CliError {
    CliError::unreadable(path, error).with_exit(Exit::Inconclusive)
}
