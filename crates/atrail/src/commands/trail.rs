//! `atrail trail`: sends events from a file of any size, in bounded memory.

pub(super) mod batch;
mod report;
pub(super) mod sent;

use std::fs::File;
use std::io::{self, Read};
use std::path::PathBuf;
use std::pin::pin;

use atrail_api::{AckOrRefusal, IngestQuery, Problem, headers, paths};
use atrail_sources::SourceKind;
use clap::builder::{PossibleValue, PossibleValuesParser, TypedValueParser};
use tokio::sync::mpsc;

use self::batch::{Batch, read_batches};
use self::report::Report;
use self::sent::Sent;
use crate::client::{Call, Client, connect};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;
use crate::unpack::unpacked;

/// Send events and print a receipt line for each
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail trail -f events.json\n  \
    zcat events.json.gz | atrail trail -t cadf --format jsonl >receipts.jsonl")]
pub(crate) struct Args {
    /// File with one event, an array, one per line, or a log, also as gzip or zstd [default: standard input]
    #[arg(short, long, value_name = "FILE")]
    file: Option<PathBuf>,
    /// Format of the events
    #[arg(
        short = 't',
        long = "type",
        value_parser = kinds(),
        ignore_case = true,
        default_value_t,
        value_name = "TYPE"
    )]
    kind: SourceKind,
    /// Send to the account's own domain in place of the targeted space
    #[arg(short = 'a', long)]
    at_account_level: bool,
}

/// Parses the name of a type of events, in either case.
pub(super) fn kinds() -> impl TypedValueParser<Value = SourceKind> {
    let names = SourceKind::all().map(|kind| {
        PossibleValue::new(kind.name())
            .aliases(kind.aliases())
            .help(kind.about())
    });
    PossibleValuesParser::new(names).try_map(|name| name.to_ascii_lowercase().parse())
}

/// Sends everything, and prints the receipts and refusals.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let mut interrupted = pin!(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let client = tokio::select! {
        biased;
        () = &mut interrupted => return Err(CliError::new(Exit::Interrupted, "interrupted")),
        client = connect(settings, !args.at_account_level) => client?,
    };
    let from_stdin = args
        .file
        .as_ref()
        .is_none_or(|path| path.as_os_str() == "-");
    if from_stdin && settings.printer.terminals.stdin {
        settings
            .printer
            .note("Reading events from this terminal, one JSON text a line; Ctrl-D ends.");
    }
    let (source, total) = open(args.file.as_ref())?;
    // One batch waits here while another is being sent and the next is being read.
    let (sender, mut batches) = mpsc::channel(1);
    let (kind, now) = (args.kind, settings.now());
    let reader = tokio::task::spawn_blocking(move || read_batches(source, kind, now, &sender));
    let target = match args.at_account_level {
        true => "the account's own domain".to_owned(),
        false => client.target.describe(false),
    };
    let mut report = Report::start(settings, target, total)?;
    loop {
        let batch = tokio::select! {
            biased;
            () = &mut interrupted => return Err(report.interrupted(None)),
            batch = batches.recv() => batch,
        };
        let Some(batch) = batch else { break };
        let sent = tokio::select! {
            biased;
            () = &mut interrupted => return Err(report.interrupted(Some(&batch))),
            sent = send(&client, args.at_account_level, &batch) => sent,
        };
        match sent {
            Ok(sent) => report.batch(&batch, &sent)?,
            Err(error) => return Err(report.stopped_at(&batch, error)),
        }
    }
    let read = reader.await.map_err(|error| {
        CliError::failed("the task that reads the events failed").because(error)
    })?;
    match read {
        Ok(()) => report.finish(),
        Err(error) => Err(report.stopped(error)),
    }
}

/// Opens the events' text, and returns its length if known. Recognizes gzip and zstd by their first bytes and unpacks
/// them.
pub(super) fn open(file: Option<&PathBuf>) -> Result<(Box<dyn Read + Send>, Option<u64>)> {
    let file = file.filter(|path| path.as_os_str() != "-");
    let failed = |error| match file {
        None => CliError::file("could not read standard input", error),
        Some(path) => CliError::unreadable(path, error),
    };
    let (raw, length): (Box<dyn Read + Send>, _) = match file {
        None => (Box::new(io::stdin()), None),
        Some(path) => {
            let opened = File::open(path).map_err(failed)?;
            let metadata = opened.metadata().map_err(failed)?;
            let length = metadata.is_file().then_some(metadata.len());
            (Box::new(opened), length)
        }
    };
    let unpacked = unpacked(raw).map_err(failed)?;
    Ok((unpacked.text, length.filter(|_| !unpacked.is_packed)))
}

/// Sends one batch, and repeats it when the answer is lost: the server stores it once. An answer that refuses every
/// event is an answer, too.
pub(super) async fn send(client: &Client, at_account_level: bool, batch: &Batch) -> Result<Sent> {
    if batch.lines.is_empty() {
        return Ok(Sent::default());
    }
    let query = IngestQuery {
        at_account_level: at_account_level.then_some(true),
        // The client has already converted other formats to CADF.
        kind: Some("cadf".to_owned()),
    };
    let call = Call::post_with_key(paths::EVENTS)
        .query(&query)?
        .body("application/x-ndjson", batch.body.clone())
        .answers(&[400]);
    let answer = client.answer(call).await?;
    // If the batch was sent twice, the count would include events that the first attempt stored.
    let stored_already = answer.number(headers::DUPLICATES);
    let stored_already = stored_already.filter(|_| !answer.has_lost_one).unwrap_or(0);
    let bytes = answer.bytes;
    match serde_json::from_slice::<Vec<AckOrRefusal>>(&bytes) {
        Ok(answers) if answers.len() == batch.lines.len() => Ok(Sent {
            answers,
            stored_already,
        }),
        Ok(answers) => Err(
            CliError::failed("the server's receipts do not match the events")
                .because(format!(
                    "{} events, {} receipts",
                    batch.lines.len(),
                    answers.len()
                ))
                .with_unknown_outcome(),
        ),
        Err(error) => Err(match serde_json::from_slice::<Problem>(&bytes) {
            Ok(problem) => CliError::failed(problem.title).because(problem.detail),
            Err(_) => CliError::failed("the server's receipts cannot be understood")
                .because(error)
                .with_unknown_outcome(),
        }),
    }
}
