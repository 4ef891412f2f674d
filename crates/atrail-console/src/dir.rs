//! Assets from a directory, for those who edit them: a debug build alone has this.

use std::fs;
use std::io;
use std::path::Path;

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

use crate::{Asset, Policy, VERSION, kind, page, policy_of};

/// Returns the asset at this path below `/console/`, as it is in the directory now; the document is at the empty path.
///
/// # Errors
/// When a file cannot be read, except that it does not exist.
pub fn from_dir(dir: &Path, path: &str) -> io::Result<Option<Asset>> {
    if path.is_empty() {
        let source = fs::read_to_string(dir.join(page::DOCUMENT))?;
        let text_of = |path: &str| fs::read_to_string(dir.join(path)).ok();
        let modules = page::modules_of(page::ENTRY, text_of);
        let document = page::document(&source, VERSION, &modules).map_err(io::Error::other)?;
        let html = "text/html; charset=utf-8";
        return Ok(Some(asset(document.as_bytes(), html, Policy::Document)));
    }
    let within = path
        .split_once('/')
        .filter(|(first, _)| first.starts_with("v-"));
    let Some((_, path)) = within.filter(|(_, path)| page::is_path(path)) else {
        return Ok(None);
    };
    let Some(content_type) = kind::content_type(path) else {
        return Ok(None);
    };
    match fs::read(dir.join(path)) {
        Ok(bytes) => Ok(Some(asset(&bytes, content_type, policy_of(path)))),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error),
    }
}

fn asset(bytes: &[u8], content_type: &'static str, policy: Policy) -> Asset {
    let mut compressor = Compressor::new(CompressionLvl::fastest());
    let mut gz = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut gz).unwrap_or(0);
    gz.truncate(length);
    Asset {
        gz: gz.into(),
        size: bytes.len(),
        sha256: page::hex(&Sha256::digest(bytes)).into(),
        content_type,
        policy,
        is_immutable: false,
    }
}
