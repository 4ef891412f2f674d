//! atrail: the activity tracker's server and command line in one binary.
//!
//! A reader finds a command under `commands/` by its name. `spelling` parses the original's command lines, `settings`
//! resolves flags, environment and state once, `client` speaks HTTP, `aws` speaks with buckets and queues, `cloudtrail`
//! checks its digests, `download` ensures exact bytes, `printer` is the only place that prints, and `error` defines the
//! exit codes.

#![cfg_attr(test, allow(clippy::unwrap_used))]
// The future of a command holds those of all that it awaits: with the catalog's two databases, one in another, deeper
// than the compiler's default of 128.
#![recursion_limit = "256"]

mod args;
mod aws;
mod client;
mod cloudtrail;
mod commands;
mod days;
mod download;
#[cfg(feature = "server")]
mod embedded;
mod error;
mod line;
#[cfg(feature = "server")]
mod memory;
mod nameless;
mod platform;
mod printer;
mod settings;
mod spelling;
mod state;
mod task;
mod tool;
mod trusted_keys;
mod unpack;
mod version;
mod when;

use std::ffi::OsString;
use std::process::ExitCode;
use std::sync::Arc;

use clap::error::ErrorKind;

use crate::error::{CliError, Exit};
use crate::printer::{Format, Printer, Terminals};
use crate::settings::{Environment, Settings};
use crate::tool::Tool;

fn main() -> ExitCode {
    #[cfg(feature = "server")]
    memory::return_large_blocks();
    platform::enable_colors();
    let argv: Vec<OsString> = std::env::args_os().collect();
    let tool = argv.first().and_then(|name| Tool::called(name));
    let line = match line::parse(tool, &argv) {
        Ok(line) => line,
        Err(error) => return refuse(&error, tool),
    };
    let terminals = Terminals::detect();
    let settings = Environment::read(|name| std::env::var_os(name)).and_then(|variables| {
        let clock = Arc::new(atrail_model::SystemClock);
        Settings::resolve(tool, &line.global, variables, terminals, clock)
    });
    match settings {
        Ok(settings) => run(line.command, &settings),
        Err(error) => {
            let printer = Printer::new(Format::Table, false, terminals).speaking(tool);
            ExitCode::from(finish(&printer, &error))
        }
    }
}

/// Prints help, the version or a usage error, and returns the exit code. Help and version are answers; anything else is
/// a usage error.
fn refuse(error: &clap::Error, tool: Option<Tool>) -> ExitCode {
    // The original answered a command group without a command with help.
    let is_question = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if tool.is_some() && is_question {
        let help = error.render().to_string();
        return match Printer::new(Format::Table, false, Terminals::detect()).data(&help) {
            Ok(()) => ExitCode::SUCCESS,
            Err(error) => ExitCode::from(error.exit as u8),
        };
    }
    let printed = error.print();
    if let Err(closed) = printed
        && closed.kind() == std::io::ErrorKind::BrokenPipe
    {
        return ExitCode::from(Exit::OutputClosed as u8);
    }
    ExitCode::from(if error.use_stderr() {
        Exit::Usage as u8
    } else {
        0
    })
}

fn run(command: args::Command, settings: &Settings) -> ExitCode {
    let runtime = match tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
    {
        Ok(runtime) => runtime,
        Err(error) => {
            let error = CliError::failed("could not start").because(error);
            return ExitCode::from(finish(&settings.printer, &error));
        }
    };
    // A server handles Ctrl-C itself: it finishes the requests in progress.
    let handles_interrupt = command.handles_interrupt();
    let code = runtime.block_on(async {
        let interrupted = async {
            if handles_interrupt || tokio::signal::ctrl_c().await.is_err() {
                std::future::pending::<()>().await;
            }
        };
        tokio::select! {
            // Poll the command first: at Ctrl-C it may have something to restore.
            biased;
            done = command.run(settings) => match done {
                Ok(()) => 0,
                Err(error) => finish(&settings.printer, &settings.naming_login(error)),
            },
            () = interrupted => Exit::Interrupted as u8,
        }
    });
    // Work that still blocks, such as hashing a file, must not delay the exit.
    runtime.shutdown_background();
    ExitCode::from(code)
}

fn finish(printer: &Printer, error: &CliError) -> u8 {
    printer.error(error);
    error.exit as u8
}
