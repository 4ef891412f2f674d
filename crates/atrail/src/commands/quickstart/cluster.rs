//! `atrail quickstart --cluster`: three nodes behind a load balancer, one of which is killed.

use std::net::SocketAddr;
use std::path::Path;

use super::Args;
use super::balancer::Balancer;
use super::servers::{Backends, Running, node, write_key};
use super::walk::Walk;
use crate::commands::throwaway::{self, events};
use crate::error::{CliError, Exit, Result};
use crate::printer::grouped;
use crate::settings::Settings;
use crate::task::blocking;

const NODES: usize = 3;

/// The servers of the demonstration, of which the nodes end first.
struct Cluster {
    nodes: Vec<Running>,
    addresses: Vec<SocketAddr>,
    _backends: Backends,
}

/// Starts the servers, walks through the steps, and ends them.
pub(super) async fn in_dir(
    settings: &Settings,
    args: &Args,
    dir: &Path,
    stopped: impl Future<Output = ()>,
) -> Result<()> {
    let walk = Walk::new(settings, dir)?;
    walk.say(&["PostgreSQL, a server of S3 and three nodes start on this machine …"])?;
    let (place, program) = (dir.to_owned(), walk.program().to_owned());
    let path = settings.environment.path.clone();
    let starting = blocking(move || Cluster::start(&place, &program, path.as_ref()));
    let mut cluster = starting.await?;
    let balancer = Balancer::start(cluster.addresses.clone()).await?;
    let endpoint = format!("http://{}", balancer.address);
    let walked = tokio::select! {
        walked = show(settings, &walk, &mut cluster, dir, &endpoint) => walked,
        () = stopped => Err(CliError::new(Exit::Interrupted, "interrupted")),
    };
    let stays = walked.is_ok() && super::is_to_stay(settings, args);
    let stayed = if stays { walk.shell().await } else { Ok(()) };
    let ended = blocking(move || {
        drop(cluster);
        Ok(())
    });
    walked.and(stayed).and(ended.await)
}

impl Cluster {
    fn start(dir: &Path, program: &Path, path: Option<&std::ffi::OsString>) -> Result<Self> {
        let backends = Backends::start(dir, path)?;
        let key = dir.join("cluster.key");
        write_key(&key)?;
        let (mut nodes, mut addresses) = (Vec::new(), Vec::new());
        for n in 1..=NODES {
            let text = format!(
                "[server]\nlisten = \"127.0.0.1:0\"\n\n[store]\ncatalog = \"{}\"\narchive = \"s3://atrail\"\n\
                 archive_endpoint = \"{}\"\ncache = \"cache-{n}\"\n\n[cluster]\nkey_file = \"cluster.key\"\n\
                 name = \"node-{n}\"\nnode_lease = \"5s\"\n",
                backends.catalog, backends.endpoint
            );
            let config = dir.join(format!("node-{n}.toml"));
            crate::state::durable::replace_private(&config, text.as_bytes())
                .map_err(|error| CliError::file("could not write a configuration", error))?;
            let log = dir.join(format!("node-{n}.log"));
            let (running, address) = node(program, dir, &config, &log)?;
            nodes.push(running);
            addresses.push(address);
        }
        Ok(Self {
            nodes,
            addresses,
            _backends: backends,
        })
    }
}

async fn show(
    settings: &Settings,
    walk: &Walk,
    cluster: &mut Cluster,
    dir: &Path,
    endpoint: &str,
) -> Result<()> {
    let initial = throwaway::credentials(&dir.join("cache-1"))?;
    let password_file = dir.join("password.txt");
    crate::state::durable::replace_private(&password_file, initial.password.as_bytes())
        .map_err(|error| CliError::file("could not write the password file", error))?;
    let said = format!("A load balancer at {endpoint} hands each connection to the");
    walk.say(&[
        "PostgreSQL keeps the catalog and what is not sealed yet, the bucket the rest.",
        "The nodes keep nothing: node-1.toml to node-3.toml differ in their names only.",
        &said,
        "next node.",
    ])?;
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
    walk.step_into(&["trail", "-f", "events.json"], "acks.txt")
        .await?;
    walk.say(&["Every node counts what any of them has acknowledged."])?;
    walk.step(&["status"]).await?;
    let start = days.start().to_string();
    walk.step(&["session", "create", "-s", &start, "-e", "today"])
        .await?;
    walk.say(&["The first node dies. The others have everything that it had."])?;
    let first = &mut cluster.nodes[0];
    walk.show(&format!("kill -9 {}", first.pid()))?;
    first.kill();
    walk.step(&["download", "-o", "events.json.gz", "-"])
        .await?;
    walk.step(&["verify", "events.json.gz"]).await?;
    let again = format!(
        "The same {} events once more: each is known, whoever had taken it.",
        grouped(events::COUNT)
    );
    walk.say(&[&again])?;
    walk.step_into(&["trail", "-f", "events.json"], "acks-again.txt")
        .await?;
    walk.step(&["search", "action:delete", "--limit", "1"])
        .await?;
    walk.step(&["session", "delete", "-"]).await?;
    walk.say(&["docs/CLUSTER.md says how to run this in earnest."])
}
