//! Elasticsearch's bulk body: a line with an action and, after it, a line with the document.
//!
//! Blank lines are skipped, for rsyslog sends one after each document; the last line need not end with a line break.
//! An action names the document's id and index; `update` has its document in `doc` or `upsert`, and `delete` has none.
//!
//! A line that stands where an action should stand, and is none, is a document of its own: the senders of damaged
//! documents would otherwise lose those around them.
//!
//! Source: "Bulk index or delete documents", the API reference of Elasticsearch 8.

mod action;

use std::borrow::Cow;

use atrail_sources::{Hints, Payload};
use serde::Deserialize;
use serde_json::value::RawValue;

use action::Action;
pub use action::Verb;

/// One item of a bulk body: an action with its document.
#[derive(Debug)]
pub struct Item<'a> {
    /// What the action does. The item of the answer has its name.
    pub verb: Verb,
    /// The index that the action names.
    pub index: Option<Cow<'a, str>>,
    /// The id that the action names.
    pub id: Option<Cow<'a, str>>,
    /// The document, or why there is none.
    pub document: Result<&'a [u8], NoDocument>,
}

/// Why an item has no document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum NoDocument {
    /// The action deletes.
    #[error("delete is not supported: events are immutable")]
    Deletes,
    /// The body ends after the action.
    #[error("the action has no document: the body ends after it")]
    Missing,
}

/// The first line of a body is no action, so the body is no bulk body.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
#[error(
    "the first line of the body is no action, such as {{\"create\":{{}}}}: a bulk body has pairs of lines, an action and \
     its document"
)]
pub struct NotBulk;

/// Returns the items of a bulk body, in order.
///
/// # Errors
/// When the first line is no action. A body without lines has no items.
pub fn items(body: &[u8]) -> Result<Items<'_>, NotBulk> {
    let mut lines = Lines { rest: body };
    match lines.next().map(Action::read) {
        Some(None) => Err(NotBulk),
        Some(Some(_)) | None => Ok(Items {
            lines: Lines { rest: body },
        }),
    }
}

/// The items of a bulk body. See [`items`].
#[derive(Debug)]
pub struct Items<'a> {
    lines: Lines<'a>,
}

impl<'a> Iterator for Items<'a> {
    type Item = Item<'a>;

    fn next(&mut self) -> Option<Item<'a>> {
        let line = self.lines.next()?;
        let Some(Action { verb, index, id }) = Action::read(line) else {
            return Some(Item {
                verb: Verb::Index,
                index: None,
                id: None,
                document: Ok(line),
            });
        };
        let document = match verb {
            Verb::Delete => Err(NoDocument::Deletes),
            Verb::Index | Verb::Create => self.lines.next().ok_or(NoDocument::Missing),
            Verb::Update => match self.lines.next() {
                Some(line) => Ok(updated(line)),
                None => Err(NoDocument::Missing),
            },
        };
        Some(Item {
            verb,
            index,
            id,
            document,
        })
    }
}

impl<'a> Item<'a> {
    /// Returns the payload, if there is a document: it is the item's, and the id is a hint.
    ///
    /// # Errors
    /// When the item has no document.
    pub fn payload(&self) -> Result<Payload<'_>, NoDocument> {
        let text = self.document?;
        Ok(Payload {
            text: Cow::Borrowed(text),
            hints: Hints {
                id: self.id.as_deref().map(Cow::Borrowed),
                ..Hints::default()
            },
        })
    }
}

/// The lines that are not blank, without their ends.
#[derive(Debug)]
struct Lines<'a> {
    rest: &'a [u8],
}

impl<'a> Iterator for Lines<'a> {
    type Item = &'a [u8];

    fn next(&mut self) -> Option<&'a [u8]> {
        while !self.rest.is_empty() {
            let (line, rest) = match memchr::memchr(b'\n', self.rest) {
                Some(end) => (&self.rest[..end], &self.rest[end + 1..]),
                None => (self.rest, &[][..]),
            };
            self.rest = rest;
            let line = line.trim_ascii();
            if !line.is_empty() {
                return Some(line);
            }
        }
        None
    }
}

/// Returns the document of an update: its `doc`, or else its `upsert`; the whole line when it has neither.
fn updated(line: &[u8]) -> &[u8] {
    #[derive(Deserialize)]
    struct Update<'a> {
        #[serde(borrow)]
        doc: Option<&'a RawValue>,
        #[serde(borrow)]
        upsert: Option<&'a RawValue>,
    }
    let Ok(Update { doc, upsert }) = serde_json::from_slice(line) else {
        return line;
    };
    doc.or(upsert).map_or(line, |raw| raw.get().as_bytes())
}

#[cfg(test)]
mod tests;
