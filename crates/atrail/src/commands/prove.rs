//! `atrail prove`: makes the proof of one event, which can be shown without the other events: from a download, or by the
//! server from the event's place.

use std::fs::File;
use std::path::{Path, PathBuf};

use atrail_api::{EventPlace, paths};
use atrail_evidence::{
    EventProof, Hash, MAX_PROOF_BYTES, ProveError, VerifierKey, line_of_id, prove,
};
use atrail_model::SegmentId;

use super::download::receipt::beside;
use super::evidence_text::{missing, receipt_of};
use crate::client::{Call, connect};
use crate::error::{CliError, Result};
use crate::printer::Format;
use crate::settings::Settings;
use crate::state::durable;
use crate::task::blocking;
use crate::trusted_keys::pinned_keys;

/// Make the proof of one event, which can be shown without the rest of the file
///
/// The event is one of a download; or, with --segment and --index, the server makes the proof of the event at this place,
/// which `atrail search --places` prints. `atrail verify --proof` checks it, with the server's key alone.
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail prove events.json.gz --line 4711 -o event.proof\n  \
    atrail prove events.json.gz --id 5f7a2a4e-6cd0-4e0b-a5a5-2e9a8a0a3a0e\n  \
    atrail prove --segment 0198c6a2-7d1e-7c30-9c55-0d6b1d3f2a11 --index 52 -o event.proof"
)]
pub(crate) struct Args {
    /// The download, compressed or not
    #[arg(
        value_name = "FILE",
        required_unless_present = "segment",
        conflicts_with = "segment"
    )]
    file: Option<PathBuf>,
    /// The event in this line, from 1
    #[arg(
        long,
        value_name = "N",
        value_parser = clap::value_parser!(u64).range(1..),
        required_unless_present_any = ["id", "segment"],
        conflicts_with_all = ["id", "segment"]
    )]
    line: Option<u64>,
    /// The first event with this id
    #[arg(long, value_name = "ID", conflicts_with = "segment")]
    id: Option<String>,
    /// The receipt of FILE [default: FILE.receipt]
    #[arg(long, value_name = "FILE", conflicts_with = "segment")]
    receipt: Option<PathBuf>,
    #[command(flatten)]
    place: Place,
    /// Where the proof goes [default: standard output]
    #[arg(short, long, value_name = "FILE")]
    output: Option<PathBuf>,
}

/// The place of an event on the server.
#[derive(Debug, clap::Args)]
struct Place {
    /// The event of this segment on the server, by its number
    #[arg(long, value_name = "GUID", requires = "index")]
    segment: Option<SegmentId>,
    /// The event's number in the segment, from 0
    #[arg(long, value_name = "N", requires = "segment")]
    index: Option<u64>,
    /// The leaf hash that the event must have
    #[arg(long, value_name = "HASH", requires = "segment")]
    leaf: Option<Hash>,
    /// Look in the whole account: its own domain and every space
    #[arg(short = 'a', long, requires = "segment")]
    at_account_level: bool,
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
        place,
    } = args;
    let text = match (file, place.segment.zip(place.index)) {
        (Some(file), _) => from_file(file, receipt, (line, id), keys).await?,
        (None, Some((segment, index))) => {
            let leaf = place.leaf;
            let wanted = Wanted {
                segment,
                index,
                leaf,
            };
            from_server(settings, &wanted, place.at_account_level, &keys).await?
        }
        (None, None) => {
            return Err(CliError::usage(
                "a proof needs FILE, or --segment and --index",
            ));
        }
    };
    match output.as_deref() {
        Some(path) if path != Path::new("-") => durable::replace_private(path, text.as_bytes())
            .map_err(|error| CliError::file(format!("could not write {}", path.display()), error)),
        _ => settings.printer.data(&text),
    }
}

/// Makes the proof of an event of a download.
async fn from_file(
    file: PathBuf,
    receipt: Option<PathBuf>,
    (line, id): (Option<u64>, Option<String>),
    keys: Vec<VerifierKey>,
) -> Result<String> {
    let receipt = receipt.unwrap_or_else(|| beside(&file));
    blocking(move || {
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
    .await
}

/// A place on the server, and the leaf hash that the event there must have.
struct Wanted {
    segment: SegmentId,
    index: u64,
    leaf: Option<Hash>,
}

/// Has the server make the proof of an event at a place, and checks it.
async fn from_server(
    settings: &Settings,
    wanted: &Wanted,
    at_account_level: bool,
    keys: &[VerifierKey],
) -> Result<String> {
    let place = EventPlace {
        segment: wanted.segment.to_string(),
        index: wanted.index,
        leaf: wanted.leaf.map(|leaf| leaf.to_string()),
        at_account_level: at_account_level.then_some(true),
    };
    let client = connect(settings, !at_account_level).await?;
    let call = Call::get(paths::EVENT_PROOF).query(&place)?;
    let text = client
        .bytes(call.answer_of_at_most(MAX_PROOF_BYTES))
        .await?;
    let wrong = || CliError::failed("the proof that the server made does not verify");
    let text = String::from_utf8(text.to_vec()).map_err(|error| wrong().because(error))?;
    let proof = EventProof::parse(&text).map_err(|error| wrong().because(error))?;
    let proven = proof.verify(keys).map_err(|error| wrong().because(error))?;
    let is_wanted = proven.segment == place.segment
        && proven.index == wanted.index
        && wanted.leaf.is_none_or(|leaf| leaf == proven.hash);
    if is_wanted {
        Ok(text)
    } else {
        Err(CliError::failed(
            "the server proved another event than the one that was asked for",
        ))
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
