use std::collections::HashSet;
use std::panic::AssertUnwindSafe;

use futures_util::FutureExt;

use super::beds::directory::Directory;
use super::*;
use crate::journal::memory::{Fault, MemoryLog};
use crate::journal::shared::memory::MemorySharedLog;

#[tokio::test]
async fn the_journal_of_files_conforms() {
    conforms(Directory::new).await;
}

#[tokio::test]
async fn the_journal_of_a_shared_log_conforms() {
    conforms(MemorySharedLog::default).await;
}

#[tokio::test]
async fn the_journal_in_memory_conforms() {
    conforms(MemoryLog::default).await;
}

/// The control.
#[tokio::test]
async fn a_journal_that_breaks_a_promise_is_caught() {
    let faults = [
        Fault::AcknowledgesWithoutKeeping,
        Fault::KeepsADuplicate,
        Fault::CountsADuplicateAsNew,
        Fault::KeepsHalfOfWhatIsRefused,
        Fault::GoesOnAfterBreaking,
        Fault::IgnoresSealsMeanwhile,
        Fault::DropsWhatIsPutBack,
        Fault::TakesTheNewestFirst,
        Fault::CountsWhatIsSealed,
        Fault::TrimsWhatIsUnsealed,
        Fault::LetsCountsChange,
        Fault::GivesAllRoomToOne,
        Fault::LeavesWhatIsErased,
        Fault::ErasesWhatIsUnsealed,
        Fault::HidesWhatIsRecent,
        Fault::ListsTheNewestFirst,
        Fault::CountsBesideTheCatalog,
    ];
    let mut passed = HashSet::new();
    for fault in faults {
        let tried = conforms(|| MemoryLog::with(fault));
        if AssertUnwindSafe(tried).catch_unwind().await.is_ok() {
            passed.insert(format!("{fault:?}"));
        }
    }
    assert!(passed.is_empty(), "{passed:?}");
}
