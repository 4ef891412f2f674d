//! `atrail verify`: checks a download against its receipt, without the server.

pub(super) mod judge;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_evidence::{
    EventProof, Expectations, HourRange, LeafHash, MAX_PROOF_BYTES, MAX_RECEIPT_BYTES, Outcome,
    ProofError, ProvenEvent, ScopeOf, VerifierKey, parse_acknowledgements,
};
use atrail_model::{AccountId, SpaceId};
use atrail_verifier::{event_lines, lines, not_proven};

use super::download::receipt::beside;
use super::evidence_text::text_of;
use crate::days::{DayDefault, ScopeFlags};
use crate::error::{CliError, Exit, Result, chain};
use crate::printer::{Column, Format, Layout, Rows};
use crate::settings::Settings;
use crate::trusted_keys::pinned_keys;

use judge::{Checked, conclude, judge};

/// Largest list of acknowledgements, in bytes.
const MAX_ACKS_BYTES: u64 = 1 << 30;

/// Check downloads against their receipts, or the proof of an event; needs no server
///
/// Ends with 0 when everything is proven, 1 when something is wrong, 3 when nothing can be concluded. Every FILE is judged
/// and printed, and the worst decides: 1 before 3 before 0. A call that is wrong ends with 2, and nothing is judged.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail verify events.json.gz\n  \
    atrail verify events.json.gz --key atrail-3f9a1c2e+c74f20a3+ARpc2Q… -s 2026-11-01 -e 2026-11-07\n  \
    atrail verify new.json.gz --since old.json.gz.receipt\n  \
    atrail verify --proof event.proof")]
pub(crate) struct Args {
    /// The downloads, compressed or not
    #[arg(value_name = "FILE", required_unless_present = "proof")]
    files: Vec<PathBuf>,
    /// The server's verifier key [default: ATRAIL_VKEY, or the one that the login remembered]
    #[arg(long, value_name = "VKEY")]
    key: Vec<VerifierKey>,
    /// The receipt of the one FILE [default: FILE.receipt]
    #[arg(long, value_name = "FILE")]
    receipt: Option<PathBuf>,
    /// An earlier receipt: this history must continue it; a log that began anew must account for all that it held
    #[arg(long, value_name = "RECEIPT")]
    since: Option<PathBuf>,
    /// Output of `atrail trail --format jsonl`: these events must be in the file
    #[arg(long, value_name = "ACKS")]
    contains: Option<PathBuf>,
    /// The proof of one event, made by `atrail prove`, in place of files
    #[arg(long, value_name = "PROOF", conflicts_with_all = ["files", "receipt", "since", "contains"])]
    proof: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeFlags,
    /// The requested space, by its GUID
    #[arg(long, value_name = "GUID", conflicts_with_all = ["account", "at_account_level", "proof"])]
    space: Option<SpaceId>,
    /// The requested account, by its GUID, with all its spaces
    #[arg(long, value_name = "GUID", conflicts_with = "proof")]
    account: Option<AccountId>,
}

/// Checks every file, or the proof.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let keys = match args.key.is_empty() {
        true => pinned_keys(settings)?,
        false => args.key.clone(),
    };
    if let Some(proof) = &args.proof {
        if args.scope.is_any_given() {
            return Err(CliError::usage(
                "--proof checks one event: it cannot be used with days, hours or -a",
            ));
        }
        return run_proof(settings, proof, &keys);
    }
    if args.files.len() > 1 && args.receipt.is_some() {
        return Err(CliError::usage("--receipt can be used with one FILE only")
            .hint("put each receipt beside its file, as FILE.receipt"));
    }
    let expected = Arc::new(expectations(settings, &args, keys)?);
    let mut all = Vec::new();
    for file in &args.files {
        let receipt = args.receipt.clone().unwrap_or_else(|| beside(file));
        all.push(judge(settings, file, &receipt, &expected).await?);
    }
    print(settings, &all)?;
    conclude(&all)
}

/// Checks a download that has just ended, and reports the result on standard error.
pub(super) async fn downloaded(
    settings: &Settings,
    file: &Path,
    receipt: &Path,
    asked: Expectations,
) -> Result<()> {
    let expected = Arc::new(Expectations {
        keys: pinned_keys(settings)?,
        ..asked
    });
    let checked = judge(settings, file, receipt, &expected).await?;
    for line in lines(&checked.judged).lines() {
        settings.printer.note(line);
    }
    conclude(&[checked])
}

