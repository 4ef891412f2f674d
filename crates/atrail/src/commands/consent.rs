//! The one rule for asking before something is deleted.
//!
//! At a terminal, every command that deletes asks first, and `--yes` agrees in advance. Off a terminal nothing can be
//! asked: what cannot be made again (events, spaces, organizations, accounts, users) then needs `--yes`; what only ends
//! a right of access (sessions, roles, keys, invitations, contexts) is ended as the command says.

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
        if self.yes || !settings.printer.can_ask() || settings.printer.agrees(question).await? {
            return Ok(());
        }
        Err(CliError::failed("nothing was deleted").because("the answer was not yes"))
    }
}
