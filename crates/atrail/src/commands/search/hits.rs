//! Hits as they arrive, from the server or from files.

use std::path::PathBuf;

use atrail_api::HitPlace;
use bytes::Bytes;
use serde::Serialize;

use super::offline::{Merge, Sortable};
use super::server::{Exported, Pages};
use crate::error::{CliError, Result};

/// Hits that are passed on at once, and bytes of their lines.
const BATCH_HITS: usize = 1000;
const BATCH_BYTES: usize = 4 << 20;

/// An event that matches.
#[derive(Debug)]
pub(super) struct Hit {
    /// Its line, without the LF.
    pub(super) line: Bytes,
    /// Its place, where the answer states it.
    pub(super) place: Option<Place>,
}

/// The place of an event.
#[derive(Debug, Serialize)]
#[serde(untagged)]
pub(super) enum Place {
    /// On the server.
    Server(HitPlace),
    /// In a file.
    File {
        /// The file.
        file: String,
        /// Its number among the file's events, from 1.
        line: u64,
    },
}

impl Hit {
    /// Returns GUID of its space, or of the account, where the answer states it.
    pub(super) fn space(&self) -> Option<&str> {
        match &self.place {
            Some(Place::Server(place)) => Some(&place.space),
            Some(Place::File { .. }) | None => None,
        }
    }
}

/// Hits in their order.
#[derive(Debug)]
pub(super) enum Hits<'a> {
    /// From the server's answers, one after the other.
    Pages(Pages<'a>),
    /// From one stream of all hits.
    Exported(Exported),
    /// From files.
    Sorted(Merge, Vec<PathBuf>),
}

impl Hits<'_> {
    /// Returns the next hits; none at the end.
    pub(super) async fn next(&mut self) -> Result<Vec<Hit>> {
        match self {
            Self::Pages(pages) => pages.next().await,
            Self::Exported(exported) => exported.next().await,
            Self::Sorted(sorted, files) => {
                // Lets Ctrl-C end the work.
                tokio::task::yield_now().await;
                sorted_batch(sorted, files)
            }
        }
    }
}

fn sorted_batch(sorted: &mut Merge, files: &[PathBuf]) -> Result<Vec<Hit>> {
    let mut batch = Vec::new();
    let mut bytes = 0;
    while batch.len() < BATCH_HITS && bytes < BATCH_BYTES {
        let Some(hit) = sorted.next() else {
            break;
        };
        let Sortable { key, line } =
            hit.map_err(|error| CliError::failed("sorted hits could not be read").because(error))?;
        bytes += line.len();
        batch.push(Hit {
            line: line.into(),
            place: files.get(key.file as usize).map(|file| Place::File {
                file: file.display().to_string(),
                line: key.number + 1,
            }),
        });
    }
    Ok(batch)
}
