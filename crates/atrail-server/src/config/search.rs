//! The section `[search]`.

use atrail_store::SearchSettings;
use serde::{Deserialize, Serialize};

use super::put::{put, put_memory, put_span};
use super::units::{Size, Span};
use crate::settings::SearchLimits;

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct SearchSection {
    on: Option<bool>,
    /// 0: all.
    days: Option<u32>,
    memory: Option<Size>,
    threads: Option<usize>,
    time_limit: Option<Span>,
    at_once: Option<usize>,
}

impl SearchSection {
    pub(super) const fn of(settings: &SearchSettings, limits: &SearchLimits) -> Self {
        let SearchSettings {
            is_on,
            days,
            memory_bytes,
            threads,
        } = *settings;
        Self {
            on: Some(is_on),
            days: Some(match days {
                Some(days) => days,
                None => 0,
            }),
            memory: Some(Size(memory_bytes as u64)),
            threads: Some(threads),
            time_limit: Some(Span(limits.time_limit)),
            at_once: Some(limits.at_once),
        }
    }

    pub(super) fn apply(self, settings: &mut SearchSettings, limits: &mut SearchLimits) {
        let Self {
            on,
            days,
            memory,
            threads,
            time_limit,
            at_once,
        } = self;
        put(&mut settings.is_on, on);
        put(
            &mut settings.days,
            days.map(|days| (days > 0).then_some(days)),
        );
        put_memory(&mut settings.memory_bytes, memory);
        put(&mut settings.threads, threads);
        put_span(&mut limits.time_limit, time_limit);
        put(&mut limits.at_once, at_once);
    }
}
