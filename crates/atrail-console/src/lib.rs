//! The console's pages: what `ui/` holds, compressed and embedded.
//!
//! [`get`] returns an asset by its path below `/console/`. All assets but the document have paths of one version,
//! `v-HASH/…`, where HASH names the contents of all of them: what a browser has cached under such a path never changes.
//! `ui/vendor/preact.js` is the only code from others; `ci/vendor.sh` builds it from `console/vendor.js` and compares.
//! This crate knows no HTTP and does no I/O, except for [`from_dir`] of debug builds.

mod csp;
#[cfg(any(test, debug_assertions))]
mod dir;
#[cfg(test)]
mod files;
mod kind;
#[cfg(any(test, debug_assertions))]
mod page;

use std::borrow::Cow;

use libdeflater::Decompressor;

pub use csp::Policy;
#[cfg(any(test, debug_assertions))]
pub use dir::from_dir;

struct Embedded {
    path: &'static str,
    sha256: &'static str,
    size: usize,
    gz: &'static [u8],
}

include!(concat!(env!("OUT_DIR"), "/assets.rs"));

/// An asset.
#[derive(Debug, Clone)]
pub struct Asset {
    /// The content, compressed as one gzip member.
    pub gz: Cow<'static, [u8]>,
    /// Length of the content, in bytes.
    pub size: usize,
    /// SHA-256 of the content, in lower-case hexadecimal digits.
    pub sha256: Cow<'static, str>,
    /// The media type.
    pub content_type: &'static str,
    /// What the asset may do in a browser.
    pub policy: Policy,
    /// Whether its path names its version, so that its content never changes.
    pub is_immutable: bool,
}

impl Asset {
    /// Returns the content, decompressed.
    #[must_use]
    pub fn bytes(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.size];
        let whole = Decompressor::new().gzip_decompress(&self.gz, &mut bytes);
        debug_assert_eq!(whole, Ok(self.size), "the build compressed it");
        bytes
    }
}

/// Returns the asset at this path below `/console/`; the document is at the empty path.
#[must_use]
pub fn get(path: &str) -> Option<Asset> {
    if path.is_empty() {
        return Some(asset(
            &DOCUMENT,
            "text/html; charset=utf-8",
            Policy::Document,
            false,
        ));
    }
    let path = path
        .strip_prefix("v-")?
        .strip_prefix(VERSION)?
        .strip_prefix('/')?;
    let found = ASSETS.binary_search_by(|one| one.path.cmp(path)).ok()?;
    let content_type = kind::content_type(path)?;
    Some(asset(
        ASSETS.get(found)?,
        content_type,
        policy_of(path),
        true,
    ))
}

/// Returns the paths of all assets below `/console/`, in order; the document's, which is empty, is first.
pub fn paths() -> impl Iterator<Item = String> {
    let versioned = ASSETS.iter().map(|one| format!("v-{VERSION}/{}", one.path));
    std::iter::once(String::new()).chain(versioned)
}

fn policy_of(path: &str) -> Policy {
    if kind::is_worker(path) {
        Policy::Worker
    } else {
        Policy::Inert
    }
}

fn asset(
    one: &'static Embedded,
    content_type: &'static str,
    policy: Policy,
    is_immutable: bool,
) -> Asset {
    Asset {
        gz: one.gz.into(),
        size: one.size,
        sha256: one.sha256.into(),
        content_type,
        policy,
        is_immutable,
    }
}

#[cfg(test)]
mod tests;
