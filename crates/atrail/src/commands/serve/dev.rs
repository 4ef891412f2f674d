//! `atrail serve --dev`: a server to try things on. It leaves nothing behind: at its end its directory and its context are
//! removed. Where it is killed, its context leads to a server that is gone, and the next such server replaces it.

use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::pin::{Pin, pin};
use std::sync::Arc;
use std::time::Duration;

use atrail_server::ConsoleSettings;

use super::log;
use crate::client::{Auth, Client, Endpoint, Server, Trust, grant_password};
use crate::commands::throwaway::{Throwaway, events};
use crate::commands::{console, target};
use crate::embedded::Embedded;
use crate::error::{CliError, Result};
use crate::platform;
use crate::settings::Settings;
use crate::state::{Config, Context, Credentials};
use crate::trusted_keys::Known;

/// The port that the server prefers, as `serve` does.
const PORT: u16 = 8181;
/// The context's name, unless the user has a context of this name.
const NAME: &str = "dev";
/// How long a server on this machine has to accept a connection.
const PATIENCE: Duration = Duration::from_millis(300);

/// Serves until Ctrl-C, SIGTERM or the end of the terminal, then removes everything.
pub(super) async fn run(
    settings: &Settings,
    listen: Option<SocketAddr>,
    console: ConsoleSettings,
) -> Result<()> {
    let listen = address(listen)?;
    // From here on there is something to remove: no signal may end the process before that is done.
    let stopped = pin!(platform::stop_requested());
    let dir = Throwaway::make(&settings.environment.temp_dir, "atrail-dev")?;
    let mut serve = atrail_server::Settings::new(dir.path().join("data"));
    serve.listen = listen;
    serve.console = console;
    let log_settings = serve.log;
    log::start(log_settings, settings.printer.terminals.stderr);
    let server = Embedded::start(serve, Arc::clone(&settings.clock)).await?;
    let endpoint = format!("http://{}", server.address());
    let served = serve_until(stopped, settings, dir.path(), &endpoint).await;
    let stopped = server.stop().await;
    served.and(stopped).and(dir.remove())
}

/// Returns the address to listen on, which must be of this machine: the server's password is no secret of anybody.
fn address(listen: Option<SocketAddr>) -> Result<SocketAddr> {
    let Some(listen) = listen else {
        let usual = SocketAddr::from((Ipv4Addr::LOCALHOST, PORT));
        let is_free = TcpListener::bind(usual).is_ok();
        return Ok(SocketAddr::from((
            Ipv4Addr::LOCALHOST,
            if is_free { PORT } else { 0 },
        )));
    };
    if listen.ip().is_loopback() {
        return Ok(listen);
    }
    Err(CliError::usage(format!(
        "--dev serves this machine alone, and {listen} is no address of it alone"
    ))
    .hint("leave out --listen, or give 127.0.0.1:PORT; `atrail serve --data DIR` serves others"))
}

async fn serve_until(
    mut stopped: Pin<&mut impl Future<Output = ()>>,
    settings: &Settings,
    dir: &Path,
    endpoint: &str,
) -> Result<()> {
    let context = claim(settings, endpoint)?;
    let ready = async {
        let client = log_in(settings, dir, endpoint, &context).await?;
        let link = console::link(&client).await?.map(|made| made.link);
        announce(settings, dir, endpoint, &context, link.as_deref())
    };
    let ready = tokio::select! {
        ready = ready => ready,
        () = &mut stopped => return forget(settings, &context, endpoint),
    };
    if ready.is_ok() {
        stopped.await;
    }
    let forgotten = forget(settings, &context, endpoint);
    ready.and(forgotten)
}

/// Makes a context for the server, with a name that no context of the user's has. It becomes the current one only where
/// there is none: other contexts, and the jobs that use them, go on undisturbed.
fn claim(settings: &Settings, endpoint: &str) -> Result<String> {
    settings.state.update(|config| {
        let numbered = (2..).map(|number| format!("{NAME}-{number}"));
        let mut names = std::iter::once(NAME.to_owned()).chain(numbered);
        let name = names.find(|name| is_free(config, name));
        let name = name.ok_or_else(|| CliError::failed("every name of a context is taken"))?;
        let context = Context {
            endpoint: endpoint.to_owned(),
            user: String::new(),
            region: String::new(),
            skip_ssl_validation: false,
            ca_file: None,
            account: None,
            organization: None,
            space: None,
            last_session: None,
            is_throwaway: true,
            verifier_key: None,
            earlier_keys: Vec::new(),
        };
        config.contexts.insert(name.clone(), context);
        config.current.get_or_insert_with(|| name.clone());
        Ok(name)
    })
}

