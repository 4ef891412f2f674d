//! The scenarios.

mod cluster;
mod data;
mod download;
mod growth;
mod ingest;
mod isolation;
mod logins;
mod many_domains;
mod mixed;
mod resume;
pub(crate) mod search;
mod search_growth;
mod session_create;
mod status;
mod verify;

use crate::bench::Bench;
use crate::failure::Result;

/// A scenario to measure.
pub(crate) struct Scenario {
    pub(crate) name: &'static str,
    about: &'static str,
    pub(crate) run: fn(&Bench) -> Result<()>,
}

/// All scenarios.
pub(crate) const SCENARIOS: &[Scenario] = &[
    Scenario {
        name: "ingest",
        about: "events sent, against an append with fdatasync, and PostgreSQL",
        run: ingest::run,
    },
    Scenario {
        name: "download",
        about: "sessions downloaded, against nginx, and `cat` of the same file",
        run: download::run,
    },
    Scenario {
        name: "resume",
        about: "downloads resumed in the middle, against the whole",
        run: resume::run,
    },
    Scenario {
        name: "session-create",
        about: "sessions over a day, a year, and very many segments",
        run: session_create::run,
    },
    Scenario {
        name: "logins",
        about: "logins by API key while sessions over 20,000 objects are made",
        run: logins::run,
    },
    Scenario {
        name: "status",
        about: "counts of days, over up to ten years and 10,000 domains",
        run: status::run,
    },
    Scenario {
        name: "verify",
        about: "a download verified, against `gunzip | sha256sum`",
        run: verify::run,
    },
    Scenario {
        name: "many-domains",
        about: "events spread over 10,000 domains, against 20",
        run: many_domains::run,
    },
    Scenario {
        name: "isolation",
        about: "how one tenant is affected by another that uses all it can",
        run: isolation::run,
    },
    Scenario {
        name: "cluster",
        about: "three nodes on PostgreSQL and a bucket, against one server alone",
        run: cluster::run,
    },
    Scenario {
        name: "growth",
        about: "what an event and a request cost as the store grows",
        run: growth::run,
    },
    Scenario {
        name: "search",
        about: "searches, counts and their index, against PostgreSQL and grep",
        run: search::run,
    },
    Scenario {
        name: "search-growth",
        about: "what a search takes as the archive grows to 90 days",
        run: search_growth::run,
    },
    Scenario {
        name: "mixed",
        about: "everything at once, and its memory",
        run: mixed::run,
    },
];

/// Lists the scenarios for the help text.
pub(crate) fn list() -> String {
    let lines = SCENARIOS
        .iter()
        .map(|scenario| format!("  {:<15} {}\n", scenario.name, scenario.about));
    format!("Scenarios:\n{}", lines.collect::<String>())
}
