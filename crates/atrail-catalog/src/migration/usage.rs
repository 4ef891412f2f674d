//! Who uses a catalog in PostgreSQL.

use atrail_disk::{Result, StoreError};

use crate::failure::failed_to;
use crate::place::refuse_other_urls;
use crate::row::Columns;
use crate::sql::postgres::{self, SHARED};
use crate::{Catalog, sql};

const READ: &str = "read who uses it";
const CHANGE: &str = "change who uses it";
const FILLING: &str = "filling ";
const MOVED: &str = "moved ";

/// Who uses a catalog in PostgreSQL.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Usage {
    /// Nobody has used it yet.
    Nobody,
    /// A server with a data directory.
    Directory,
    /// Nodes.
    Nodes,
    /// A migration of this name, which has not ended.
    Filling(String),
    /// Nobody any more.
    Moved {
        /// The name of the migration that moved everything.
        migration: String,
        /// Where it is now, for people.
        place: String,
    },
}

impl Usage {
    /// Reads the mark of a catalog.
    pub(crate) fn of(mark: &str) -> Self {
        if mark == SHARED {
            return Self::Nodes;
        }
        if let Some(migration) = mark.strip_prefix(FILLING) {
            return Self::Filling(migration.to_owned());
        }
        match mark
            .strip_prefix(MOVED)
            .and_then(|rest| rest.split_once(' '))
        {
            Some((migration, place)) => Self::Moved {
                migration: migration.to_owned(),
                place: place.to_owned(),
            },
            None => Self::Directory,
        }
    }

    /// Returns the mark of a catalog that is used so. (A directory has a mark of its own.)
    pub(crate) fn mark(&self) -> String {
        match self {
            Self::Nobody | Self::Directory => String::new(),
            Self::Nodes => SHARED.to_owned(),
            Self::Filling(migration) => format!("{FILLING}{migration}"),
            Self::Moved { migration, place } => format!("{MOVED}{migration} {place}"),
        }
    }

    /// Returns the refusal of whoever wants to use it otherwise.
    #[must_use]
    pub fn refusal(&self) -> StoreError {
        StoreError::Conflict(match self {
            Self::Nobody => "the database has no catalog".to_owned(),
            Self::Directory => {
                "the catalog in this database belongs to a server with a data directory: nodes cannot share it. Choose an \
                 empty database"
                    .to_owned()
            }
            Self::Nodes => {
                "the database is not empty: nodes share the catalog in it. Choose an empty database".to_owned()
            }
            Self::Filling(_) => {
                "a migration into this database has not ended: run the same `atrail admin migrate` again, or choose an \
                 empty database"
                    .to_owned()
            }
            Self::Moved { place, .. } => format!(
                "everything of this cluster was moved to {place}, where the history goes on: this database is of the past, and \
                 is not used any more"
            ),
        })
    }
}

impl Catalog {
    /// Returns who uses the catalog in the database of this URL, and changes nothing.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn usage_of(url: &str) -> Result<Usage> {
        refuse_other_urls(url)?;
        postgres::usage(url).await
    }

    /// Opens the catalog that nodes share, to read it from outside: this process is none of them.
    ///
    /// # Errors
    /// As [`Self::join`].
    pub async fn look_at_shared(url: &str) -> Result<Self> {
        refuse_other_urls(url)?;
        Ok(Self::of(postgres::look_at(url).await?))
    }

    /// Refuses a catalog that was moved away. A node that waited for its turn to start calls it afterwards.
    ///
    /// # Errors
    /// `Conflict` when it was moved.
    pub async fn refuse_moved(&self) -> Result<()> {
        let row = sql::query("SELECT mark FROM catalog_home")
            .fetch_one(self.readers())
            .await
            .map_err(failed_to(READ))?;
        match Usage::of(&row.text("mark")?) {
            moved @ Usage::Moved { .. } => Err(moved.refusal()),
            _ => Ok(()),
        }
    }

    /// Changes who uses the catalog, in a transaction of this node.
    ///
    /// # Errors
    /// `Conflict` when it is not used as it was.
    pub async fn change_usage(&self, from: &Usage, to: &Usage) -> Result<()> {
        let mut tx = self.begin(CHANGE).await?;
        let changed = sql::query("UPDATE catalog_home SET mark = ? WHERE mark = ?")
            .bind(to.mark())
            .bind(from.mark())
            .execute(&mut *tx)
            .await
            .map_err(failed_to(CHANGE))?;
        if changed.rows_affected() != 1 {
            return Err(StoreError::Conflict(
                "the catalog is used otherwise meanwhile".to_owned(),
            ));
        }
        tx.commit().await
    }
}
