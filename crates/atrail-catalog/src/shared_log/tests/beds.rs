//! Databases in which nodes share a log, and failures.

use std::collections::HashMap;
use std::sync::Arc;

use atrail_wal::conformance::{Bed, Failure, RECENT_BYTES, SEAL_AT_BYTES, clock, plain};
use atrail_wal::{Journal, NewSharedJournal, SealedElsewhere, SharedJournal};

use super::*;
use crate::testing::postgres::Database;

/// A database with the domains of the suite.
pub(super) struct Shared {
    pub(super) catalog: Catalog,
    failure: Arc<Mutex<Option<Failure>>>,
    _database: Database,
}

impl Shared {
    pub(super) async fn new() -> Option<Self> {
        let database = Database::new().await?;
        let catalog = database.catalog().await;
        catalog
            .run("INSERT INTO accounts (guid, name, created) VALUES ('\\x99999999999999999999999999999999', 'a', 0)")
            .await;
        catalog
            .run(concat!(
                "INSERT INTO domains (account, space) SELECT '\\x99999999999999999999999999999999', ",
                "decode(repeat(lpad(to_hex(n), 2, '0'), 16), 'hex') FROM generate_series(0, 30) n"
            ))
            .await;
        Some(Self {
            catalog,
            failure: Arc::default(),
            _database: database,
        })
    }
}

#[derive(Debug)]
struct Nowhere;

impl SealedElsewhere for Nowhere {
    fn learn<'a>(&'a self, _: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>> {
        async { Ok(()) }.boxed()
    }
}

async fn journal_of(log: Arc<dyn SharedLog>) -> SharedJournal {
    let new = NewSharedJournal {
        log,
        elsewhere: Arc::new(Nowhere),
        seal_at_bytes: SEAL_AT_BYTES,
        recent_bytes: RECENT_BYTES,
        clock: clock(),
        counters: Arc::default(),
    };
    SharedJournal::open(new).await.unwrap()
}

/// Returns the log for another node.
pub(super) async fn log_of(catalog: &Catalog) -> PostgresLog {
    let incarnation = Uuid::new_v4();
    let node = format!(
        "INSERT INTO nodes (incarnation, name, version, address, joined_at, lease_until, fenced) VALUES \
         ('\\x{}', 'n', '', '', clock_timestamp(), clock_timestamp() + INTERVAL '1 hour', FALSE)",
        incarnation.simple()
    );
    let added = sql::query(sql::AssertSqlSafe(node));
    added.execute(&catalog.writer).await.unwrap();
    catalog.shared_log(incarnation).unwrap()
}

/// Returns a node's journal.
pub(super) async fn node(catalog: &Catalog) -> SharedJournal {
    let log = log_of(catalog).await;
    journal_of(Arc::new(log)).await
}

impl Bed for Shared {
    fn open<'a>(&'a self, sealed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Arc<dyn Journal>> {
        async move {
            let log = log_of(&self.catalog).await;
            for (domain, to) in sealed_to {
                let number = log.numbers(std::iter::once(domain)).await.unwrap();
                let record = sql::query(concat!(
                    "INSERT INTO watermarks (log, domain, sequence) SELECT 2, value, ? FROM json_each(?) ",
                    "ON CONFLICT (log, domain) DO UPDATE SET sequence = excluded.sequence"
                ));
                let record = record.bind(signed(*to)).bind(number);
                record.execute(&log.pool).await.unwrap();
            }
            let failing = FailingLog {
                inner: log,
                failure: Arc::clone(&self.failure),
                is_fenced: Mutex::default(),
            };
            let journal: Arc<dyn Journal> = Arc::new(journal_of(Arc::new(failing)).await);
            journal
        }
        .boxed()
    }

    fn fail(&self, failure: Option<Failure>) {
        *self.failure.lock() = failure;
    }

    fn holds(&self, bytes: &[u8]) -> bool {
        let catalog = self.catalog.clone();
        let bytes = bytes.to_vec();
        let reads = async move {
            let log = log_of(&catalog).await;
            let mut above = 0;
            loop {
                let beyond = log.read(above).await.unwrap();
                for batch in &beyond.batches {
                    let plain = plain(&batch.body).unwrap();
                    if memchr::memmem::find(&plain, &bytes).is_some() {
                        return true;
                    }
                }
                above = beyond.to;
                if above >= beyond.last {
                    return false;
                }
            }
        };
        let runtime = tokio::runtime::Handle::current();
        tokio::task::block_in_place(|| runtime.block_on(reads))
    }
}

/// A log that fails on demand.
#[derive(Debug)]
struct FailingLog {
    inner: PostgresLog,
    failure: Arc<Mutex<Option<Failure>>>,
    is_fenced: Mutex<bool>,
}

impl FailingLog {
    fn fenced() -> StoreError {
        StoreError::Poisoned("another server took this one for dead".to_owned())
    }

    fn refuse_full(&self) -> Result<()> {
        match *self.failure.lock() {
            Some(Failure::Full) => Err(StoreError::Full(std::io::ErrorKind::StorageFull.into())),
            _ => Ok(()),
        }
    }
}

impl SharedLog for FailingLog {
    fn number(&self) -> LogNumber {
        self.inner.number()
    }

    fn incarnation(&self) -> [u8; 16] {
        self.inner.incarnation()
    }

    fn register<'a>(&'a self, batch: &'a NewBatch) -> BoxFuture<'a, Result<Registered>> {
        async move {
            self.refuse_full()?;
            if *self.is_fenced.lock() {
                return Err(Self::fenced());
            }
            let failure = self.failure.lock().take();
            if let Some(Failure::Broken { is_kept }) = failure {
                *self.is_fenced.lock() = true;
                if is_kept {
                    self.inner.register(batch).await?;
                }
                return Err(Self::fenced());
            }
            self.inner.register(batch).await
        }
        .boxed()
    }

    fn lock(&self) -> BoxFuture<'_, Result<Box<dyn LockedLog + '_>>> {
        self.inner.lock()
    }

    fn read(&self, above: u64) -> BoxFuture<'_, Result<Beyond>> {
        self.inner.read(above)
    }

    fn last(&self) -> BoxFuture<'_, Result<u64>> {
        self.inner.last()
    }

    fn sealed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        self.inner.sealed_to(domains)
    }

    fn sealed_above(&self, above: u64) -> BoxFuture<'_, Result<HashMap<Domain, u64>>> {
        self.inner.sealed_above(above)
    }

    fn trim<'a>(&'a self, signed_to: &'a HashMap<Domain, u64>) -> BoxFuture<'a, Result<()>> {
        async move {
            self.refuse_full()?;
            self.inner.trim(signed_to).await
        }
        .boxed()
    }

    fn signed_to<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<HashMap<Domain, u64>>> {
        self.inner.signed_to(domains)
    }

    fn holding<'a>(
        &'a self,
        domains: &'a HashSet<Domain>,
    ) -> BoxFuture<'a, Result<Vec<LoggedBatch>>> {
        self.inner.holding(domains)
    }

    fn replace<'a>(
        &'a self,
        batch: &'a LoggedBatch,
        rest: &'a [Domain],
        body: Bytes,
    ) -> BoxFuture<'a, Result<()>> {
        self.inner.replace(batch, rest, body)
    }
}
