//! Judges each file, and all of them together.

use std::fs::File;
use std::io::{self, Read};
use std::path::Path;
use std::sync::Arc;

use atrail_evidence::{Expectations, FindingKind, Outcome, Report, VerifyError, verify};
use atrail_verifier::Judged;
use serde::Serialize;

use crate::commands::evidence_text::{RECEIPT_HINT, missing, receipt_of};
use crate::error::{CliError, Exit, Result, chain};
use crate::printer::Progress;
use crate::settings::Settings;
use crate::task::blocking;

/// The verdict on one file.
#[derive(Debug, Serialize)]
pub(super) struct Checked {
    file: String,
    #[serde(flatten)]
    pub(super) judged: Judged,
}

/// Returns the verdict that follows from a report, or from why there is none.
pub(in crate::commands) fn judged_of(report: Result<Report>) -> Judged {
    match report {
        Ok(report) => Judged::Report(Box::new(report)),
        Err(error) => Judged::without_receipt(
            match error.exit {
                Exit::Inconclusive => Outcome::Inconclusive,
                _ => Outcome::Failed,
            },
            chain(&error),
        ),
    }
}

impl Checked {
    pub(super) fn name(&self) -> &str {
        &self.file
    }
}

/// Judges a file. A fault in one, or an unreadable one, is a verdict: the others are still judged.
pub(super) async fn judge(
    settings: &Settings,
    file: &Path,
    receipt: &Path,
    expected: &Arc<Expectations>,
) -> Result<Checked> {
    if let Some(error) = missing(file) {
        return Ok(Checked {
            judged: Judged::WithoutReceipt {
                outcome: Outcome::Inconclusive,
                error: chain(&error),
                is_file_missing: true,
            },
            file: file.display().to_string(),
        });
    }
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let progress = settings.printer.progress("Verifying", 0, size);
    let (path, receipt, expected) = (file.to_owned(), receipt.to_owned(), Arc::clone(expected));
    let judged =
        blocking(move || Ok(read_and_verify(&path, &receipt, &expected, progress))).await?;
    Ok(Checked {
        file: file.display().to_string(),
        judged,
    })
}

fn read_and_verify(
    path: &Path,
    receipt: &Path,
    expected: &Expectations,
    progress: Progress,
) -> Judged {
    let report = receipt_of(receipt).and_then(|text| {
        let file = Metered::new(File::open(path), &progress);
        verified(path, &text, expected, file)
    });
    progress.finish();
    judged_of(report)
}

/// Checks the bytes of a file against the text of its receipt.
pub(in crate::commands) fn verified(
    path: &Path,
    receipt: &str,
    expected: &Expectations,
    file: impl Read,
) -> Result<Report> {
    verify(receipt, expected, file).map_err(|error: VerifyError| {
        let exit = match error.outcome() {
            Outcome::Inconclusive => Exit::Inconclusive,
            _ => Exit::Failed,
        };
        CliError::new(exit, format!("could not verify {}", path.display())).because(error)
    })
}

/// Reports how far a file was read. A file that cannot be opened returns an error when read, so that its receipt is
/// still judged.
pub(in crate::commands) struct Metered<'p> {
    file: io::Result<File>,
    position: u64,
    progress: &'p Progress,
}

impl<'p> Metered<'p> {
    /// Returns a reader of the file that reports to `progress`.
    pub(in crate::commands) const fn new(file: io::Result<File>, progress: &'p Progress) -> Self {
        Self {
            file,
            position: 0,
            progress,
        }
    }

    /// Counts bytes that were read before this file.
    pub(in crate::commands) fn behind(self, position: u64) -> Self {
        Self { position, ..self }
    }
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = match &mut self.file {
            Ok(file) => file.read(buffer)?,
            Err(error) => return Err(io::Error::new(error.kind(), error.to_string())),
        };
        self.position += count as u64;
        self.progress.set(self.position);
        Ok(count)
    }
}

/// Returns the exit code: the worst of all files. A fault outweighs an unknown result, and an unknown result outweighs
/// a proof.
pub(super) fn conclude(all: &[Checked]) -> Result<()> {
    let of = |outcome: Outcome| {
        let of_outcome = all
            .iter()
            .filter(|checked| checked.judged.outcome() == outcome);
        let names: Vec<_> = of_outcome.map(Checked::name).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    let failed = of(Outcome::Failed).map(|files| format!("not proven: {files}"));
    let open =
        of(Outcome::Inconclusive).map(|files| format!("nothing can be concluded about {files}"));
    let exit = match (&failed, &open) {
        (Some(_), _) => Exit::Failed,
        (None, Some(_)) => Exit::Inconclusive,
        (None, None) => return Ok(()),
    };
    let said: Vec<_> = failed.into_iter().chain(open).collect();
    let error = CliError::new(exit, said.join("; "));
    Err(match hint(all) {
        Some(hint) => error.hint(hint),
        None => error,
    })
}

fn hint(all: &[Checked]) -> Option<&'static str> {
    let open = || {
        let judged = all.iter().map(|checked| &checked.judged);
        judged.filter(|judged| judged.outcome() == Outcome::Inconclusive)
    };
    let is_unpinned = |judged: &Judged| match judged {
        Judged::Report(report) => {
            let mut findings = report.findings.iter();
            findings.any(|finding| finding.kind == FindingKind::Unpinned)
        }
        Judged::WithoutReceipt { .. } => false,
    };
    if open().any(is_unpinned) {
        return Some(
            "give the server's key by --key or ATRAIL_VKEY, or log in to the server; get the key by another way than the file",
        );
    }
    let lacks_receipt = |judged: &Judged| {
        matches!(
            judged,
            Judged::WithoutReceipt {
                is_file_missing: false,
                ..
            }
        )
    };
    open().any(lacks_receipt).then_some(RECEIPT_HINT)
}