fn expectations(settings: &Settings, args: &Args, keys: Vec<VerifierKey>) -> Result<Expectations> {
    let ScopeFlags {
        days,
        search_time,
        at_account_level,
    } = args.scope;
    let range = match days.is_any_given() {
        false => None,
        true => Some(days.resolve(DayDefault::OneDay, settings.now())?),
    };
    // An unreadable file does not stop the check of the rest, which may still find a fault.
    let mut unread = Vec::new();
    let contains = match &args.contains {
        Some(path) => acknowledgements(path, &mut unread)?,
        None => None,
    };
    let since = match args
        .since
        .as_deref()
        .map(|path| text_of(path, MAX_RECEIPT_BYTES))
    {
        Some(Err(error)) if error.exit == Exit::Inconclusive => {
            unread.push(chain(&error));
            None
        }
        // A file that is not text is no receipt, like an empty one.
        Some(text) => Some(text.unwrap_or_default()),
        None => None,
    };
    let of = match (&args.space, &args.account) {
        (Some(guid), _) => Some(ScopeOf::Space(guid.to_string())),
        (None, guid) => guid.map(|guid| ScopeOf::Account(guid.to_string())),
    };
    let is_level_given = of.is_none() && args.scope.is_any_given();
    Ok(Expectations {
        keys,
        is_account: is_level_given.then_some(at_account_level),
        of,
        start: range.map(|range| range.start()),
        end: range.map(|range| range.end()),
        hours: search_time.map(|hours| HourRange {
            first: hours.first().number(),
            last: hours.last().number(),
        }),
        since,
        contains,
        unread,
    })
}

/// Reads the acknowledged events of a list, which must hold at least one.
fn acknowledgements(path: &Path, unread: &mut Vec<String>) -> Result<Option<Vec<LeafHash>>> {
    let not_a_list = |error: Box<dyn std::error::Error + Send + Sync>| {
        CliError::usage(format!("{} is no list of acknowledgements", path.display()))
            .because(error)
            .hint("give the output of `atrail trail --format jsonl`")
    };
    match text_of(path, MAX_ACKS_BYTES) {
        Ok(text) => parse_acknowledgements(&text)
            .map(Some)
            .map_err(|error| not_a_list(error.into())),
        Err(error) if error.exit == Exit::Inconclusive => {
            unread.push(chain(&error));
            Ok(None)
        }
        Err(error) => Err(not_a_list(error.into())),
    }
}

fn print(settings: &Settings, all: &[Checked]) -> Result<()> {
    let printer = &settings.printer;
    if printer.format == Format::Table {
        let name = |checked: &Checked| match all.len() {
            1 => String::new(),
            _ => format!("{}\n", crate::printer::safe::for_terminal(checked.name())),
        };
        let text: String = all
            .iter()
            .map(|checked| name(checked) + &lines(&checked.judged))
            .collect();
        return printer.data(&text);
    }
    let row = |checked: &Checked| {
        vec![
            checked.name().to_owned(),
            format!("{:?}", checked.judged.outcome()).to_lowercase(),
            checked.judged.events().to_string(),
            checked.judged.findings().to_string(),
        ]
    };
    const NAMES: [&str; 4] = ["file", "outcome", "events", "findings"];
    if let ([one], Format::Json) = (all, printer.format) {
        let properties: Vec<_> = NAMES.into_iter().zip(row(one)).collect();
        return printer.properties(&properties, one);
    }
    let mut rows = Rows::new(Layout::Plain, NAMES.map(Column::text).to_vec());
    for checked in all {
        rows.push(row(checked), checked);
    }
    rows.print(printer)
}

fn run_proof(settings: &Settings, path: &Path, keys: &[VerifierKey]) -> Result<()> {
    let text = text_of(path, MAX_PROOF_BYTES)?;
    let event = proven(&text, keys).map_err(|error| {
        let (outcome, said) = not_proven(&path.display().to_string(), &error);
        let exit = match outcome {
            Outcome::Inconclusive => Exit::Inconclusive,
            _ => Exit::Failed,
        };
        CliError::new(exit, said).because(error)
    })?;
    if settings.printer.format == Format::Table {
        settings.printer.data(&event_lines(&event))?;
    } else {
        let properties = [
            ("domain", event.domain.clone()),
            ("day", event.day.clone()),
            ("segment", event.segment.clone()),
            ("index", event.index.to_string()),
            ("event", event.event.clone()),
        ];
        settings.printer.properties(&properties, &event)?;
    }
    if event.is_pinned {
        return Ok(());
    }
    Err(CliError::new(
        Exit::Inconclusive,
        "nothing can be concluded without the server's key",
    )
    .hint("give it by --key or ATRAIL_VKEY, or log in to the server"))
}

fn proven(text: &str, keys: &[VerifierKey]) -> Result<ProvenEvent, ProofError> {
    EventProof::parse(text)?.verify(keys)
}
