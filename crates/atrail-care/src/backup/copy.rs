//! Copies files: small ones unchecked, objects against their SHA-256.

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use atrail_catalog::offline::Recorded;
use atrail_disk::durable::{self, NewFile};
use atrail_disk::{Result, io_failure, off_thread};
use sha2::{Digest, Sha256};

/// The outcome of copying an object.
pub(super) enum Outcome {
    Copied,
    WasThere,
    /// It differs from the catalog's record; with the reason.
    Unfit(String),
}

/// A reader of a backup reads everybody's events: a copy is private to its owner, whatever the mode of the original.
const MODE: u32 = 0o600;

/// Copies a file; returns `false` when it is gone.
pub(super) fn copy_file(from: &Path, to: &Path) -> Result<bool> {
    let failed = || io_failure("copy", from);
    let mut file = match File::open(from) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(false),
        Err(error) => return Err(failed()(error)),
    };
    if let Some(dir) = to.parent() {
        durable::create_dir(dir).map_err(failed())?;
    }
    let mut copy = NewFile::create(to, MODE).map_err(failed())?;
    copy_bytes(&mut file, |bytes| copy.write(bytes)).map_err(failed())?;
    copy.finish().map_err(failed()).map(|()| true)
}

pub(super) async fn copy_object(
    from: PathBuf,
    to: PathBuf,
    recorded: Recorded,
) -> Result<(Recorded, Outcome)> {
    off_thread(move || {
        let file = &recorded.file;
        let outcome = copy_checked(&from.join(&file.path), &to.join(&file.path), file.sha256)?;
        Ok((recorded, outcome))
    })
    .await
}

/// Copies a file whose bytes have this SHA-256, unless a copy with this SHA-256 exists.
fn copy_checked(from: &Path, to: &Path, sha256: [u8; 32]) -> Result<Outcome> {
    if let Ok(mut there) = File::open(to)
        && copy_bytes(&mut there, |_| Ok(())).is_ok_and(|found| found == sha256)
    {
        return Ok(Outcome::WasThere);
    }
    let mut source = match File::open(from) {
        Ok(source) => source,
        Err(error) if error.kind() == io::ErrorKind::NotFound => {
            return Ok(Outcome::Unfit("its file is missing".to_owned()));
        }
        Err(error) => return Ok(Outcome::Unfit(format!("it cannot be read: {error}"))),
    };
    let failed = || io_failure("write", to);
    if let Some(dir) = to.parent() {
        durable::create_dir(dir).map_err(failed())?;
    }
    let mut copy = NewFile::create(to, MODE).map_err(failed())?;
    let mut unwritten = None;
    let copied = copy_bytes(&mut source, |bytes| {
        copy.write(bytes).map_err(|error| {
            let kind = error.kind();
            unwritten = Some(error);
            kind.into()
        })
    });
    match (copied, unwritten) {
        (_, Some(error)) => Err(failed()(error)),
        (Err(error), None) => Ok(Outcome::Unfit(format!("it cannot be read: {error}"))),
        (Ok(found), None) if found != sha256 => Ok(Outcome::Unfit(
            "its bytes do not match their SHA-256".to_owned(),
        )),
        (Ok(_), None) => copy.finish().map_err(failed()).map(|()| Outcome::Copied),
    }
}

/// Reads to the end and passes everything on; returns the SHA-256 of all bytes.
fn copy_bytes(
    from: &mut impl Read,
    mut to: impl FnMut(&[u8]) -> io::Result<()>,
) -> io::Result<[u8; 32]> {
    let mut hasher = Sha256::new();
    let mut buffer = vec![0; 256 << 10];
    loop {
        let count = match from.read(&mut buffer) {
            Ok(0) => return Ok(hasher.finalize().into()),
            Ok(count) => count,
            Err(error) if error.kind() == io::ErrorKind::Interrupted => continue,
            Err(error) => return Err(error),
        };
        hasher.update(&buffer[..count]);
        to(&buffer[..count])?;
    }
}
