//! Resolves flags, environment and state once; nothing below this file reads the environment.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::path::PathBuf;
use std::sync::Arc;

use atrail_model::{Clock, Timestamp};
use clap::Args;

use crate::client::endpoint::Endpoint;
use crate::client::http::Trust;
use crate::error::{CliError, LOG_IN, Result};
use crate::platform;
use crate::printer::{Color, ColorWish, Format, Printer, Terminals};
use crate::state::{Context, StateDir, check_context_name};
use crate::tool::{Spelling, Tool};

/// Heading of these flags in help texts, after the command's own.
const HEADING: &str = "Options of every command";

/// Flags that every command accepts.
#[derive(Debug, Clone, Args)]
pub(crate) struct GlobalFlags {
    /// How data is printed
    #[arg(
        long,
        global = true, help_heading = HEADING,
        value_enum,
        default_value_t,
        value_name = "FORMAT"
    )]
    pub(crate) format: Format,
    /// Use this context in place of the current one
    #[arg(long, global = true, help_heading = HEADING, value_name = "NAME")]
    pub(crate) context: Option<String>,
    /// When to use colours in messages
    #[arg(long, global = true, help_heading = HEADING, value_enum, default_value_t, value_name = "WHEN")]
    pub(crate) color: Color,
    /// Show GUIDs in tables in place of names
    #[arg(long, global = true, help_heading = HEADING)]
    pub(crate) ids: bool,
    /// Print only data and errors
    #[arg(short, long, global = true, help_heading = HEADING)]
    pub(crate) quiet: bool,
}

/// The variables that atrail uses, read once.
#[derive(Debug, Clone, Default)]
pub(crate) struct Environment {
    /// `ATRAIL_ENDPOINT`
    pub(crate) endpoint: Option<String>,
    /// `ATRAIL_API_KEY_FILE`
    pub(crate) api_key_file: Option<PathBuf>,
    /// `ATRAIL_CA_FILE`
    pub(crate) ca_file: Option<PathBuf>,
    /// `ATRAIL_ORG`
    pub(crate) org: Option<String>,
    /// `ATRAIL_SPACE`
    pub(crate) space: Option<String>,
    /// `ATRAIL_CONTEXT`
    pub(crate) context: Option<String>,
    /// The choice of `NO_COLOR`, `CLICOLOR` and `CLICOLOR_FORCE`.
    pub(crate) color: ColorWish,
    /// `COLUMNS`: the width to fit tables into, at a terminal.
    pub(crate) columns: Option<usize>,
    /// `ATRAIL_VKEY`
    pub(crate) verifier_key: Option<String>,
    /// `SHELL`: the user's shell.
    #[cfg(feature = "server")]
    pub(crate) shell: OsString,
    /// `PATH`
    #[cfg(feature = "server")]
    pub(crate) path: Option<OsString>,
    /// The variables of AWS's own tools ([`atrail_aws::VARIABLES`]), by name.
    pub(crate) aws: BTreeMap<String, String>,
    /// Parent of temporary files and directories.
    pub(crate) temp_dir: PathBuf,
    /// Directory of the client's state; `None` when there is no home.
    pub(crate) state_dir: Option<PathBuf>,
}

impl Environment {
    /// Reads the variables through `get`; an empty one counts as not set.
    pub(crate) fn read(get: impl Fn(&str) -> Option<OsString>) -> Result<Self> {
        let raw = |name: &str| get(name).filter(|value| !value.is_empty());
        let text = |name: &str| {
            raw(name)
                .map(|value| {
                    value
                        .into_string()
                        .map_err(|_| CliError::usage(format!("{name} is not valid UTF-8")))
                })
                .transpose()
        };
        Ok(Self {
            endpoint: text("ATRAIL_ENDPOINT")?,
            api_key_file: raw("ATRAIL_API_KEY_FILE").map(PathBuf::from),
            ca_file: raw("ATRAIL_CA_FILE").map(PathBuf::from),
            org: text("ATRAIL_ORG")?,
            space: text("ATRAIL_SPACE")?,
            context: text("ATRAIL_CONTEXT")?,
            verifier_key: text("ATRAIL_VKEY")?,
            color: ColorWish::read(raw),
            columns: text("COLUMNS")?.and_then(|columns| columns.parse().ok()),
            #[cfg(feature = "server")]
            shell: raw("SHELL").unwrap_or_else(|| platform::SHELL.into()),
            #[cfg(feature = "server")]
            path: raw("PATH"),
            aws: (atrail_aws::VARIABLES.iter())
                .filter_map(|name| Some(((*name).to_owned(), raw(name)?.into_string().ok()?)))
                .collect(),
            temp_dir: raw("TMPDIR").map_or_else(std::env::temp_dir, PathBuf::from),
            state_dir: platform::config_home(raw).map(|base| base.join("atrail")),
        })
    }
}

