//! Says what a download brought.

use std::path::Path;

use atrail_api::Session;

use crate::printer::{Format, counted, size};
use crate::settings::Settings;
use crate::tool::Spelling;

/// The original's last line.
pub(super) const DONE: &str = "Download completed successfully";

/// Says what was downloaded: file, events, days, size and receipt. Warns when there are no events. The original said
/// nothing of it, so its spelling does not.
pub(super) fn print(
    settings: &Settings,
    file: Option<&Path>,
    session: &Session,
    bytes: Option<u64>,
    receipt: Option<&Path>,
) {
    let printer = &settings.printer;
    if settings.spelling == Spelling::Original {
        return;
    }
    let file = file.map(|path| format!("{}: ", path.display()));
    let file = file.unwrap_or_default();
    let scope = scope(session);
    if session.events == 0 {
        printer.warn(&format!("warning: {file}there is no event of {scope}"));
    }
    if printer.format != Format::Table {
        return;
    }
    let bytes = bytes.map(|bytes| format!(", {}", size(bytes)));
    let receipt = receipt.map(|path| format!(". Receipt: {}", path.display()));
    printer.note(&format!(
        "{file}{} of {scope}{}{}",
        counted(session.events, "event"),
        bytes.unwrap_or_default(),
        receipt.unwrap_or_default()
    ));
}

/// Names the days and hours of a session.
fn scope(session: &Session) -> String {
    let (start, end) = (&session.date_range.start, &session.date_range.end);
    let days = if start == end {
        start.clone()
    } else {
        format!("{start} to {end}")
    };
    match session.search_time.as_str() {
        "" => days,
        hours => format!("{days}, hours {hours}"),
    }
}
