//! What befalls nodes: each nemesis strikes, heals what it did, and leaves every node running.

use std::collections::BTreeMap;
use std::thread::sleep;
use std::time::{Duration, Instant};

use atrail_torture::{Cut, Gate, PostgresProxy, S3, S3Fault, Way};
use rustix::process::Signal;

use super::nodes::{Cluster, LEASE, Node, PATIENCE, Ways};
use super::senders::{kept, one_of};
use super::servers::{Bucket, Database};
use crate::env::Numbers;
use crate::http::Caller;
use crate::senders::Scene;

const NAMES: [&str; 3] = ["n1", "n2", "n3"];

/// Something that befalls nodes.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Nemesis {
    /// A node is killed, and starts again later.
    Kill,
    /// A node stands still for longer than its lease, and goes on as if nothing had been.
    Stop,
    /// The connections of a node to PostgreSQL break.
    CutCatalog,
    /// What a node and PostgreSQL tell each other is under way for longer than a lease.
    HoldCatalog,
    /// The connections of a node to the bucket break.
    CutBucket,
    /// What a node and the bucket tell each other is under way for a while.
    HoldBucket,
    /// Connections break at the commit of seals.
    LoseCommits,
    /// The bucket answers with errors, late, or not at all.
    FailBucket,
    /// Each node is stopped in order and started again.
    Restart,
}

pub(crate) const ALL: [Nemesis; 9] = [
    Nemesis::Kill,
    Nemesis::Stop,
    Nemesis::CutCatalog,
    Nemesis::HoldCatalog,
    Nemesis::CutBucket,
    Nemesis::HoldBucket,
    Nemesis::LoseCommits,
    Nemesis::FailBucket,
    Nemesis::Restart,
];

const FAULTS: [(S3Fault, u64); 7] = [
    (S3Fault::Error500, 150),
    (S3Fault::SlowDown, 100),
    (S3Fault::ResetBefore, 100),
    (S3Fault::AnswerLost, 150),
    (S3Fault::LateReplay { after_millis: 700 }, 50),
    (S3Fault::CutGet, 100),
    (S3Fault::WrongBytes, 50),
];

/// A node, and its ways to the servers.
#[derive(Debug)]
struct Lane {
    node: Node,
    commits: PostgresProxy,
    catalog: Gate,
    bucket: Gate,
}

/// Three nodes, each with ways of its own to PostgreSQL and to a bucket.
#[derive(Debug)]
pub(crate) struct Bed {
    pub(crate) cluster: Cluster,
    pub(crate) s3: S3,
    lanes: Vec<Lane>,
    /// How often each nemesis did something.
    pub(crate) struck: BTreeMap<Nemesis, u64>,
    /// How many nodes were fenced, and noticed it.
    pub(crate) fenced: u64,
}

impl Bed {
    pub(crate) fn new() -> Option<Self> {
        let database = Database::new()?;
        let s3 = S3::start();
        let bucket = Bucket {
            endpoint: s3.endpoint(),
            url: "s3://logs/nodes".to_owned(),
        };
        let cluster = Cluster::of(database, bucket);
        let begun = NAMES.map(|name| {
            let commits = PostgresProxy::start_at(cluster.database.address());
            let catalog = Gate::to(commits.address());
            let bucket = Gate::to(cluster.bucket.address());
            let ways = Ways {
                catalog: cluster.database.url_at(catalog.address()),
                bucket: cluster.bucket.at(bucket.address()),
            };
            cluster.configure(name, &ways, "cluster.key");
            let starting = cluster.begin(name, "127.0.0.1:0");
            (starting, commits, catalog, bucket)
        });
        let lanes = begun.map(|(starting, commits, catalog, bucket)| Lane {
            node: starting.listening().unwrap(),
            commits,
            catalog,
            bucket,
        });
        Some(Self {
            cluster,
            s3,
            lanes: lanes.into(),
            struck: BTreeMap::new(),
            fenced: 0,
        })
    }

    pub(crate) fn nodes(&self) -> impl Iterator<Item = &Node> {
        self.lanes.iter().map(|lane| &lane.node)
    }

    fn start_again(&mut self, at: usize) {
        let node = &mut self.lanes[at].node;
        node.kill();
        let (name, listen) = (node.name.clone(), node.address.to_string());
        let started = self.cluster.begin(&name, &listen).listening();
        self.lanes[at].node = started.unwrap_or_else(|log| panic!("{name}: {log}"));
    }

