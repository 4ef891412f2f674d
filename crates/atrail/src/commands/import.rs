//! `atrail import`: brings history in from files, directories, buckets and queues, each event once.

mod digests;
mod files;
mod intake;
mod ledger;
mod messages;
mod reader;
mod report;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use atrail_sources::SourceKind;
use tokio::sync::mpsc;

use self::files::Choice;
use self::intake::Intake;
use self::ledger::{Key, Ledger};
use self::reader::How;
use self::report::Report;
use crate::aws::Aws;
use crate::aws::s3::Place;
use crate::aws::sqs::{Queue, QueueUrl};
use crate::client::{Client, connect};
use crate::cloudtrail::chain::Proofs;
use crate::commands::trail::{self, kinds};
use crate::days::DayWord;
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// Import history from files, directories, buckets and queues; a second import sends only what is new
#[derive(Debug, clap::Args)]
#[command(
    override_usage = "atrail import [OPTIONS] [FORMAT] PATH...\n       atrail import [OPTIONS] [FORMAT] --sqs URL",
    after_help = "Example:\n  atrail import cloudtrail ./AWSLogs --verify-digests --public-keys keys.json\n  \
    atrail import cloudtrail s3://my-trail/AWSLogs --since 7d\n  \
    atrail import cloudtrail --sqs https://sqs.eu-west-1.amazonaws.com/111122223333/trail --follow\n  \
    atrail import kubernetes /var/log/kubernetes/audit"
)]
pub(crate) struct Args {
    /// Files, directories, s3://BUCKET/PREFIX, or `-`; before them the format of the events, a name of `atrail sources
    /// list`, unless they show it themselves
    #[arg(value_name = "PATH", required_unless_present = "sqs")]
    words: Vec<String>,
    /// Format of the events; each PATH is then a path
    #[arg(short = 't', long = "type", value_parser = kinds(), ignore_case = true, value_name = "TYPE")]
    kind: Option<SourceKind>,
    /// Import the objects that the messages of this SQS queue name; messages are deleted once the server has the events
    #[arg(long, value_name = "URL")]
    sqs: Option<String>,
    /// Wait for further messages, until Ctrl-C
    #[arg(long, requires = "sqs")]
    follow: bool,
    /// Leave out files whose directories or names are of an earlier day
    #[arg(long, value_name = "DAY")]
    since: Option<DayWord>,
    /// Check CloudTrail's files against its digest files first; what they do not prove is not imported
    #[arg(long, conflicts_with = "sqs")]
    verify_digests: bool,
    /// File with CloudTrail's public keys, as `aws cloudtrail list-public-keys` prints them; may be repeated
    #[arg(long, value_name = "FILE", requires = "verify_digests")]
    public_keys: Vec<PathBuf>,
    /// Import also what the digest files do not prove
    #[arg(long, requires = "verify_digests")]
    unverified: bool,
    /// Send files again that were imported before; the server stores an event of the last seven days once
    #[arg(long)]
    again: bool,
    /// Send nothing: read, check and count
    #[arg(long, conflicts_with = "sqs")]
    dry_run: bool,
    /// Region of the bucket or queue, in place of AWS_REGION
    #[arg(long, value_name = "REGION")]
    region: Option<String>,
    /// Address of a service that speaks as S3 and SQS do, in place of AWS_ENDPOINT_URL
    #[arg(long, value_name = "URL")]
    endpoint_url: Option<String>,
    /// Send to the account's own domain in place of the targeted space
    #[arg(short = 'a', long)]
    at_account_level: bool,
}

/// What the command line names.
#[derive(Debug)]
struct Sources {
    kind: SourceKind,
    paths: Vec<PathBuf>,
    places: Vec<Place>,
    queue: Option<QueueUrl>,
}

impl Sources {
    fn of(args: &Args) -> Result<Self> {
        let mut words = args.words.as_slice();
        let kind = match (args.kind, words) {
            (Some(kind), _) => kind,
            (None, [first, rest @ ..]) if let Some(kind) = named(first) => {
                words = rest;
                kind
            }
            (None, _) => SourceKind::Auto,
        };
        let (buckets, paths): (Vec<_>, Vec<_>) =
            words.iter().partition(|word| word.starts_with("s3://"));
        let sources = Self {
            kind,
            paths: paths.iter().map(PathBuf::from).collect(),
            places: (buckets.iter())
                .map(|word| word.parse())
                .collect::<Result<_>>()?,
            queue: args.sqs.as_deref().map(str::parse).transpose()?,
        };
        let is_empty = sources.paths.is_empty() && sources.places.is_empty();
        if is_empty && sources.queue.is_none() {
            return Err(CliError::usage("no path is given").hint(
                "`atrail import FORMAT PATH…`; a file that is named as a format is ./FORMAT",
            ));
        }
        if sources.queue.is_some() && !is_empty {
            return Err(CliError::usage(
                "--sqs takes no path: the messages name the objects",
            ));
        }
        if args.verify_digests && !is_cloudtrail(kind) {
            return Err(CliError::usage("only CloudTrail has digest files")
                .hint("`atrail import cloudtrail PATH… --verify-digests`"));
        }
        if args.verify_digests && sources.has_stdin() {
            return Err(CliError::usage(
                "standard input cannot be checked: no digest file lists it",
            ));
        }
        Ok(sources)
    }

