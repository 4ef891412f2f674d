//! The care of a data directory: copy it, check it, rebuild its catalog. Nothing here needs a running store.

mod backup;
mod in_bucket;
pub mod recover;
mod scrub;

pub use backup::{BackupReport, BackupStep, backup};
pub use recover::{RecoverReport, RecoverStep, RecoveredDomain, recover};
pub use scrub::{Finding, ScrubOptions, ScrubReport, ScrubStep, scrub};
