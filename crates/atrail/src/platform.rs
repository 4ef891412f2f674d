//! The only file with differences between operating systems.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and its missing parents, that only the owner can enter, under any umask.
#[cfg(unix)]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    use std::os::unix::fs::DirBuilderExt;
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

/// Makes a directory; access follows the profile's.
#[cfg(not(unix))]
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

#[cfg(unix)]
const PRIVATE_DIR: u32 = 0o700;
#[cfg(unix)]
const PRIVATE_FILE: u32 = 0o600;

/// Sets this mode. A umask may have removed more bits, and an existing file may be open to others.
#[cfg(unix)]
fn keep_private(
    metadata: &fs::Metadata,
    mode: u32,
    set: impl FnOnce(fs::Permissions) -> io::Result<()>,
) -> io::Result<()> {
    use std::os::unix::fs::PermissionsExt;
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
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::mode(&mut options, PRIVATE_FILE);
    let file = options.open(path)?;
    #[cfg(unix)]
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
    #[cfg(unix)]
    {
        use std::os::unix::fs::OpenOptionsExt;
        options.mode(PRIVATE_FILE);
        options.custom_flags(rustix::fs::OFlags::NOFOLLOW.bits().cast_signed());
        let file =
            options
                .open(path)
                .map_err(|error| match rustix::io::Errno::from_io_error(&error) {
                    Some(rustix::io::Errno::LOOP) => io::Error::other("it is a link"),
                    _ => error,
                })?;
        keep_private(&file.metadata()?, PRIVATE_FILE, |permissions| {
            file.set_permissions(permissions)
        })?;
        Ok(file)
    }
    #[cfg(not(unix))]
    options.open(path)
}

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

/// Opens a file for writing, unless it is a link, has another name, or belongs to another user.
#[cfg(unix)]
pub(crate) fn find_own(path: &Path) -> io::Result<Found> {
    use std::os::unix::fs::{MetadataExt, OpenOptionsExt};

    use rustix::fs::OFlags;
    use rustix::io::Errno;
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

/// Opens a file for writing; access follows the profile's.
#[cfg(not(unix))]
pub(crate) fn find_own(path: &Path) -> io::Result<Found> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Found::Own(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

/// Opens a plain file for reading. Returns an error for anything else, such as a pipe that would wait for a writer.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true);
    #[cfg(unix)]
    std::os::unix::fs::OpenOptionsExt::custom_flags(
        &mut options,
        rustix::fs::OFlags::NONBLOCK.bits().cast_signed(),
    );
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
#[cfg(all(unix, feature = "server"))]
pub(crate) fn keep_files_private() {
    rustix::process::umask(rustix::fs::Mode::RWXG | rustix::fs::Mode::RWXO);
}

/// Does nothing: access follows the directory's.
#[cfg(all(not(unix), feature = "server"))]
pub(crate) fn keep_files_private() {}

/// Makes the names in a directory durable: those created, renamed and removed.
#[cfg(unix)]
pub(crate) fn sync_dir(path: &Path) -> io::Result<()> {
    File::open(path)?.sync_all()
}

/// Does nothing: where directories cannot be synced, the system orders renames itself.
#[cfg(not(unix))]
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether the open file is still the one at that path.
#[cfg(unix)]
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    use std::os::unix::fs::MetadataExt;
    match (file.metadata(), fs::symlink_metadata(path)) {
        (Ok(open), Ok(named)) => (open.dev(), open.ino()) == (named.dev(), named.ino()),
        _ => false,
    }
}

/// Returns `true`: on these systems, an open file cannot be renamed or removed.
#[cfg(not(unix))]
pub(crate) fn is_same_file(_: &File, _: &Path) -> bool {
    true
}

/// The modes of the terminal on standard input, to be restored after an interruption.
#[cfg(unix)]
pub(crate) struct TerminalModes(Option<rustix::termios::Termios>);

#[cfg(unix)]
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

/// Nothing: the console restores itself.
#[cfg(not(unix))]
pub(crate) struct TerminalModes;

#[cfg(not(unix))]
impl TerminalModes {
    /// Saves nothing.
    pub(crate) fn save() -> Self {
        Self
    }

    /// Restores nothing.
    pub(crate) fn restore(&self) {}
}

/// Returns how many columns the terminal on standard output has.
#[cfg(unix)]
pub(crate) fn terminal_columns() -> Option<usize> {
    let size = rustix::termios::tcgetwinsize(io::stdout()).ok()?;
    Some(usize::from(size.ws_col)).filter(|columns| *columns > 0)
}

/// Returns `None`: tables are as wide as their cells.
#[cfg(not(unix))]
pub(crate) fn terminal_columns() -> Option<usize> {
    None
}

/// Raises the limit of open files as far as the system allows. Each connection is one file, and each download another.
/// A service often starts with 1,024, even if it may have more.
#[cfg(all(unix, feature = "server"))]
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

/// Does nothing: there is no such limit.
#[cfg(all(not(unix), feature = "server"))]
pub(crate) fn allow_many_open_files() {}

/// The shell of a user whose `SHELL` is not set.
#[cfg(feature = "server")]
pub(crate) const SHELL: &str = if cfg!(windows) { "cmd" } else { "/bin/sh" };

/// Returns when the operating system asks the process to stop: SIGTERM.
#[cfg(all(unix, feature = "server"))]
pub(crate) async fn terminated() {
    use tokio::signal::unix::{SignalKind, signal};
    match signal(SignalKind::terminate()) {
        Ok(mut signal) => {
            signal.recv().await;
        }
        Err(_) => std::future::pending().await,
    }
}

/// Never returns: there is no such signal.
#[cfg(all(not(unix), feature = "server"))]
pub(crate) async fn terminated() {
    std::future::pending().await
}
