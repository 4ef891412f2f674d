//! Windows: a file's access list is its directory's, and links are found by opening them and not what they name.

use std::ffi::OsString;
use std::fs::{self, File, OpenOptions};
use std::io;
use std::os::windows::fs::OpenOptionsExt;
use std::path::{Path, PathBuf};

use winapi_util::file::information;

use super::Found;

/// `FILE_FLAG_OPEN_REPARSE_POINT` of `CreateFileW`: opens a link itself.
const OPEN_LINK: u32 = 0x0020_0000;
/// `FILE_FLAG_BACKUP_SEMANTICS` of `CreateFileW`: opens a directory, too.
const OPEN_DIRECTORY: u32 = 0x0200_0000;

/// How to give the client a directory for its state.
pub(crate) const SET_CONFIG_HOME: &str = "set APPDATA or XDG_CONFIG_HOME";

/// Returns the directory below which programs keep a user's settings: `%APPDATA%`, which only the user, administrators
/// and the system can read. `HOME` does not count: some shells set it and others do not, and a user would have two
/// states.
pub(crate) fn config_home(get: impl Fn(&str) -> Option<OsString>) -> Option<PathBuf> {
    let config_home = get("XDG_CONFIG_HOME").map(PathBuf::from);
    config_home
        .filter(|path| path.is_absolute())
        .or_else(|| get("APPDATA").map(PathBuf::from))
}

/// Makes a directory, and its missing parents; it inherits its access list.
pub(crate) fn create_private_dir(path: &Path) -> io::Result<()> {
    fs::create_dir_all(path)
}

/// Makes a new file, which inherits the access list of its directory. Never makes it through a link.
pub(crate) fn create_private(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create_new(true).open(path)
}

/// Makes a new file in the same way: there is no umask.
pub(crate) fn create_shared(path: &Path) -> io::Result<File> {
    create_private(path)
}

/// Opens or makes a lock file. Never follows a link.
pub(crate) fn open_lock(path: &Path) -> io::Result<File> {
    let mut options = OpenOptions::new();
    options.read(true).write(true).create(true).truncate(false);
    let file = options.custom_flags(OPEN_LINK).open(path)?;
    if file.metadata()?.file_type().is_symlink() {
        return Err(io::Error::other("it is a link"));
    }
    Ok(file)
}

/// Opens a file for writing, unless it is a link or has another name. The access list decides whether another user may
/// write to it.
pub(crate) fn find_own(path: &Path) -> io::Result<Found> {
    const NOT_PLAIN: Found = Found::Foreign("it is not a plain file");
    let mut options = OpenOptions::new();
    options.read(true).write(true).custom_flags(OPEN_LINK);
    let file = match options.open(path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Found::Nothing),
        // A directory cannot be opened for writing.
        Err(_) if path.is_dir() => return Ok(NOT_PLAIN),
        Err(error) => return Err(error),
    };
    let metadata = file.metadata()?;
    if metadata.file_type().is_symlink() {
        return Ok(Found::Foreign("it is a link"));
    }
    if !metadata.is_file() {
        return Ok(NOT_PLAIN);
    }
    if information(&file)?.number_of_links() > 1 {
        return Ok(Found::Foreign("the same file has another name, too"));
    }
    Ok(Found::Own(file))
}

/// Opens a plain file for reading. Returns an error for anything else, such as a device.
pub(crate) fn open_plain(path: &Path) -> io::Result<File> {
    let file = File::open(path)?;
    if file.metadata()?.is_file() {
        return Ok(file);
    }
    Err(io::Error::new(
        io::ErrorKind::InvalidInput,
        "it is not a plain file",
    ))
}

/// Does nothing: a directory cannot be synced. The file system's journal keeps each rename whole, but the newest may be
/// undone by a power loss: `FILE` is then `FILE.part` again, and the same command completes it.
pub(crate) fn sync_dir(_: &Path) -> io::Result<()> {
    Ok(())
}

/// Returns whether the open file is still the one at that path.
pub(crate) fn is_same_file(file: &File, path: &Path) -> bool {
    let mut options = OpenOptions::new();
    // No access is needed to ask which file it is, and none would be granted beside a lock.
    options.access_mode(0);
    options.custom_flags(OPEN_LINK | OPEN_DIRECTORY);
    let identity = |file: &File| {
        let file = information(file)?;
        io::Result::Ok((file.volume_serial_number(), file.file_index()))
    };
    match (
        identity(file),
        options.open(path).and_then(|named| identity(&named)),
    ) {
        (Ok(open), Ok(named)) => open == named,
        _ => false,
    }
}

/// Lets an older console obey the sequences for colours; newer ones do by themselves.
pub(crate) fn enable_colors() {
    let _ = anstyle_query::windows::enable_ansi_colors();
}

/// Nothing: the reader of passwords handles Ctrl-C itself, and shells set the console's modes before each prompt.
pub(crate) struct TerminalModes;

impl TerminalModes {
    /// Saves nothing.
    pub(crate) fn save() -> Self {
        Self
    }

    /// Restores nothing.
    pub(crate) fn restore(&self) {}
}
