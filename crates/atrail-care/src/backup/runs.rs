//! Copies the runs of sealed events' keys, while a server adds and merges runs.

use std::collections::BTreeSet;
use std::ffi::OsStr;
use std::path::{Path, PathBuf};

use atrail_disk::{Result, StoreError, durable, io_failure, list};

use super::copy::copy_file;

/// How often the runs are listed before they count as changing too fast.
const LISTINGS: usize = 100;

/// Copies all runs, after the snapshot of the catalog, whose seals are in them by then. A run that disappears meanwhile
/// was merged into another: so the directory is listed again until every run in it was listed before.
///
/// # Errors
/// When the disk fails, or the runs change faster than they can be copied.
pub(super) async fn copy_runs(from: &Path, to: &Path) -> Result<()> {
    durable::create_dir(to).map_err(io_failure("make", to))?;
    let mut seen = BTreeSet::new();
    for _ in 0..LISTINGS {
        let runs: BTreeSet<_> = list(from.to_owned()).await?.0.into_iter().collect();
        let new: Vec<_> = runs.difference(&seen).cloned().collect();
        if new.is_empty() {
            return remove_merged(to, seen.difference(&runs));
        }
        for file in new {
            if let Some(name) = run_name(&file) {
                copy_file(&file, &to.join(name))?;
            }
            seen.insert(file);
        }
    }
    Err(StoreError::Conflict(format!(
        "the runs in {} change faster than they can be copied: try again, or copy to a faster disk",
        from.display()
    )))
}

/// Removes runs from the copy that were merged into others in the copy.
fn remove_merged<'a>(dir: &Path, merged: impl Iterator<Item = &'a PathBuf>) -> Result<()> {
    for name in merged.filter_map(|file| run_name(file)) {
        let path = dir.join(name);
        durable::remove_if_there(&path).map_err(io_failure("remove", &path))?;
    }
    Ok(())
}

/// Returns the name of a run that is not being written.
fn run_name(file: &Path) -> Option<&OsStr> {
    file.file_name()
        .filter(|name| !name.to_string_lossy().starts_with('.'))
}

#[cfg(test)]
mod tests {
    use std::fs;
    use std::sync::Arc;
    use std::sync::atomic::{AtomicBool, Ordering};
    use std::thread;

    use super::*;
    use atrail_disk::ErrorKind;

    /// Each new file replaces all earlier ones.
    #[tokio::test]
    async fn a_copy_ends_however_fast_runs_are_merged_and_has_them_all() {
        let dir = tempfile::tempdir().unwrap();
        let (from, to) = (dir.path().join("from"), dir.path().join("to"));
        fs::create_dir(&from).unwrap();
        fs::write(from.join("0.run"), "0").unwrap();
        fs::write(from.join(".1.run.tmp"), "half").unwrap();
        let stop = Arc::new(AtomicBool::new(false));
        let merges = {
            let (from, stop) = (from.clone(), Arc::clone(&stop));
            thread::spawn(move || {
                let path = |n: u64| from.join(format!("{n}.run"));
                let mut last = 0;
                while !stop.load(Ordering::Relaxed) {
                    last += 1;
                    fs::write(path(last), last.to_string()).unwrap();
                    fs::remove_file(path(last - 1)).unwrap();
                }
                last
            })
        };
        let meanwhile = copy_runs(&from, &to).await;
        stop.store(true, Ordering::Relaxed);
        let last = merges.join().unwrap();
        let kind = meanwhile.map_err(|error| error.kind());
        assert!(
            matches!(kind, Ok(()) | Err(ErrorKind::Conflict)),
            "{kind:?}"
        );
        fs::remove_dir_all(&to).unwrap();
        copy_runs(&from, &to).await.unwrap();
        let names: Vec<_> = list(to.clone()).await.unwrap().0;
        assert_eq!(names, [to.join(format!("{last}.run"))]);
    }
}
