//! Parses the original's command lines word for word. Under a tool's name, atrail has the commands of the original's
//! reference, with the original's words.

mod help;

use std::ffi::OsString;

use clap::error::{ContextKind, ContextValue, ErrorKind};
use clap::{ArgAction, CommandFactory, FromArgMatches, Parser, Subcommand};

use crate::args::{self, Line};
use crate::commands::{
    delete, download, iam, login, logout, option, plugin, search, session, status, target, token,
    trail,
};
use crate::settings::GlobalFlags;
use crate::tool::{PLUGIN_COMMANDS, Tool};

/// The Activity Tracker as a plugin: log in, choose a target, and use it
#[derive(Debug, Parser)]
#[command(version, disable_version_flag = true, max_term_width = 100)]
struct Bluemix {
    #[command(flatten)]
    global: GlobalFlags,
    /// Print the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: BluemixCommand,
}

#[derive(Debug, Subcommand)]
enum BluemixCommand {
    Login(login::Args),
    Logout(logout::Args),
    Target(target::Args),
    #[command(subcommand)]
    Iam(Iam),
    #[command(subcommand)]
    Cf(CloudFoundryCommand),
    At(Plugin),
    #[command(subcommand)]
    Plugin(Plugins),
}

/// The Activity Tracker as a plugin: log in, choose a target, and use it
#[derive(Debug, Parser)]
#[command(version, disable_version_flag = true, max_term_width = 100)]
struct CloudFoundry {
    #[command(flatten)]
    global: GlobalFlags,
    /// Print the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: CloudFoundryCommand,
}

/// Cloud Foundry's commands
#[derive(Debug, Subcommand)]
enum CloudFoundryCommand {
    Login(login::Args),
    Logout(logout::Args),
    Target(target::Args),
    At(Plugin),
    /// List the plugins
    Plugins,
    /// List organizations
    Orgs,
    /// List the spaces of the targeted organization
    Spaces,
    /// Show an organization
    Org(iam::One),
    /// Show a space of the targeted organization
    Space(iam::One),
}

/// Tokens, accounts, organizations and spaces
#[derive(Debug, Subcommand)]
enum Iam {
    OauthTokens(token::Args),
    /// List accounts
    Accounts,
    /// List organizations
    Orgs,
    /// List the spaces of the targeted organization
    Spaces,
    /// Show an organization
    Org(iam::One),
    /// Show a space of the targeted organization
    Space(iam::One),
}

/// List and show plugins
#[derive(Debug, Subcommand)]
enum Plugins {
    /// List the plugins
    List,
    /// Show one
    Show(plugin::Which),
}

/// The Activity Tracker: count, freeze, download, send and delete events
#[derive(Debug, clap::Args)]
#[command(version, disable_version_flag = true, arg_required_else_help = true)]
struct Plugin {
    /// Print the version
    #[arg(short = 'v', long, action = ArgAction::Version)]
    version: Option<bool>,
    #[command(subcommand)]
    command: PluginCommand,
}

#[derive(Debug, Subcommand)]
enum PluginCommand {
    Status(status::Args),
    #[command(subcommand)]
    Session(session::Command),
    Download(download::Args),
    /// Delete events: of two weeks, unless days are given
    ///
    /// When both days are given, it deletes at once, as the original did; otherwise it asks first. For the whole
    /// account (-a) it always asks. Without a terminal, it needs --yes.
    Delete(delete::Args),
    Option(option::Args),
    Trail(trail::Args),
    Search(search::Args),
}

/// Parses a command line of this tool.
pub(crate) fn parse(tool: Tool, argv: &[OsString]) -> Result<Line, clap::Error> {
    let words = std::iter::once(tool.name().into()).chain(argv.iter().skip(1).cloned());
    let command = command(tool);
    let words = help::in_order(&command, words.collect());
    let matches = command
        .color(args::color_of_help(argv))
        .try_get_matches_from(words)
        .map_err(|error| with_place(tool, error))?;
    let (global, command) = match tool {
        Tool::Bx | Tool::Ibmcloud => {
            let read = Bluemix::from_arg_matches(&matches)?;
            (read.global, read.command.ours())
        }
        Tool::Cf => {
            let read = CloudFoundry::from_arg_matches(&matches)?;
            (read.global, read.command.ours())
        }
    };
    Ok(Line { global, command })
}

