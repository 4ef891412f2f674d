//! Makes a backup valid: the gathered files replace those of the earlier backup. It succeeds as a whole or restores the
//! earlier backup, even when it is killed half-way and tried again.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::Path;

use atrail_disk::data_dir::CATALOG;
use atrail_disk::durable;

/// The directory for the earlier backup's files until the new ones are in their places.
pub(super) const OUTGOING: &str = ".outgoing";

/// Moves the contents of `stage` into `dir`, the catalog last: a directory without a catalog is not a backup.
///
/// # Errors
/// The reason of the failure; the directory has its earlier contents. But when `stage` has no catalog any more, the new
/// one is in its place, and it is unknown whether it would be there after a crash.
pub(super) fn exchange(stage: &Path, dir: &Path) -> io::Result<()> {
    let outgoing = dir.join(OUTGOING);
    durable::create_dir(&outgoing)?;
    match move_all(stage, dir, &outgoing) {
        Ok(()) => {
            if let Err(error) = durable::remove_dir(&outgoing) {
                tracing::warn!(
                    %error,
                    path = %outgoing.display(),
                    "the earlier backup's files remain beside the new ones: the next backup removes them"
                );
            }
            Ok(())
        }
        // Both are kept: the state of the directory after a crash decides which of them counts.
        Err(error) if !stage.join(CATALOG).exists() && dir.join(CATALOG).exists() => Err(error),
        Err(error) => match put_back(dir) {
            Ok(()) => Err(error),
            Err(stuck) => Err(io::Error::new(
                error.kind(),
                format!(
                    "{error}; and what was there waits in {}: {stuck}",
                    outgoing.display()
                ),
            )),
        },
    }
}

fn move_all(stage: &Path, dir: &Path, outgoing: &Path) -> io::Result<()> {
    for suffix in ["", "-wal", "-shm", "-journal"] {
        let name = format!("{CATALOG}{suffix}");
        if dir.join(&name).exists() {
            durable::rename(&dir.join(&name), &outgoing.join(&name))?;
        }
    }
    // SQLite may have left files beside the snapshot, which is complete without them.
    let is_of_catalog = |name: &OsString| name.to_string_lossy().starts_with(CATALOG);
    let staged = names(stage)?
        .into_iter()
        .filter(|name| !is_of_catalog(name));
    for name in staged {
        let place = dir.join(&name);
        if place.symlink_metadata().is_ok() {
            durable::rename(&place, &outgoing.join(&name))?;
        }
        durable::rename(&stage.join(&name), &place)?;
    }
    durable::rename(&stage.join(CATALOG), &dir.join(CATALOG))
}

/// Completes an exchange that was killed: where the new catalog is in its place, the exchange was done; otherwise it
/// restores the earlier backup.
pub(super) fn put_back(dir: &Path) -> io::Result<()> {
    let outgoing = dir.join(OUTGOING);
    if !outgoing.is_dir() {
        return Ok(());
    }
    if !dir.join(CATALOG).exists() {
        let mut names = names(&outgoing)?;
        names.sort_by_key(|name| name == OsStr::new(CATALOG));
        for name in names {
            let place = dir.join(&name);
            if place.is_dir() {
                durable::remove_dir(&place)?;
            }
            durable::rename(&outgoing.join(&name), &place)?;
        }
    }
    durable::remove_dir(&outgoing)
}

fn names(dir: &Path) -> io::Result<Vec<OsString>> {
    let entries = std::fs::read_dir(dir)?;
    entries.map(|entry| Ok(entry?.file_name())).collect()
}

#[cfg(test)]
mod tests {
    use std::fs;

    use atrail_disk::faults;

    use super::*;

    fn write(dir: &Path, files: &[(&str, &str)]) {
        for (name, text) in files {
            let path = dir.join(name);
            fs::create_dir_all(path.parent().unwrap()).unwrap();
            fs::write(path, text).unwrap();
        }
    }

    fn all(dir: &Path) -> Vec<(String, String)> {
        let mut found = Vec::new();
        for name in names(dir).unwrap() {
            let path = dir.join(&name);
            let name = name.to_string_lossy().into_owned();
            if path.is_dir() {
                let below = all(&path).into_iter();
                found.extend(below.map(|(file, text)| (format!("{name}/{file}"), text)));
            } else {
                found.push((name, fs::read_to_string(path).unwrap()));
            }
        }
        found.sort();
        found
    }

    const OLD: [(&str, &str); 3] = [(CATALOG, "old"), ("keys/k", "old"), ("wal/1.wal", "old")];
    const NEW: [(&str, &str); 3] = [(CATALOG, "new"), ("keys/k", "new"), ("wal/2.wal", "new")];

    fn of(files: &[(&str, &str)]) -> Vec<(String, String)> {
        let mut files: Vec<_> = files
            .iter()
            .map(|(a, b)| ((*a).to_owned(), (*b).to_owned()))
            .collect();
        files.sort();
        files
    }

    #[test]
    fn the_new_takes_the_place_of_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let (stage, into) = (dir.path().join("stage"), dir.path().join("into"));
        write(&stage, &NEW);
        write(&into, &OLD);
        exchange(&stage, &into).unwrap();
        assert_eq!(all(&into), of(&NEW));
    }

    #[test]
    fn what_fails_half_way_leaves_the_old() {
        let dir = tempfile::tempdir().unwrap();
        let (stage, into) = (dir.path().join("stage"), dir.path().join("into"));
        // Without its catalog the last step fails, after all others.
        write(&stage, &NEW[1..]);
        write(&into, &OLD);
        exchange(&stage, &into).unwrap_err();
        assert_eq!(all(&into), of(&OLD));
    }

    #[test]
    fn what_cannot_be_removed_at_the_end_is_no_failure() {
        let dir = tempfile::tempdir().unwrap();
        let (stage, into) = (dir.path().join("stage"), dir.path().join("into"));
        write(&stage, &NEW);
        write(&into, &OLD);
        faults::fail_at("remove", &into.join(OUTGOING));
        exchange(&stage, &into).unwrap();
        fs::remove_dir_all(into.join(OUTGOING)).unwrap();
        assert_eq!(all(&into), of(&NEW));
    }

    #[test]
    fn a_new_catalog_whose_name_may_not_last_keeps_the_old_beside_it() {
        let dir = tempfile::tempdir().unwrap();
        let (stage, into) = (dir.path().join("stage"), dir.path().join("into"));
        write(&stage, &NEW);
        write(&into, &OLD);
        faults::fail_at("sync", &into.join(CATALOG));
        exchange(&stage, &into).unwrap_err();
        assert_eq!(all(&into.join(OUTGOING)), of(&OLD));
        put_back(&into).unwrap();
        assert_eq!(all(&into), of(&NEW));
    }

    #[test]
    fn what_was_killed_half_way_is_put_back_and_what_was_done_stays() {
        for (moved_in, expected) in [(&NEW[1..], &OLD[..]), (&NEW[..], &NEW[..])] {
            let dir = tempfile::tempdir().unwrap();
            write(dir.path(), moved_in);
            write(&dir.path().join(OUTGOING), &OLD);
            put_back(dir.path()).unwrap();
            assert_eq!(all(dir.path()), of(expected));
        }
    }
}