/// Returns whether no context has the name, or only one of a server of this kind that is gone.
fn is_free(config: &Config, name: &str) -> bool {
    let Some(context) = config.contexts.get(name) else {
        return true;
    };
    let address = context.endpoint.strip_prefix("http://");
    let address = address.and_then(|address| address.parse().ok());
    let is_gone = |address: SocketAddr| TcpStream::connect_timeout(&address, PATIENCE).is_err();
    context.is_throwaway && address.is_none_or(is_gone)
}

/// Logs the first user in, and targets the first space.
async fn log_in(settings: &Settings, dir: &Path, endpoint: &str, name: &str) -> Result<Client> {
    let initial = super::super::throwaway::credentials(&dir.join("data"))?;
    let endpoint: Endpoint = endpoint.parse()?;
    // Nothing is known of a server that did not exist before.
    let server = Server::new(endpoint, &Trust::default(), Known::default())?;
    let info = server.info().await?;
    let key = server.key().await?.key.clone();
    let tokens = grant_password(&server, &initial.user, &initial.password).await?;
    settings.state.lock_credentials(name)?.save(&Credentials {
        access_token: tokens.access_token,
        refresh_token: tokens.refresh_token,
    })?;
    settings.state.forget_checkpoints(name)?;
    let context = settings.state.update(|config| {
        let context = config
            .contexts
            .get_mut(name)
            .ok_or_else(CliError::not_logged_in)?;
        context.user.clone_from(&initial.user);
        context.region.clone_from(&info.name);
        context.verifier_key = Some(key);
        Ok(context.clone())
    })?;
    let client = Client::new(
        server,
        Auth::context(settings.state.clone(), name.to_owned()),
    );
    target::set_lone(settings, &client, name, context).await?;
    Ok(client)
}

fn announce(
    settings: &Settings,
    dir: &Path,
    endpoint: &str,
    name: &str,
    link: Option<&str>,
) -> Result<()> {
    let sample = dir.join("events.json");
    events::write(&sample, settings.now())?;
    let console = link.map_or_else(String::new, |link| {
        format!(
            "In a browser, once, within five minutes; `atrail console` prints another:\n  {link}\n"
        )
    });
    settings.printer.data(&format!(
        "listening on {endpoint}\n\
         For trying only: Ctrl-C ends it and removes all its data. In another terminal:\n  \
         export ATRAIL_CONTEXT={name}\n  \
         atrail trail -q -f {}\n  \
         atrail download -s 2d -o events.json.gz --verify\n\
         Password and API key of admin: {}\n\
         {console}",
        sample.display(),
        dir.join("data/initial-credentials.json").display()
    ))
}

/// Removes the context, and what belongs to it; nothing if the name is another server's by now, by a login.
fn forget(settings: &Settings, name: &str, endpoint: &str) -> Result<()> {
    let is_removed = settings.state.update(|config| {
        let context = config.contexts.get(name);
        let is_own = context.is_some_and(|one| one.is_throwaway && one.endpoint == endpoint);
        if is_own {
            config.contexts.remove(name);
            config.current.take_if(|current| current == name);
        }
        Ok(is_own)
    })?;
    if !is_removed {
        return Ok(());
    }
    settings.state.lock_credentials(name)?.remove()?;
    settings.state.forget_checkpoints(name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_this_machine_is_served() {
        for refused in ["0.0.0.0:8181", "[::]:0", "10.0.0.1:8181"] {
            let error = address(Some(refused.parse().unwrap())).unwrap_err();
            assert_eq!(error.exit as u8, 2, "{refused}");
        }
        for taken in ["127.0.0.1:0", "[::1]:8181", "127.0.0.2:1"] {
            let taken = taken.parse().unwrap();
            assert_eq!(address(Some(taken)).unwrap(), taken);
        }
        assert!(address(None).unwrap().ip().is_loopback());
    }
}
