//! Parses a command line, atrail's own or a tool's.

use std::ffi::OsString;

use clap::{CommandFactory, FromArgMatches};

use crate::args::{Cli, Line, color_of_help};
use crate::printer::safe;
use crate::spelling;
use crate::tool::Tool;

/// Parses the arguments of the process; pure.
///
/// A parse error repeats the typed words. Because a word may be a name copied from an event, the error is made safe for
/// a terminal.
pub(crate) fn parse(tool: Option<Tool>, argv: &[OsString]) -> Result<Line, clap::Error> {
    parse_as_typed(tool, argv).map_err(|error| {
        let shown = |word: &OsString| {
            safe::for_terminal(&word.to_string_lossy())
                .into_owned()
                .into()
        };
        let shown: Vec<OsString> = argv.iter().map(shown).collect();
        // No valid name or value contains a character that a terminal obeys, so the error is the same.
        parse_as_typed(tool, &shown).err().unwrap_or(error)
    })
}

fn parse_as_typed(tool: Option<Tool>, argv: &[OsString]) -> Result<Line, clap::Error> {
    if let Some(tool) = tool {
        return spelling::parse(tool, argv);
    }
    let words = std::iter::once("atrail".into()).chain(argv.iter().skip(1).cloned());
    let matches = Cli::command()
        .color(color_of_help(argv))
        .try_get_matches_from(words)
        .map_err(|error| negation(argv).map_or(error, refused))?;
    let Cli {
        global, command, ..
    } = Cli::from_arg_matches(&matches)?;
    Ok(Line { global, command })
}

/// Returns the word of a search that was meant as a negated condition, such as `-actor:ann`, and is read as options.
fn negation(argv: &[OsString]) -> Option<String> {
    let words = || argv.iter().skip(1).map(|word| word.to_string_lossy());
    words().find(|word| matches!(word.as_ref(), "search" | "tail"))?;
    let is_negation = |word: &str| {
        let name = word.strip_prefix('-').and_then(|rest| rest.split_once(':'));
        name.is_some_and(|(name, _)| {
            name.len() > 1
                && name.starts_with(|c: char| c.is_ascii_alphabetic() || c == '_' || c == '.')
                && name
                    .chars()
                    .all(|c| c.is_alphanumeric() || "._".contains(c))
        })
    };
    let mut before = words().take_while(|word| word != "--");
    before.find(|word| is_negation(word)).map(Into::into)
}

fn refused(word: String) -> clap::Error {
    let bare = word.trim_start_matches('-');
    let message = format!(
        "`{word}` is read as options; as a condition, write `--` before the query, or 'NOT {bare}'"
    );
    Cli::command().error(clap::error::ErrorKind::UnknownArgument, message)
}
