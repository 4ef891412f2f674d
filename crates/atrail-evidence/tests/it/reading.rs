//! The way in which a file arrives does not affect the verdict: in pieces of any size, with interruptions, compressed
//! or not. An unreadable file is neither right nor wrong.

use std::io::{self, ErrorKind, Read};

use atrail_evidence::{FindingKind, Outcome, Report, verify};

use crate::world::{ALL_DAY, Download, World, gzip};
use crate::{key, pinned};

/// Returns this many bytes at a time, is interrupted before each read, and fails at the end.
struct Pieces<'a> {
    bytes: &'a [u8],
    size: usize,
    is_interrupted: bool,
    end: Option<ErrorKind>,
}

impl<'a> Pieces<'a> {
    fn of(bytes: &'a [u8], size: usize) -> Self {
        Self {
            bytes,
            size,
            is_interrupted: false,
            end: None,
        }
    }

    fn failing(bytes: &'a [u8], end: ErrorKind) -> Self {
        Self {
            end: Some(end),
            ..Self::of(bytes, 100)
        }
    }
}

impl Read for Pieces<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.is_interrupted = !self.is_interrupted;
        if self.is_interrupted {
            return Err(ErrorKind::Interrupted.into());
        }
        if let (true, Some(kind)) = (self.bytes.is_empty(), self.end) {
            return Err(kind.into());
        }
        let count = self.size.min(buffer.len()).min(self.bytes.len());
        buffer[..count].copy_from_slice(&self.bytes[..count]);
        self.bytes = &self.bytes[count..];
        Ok(count)
    }
}

/// Makes a space with hours of several objects, and one line longer than any buffer.
fn download() -> (Download, String) {
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    world.seal(space, world.today, &[(1, 30), (2, 1100), (3, 1)]);
    world.padding = 400_000;
    world.seal(space, world.today, &[(4, 2)]);
    let download = world.session(Some(space), (world.today, world.today), ALL_DAY, &[]);
    let receipt = download.receipt.sign(&world.key).unwrap();
    (download, receipt)
}

fn told(report: &Report) -> (Outcome, Vec<FindingKind>, bool) {
    let kinds = report.findings.iter().map(|one| one.kind).collect();
    (report.outcome, kinds, report.is_recompressed)
}

#[test]
fn a_file_may_come_in_pieces_of_any_size() {
    let (download, receipt) = download();
    let text = download.text.as_bytes();
    let anew = gzip(&download.text);
    for size in [1, 2, 3, 1000, 65_536, usize::MAX] {
        for (file, is_recompressed) in [(&download.file[..], false), (text, true), (&anew, true)] {
            let report = verify(&receipt, &pinned(&key()), Pieces::of(file, size)).unwrap();
            let proven = (Outcome::Proven, vec![], is_recompressed);
            assert_eq!(told(&report), proven, "{size}: {report:#?}");
        }
    }
}

#[test]
fn a_file_that_cannot_be_read_to_its_end_leaves_the_result_open() {
    let (download, receipt) = download();
    for file in [&download.file[..], download.text.as_bytes()] {
        for at in [0, 1, 2, 50, file.len() / 2, file.len() - 1, file.len()] {
            for kind in [
                ErrorKind::TimedOut,
                ErrorKind::UnexpectedEof,
                ErrorKind::InvalidData,
            ] {
                let read = Pieces::failing(&file[..at], kind);
                let report = verify(&receipt, &pinned(&key()), read).unwrap();
                let open = (Outcome::Inconclusive, vec![FindingKind::Unproven], false);
                assert_eq!(told(&report), open, "{at} {kind:?}");
            }
            // The control: a normal end of the file is no read error.
            if at < file.len() {
                let report = verify(&receipt, &pinned(&key()), &file[..at]).unwrap();
                assert_eq!(report.outcome, Outcome::Failed, "{at}");
            }
        }
    }
}

/// Bytes that do not affect the events are reported: neither ignored nor called damage.
#[test]
fn other_bytes_of_the_same_events_are_told() {
    let (download, receipt) = download();
    let of = |file: &[u8]| told(&verify(&receipt, &pinned(&key()), file).unwrap());
    let mut other_time = download.file.clone();
    other_time[4] ^= 1;
    let with_empty_member = [&download.file[..], &gzip("")].concat();
    for (what, file) in [
        ("another time in the first header", other_time),
        ("an empty member more", with_empty_member),
    ] {
        assert_eq!(of(&file), (Outcome::Proven, vec![], true), "{what}");
    }
    assert_eq!(
        of(&download.file),
        (Outcome::Proven, vec![], false),
        "the control"
    );
    // An empty file, in place of an empty member.
    let mut world = World::new(key());
    let space = world.add_space("5bace1");
    let nothing = world.session(Some(space), (world.today, world.today), ALL_DAY, &[]);
    let receipt = nothing.receipt.sign(&world.key).unwrap();
    let of = |file: &[u8]| told(&verify(&receipt, &pinned(&key()), file).unwrap());
    assert_eq!(of(&nothing.file), (Outcome::Proven, vec![], false));
    assert_eq!(of(b""), (Outcome::Proven, vec![], true));
}
