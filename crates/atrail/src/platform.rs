//! The only place with differences between operating systems: one file for each kind.
//!
//! | what | Unix | Windows |
//! |---|---|---|
//! | the client's state | `$XDG_CONFIG_HOME/atrail`, or `~/.config/atrail` | the same where these variables are set, otherwise `%APPDATA%\atrail` |
//! | who may read its files | their owner (0600, directories 0700) | whoever the access list of the directory lets: in a user's profile, the user, administrators and the system |
//! | a foreign `FILE.part` | a link, a file of two names, another user's file | a link, a file of two names |
//! | a rename at a power loss | durable when the command ends | whole or not at all, perhaps undone |
//!
//! The server needs Linux: without the feature `server`, nothing here does.

#[cfg(unix)]
mod unix;
#[cfg(windows)]
mod windows;

use std::fs::File;
use std::io;

#[cfg(unix)]
pub(crate) use unix::*;
#[cfg(windows)]
pub(crate) use windows::*;

#[cfg(all(feature = "server", not(target_os = "linux")))]
compile_error!("the server runs on Linux only; `--no-default-features` builds the client");

/// The object at a path that the user's own file will occupy.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A plain file of this user with no other name; opened, and closed to others.
    Own(File),
    /// Something whose content would change elsewhere, or be visible to others, if written to; with the reason.
    Foreign(&'static str),
}

/// Returns how many columns the terminal on standard output has.
pub(crate) fn terminal_columns() -> Option<usize> {
    let (width, _) = terminal_size::terminal_size_of(io::stdout())?;
    Some(usize::from(width.0)).filter(|columns| *columns > 0)
}