/// Returns the tool's commands. Their help shows the original's options, spelled as the tool spells them.
fn command(tool: Tool) -> clap::Command {
    let command = match tool {
        Tool::Bx | Tool::Ibmcloud => Bluemix::command(),
        Tool::Cf => CloudFoundry::command(),
    };
    // The original had no flags common to every command. They still work, for scripts that add them.
    let command = command.mut_args(|arg| {
        let is_global = arg.is_global_set();
        arg.hide(is_global)
    });
    spoken(command.name(tool.name()), tool).after_help(
        tool.speak("Example:\n  atrail login -a HOST\n  atrail status")
            .into_owned(),
    )
}

fn spoken(mut command: clap::Command, tool: Tool) -> clap::Command {
    // The version is the program's, under any name.
    command = command.display_name("atrail");
    if let Some(help) = command.get_after_help() {
        let help = tool.speak(&help.to_string()).into_owned();
        command = command.after_help(help);
    }
    if let Some(help) = command.get_after_long_help() {
        let help = tool.speak(&help.to_string()).into_owned();
        command = command.after_long_help(help);
    }
    command.mut_subcommands(|inner| spoken(inner, tool))
}

/// Adds a hint for a user who typed `bx status`: it is `bx cf at status`.
fn with_place(tool: Tool, mut error: clap::Error) -> clap::Error {
    if error.kind() == ErrorKind::InvalidSubcommand
        && let Some(ContextValue::String(word)) = error.get(ContextKind::InvalidSubcommand)
        && PLUGIN_COMMANDS.contains(&word.as_str())
    {
        let place = format!("it is '{} {word}'", tool.plugin());
        error.insert(
            ContextKind::Suggested,
            ContextValue::StyledStrs(vec![place.into()]),
        );
        error.remove(ContextKind::SuggestedSubcommand);
    }
    error
}

impl BluemixCommand {
    fn ours(self) -> args::Command {
        match self {
            Self::Login(args) => args::Command::Login(args),
            Self::Logout(args) => args::Command::Logout(args),
            Self::Target(args) => args::Command::Target(args),
            Self::Iam(command) => command.ours(),
            Self::Cf(command) => command.ours(),
            Self::At(plugin) => plugin.command.ours(),
            Self::Plugin(Plugins::List) => args::Command::Plugin(plugin::Command::List),
            Self::Plugin(Plugins::Show(which)) => {
                args::Command::Plugin(plugin::Command::Show(which))
            }
        }
    }
}

impl CloudFoundryCommand {
    fn ours(self) -> args::Command {
        match self {
            Self::Login(args) => args::Command::Login(args),
            Self::Logout(args) => args::Command::Logout(args),
            Self::Target(args) => args::Command::Target(args),
            Self::At(plugin) => plugin.command.ours(),
            Self::Plugins => args::Command::Plugin(plugin::Command::List),
            Self::Orgs => args::Command::Iam(iam::Command::Organizations),
            Self::Spaces => args::Command::Iam(iam::Command::Spaces),
            Self::Org(one) => args::Command::Iam(iam::Command::Organization(one)),
            Self::Space(one) => args::Command::Iam(iam::Command::Space(one)),
        }
    }
}

impl Iam {
    fn ours(self) -> args::Command {
        match self {
            Self::OauthTokens(args) => args::Command::Token(args),
            Self::Accounts => args::Command::Iam(iam::Command::Accounts),
            Self::Orgs => args::Command::Iam(iam::Command::Organizations),
            Self::Spaces => args::Command::Iam(iam::Command::Spaces),
            Self::Org(one) => args::Command::Iam(iam::Command::Organization(one)),
            Self::Space(one) => args::Command::Iam(iam::Command::Space(one)),
        }
    }
}

impl PluginCommand {
    fn ours(self) -> args::Command {
        match self {
            Self::Status(args) => args::Command::Status(args),
            Self::Session(command) => args::Command::Session(command),
            Self::Download(args) => args::Command::Download(args),
            Self::Delete(args) => args::Command::Delete(args),
            Self::Option(args) => args::Command::Option(args),
            Self::Trail(args) => args::Command::Trail(args),
            Self::Search(args) => args::Command::Search(args),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_trees_are_consistent() {
        for tool in [Tool::Bx, Tool::Ibmcloud, Tool::Cf] {
            command(tool).debug_assert();
        }
    }

    #[test]
    fn the_plugins_words_are_those_of_its_tree() {
        let tree = CloudFoundry::command();
        let plugin = tree.find_subcommand("at").unwrap();
        let words: Vec<_> = plugin
            .get_subcommands()
            .map(clap::Command::get_name)
            .collect();
        assert_eq!(words, PLUGIN_COMMANDS);
    }
}
