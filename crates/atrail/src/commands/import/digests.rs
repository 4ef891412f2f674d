//! Reads digest files and their signatures, and names what is wrong with them.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::{Path, PathBuf};

use serde_json::Value;
use sha2::{Digest as _, Sha256};

use super::files::METADATA_END;
use crate::cloudtrail::chain::Problem;
use crate::cloudtrail::digest::{Digest, from_hex};
use crate::cloudtrail::keys::PublicKeys;
use crate::error::{CliError, Result};
use crate::unpack::unpacked;

/// Largest digest, unpacked, in bytes; real ones are smaller by far.
const DIGEST_MAX_BYTES: u64 = 256 << 20;
const SIDECAR_MAX_BYTES: u64 = 1 << 20;

/// Reads the files of public keys.
///
/// # Errors
/// When one is not the answer of `aws cloudtrail list-public-keys`.
pub(super) fn public_keys(files: &[PathBuf]) -> Result<Option<PublicKeys>> {
    if files.is_empty() {
        return Ok(None);
    }
    let mut keys = PublicKeys::default();
    for path in files {
        let failed = |error| CliError::unreadable(path, error);
        let text = std::fs::read(path).map_err(failed)?;
        keys.add(&text).map_err(|why| {
            CliError::usage(format!("{} holds no public keys", path.display()))
                .because(why)
                .hint("`aws cloudtrail list-public-keys --start-time DAY --region REGION >FILE` writes it")
        })?;
    }
    Ok(Some(keys))
}

/// Reads a digest file, and its signature from beside it.
pub(super) fn local(path: &Path) -> std::result::Result<Digest, Problem> {
    let place = path.display().to_string();
    let unreadable = |error: io::Error| Problem::Unreadable {
        digest: place.clone(),
        why: error.to_string(),
    };
    let signature = sidecar(path).map_err(unreadable)?;
    let file = File::open(path).map_err(unreadable)?;
    read(place.clone(), file, signature)
}

/// Reads a digest from its file.
pub(super) fn read(
    place: String,
    mut file: impl Read + Seek + Send,
    signature: Option<Vec<u8>>,
) -> std::result::Result<Digest, Problem> {
    let mut parts = || -> io::Result<_> {
        let mut packed_hash = Sha256::new();
        io::copy(&mut (&mut file).take(DIGEST_MAX_BYTES), &mut packed_hash)?;
        file.rewind()?;
        let mut text = Vec::new();
        let unpacked = unpacked(&mut file)?.text;
        unpacked.take(DIGEST_MAX_BYTES + 1).read_to_end(&mut text)?;
        if text.len() as u64 > DIGEST_MAX_BYTES {
            let why = format!("it is larger than {DIGEST_MAX_BYTES} bytes");
            return Err(io::Error::other(why));
        }
        Ok((text, packed_hash.finalize().into()))
    };
    let parts = parts().map_err(|error| error.to_string());
    let digest = parts
        .and_then(|(text, packed_hash)| Digest::read(place.clone(), &text, packed_hash, signature));
    digest.map_err(|why| Problem::Unreadable { digest: place, why })
}

/// Reads the signature beside a file: `FILE.signature` with hexadecimal digits, or `FILE.metadata.json`, the answer of
/// `aws s3api head-object`.
fn sidecar(path: &Path) -> io::Result<Option<Vec<u8>>> {
    let beside = |end: &str| {
        let mut name = path.as_os_str().to_owned();
        name.push(end);
        let mut text = String::new();
        match File::open(PathBuf::from(name)) {
            Ok(file) => file
                .take(SIDECAR_MAX_BYTES)
                .read_to_string(&mut text)
                .map(|_| Some(text)),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    };
    let wrong = || io::Error::other("the signature beside it is not hexadecimal");
    if let Some(text) = beside(".signature")? {
        return from_hex(&text).map(Some).ok_or_else(wrong);
    }
    let Some(text) = beside(METADATA_END)? else {
        return Ok(None);
    };
    let answer: Value = serde_json::from_str(&text).map_err(io::Error::other)?;
    match answer["Metadata"]["signature"].as_str() {
        Some(signature) => from_hex(signature).map(Some).ok_or_else(wrong),
        None => Ok(None),
    }
}
