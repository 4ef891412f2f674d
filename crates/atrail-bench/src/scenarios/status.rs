//! Counts of days.

use super::data::request;
use super::session_create::day;
use crate::Result;
use crate::bench::Bench;
use crate::events::Events;
use crate::figure::Figure;
use crate::load::{self, Request};
use crate::server::Running;

const TIMES: usize = 200;
/// Days that are asked for, from the first.
const DAYS: [u64; 3] = [1, 100, 600];
/// Domains of an account, each with an event a day for the days of the second column.
const DOMAINS: [(usize, u64); 3] = [(1, 600), (100, 100), (10_000, 1)];

pub(super) fn run(bench: &Bench) -> Result<()> {
    for (domains, days) in DOMAINS {
        let server = bench.fresh_server()?;
        let spaces = server.make_spaces(domains)?;
        let mut events = Events::new(bench.seed);
        let mut filling = Vec::new();
        for space in &spaces {
            let mut text = String::new();
            (0..days).for_each(|number| events.line(&day(number), Some(7), &mut text));
            filling.push(request(&server, space, text.into_bytes(), false)?);
        }
        load::send(server.address(), &filling, 4)?;
        server.seal()?;
        server.settle();
        for asked in DAYS.into_iter().filter(|asked| *asked <= days) {
            measure(&server, &spaces[0], asked, domains)?;
        }
    }
    Ok(())
}

fn measure(server: &Running, space: &str, days: u64, domains: usize) -> Result<()> {
    let (first, last) = (day(0), day(days - 1));
    let ask = || Request {
        line: format!("GET /v3/events?start={first}&end={last}&AtAccountLevel=true"),
        headers: server.headers(space),
        body: Vec::new(),
    };
    let asked: Vec<_> = (0..TIMES).map(|_| ask()).collect();
    let outcome = load::send(server.address(), &asked, 1)?;
    Figure::new("status", &format!("{days} days of {domains} domains"))
        .latencies(outcome.latencies)
        .tell();
    Ok(())
}
