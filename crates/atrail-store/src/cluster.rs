//! The parts of a store of one of several nodes: a catalog in PostgreSQL, a bucket, and nothing durable on this machine.

use std::sync::Arc;

use atrail_archive::Remote;
use atrail_catalog::migration::Usage;
use atrail_catalog::{Catalog, Joining};
use atrail_disk::data_dir::{ARCHIVE, INDEX, RUNS};
use atrail_disk::{Reserve, Result, StoreError, durable, io_failure, off_thread};
use atrail_model::{Clock, Incarnation};
use atrail_wal::{NewSharedJournal, SealedElsewhere, SharedJournal};
use bytes::Bytes;
use futures_util::FutureExt;
use futures_util::future::BoxFuture;
use uuid::Uuid;

use crate::beside::Beside;
use crate::counters::Counters;
use crate::dedup::Dedup;
use crate::dedup::runs::shared::SharedRuns;
use crate::duties::SharedDuties;
use crate::parts::{Lock, Opened, Parts, Rest};
use crate::secrets::{ClusterKey, SealedSecrets, Secrets};
use crate::settings::{ClusterSettings, StoreSettings};
use crate::signing::Signing;
use crate::signing::checkpoints::shared::{JOURNAL, Rounds, SharedCheckpoints};
use crate::start_turn::{Node, Starting, membership, turn_to_start};
use crate::timekeeper::Timekeeper;

/// The secret that names the bucket's prefix.
pub(crate) const HOME: &str = "archive-home";

impl Parts {
    /// Joins the nodes that share the catalog and the bucket of these settings.
    ///
    /// # Errors
    /// When the catalog or the bucket belongs to a data directory, or does not answer; when the key of the cluster is not
    /// the one with which the catalog's secrets are sealed; or when another process uses the cache.
    pub(crate) async fn shared(
        settings: &StoreSettings,
        cluster: &ClusterSettings,
    ) -> Result<Self> {
        Self::shared_as(settings, cluster, &Usage::Nodes)
            .await
            .map(|(parts, _)| parts)
    }

    /// As [`Self::shared`], of a catalog that is used so; returns the catalog as well.
    pub(crate) async fn shared_as(
        settings: &StoreSettings,
        cluster: &ClusterSettings,
        usage: &Usage,
    ) -> Result<(Self, Catalog)> {
        let key = cluster.key_file.clone();
        let key = Arc::new(off_thread(move || ClusterKey::read(&key)).await?);
        let url = settings.catalog.as_deref().unwrap_or_default();
        let joining = Joining {
            url,
            name: &cluster.name,
            version: &cluster.version,
            address: &cluster.address,
            lease: cluster.lease,
        };
        let catalog = Catalog::join_as(joining, usage).await?;
        let opened = Self::of_node(settings, catalog.clone(), key).await;
        if opened.is_err() {
            // Nobody waits for the lease of a node that does not start.
            catalog.close().await;
        }
        Ok((opened?, catalog))
    }

    async fn of_node(
        settings: &StoreSettings,
        catalog: Catalog,
        key: Arc<ClusterKey>,
    ) -> Result<Self> {
        let turn = turn_to_start(membership(&catalog)?).await?;
        // It may have been moved while this node waited.
        catalog.refuse_moved().await?;
        let bucket = settings.bucket().ok_or_else(|| {
            StoreError::Invalid("[cluster] needs a bucket: set [store] archive".to_owned())
        })?;
        let dir = &settings.data_dir;
        let remote = Remote::open(&bucket, dir, settings.cache_bytes)?;
        remote.forget_copies()?;
        let beside = Beside::start().map_err(|source| StoreError::Directory {
            what: "cannot start a thread".to_owned(),
            source,
        })?;
        let beside = Arc::new(beside);
        let secrets: Arc<dyn Secrets> = Arc::new(SealedSecrets::new(
            catalog.beside(),
            key,
            Arc::clone(&beside),
        ));
        let home = home(&*secrets)?;
        remote.bind_to(&home, &bucket.address).await?;
        let checkpoints = SharedCheckpoints::open(
            catalog.beside(),
            Arc::new(remote.clone()),
            Arc::clone(&beside),
        )?;
        let copies = dir.join(RUNS);
        durable::create_dir(&copies).map_err(io_failure("make the directory", &copies))?;
        let runs = SharedRuns::open(
            &copies,
            catalog.beside(),
            Arc::new(remote.blobs(RUNS)),
            beside,
        )?;
        Ok(Self {
            secrets,
            checkpoints: Arc::new(checkpoints),
            blobs: Arc::new(remote.blobs(ARCHIVE)),
            index: Arc::new(remote.blobs(INDEX)),
            runs: Arc::new(runs),
            reserve: Arc::new(Reserve::none()),
            rest: Rest::Shared(Box::new(Starting { catalog, turn })),
        })
    }
}