    fn has_stdin(&self) -> bool {
        self.paths.iter().any(|path| path.as_os_str() == "-")
    }
}

/// Returns the format of this name, in any case.
fn named(word: &str) -> Option<SourceKind> {
    word.to_ascii_lowercase().parse().ok()
}

fn is_cloudtrail(kind: SourceKind) -> bool {
    kind.name() == "cloudtrail"
}

/// Imports everything.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let interrupted = pin!(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let sources = Sources::of(&args)?;
    let keys = digests::public_keys(&args.public_keys)?;
    let since = args
        .since
        .map(|day| day.first(settings.now()))
        .transpose()?;
    let choice = Choice {
        kind: sources.kind,
        since,
    };
    let client = match args.dry_run {
        true => None,
        false => Some(connect(settings, !args.at_account_level).await?),
    };
    let ledger = match &client {
        Some(client) => {
            let target = target_key(client, args.at_account_level, sources.kind);
            Some(Arc::new(Mutex::new(Ledger::open(&settings.state, target)?)))
        }
        None => None,
    };
    let needs_aws = sources.queue.is_some() || !sources.places.is_empty();
    let aws = match needs_aws {
        true => Some(Aws::new(
            settings,
            args.region.as_deref(),
            args.endpoint_url.as_deref(),
        )?),
        false => None,
    };
    let mut intake = Intake::new(settings, choice, aws.as_ref(), ledger.clone());
    intake.is_complete = args.again || args.verify_digests;
    let work = Work {
        settings,
        args: &args,
        sources: &sources,
        client: client.as_ref(),
        ledger,
    };
    work.run(intake, keys.as_ref(), interrupted).await
}

struct Work<'a> {
    settings: &'a Settings,
    args: &'a Args,
    sources: &'a Sources,
    client: Option<&'a Client>,
    ledger: Option<Arc<Mutex<Ledger>>>,
}

