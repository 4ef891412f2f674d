//! Finds the files of an import below the paths that the user names.

use std::fs::{self, DirEntry};
use std::io;
use std::path::{Path, PathBuf};

use atrail_sources::SourceKind;

use crate::cloudtrail::names;
use crate::error::{CliError, Result};

/// Ends of the names of files that CloudTrail writes, and of those that were unpacked or packed again.
const RECORD_ENDS: [&str; 3] = [".json", ".json.gz", ".json.zst"];

/// The end of the name of a file that holds the metadata of a digest beside it.
pub(super) const METADATA_END: &str = ".metadata.json";

/// The files below some paths, in the order of their names.
#[derive(Debug, Default)]
pub(super) struct Found {
    /// Files with events, and their lengths.
    pub(super) events: Vec<(PathBuf, u64)>,
    /// Digest files of CloudTrail.
    pub(super) digests: Vec<PathBuf>,
    /// What cannot be read below a directory, and why.
    pub(super) failed: Vec<(PathBuf, String)>,
    /// How many files have names that the format's files do not have.
    pub(super) passed_over: u64,
}

/// Which files of a directory, or objects of a bucket, have events.
#[derive(Debug, Clone, Copy)]
pub(super) struct Choice {
    /// The format that the user names.
    pub(super) kind: SourceKind,
    /// The first day, where a name states one.
    pub(super) since: Option<atrail_model::Day>,
}

/// What a name says of a file.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Class {
    Events,
    Digest,
    PassedOver,
}

impl Choice {
    /// Classifies a path below a directory or in a bucket, with `/` between its parts.
    pub(super) fn class(self, path: &str) -> Class {
        let name = path.rsplit('/').next().unwrap_or(path);
        let is_early = || {
            let day = names::day_of(path);
            self.since.zip(day).is_some_and(|(since, day)| day < since)
        };
        if name.is_empty() || name.starts_with('.') {
            return Class::PassedOver;
        }
        if self.may_have_digests() && names::is_digest(name) {
            let is_signature = name.ends_with(METADATA_END);
            let has_end = RECORD_ENDS.iter().any(|end| name.ends_with(end));
            return match has_end && !is_signature && !is_early() {
                true => Class::Digest,
                false => Class::PassedOver,
            };
        }
        let has_end = !self.is_cloudtrail()
            || RECORD_ENDS.iter().any(|end| name.ends_with(end))
                && !names::is_of_another_service(path);
        match has_end && !is_early() {
            true => Class::Events,
            false => Class::PassedOver,
        }
    }

    pub(super) fn is_cloudtrail(self) -> bool {
        self.kind.name() == "cloudtrail"
    }

    /// Returns whether digest files may stand among the events.
    fn may_have_digests(self) -> bool {
        self.is_cloudtrail() || self.kind == SourceKind::Auto
    }
}

/// Finds the files. A path that the user names is read whatever its name; a link to a directory is followed only there.
///
/// # Errors
/// When a path that the user names does not exist, or is a directory that cannot be read. What is below it costs only
/// itself: it may be a link to nowhere, or gone since the directory was read.
pub(super) fn find(paths: &[PathBuf], choice: Choice) -> Result<Found> {
    let mut found = Found::default();
    for path in paths {
        let failed = |error| CliError::unreadable(path, error);
        let metadata = fs::metadata(path).map_err(failed)?;
        if metadata.is_dir() {
            descend(path, "", choice, &mut found).map_err(failed)?;
        } else if choice.class(&shown(path)) == Class::Digest {
            found.digests.push(path.clone());
        } else {
            found.events.push((path.clone(), metadata.len()));
        }
    }
    Ok(found)
}

fn descend(dir: &Path, below: &str, choice: Choice, found: &mut Found) -> io::Result<()> {
    let mut entries: Vec<DirEntry> = fs::read_dir(dir)?.collect::<io::Result<_>>()?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let relative = format!("{below}/{}", entry.file_name().to_string_lossy());
        if let Err(error) = one(&entry, &relative, choice, found) {
            let why = format!("it could not be read: {error}");
            found.failed.push((entry.path(), why));
        }
    }
    Ok(())
}

fn one(entry: &DirEntry, relative: &str, choice: Choice, found: &mut Found) -> io::Result<()> {
    let path = entry.path();
    if entry.file_type()?.is_dir() {
        let is_hidden = entry.file_name().to_string_lossy().starts_with('.');
        return match is_hidden {
            true => Ok(()),
            false => descend(&path, relative, choice, found),
        };
    }
    let class = choice.class(relative);
    if class == Class::PassedOver {
        found.passed_over += 1;
        return Ok(());
    }
    let metadata = fs::metadata(&path)?;
    match class {
        Class::Events if metadata.is_file() => found.events.push((path, metadata.len())),
        Class::Digest if metadata.is_file() => found.digests.push(path),
        _ => found.passed_over += 1,
    }
    Ok(())
}

/// Returns a path with `/` between its parts.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
