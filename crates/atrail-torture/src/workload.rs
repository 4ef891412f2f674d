//! The requests to the server while its disk is watched.

use std::thread;
use std::time::Duration;

use crate::client::Client;
use crate::ledger::Ledger;
use crate::numbers::Numbers;

/// Generates new events of one day, each with a unique id.
fn batch(sender: &str, round: u64, day: &str, count: u64, numbers: &mut Numbers) -> Vec<String> {
    let event = |number| {
        let noise: String = (0..numbers.below(100))
            .map(|_| format!("{:016x}", numbers.next()))
            .collect();
        format!(
            "{{\"id\":\"{sender}-{round}-{number}\",\"eventTime\":\"{day}T{:02}:00:00Z\",\"action\":\"read\",\
             \"outcome\":\"success\",\"initiatorId\":\"i\",\"targetId\":\"t\",\"noise\":\"{noise}\"}}",
            numbers.below(3)
        )
    };
    (0..count).map(event).collect()
}

/// Runs several senders at once, some of which send again, with sessions and deletions. Each sender sends this many
/// batches. Returns how many requests the server refused.
///
/// # Panics
/// When a sender does.
pub fn workload(client: &Client, ledger: &Ledger, rounds: u64, seed: u64) -> u64 {
    thread::scope(|scope| {
        let senders =
            (0..3).map(|sender| scope.spawn(move || send(client, ledger, sender, rounds, seed)));
        let senders: Vec<_> = senders.collect();
        let deleter = scope.spawn(move || delete(client, ledger, rounds, seed));
        let maker = scope.spawn(move || make_sessions(client, rounds));
        let refused: u64 = senders.into_iter().map(|it| it.join().unwrap()).sum();
        refused + deleter.join().unwrap() + maker.join().unwrap()
    })
}

fn send(client: &Client, ledger: &Ledger, sender: u64, rounds: u64, seed: u64) -> u64 {
    let mut numbers = Numbers::new(seed * 10 + sender);
    let name = format!("sender{sender}");
    let mut refused = 0;
    for round in 0..rounds {
        let day = format!("2017-07-0{}", 1 + numbers.below(2));
        let count = 1 + numbers.below(12);
        let lines = batch(&name, round, &day, count, &mut numbers);
        refused += u64::from(ledger.send(client, sender == 2, &day, lines) != 200);
        if numbers.chance(20) {
            let again = ledger.send_again(client, numbers.next());
            refused += u64::from(again.is_some_and(|status| status != 200));
        }
    }
    refused
}

/// Fills one day after the other, seals some of them, and deletes it.
fn delete(client: &Client, ledger: &Ledger, rounds: u64, seed: u64) -> u64 {
    let mut numbers = Numbers::new(seed * 10 + 9);
    let mut refused = 0;
    for round in 0..(rounds / 8).clamp(1, 28) {
        let day = format!("2017-08-{:02}", round + 1);
        for part in 0..3 {
            let lines = batch("deleted", round * 3 + part, &day, 4, &mut numbers);
            refused += u64::from(ledger.send(client, false, &day, lines) != 200);
            if numbers.chance(20) {
                refused += u64::from(client.session().is_err());
            }
        }
        refused += u64::from(ledger.delete(client, &day) != 200);
    }
    refused
}

fn make_sessions(client: &Client, rounds: u64) -> u64 {
    let mut refused = 0;
    for _ in 0..(rounds / 10).clamp(1, 10) {
        thread::sleep(Duration::from_millis(30));
        refused += u64::from(client.session().is_err());
    }
    refused
}

/// Sends each kind of request once or twice, one after the other, and accepts any outcome. Returns the statuses of the
/// sent events.
pub fn short_workload(client: &Client, ledger: &Ledger, name: &str) -> Vec<u16> {
    let mut numbers = Numbers::new(1);
    let mut send = |account, round, day: &str| {
        let lines = batch(name, round, day, 3, &mut numbers);
        ledger.send(client, account, day, lines)
    };
    let mut statuses = vec![
        send(false, 0, "2017-07-01"),
        send(true, 1, "2017-07-01"),
        send(false, 2, "2017-08-31"),
    ];
    let _ = client.everything();
    statuses.extend(ledger.send_again(client, 0));
    statuses.push(send(false, 3, "2017-08-31"));
    statuses.push(send(false, 4, "2017-07-02"));
    ledger.delete(client, "2017-08-31");
    statuses.push(send(false, 5, "2017-07-02"));
    let _ = client.session();
    statuses.push(send(false, 6, "2017-07-02"));
    statuses
}

/// Sends one batch under a new name. Returns the status.
pub fn send_one(client: &Client, ledger: &Ledger, name: &str) -> u16 {
    let lines = batch(name, 0, "2017-07-03", 1, &mut Numbers::new(2));
    ledger.send(client, false, "2017-07-03", lines)
}
