//! Hands files to the reader: those of directories and of buckets.

use std::collections::HashSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atrail_model::Timestamp;
use tokio::sync::mpsc::Sender;

use super::digests;
use super::files::{Choice, Class, Found};
use super::incoming::{Content, Incoming, Origin};
use super::ledger::{Counts, Key, Ledger};
use super::problems::Problems;
use crate::aws::Aws;
use crate::aws::s3::{Fetched, Object, Place, S3};
use crate::cloudtrail::chain::{Problem, Proofs};
use crate::cloudtrail::digest::{Digest, from_hex};
use crate::cloudtrail::names;
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;

/// The source of files.
pub(super) struct Intake<'a> {
    pub(super) settings: &'a Settings,
    pub(super) choice: Choice,
    pub(super) aws: Option<&'a Aws>,
    ledger: Option<Arc<Mutex<Ledger>>>,
    /// Whether files that the ledger has are read all the same.
    pub(super) is_complete: bool,
    /// The bases of the names of all files and objects.
    seen: HashSet<String>,
    /// How many objects have names that the format's files do not have.
    pub(super) passed_over: u64,
    /// Where it names what cannot be used.
    pub(super) problems: &'a Problems<'a>,
}

impl<'a> Intake<'a> {
    pub(super) fn new(
        settings: &'a Settings,
        choice: Choice,
        aws: Option<&'a Aws>,
        ledger: Option<Arc<Mutex<Ledger>>>,
        problems: &'a Problems<'a>,
    ) -> Self {
        Self {
            settings,
            choice,
            aws,
            ledger,
            is_complete: false,
            seen: HashSet::new(),
            passed_over: 0,
            problems,
        }
    }

    /// Hands on files, and standard input.
    pub(super) async fn files(
        &mut self,
        found: &Found,
        has_stdin: bool,
        to: &Sender<Incoming>,
    ) -> Result<()> {
        for (path, why) in &found.failed {
            let origin = Origin::of(path.display().to_string());
            hand_on(
                to,
                origin,
                Content::Failed(why.clone()),
                self.settings.now(),
            )
            .await?;
        }
        for (path, length) in &found.events {
            let name = path.display().to_string();
            self.seen.insert(names::base(&name).to_owned());
            // It may have grown since the directory was read.
            let metadata = std::fs::metadata(path).ok();
            let length = metadata.as_ref().map_or(*length, std::fs::Metadata::len);
            let modified = metadata.and_then(|metadata| metadata.modified().ok());
            let modified = modified.and_then(|time| Timestamp::try_from(time).ok());
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
                place,
                length,
                ..Origin::of(name)
            };
            hand_on(to, origin, content, modified.unwrap_or(self.settings.now())).await?;
        }
        if has_stdin {
            let origin = Origin::of("standard input".to_owned());
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

    pub(super) fn s3(&self) -> Result<S3<'a>> {
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
            place: Some(place),
            length: object.size,
            ..Origin::of(format!("s3://{bucket}/{}", object.key))
        };
        if let Some(counts) = self.known(Some(place)) {
            return hand_on(to, origin, Content::Known(counts), self.settings.now()).await;
        }
        self.fetch(s3, bucket, &object.key, origin, to).await
    }

    /// Fetches an object and hands it on. Only what would be so for every object ends the import.
    pub(super) async fn fetch(
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

    /// Reads the digests of files and of places. What cannot be read is a problem.
    pub(super) async fn all_digests(
        &self,
        files: &[PathBuf],
        places: &[Place],
    ) -> Result<Vec<Digest>> {
        let mut all = Vec::new();
        for path in files {
            self.take(digests::local(path), &mut all);
        }
        for place in places {
            self.digests(place, &mut all).await?;
        }
        Ok(all)
    }

    fn take(&self, read: std::result::Result<Digest, Problem>, all: &mut Vec<Digest>) {
        match read {
            Ok(digest) => all.push(digest),
            Err(problem) => self.problems.add(&problem.to_string()),
        }
    }

    /// Reads the digests of a place, or those beside it: a prefix of log files has its digests elsewhere.
    async fn digests(&self, place: &Place, all: &mut Vec<Digest>) -> Result<()> {
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
                let read = match s3.fetch(&place.bucket, &object.key, dir).await {
                    Ok(fetched) => {
                        let signature = fetched.signature.as_deref().and_then(from_hex);
                        digests::read(name, fetched.file.file(), signature).map(Digest::of_metadata)
                    }
                    Err(error) if error.exit == Exit::Failed => Err(Problem::Unreadable {
                        digest: name,
                        why: crate::error::chain(&error),
                    }),
                    Err(error) => return Err(error),
                };
                self.take(read, all);
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
}

pub(super) async fn hand_on(
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
