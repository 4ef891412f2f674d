//! The section `[console]`.

use serde::{Deserialize, Serialize};

use super::put::{put, put_span};
use super::units::Span;
use crate::settings::ConsoleSettings;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ConsoleSection {
    on: Option<bool>,
    idle_ttl: Option<Span>,
    max_ttl: Option<Span>,
    fresh_ttl: Option<Span>,
}

impl ConsoleSection {
    pub(super) const fn of(settings: &ConsoleSettings) -> Self {
        let ConsoleSettings {
            is_on,
            idle_ttl,
            max_ttl,
            fresh_ttl,
            // A flag for those who edit the pages.
            dir: _,
        } = settings;
        Self {
            on: Some(*is_on),
            idle_ttl: Some(Span(*idle_ttl)),
            max_ttl: Some(Span(*max_ttl)),
            fresh_ttl: Some(Span(*fresh_ttl)),
        }
    }

    pub(super) fn apply(self, settings: &mut ConsoleSettings) {
        let Self {
            on,
            idle_ttl,
            max_ttl,
            fresh_ttl,
        } = self;
        put(&mut settings.is_on, on);
        put_span(&mut settings.idle_ttl, idle_ttl);
        put_span(&mut settings.max_ttl, max_ttl);
        put_span(&mut settings.fresh_ttl, fresh_ttl);
    }
}
