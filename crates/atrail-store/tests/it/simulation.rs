//! Seeded histories: random actions of users, passing time and crashes on a store, compared with a simple model after
//! every step.
//!
//! Most histories run on parts in memory, one in [`ONE_ON_FILES`] on a directory. `ATRAIL_HISTORIES` sets how many run.
//! A failure names its seed; `ATRAIL_SEED` runs that history alone. The seed determines the decisions, the machine the
//! points where requests are interrupted.

mod model;
mod world;

use std::panic::AssertUnwindSafe;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::thread;
use std::time::Duration;

use futures_util::FutureExt;
use parking_lot::Mutex;
use tokio::runtime::{Builder, Runtime};

use atrail_store::StoreSettings;

use crate::support::TestStore;
use world::World;

/// Number of histories in `cargo test`.
const SHORT: u64 = 600;
/// One history of this many runs on a directory.
const ONE_ON_FILES: u64 = 8;
/// Number of histories that run at the same time: some of them rest, or wait for a disk.
const AT_ONCE: usize = 16;
/// A history that takes longer hangs.
const PATIENCE: Duration = Duration::from_secs(120);

/// The actions of a history, shown when it fails.
type Told = Arc<Mutex<Vec<String>>>;

#[test]
fn histories_end_as_the_model_says() {
    let number = |name: &str| {
        let set = std::env::var(name).ok();
        set.map(|text| text.parse::<u64>().unwrap())
    };
    let seeds = match number("ATRAIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ATRAIL_HISTORIES").unwrap_or(SHORT),
    };
    let templates = Templates::new();
    let seeds = Mutex::new(seeds);
    let failed = Mutex::new(Vec::new());
    let worker = || {
        let runtimes = Runtimes::new();
        while let Some(seed) = { seeds.lock().next() } {
            if !is_sound(seed, &templates, &runtimes) {
                failed.lock().push(seed);
            }
        }
    };
    thread::scope(|scope| (0..AT_ONCE).for_each(|_| drop(scope.spawn(worker))));
    let failed = failed.into_inner();
    assert!(failed.is_empty(), "replay with ATRAIL_SEED={failed:?}");
}

/// The initial stores of histories: closed, with the tenants that every history has.
pub(super) struct Templates {
    /// A directory in memory, if there is one: nothing waits for a disk, and a crash loses only unsynced data anyway.
    place: PathBuf,
    on_files: TestStore,
    in_memory: TestStore,
}

impl Templates {
    fn new() -> Self {
        let memory = Path::new("/dev/shm");
        let place = if tempfile::tempdir_in(memory).is_ok() {
            memory.to_owned()
        } else {
            std::env::temp_dir()
        };
        let runtime = Builder::new_current_thread().enable_all().build();
        runtime.unwrap().block_on(async {
            let on_files = TestStore::below(&place, |_| {}).await;
            let in_memory = TestStore::in_memory(|_| {}).await;
            on_files.store.close().await.unwrap();
            in_memory.store.close().await.unwrap();
            Self {
                place,
                on_files,
                in_memory,
            }
        })
    }

    /// Returns the store of a history.
    async fn store(&self, seed: u64, adjust: impl FnOnce(&mut StoreSettings)) -> TestStore {
        if seed.is_multiple_of(ONE_ON_FILES) {
            self.on_files.with_catalog_of(&self.place, adjust).await
        } else {
            self.in_memory.copied(adjust).await
        }
    }
}

/// The runtimes of one history after the other: making one, with its threads, costs as much as some steps do.
///
/// A store does most of its work on threads of its own; some histories have several threads for the requests, too.
struct Runtimes {
    one_thread: Runtime,
    several: Runtime,
}

impl Runtimes {
    fn new() -> Self {
        let mut several = Builder::new_multi_thread();
        let several = several.worker_threads(2).enable_all().build();
        let one_thread = Builder::new_current_thread().enable_all().build();
        Self {
            one_thread: one_thread.unwrap(),
            several: several.unwrap(),
        }
    }
}

fn is_sound(seed: u64, templates: &Templates, runtimes: &Runtimes) -> bool {
    let runtime = if seed.is_multiple_of(7) {
        &runtimes.several
    } else {
        &runtimes.one_thread
    };
    let told = Told::default();
    let history = AssertUnwindSafe(history(seed, templates, Arc::clone(&told))).catch_unwind();
    let ended = runtime.block_on(async { tokio::time::timeout(PATIENCE, history).await });
    let is_sound = matches!(ended, Ok(Ok(())));
    if !is_sound {
        let told = told.lock().join("\n  ");
        println!("ATRAIL_SEED={seed} failed or hung after\n  {told}");
    }
    is_sound
}

async fn history(seed: u64, templates: &Templates, told: Told) {
    let mut world = World::new(seed, templates, told).await;
    for _ in 0..world.length() {
        world = world.step().await;
    }
    world.end().await;
}
