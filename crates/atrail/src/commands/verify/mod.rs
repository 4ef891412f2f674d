//! `atrail verify`: a download against its receipt, without the server.

mod report;

use std::fs::File;
use std::io::{self, Read};
use std::path::{Path, PathBuf};

use atrail_evidence::{
    EventProof, Expectations, HourRange, MAX_PROOF_BYTES, MAX_RECEIPT_BYTES, Outcome, ProofError,
    ProvenEvent, Report, ScopeOf, VerifierKey, parse_acknowledgements, verify,
};
use serde::Serialize;

use super::download::receipt_beside;
use crate::blocking;
use crate::client::normal_guid;
use crate::days::{DayDefault, ScopeFlags};
use crate::error::{CliError, Exit, Result};
use crate::evidence::pinned_keys;
use crate::printer::{Column, Format, Layout, Progress, Rows};
use crate::settings::Settings;

/// How large a list of acknowledgements may be.
const MAX_ACKS_BYTES: u64 = 1 << 30;

/// Check downloads against their receipts, or the proof of an event; needs no server
///
/// Ends with 0 when everything is proven, 1 when something is wrong, 3 when nothing can be concluded.
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
    /// An earlier receipt: its history must be a beginning of this one, or all that stood be in the log that began anew
    #[arg(long, value_name = "RECEIPT")]
    since: Option<PathBuf>,
    /// What `atrail trail --format jsonl` printed: these events must be in the file
    #[arg(long, value_name = "ACKS")]
    contains: Option<PathBuf>,
    /// The proof of one event, made by `atrail prove`, in place of files
    #[arg(long, value_name = "PROOF", conflicts_with_all = ["files", "receipt", "since", "contains"])]
    proof: Option<PathBuf>,
    #[command(flatten)]
    scope: ScopeFlags,
    /// The space that was asked for, by its GUID
    #[arg(long, value_name = "GUID", conflicts_with_all = ["account", "at_account_level", "proof"])]
    space: Option<String>,
    /// The account that was asked for, by its GUID, with all its spaces
    #[arg(long, value_name = "GUID", conflicts_with = "proof")]
    account: Option<String>,
}

/// What is concluded about one file.
#[derive(Debug, Serialize)]
struct Checked {
    file: String,
    #[serde(flatten)]
    report: Report,
}

/// Checks every file, or the proof.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let keys = match args.key.is_empty() {
        true => pinned_keys(settings)?,
        false => args.key.clone(),
    };
    if let Some(proof) = &args.proof {
        return run_proof(settings, proof, &keys);
    }
    if args.files.len() > 1 && args.receipt.is_some() {
        return Err(CliError::usage("--receipt is for one FILE")
            .hint("put each receipt beside its file, as FILE.receipt"));
    }
    let expected = expectations(settings, &args, keys)?;
    let mut all = Vec::new();
    for file in &args.files {
        let receipt = args.receipt.clone().unwrap_or_else(|| receipt_beside(file));
        let (path, expected) = (file.clone(), expected.clone());
        let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
        let progress = settings.printer.progress("Verifying", 0, size);
        let report = blocking(move || check(&path, &receipt, &expected, progress)).await?;
        let file = file.display().to_string();
        all.push(Checked { file, report });
    }
    print(settings, &all)?;
    conclude(&all)
}

/// Checks a download that has just ended, and says on standard error what was found.
pub(super) async fn downloaded(
    settings: &Settings,
    file: &Path,
    receipt: &Path,
    asked: Expectations,
) -> Result<()> {
    let expected = Expectations {
        keys: pinned_keys(settings)?,
        ..asked
    };
    let size = std::fs::metadata(file).map_or(0, |metadata| metadata.len());
    let progress = settings.printer.progress("Verifying", 0, size);
    let (path, receipt) = (file.to_owned(), receipt.to_owned());
    let report = blocking(move || check(&path, &receipt, &expected, progress)).await?;
    for line in report::lines(&report).lines() {
        settings.printer.note(line);
    }
    let file = file.display().to_string();
    conclude(&[Checked { file, report }])
}

fn expectations(settings: &Settings, args: &Args, keys: Vec<VerifierKey>) -> Result<Expectations> {
    let ScopeFlags {
        days,
        search_time,
        at_account_level,
    } = args.scope;
    let range = match (days.start, days.end) {
        (None, None) => None,
        _ => Some(days.resolve(DayDefault::OneDay, settings.now())?),
    };
    let contains = args.contains.as_deref().map(|path| {
        let text = text_of(path, MAX_ACKS_BYTES)?;
        parse_acknowledgements(&text).map_err(|line| {
            CliError::usage(format!(
                "{}: line {line} is no acknowledgement",
                path.display()
            ))
            .hint("give what `atrail trail --format jsonl` printed")
        })
    });
    let since = args.since.as_deref();
    let of = match (&args.space, &args.account) {
        (Some(guid), _) => Some(ScopeOf::Space(normal_guid(guid.clone()))),
        (None, guid) => guid.clone().map(normal_guid).map(ScopeOf::Account),
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
        since: since
            .map(|path| text_of(path, MAX_RECEIPT_BYTES))
            .transpose()?,
        contains: contains.transpose()?,
    })
}

