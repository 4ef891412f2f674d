//! `atrail import`: brings history in from files, directories, buckets and queues, each event once.

mod digests;
mod files;
mod incoming;
mod intake;
mod ledger;
mod messages;
mod problems;
mod queue;
mod reader;
mod report;
mod source;
mod sources;
mod survey;
mod text;

use std::path::PathBuf;
use std::pin::pin;
use std::sync::{Arc, Mutex};

use atrail_sources::SourceKind;
use tokio::sync::mpsc;

use self::files::{Choice, Found};
use self::intake::Intake;
use self::ledger::{Key, Ledger};
use self::problems::Problems;
use self::reader::How;
use self::report::Report;
use self::sources::{Named, Sources};
use crate::aws::Aws;
use crate::aws::sqs::Queue;
use crate::client::{Client, connect};
use crate::cloudtrail::chain::Proofs;
use crate::cloudtrail::keys::PublicKeys;
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

/// Imports everything.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let interrupted = pin!(async {
        if tokio::signal::ctrl_c().await.is_err() {
            std::future::pending::<()>().await;
        }
    });
    let sources = Sources::of(&Named {
        words: &args.words,
        kind: args.kind,
        sqs: args.sqs.as_deref(),
        has_digests: args.verify_digests,
    })?;
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
    let found = files::find(&sources.local_paths(), choice)?;
    let total = found.events.iter().map(|(_, length)| length).sum();
    let problems = Problems::start(
        settings,
        (!needs_aws && !sources.has_stdin()).then_some(total),
    );
    let mut intake = Intake::new(settings, choice, aws.as_ref(), ledger.clone(), &problems);
    intake.is_complete = args.again || args.verify_digests;
    let work = Work {
        settings,
        args: &args,
        sources: &sources,
        client: client.as_ref(),
        ledger,
        problems: &problems,
    };
    work.run(intake, &found, keys.as_ref(), interrupted).await
}

struct Work<'a> {
    settings: &'a Settings,
    args: &'a Args,
    sources: &'a Sources,
    client: Option<&'a Client>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    problems: &'a Problems<'a>,
}

impl Work<'_> {
    async fn run(
        &self,
        mut intake: Intake<'_>,
        found: &Found,
        keys: Option<&PublicKeys>,
        mut interrupted: std::pin::Pin<&mut impl Future<Output = ()>>,
    ) -> Result<()> {
        let printer = &self.settings.printer;
        let proofs = match self.args.verify_digests {
            true => {
                let all = tokio::select! {
                    biased;
                    () = &mut interrupted => return Err(CliError::new(Exit::Interrupted, "interrupted")),
                    all = intake.all_digests(&found.digests, &self.sources.places) => all?,
                };
                if all.is_empty() {
                    return Err(CliError::failed("there are no digest files").hint(
                        "give the directory or prefix that holds CloudTrail and CloudTrail-Digest",
                    ));
                }
                let proofs = Proofs::of(all, keys);
                for problem in &proofs.problems {
                    self.problems.add(&problem.to_string());
                }
                Some(Arc::new(proofs))
            }
            false => None,
        };
        let target = self.client.map(|client| match self.args.at_account_level {
            true => "the account's own domain".to_owned(),
            false => client.target.describe(false),
        });
        let mut report = Report::start(self.settings, target, self.ledger.clone(), self.problems);
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
            temp_dir: self.settings.environment.temp_dir.clone(),
        };
        let reading = tokio::task::spawn_blocking(move || reader::read(files, &how, &loads_sender));
        if self.sources.has_stdin() && printer.terminals.stdin {
            printer.note("Reading events from this terminal; Ctrl-D ends.");
        }
        let queue = self.sources.queue.clone();
        let queue = intake.aws.zip(queue).map(|(aws, url)| Queue::new(aws, url));
        let feeding = async {
            intake
                .files(found, self.sources.has_stdin(), &files_sender)
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
            if let Some(queue) = &queue
                && let Err(error) = queue::delete(queue, &done, self.problems).await
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
                self.problems.add(&problem.to_string());
            }
        }
        let passed_over = found.passed_over + intake.passed_over;
        self.say_what_was_checked(proofs.as_deref(), keys.is_some());
        report.finish(proofs.as_deref(), passed_over)
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
