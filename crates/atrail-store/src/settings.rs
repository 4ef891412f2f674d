//! How the store works.

use std::path::PathBuf;
use std::time::Duration;

use atrail_model::Timestamp;

use crate::catalog::session::{EndedBy, OpenSessions, Session};
use crate::error::{Result, StoreError};
use crate::passage::{Now, TOLERANCE};
use crate::wal::FILE_SIZE_BYTES;

/// How the store works; [`StoreSettings::new`] gives the defaults.
#[derive(Debug, Clone)]
pub struct StoreSettings {
    /// The data directory; made when it is not there.
    pub data_dir: PathBuf,
    /// The name that keys and logs are signed under, chosen at the first start; a random one when left out.
    pub server_name: Option<String>,
    /// Seal everything when this many bytes of events are unsealed. Three times as many may be in memory.
    pub seal_at_bytes: u64,
    /// Seal a domain's events at the latest this long after the first of them came.
    pub seal_after: Duration,
    /// Space that a file of the write-ahead log is made with, unless what is written at once needs more.
    pub wal_file_bytes: u64,
    /// Space that is set aside for a full disk: room to seal what may be unsealed, compressed, and for many of the catalog's
    /// transactions.
    pub reserve_bytes: u64,
    /// An event that is sent again, byte for byte, within this time after it was acknowledged is stored once; zero to
    /// store everything that comes.
    pub dedup_window: Duration,
    /// Memory for knowing sealed events again, in bytes; beyond it their files are read more often.
    pub dedup_memory_bytes: usize,
    /// An object that was read and found sound is checked again at the first read after this long.
    pub recheck_after: Duration,
    /// A session whose receipt would hold more bytes of log entries is refused: making it takes some six times as much memory,
    /// and two may be made at once.
    pub max_receipt_bytes: u64,
    /// What a session's manifest and receipt may have in bytes to be written in one transaction; longer ones are written in parts
    /// of so many, so that others that write wait for one part only.
    pub text_part_bytes: usize,
    /// A session ends this long after its last use.
    pub session_idle_ttl: Duration,
    /// A session ends this long after its creation, used or not.
    pub session_max_ttl: Duration,
    /// Open sessions that a user may have in a space. All of its users together may have [`Self::USERS_OF_A_SPACE`] times as
    /// many, so that one of them keeps no other from making any.
    pub max_open_sessions: u64,
    /// Sessions and deletions that a space may ask for within an hour: each seals what has gathered.
    pub max_sessions_per_hour: usize,
}

impl StoreSettings {
    /// The defaults, for this data directory.
    #[must_use]
    pub const fn new(data_dir: PathBuf) -> Self {
        const DAY: u64 = 86_400;
        Self {
            data_dir,
            server_name: None,
            seal_at_bytes: 64 << 20,
            seal_after: Duration::from_secs(300),
            wal_file_bytes: FILE_SIZE_BYTES,
            reserve_bytes: 64 << 20,
            dedup_window: Duration::from_secs(7 * DAY),
            dedup_memory_bytes: 128 << 20,
            recheck_after: Duration::from_secs(DAY),
            max_receipt_bytes: 128 << 20,
            text_part_bytes: 1 << 20,
            session_idle_ttl: Duration::from_secs(7 * DAY),
            session_max_ttl: Duration::from_secs(30 * DAY),
            max_open_sessions: 30,
            max_sessions_per_hour: 600,
        }
    }

    /// How many users of a space may have as many open sessions as a user may have.
    pub const USERS_OF_A_SPACE: u64 = 4;

    /// Refuses one more session where so many are open.
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

    /// Which sessions have ended at this moment on the clock of ages.
    pub(crate) fn sessions_ended_by(&self, age: Timestamp) -> EndedBy {
        let before = |span| age.checked_sub(span).unwrap_or(Timestamp::MIN);
        EndedBy {
            used: before(self.session_idle_ttl),
            made: before(self.session_max_ttl),
        }
    }

    /// The date at which a session ends, as the machine's clock is set now. Ages decide it; where the clock did not jump since it was
    /// made, its own dates tell the same, and do not waver.
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
