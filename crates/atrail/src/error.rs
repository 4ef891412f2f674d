//! The command line's errors: few kinds, one per exit code.

use std::io;
use std::path::Path;

use atrail_api::ErrorCode;

pub(crate) use atrail_verifier::chain;

/// The exit codes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Exit {
    /// The command failed, or did only part of its work.
    Failed = 1,
    /// The command line is wrong or incomplete.
    Usage = 2,
    /// Nothing can be concluded: a key or a part of the evidence is missing.
    Inconclusive = 3,
    /// Not logged in, or not allowed.
    Denied = 4,
    /// The server cannot be reached or is busy: try later.
    Unavailable = 5,
    /// A download is incomplete or corrupt.
    Corrupt = 6,
    /// Ctrl-C; the program prints nothing.
    Interrupted = 130,
    /// The reader of the output has gone; the program prints nothing.
    OutputClosed = 141,
}

/// The command that logs in, as messages name it. Before a message is printed, [`CliError::naming_login`] fills in what
/// the context knows.
pub(crate) const LOG_IN: &str = "atrail login -a ENDPOINT -u USER";

/// A failure: the attempted action, why it failed, and what to do next.
#[derive(Debug, thiserror::Error)]
#[error("{what}")]
pub(crate) struct CliError {
    /// The exit code.
    pub(crate) exit: Exit,
    what: String,
    #[source]
    why: Option<Box<dyn std::error::Error + Send + Sync>>,
    hint: Option<String>,
    place: Option<(String, usize)>,
    refusal: Option<ErrorCode>,
    is_outcome_unknown: bool,
}

/// The result of a command.
pub(crate) type Result<T, E = CliError> = std::result::Result<T, E>;

impl CliError {
    /// Returns a failure of this kind.
    pub(crate) fn new(exit: Exit, what: impl Into<String>) -> Self {
        Self {
            exit,
            what: what.into(),
            why: None,
            hint: None,
            place: None,
            refusal: None,
            is_outcome_unknown: false,
        }
    }

    /// Returns a failure with exit code 1.
    pub(crate) fn failed(what: impl Into<String>) -> Self {
        Self::new(Exit::Failed, what)
    }

    /// Returns a usage error, with exit code 2.
    pub(crate) fn usage(what: impl Into<String>) -> Self {
        Self::new(Exit::Usage, what)
    }

    /// Returns an error about corrupt data, with exit code 6.
    pub(crate) fn corrupt(what: impl Into<String>) -> Self {
        Self::new(Exit::Corrupt, what)
    }

    /// Returns the error for a user who is not logged in, with exit code 4.
    pub(crate) fn not_logged_in() -> Self {
        Self::new(Exit::Denied, "not logged in").hint(format!(
            "`{LOG_IN}`; or set ATRAIL_ENDPOINT and ATRAIL_API_KEY_FILE"
        ))
    }

    /// Adds the cause.
    pub(crate) fn because(
        mut self,
        why: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.why = Some(why.into());
        self
    }

    /// Adds what to do next.
    pub(crate) fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Adds the text that is wrong, and where: the column of a character, from 1.
    pub(crate) fn pointing_at(mut self, text: impl Into<String>, column: usize) -> Self {
        self.place = Some((text.into(), column));
        self
    }

    /// Returns the text that is wrong, and the column of the fault.
    pub(crate) fn place(&self) -> Option<(&str, usize)> {
        self.place
            .as_ref()
            .map(|(text, column)| (text.as_str(), *column))
    }

    /// Replaces [`LOG_IN`] in the hint by this command.
    pub(crate) fn naming_login(mut self, command: &str) -> Self {
        self.hint = self.hint.map(|hint| hint.replace(LOG_IN, command));
        self
    }

    /// Returns whether the hint names [`LOG_IN`].
    pub(crate) fn names_login(&self) -> bool {
        self.hint.as_ref().is_some_and(|hint| hint.contains(LOG_IN))
    }

    /// Notes the code by which the server refused the request.
    pub(crate) const fn refused_by(mut self, code: ErrorCode) -> Self {
        self.refusal = Some(code);
        self
    }

    /// Returns the code by which the server refused the request, if it did.
    pub(crate) const fn refusal(&self) -> Option<ErrorCode> {
        self.refusal
    }

