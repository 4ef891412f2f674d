//! Reads passwords: typed unseen at a terminal, or as a line of standard input; never from the command line.

use std::io::{BufRead, Read};

use crate::client::{SECRET_MAX_BYTES, secret_of, secret_text};
use crate::error::{CliError, Exit, Result};
use crate::platform::TerminalModes;
use crate::settings::Settings;
use crate::task::blocking;

/// Asks for a secret at the terminal; without one, reports which flag is missing.
pub(super) async fn ask(settings: &Settings, question: &str, missing: &str) -> Result<String> {
    if !settings.printer.can_ask() {
        return Err(CliError::usage(format!("missing: {missing}"))
            .hint("this is no terminal, so nothing can be asked"));
    }
    let question = question.to_owned();
    let secret = blocking(move || {
        rpassword::prompt_password(question)
            .map_err(|error| CliError::file("could not read the password", error))
    });
    // A mode of the terminal hides the typing. It would outlive an interrupted program.
    let modes = TerminalModes::save();
    tokio::select! {
        secret = secret => not_empty(secret?),
        _ = tokio::signal::ctrl_c() => {
            modes.restore();
            Err(CliError::new(Exit::Interrupted, "interrupted"))
        }
    }
}

/// Reads the next line of standard input.
pub(super) async fn from_stdin() -> Result<String> {
    let line = blocking(|| {
        let mut line = Vec::new();
        std::io::stdin()
            .lock()
            .take(SECRET_MAX_BYTES)
            .read_until(b'\n', &mut line)
            .map_err(|error| CliError::file("could not read standard input", error))?;
        secret_text("standard input", line)
    });
    not_empty(secret_of(&line.await?).to_owned())
}

/// Asks for a new secret twice.
pub(super) async fn ask_new(settings: &Settings, missing: &str) -> Result<String> {
    let first = ask(settings, "New password: ", missing).await?;
    let second = ask(settings, "Once more: ", missing).await?;
    if first != second {
        return Err(CliError::usage("the two passwords differ"));
    }
    Ok(first)
}

fn not_empty(secret: String) -> Result<String> {
    if secret.is_empty() {
        return Err(CliError::usage("the password is empty"));
    }
    Ok(secret)
}
