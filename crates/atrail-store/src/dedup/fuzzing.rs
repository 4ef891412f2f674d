//! Reading a run of any bytes.

use std::io::Write;

use super::Key;
use super::run::{Run, mend};

/// Opens the bytes as they are, and with checksums that hold, behind which most of the reader lies.
pub(crate) fn read(bytes: &[u8]) {
    open(bytes);
    let mut mended = bytes.to_vec();
    mend(&mut mended);
    open(&mended);
}

fn open(bytes: &[u8]) {
    let path = std::env::temp_dir().join(format!("fuzz-{}.run", std::process::id()));
    let written = std::fs::File::create(&path).and_then(|mut file| file.write_all(bytes));
    written.expect("the temporary directory takes a file");
    let Ok(run) = Run::open(&path) else { return };
    let Ok((index, _)) = run.index() else { return };
    let Ok(entries) = run.entries() else { return };
    for entry in entries.take(64).map_while(Result::ok) {
        // Entries out of order are not found, a segment beyond the table is an error; neither is more than that.
        let _ = run.find(&index, &entry.key);
    }
    let _ = run.find(&index, &Key([0xff; Key::LEN]));
}
