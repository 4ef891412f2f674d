//! The one file with what differs between operating systems.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and those above it, that only its owner enters.
#[cfg(unix)]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::{DirBuilderExt, PermissionsExt};
    if path.is_dir() {
        return fs::set_permissions(path, fs::Permissions::from_mode(0o700));
    }
    if let Some(parent) = path.parent() {
        fs::create_dir_all(parent)?;
    }
    fs::DirBuilder::new().mode(0o700).create(path)
}

/// Makes a directory; access follows the profile's.
#[cfg(not(unix))]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Options that make a new file which only its owner reads.
pub(crate) fn private_file() -> OpenOptions {
    let mut options = OpenOptions::new();
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, 0o600);
    options
}

/// What this process makes from here on is its owner's alone, whatever the shell said: a data directory holds everybody's events,
/// and libraries make files in it, too. (A default ACL of a directory still counts in place of this.)
#[cfg(unix)]
pub(crate) fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Access follows the directory's.
#[cfg(not(unix))]
pub(crate) fn keep_files_private() {}

/// Makes names in a directory durable: those created, renamed and removed.
#[cfg(unix)]
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Where directories cannot be synced, the system orders renames itself.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Whether the open file is still the one at that path.
#[cfg(unix)]
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Where an open file cannot be renamed or removed, it is.
#[cfg(not(unix))]
pub(crate) fn is_same_file(_: &File, _: &Path) -> bool {
    true
}

/// How the terminal on standard input behaves, to be put back when something is interrupted.
#[cfg(unix)]
pub(crate) struct TerminalModes(Option<rustix::termios::Termios>);

#[cfg(unix)]
impl TerminalModes {
    /// As it behaves now.
    pub(crate) fn save() -> Self {
        Self(rustix::termios::tcgetattr(io::stdin()).ok())
    }

    /// Puts it back.
    pub(crate) fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
    }
}

/// The console puts itself back.
#[cfg(not(unix))]
pub(crate) struct TerminalModes;

#[cfg(not(unix))]
impl TerminalModes {
    /// Nothing to remember.
    pub(crate) fn save() -> Self {
        Self
    }

    /// Nothing to put back.
    pub(crate) fn restore(&self) {}
}

/// How many columns the terminal on standard output has.
#[cfg(unix)]
pub(crate) fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Unknown: tables are as wide as their cells.
#[cfg(not(unix))]
pub(crate) fn terminal_columns() -> Option<usize> {
    None
}

/// Lets the process open as many files as the system allows it to: each connection is one, and each download another. A
/// service often begins with 1,024, whatever it may have.
#[cfg(unix)]
pub(crate) fn allow_many_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Where there is no hard limit, some systems refuse to have no other either.
    const ENOUGH: u64 = 65_536;
    let Rlimit { current, maximum } = getrlimit(Resource::Nofile);
    let raised = Rlimit {
        current: current.map(|current| current.max(maximum.unwrap_or(ENOUGH))),
        maximum,
    };
    if let Err(error) = setrlimit(Resource::Nofile, raised) {
        tracing::warn!(%error, "the limit of open files stays as it is");
    }
}

/// There is no such limit.
#[cfg(not(unix))]
pub(crate) fn allow_many_open_files() {}

/// Ends when the operating system asks the process to stop: SIGTERM.
#[cfg(unix)]
pub(crate) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// There is no such signal.
#[cfg(not(unix))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