    /// Marks the outcome as unknown: the request may have taken effect.
    pub(crate) fn with_unknown_outcome(mut self) -> Self {
        self.is_outcome_unknown = true;
        self.hint("whether it took effect is unknown: check before you try again")
    }

    /// Returns whether the outcome is unknown.
    pub(crate) const fn is_outcome_unknown(&self) -> bool {
        self.is_outcome_unknown
    }

    /// Returns a failure of the same kind that names the action it interrupted.
    pub(crate) fn during(self, what: impl Into<String>) -> Self {
        let mut outer = Self::new(self.exit, what);
        outer.is_outcome_unknown = self.is_outcome_unknown;
        outer.because(self)
    }

    /// Returns the error for a failed write to standard output: a closed pipe ends the program quietly.
    pub(crate) fn output(error: io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            Self::new(Exit::OutputClosed, "the output was closed")
        } else {
            // The hints about files do not apply: no later run continues this output.
            Self::failed("could not write to standard output").because(error)
        }
    }

    /// Returns the error for a failed file operation, with a hint where one helps.
    pub(crate) fn file(what: impl Into<String>, error: io::Error) -> Self {
        let hint = match error.kind() {
            io::ErrorKind::StorageFull => Some(
                "make room and run the same command again; atrail keeps and uses the bytes that are already there",
            ),
            io::ErrorKind::PermissionDenied => {
                Some("check the permissions, or choose another place")
            }
            io::ErrorKind::NotFound => Some("check the path"),
            _ => None,
        };
        let failed = Self::failed(what).because(error);
        match hint {
            Some(hint) => failed.hint(hint),
            None => failed,
        }
    }

    /// Returns the error for a path that the user names and that cannot be read: that nothing is there, or why it cannot be
    /// read.
    pub(crate) fn unreadable(path: &Path, error: io::Error) -> Self {
        let name = path.display();
        match error.kind() {
            io::ErrorKind::NotFound => {
                Self::failed(format!("there is no file {name}")).hint("check the path")
            }
            io::ErrorKind::IsADirectory => {
                Self::failed(format!("{name} is a directory")).hint("name a file in it")
            }
            _ => Self::file(format!("could not read {name}"), error),
        }
    }

    /// Returns the failure with another exit code.
    pub(crate) const fn with_exit(mut self, exit: Exit) -> Self {
        self.exit = exit;
        self
    }

    /// Formats the error for people: one line with the failure and its cause, one line with what to do next.
    pub(crate) fn report(&self) -> String {
        let mut text = format!("error: {}", self.what);
        let mut cause = std::error::Error::source(self);
        let mut last = String::new();
        while let Some(error) = cause {
            let words = error.to_string();
            // Some libraries repeat their source in their own text.
            if !last.contains(&words) {
                text.push_str(": ");
                text.push_str(&words);
                last = words;
            }
            cause = error.source();
        }
        if let Some(hint) = &self.hint {
            text.push_str("\nhint: ");
            text.push_str(hint);
        }
        text
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn says_what_why_and_what_next() {
        let error = CliError::failed("could not open F")
            .because(io::Error::other("disk on fire"))
            .hint("buy another");
        assert_eq!(
            error.report(),
            "error: could not open F: disk on fire\nhint: buy another"
        );
    }

    #[test]
    fn a_path_that_cannot_be_read_is_named_with_what_to_do() {
        let of = |kind: io::ErrorKind| CliError::unreadable(Path::new("F"), kind.into()).report();
        assert_eq!(
            of(io::ErrorKind::NotFound),
            "error: there is no file F\nhint: check the path"
        );
        assert_eq!(
            of(io::ErrorKind::IsADirectory),
            "error: F is a directory\nhint: name a file in it"
        );
        // The control: any other fault keeps its cause.
        assert_eq!(
            of(io::ErrorKind::PermissionDenied),
            "error: could not read F: permission denied\nhint: check the permissions, or choose another place"
        );
    }

    #[test]
    fn a_closed_pipe_is_its_own_kind() {
        let closed = CliError::output(io::ErrorKind::BrokenPipe.into());
        assert_eq!(closed.exit as u8, 141);
        let full = CliError::output(io::ErrorKind::StorageFull.into());
        assert_eq!(full.exit, Exit::Failed);
    }
}
