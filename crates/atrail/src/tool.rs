//! The tool whose command line atrail imitates, and how messages spell its commands.
//!
//! The Activity Tracker of 2017 was a plugin: people typed `bx cf at status`. When the program runs under the name of
//! one of the tools that had this plugin, it offers that tool's commands (`spelling`) and spells commands in messages
//! as the tool does ([`Tool::speak`]). For any other difference (an output, a default), the command concerned asks
//! [`Spelling`].

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// The words that may follow `bx cf at`.
pub(crate) const PLUGIN_COMMANDS: &[&str] = &[
    "status", "session", "download", "delete", "option", "trail", "search",
];

/// The spelling of a command line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// atrail's own.
    Own,
    /// The original's.
    Original,
}

impl Spelling {
    /// Returns the spelling of a program that runs under this tool's name, or under its own.
    pub(crate) const fn of(tool: Option<Tool>) -> Self {
        match tool {
            Some(_) => Self::Original,
            None => Self::Own,
        }
    }
}

/// A tool that had the original as a plugin.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Tool {
    /// The Bluemix tool of 2017.
    Bx,
    /// Its later name.
    Ibmcloud,
    /// Cloud Foundry's.
    Cf,
}

impl Tool {
    /// Returns the tool whose name the program runs under.
    pub(crate) fn called(argv0: &OsStr) -> Option<Self> {
        match Path::new(argv0).file_stem()?.to_str()? {
            "bx" => Some(Self::Bx),
            "ibmcloud" => Some(Self::Ibmcloud),
            "cf" => Some(Self::Cf),
            _ => None,
        }
    }

    /// Returns the tool's name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bx => "bx",
            Self::Ibmcloud => "ibmcloud",
            Self::Cf => "cf",
        }
    }

    /// Returns the words that precede the Activity Tracker's commands.
    pub(crate) const fn plugin(self) -> &'static str {
        match self {
            Self::Bx => "bx cf at",
            Self::Ibmcloud => "ibmcloud at",
            Self::Cf => "cf at",
        }
    }

    /// Returns how the tool spells `atrail WORD`, if it has that command.
    fn spell(self, word: &str) -> Option<String> {
        match word {
            "login" | "logout" | "target" => Some(format!("{} {word}", self.name())),
            "token" if self != Self::Cf => Some(format!("{} iam oauth-tokens", self.name())),
            "help" => Some(format!("{} help", self.plugin())),
            _ if PLUGIN_COMMANDS.contains(&word) => Some(format!("{} {word}", self.plugin())),
            _ => None,
        }
    }

    /// Spells every command line in the text as the tool does. A command that the tool lacks keeps the name `atrail`.
    pub(crate) fn speak(self, text: &str) -> Cow<'_, str> {
        const OWN: &str = "atrail ";
        if !text.contains(OWN) {
            return Cow::Borrowed(text);
        }
        let mut said = String::with_capacity(text.len() + 16);
        let mut rest = text;
        while let Some(at) = rest.find(OWN) {
            let (before, after) = (&rest[..at], &rest[at + OWN.len()..]);
            said.push_str(before);
            let end = after.find(|c: char| !c.is_ascii_lowercase());
            let (word, next) = after.split_at(end.unwrap_or(after.len()));
            match self.spell(word).filter(|_| !before.ends_with(is_of_a_name)) {
                Some(spelled) => said.push_str(&spelled),
                None => {
                    said.push_str(OWN);
                    said.push_str(word);
                }
            }
            rest = next;
        }
        said.push_str(rest);
        Cow::Owned(said)
    }
}

/// Returns whether `atrail` after this character is the end of a longer name, such as a path.
fn is_of_a_name(c: char) -> bool {
    c.is_alphanumeric() || matches!(c, '/' | '.' | '-' | '_')
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tools_are_known_by_the_programs_name() {
        for (argv0, tool) in [
            ("bx", Some(Tool::Bx)),
            ("/usr/local/bin/ibmcloud", Some(Tool::Ibmcloud)),
            ("cf.exe", Some(Tool::Cf)),
            ("atrail", None),
            ("./target/debug/atrail", None),
            ("anything", None),
        ] {
            assert_eq!(Tool::called(OsStr::new(argv0)), tool, "{argv0}");
        }
    }

    #[test]
    fn a_tool_speaks_of_its_own_commands() {
        let text = "`atrail session list` shows them; `atrail login --context NAME` makes one, `atrail token`";
        for (tool, said) in [
            (
                Tool::Bx,
                "`bx cf at session list` shows them; `bx login --context NAME` makes one, `bx iam oauth-tokens`",
            ),
            (
                Tool::Ibmcloud,
                "`ibmcloud at session list` shows them; `ibmcloud login --context NAME` makes one, `ibmcloud iam oauth-tokens`",
            ),
            (
                Tool::Cf,
                "`cf at session list` shows them; `cf login --context NAME` makes one, `atrail token`",
            ),
        ] {
            assert_eq!(tool.speak(text), said);
        }
    }

    #[test]
    fn what_is_no_command_of_the_tool_stays() {
        for text in [
            "`atrail admin space list` shows them",
            "is this an atrail server?",
            "/opt/atrail status",
            "nothing",
            "atrail ",
        ] {
            assert_eq!(Tool::Bx.speak(text), text);
        }
    }
}
