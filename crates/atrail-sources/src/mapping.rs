//! Mappings: how the objects of a format become CADF, as data.
//!
//! A mapping is a TOML text (`mappings/README.md` describes the form). It is compiled once: the paths of all its values
//! become one tree, so that a conversion reads an event once and builds no values that it does not need.

mod compiled;
mod detect;
mod glob;
mod own;
mod path;
mod slots;
mod spec;
pub(crate) mod time;
mod verbs;
mod way;

use std::sync::OnceLock;

use crate::Reason;
use crate::engine::{Context, Ids};
use crate::formats::Lines;
use crate::json::Own;
use compiled::Compiled;
pub use own::{MappingError, MappingTextError, OwnMapping};
pub(crate) use spec::Spec;
pub use time::read_time;

/// A mapping. An embedded one is compiled when it is first used.
#[derive(Debug)]
pub(crate) struct Mapping {
    source: &'static str,
    compiled: OnceLock<Compiled>,
    /// For a format of lines.
    pub(crate) items: Option<TextItems>,
}

/// Items that are lines of text, and what the mapping reads of them.
#[derive(Debug, Clone, Copy)]
pub(crate) struct TextItems {
    pub(crate) lines: Lines,
    /// Returns an item as a JSON object, or what is wrong with it.
    pub(crate) object: fn(&str) -> Result<Vec<u8>, &'static str>,
}

impl Mapping {
    /// Creates an embedded mapping from its TOML.
    pub(crate) const fn embedded(source: &'static str) -> Self {
        Self {
            source,
            compiled: OnceLock::new(),
            items: None,
        }
    }

    /// Creates a mapping from its written form, or returns what is wrong with it, and where.
    pub(crate) fn new(spec: Spec) -> Result<Self, (String, String)> {
        Ok(Self {
            source: "",
            compiled: OnceLock::from(Compiled::new(spec)?),
            items: None,
        })
    }

    /// Returns what an embedded mapping says above its first section.
    pub(crate) fn head(&self) -> Spec {
        let end = self.source.find("\n[").unwrap_or(self.source.len());
        toml::from_str(&self.source[..end]).expect("a test reads every embedded mapping")
    }

    fn compiled(&self) -> &Compiled {
        self.compiled.get_or_init(|| {
            let spec = toml::from_str(self.source).expect("a test reads every embedded mapping");
            Compiled::new(spec).expect("a test compiles every embedded mapping")
        })
    }

    /// Returns the names of which an object of the format has at least one.
    pub(crate) fn telling(&self) -> impl Iterator<Item = &str> {
        self.compiled().detector().telling()
    }

    /// Reports whether a JSON object, with its members where they are known, or a text of lines is in the format.
    pub(crate) fn recognises(&self, text: &[u8], own: Option<&Own<'_>>) -> bool {
        match self.items_of(text) {
            Some(items) => (items.lines.begins)(first_line(text)),
            None => self.compiled().detector().recognises(text, own),
        }
    }

    /// Returns how a text is read that is no object of the format.
    fn items_of(&self, text: &[u8]) -> Option<TextItems> {
        let has_objects = || self.telling().next().is_some();
        self.items
            .filter(|_| !(text.starts_with(b"{") && has_objects()))
    }

    /// Returns an object, or a text of lines, as CADF, or the reason why it is no event of the format. A mapping without
    /// conditions can convert any object.
    pub(crate) fn convert(
        &self,
        text: &[u8],
        context: Context<'_>,
        ids: &mut Ids,
    ) -> Result<Vec<u8>, Reason> {
        let compiled = self.compiled();
        match self.items_of(text) {
            None => compiled.convert(text, text, context, ids),
            Some(items) => {
                let context = Context {
                    own: None,
                    ..context
                };
                let object = (items.object)(&String::from_utf8_lossy(text))
                    .map_err(|problem| compiled.refuse(problem.to_owned()))?;
                compiled.convert(text, &object, context, ids)
            }
        }
    }

    /// Returns the reason why an object is refused that is not recognised.
    pub(crate) fn not_recognised(&self) -> Reason {
        self.compiled()
            .refuse("it has none of the features of one".to_owned())
    }
}

/// Returns the first line of a text.
pub(crate) fn first_line(text: &[u8]) -> &[u8] {
    let end = memchr::memchr(b'\n', text).unwrap_or(text.len());
    text[..end].trim_ascii_end()
}
