//! What the command line names.

use std::path::PathBuf;

use atrail_sources::SourceKind;

use crate::aws::s3::Place;
use crate::aws::sqs::QueueUrl;
use crate::error::{CliError, Result};

/// The arguments that name where the events are.
pub(super) struct Named<'a> {
    /// The format, and then the paths.
    pub(super) words: &'a [String],
    /// The format, if an option names it; then every word is a path.
    pub(super) kind: Option<SourceKind>,
    /// The URL of a queue.
    pub(super) sqs: Option<&'a str>,
    /// Whether digests are to be checked.
    pub(super) has_digests: bool,
}

/// Where the events are.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) kind: SourceKind,
    pub(super) paths: Vec<PathBuf>,
    pub(super) places: Vec<Place>,
    pub(super) queue: Option<QueueUrl>,
}

impl Sources {
    pub(super) fn of(named: &Named<'_>) -> Result<Self> {
        let mut words = named.words;
        let kind = match (named.kind, words) {
            (Some(kind), _) => kind,
            (None, [first, rest @ ..]) if let Some(kind) = format_of(first) => {
                words = rest;
                kind
            }
            (None, _) => SourceKind::Auto,
        };
        let (buckets, paths): (Vec<_>, Vec<_>) =
            words.iter().partition(|word| word.starts_with("s3://"));
        let sources = Self {
            kind,
            paths: paths.iter().map(PathBuf::from).collect(),
            places: (buckets.iter())
                .map(|word| word.parse())
                .collect::<Result<_>>()?,
            queue: named.sqs.map(str::parse).transpose()?,
        };
        let is_empty = sources.paths.is_empty() && sources.places.is_empty();
        if is_empty && sources.queue.is_none() {
            return Err(CliError::usage("no path is given").hint(
                "`atrail import FORMAT PATH…`; a file that is named as a format is ./FORMAT",
            ));
        }
        if sources.queue.is_some() && !is_empty {
            return Err(CliError::usage(
                "--sqs takes no path: the messages name the objects",
            ));
        }
        if named.has_digests && !is_cloudtrail(kind) {
            return Err(CliError::usage("only CloudTrail has digest files")
                .hint("`atrail import cloudtrail PATH… --verify-digests`"));
        }
        if named.has_digests && sources.has_stdin() {
            return Err(CliError::usage(
                "standard input cannot be checked: no digest file lists it",
            ));
        }
        Ok(sources)
    }

    /// Returns the paths but standard input.
    pub(super) fn local_paths(&self) -> Vec<PathBuf> {
        let paths = self.paths.iter();
        paths
            .filter(|path| path.as_os_str() != "-")
            .cloned()
            .collect()
    }

    pub(super) fn has_stdin(&self) -> bool {
        self.paths.iter().any(|path| path.as_os_str() == "-")
    }
}

/// Returns the format of this name, in any case.
fn format_of(word: &str) -> Option<SourceKind> {
    word.to_ascii_lowercase().parse().ok()
}

fn is_cloudtrail(kind: SourceKind) -> bool {
    kind.name() == "cloudtrail"
}
