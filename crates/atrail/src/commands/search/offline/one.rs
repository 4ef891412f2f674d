//! Searches one file, and verifies it in the same reading.

use std::fs::File;
use std::io::{self, BufRead, BufReader, Read};
use std::path::Path;

use atrail_evidence::{Expectations, Outcome, contents};
use atrail_verifier::{Judged, verdict};

use super::Standing;
use super::events::{Stop, read_any, read_stored};
use super::tee::tee;
use super::work::Work;
use crate::commands::download::receipt::beside;
use crate::commands::evidence_text::receipt_of;
use crate::commands::verify::judge::{Metered, judged_of, verified};
use crate::error::{CliError, Exit, Result};
use crate::printer::Progress;
use crate::unpack::unpacked;

/// What is unpacked at once, in bytes.
const BUFFER_BYTES: usize = 256 << 10;

/// Searches the file; verifies it where `expected` is given and it has a receipt. `before` is the number of bytes of the
/// files before it.
pub(super) fn search(
    path: &Path,
    expected: Option<&Expectations>,
    work: &mut Work,
    (progress, before): (&Progress, u64),
) -> Result<Standing> {
    if path == Path::new("-") {
        search_any(path, io::stdin(), work)?;
        return Ok(Standing::NoReceipt);
    }
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let file = Metered::new(Ok(file), progress).behind(before);
    let Some(expected) = expected else {
        search_any(path, file, work)?;
        return Ok(Standing::Unchecked);
    };
    let receipt = beside(path);
    if std::fs::symlink_metadata(&receipt).is_err_and(|e| e.kind() == io::ErrorKind::NotFound) {
        search_any(path, file, work)?;
        return Ok(Standing::NoReceipt);
    }
    let judged = match receipt_of(&receipt) {
        Ok(text) => search_verified(path, file, &text, expected, work)?,
        Err(error) => {
            let judged = judged_of(Err(error));
            if judged.outcome() != Outcome::Failed {
                search_any(path, file, work)?;
            }
            judged
        }
    };
    match judged.outcome() {
        Outcome::Failed => Err(refused(path, &judged)),
        Outcome::Proven | Outcome::Inconclusive => Ok(Standing::Judged(judged)),
    }
}

/// Searches and verifies the file side by side, from one reading of its bytes.
fn search_verified(
    path: &Path,
    file: Metered<'_>,
    receipt: &str,
    expected: &Expectations,
    work: &mut Work,
) -> Result<Judged> {
    let lines = contents(receipt).unwrap_or_default();
    work.expect(&lines);
    let (mut first, second) = tee(file);
    let (judged, searched) = std::thread::scope(|scope| {
        let verifying = scope.spawn(move || {
            let report = verified(path, receipt, expected, &mut first);
            first.drain();
            judged_of(report)
        });
        let searched = unpack(path, second)
            .and_then(|text| read_stored(text, work).map_err(|stop| stopped(path, stop)));
        let judged = verifying.join();
        (judged, searched)
    });
    let judged = judged.map_err(|_| CliError::failed("an internal task failed"))?;
    match judged.outcome() {
        // Why it cannot be read is part of the verdict.
        Outcome::Failed => return Ok(judged),
        Outcome::Proven => work.remember(&lines),
        Outcome::Inconclusive => {}
    }
    searched?;
    Ok(judged)
}

fn search_any(path: &Path, file: impl Read + Send, work: &mut Work) -> Result<()> {
    let text = unpack(path, file)?;
    read_any(text, work).map_err(|stop| stopped(path, stop))
}

fn unpack<'a>(path: &Path, file: impl Read + Send + 'a) -> Result<impl BufRead + 'a> {
    let unpacked = unpacked(file).map_err(|error| unreadable(path, error))?;
    Ok(BufReader::with_capacity(BUFFER_BYTES, unpacked.text))
}

fn stopped(path: &Path, stop: Stop) -> CliError {
    match stop {
        Stop::Reader(error) => error,
        Stop::Unreadable(error) => unreadable(path, error),
    }
}

fn unreadable(path: &Path, error: io::Error) -> CliError {
    use io::ErrorKind::{InvalidData, InvalidInput, UnexpectedEof};
    match error.kind() {
        InvalidData | InvalidInput | UnexpectedEof => {
            CliError::corrupt(format!("{} is damaged, or not complete", path.display()))
                .because(error)
                .hint("download it again")
        }
        _ => CliError::unreadable(path, error),
    }
}

fn refused(path: &Path, judged: &Judged) -> CliError {
    let path = path.display();
    CliError::new(
        Exit::Failed,
        format!("{path} does not match its receipt, and was not searched"),
    )
    .because(verdict(judged))
    .hint(format!(
        "`atrail verify {path}` says more; --unverified searches it all the same"
    ))
}
