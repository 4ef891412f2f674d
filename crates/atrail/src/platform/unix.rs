//! Unix: modes, owners, links by their flags, and (with the server) limits and signals.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

use rustix::fs::OFlags;
use rustix::io::Errno;

use super::Found;

const PRIVATE_DIR: u32 = 0o700;
const PRIVATE_FILE: u32 = 0o600;

/// How to give the client a directory for its state.
pub(crate) const SET_CONFIG_HOME: &str = "set XDG_CONFIG_HOME or HOME";

/// Returns the directory below which programs keep a user's settings, by the XDG base directory specification.
pub(crate) fn config_home(get: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let config_home = get("XDG_CONFIG_HOME").map(PathBuf::from);
    config_home
        .filter(|path| path.is_absolute())
        .or_else(|| get("HOME").map(|home| PathBuf::from(home).join(".config")))
}

/// Makes a directory, and its missing parents, that only the owner can enter, under any umask.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    if !path.is_dir() {
        if let Some(parent) = path
            .parent()
            .filter(|parent| !parent.as_os_str().is_empty())
            && !parent.is_dir()
        {
            create_private_dir(parent)?;
        }
        match fs::DirBuilder::new().mode(PRIVATE_DIR).create(path) {
            // Another process may have made it first.
            Err(error) if error.kind() == io::ErrorKind::AlreadyExists && path.is_dir() => {}
            made => made?,
        }
    }
    let dir = fs::metadata(path)?;
    keep_private(&dir, PRIVATE_DIR, |permissions| {
        fs::set_permissions(path, permissions)
    })
}

/// Sets this mode. A umask may have removed more bits, and an existing file may be open to others.
fn keep_private(
    metadata: &fs::Metadata,
    mode: u32,
    set: impl FnOnce(fs::Permissions) -> io::Result<()>,
) -> io::Result<()> {
    if metadata.permissions().mode() & 0o777 == mode {
        return Ok(());
    }
    match set(fs::Permissions::from_mode(mode)) {
        // A file system without modes, such as a memory stick's.
        Err(error)
            if matches!(
                error.kind(),
                io::ErrorKind::PermissionDenied | io::ErrorKind::Unsupported
            ) =>
        {
            Ok(())
        }
        set => set,
    }
}

/// Makes a new file that only its owner can read and write, under any umask. Never makes it through a link.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true);
    let file = options.mode(PRIVATE_FILE).open(path)?;
    keep_private(&file.metadata()?, PRIVATE_FILE, |permissions| {
        file.set_permissions(permissions)
    })?;
    Ok(file)
}

/// Makes a new file with the access that the umask leaves to others. Never makes it through a link.
pub(crate) fn create_shared(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens or makes a lock file that only its owner can read. Never follows a link.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    options.mode(PRIVATE_FILE);
    options.custom_flags(OFlags::NOFOLLOW.bits().cast_signed());
    let file = options
        .open(path)
        .map_err(|error| match Errno::from_io_error(&error) {
            Some(Errno::LOOP) => io::Error::other("it is a link"),
            _ => error,
        })?;
    keep_private(&file.metadata()?, PRIVATE_FILE, |permissions| {
        file.set_permissions(permissions)
    })?;
    Ok(file)
}

/// Opens a file for writing, unless it is a link, has another name, or belongs to another user.
pub(crate) fn find_own(path: &Path) -> io::Result<Found> {
    let flags = OFlags::NOFOLLOW | OFlags::NONBLOCK;
    let mut options = OpenOptions::new();
    options.read(true).write(true);
    options.custom_flags(flags.bits().cast_signed());
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        Err(error) => {
            let foreign = match Errno::from_io_error(&error) {
                Some(Errno::LOOP) => "it is a link",
                Some(Errno::ISDIR | Errno::NXIO) => "it is not a plain file",
                _ => return Err(error),
            };
            return Ok(Found::Foreign(foreign));
        }
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Foreign("it is not a plain file"));
    }
    if metadata.nlink() > 1 {
        return Ok(Found::Foreign("the same file has another name, too"));
    }
    if metadata.uid() != rustix::process::geteuid().as_raw() {
        return Ok(Found::Foreign("it belongs to another user"));
    }
    keep_private(&metadata, PRIVATE_FILE, |permissions| {
        file.set_permissions(permissions)
    })?;
    Ok(Found::Own(file))
}

