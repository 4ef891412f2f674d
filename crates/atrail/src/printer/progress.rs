//! Progress of a long transfer.

use std::sync::atomic::{AtomicU64, Ordering};

use indicatif::{BinaryBytes, ProgressBar, ProgressDrawTarget, ProgressState, ProgressStyle};

use super::Printer;

/// A bar on standard error at a terminal; elsewhere a line at the start and one at the end.
#[derive(Debug)]
pub(crate) struct Progress {
    bar: Option<ProgressBar>,
    printer: Printer,
    what: String,
    total: u64,
    position: AtomicU64,
}

impl Printer {
    /// Starts the progress display of a transfer of `total` bytes: a bar, or two lines.
    pub(crate) fn progress(&self, what: &str, start: u64, total: u64) -> Progress {
        Progress::start(self, what, start, total)
    }
}

impl Progress {
    fn start(printer: &Printer, what: &str, start: u64, total: u64) -> Self {
        let bar = (printer.terminals.stderr && !printer.quiet).then(|| bar(start, total));
        // A terminal that cannot move its cursor gets lines, too.
        let bar = bar.filter(|bar| !bar.is_hidden());
        if bar.is_none() {
            let from = if start > 0 {
                format!(", resuming from {}", BinaryBytes(start))
            } else {
                String::new()
            };
            printer.note(&format!("{what}: {}{from}", BinaryBytes(total)));
        }
        Self {
            bar,
            printer: printer.clone(),
            what: what.to_owned(),
            total,
            position: AtomicU64::new(start),
        }
    }

    /// Sets the position; one beyond the end shows as the end.
    pub(crate) fn set(&self, position: u64) {
        self.position.store(position, Ordering::Relaxed);
        if let Some(bar) = &self.bar {
            bar.set_position(position.min(self.total));
        }
    }

    /// Returns how much of the transfer is done, in whole percents.
    pub(crate) fn percent(&self) -> u64 {
        let position = self.position.load(Ordering::Relaxed).min(self.total);
        let percent = u128::from(position) * 100 / u128::from(self.total.max(1));
        u64::try_from(percent).unwrap_or(100)
    }

    /// Prints a note without tearing the bar.
    pub(crate) fn note(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.note(text)),
            None => self.printer.note(text),
        }
    }

    /// Like [`Progress::note`], but `-q` does not hide it.
    pub(crate) fn warn(&self, text: &str) {
        match &self.bar {
            Some(bar) => bar.suspend(|| self.printer.warn(text)),
            None => self.printer.warn(text),
        }
    }

    /// Marks the end, and removes the bar.
    pub(crate) fn clear(&self) {
        if let Some(bar) = &self.bar {
            bar.finish_and_clear();
        }
    }

    /// Marks the end; the bar stays visible.
    pub(crate) fn finish(self) {
        match &self.bar {
            Some(bar) => bar.finish(),
            None => self
                .printer
                .note(&format!("{}: done, {}", self.what, BinaryBytes(self.total))),
        }
    }
}

impl Drop for Progress {
    /// Leaves the cursor on a line of its own when the bar is interrupted.
    fn drop(&mut self) {
        if let Some(bar) = &self.bar
            && !bar.is_finished()
        {
            bar.abandon();
        }
    }
}

/// Returns the original's bar: ` 29.89 KiB / 29.89 KiB [=====] 100.00% 9.73 MiB/s 0s`.
fn bar(start: u64, total: u64) -> ProgressBar {
    let percent = |state: &ProgressState, out: &mut dyn std::fmt::Write| {
        let _ = write!(out, "{:.2}%", f64::from(state.fraction()) * 100.0);
    };
    let template = " {binary_bytes} / {binary_total_bytes} [{bar:32}] {percent_2} {binary_bytes_per_sec} {eta}";
    let style = ProgressStyle::with_template(template)
        .expect("the template is a constant")
        .with_key("percent_2", percent)
        .progress_chars("=>-");
    let bar = ProgressBar::with_draw_target(Some(total), ProgressDrawTarget::stderr_with_hz(10))
        .with_style(style)
        .with_position(start);
    bar.reset_eta();
    bar
}

#[cfg(test)]
mod tests {
    use std::io;
    use std::sync::{Arc, Mutex};

    use indicatif::TermLike;

    use super::*;

    /// Remembers the last line that was drawn.
    #[derive(Debug, Clone, Default)]
    struct LastLine(Arc<Mutex<String>>);

    impl TermLike for LastLine {
        fn width(&self) -> u16 {
            120
        }
        fn move_cursor_up(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_down(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_right(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn move_cursor_left(&self, _: usize) -> io::Result<()> {
            Ok(())
        }
        fn write_line(&self, line: &str) -> io::Result<()> {
            self.write_str(line)
        }
        fn write_str(&self, text: &str) -> io::Result<()> {
            self.0.lock().unwrap().push_str(text);
            Ok(())
        }
        fn clear_line(&self) -> io::Result<()> {
            self.0.lock().unwrap().clear();
            Ok(())
        }
        fn flush(&self) -> io::Result<()> {
            Ok(())
        }
    }

    #[test]
    fn the_bar_is_the_originals() {
        let term = LastLine::default();
        let bar = bar(0, 30_607);
        bar.set_draw_target(ProgressDrawTarget::term_like(Box::new(term.clone())));
        bar.set_position(30_607);
        bar.finish();
        let shown = term.0.lock().unwrap().clone();
        let expected = " 29.89 KiB / 29.89 KiB [================================] 100.00% ";
        assert!(shown.starts_with(expected), "{shown:?}");
        assert!(shown.trim_end().ends_with("B/s 0s"), "{shown:?}");
    }
}
