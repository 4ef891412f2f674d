//! Whose command line it is, and how a tool speaks of its commands.
//!
//! The Activity Tracker of 2017 was a plugin: people typed `bx cf at status`. When the program is called by the name of
//! one of the tools that it was plugged into, it has that tool's commands (`spelling`) and speaks of its commands as the tool
//! spells them ([`Tool::speak`]). What differs besides (an output, a default) is asked of [`Spelling`] by the command that
//! it concerns.

use std::borrow::Cow;
use std::ffi::OsStr;
use std::path::Path;

/// The words that may stand after `bx cf at`.
pub(crate) const PLUGIN_COMMANDS: &[&str] =
    &["status", "session", "download", "delete", "option", "trail"];

/// Whose command line it is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Spelling {
    /// atrail's own.
    Own,
    /// The original's.
    Original,
}

impl Spelling {
    /// That of a program called as this tool, or as itself.
    pub(crate) const fn of(tool: Option<Tool>) -> Self {
        match tool {
            Some(_) => Self::Original,
            None => Self::Own,
        }
    }
}

/// A tool that the original was plugged into.
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
    /// The tool by whose name the program was called.
    pub(crate) fn called(argv0: &OsStr) -> Option<Self> {
        match Path::new(argv0).file_stem()?.to_str()? {
            "bx" => Some(Self::Bx),
            "ibmcloud" => Some(Self::Ibmcloud),
            "cf" => Some(Self::Cf),
            _ => None,
        }
    }

    /// Its name.
    pub(crate) const fn name(self) -> &'static str {
        match self {
            Self::Bx => "bx",
            Self::Ibmcloud => "ibmcloud",
            Self::Cf => "cf",
        }
    }

    /// What stands before the Activity Tracker's commands.
    pub(crate) const fn plugin(self) -> &'static str {
        match self {
            Self::Bx => "bx cf at",
            Self::Ibmcloud => "ibmcloud at",
            Self::Cf => "cf at",
        }
    }

    /// How it spells `atrail WORD`, if it has that command.
    fn spell(self, word: &str) -> Option<String> {
        match word {
            "login" | "logout" | "target" => Some(format!("{} {word}", self.name())),
            "token" if self != Self::Cf => Some(format!("{} iam oauth-tokens", self.name())),
            "help" => Some(format!("{} help", self.plugin())),
            _ if PLUGIN_COMMANDS.contains(&word) => Some(format!("{} {word}", self.plugin())),
            _ => None,
        }
    }

    /// The text with every command line in it spelled as the tool does; what the tool does not have stays `atrail`'s.
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

/// Whether `atrail` after it is the end of a longer name, such as a path.
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
