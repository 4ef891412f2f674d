//! Measures what a search takes while the archive grows to ninety days.

use super::search::archive::{Archive, MEASURED, SPACES, Shares};
use super::search::asked::{Question, ask};
use super::search::filling::Filling;
use super::search::indexed::wait_until_indexed;
use super::search::questions::Scope;
use crate::bench::Bench;
use crate::failure::Result;
use crate::figure::{Figure, percentile, say};
use crate::server::Running;

const DAYS: u32 = 90;
/// The days after which it is measured.
const MEASURED_AFTER: [u32; 3] = [1, 9, DAYS];
const SETTINGS: &str = "[search]\ntime_limit = \"10m\"\n";
/// How often each kind of question is asked.
const TIMES: usize = 100;
/// Bytes of the disk that an event takes, at most.
const EVENT_BYTES: u64 = 600;

pub(super) fn run(bench: &Bench) -> Result<()> {
    let archive = Archive {
        name: "growth",
        events: bench.events,
        days: DAYS,
        last_day: bench.last_day,
        shares: Shares::Even,
    };
    let server = bench.fresh_server_with(SETTINGS)?;
    let spaces = server.make_spaces(SPACES)?;
    let mut filling = Filling::new(&archive, bench.seed);
    let of_a_day = archive.events / u64::from(DAYS);
    let mut first = None;
    // At the last figure: the number of stored events, and the processor seconds.
    let mut last = (0, server.cpu_seconds());
    for day in 0..DAYS {
        if bench.free_bytes() < of_a_day * EVENT_BYTES {
            say(&format!(
                "search-growth: ends after {day} of {DAYS} days, because more does not fit; --disk-gb sets how much may"
            ));
            break;
        }
        filling.send_day(&server, &spaces, day)?;
        if !MEASURED_AFTER.contains(&(day + 1)) {
            continue;
        }
        server.seal()?;
        wait_until_indexed(&server, (archive.day(0), archive.day(day)))?;
        server.settle();
        let cpu = server.cpu_seconds();
        let expected = filling.expected();
        let stored = expected.account.total;
        let space = &spaces[MEASURED];
        let days = (archive.day(0), archive.last_day);
        let of_day = Scope::of_space(space, (days.0, days.0));
        let dashboard = vec![of_day.dashboard(&expected.space_on_first_day)];
        let anywhere = Scope::of_account(space, days);
        let ids: Vec<_> = expected.ids.spread().map(|id| anywhere.id(id)).collect();
        let (dashboard, id) = (asked(&server, &dashboard)?, asked(&server, &ids)?);
        let (of_dashboard, of_id) = *first.get_or_insert((dashboard.0, id.0));
        let (archived, index) = server.archive_and_index_bytes();
        let cpu_each = (cpu - last.1) * 1e6 / (stored - last.0) as f64;
        Figure::new(
            "search-growth",
            &format!("{stored} events of {} days", day + 1),
        )
        .value("dashboard_of_a_space_day_p50_ms", dashboard.0)
        .value("dashboard_of_a_space_day_p99_ms", dashboard.1)
        .value("id_anywhere_p50_ms", id.0)
        .value("id_anywhere_p99_ms", id.1)
        .value("cpu_seconds_per_million_since_the_last", cpu_each)
        .value("index_bytes_per_event", index as f64 / stored as f64)
        .value("archive_bytes_per_event", archived as f64 / stored as f64)
        .mib("memory_mib", server.memory_bytes().0)
        .mib("peak_memory_mib", server.memory_bytes().1)
        .ratio("the dashboard after a day", dashboard.0 / of_dashboard)
        .ratio("the id after a day", id.0 / of_id)
        .tell();
        last = (stored, server.cpu_seconds());
    }
    Ok(())
}

/// Asks questions in turn; returns the median and the 99th percentile of their times in milliseconds.
fn asked(server: &Running, questions: &[Question]) -> Result<(f64, f64)> {
    let mut connection = server.connect()?;
    // The server records each question once: that is not measured.
    for question in questions {
        ask(&mut connection, server, question)?;
    }
    let mut took = Vec::new();
    for question in questions.iter().cycle().take(TIMES) {
        took.push(ask(&mut connection, server, question)?.took);
    }
    took.sort();
    let ms = |share| percentile(&took, share).as_secs_f64() * 1e3;
    Ok((ms(0.5), ms(0.99)))
}
