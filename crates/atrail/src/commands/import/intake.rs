//! Hands files to the reader: those of directories, of buckets, and those that the messages of a queue name.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atrail_model::Timestamp;
use tokio::sync::mpsc::Sender;

use super::digests;
use super::files::{Choice, Class};
use super::ledger::{Counts, Key, Ledger};
use super::messages::Receipt;
use super::reader::{Content, Incoming, Origin};
use crate::aws::Aws;
use crate::aws::notification::{Notice, read};
use crate::aws::s3::{Fetched, Object, Place, S3, is_bucket};
use crate::aws::sqs::{Message, Queue};
use crate::cloudtrail::chain::{Problem, Proofs};
use crate::cloudtrail::digest::{Digest, from_hex};
use crate::cloudtrail::names;
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// How long the queue waits for a message before it counts as empty, in seconds. Without a wait, SQS asks only some of
/// its machines.
const LAST_WAIT_SECONDS: u8 = 2;
/// How long the queue waits for a message when further ones are expected, in seconds: the most that SQS allows.
const LONG_WAIT_SECONDS: u8 = 20;

/// How many messages are remembered, so that one that comes again is not reported again.
const MET_MAX: usize = 100_000;

/// The source of files.
pub(super) struct Intake<'a> {
    settings: &'a Settings,
    pub(super) choice: Choice,
    pub(super) aws: Option<&'a Aws>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    /// Whether files that the ledger has are read all the same.
    pub(super) is_complete: bool,
    /// The bases of the names of all files and objects.
    seen: HashSet<String>,
    /// How many objects have names that the format's files do not have.
    pub(super) passed_over: u64,
    /// What cannot be used.
    pub(super) problems: Vec<String>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        choice: Choice,
        aws: Option<&'a Aws>,
        ledger: Option<Arc<Mutex<Ledger>>>,
    ) -> Self {
        Self {
            settings,
            choice,
            aws,
            ledger,
            is_complete: false,
            seen: HashSet::new(),
            passed_over: 0,
            problems: Vec::new(),
        }
    }

    /// Hands on files, and standard input.
    pub(super) async fn files(
        &mut self,
        found: &[(PathBuf, u64)],
        has_stdin: bool,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        for (path, length) in found {
            let name = path.display().to_string();
            self.seen.insert(names::base(&name).to_owned());
            let modified = std::fs::metadata(path).and_then(|metadata| metadata.modified());
            let modified = modified
                .ok()
                .and_then(|time| Timestamp::try_from(time).ok());
            let place = modified.and_then(|modified| {
                let full = std::path::absolute(path).ok()?;
                let nanoseconds = modified.as_nanosecond().to_le_bytes();
                let full = full.as_os_str().as_encoded_bytes();
                Some(Key::of(&[
                    b"file",
                    full,
                    &length.to_le_bytes(),
                    &nanoseconds,
                ]))
            });
            let known = self.known(place);
            let content = known.map_or_else(|| Content::Path(path.clone()), Content::Known);
            let origin = Origin {
                name,
                place,
                length: *length,
                receipt: None,
            };
            hand_on(to, origin, content, modified.unwrap_or(self.settings.now())).await?;
        }
        if has_stdin {
            let origin = Origin {
                name: "standard input".to_owned(),
                place: None,
                length: 0,
                receipt: None,
            };
            hand_on(to, origin, Content::Stdin, self.settings.now()).await?;
        }
        Ok(())
    }

    fn known(&self, place: Option<Key>) -> Option<Counts> {
        if self.is_complete {
            return None;
        }
        let ledger = self.ledger.as_ref()?.lock();
        ledger.unwrap_or_else(PoisonError::into_inner).find(place?)
    }

    fn s3(&self) -> Result<S3<'a>> {
        let aws = self
            .aws
            .ok_or_else(|| CliError::failed("AWS is not set up"))?;
        Ok(S3::new(aws))
    }

    /// Hands on the objects of a bucket.
    pub(super) async fn bucket(&mut self, place: &Place, to: &Sender<Incoming>) -> Result<()> {
        let (s3, since) = (self.s3()?, self.choice.since);
        s3.list(place, since, async |page| {
            for object in page.objects {
                match self.choice.class(&object.key) {
                    Class::Events => self.object(&s3, &place.bucket, &object, to).await?,
                    Class::Digest => {}
                    Class::PassedOver => self.passed_over += 1,
                }
            }
            Ok(())
        })
        .await
    }

    async fn object(
        &mut self,
        s3: &S3<'_>,
        bucket: &str,
        object: &Object,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        self.seen.insert(names::base(&object.key).to_owned());
        let place = Key::of(&[
            b"s3",
            bucket.as_bytes(),
            object.key.as_bytes(),
            object.etag.as_bytes(),
            &object.size.to_le_bytes(),
        ]);
        let origin = Origin {
            name: format!("s3://{bucket}/{}", object.key),
            place: Some(place),
            length: object.size,
            receipt: None,
        };
        if let Some(counts) = self.known(Some(place)) {
            return hand_on(to, origin, Content::Known(counts), self.settings.now()).await;
        }
        self.fetch(s3, bucket, &object.key, origin, to).await
    }

    /// Fetches an object and hands it on. Only what would be so for every object ends the import.
    async fn fetch(
        &self,
        s3: &S3<'_>,
        bucket: &str,
        key: &str,
        origin: Origin,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        let dir = &self.settings.environment.temp_dir;
        let now = self.settings.now();
        match s3.fetch(bucket, key, dir).await {
            Ok(Fetched { file, modified, .. }) => {
                hand_on(to, origin, Content::Fetched(file), modified.unwrap_or(now)).await
            }
            Err(error) if error.exit == Exit::Failed => {
                let why = crate::error::chain(&error);
                hand_on(to, origin, Content::Failed(why), now).await
            }
            Err(error) => Err(error),
        }
    }

    /// Reads the digests of a place, or those beside it: a prefix of log files has its digests elsewhere.
    pub(super) async fn digests(
        &mut self,
        place: &Place,
        digests: &mut Vec<Digest>,
        problems: &mut Vec<Problem>,
    ) -> Result<()> {
        let (s3, choice) = (self.s3()?, self.choice);
        let place = Place {
            bucket: place.bucket.clone(),
            prefix: place
                .prefix
                .replacen("/CloudTrail/", "/CloudTrail-Digest/", 1),
        };
        let dir = &self.settings.environment.temp_dir;
        s3.list(&place, choice.since, async |page| {
            let objects = page.objects.iter();
            for object in objects.filter(|object| choice.class(&object.key) == Class::Digest) {
                let name = format!("s3://{}/{}", place.bucket, object.key);
                let fetched = s3.fetch(&place.bucket, &object.key, dir).await?;
                let signature = fetched.signature.as_deref().and_then(from_hex);
                match digests::read(name, fetched.file.file(), signature) {
                    Ok(mut digest) => {
                        digest.has_metadata = true;
                        digests.push(digest);
                    }
                    Err(problem) => problems.push(problem),
                }
            }
            Ok(())
        })
        .await
    }

    /// Returns the log files that digests list and that are not there.
    pub(super) fn missing(
        &self,
        proofs: &Proofs,
        places: &[Place],
        is_bucket_only: bool,
    ) -> Vec<Problem> {
        let is_below = |key: &str| places.iter().any(|place| key.starts_with(&place.prefix));
        proofs.missing(
            |base| self.seen.contains(base),
            |key| self.choice.class(key) == Class::Events && (!is_bucket_only || is_below(key)),
        )
    }

    /// Hands on the objects that the messages of a queue name, until there are no more or, with `follow`, for ever.
    pub(super) async fn queue(
        &mut self,
        queue: &Queue<'_>,
        follow: bool,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        let s3 = self.s3()?;
        let wait = if follow {
            LONG_WAIT_SECONDS
        } else {
            LAST_WAIT_SECONDS
        };
        let mut met = HashSet::new();
        loop {
            let messages = queue.receive(wait).await?;
            if messages.is_empty() && !follow {
                return Ok(());
            }
            if met.len() > MET_MAX {
                met.clear();
            }
            let (mut idle, mut has_new) = (Vec::new(), false);
            for message in messages {
                let is_new = met.insert(message.message_id.clone());
                has_new |= is_new;
                // What stays in the queue comes again: one attempt is enough for an import that ends.
                if !is_new && !follow {
                    continue;
                }
                if let Some(handle) = self.message(&s3, message, is_new, to).await? {
                    idle.push(handle);
                }
            }
            queue.delete(&idle).await?;
            if !has_new && !follow {
                return Ok(());
            }
        }
    }

    /// Hands on the objects of a message. Returns its handle if it names none, so that it can be deleted at once.
    async fn message(
        &mut self,
        s3: &S3<'_>,
        message: Message,
        is_new: bool,
        to: &Sender<Incoming>,
    ) -> Result<Option<String>> {
        let objects = match read(&message.body) {
            Notice::Made(objects) => objects,
            Notice::Nothing => return Ok(Some(message.receipt_handle)),
            Notice::Unknown => {
                if is_new {
                    let id = &message.message_id;
                    self.problems.push(format!(
                        "message {id}: it is no notification of S3, SNS, EventBridge or CloudTrail; it stays in the queue"
                    ));
                }
                return Ok(None);
            }
        };
        let count = objects.len();
        let events: Vec<_> = objects
            .into_iter()
            .filter(|(_, key)| self.choice.class(key) == Class::Events)
            .collect();
        self.passed_over += (count - events.len()) as u64;
        if events.is_empty() {
            return Ok(Some(message.receipt_handle));
        }
        let receipt = Receipt::new(message.receipt_handle, events.len());
        for (bucket, key) in events {
            let origin = Origin {
                name: format!("s3://{bucket}/{key}"),
                place: None,
                length: 0,
                receipt: Some(receipt.clone()),
            };
            if !is_bucket(&bucket) {
                let why = "the message names no bucket".to_owned();
                hand_on(to, origin, Content::Failed(why), self.settings.now()).await?;
                continue;
            }
            self.fetch(s3, &bucket, &key, origin, to).await?;
        }
        Ok(None)
    }
}

async fn hand_on(
    to: &Sender<Incoming>,
    origin: Origin,
    content: Content,
    received: Timestamp,
) -> Result<()> {
    let incoming = Incoming {
        origin,
        content,
        received,
    };
    let sent = to.send(incoming).await;
    sent.map_err(|_| CliError::failed("the task that reads the files ended"))
}
