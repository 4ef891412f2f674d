//! The server's log, on standard error.

use std::io;

use atrail_server::{LogFormat, LogLevel, LogSettings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::printer::Printer;

/// The started log.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log(LogFormat);

/// Starts the log: atrail's own lines from this level on. It limits the libraries to warnings, because nobody has
/// checked their lines for secrets.
pub(super) fn start(settings: LogSettings, ansi: bool) -> Log {
    let LogSettings { format, level } = settings;
    let level = match level {
        LogLevel::Error => LevelFilter::ERROR,
        LogLevel::Warn => LevelFilter::WARN,
        LogLevel::Info => LevelFilter::INFO,
        LogLevel::Debug => LevelFilter::DEBUG,
        LogLevel::Trace => LevelFilter::TRACE,
    };
    let filter = Targets::new()
        .with_default(level.min(LevelFilter::WARN))
        .with_target("atrail", level);
    let lines = fmt::layer().with_writer(io::stderr);
    let lines = match format {
        LogFormat::Text => lines.with_ansi(ansi).boxed(),
        LogFormat::Json => lines.json().flatten_event(true).boxed(),
    };
    tracing_subscriber::registry()
        .with(lines.with_filter(filter))
        .init();
    std::panic::set_hook(Box::new(|panic| {
        let place = panic.location().map(ToString::to_string);
        tracing::error!(place, "panicked: {}", message(panic));
    }));
    Log(format)
}

fn message<'a>(panic: &'a std::panic::PanicHookInfo<'_>) -> &'a str {
    panic.payload_as_str().unwrap_or("without a message")
}

impl Log {
    /// Prints a line for the user who started the server. When the log's format is JSON, the line is JSON too.
    pub(super) fn tell(self, printer: &Printer, text: &str) {
        match self.0 {
            LogFormat::Text => printer.warn(text),
            LogFormat::Json => tracing::warn!("{text}"),
        }
    }
}
