//! Embeds `ui/`: compresses every asset, and names all of them by one hash of their contents.

// The library contains these files, too.
#[path = "src/files.rs"]
mod files;
#[allow(dead_code)]
#[path = "src/kind.rs"]
mod kind;
#[path = "src/page.rs"]
mod page;

use std::error::Error;
use std::fmt::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use libdeflater::{CompressionLvl, Compressor};
use sha2::{Digest, Sha256};

fn main() -> Result<(), Box<dyn Error>> {
    let ui = PathBuf::from(env::var("CARGO_MANIFEST_DIR")?).join("ui");
    println!("cargo::rerun-if-changed={}", ui.display());
    let paths = files::assets_below(&ui)?;
    let mut files = Vec::new();
    let mut whole = Sha256::new();
    for path in &paths {
        let bytes = fs::read(ui.join(path))?;
        whole.update((path.len() as u64).to_le_bytes());
        whole.update(path);
        whole.update((bytes.len() as u64).to_le_bytes());
        whole.update(&bytes);
        files.push((path.as_str(), bytes));
    }
    let document = fs::read_to_string(ui.join(page::DOCUMENT))?;
    whole.update(&document);
    let version = page::hex(&whole.finalize()[..8]);
    let text_of = |path: &str| fs::read_to_string(ui.join(path)).ok();
    let modules = page::modules_of(page::ENTRY, text_of);
    let document = page::document(&document, &version, &modules)?;

    let out = PathBuf::from(env::var("OUT_DIR")?);
    let mut table = format!("const VERSION: &str = {version:?};\n");
    writeln!(
        table,
        "static DOCUMENT: Embedded = {};",
        embed(&out, 0, page::DOCUMENT, document.as_bytes())?
    )?;
    writeln!(table, "static ASSETS: &[Embedded] = &[")?;
    for (at, (path, bytes)) in files.iter().enumerate() {
        writeln!(table, "    {},", embed(&out, at + 1, path, bytes)?)?;
    }
    writeln!(table, "];")?;
    fs::write(out.join("assets.rs"), table)?;
    Ok(())
}

/// Writes an asset, compressed, and returns the expression that embeds it.
fn embed(out: &Path, at: usize, path: &str, bytes: &[u8]) -> Result<String, Box<dyn Error>> {
    let level = CompressionLvl::new(12).map_err(|_| "libdeflate knows no level 12")?;
    let mut compressor = Compressor::new(level);
    let mut gz = vec![0; compressor.gzip_compress_bound(bytes.len())];
    let length = compressor.gzip_compress(bytes, &mut gz)?;
    gz.truncate(length);
    let file = out.join(format!("{at}.gz"));
    fs::write(&file, gz)?;
    let sha256 = page::hex(&Sha256::digest(bytes));
    let size = bytes.len();
    let file = file
        .to_str()
        .ok_or("the build directory's path is no text")?;
    Ok(format!(
        "Embedded {{ path: {path:?}, sha256: {sha256:?}, size: {size}, gz: include_bytes!({file:?}) }}"
    ))
}
