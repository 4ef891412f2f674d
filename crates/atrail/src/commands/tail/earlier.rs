//! `--since`: the events of before, which a search finds.

use std::collections::HashSet;

use atrail_api::{SearchQuery, TailQuery, paths};
use base64::Engine;
use base64::engine::general_purpose::STANDARD;

use super::event;
use super::wire::{Item, Items};
use crate::client::{Call, Client};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Number of events that one search asks for.
const PAGE: u32 = 500;
/// Largest answer: so many of the largest events.
const PAGE_MAX_BYTES: u64 = 2 << 30;

/// Events that were printed, by the first half of their leaf hash.
#[derive(Debug, Default)]
pub(super) struct Printed(HashSet<[u8; 16]>);

impl Printed {
    fn add(&mut self, leaf: &str) {
        self.0.extend(key(leaf));
    }

    /// Reports whether an event was printed.
    pub(super) fn has(&self, leaf: &str) -> bool {
        key(leaf).is_some_and(|key| self.0.contains(&key))
    }
}

fn key(leaf: &str) -> Option<[u8; 16]> {
    let bytes = STANDARD.decode(leaf).ok()?;
    bytes.first_chunk().copied()
}

/// Prints the events since a day or an instant, oldest first.
pub(super) async fn print_earlier(
    settings: &Settings,
    client: &Client,
    of: &TailQuery,
    start: String,
    as_lines: bool,
) -> Result<Printed> {
    let mut printed = Printed::default();
    let mut query = SearchQuery {
        query: of.query.clone(),
        start: Some(start),
        at_account_level: of.at_account_level,
        order: Some("oldest".to_owned()),
        limit: Some(PAGE),
        ..SearchQuery::default()
    };
    loop {
        let call = Call::post(paths::SEARCH).json(&query)?;
        let answer = client.bytes(call.answer_of_at_most(PAGE_MAX_BYTES)).await?;
        let mut items = Items::default();
        items.push(&answer);
        let mut end = None;
        while let Some(item) = items.next()? {
            match item {
                Item::Event { leaf, line, .. } => {
                    event::print(settings, &line, as_lines)?;
                    printed.add(&leaf);
                }
                Item::Found(found) => end = Some(found),
                _ => {}
            }
        }
        let end = end.ok_or_else(|| CliError::failed("the search broke off"))?;
        query.after = end.after.filter(|_| end.more);
        if query.after.is_none() {
            return Ok(printed);
        }
    }
}
