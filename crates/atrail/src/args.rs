//! The command line's shape. Each command defines its own arguments in its file under `commands/`.

use std::ffi::OsString;

use clap::{ArgAction, ColorChoice, CommandFactory, Parser, Subcommand};

use crate::commands::{
    admin, completions, config, console, context, delete, download, healthcheck, hold, iam, import,
    login, logout, man, option, passwd, plugin, prove, search, session, sources, status, tail,
    target, token, trail, verify,
};
#[cfg(feature = "server")]
use crate::commands::{quickstart, serve};
use crate::error::Result;
use crate::settings::{GlobalFlags, Settings};
use crate::version;

/// A parsed command line.
#[derive(Debug)]
pub(crate) struct Line {
    /// The flags that every command accepts.
    pub(crate) global: GlobalFlags,
    /// The command to run.
    pub(crate) command: Command,
}

/// Returns the value of `--color` for help and usage errors, which clap prints before it parses the flags.
pub(crate) fn color_of_help(argv: &[OsString]) -> ColorChoice {
    let mut words = argv.iter().map(|word| word.to_string_lossy());
    let mut choice = None;
    while let Some(word) = words.next() {
        match word.strip_prefix("--color") {
            Some("") => choice = words.next().map(|word| word.into_owned()),
            Some(given) => choice = given.strip_prefix('=').map(str::to_owned),
            None => {}
        }
    }
    match choice.as_deref() {
        Some("always") => ColorChoice::Always,
        Some("never") => ColorChoice::Never,
        _ => ColorChoice::Auto,
    }
}

/// Accepts audit events, stores them, and serves them as exact, resumable downloads
#[derive(Debug, Parser)]
#[command(
    name = "atrail",
    version = version::SHORT,
    long_version = version::LONG,
    disable_version_flag = true,
    subcommand_required = true,
    arg_required_else_help = true,
    max_term_width = 100,
    after_help = "Example:\n  atrail quickstart\n\nThe original's command lines work when the program is called as bx, ibmcloud or cf."
)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) global: GlobalFlags,
    /// Print the version; `--version` adds the commit, the target and the features
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// Every command.
#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    #[cfg(feature = "server")]
    Serve(serve::Args),
    #[cfg(feature = "server")]
    Quickstart(quickstart::Args),
    Login(login::Args),
    Logout(logout::Args),
    Passwd(passwd::Args),
    Token(token::Args),
    Console(console::Args),
    Target(target::Args),
    Status(status::Args),
    #[command(subcommand)]
    Session(session::Command),
    Search(search::Args),
    Download(download::Args),
    Verify(verify::Args),
    Prove(prove::Args),
    Delete(delete::Args),
    Option(option::Args),
    #[command(subcommand)]
    Hold(hold::Command),
    Trail(trail::Args),
    Import(import::Args),
    #[command(subcommand)]
    Sources(sources::Command),
    Tail(tail::Args),
    #[command(subcommand)]
    Context(context::Command),
    #[command(subcommand)]
    Config(config::Command),
    #[command(subcommand)]
    Admin(admin::Command),
    Healthcheck(healthcheck::Args),
    Completions(completions::Args),
    Man(man::Args),
    /// Part of the original's spelling only.
    #[command(skip)]
    Iam(iam::Command),
    /// Part of the original's spelling only.
    #[command(skip)]
    Plugin(plugin::Command),
}

impl Command {
    /// Returns whether the command handles Ctrl-C itself.
    pub(crate) const fn handles_interrupt(&self) -> bool {
        match self {
            Self::Trail(_) | Self::Import(_) | Self::Download(_) => true,
            #[cfg(feature = "server")]
            Self::Serve(_) | Self::Quickstart(_) => true,
            _ => false,
        }
    }

    /// Runs the command.
    pub(crate) async fn run(self, settings: &Settings) -> Result<()> {
        match self {
            #[cfg(feature = "server")]
            Self::Serve(args) => serve::run(settings, args).await,
            #[cfg(feature = "server")]
            Self::Quickstart(args) => quickstart::run(settings, args).await,
            Self::Login(args) => login::run(settings, args).await,
            Self::Logout(args) => logout::run(settings, args).await,
            Self::Passwd(args) => passwd::run(settings, args).await,
            Self::Token(args) => token::run(settings, args).await,
            Self::Console(args) => console::run(settings, args).await,
            Self::Target(args) => target::run(settings, args).await,
            Self::Status(args) => status::run(settings, args).await,
            Self::Session(command) => session::run(settings, command).await,
            Self::Search(args) => search::run(settings, args).await,
            Self::Download(args) => download::run(settings, args).await,
            Self::Verify(args) => verify::run(settings, args).await,
            Self::Prove(args) => prove::run(settings, args).await,
            Self::Delete(args) => delete::run(settings, args).await,
            Self::Option(args) => option::run(settings, args).await,
            Self::Hold(command) => hold::run(settings, command).await,
            Self::Trail(args) => trail::run(settings, args).await,
            Self::Import(args) => import::run(settings, args).await,
            Self::Sources(command) => sources::run(settings, &command),
            Self::Tail(args) => tail::run(settings, args).await,
            Self::Context(command) => context::run(settings, command).await,
            Self::Config(command) => config::run(settings, &command),
            Self::Admin(command) => admin::run(settings, command).await,
            Self::Healthcheck(args) => healthcheck::run(settings, args).await,
            Self::Completions(args) => completions::run(settings, &args, Cli::command()),
            Self::Man(args) => man::run(settings, &args, Cli::command()),
            Self::Iam(command) => iam::run(settings, command).await,
            Self::Plugin(command) => plugin::run(settings, &command),
        }
    }
}

#[cfg(test)]
mod tests {
    use clap::CommandFactory;

    use super::*;

    #[test]
    fn the_arguments_are_consistent() {
        Cli::command().debug_assert();
    }

    #[test]
    fn every_command_has_an_example() {
        fn check(command: &clap::Command, path: &str) {
            let path = format!("{path} {}", command.get_name());
            let help = command.get_after_help().map(ToString::to_string);
            assert!(
                help.is_some_and(|help| help.contains("Example")),
                "{path} has no example"
            );
            for inner in command.get_subcommands() {
                if inner.get_name() != "help" {
                    check(inner, &path);
                }
            }
        }
        check(&Cli::command(), "");
    }
}
