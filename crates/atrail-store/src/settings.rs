//! The settings of a store.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::time::Duration;

use atrail_archive::{BucketAddress, BucketSettings, Variables};
use atrail_catalog::session::{EndedBy, OpenSessions, Session};
use atrail_disk::{Result, StoreError};
use atrail_model::Timestamp;
use atrail_model::passage::{Now, TOLERANCE};
use atrail_wal::FILE_SIZE_BYTES;

/// The settings of a store; [`StoreSettings::new`] returns the defaults.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The data directory; created when it does not exist.
    pub data_dir: PathBuf,
    /// The database that keeps the catalog, `postgres://USER@HOST/DATABASE`; `None`: a file in the data directory.
    pub catalog: Option<String>,
    /// The bucket that keeps the archive, `s3://BUCKET/PREFIX`; `None`: a directory in the data directory.
    pub archive: Option<String>,
    /// The address of the bucket's server, in place of Amazon's.
    pub archive_endpoint: Option<String>,
    /// The directory for copies of objects that are in a bucket; `None`: one in the data directory.
    pub cache: Option<PathBuf>,
    /// The maximum bytes of such copies.
    pub cache_bytes: u64,
    /// How to share the catalog and the bucket with other nodes; `None`: this server is alone. Then `data_dir` is the
    /// directory for copies of objects, and nothing in it is durable.
    pub cluster: Option<ClusterSettings>,
    /// The environment's variables for credentials and regions of buckets.
    pub aws: Variables,
    /// The name in keys and signed logs, chosen at the first start; a random one when `None`.
    pub server_name: Option<String>,
    /// Seal everything when this many bytes of events are unsealed. Three times as many may be in memory.
    pub seal_at_bytes: u64,
    /// Seal a domain's events at the latest this long after the first of them arrived.
    pub seal_after: Duration,
    /// Bytes of sealed events that stay in memory, the last ones, for tails that come late.
    pub recent_bytes: u64,
    /// Space allocated for a file of the write-ahead log, unless one write needs more.
    pub wal_file_bytes: u64,
    /// The reserve for a full disk: room to seal all unsealed events, compressed, and for many of the catalog's
    /// transactions.
    pub reserve_bytes: u64,
    /// An event that is repeated byte for byte within this time after its acknowledgement is stored once; zero stores
    /// every event.
    pub dedup_window: Duration,
    /// Memory for detecting repeated sealed events, in bytes; beyond it their files are read more often.
    pub dedup_memory_bytes: usize,
    /// An object that proved sound is checked again at the first read after this long.
    pub recheck_after: Duration,
    /// A session whose receipt would have more bytes of log entries is refused: creating it takes about six times as
    /// much memory, and two may be created at once.
    pub max_receipt_bytes: u64,
    /// The maximum bytes of a session's manifest and receipt that are written in one transaction. Longer ones are
    /// written in parts of this size, so that other writers wait for one part only.
    pub text_part_bytes: usize,
    /// How often the background checks for due work. Work that is done less often is due after a number of these checks.
    pub tick: Duration,
    /// A session ends this long after its last use.
    pub session_idle_ttl: Duration,
    /// A session ends this long after its creation, used or not.
    pub session_max_ttl: Duration,
    /// Open sessions that a user may have in a space. All of its users together may have [`Self::USERS_OF_A_SPACE`]
    /// times as many, so that no single user can use up the limit.
    pub max_open_sessions: u64,
    /// How events are searched.
    pub search: SearchSettings,
    /// Sessions and deletions that may be requested in a space within an hour: each seals the gathered events.
    pub max_sessions_per_hour: usize,
}

/// One of the nodes that share a catalog and a bucket.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ClusterSettings {
    /// The file with the key that seals the server's secrets in the catalog: 32 bytes.
    pub key_file: PathBuf,
    /// The node's name, for people.
    pub name: String,
    /// The version of the program.
    pub version: String,
    /// Where the node listens, for people: nodes do not talk to each other.
    pub address: String,
    /// For how long other nodes take this one to be alive after each renewal of its lease.
    pub lease: Duration,
}

