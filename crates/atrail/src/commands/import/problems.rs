//! Names what is wrong, as it occurs.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::printer::{Printer, Progress};
use crate::settings::Settings;

/// Prints problems, above the progress bar where there is one, and counts them.
pub(super) struct Problems<'a> {
    printer: &'a Printer,
    progress: Option<Progress>,
    count: AtomicU64,
}

impl<'a> Problems<'a> {
    /// Starts the progress bar if `total_bytes`, the length of all files, is known.
    pub(super) fn start(settings: &'a Settings, total_bytes: Option<u64>) -> Self {
        let printer = &settings.printer;
        let total = total_bytes.filter(|_| printer.terminals.stderr);
        Self {
            printer,
            progress: total.map(|total| printer.progress("Importing", 0, total)),
            count: AtomicU64::new(0),
        }
    }

    /// Names something that is wrong.
    pub(super) fn add(&self, text: &str) {
        self.count.fetch_add(1, Ordering::Relaxed);
        self.warn(text);
    }

    /// Returns how many problems were named.
    pub(super) fn count(&self) -> u64 {
        self.count.load(Ordering::Relaxed)
    }

    /// Names something that is counted elsewhere.
    pub(super) fn warn(&self, text: &str) {
        match &self.progress {
            Some(progress) => progress.warn(text),
            None => self.printer.warn(text),
        }
    }

    /// Prints a line that names nothing wrong.
    pub(super) fn note(&self, text: &str) {
        match &self.progress {
            Some(progress) => progress.note(text),
            None => self.printer.note(text),
        }
    }

    pub(super) const fn progress(&self) -> Option<&Progress> {
        self.progress.as_ref()
    }
}
