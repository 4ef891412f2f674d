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
/// When a path does not exist, or a directory cannot be read.
pub(super) fn find(paths: &[PathBuf], choice: Choice) -> Result<Found> {
    let mut found = Found::default();
    for path in paths {
        let metadata = fs::metadata(path).map_err(|error| CliError::unreadable(path, error))?;
        if metadata.is_dir() {
            descend(path, "", choice, &mut found)?;
        } else if choice.class(&shown(path)) == Class::Digest {
            found.digests.push(path.clone());
        } else {
            found.events.push((path.clone(), metadata.len()));
        }
    }
    Ok(found)
}

fn descend(dir: &Path, below: &str, choice: Choice, found: &mut Found) -> Result<()> {
    let failed = |error| CliError::unreadable(dir, error);
    let entries = fs::read_dir(dir).map_err(failed)?;
    let mut entries: Vec<DirEntry> = entries.collect::<io::Result<_>>().map_err(failed)?;
    entries.sort_by_key(DirEntry::file_name);
    for entry in entries {
        let path = entry.path();
        let relative = format!("{below}/{}", entry.file_name().to_string_lossy());
        let failed = |error| CliError::unreadable(&path, error);
        if entry.file_type().map_err(failed)?.is_dir() {
            if !relative
                .rsplit('/')
                .next()
                .is_some_and(|name| name.starts_with('.'))
            {
                descend(&path, &relative, choice, found)?;
            }
            continue;
        }
        let metadata = fs::metadata(&path).map_err(failed)?;
        match choice.class(&relative) {
            _ if !metadata.is_file() => found.passed_over += 1,
            Class::Events => found.events.push((path, metadata.len())),
            Class::Digest => found.digests.push(path),
            Class::PassedOver => found.passed_over += 1,
        }
    }
    Ok(())
}

/// Returns a path with `/` between its parts.
fn shown(path: &Path) -> String {
    path.to_string_lossy().replace('\\', "/")
}
