//! The server's log, on standard error.

use std::io;

use atrail_server::{LogFormat, LogLevel, LogSettings};
use tracing::level_filters::LevelFilter;
use tracing_subscriber::filter::Targets;
use tracing_subscriber::layer::SubscriberExt;
use tracing_subscriber::util::SubscriberInitExt;
use tracing_subscriber::{Layer, fmt};

use crate::printer::Printer;

/// The log that was started.
#[derive(Debug, Clone, Copy)]
pub(super) struct Log(LogFormat);

/// Starts the log: our own lines from this level on; of the libraries, whose lines nobody has checked for secrets, no
/// more than warnings.
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
    /// Says something to whoever started the server; standard error holds nothing but JSON when that is the log's format.
    pub(super) fn tell(self, printer: &Printer, text: &str) {
        match self.0 {
            LogFormat::Text => printer.warn(text),
            LogFormat::Json => tracing::warn!("{text}"),
        }
    }
}
