//! Overrides a default with the file's value, if there is one.

use std::time::Duration;

use super::units::{Size, Span};

pub(super) fn put<T>(setting: &mut T, said: Option<T>) {
    if let Some(value) = said {
        *setting = value;
    }
}

pub(super) fn put_memory(setting: &mut usize, said: Option<Size>) {
    let bytes = said.map(|Size(bytes)| usize::try_from(bytes).unwrap_or(usize::MAX));
    put(setting, bytes);
}

pub(super) fn put_size(setting: &mut u64, said: Option<Size>) {
    put(setting, said.map(|Size(bytes)| bytes));
}

pub(super) fn put_span(setting: &mut Duration, said: Option<Span>) {
    put(setting, said.map(|Span(duration)| duration));
}
