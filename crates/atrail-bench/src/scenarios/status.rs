//! Counts of days.

use atrail_model::Day;

use super::data::request;
use crate::Result;
use crate::bench::Bench;
use crate::figure::Figure;
use crate::load::{self, Request};
use crate::server::Running;

const TIMES: usize = 200;
/// Days that are asked for, up to the last.
const ASKED: [u32; 3] = [1, 100, 3_650];
/// Domains of an account, each with an event a day for the days of the second column.
const DOMAINS: [(usize, u32); 3] = [(1, 3_650), (100, 100), (10_000, 1)];

pub(super) fn run(bench: &Bench) -> Result<()> {
    for (domains, days) in DOMAINS {
        let server = bench.fresh_server()?;
        let spaces = server.make_spaces(domains)?;
        let mut events = bench.generator();
        let mut filling = Vec::new();
        for space in &spaces {
            let mut text = String::new();
            for ago in (0..days).rev() {
                events.line((bench.last_day.minus(ago), 7), &mut text);
            }
            filling.push(request(&server, space, text.into_bytes(), false)?);
        }
        load::send(server.address(), &filling, 4)?;
        server.seal()?;
        server.settle();
        for asked in ASKED.into_iter().filter(|asked| *asked <= days) {
            let first = bench.last_day.minus(asked - 1);
            let case = format!("{asked} days of {domains} domains");
            measure(&server, &spaces[0], first, bench.last_day, &case)?;
        }
    }
    Ok(())
}

fn measure(server: &Running, space: &str, first: Day, last: Day, case: &str) -> Result<()> {
    let ask = || Request {
        line: format!("GET /v3/events?start={first}&end={last}&AtAccountLevel=true"),
        headers: server.headers(space),
        body: Vec::new(),
    };
    let asked: Vec<_> = (0..TIMES).map(|_| ask()).collect();
    let outcome = load::send(server.address(), &asked, 1)?;
    Figure::new("status", case)
        .latencies(outcome.latencies)
        .tell();
    Ok(())
}