/// The origin of a value.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Origin {
    /// A flag of the command line.
    Flag,
    /// This variable.
    Environment(&'static str),
    /// The context of the client's state.
    Context,
    /// Not set anywhere.
    Default,
}

impl Origin {
    /// Describes the origin for people.
    pub(crate) fn describe(self) -> String {
        match self {
            Self::Flag => "flag".to_owned(),
            Self::Environment(name) => format!("environment {name}"),
            Self::Context => "context".to_owned(),
            Self::Default => "default".to_owned(),
        }
    }
}

/// Everything that a command needs to know besides its own arguments.
#[derive(Debug, Clone)]
pub(crate) struct Settings {
    /// The spelling of the command line.
    pub(crate) spelling: Spelling,
    /// Returns the time.
    pub(crate) clock: Arc<dyn Clock>,
    /// Prints the output.
    pub(crate) printer: Printer,
    /// Whether tables show GUIDs in place of names.
    pub(crate) ids: bool,
    /// The client's state.
    pub(crate) state: StateDir,
    /// The environment's variables.
    pub(crate) environment: Environment,
    /// The context's name and its origin, if one was named.
    pub(crate) context_name: Option<(String, Origin)>,
}

impl Settings {
    /// Resolves the settings.
    pub(crate) fn resolve(
        tool: Option<Tool>,
        flags: &GlobalFlags,
        environment: Environment,
        terminals: Terminals,
        clock: Arc<dyn Clock>,
    ) -> Result<Self> {
        let printer = Printer::new(flags.format, flags.quiet, terminals)
            .painting(flags.color, environment.color)
            .speaking(tool)
            .within(environment.columns.or_else(platform::terminal_columns));
        let state_dir = environment.state_dir.clone().ok_or_else(|| {
            CliError::usage("the client has no directory for its state")
                .hint(platform::SET_CONFIG_HOME)
        })?;
        let state = StateDir::new(state_dir);
        let said = match (&flags.context, &environment.context) {
            (Some(name), _) => Some((name.clone(), Origin::Flag)),
            (None, Some(name)) => Some((name.clone(), Origin::Environment("ATRAIL_CONTEXT"))),
            (None, None) => None,
        };
        if let Some((name, _)) = &said {
            check_context_name(name)?;
        }
        Ok(Self {
            spelling: Spelling::of(tool),
            clock,
            printer,
            ids: flags.ids,
            state,
            environment,
            context_name: said,
        })
    }

    /// Returns whether tables show names in place of GUIDs. The original's tables and the formats for programs do not:
    /// names change.
    pub(crate) fn shows_names(&self) -> bool {
        !self.ids && self.spelling == Spelling::Own && self.printer.format == Format::Table
    }

    /// Remembers the session that `-` names from now on. Without a context there is nothing to remember it in.
    pub(crate) fn remember_session(&self, id: &str) -> Result<()> {
        let Some((name, _)) = self.used(self.context()?)? else {
            return Ok(());
        };
        self.state.update(|config| {
            if let Some(context) = config.contexts.get_mut(&name) {
                context.last_session = Some(id.to_owned());
            }
            Ok(())
        })
    }

    /// Returns the current time.
    pub(crate) fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Returns the context in use and its name. A context that was named explicitly must exist.
    pub(crate) fn context(&self) -> Result<Option<(String, Context)>> {
        let mut config = self.state.config()?;
        let name = match &self.context_name {
            Some((name, _)) => name.clone(),
            None => match config.current.take() {
                Some(name) => name,
                None => return Ok(None),
            },
        };
        match config.contexts.remove(&name) {
            Some(context) => Ok(Some((name, context))),
            None => Err(CliError::usage(format!("there is no context {name:?}"))
                .hint("`atrail context list` shows them; `atrail login --context NAME` makes one")),
        }
    }

    /// Returns whether a flag named the context: its values then override the environment.
    pub(crate) fn is_context_by_flag(&self) -> bool {
        matches!(self.context_name, Some((_, Origin::Flag)))
    }

    /// Returns the command that logs in to the server in use, with as much of it as the context knows.
    pub(crate) fn login_command(&self) -> String {
        let context = self.context().ok().flatten();
        let context = context.as_ref().map(|(_, context)| context);
        let Ok(endpoint) = self.endpoint(context) else {
            return LOG_IN.to_owned();
        };
        let endpoint = endpoint.to_string();
        let user = context.filter(|context| context.endpoint == endpoint);
        let user = user.map_or_else(|| "USER".to_owned(), |context| shell_word(&context.user));
        let named = self.context_name.as_ref().map(|(name, _)| name);
        let named = named.map_or_else(String::new, |name| format!(" --context {name}"));
        format!("atrail login -a {} -u {user}{named}", shell_word(&endpoint))
    }

