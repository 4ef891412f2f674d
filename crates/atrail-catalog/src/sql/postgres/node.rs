//! The one node that uses a catalog.
//!
//! A node holds a session's advisory lock for as long as it runs: another one that starts meanwhile is refused, since the
//! journal and the keys are files of one data directory. The lock is lost with its connection, and another node may then
//! begin. So each transaction that writes also checks that its node is the last one that began: what a node did not
//! learn in time costs it an error, and the catalog nothing.

use std::sync::Arc;
use std::time::Duration;

use parking_lot::Mutex;
use sqlx::postgres::{PgConnectOptions, PgConnection};
use sqlx::{ConnectOptions as _, Connection as _, Error};
use tokio::task::JoinHandle;

/// How often a node looks whether it still has the lock, and asks for it again if not.
const LOOK_EVERY: Duration = Duration::from_secs(2);

/// The lock of a node that runs. It is given back by [`Self::leave`], or when the last clone is dropped.
#[derive(Debug, Clone)]
pub(crate) struct Node(Arc<Keeper>);

#[derive(Debug)]
struct Keeper(
    Mutex<Option<JoinHandle<()>>>,
    tokio::sync::watch::Sender<bool>,
);

impl Node {
    /// Keeps the lock that this connection has.
    pub(super) fn keep(connection: PgConnection, options: PgConnectOptions) -> Self {
        let (leaving, left) = tokio::sync::watch::channel(false);
        let keeping = tokio::spawn(keep(connection, options, left));
        Self(Arc::new(Keeper(Mutex::new(Some(keeping)), leaving)))
    }

    /// Gives the lock back, so that another node may begin.
    pub(crate) async fn leave(&self) {
        self.0.1.send_replace(true);
        let keeping = self.0.0.lock().take();
        if let Some(keeping) = keeping {
            // It ends by itself within one look.
            let _ = tokio::time::timeout(LOOK_EVERY * 2, keeping).await;
        }
    }
}

impl Drop for Keeper {
    fn drop(&mut self) {
        if let Some(keeping) = self.0.lock().take() {
            keeping.abort();
        }
    }
}

/// Reports whether the connection's session has the lock now.
pub(super) async fn take(connection: &mut PgConnection) -> Result<bool, Error> {
    let asked = sqlx::query_scalar("SELECT pg_try_advisory_lock(1635021426, 1)");
    asked.fetch_one(connection).await
}

async fn keep(
    connection: PgConnection,
    options: PgConnectOptions,
    mut left: tokio::sync::watch::Receiver<bool>,
) {
    let mut held = Some(connection);
    loop {
        let wait = tokio::time::timeout(LOOK_EVERY, left.wait_for(|is_leaving| *is_leaving));
        if wait.await.is_ok() {
            break;
        }
        held = match held {
            Some(mut connection) => match connection.ping().await {
                Ok(()) => Some(connection),
                Err(error) => {
                    tracing::warn!(
                        error = atrail_disk::chain(&error),
                        "PostgreSQL closed the connection that reserves the catalog for this server: it connects again"
                    );
                    None
                }
            },
            None => again(&options).await,
        };
    }
    if let Some(connection) = held {
        // A server that is gone has given the lock back as well.
        let _ = connection.close().await;
    }
}

/// Returns a new connection that has the lock, if there is one to be had.
async fn again(options: &PgConnectOptions) -> Option<PgConnection> {
    let mut connection = options.connect().await.ok()?;
    let has_lock = take(&mut connection).await.ok()?;
    has_lock.then_some(connection)
}