    /// Lets something befall the nodes, and heals it.
    pub(crate) fn strike(
        &mut self,
        nemesis: Nemesis,
        numbers: &mut Numbers,
        scene: &Scene,
        callers: &[Caller],
    ) {
        let at = usize::try_from(numbers.below(3)).unwrap();
        let a_while = Duration::from_millis(300 + numbers.below(2000));
        let long = LEASE + Duration::from_millis(300 + numbers.below(2500));
        let did = match nemesis {
            Nemesis::Kill => {
                self.lanes[at].node.kill();
                sleep(a_while);
                self.start_again(at);
                true
            }
            Nemesis::Stop => {
                self.stand_still(at, long, numbers.below(2) == 0, scene, &callers[at]);
                true
            }
            Nemesis::CutCatalog => break_off(&self.lanes[at].catalog, Way::Cut, a_while),
            Nemesis::HoldCatalog => break_off(&self.lanes[at].catalog, Way::Held, long),
            Nemesis::CutBucket => break_off(&self.lanes[at].bucket, Way::Cut, a_while),
            Nemesis::HoldBucket => break_off(&self.lanes[at].bucket, Way::Held, a_while),
            Nemesis::LoseCommits => {
                let cuts = |bed: &Self| -> usize {
                    bed.lanes.iter().map(|lane| lane.commits.cuts()).sum()
                };
                let before = cuts(self);
                let cut = *one_of(numbers, &[Cut::BeforeCommit, Cut::AfterCommit]);
                for lane in &self.lanes {
                    lane.commits.cut(cut, "INSERT INTO watermarks");
                }
                let began = Instant::now();
                while cuts(self) == before && began.elapsed() < 3 * LEASE {
                    sleep(Duration::from_millis(50));
                }
                cuts(self) > before
            }
            Nemesis::FailBucket => {
                let injected = |bed: &Self| bed.s3.injected().values().sum::<u64>();
                let before = injected(self);
                self.s3.fail(&FAULTS, numbers.below(u64::MAX));
                sleep(a_while);
                self.s3.fail(&[], 0);
                injected(self) > before
            }
            Nemesis::Restart => {
                for at in 0..self.lanes.len() {
                    self.lanes[at].node.signal(Signal::TERM);
                    let ended = self.lanes[at].node.wait(PATIENCE);
                    let name = &self.lanes[at].node.name;
                    let code = ended.and_then(|status| status.code());
                    // One that another nemesis had cut off before may have been fenced.
                    assert!(code.is_some(), "{name}: {}", self.cluster.log_of(name));
                    self.start_again(at);
                }
                true
            }
        };
        *self.struck.entry(nemesis).or_default() += u64::from(did);
        self.revive();
    }

    /// Stops a node for longer than its lease. Afterwards it serves nothing stale, and once fenced it adds nothing, and ends.
    fn stand_still(
        &mut self,
        at: usize,
        long: Duration,
        is_fenced: bool,
        scene: &Scene,
        caller: &Caller,
    ) {
        let database = &self.cluster.database;
        let node = &mut self.lanes[at].node;
        let who = database.sql(&format!(
            "SELECT '\\x' || encode(incarnation, 'hex') FROM nodes WHERE name = '{}' ORDER BY joined_at DESC LIMIT 1",
            node.name
        ));
        node.signal(Signal::STOP);
        sleep(long);
        if is_fenced {
            // As any other node may do that needs what this one has claimed.
            database.sql(&format!("SELECT fence_if_ended('{who}')"));
        }
        let is_fenced = database.sql(&format!(
            "SELECT fenced FROM nodes WHERE incarnation = '{who}'"
        ));
        let last = database.number("SELECT last FROM sequencer");
        let acked = scene.ledger.lock().unwrap().acked_for_good() as u64;
        node.signal(Signal::CONT);
        let began = Instant::now();
        while began.elapsed() < LEASE / 2 {
            if let Ok(Some(count)) = kept(caller) {
                assert!(
                    count >= acked,
                    "{} serves what was before it stood still",
                    node.name
                );
            }
        }
        if is_fenced == "t" {
            let ended = node.wait(PATIENCE);
            assert_eq!(
                ended.and_then(|status| status.code()),
                Some(1),
                "{}",
                node.name
            );
            let added = database.number(&format!(
                "SELECT COUNT(*) FROM batches WHERE incarnation = '{who}' AND last > {last}"
            ));
            assert_eq!(added, 0, "{} was fenced and has added events", node.name);
        }
    }

    /// Starts nodes again that have ended because another one had fenced them; waits until each serves.
    fn revive(&mut self) {
        let began = Instant::now();
        let mut quiet = Instant::now();
        while quiet.elapsed() < Duration::from_millis(300) {
            assert!(began.elapsed() < PATIENCE, "a node does not end, nor serve");
            for at in 0..self.lanes.len() {
                let node = &mut self.lanes[at].node;
                let Some(status) = node.ended() else { continue };
                let log = self.cluster.log_of(&node.name);
                assert!(
                    status.code() == Some(1) && log.contains("has taken this one for dead"),
                    "{}: {status} {log}",
                    node.name
                );
                self.fenced += 1;
                self.start_again(at);
                quiet = Instant::now();
            }
            sleep(Duration::from_millis(50));
        }
    }

    /// Waits until each node serves, and has for longer than a lease.
    pub(crate) fn settle(&mut self, callers: &[Caller]) {
        let began = Instant::now();
        let mut well = Instant::now();
        while well.elapsed() < LEASE + Duration::from_secs(1) {
            assert!(began.elapsed() < PATIENCE, "a node serves no more");
            self.revive();
            if !callers
                .iter()
                .all(|caller| matches!(kept(caller), Ok(Some(_))))
            {
                well = Instant::now();
            }
        }
    }

    /// Checks that no node wrote what a server writes that breaks off or is damaged.
    pub(crate) fn look_at_logs(&self) {
        for name in NAMES {
            let log = self.cluster.log_of(name);
            assert!(!log.contains("panicked"), "{name}: {log}");
        }
    }

    /// Stops every node; returns their exit codes.
    pub(crate) fn stop(self) -> (Vec<Option<i32>>, Cluster) {
        let codes = self.lanes.into_iter().map(|lane| lane.node.stop());
        (codes.collect(), self.cluster)
    }
}

/// Breaks a way for a time; returns whether something wanted to pass.
fn break_off(gate: &Gate, way: Way, time: Duration) -> bool {
    let before = gate.met();
    gate.set(way);
    sleep(time);
    gate.set(Way::Open);
    gate.met() > before
}
