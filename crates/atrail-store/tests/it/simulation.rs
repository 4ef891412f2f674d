//! Seeded histories: what users, time and crashes do to a store, compared with a simple model after every step.
//!
//! `ATRAIL_HISTORIES` sets how many run. A failure names its seed; `ATRAIL_SEED` runs that history alone. The decisions are
//! the seed's; where a broken-off request stood is the machine's.

mod model;
mod world;

use std::panic::AssertUnwindSafe;
use std::sync::Arc;
use std::time::Duration;

use futures_util::{FutureExt, StreamExt, stream};
use parking_lot::Mutex;

use world::World;

/// Histories in `cargo test`.
const SHORT: u64 = 150;
/// Histories that run at once: they mostly wait for the disk.
const AT_ONCE: usize = 12;
/// A history hangs when it takes longer.
const PATIENCE: Duration = Duration::from_secs(120);

/// What a history did, to be shown when it fails.
type Told = Arc<Mutex<Vec<String>>>;

#[tokio::test(flavor = "multi_thread")]
async fn histories_end_as_the_model_says() {
    let number = |name: &str| {
        let set = std::env::var(name).ok();
        set.map(|text| text.parse::<u64>().unwrap())
    };
    let seeds = match number("ATRAIL_SEED") {
        Some(seed) => seed..seed + 1,
        None => 0..number("ATRAIL_HISTORIES").unwrap_or(SHORT),
    };
    let failed: Vec<u64> = stream::iter(seeds)
        .map(|seed| tokio::spawn(is_sound(seed)).map(move |sound| (seed, sound.unwrap_or(false))))
        .buffer_unordered(AT_ONCE)
        .filter_map(|(seed, sound)| async move { (!sound).then_some(seed) })
        .collect()
        .await;
    assert!(failed.is_empty(), "replay with ATRAIL_SEED={failed:?}");
}

async fn is_sound(seed: u64) -> bool {
    let told = Told::default();
    let history = AssertUnwindSafe(history(seed, Arc::clone(&told))).catch_unwind();
    let ended = matches!(tokio::time::timeout(PATIENCE, history).await, Ok(Ok(())));
    if !ended {
        let told = told.lock().join("\n  ");
        println!("ATRAIL_SEED={seed} failed or hung after\n  {told}");
    }
    ended
}

async fn history(seed: u64, told: Told) {
    let mut world = World::new(seed, told).await;
    for _ in 0..world.length() {
        world = world.step().await;
    }
    world.end().await;
}
