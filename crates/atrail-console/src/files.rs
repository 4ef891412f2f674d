//! The assets that a directory holds. `build.rs` contains this file, too.

use std::fs;
use std::io;
use std::path::Path;

use super::kind::content_type;
use super::page::is_path;

/// Returns the paths of the assets below a directory, in order, with `/` between names. The document is not among them.
pub(crate) fn assets_below(dir: &Path) -> io::Result<Vec<String>> {
    let mut found = Vec::new();
    let mut left = vec![String::new()];
    while let Some(within) = left.pop() {
        for entry in fs::read_dir(dir.join(&within))? {
            let entry = entry?;
            let Some(name) = entry.file_name().to_str().map(str::to_owned) else {
                continue;
            };
            let path = format!("{within}{name}");
            if !is_path(&path) {
                continue;
            }
            if entry.file_type()?.is_dir() {
                left.push(format!("{path}/"));
            } else if content_type(&path).is_some() {
                found.push(path);
            }
        }
    }
    found.sort();
    Ok(found)
}