/// Opens a plain file for reading. Returns an error for anything else, such as a pipe that would wait for a writer.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    options.custom_flags(OFlags::NONBLOCK.bits().cast_signed());
    let file = options.open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a plain file",
    ))
}

/// Makes every file that this process creates from now on private to its owner, whatever umask the shell set. A data
/// directory holds everybody's events, and libraries create files in it, too. (A directory's default ACL overrides
/// this.)
#[cfg(feature = "server")]
pub(crate) fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Makes the names in a directory durable: those created, renamed and removed.
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Returns whether the open file is still the one at that path.
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Does nothing: terminals obey the sequences for colours.
pub(crate) fn enable_colors() {}

/// The modes of the terminal on standard input, to be restored after an interruption.
pub(crate) struct TerminalModes(Option<rustix::termios::Termios>);

impl TerminalModes {
    /// Saves the current modes.
    pub(crate) fn save() -> Self {
        Self(rustix::termios::tcgetattr(io::stdin()).ok())
    }

    /// Restores the modes.
    pub(crate) fn restore(&self) {
        use rustix::termios::{OptionalActions, tcsetattr};
        if let Some(modes) = &self.0 {
            let _ = tcsetattr(io::stdin(), OptionalActions::Now, modes);
        }
    }
}

/// Raises the limit of open files as far as the system allows. Each connection is one file, and each download another.
/// A service often starts with 1,024, even if it may have more.
#[cfg(feature = "server")]
pub(crate) fn allow_many_open_files() {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    /// Limit to set where there is no hard limit, because some systems then refuse an unlimited soft limit.
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

/// The shell of a user whose `SHELL` is not set.
#[cfg(feature = "server")]
pub(crate) const SHELL: &str = "/bin/sh";

/// Catches, from now on, Ctrl-C (SIGINT) and the signals of [`terminated`]. The future returns when one has arrived since.
#[cfg(feature = "server")]
pub(crate) fn stop_requested() -> impl Future<Output = ()> {
    let interrupt = tokio::signal::unix::SignalKind::interrupt();
    caught(std::iter::once(interrupt).chain(terminating()))
}

/// Catches, from now on, SIGTERM, and SIGHUP, which the end of a terminal sends. The future returns when one has arrived
/// since. SIGHUP stays ignored where it was, as under `nohup`.
#[cfg(feature = "server")]
pub(crate) fn terminated() -> impl Future<Output = ()> {
    caught(terminating())
}

#[cfg(feature = "server")]
fn terminating() -> impl Iterator<Item = tokio::signal::unix::SignalKind> {
    use tokio::signal::unix::SignalKind;
    let hangup = Some(SignalKind::hangup()).filter(|_| !ignores_hangups());
    std::iter::once(SignalKind::terminate()).chain(hangup)
}

#[cfg(feature = "server")]
fn caught(
    kinds: impl Iterator<Item = tokio::signal::unix::SignalKind>,
) -> impl Future<Output = ()> {
    use std::task::Poll;
    let signals = kinds.filter_map(|kind| tokio::signal::unix::signal(kind).ok());
    let mut signals: Vec<_> = signals.collect();
    std::future::poll_fn(move |context| {
        // All of them have to be polled, so that each can wake the task.
        let mut arrived = signals.iter_mut().map(|one| one.poll_recv(context));
        if arrived.any(|one| one.is_ready()) {
            Poll::Ready(())
        } else {
            Poll::Pending
        }
    })
}

/// Returns whether the process was started with SIGHUP ignored; also where that cannot be found out.
#[cfg(feature = "server")]
fn ignores_hangups() -> bool {
    const SIGHUP: u64 = 1;
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_none_or(|mask| mask & (1 << (SIGHUP - 1)) != 0)
}
