//! Searching: in downloads, on the server, and the same in both.

mod files;
mod index;
mod output;
mod proven;
mod server;
mod terminal;

use std::fs;

use crate::env::{Numbers, Ran, Server, TestEnv};

const ACTORS: [&str; 4] = ["Ann", "bob", "Zoë", "svc-backup"];
const ACTIONS: [&str; 5] = ["create", "delete", "update", "read/list", "authenticate"];
const OUTCOMES: [&str; 3] = ["success", "failure", "pending"];

fn pick<'a>(numbers: &mut Numbers, from: &[&'a str]) -> &'a str {
    from[numbers.below(from.len() as u64) as usize]
}

/// Returns events of three days, with few different times, so that many have the same.
fn sample(seed: u64, count: usize) -> String {
    let mut numbers = Numbers::new(seed);
    let mut lines = String::new();
    for number in 0..count {
        let actor = pick(&mut numbers, &ACTORS);
        let action = pick(&mut numbers, &ACTIONS);
        let outcome = pick(&mut numbers, &OUTCOMES);
        let (day, hour) = (23 + numbers.below(3), numbers.below(24));
        let (second, size) = (numbers.below(3), numbers.below(5000));
        let (net, host, target) = (numbers.below(3), numbers.below(4), numbers.below(9));
        lines.push_str(&format!(
            "{{\"id\":\"e-{seed}-{number}\",\"eventTime\":\"2017-07-{day}T{hour:02}:00:0{second}.5Z\",\
             \"action\":\"{action}\",\"outcome\":\"{outcome}\",\
             \"initiator\":{{\"id\":\"u-{actor}\",\"name\":\"{actor}\",\"host\":{{\"address\":\"10.{net}.0.{host}\"}}}},\
             \"target\":{{\"id\":\"bucket-{target}\"}},\"requestData\":{{\"size\":{size}}}}}\n"
        ));
    }
    lines
}

/// Starts a server that has these events, and downloads them to `events.json.gz`.
fn downloaded(lines: &str) -> (TestEnv, Server) {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    fs::write(env.path("events.json"), lines).unwrap();
    env.run(&["trail", "-q", "-f", "events.json"]).ok();
    download(&env, "events.json.gz", "2017-07-23", "2017-07-25");
    (env, server)
}

fn download(env: &TestEnv, file: &str, start: &str, end: &str) {
    env.run(&["download", "-q", "-o", file, "-s", start, "-e", end])
        .ok();
}

/// Searches files; returns the lines on standard output.
fn found(env: &TestEnv, args: &[&str]) -> Vec<String> {
    let ran = env.run(&[&["search"][..], args].concat());
    ran.ok().lines().map(str::to_owned).collect()
}

/// Returns the `id` of each line.
fn ids(lines: &[String]) -> Vec<String> {
    let id = |line: &String| {
        let event: serde_json::Value = serde_json::from_str(line).unwrap();
        event["id"].as_str().unwrap().to_owned()
    };
    lines.iter().map(id).collect()
}

/// Returns the lines that a test accepts, the newest first and those of one time in their order.
fn expected(lines: &str, is_wanted: impl Fn(&str) -> bool) -> Vec<String> {
    let time = |line: &&str| line.split('"').nth(7).unwrap().to_owned();
    let mut lines: Vec<&str> = lines.lines().filter(|line| is_wanted(line)).collect();
    lines.sort_by_key(|line| std::cmp::Reverse(time(line)));
    lines.into_iter().map(str::to_owned).collect()
}

fn search(env: &TestEnv, args: &[&str]) -> Ran {
    env.run(&[&["search"][..], args].concat())
}
