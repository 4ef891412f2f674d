//! The one rule for asking before something is deleted, now or by a shorter retention.
//!
//! At a terminal, every command that deletes asks first, and `--yes` agrees in advance. Off a terminal nothing can be
//! asked: what cannot be made again (events, spaces, organizations, accounts, users) then needs `--yes`, and so does a
//! retention that becomes shorter; what only ends a right of access (sessions, roles, keys, invitations, contexts) is
//! ended as the command says.

use crate::error::{CliError, Result};
use crate::settings::Settings;

/// The consent to a deletion.
#[derive(Debug, Clone, Copy, Default, clap::Args)]
pub(crate) struct Consent {
    /// Do not ask
    #[arg(long)]
    pub(crate) yes: bool,
}

impl Consent {
    /// Refuses, before any request, a deletion for ever to which nobody can agree. `else_` says what is possible.
    pub(crate) fn must_be_possible(self, settings: &Settings, else_: &str) -> Result<()> {
        if self.yes || settings.printer.can_ask() {
            return Ok(());
        }
        Err(CliError::usage("missing: --yes").hint(format!(
            "this is no terminal, so nothing can be asked{else_}"
        )))
    }

    /// Asks at a terminal, unless `--yes` was given. The question names the thing and what happens to it.
    pub(crate) async fn ask(self, settings: &Settings, question: &str) -> Result<()> {
        if self.yes || !settings.printer.can_ask() {
            return Ok(());
        }
        answered(settings, question, "nothing was deleted").await
    }

    /// Asks at a terminal whether this change is wanted, unless `--yes` was given, and refuses it elsewhere: it deletes
    /// later, without another question.
    pub(crate) async fn ask_or_refuse(self, settings: &Settings, change: &str) -> Result<()> {
        if self.yes {
            return Ok(());
        }
        if !settings.printer.can_ask() {
            return Err(CliError::usage(format!("{change}; add --yes")));
        }
        answered(
            settings,
            &format!("{change}. Do it?"),
            "nothing was changed",
        )
        .await
    }
}

/// Asks, and reports what did not happen unless the answer is yes.
async fn answered(settings: &Settings, question: &str, otherwise: &str) -> Result<()> {
    if settings.printer.agrees(question).await? {
        return Ok(());
    }
    Err(CliError::failed(otherwise).because("the answer was not yes"))
}
