//! What the command line names.

use std::path::PathBuf;

use atrail_sources::SourceKind;

use super::Args;
use crate::aws::s3::Place;
use crate::aws::sqs::QueueUrl;
use crate::error::{CliError, Result};

/// Where the events are.
#[derive(Debug)]
pub(super) struct Sources {
    pub(super) kind: SourceKind,
    pub(super) paths: Vec<PathBuf>,
    pub(super) places: Vec<Place>,
    pub(super) queue: Option<QueueUrl>,
}

impl Sources {
    pub(super) fn of(args: &Args) -> Result<Self> {
        let mut words = args.words.as_slice();
        let kind = match (args.kind, words) {
            (Some(kind), _) => kind,
            (None, [first, rest @ ..]) if let Some(kind) = named(first) => {
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
            queue: args.sqs.as_deref().map(str::parse).transpose()?,
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
        if args.verify_digests && !is_cloudtrail(kind) {
            return Err(CliError::usage("only CloudTrail has digest files")
                .hint("`atrail import cloudtrail PATH… --verify-digests`"));
        }
        if args.verify_digests && sources.has_stdin() {
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
fn named(word: &str) -> Option<SourceKind> {
    word.to_ascii_lowercase().parse().ok()
}

fn is_cloudtrail(kind: SourceKind) -> bool {
    kind.name() == "cloudtrail"
}