impl Work<'_> {
    async fn run(
        &self,
        mut intake: Intake<'_>,
        keys: Option<&crate::cloudtrail::keys::PublicKeys>,
        mut interrupted: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<()> {
        let printer = &self.settings.printer;
        let found = files::find(&self.local_paths(), intake.choice)?;
        let mut problems = Vec::new();
        let proofs = match self.args.verify_digests {
            true => {
                let read = async {
                    let mut all = Vec::new();
                    for path in &found.digests {
                        match digests::local(path) {
                            Ok(digest) => all.push(digest),
                            Err(problem) => problems.push(problem),
                        }
                    }
                    for place in &self.sources.places {
                        intake.digests(place, &mut all, &mut problems).await?;
                    }
                    Ok::<_, CliError>(all)
                };
                let all = tokio::select! {
                    biased;
                    () = &mut interrupted => return Err(CliError::new(Exit::Interrupted, "interrupted")),
                    all = read => all?,
                };
                if all.is_empty() {
                    return Err(CliError::failed("there are no digest files").hint(
                        "give the directory or prefix that holds CloudTrail and CloudTrail-Digest",
                    ));
                }
                Some(Arc::new(Proofs::of(all, keys)))
            }
            false => None,
        };
        let target = self.client.map(|client| match self.args.at_account_level {
            true => "the account's own domain".to_owned(),
            false => client.target.describe(false),
        });
        let is_local = self.sources.places.is_empty() && self.sources.queue.is_none();
        let total = found.events.iter().map(|(_, length)| length).sum();
        let mut report = Report::start(
            self.settings,
            target,
            self.ledger.clone(),
            (is_local && !self.sources.has_stdin()).then_some(total),
        );
        if let Some(proofs) = &proofs {
            for problem in problems.iter().chain(&proofs.problems) {
                report.problem(&problem.to_string());
            }
        }
        // One request waits while another is being sent and the next is being read.
        let (files_sender, files) = mpsc::channel(2);
        let (loads_sender, mut loads) = mpsc::channel(1);
        let how = How {
            kind: self.sources.kind,
            now: self.settings.now(),
            ledger: self.ledger.clone(),
            again: self.args.again,
            proofs: proofs.clone(),
            unverified: self.args.unverified,
        };
        let reading = tokio::task::spawn_blocking(move || reader::read(files, &how, &loads_sender));
        if self.sources.has_stdin() && printer.terminals.stdin {
            printer.note("Reading events from this terminal; Ctrl-D ends.");
        }
        let queue = self.sources.queue.clone();
        let queue = intake.aws.zip(queue).map(|(aws, url)| Queue::new(aws, url));
        let feeding = async {
            intake
                .files(&found.events, self.sources.has_stdin(), &files_sender)
                .await?;
            for place in &self.sources.places {
                intake.bucket(place, &files_sender).await?;
            }
            if let Some(queue) = &queue {
                intake.queue(queue, self.args.follow, &files_sender).await?;
            }
            drop(files_sender);
            Ok::<_, CliError>(intake)
        };
        let mut feeding = pin!(feeding);
        let mut fed = None;
        loop {
            let load = tokio::select! {
                biased;
                () = &mut interrupted => return Err(report.interrupted()),
                load = loads.recv() => load,
                done = &mut feeding, if fed.is_none() => {
                    match done {
                        Ok(intake) => fed = Some(intake),
                        Err(error) => return Err(report.stopped(error)),
                    }
                    continue;
                }
            };
            let Some(load) = load else { break };
            let Some(client) = self.client else {
                report.would_send(&load)?;
                continue;
            };
            let sending = trail::send(client, self.args.at_account_level, &load.batch);
            let mut sending = pin!(sending);
            let sent = loop {
                tokio::select! {
                    biased;
                    () = &mut interrupted => return Err(report.interrupted()),
                    sent = &mut sending => break sent,
                    // Objects are fetched meanwhile.
                    done = &mut feeding, if fed.is_none() => match done {
                        Ok(intake) => fed = Some(intake),
                        Err(error) => return Err(report.stopped(error)),
                    },
                }
            };
            let done = match sent {
                Ok(sent) => report.load(&load, &sent)?,
                Err(error) => return Err(report.stopped(error)),
            };
            if let (Some(queue), false) = (&queue, done.is_empty())
                && let Err(error) = queue.delete(&done).await
            {
                return Err(report.stopped(error));
            }
        }
        reading.await.map_err(|error| {
            CliError::failed("the task that reads the files failed").because(error)
        })?;
        let Some(intake) = fed else {
            return Err(report.stopped(CliError::failed("the files were not read to the end")));
        };
        if let Some(proofs) = &proofs {
            for problem in
                intake.missing(proofs, &self.sources.places, self.sources.paths.is_empty())
            {
                report.problem(&problem.to_string());
            }
        }
        for problem in &intake.problems {
            report.problem(problem);
        }
        let passed_over = found.passed_over + intake.passed_over;
        self.say_what_was_checked(proofs.as_deref(), keys.is_some());
        report.finish(proofs.as_deref(), passed_over)
    }

    fn local_paths(&self) -> Vec<PathBuf> {
        let paths = self.sources.paths.iter();
        paths
            .filter(|path| path.as_os_str() != "-")
            .cloned()
            .collect()
    }

    fn say_what_was_checked(&self, proofs: Option<&Proofs>, has_keys: bool) {
        let Some(proofs) = proofs else { return };
        let printer = &self.settings.printer;
        if !has_keys {
            printer.note(
                "digests: hashes and chains alone were checked, no signature: --public-keys gives the keys",
            );
        } else if proofs.unsigned > 0 {
            printer.note(&format!(
                "digests: {} checked by signature; no signature of {} is here, and nothing proves what they list: that of \
                 the last one of a chain stands in the metadata of its object",
                proofs.signed, proofs.unsigned
            ));
        } else {
            printer.note(&format!("digests: {} checked by signature", proofs.signed));
        }
    }
}

/// Returns the name of the ledger: what was sent to one place is not known at another, and a format makes other events.
fn target_key(client: &Client, at_account_level: bool, kind: SourceKind) -> Key {
    let target = &client.target;
    let space = target.space.as_ref().filter(|_| !at_account_level);
    let account = target.account.as_ref().filter(|_| at_account_level);
    let guid = space.or(account).map_or("", |named| &named.guid);
    let endpoint = client.server.endpoint.to_string();
    let level = if at_account_level { "account" } else { "space" };
    let parts = [&endpoint, level, guid, kind.name()];
    Key::of(&parts.map(str::as_bytes))
}
