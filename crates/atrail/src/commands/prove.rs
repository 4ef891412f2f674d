//! `atrail prove`: makes the proof of one event of a download, which can be shown without the other events.

use std::fs::File;
use std::path::{Path, PathBuf};

use atrail_evidence::{EventProof, ProveError, line_of_id, prove};

use super::download::receipt::beside;
use super::evidence_text::{missing, receipt_of};
use crate::error::{CliError, Result};
use crate::printer::Format;
use crate::settings::Settings;
use crate::state::durable;
use crate::task::blocking;
use crate::trusted_keys::pinned_keys;

/// Make the proof of one event, which can be shown without the rest of the file
///
/// `atrail verify --proof` checks it, with the server's key alone.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail prove events.json.gz --line 4711 -o event.proof\n  \
    atrail prove events.json.gz --id 5f7a2a4e-6cd0-4e0b-a5a5-2e9a8a0a3a0e"
)]
pub(crate) struct Args {
    /// The download, compressed or not
    #[arg(value_name = "FILE")]
    file: PathBuf,
    /// The event in this line, from 1
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..),
        required_unless_present = "id",
        conflicts_with = "id"
    )]
    line: Option<u64>,
    /// The first event with this id
    #[arg(long, value_name = "ID")]
    id: Option<String>,
    /// The receipt of FILE [default: FILE.receipt]
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// Where the proof goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// Makes, checks and writes the proof.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    if settings.printer.format != Format::Table {
        return Err(CliError::usage("a proof has a format of its own: --format cannot be used")
            .hint("docs/EVIDENCE.md defines it; `atrail verify --proof P --format json` prints what it proves"));
    }
    let keys = pinned_keys(settings)?;
    let Args {
        file,
        line,
        id,
        receipt,
        output,
    } = args;
    let receipt = receipt.unwrap_or_else(|| beside(&file));
    let text = blocking(move || {
        if let Some(error) = missing(&file) {
            return Err(error);
        }
        let receipt = receipt_of(&receipt)?;
        let proof = make(&receipt, &file, line, id.as_deref()).map_err(|error| {
            CliError::failed(format!("could not prove an event of {}", file.display()))
                .because(error)
        })?;
        // Never hand out a proof that does not verify.
        proof.verify(&keys).map_err(|error| {
            CliError::failed(format!(
                "the evidence of {} does not verify",
                file.display()
            ))
            .because(error)
            .hint("`atrail verify` says what is wrong")
        })?;
        Ok(proof.to_text())
    })
    .await?;
    match output.as_deref() {
        Some(path) if path != Path::new("-") => durable::replace_private(path, text.as_bytes())
            .map_err(|error| CliError::file(format!("could not write {}", path.display()), error)),
        _ => settings.printer.data(&text),
    }
}

fn make(
    receipt: &str,
    file: &Path,
    line: Option<u64>,
    id: Option<&str>,
) -> Result<EventProof, ProveError> {
    let line = match (line, id) {
        (Some(line), _) => line,
        (None, Some(id)) => line_of_id(File::open(file)?, id)?,
        (None, None) => return Err(ProveError::NoEvent),
    };
    prove(receipt, File::open(file)?, line)
}
