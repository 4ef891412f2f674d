//! Measures a real server on loopback, against baselines of the same run.
//!
//! `docs/PERFORMANCE.md` has the figures and describes how they were made.

mod baselines;
mod bench;
mod events;
mod failure;
mod figure;
mod http;
mod load;
mod process;
mod scenarios;
mod server;

use std::process::ExitCode;

use atrail_model::{Clock, Day, SystemClock};
use clap::Parser;

use crate::bench::{Bench, Options};
use crate::failure::Result;
use crate::scenarios::SCENARIOS;

/// Measure a real server on loopback; JSON lines on stdout, sentences on stderr
#[derive(Debug, Parser)]
#[command(name = "atrail-bench", after_help = scenarios::list())]
struct Args {
    /// Scenario to measure, or `all`
    scenario: String,
    #[command(flatten)]
    options: Options,
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
    let bench = Bench::new(&args.options, yesterday()?)?;
    for scenario in chosen {
        (scenario.run)(&bench)?;
    }
    bench.finish()
}

/// Returns the newest day that lies completely in the past.
fn yesterday() -> Result<Day> {
    let today = Day::of(SystemClock.now());
    let today = today.ok_or("this machine's clock is outside the years 1970-2149")?;
    Ok(today.minus(1))
}