impl Starting {
    /// Opens the journal, and goes on with the signed history.
    pub(crate) async fn open(
        self,
        settings: &StoreSettings,
        clock: &Arc<dyn Clock>,
        signing: &Signing,
        dedup: &Arc<Dedup>,
        counters: &Arc<Counters>,
    ) -> Result<Opened> {
        let Self { catalog, turn } = self;
        let opened = open(&catalog, turn, settings, clock, signing, dedup, counters).await;
        if opened.is_err() {
            catalog.close().await;
        }
        opened
    }
}

async fn open(
    catalog: &Catalog,
    turn: u64,
    settings: &StoreSettings,
    clock: &Arc<dyn Clock>,
    signing: &Signing,
    dedup: &Arc<Dedup>,
    counters: &Arc<Counters>,
) -> Result<Opened> {
    let node = membership(catalog)?.clone();
    catalog.set_verifier_key(signing.verifier_key().await.to_string());
    let time = Timekeeper::open(catalog, Arc::clone(clock)).await?;
    signing.finish_rotation(catalog).await?;
    signing
        .go_on(catalog, &Default::default(), clock.now())
        .await?;
    let log = catalog.shared_log(Uuid::from_bytes(*node.incarnation().as_bytes()))?;
    let journal = SharedJournal::open(NewSharedJournal {
        log: Arc::new(log),
        elsewhere: Arc::new(Learning(Arc::clone(dedup))),
        seal_at_bytes: settings.seal_at_bytes,
        recent_bytes: settings.recent_bytes,
        clock: Arc::clone(clock),
        counters: Arc::clone(&counters.log),
    });
    Ok(Opened {
        catalog: catalog.clone(),
        time,
        journal: Arc::new(journal.await?),
        duties: Arc::new(SharedDuties::new(node.clone())),
        lock: Lock::Node(Node { node, turn }),
    })
}

/// Returns the name of the bucket's prefix, which the first node chooses.
fn home(secrets: &dyn Secrets) -> Result<String> {
    let failed = |source| StoreError::Directory {
        what: format!("cannot use {}", secrets.place(HOME)),
        source,
    };
    if let Some(home) = secrets.load(HOME).map_err(failed)? {
        return Ok(home);
    }
    let home = Incarnation::generate().to_string();
    secrets.create(HOME, &home).map_err(failed)?;
    Ok(home)
}

/// Learns the runs of events that other nodes sealed.
#[derive(Debug)]
struct Learning(Arc<Dedup>);

impl SealedElsewhere for Learning {
    fn learn<'a>(
        &'a self,
        _: &'a std::collections::HashMap<atrail_model::Domain, u64>,
    ) -> BoxFuture<'a, Result<()>> {
        let dedup = Arc::clone(&self.0);
        // A run is there before the transaction of its seal.
        off_thread(move || dedup.refresh()).boxed()
    }
}

impl Rounds for Remote {
    fn put<'a>(&'a self, path: &'a str, bytes: Bytes) -> BoxFuture<'a, Result<()>> {
        self.put_small(path, bytes).boxed()
    }

    fn get<'a>(&'a self, path: &'a str) -> BoxFuture<'a, Result<Bytes>> {
        self.get_small(path).boxed()
    }

    fn list(&self) -> BoxFuture<'_, Result<Vec<String>>> {
        Self::list(self, JOURNAL).boxed()
    }
}
