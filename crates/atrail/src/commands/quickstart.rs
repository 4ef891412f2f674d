//! `atrail quickstart`: shows the main job from an empty start, with the real server and the real commands. It ends in an
//! answer: who deleted what, when, from where, and the proof.

mod answer;
#[cfg(feature = "cluster")]
mod balancer;
#[cfg(feature = "cluster")]
mod cluster;
#[cfg(feature = "cluster")]
mod servers;
mod walk;

use std::path::Path;
use std::sync::Arc;

use self::walk::Walk;
use super::throwaway::{self, Throwaway, events};
use crate::embedded::Embedded;
use crate::error::{CliError, Exit, Result};
use crate::platform;
use crate::settings::Settings;

/// Characters of the hit that are shown.
const ANSWER_CHARS: usize = 76;

/// Show the main job on a new server, step by step: who deleted what, when, from where, proven
///
/// At a terminal it then leaves you in a shell that is logged in to the server, until you leave that shell.
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail quickstart\n  atrail quickstart --cluster")]
pub(crate) struct Args {
    /// Stop after the last step, even at a terminal
    #[arg(long)]
    exit: bool,
    /// Show three nodes on PostgreSQL and a bucket, one of which is killed (needs PostgreSQL and SeaweedFS installed)
    #[cfg(feature = "cluster")]
    #[arg(long)]
    cluster: bool,
}

/// Starts a server in a directory of its own, walks through the steps, and removes everything again.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    // From here on there is something to remove: no signal may end the process before that is done.
    let stopped = platform::stop_requested();
    let dir = Throwaway::make(&settings.environment.temp_dir, "atrail-quickstart")?;
    #[cfg(feature = "cluster")]
    if args.cluster {
        cluster::in_dir(settings, &args, dir.path(), stopped).await?;
        return dir.remove();
    }
    in_dir(settings, &args, dir.path(), stopped).await?;
    dir.remove()
}

async fn in_dir(
    settings: &Settings,
    args: &Args,
    dir: &Path,
    stopped: impl Future<Output = ()>,
) -> Result<()> {
    let data = dir.join("data");
    let mut serve = atrail_server::Settings::new(data.clone());
    serve.listen.set_port(0);
    let server = Embedded::start(serve, Arc::clone(&settings.clock)).await?;
    let endpoint = format!("http://{}", server.address());
    let walk = Walk::new(settings, dir)?;
    let walked = tokio::select! {
        walked = show(settings, &walk, dir, &endpoint) => walked,
        () = stopped => Err(CliError::new(Exit::Interrupted, "interrupted")),
    };
    let stays = walked.is_ok() && is_to_stay(settings, args);
    let stayed = if stays { stay(&walk).await } else { Ok(()) };
    let stopped = server.stop().await;
    walked.and(stayed).and(stopped)
}

/// Reports whether the user is at a terminal, and may stay there.
const fn is_to_stay(settings: &Settings, args: &Args) -> bool {
    let terminals = settings.printer.terminals;
    terminals.stdin && terminals.stdout && !args.exit
}

/// Leaves the user with a browser and a shell that are logged in.
async fn stay(walk: &Walk) -> Result<()> {
    #[cfg(feature = "console")]
    {
        walk.say(&["In a browser, too: this address logs it in, once, within five minutes."])?;
        walk.step(&["console"]).await?;
    }
    walk.shell().await
}

async fn show(settings: &Settings, walk: &Walk, dir: &Path, endpoint: &str) -> Result<()> {
    let initial = throwaway::credentials(&dir.join("data"))?;
    let password_file = dir.join("password.txt");
    crate::state::durable::replace_private(&password_file, initial.password.as_bytes())
        .map_err(|error| CliError::file("could not write the password file", error))?;
    let place = format!("{}.", dir.join("data").display());
    let server = format!("A server runs at {endpoint}, with its data in");
    walk.say(&[&server, &place])?;
    let login = [
        "login",
        "-a",
        endpoint,
        "-u",
        &initial.user,
        "--password-stdin",
    ];
    walk.step_with_input(&login, &password_file).await?;
    let days = events::write(&dir.join("events.json"), settings.now())?;
    let sample = format!(
        "events.json holds {} such events of {} to {}.",
        crate::printer::grouped(events::COUNT),
        days.start(),
        days.end()
    );
    walk.say(&[
        "Your programs send what happened: who did what, when, from where.",
        &sample,
    ])?;
    walk.step_into(&["trail", "-f", "events.json"], "acks.txt")
        .await?;
    walk.step(&["status"]).await?;
    walk.say(&["Who deleted something last? What was acknowledged is found."])?;
    walk.step(&["search", "action:delete", "--limit", "1"])
        .await?;
    walk.say(&[
        "Freeze these days, download them, and check that nothing is missing or",
        "changed. (Two events more than you sent: the server recorded that you",
        "counted and searched them.)",
    ])?;
    let start = days.start().to_string();
    walk.step(&["session", "create", "-s", &start, "-e", "today"])
        .await?;
    walk.step(&["download", "-o", "events.json.gz", "-"])
        .await?;
    walk.step(&["verify", "events.json.gz"]).await?;
    walk.say(&[
        "The same search needs no server now. It states whether what it searched is",
        "proven; --places shows the line, which makes a proof of that event alone.",
    ])?;
    let hits = walk
        .step_and_read(&[
            "search",
            "action:delete",
            "--limit",
            "1",
            "--places",
            "--file",
            "events.json.gz",
        ])
        .await?;
    let answer = answer::read(&hits)?;
    let shown: String = hits.chars().take(ANSWER_CHARS).collect();
    walk.show_output(&format!("{shown} …"))?;
    let line = answer.line.to_string();
    let prove = [
        "prove",
        "events.json.gz",
        "--line",
        &line,
        "-o",
        "deletion.proof",
    ];
    walk.step(&prove).await?;
    walk.step(&["verify", "--proof", "deletion.proof"]).await?;
    let said = answer.lines();
    let mut lines =
        vec!["The answer. deletion.proof proves it to anybody who has the server's key:"];
    lines.extend(said.iter().map(String::as_str));
    walk.say(&lines)?;
    walk.step(&["session", "delete", "-"]).await?;
    walk.say(&[
        "Go on: `atrail serve --dev` runs a server to try your own programs on,",
        "`atrail serve --data DIR` one that keeps its data; README.md, \"A tour\", shows",
        "the rest, and `atrail help` every command.",
    ])
}
