//! What an operator has done to the search index. It goes on when nobody waits for it.

use std::sync::Arc;

use atrail_api::{DamagedIndexFile, IndexCare, IndexCareKind};
use atrail_store::{IndexCheck, Store};
use parking_lot::Mutex;

/// The last care, and its result. One runs at a time.
#[derive(Debug, Clone, Default)]
pub(crate) struct Care(Arc<Mutex<Option<IndexCare>>>);

impl Care {
    /// Returns the last care.
    pub(crate) fn last(&self) -> Option<IndexCare> {
        self.0.lock().clone()
    }

    /// Begins, unless one is running; returns whether it began.
    pub(crate) fn begin(&self, store: &Store, kind: IndexCareKind) -> bool {
        {
            let mut last = self.0.lock();
            if last.as_ref().is_some_and(|last| last.is_running) {
                return false;
            }
            *last = Some(IndexCare {
                care: kind,
                is_running: true,
                ..IndexCare::default()
            });
        }
        let (last, store) = (Arc::clone(&self.0), store.clone());
        tokio::spawn(async move {
            let ended = match kind {
                IndexCareKind::Verify => store.verify_index().await.map(checked),
                IndexCareKind::Rebuild => store
                    .rebuild_index(None)
                    .await
                    .map(|_| IndexCare::default()),
            };
            let mut care = ended.unwrap_or_else(|error| {
                tracing::error!(
                    error = &error as &dyn std::error::Error,
                    "care of the index failed"
                );
                IndexCare {
                    error: Some(error.to_string()),
                    ..IndexCare::default()
                }
            });
            care.care = kind;
            *last.lock() = Some(care);
        });
        true
    }
}

fn checked(check: IndexCheck) -> IndexCare {
    let damaged = check.damaged.into_iter();
    let damaged = damaged.map(|(path, what)| DamagedIndexFile { path, what });
    IndexCare {
        files: check.files,
        size_bytes: check.size_bytes,
        events: check.events,
        damaged: damaged.collect(),
        ..IndexCare::default()
    }
}