    /// Fills the login's command in where the error's hint names it.
    pub(crate) fn naming_login(&self, error: CliError) -> CliError {
        if error.names_login() {
            error.naming_login(&self.login_command())
        } else {
            error
        }
    }

    /// Returns the endpoint in use.
    pub(crate) fn endpoint(&self, context: Option<&Context>) -> Result<Endpoint> {
        let variable = self.environment.endpoint.as_ref();
        let variable = variable.filter(|_| context.is_none() || !self.is_context_by_flag());
        match (variable, context) {
            (Some(text), _) => text.parse(),
            (None, Some(context)) => context.endpoint.parse(),
            (None, None) => Err(CliError::not_logged_in()),
        }
    }

    /// Returns the context, unless the endpoint in use differs from its own: then nothing of the context applies.
    pub(crate) fn used(
        &self,
        context: Option<(String, Context)>,
    ) -> Result<Option<(String, Context)>> {
        let Some((name, context)) = context else {
            return Ok(None);
        };
        let endpoint = self.endpoint(Some(&context))?;
        Ok((context.endpoint == endpoint.to_string()).then_some((name, context)))
    }

    /// Returns the file with the API key in use, if any.
    pub(crate) fn api_key_file(&self) -> Option<&PathBuf> {
        let file = self.environment.api_key_file.as_ref();
        file.filter(|_| !self.is_context_by_flag())
    }

    /// Returns which certificates to trust for the server of this context, or of the environment.
    pub(crate) fn trust(&self, context: Option<&Context>) -> Trust {
        let variable = self.environment.ca_file.clone();
        let stored = context.and_then(|context| context.ca_file.clone());
        Trust {
            ca_file: if self.is_context_by_flag() {
                stored.or(variable)
            } else {
                variable.or(stored)
            },
            skip_ssl_validation: context.is_some_and(|context| context.skip_ssl_validation),
        }
    }
}

/// Returns the text as one word of a POSIX shell.
fn shell_word(text: &str) -> String {
    let is_plain = |c: char| c.is_alphanumeric() || "-_.:/@+".contains(c);
    if !text.is_empty() && text.chars().all(is_plain) {
        return text.to_owned();
    }
    format!("'{}'", text.replace('\'', "'\\''"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_one_word_of_a_shell() {
        for (text, word) in [
            ("https://localhost:18443", "https://localhost:18443"),
            ("http://[::1]:8181", "'http://[::1]:8181'"),
            ("alice@example.com", "alice@example.com"),
            ("ann lee", "'ann lee'"),
            ("o'neill;rm", "'o'\\''neill;rm'"),
            ("", "''"),
        ] {
            assert_eq!(shell_word(text), word);
        }
    }

    fn environment(pairs: &[(&str, &str)]) -> Environment {
        let get = |name: &str| {
            let found = pairs.iter().find(|(key, _)| *key == name);
            found.map(|(_, value)| OsString::from(value))
        };
        Environment::read(get).unwrap()
    }

    #[cfg(unix)]
    #[test]
    fn state_lies_where_xdg_says() {
        let dir = |pairs: &[(&str, &str)]| environment(pairs).state_dir;
        assert_eq!(
            dir(&[("XDG_CONFIG_HOME", "/x"), ("HOME", "/h")]),
            Some("/x/atrail".into())
        );
        // The XDG base directory specification requires that a relative path is ignored as invalid.
        assert_eq!(
            dir(&[("XDG_CONFIG_HOME", "x"), ("HOME", "/h")]),
            Some("/h/.config/atrail".into())
        );
        assert_eq!(dir(&[]), None);
    }

    #[cfg(windows)]
    #[test]
    fn state_lies_in_the_profile_unless_xdg_says_otherwise() {
        let dir = |pairs: &[(&str, &str)]| environment(pairs).state_dir;
        let profile = ("APPDATA", r"C:\Users\u\AppData\Roaming");
        let in_profile = Some(r"C:\Users\u\AppData\Roaming\atrail".into());
        assert_eq!(dir(&[("HOME", "/c/Users/u"), profile]), in_profile);
        assert_eq!(dir(&[("XDG_CONFIG_HOME", r"x"), profile]), in_profile);
        let named = dir(&[("XDG_CONFIG_HOME", r"C:\x"), profile]);
        assert_eq!(named, Some(r"C:\x\atrail".into()));
        assert_eq!(dir(&[("HOME", "/c/Users/u")]), None);
    }

    #[test]
    fn empty_variables_are_not_set() {
        assert_eq!(environment(&[("ATRAIL_ENDPOINT", "")]).endpoint, None);
        assert_eq!(environment(&[("NO_COLOR", "")]).color, ColorWish::None);
    }
}
