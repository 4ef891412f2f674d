//! Measures a real server on loopback, against baselines of the same run.
//!
//! `docs/PERFORMANCE.md` has the figures and says how they were made.

mod baselines;
mod bench;
mod events;
mod figure;
mod http;
mod load;
mod process;
mod scenarios;
mod server;

use std::path::PathBuf;
use std::process::ExitCode;

use atrail_model::{Clock, Day, SystemClock};
use clap::Parser;

use crate::bench::Bench;
use crate::scenarios::SCENARIOS;

/// What a measurement that cannot go on says.
type Result<T> = std::result::Result<T, String>;

/// Measure a real server on loopback; JSON lines on stdout, sentences on stderr
#[derive(Debug, Parser)]
#[command(name = "atrail-bench", after_help = scenarios::list())]
struct Args {
    /// What to measure, or `all`
    scenario: String,
    /// Events to work with; a scenario takes fewer where that many would take long
    #[arg(long, default_value_t = 200_000)]
    events: u64,
    /// What the events follow from: the same seed gives the same bytes
    #[arg(long, default_value_t = 1)]
    seed: u64,
    /// The last of the days that events are of, YYYY-MM-DD, UTC [default: yesterday]
    #[arg(long)]
    last_day: Option<Day>,
    /// Only the cases of `ingest`, `session-create` and `isolation` whose name holds this, such as "of 1, 64"
    #[arg(long)]
    only: Option<String>,
    /// How long `mixed` goes on
    #[arg(long, default_value_t = 1)]
    minutes: u64,
    /// Where servers and baselines keep their data, in a directory that is erased after success
    #[arg(long, default_value = "target/bench")]
    dir: PathBuf,
    /// The server [default: `atrail` beside this program]
    #[arg(long)]
    binary: Option<PathBuf>,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            figure::say(&format!("error: {error}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<()> {
    let chosen: Vec<_> = SCENARIOS
        .iter()
        .filter(|scenario| args.scenario == "all" || args.scenario == scenario.name)
        .collect();
    if chosen.is_empty() {
        let names: Vec<_> = SCENARIOS.iter().map(|scenario| scenario.name).collect();
        return Err(format!(
            "no scenario `{}`: expected all or one of {}",
            args.scenario,
            names.join(", ")
        ));
    }
    let bench = Bench::new(&args, yesterday()?)?;
    for scenario in chosen {
        (scenario.run)(&bench)?;
    }
    bench.finish()
}

/// The newest day of which nothing lies ahead.
fn yesterday() -> Result<Day> {
    let today = Day::of(SystemClock.now());
    let today = today.ok_or("this machine's clock is outside the years 1970-2149")?;
    Ok(today.minus(1))
}