fn check(
    path: &Path,
    receipt: &Path,
    expected: &Expectations,
    progress: Progress,
) -> Result<Report> {
    let receipt = text_of(receipt, MAX_RECEIPT_BYTES)?;
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    let metered = Metered {
        file,
        position: 0,
        progress: &progress,
    };
    let report = verify(&receipt, expected, metered).map_err(|error| {
        let what = format!("could not verify {}", path.display());
        let exit = match error.outcome() {
            Outcome::Inconclusive => Exit::Inconclusive,
            _ => Exit::Failed,
        };
        CliError::new(exit, what).because(error)
    })?;
    progress.finish();
    Ok(report)
}

/// Tells how far a file was read.
struct Metered<'p> {
    file: File,
    position: u64,
    progress: &'p Progress,
}

impl Read for Metered<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let count = self.file.read(buffer)?;
        self.position += count as u64;
        self.progress.set(self.position);
        Ok(count)
    }
}

/// A text of evidence. Without it nothing can be concluded.
pub(super) fn text_of(path: &Path, max_bytes: u64) -> Result<String> {
    let file = File::open(path).map_err(|error| unreadable(path, error))?;
    text_in(file, path, max_bytes)
}

/// As [`text_of`], of a file that is open.
pub(super) fn text_in(file: File, path: &Path, max_bytes: u64) -> Result<String> {
    let mut bytes = Vec::new();
    file.take(max_bytes + 1)
        .read_to_end(&mut bytes)
        .map_err(|error| unreadable(path, error))?;
    if bytes.len() as u64 > max_bytes {
        return Err(CliError::new(
            Exit::Inconclusive,
            format!("{} is larger than {max_bytes} bytes", path.display()),
        ));
    }
    String::from_utf8(bytes)
        .map_err(|error| CliError::failed(format!("{} is no text", path.display())).because(error))
}

fn unreadable(path: &Path, error: io::Error) -> CliError {
    CliError::new(
        Exit::Inconclusive,
        format!("could not read {}", path.display()),
    )
    .because(error)
    .hint("`atrail download -o FILE` keeps the receipt as FILE.receipt; --receipt names another")
}

fn print(settings: &Settings, all: &[Checked]) -> Result<()> {
    let printer = &settings.printer;
    if printer.format == Format::Table {
        let name = |checked: &Checked| match all.len() {
            1 => String::new(),
            _ => format!("{}\n", crate::printer::safe::for_terminal(&checked.file)),
        };
        let text: String = all
            .iter()
            .map(|checked| name(checked) + &report::lines(&checked.report))
            .collect();
        return printer.data(&text);
    }
    let row = |checked: &Checked| {
        vec![
            checked.file.clone(),
            format!("{:?}", checked.report.outcome).to_lowercase(),
            checked.report.events.to_string(),
            checked.report.findings.len().to_string(),
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

/// The exit code: the worst of all files.
fn conclude(all: &[Checked]) -> Result<()> {
    let of = |outcome: Outcome| {
        let files = all
            .iter()
            .filter(|checked| checked.report.outcome == outcome);
        let names: Vec<_> = files.map(|checked| checked.file.as_str()).collect();
        (!names.is_empty()).then(|| names.join(", "))
    };
    if let Some(files) = of(Outcome::Failed) {
        return Err(CliError::failed(format!("not proven: {files}")));
    }
    if let Some(files) = of(Outcome::Inconclusive) {
        let error = CliError::new(
            Exit::Inconclusive,
            format!("nothing can be concluded about {files}"),
        );
        return Err(if all.iter().any(is_unpinned) {
            error.hint("give the server's key by --key or ATRAIL_VKEY, or log in to it; get it on another way than the file")
        } else {
            error
        });
    }
    Ok(())
}

fn is_unpinned(checked: &Checked) -> bool {
    let mut findings = checked.report.findings.iter();
    findings.any(|finding| finding.kind == atrail_evidence::FindingKind::Unpinned)
}

fn run_proof(settings: &Settings, path: &Path, keys: &[VerifierKey]) -> Result<()> {
    let text = text_of(path, MAX_PROOF_BYTES)?;
    let event = proven(&text, keys).map_err(|error| {
        let path = path.display();
        match error {
            ProofError::Wrong(_) => CliError::failed(format!("not proven: {path}")),
            ProofError::Unknown(_) => CliError::new(
                Exit::Inconclusive,
                format!("nothing can be concluded about {path}"),
            ),
        }
        .because(error)
    })?;
    if settings.printer.format == Format::Table {
        settings.printer.data(&report::event_lines(&event))?;
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
