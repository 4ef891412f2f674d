//! Reports how much room the disk has.

use std::io;
use std::path::Path;

use crate::error::StoreError;

/// Less than this counts as none: the catalog's smallest transaction may need more.
const NONE_BYTES: u64 = 1 << 20;

/// Returns how many bytes an ordinary process can still write to the file system of this path. Quotas do not always
/// show in it, and on file systems that copy on write it is an estimate.
pub fn free_bytes(path: &Path) -> io::Result<u64> {
    let system = rustix::fs::statvfs(path)?;
    Ok(system.f_bavail.saturating_mul(system.f_frsize))
}

/// Returns the error; one that may be a lack of space becomes that when the disk has none. (SQLite reports of some
/// failed writes and syncs only that they failed.)
pub fn explain(error: StoreError, path: &Path) -> StoreError {
    let is_none = || free_bytes(path).is_ok_and(|free| free < NONE_BYTES);
    explain_with(error, is_none)
}

fn explain_with(error: StoreError, is_none: impl Fn() -> bool) -> StoreError {
    if error.may_be_for_want_of_space() && is_none() {
        return StoreError::Full(io::Error::new(io::ErrorKind::StorageFull, error));
    }
    error
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::database_error::{DatabaseError, Shortage};
    use crate::error::ErrorKind;

    fn kind(shortage: Shortage, is_none: bool) -> ErrorKind {
        let source = DatabaseError::new(io::Error::other("disk I/O error"), shortage);
        let what = "write";
        explain_with(StoreError::Catalog { what, source }, || is_none).kind()
    }

    #[test]
    fn a_failed_write_of_the_catalog_is_a_full_disk_when_there_is_no_space() {
        assert_eq!(kind(Shortage::Unwritten, true), ErrorKind::Full);
        assert_eq!(kind(Shortage::Unwritten, false), ErrorKind::Broken);
        assert_eq!(
            kind(Shortage::Full, false),
            ErrorKind::Full,
            "it says so itself"
        );
        assert_eq!(
            kind(Shortage::Unknown, true),
            ErrorKind::Broken,
            "a failed read"
        );
    }

    #[test]
    fn there_is_space_where_tests_run() {
        let dir = tempfile::tempdir().unwrap();
        assert!(free_bytes(dir.path()).unwrap() > NONE_BYTES);
        assert!(free_bytes(&dir.path().join("nothing")).is_err());
    }
}
