//! Checks the files of the search index. They are made of the archive: one that is damaged is no loss, and the server makes
//! it anew.

use std::io;

use atrail_archive::object::INDEX_PREFIX;
use atrail_catalog::index_files::IndexFileRow;
use atrail_disk::{Reader, Result, off_thread};
use atrail_search::index::{Footer, IndexFile, Source};

use super::Scrub;

/// Files of one query of the catalog.
const PAGE: u32 = 256;

struct OfFile {
    reader: Reader,
    size_bytes: u64,
}

impl Source for OfFile {
    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn read_exact_at(&self, into: &mut [u8], offset: u64) -> io::Result<()> {
        self.reader.fill(into, offset)
    }
}

impl Scrub<'_> {
    /// Reads every file of the index to its end.
    pub(super) async fn index(&mut self) -> Result<()> {
        // Without the mark that the catalog names the next start begins a new index: that of a restored backup.
        let mark = self.catalog.index_mark().await?;
        let has_mark = match mark {
            Some(mark) => self.places.index.has(&mark).await?,
            None => false,
        };
        if !has_mark {
            return Ok(());
        }
        let mut after = String::new();
        loop {
            let page = self.catalog.index_files_after(&after, PAGE).await?;
            let Some(last) = page.last() else { break };
            after.clone_from(&last.path);
            for row in page {
                let path = row.path.strip_prefix(INDEX_PREFIX).unwrap_or(&row.path);
                let opened = self.places.index.open(path).await?;
                let checked = row.clone();
                let fault = off_thread(move || Ok(fault_of(opened, &checked))).await?;
                let Some(why) = fault else {
                    self.report.index_files += 1;
                    continue;
                };
                // A server may have put another file in its place meanwhile.
                if self.catalog.has_index_file(&row.path).await? {
                    let what = format!(
                        "{why}: no event is affected, searches read the events themselves, and the server makes this file anew"
                    );
                    self.found_repairable(row.path, Some((row.domain, row.day)), what);
                }
            }
        }
        self.index_strangers().await
    }

    /// Finds files of the index that the catalog does not know.
    async fn index_strangers(&mut self) -> Result<()> {
        // Marks lie at the top.
        let paths = self.places.index.paths().await?;
        for below in paths.iter().filter(|path| path.contains('/')) {
            let path = format!("{INDEX_PREFIX}{below}");
            let name = path.rsplit_once('#').map_or(&*path, |(name, _)| name);
            if self.catalog.accounts_for_index(name).await? || !self.places.index.has(below).await?
            {
                continue;
            }
            let what = "the catalog does not know this file of the search index: it can be removed";
            self.found_repairable(path, None, what.to_owned());
        }
        Ok(())
    }
}

/// Returns the fault of a file; `None` when it is sound.
fn fault_of(opened: Option<io::Result<Reader>>, row: &IndexFileRow) -> Option<String> {
    let Some(opened) = opened else {
        return Some("its file is missing".to_owned());
    };
    let reader = match opened {
        Ok(reader) => reader,
        Err(error) => return Some(format!("its file cannot be opened: {error}")),
    };
    let size_bytes = match reader.stamp() {
        Ok(stamp) => stamp.size_bytes,
        Err(error) => return Some(format!("its file cannot be read: {error}")),
    };
    if size_bytes != row.size_bytes {
        return Some(format!(
            "it has {size_bytes} bytes, the catalog says {}",
            row.size_bytes
        ));
    }
    let source = OfFile { reader, size_bytes };
    let footer = Footer {
        size_bytes: row.footer_bytes,
        sha256: row.footer_sha256,
    };
    let checked = IndexFile::open(&source, &footer).and_then(|file| file.check(&source));
    checked.err().map(|error| error.to_string())
}
