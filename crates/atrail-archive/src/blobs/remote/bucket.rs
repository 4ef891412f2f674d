//! A client of a bucket: each request is sent again for a bounded time.

use std::error::Error as _;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use atrail_disk::{Result, StoreError};
use atrail_model::ObjectId;
use bytes::Bytes;
use futures_util::{StreamExt, TryStreamExt};
use object_store::aws::{AmazonS3, AmazonS3Builder};
use object_store::client::{HttpError, HttpErrorKind};
use object_store::path::Path;
use object_store::{
    BackoffConfig, Certificate, ClientOptions, ObjectStore, ObjectStoreExt, RetryConfig,
};
use tokio::time::Instant;

use super::Expected;
use super::cache::{Cache, Part};
use super::credentials::Found;
use crate::blobs::BucketRequests;
use crate::blobs::address::{BucketSettings, Variables};

/// Parts of an answer that are written together, at the most.
const CHUNKS: usize = 64;
/// No attempt begins later than this after the first one.
const PATIENCE: Duration = Duration::from_secs(30);
/// One request, with its body.
const TIMEOUT: Duration = Duration::from_secs(60);
const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
const FIRST_PAUSE: Duration = Duration::from_millis(50);
const LAST_PAUSE: Duration = Duration::from_secs(5);
/// Keys of a page of a list.
const LISTED_AT_ONCE: usize = 1000;
/// The region where nothing names one: servers other than Amazon's mostly ignore it.
const REGION: &str = "us-east-1";
/// The maximum length of an object whose length nobody knows.
const MAX_BYTES: u64 = 1 << 30;

/// A prefix in a bucket.
#[derive(Debug)]
pub(super) struct Bucket {
    client: AmazonS3,
    prefix: String,
    sent: Sent,
}

/// The requests that were sent, each attempt by itself.
#[derive(Debug, Default)]
struct Sent {
    puts: AtomicU64,
    gets: AtomicU64,
    deletes: AtomicU64,
    lists: AtomicU64,
}

/// The outcome of a write.
#[derive(Debug)]
pub(super) struct Put {
    pub(super) result: Result<()>,
    /// An attempt was not answered, and may still arrive.
    pub(super) may_come_late: bool,
}

impl Bucket {
    pub(super) fn open(settings: &BucketSettings) -> Result<Self> {
        let BucketSettings { address, variables } = settings;
        address.check()?;
        let (bucket, prefix) = address.parts()?;
        let failed = || failed_to(|| format!("set up a client of {}", address.url));
        let region = variables
            .get("AWS_REGION")
            .or(variables.get("AWS_DEFAULT_REGION"));
        let mut builder = AmazonS3Builder::new()
            .with_bucket_name(bucket)
            .with_region(region.unwrap_or(REGION))
            .with_allow_http(address.is_plain())
            .with_credentials(std::sync::Arc::new(
                Found::new(&variables.0).map_err(failed())?,
            ))
            .with_retry(no_retries())
            // Not every server deletes in bulk.
            .with_disable_bulk_delete(true)
            .with_client_options(options(variables)?.with_allow_http(address.is_plain()));
        builder = match &address.endpoint {
            Some(endpoint) => builder.with_endpoint(endpoint.trim_end_matches('/')),
            None => builder.with_virtual_hosted_style_request(!bucket.contains('.')),
        };
        Ok(Self {
            client: builder.build().map_err(failed())?,
            prefix: prefix.to_owned(),
            sent: Sent::default(),
        })
    }

    fn path(&self, key: &str) -> Path {
        match self.prefix.as_str() {
            "" => Path::from(key),
            prefix => Path::from(format!("{prefix}/{key}")),
        }
    }

    /// Returns how many requests were sent.
    pub(super) fn requests(&self) -> BucketRequests {
        let Sent {
            puts,
            gets,
            deletes,
            lists,
        } = &self.sent;
        let count = |sent: &AtomicU64| sent.load(Ordering::Relaxed);
        BucketRequests {
            puts: count(puts),
            gets: count(gets),
            deletes: count(deletes),
            lists: count(lists),
        }
    }

    pub(super) async fn put(&self, key: &str, bytes: Bytes) -> Put {
        let path = self.path(key);
        let mut attempts = Attempts::new();
        let mut may_come_late = false;
        let result = loop {
            self.sent.puts.fetch_add(1, Ordering::Relaxed);
            let Err(error) = self.client.put(&path, bytes.clone().into()).await else {
                break Ok(());
            };
            may_come_late |= is_unanswered(&error);
            if let Err(error) = attempts.pause(error).await {
                break Err(failed_to(|| format!("write {key}"))(error));
            }
        };
        Put {
            result,
            may_come_late,
        }
    }

    /// Reads an object whole into a file of the cache that has no name yet.
    ///
    /// # Errors
    /// `NotFound` when there is none.
    pub(super) async fn get(
        &self,
        key: &str,
        cache: &std::sync::Arc<Cache>,
        expected: Option<Expected>,
    ) -> Result<Part> {
        let limit = expected.map_or(MAX_BYTES, |expected| expected.size_bytes);
        let path = self.path(key);
        let mut attempts = Attempts::new();
        loop {
            self.sent.gets.fetch_add(1, Ordering::Relaxed);
            let error = match self.client.get(&path).await {
                Ok(got) => {
                    let (size_bytes, mut part) = (got.meta.size, cache.part(key).await?);
                    let mut chunks = got.into_stream().ready_chunks(CHUNKS);
                    loop {
                        let Some(some) = chunks.next().await else {
                            if part.size_bytes() == size_bytes {
                                return Ok(part);
                            }
                            break cut_short(key);
                        };
                        let some: Result<Vec<Bytes>, _> = some.into_iter().collect();
                        match some {
                            Ok(some) => part = part.write(some).await?,
                            Err(error) => break error,
                        }
                        // One byte more than expected is enough to see that it is wrong.
                        if part.size_bytes() > limit {
                            return Ok(part);
                        }
                    }
                }
                Err(error) => error,
            };
            if let Err(error) = attempts.pause(error).await {
                return Err(failed_to(|| format!("read {key}"))(error));
            }
        }
    }

