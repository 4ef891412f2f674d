//! How fast nodes append to one log; run by hand: `cargo test … -- --ignored --nocapture how_fast`.

use std::sync::Arc;
use std::time::{Duration, Instant};

use atrail_model::AccountId;
use atrail_wal::conformance::{event, space};
use atrail_wal::{Batch, Journal, NewEvent};

use super::Domain;
use super::beds::{Shared, node};

const FOR: Duration = Duration::from_secs(3);

fn events(from: u32, count: u32) -> Vec<NewEvent> {
    let text = "x".repeat(400);
    (from..from + count)
        .map(|n| {
            let id = u128::from(n) * 0x9e37_79b9_7f4a_7c15_f39c_c060;
            let line = bytes::Bytes::from(format!(
                "{{\"n\":{n},\"id\":\"{id:032x}\",\"text\":\"{text}\"}}"
            ));
            NewEvent {
                leaf: atrail_evidence::leaf_hash(&line),
                line,
                ..event(1)
            }
        })
        .collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
#[ignore = "it measures"]
async fn how_fast() {
    for (nodes, domains, batch) in [
        (1, 1, 1),
        (3, 3, 1),
        (8, 8, 1),
        (1, 1, 200),
        (3, 1, 200),
        (8, 1, 200),
        (1, 8, 1000),
        (3, 8, 1000),
        (8, 8, 1000),
    ] {
        let Some(shared) = Shared::new().await else {
            return;
        };
        let mut tasks = Vec::new();
        for nth in 0..nodes {
            let journal = Arc::new(node(&shared.catalog).await);
            tasks.push(tokio::spawn(async move {
                let mut times = Vec::new();
                let began = Instant::now();
                let mut n = nth * 100_000_000;
                while began.elapsed() < FOR {
                    let domain: Domain = space(u8::try_from((n / batch + nth) % domains).unwrap());
                    let sent = Batch {
                        account: AccountId::from_bytes([99; 16]),
                        domain,
                        seals: journal.seals_of(domain),
                        events: events(n, batch),
                    };
                    let one = Instant::now();
                    journal.append(sent).await.unwrap();
                    times.push(one.elapsed());
                    n += batch;
                }
                times
            }));
        }
        let mut times = Vec::new();
        for task in tasks {
            times.extend(task.await.unwrap());
        }
        times.sort_unstable();
        let of = |part: usize| times[(times.len() - 1) * part / 1000];
        let rate = times.len() as u64 * u64::from(batch) / FOR.as_secs();
        println!(
            "{nodes} nodes, {domains} domains, {batch} events a batch: {rate} events/s, p50 {:?}, p99 {:?}",
            of(500),
            of(990)
        );
    }
}