/// How events are searched.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct SearchSettings {
    /// Whether the index is kept. Without it every search reads lines.
    pub is_on: bool,
    /// How many days back the index reaches, from today; `None`: all.
    pub days: Option<u32>,
    /// Memory for the directories of the index's files.
    pub memory_bytes: usize,
    /// Threads that work for searches at the same time, of all users together.
    pub threads: usize,
}

impl SearchSettings {
    const fn new() -> Self {
        Self {
            is_on: true,
            days: None,
            memory_bytes: 16 << 20,
            threads: 8,
        }
    }
}

impl StoreSettings {
    /// Returns the defaults, for this data directory.
    #[must_use]
    pub const fn new(data_dir: PathBuf) -> Self {
        const DAY: u64 = 86_400;
        Self {
            data_dir,
            catalog: None,
            archive: None,
            archive_endpoint: None,
            cache: None,
            cache_bytes: 20 << 30,
            cluster: None,
            aws: Variables(BTreeMap::new()),
            server_name: None,
            seal_at_bytes: 64 << 20,
            seal_after: Duration::from_secs(300),
            recent_bytes: 8 << 20,
            wal_file_bytes: FILE_SIZE_BYTES,
            reserve_bytes: 64 << 20,
            dedup_window: Duration::from_secs(7 * DAY),
            dedup_memory_bytes: 128 << 20,
            recheck_after: Duration::from_secs(DAY),
            max_receipt_bytes: 128 << 20,
            text_part_bytes: 1 << 20,
            tick: Duration::from_secs(1),
            session_idle_ttl: Duration::from_secs(7 * DAY),
            session_max_ttl: Duration::from_secs(30 * DAY),
            max_open_sessions: 30,
            search: SearchSettings::new(),
            max_sessions_per_hour: 600,
        }
    }

    /// Returns how to reach the bucket that keeps the archive.
    #[must_use]
    pub fn bucket(&self) -> Option<BucketSettings> {
        let url = self.archive.clone()?;
        Some(BucketSettings {
            address: BucketAddress {
                url,
                endpoint: self.archive_endpoint.clone(),
            },
            variables: self.aws.clone(),
        })
    }

    /// The limit of a space's open sessions, as a multiple of a user's.
    pub const USERS_OF_A_SPACE: u64 = 4;

    /// Refuses one more session where this many are open.
    ///
    /// # Errors
    /// `TooMany` at the limit of the user, or of the space.
    pub(crate) fn admit_session(&self, open: OpenSessions) -> Result<()> {
        let OpenSessions { own, of_all } = open;
        let of_space = self
            .max_open_sessions
            .saturating_mul(Self::USERS_OF_A_SPACE);
        let message = if own >= self.max_open_sessions {
            format!("you have {own} open sessions in this space: delete one that is done")
        } else if of_all >= of_space {
            format!(
                "there are {of_all} open sessions in this space: somebody has to delete one that is done"
            )
        } else {
            return Ok(());
        };
        Err(StoreError::TooMany {
            message,
            retry_after_secs: 60,
        })
    }

    /// Returns the moments that decide which sessions have ended at this age.
    pub(crate) fn sessions_ended_by(&self, age: Timestamp) -> EndedBy {
        let before = |span| age.checked_sub(span).unwrap_or(Timestamp::MIN);
        EndedBy {
            used: before(self.session_idle_ttl),
            made: before(self.session_max_ttl),
        }
    }

    /// Returns the date at which a session ends, on the machine's clock. Ages decide it; where the clock has not jumped
    /// since the creation, the session's own dates yield the same result, and it stays constant.
    pub(crate) fn session_end(&self, session: &Session, now: &Now) -> Timestamp {
        let after = |moment: Timestamp, ttl| moment.checked_add(ttl).unwrap_or(Timestamp::MAX);
        let end =
            |made, used| after(used, self.session_idle_ttl).min(after(made, self.session_max_ttl));
        let by_dates = end(session.created, session.accessed);
        let by_ages = end(session.made_age, session.used_age);
        let by_ages = by_ages.saturating_add(now.date.duration_since(now.ages));
        let by_ages = by_ages.unwrap_or(Timestamp::MAX);
        if by_ages.duration_since(by_dates).abs() <= TOLERANCE {
            by_dates
        } else {
            by_ages
        }
    }
}
