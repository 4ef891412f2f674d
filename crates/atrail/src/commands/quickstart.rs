//! `atrail quickstart`: shows the main job from an empty start, with the real server and the real commands.

mod events;
mod walk;

use std::path::{Path, PathBuf};
use std::sync::Arc;

use serde::Deserialize;

use self::walk::Walk;
use super::serve::stop_requested;
use crate::embedded::Embedded;
use crate::error::{CliError, Exit, Result};
use crate::platform;
use crate::settings::Settings;

/// Show the main job on a new server, step by step
#[derive(Debug, clap::Args)]
#[command(after_help = "Example:\n  atrail quickstart")]
pub(crate) struct Args {
    /// Stop after the last step, even at a terminal
    #[arg(long)]
    exit: bool,
}

/// The file that the server writes at its first start.
#[derive(Deserialize)]
struct InitialCredentials {
    user: String,
    password: String,
}

/// Starts a server in a directory of its own, walks through the steps, and removes everything again.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let dir = fresh_dir(&settings.environment.temp_dir)?;
    let done = in_dir(settings, &args, &dir).await;
    let removed = std::fs::remove_dir_all(&dir);
    done?;
    removed.map_err(|error| CliError::file(format!("could not remove {}", dir.display()), error))
}

async fn in_dir(settings: &Settings, args: &Args, dir: &Path) -> Result<()> {
    let data = dir.join("data");
    let mut serve = atrail_server::Settings::new(data.clone());
    serve.listen.set_port(0);
    let server = Embedded::start(serve, Arc::clone(&settings.clock)).await?;
    let endpoint = format!("http://{}", server.address());
    let walked = tokio::select! {
        walked = walk(settings, dir, &data, &endpoint) => walked,
        () = stop_requested() => Err(CliError::new(Exit::Interrupted, "interrupted")),
    };
    let terminals = settings.printer.terminals;
    if walked.is_ok() && terminals.stdin && terminals.stdout && !args.exit {
        linger(settings, dir, &endpoint)?;
        stop_requested().await;
    }
    server.stop().await?;
    walked
}

async fn walk(settings: &Settings, dir: &Path, data: &Path, endpoint: &str) -> Result<()> {
    let initial = initial_credentials(data)?;
    let password_file = dir.join("password.txt");
    crate::state::durable::replace_private(&password_file, initial.password.as_bytes())
        .map_err(|error| CliError::file("could not write the password file", error))?;
    let walk = Walk::new(settings, dir)?;
    walk.say(&format!(
        "A server runs at {endpoint} and keeps its data in {}.\n",
        data.display()
    ))?;
    let login = [
        "login",
        "-a",
        endpoint,
        "-u",
        &initial.user,
        "--password-stdin",
    ];
    walk.step_with_input(&login, &password_file).await?;
    walk.step(&["target", "-o", "default", "-s", "default"])
        .await?;
    let days = events::write(&dir.join("events.json"), settings.now())?;
    walk.say(&format!(
        "events.json holds {} events of {} to {}.\n",
        events::COUNT,
        days.start(),
        days.end()
    ))?;
    walk.step_in_short(&["trail", "-f", "events.json"], 7)
        .await?;
    walk.step(&["status"]).await?;
    let start = days.start().to_string();
    let create = ["session", "create", "-s", &start, "-e", "today"];
    let id = session_id(&walk.step(&create).await?)?;
    walk.say("One event more than you sent: the server recorded that you counted them.\n")?;
    walk.step(&["download", "-o", "events.json.gz", &id])
        .await?;
    walk.step(&["verify", "events.json.gz"]).await?;
    walk.step(&["session", "show", &id]).await?;
    walk.first_lines(&dir.join("events.json.gz"), 3)?;
    walk.step(&["session", "delete", &id]).await?;
    walk.say("That is the main job: send, count, freeze, download, prove. `atrail help` shows the rest.\n")
}

fn initial_credentials(data: &Path) -> Result<InitialCredentials> {
    let path = data.join("initial-credentials.json");
    let text = std::fs::read(&path)
        .map_err(|error| CliError::file(format!("could not read {}", path.display()), error))?;
    serde_json::from_slice(&text).map_err(|error| {
        CliError::failed(format!("{} cannot be understood", path.display())).because(error)
    })
}

/// Returns the id from the table that `session create` prints.
fn session_id(table: &str) -> Result<String> {
    let cells = table.lines().filter_map(|line| {
        let mut cells = line.trim_matches('|').split('|').map(str::trim);
        Some((cells.next()?, cells.next()?))
    });
    cells
        .filter(|(name, _)| *name == "id")
        .map(|(_, value)| value.to_owned())
        .next()
        .ok_or_else(|| CliError::failed("the session has no id"))
}

fn linger(settings: &Settings, dir: &Path, endpoint: &str) -> Result<()> {
    let dir = dir.display();
    settings.printer.data(&format!(
        "\nThe server stays up. In another terminal:\n  \
         export XDG_CONFIG_HOME={dir}/config\n  \
         atrail status\n\
         Endpoint: {endpoint}   User: admin   Password: {dir}/password.txt\n\
         Ctrl-C stops the server and removes everything.\n"
    ))
}

fn fresh_dir(base: &Path) -> Result<PathBuf> {
    let name = format!("atrail-quickstart-{}", uuid::Uuid::new_v4().simple());
    let dir = base.join(name);
    platform::create_private_dir(&dir)
        .map_err(|error| CliError::file(format!("could not make {}", dir.display()), error))?;
    Ok(dir)
}