    /// Returns the bytes of a small object.
    pub(super) async fn get_small(&self, key: &str) -> Result<Bytes> {
        let path = self.path(key);
        let mut attempts = Attempts::new();
        loop {
            self.sent.gets.fetch_add(1, Ordering::Relaxed);
            let read = async { self.client.get(&path).await?.bytes().await };
            let error = match read.await {
                Ok(bytes) => return Ok(bytes),
                Err(error) => error,
            };
            if let Err(error) = attempts.pause(error).await {
                return Err(failed_to(|| format!("read {key}"))(error));
            }
        }
    }

    /// Deletes an object; a missing one counts as deleted.
    pub(super) async fn delete(&self, key: &str) -> Result<()> {
        let path = self.path(key);
        let mut attempts = Attempts::new();
        loop {
            self.sent.deletes.fetch_add(1, Ordering::Relaxed);
            let error = match self.client.delete(&path).await {
                Ok(()) | Err(object_store::Error::NotFound { .. }) => return Ok(()),
                Err(error) => error,
            };
            if let Err(error) = attempts.pause(error).await {
                return Err(failed_to(|| format!("delete {key}"))(error));
            }
        }
    }

    /// Returns the keys of the objects in a directory, at any depth, in order.
    pub(super) async fn list(&self, below: &str) -> Result<Vec<String>> {
        let path = self.path(below);
        let start = match self.prefix.len() {
            0 => 0,
            length => length + 1,
        };
        let mut attempts = Attempts::new();
        loop {
            let listed = self.client.list(Some(&path));
            let keys = listed.map_ok(|found| found.location.as_ref()[start..].to_owned());
            let error = match keys.try_collect::<Vec<_>>().await {
                Ok(mut keys) => {
                    let pages = (keys.len() / LISTED_AT_ONCE + 1) as u64;
                    self.sent.lists.fetch_add(pages, Ordering::Relaxed);
                    keys.sort_unstable();
                    return Ok(keys);
                }
                Err(error) => error,
            };
            if let Err(error) = attempts.pause(error).await {
                return Err(failed_to(|| format!("list {below}"))(error));
            }
        }
    }
}

fn options(variables: &Variables) -> Result<ClientOptions> {
    let mut options = ClientOptions::new()
        .with_timeout(TIMEOUT)
        .with_connect_timeout(CONNECT_TIMEOUT);
    if let Some(file) = variables.get("AWS_CA_BUNDLE") {
        let read = std::fs::read(file);
        let pem = read.map_err(atrail_disk::io_failure(
            "read AWS_CA_BUNDLE",
            std::path::Path::new(file),
        ))?;
        let certificates = Certificate::from_pem_bundle(&pem)
            .map_err(failed_to(|| format!("use the certificates of {file}")))?;
        for certificate in certificates {
            options = options.with_root_certificate(certificate);
        }
    }
    Ok(options)
}

/// Each attempt is one request: whether one of them was not answered decides what a deletion means.
fn no_retries() -> RetryConfig {
    RetryConfig {
        backoff: BackoffConfig::default(),
        max_retries: 0,
        retry_timeout: TIMEOUT,
    }
}

/// The attempts of one request.
struct Attempts {
    since: Instant,
    pause: Duration,
}

impl Attempts {
    fn new() -> Self {
        Self {
            since: Instant::now(),
            pause: FIRST_PAUSE,
        }
    }

    /// Waits before the next attempt.
    ///
    /// # Errors
    /// The failure of the last one, when another cannot help or has no time left.
    async fn pause(&mut self, error: object_store::Error) -> Result<(), object_store::Error> {
        if !may_pass(&error) || self.since.elapsed() + self.pause > PATIENCE {
            return Err(error);
        }
        // Between a half and all of it, so that many requests do not come back together.
        let half = self.pause / 2;
        let share = f64::from(ObjectId::generate().as_bytes()[15]) / 255.0;
        tokio::time::sleep(half + half.mul_f64(share)).await;
        self.pause = LAST_PAUSE.min(self.pause * 2);
        Ok(())
    }
}

/// Reports whether the same request may succeed later.
fn may_pass(error: &object_store::Error) -> bool {
    matches!(error, object_store::Error::Generic { .. })
}

/// Reports whether a request may have reached the server without an answer: it may be on its way still.
fn is_unanswered(error: &object_store::Error) -> bool {
    let mut next = error.source();
    while let Some(cause) = next {
        if let Some(error) = cause.downcast_ref::<HttpError>() {
            return error.kind() != HttpErrorKind::Connect;
        }
        next = cause.source();
    }
    false
}

fn cut_short(key: &str) -> object_store::Error {
    object_store::Error::Generic {
        store: "S3",
        source: format!("the answer for {key} is cut short").into(),
    }
}

fn failed_to(what: impl FnOnce() -> String) -> impl FnOnce(object_store::Error) -> StoreError {
    move |error| match error {
        object_store::Error::NotFound { .. } => StoreError::NotFound {
            what: format!("what it takes to {}", what()),
        },
        error if may_pass(&error) => StoreError::Away {
            what: what(),
            source: Box::new(error),
        },
        error => StoreError::Objects {
            what: what(),
            source: Box::new(error),
        },
    }
}
