//! The one file with what differs between operating systems.

use std::fs::{self, File, OpenOptions};
use std::io;
use std::path::Path;

/// Makes a directory, and those above it that are missing, that only its owner enters, whatever the process's mask.
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
            // Another process may have been faster.
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

/// Gives it this mode. A mask may have taken more away, and what was there already may be open to others.
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

/// Makes a file that is not there, which only its owner reads and writes, whatever the process's mask. It is never made
/// through a link.
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

/// Makes a file that is not there, as open to others as the process's mask lets it; never through a link.
pub(crate) fn create_shared(path: &Path) -> io::Result<File> {
    OpenOptions::new().write(true).create_new(true).open(path)
}

/// Opens or makes a file to lock, which only its owner reads; never through a link.
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

/// What stands where a file of one's own is to be.
#[derive(Debug)]
pub(crate) enum Found {
    /// Nothing.
    Nothing,
    /// A plain file of this user with no other name; opened, and closed to others.
    Own(File),
    /// Something that writing to it would change elsewhere, or show to others: why.
    Foreign(&'static str),
}

/// Opens a file to write to, unless it is a link, has another name, or belongs to somebody else.
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
                Some(Errno::ISDIR | Errno::NXIO) => "it is no plain file",
                _ => return Err(error),
            };
            return Ok(Found::Foreign(foreign));
        }
    };
    let metadata = file.metadata()?;
    if !metadata.is_file() {
        return Ok(Found::Foreign("it is no plain file"));
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

/// Opens a file to write to; who may is the profile's affair.
#[cfg(not(unix))]
pub(crate) fn find_own(path: &Path) -> io::Result<Found> {
    match OpenOptions::new().read(true).write(true).open(path) {
        Ok(file) => Ok(Found::Own(file)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(Found::Nothing),
        Err(error) => Err(error),
    }
}

/// Opens a plain file to read; anything else, such as a pipe that would wait for a writer, is an error.
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
        "it is no plain file",
    ))
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
    match (file.metadata(), fs::symlink_metadata(path)) {
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
