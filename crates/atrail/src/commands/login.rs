//! `atrail login`: gets a user's tokens from a server, and keeps them in a context.

use std::path::PathBuf;

use atrail_api::{EvidenceKey, InfoResponse, TokenResponse};
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde::Deserialize;

use super::secret;
use super::target::{self, Aim};
use crate::client::{
    Auth, Client, Endpoint, Server, Trust, grant_id_token, grant_password, read_secret, sso,
};
use crate::error::{CliError, LOG_IN, Result};
use crate::settings::Settings;
use crate::state::{Config, Context, Credentials, Named};
use crate::trusted_keys;

/// Log in to a server and remember it
#[derive(Debug, clap::Args)]
#[command(
    after_help = "Example:\n  atrail login -a https://atrail.example.com -u alice\n  \
    atrail login -a 127.0.0.1:8181 -u admin --password-stdin <password.txt\n  \
    atrail login -a https://atrail.example.com --api-key-file key.txt\n  \
    atrail login -a https://atrail.example.com --sso"
)]
pub(crate) struct Args {
    /// The server: a URL, or HOST:PORT (https, except on this machine)
    #[arg(short = 'a', long, value_name = "ENDPOINT")]
    endpoint: Option<String>,
    /// Name of the user
    #[arg(short, long)]
    user: Option<String>,
    /// Log in with the API key in this file, or in the server's initial-credentials.json
    #[arg(long, value_name = "FILE", conflicts_with_all = ["user", "password_stdin"])]
    api_key_file: Option<PathBuf>,
    /// Read the password from standard input
    #[arg(long)]
    password_stdin: bool,
    /// Log in at the server's OpenID provider, with a browser on any device
    #[arg(long, conflicts_with_all = ["user", "password_stdin", "api_key_file"])]
    sso: bool,
    /// Trust the certificates in this file (PEM) besides the system's: authorities', or the server's own
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
    /// Do not check the server's certificate: no protection against an impostor
    #[arg(long)]
    skip_ssl_validation: bool,
    /// Accept that the server's evidence is signed with another key than at the last login
    #[arg(long)]
    trust_new_key: bool,
    #[command(flatten)]
    aim: Aim,
}

/// Logs in and makes the context current.
pub(crate) async fn run(settings: &Settings, args: Args) -> Result<()> {
    let endpoint = endpoint(settings, &args).await?;
    let trust = trust(settings, &args, &endpoint)?;
    trust.warn(&settings.printer);
    if endpoint.is_exposed() {
        settings
            .printer
            .warn("warning: http to another machine; password and events travel in the clear");
    }
    let known = if args.trust_new_key {
        trusted_keys::Known::default()
    } else {
        trusted_keys::known_keys(settings, &endpoint, None)?
    };
    let server = Server::new(endpoint, &trust, known)?;
    let endpoint = &server.endpoint;
    let (user, info, tokens) = if args.sso {
        let info = server.info().await?;
        // Check the server's key before sending the user to the provider that the server names.
        server.key().await?;
        let provider = info.oidc.as_ref().ok_or_else(|| {
            CliError::failed(format!("{endpoint} has no OpenID provider"))
                .hint(format!("log in by password or API key: `{LOG_IN}`"))
        })?;
        let token = sso::id_token(provider, &trust, &settings.printer).await?;
        let tokens = grant_id_token(&server, token).await?;
        (String::new(), info, tokens)
    } else {
        let (user, password) = who(settings, &args).await?;
        let info = server.info().await?;
        server.key().await?;
        let tokens = grant_password(&server, &user, &password).await?;
        (user, info, tokens)
    };
    let key = server.key().await?;
    let user = user_of(&tokens).unwrap_or(user);
    let answers = Answers {
        info: &info,
        tokens: &tokens,
        key,
        is_trusted_anew: args.trust_new_key,
    };
    let name = save(settings, trust, endpoint, &user, &answers)?;
    settings.printer.note(&format!(
        "Logged in to {endpoint} as {user} (context {name})"
    ));
    settings.printer.note(&format!(
        "The server's evidence is verified with {}",
        key.key
    ));
    let context = settings.state.config()?.contexts.remove(&name);
    let context = context.ok_or_else(CliError::not_logged_in)?;
    let client = Client::new(server, Auth::context(settings.state.clone(), name.clone()));
    let (targeted, why) = if args.aim.is_given() {
        let targeted = target::set(settings, &client, &args.aim, &name, context)
            .await
            .map_err(|error| error.during("logged in, but the target is not set"))?;
        (targeted, "")
    } else {
        // The login has succeeded; without a target, the next command says what is missing.
        match target::set_lone(settings, &client, &name, context).await {
            Ok(Some(targeted)) => (targeted, " (the only one that you may use)"),
            Ok(None) | Err(_) => return Ok(()),
        }
    };
    let shown = |named: &Option<Named>| named.as_ref().map_or("-", |named| &named.name).to_owned();
    settings.printer.note(&format!(
        "Targeted: org {}, space {}{why}",
        shown(&targeted.organization),
        shown(&targeted.space)
    ));
    Ok(())
}

/// Returns what to trust: the certificates that the command line or the environment names, or else those by which an
/// earlier login trusted this server. Stores the file's absolute path: the next command may run in another directory.
fn trust(settings: &Settings, args: &Args, endpoint: &Endpoint) -> Result<Trust> {
    let config = settings.state.config()?;
    let named = settings.context_name.as_ref().map(|(name, _)| name);
    let first = named.or(config.current.as_ref());
    let first = first.and_then(|name| config.contexts.get(name));
    let address = endpoint.to_string();
    let earlier = first
        .into_iter()
        .chain(config.contexts.values())
        .filter(|context| context.endpoint == address)
        .find_map(|context| context.ca_file.as_ref());
    let file = args
        .ca_file
        .as_ref()
        .or(settings.environment.ca_file.as_ref())
        .or(earlier);
    let whole = |file: &PathBuf| {
        std::path::absolute(file)
            .map_err(|error| CliError::file(format!("could not find {}", file.display()), error))
    };
    Ok(Trust {
        ca_file: file.map(whole).transpose()?,
        skip_ssl_validation: args.skip_ssl_validation,
    })
}

async fn endpoint(settings: &Settings, args: &Args) -> Result<Endpoint> {
    if let Some(text) = &args.endpoint {
        return text.parse();
    }
    let config = settings.state.config()?;
    let name = settings.context_name.as_ref().map(|(name, _)| name);
    let context = name
        .or(config.current.as_ref())
        .and_then(|name| config.contexts.get(name));
    if context.is_some() || settings.environment.endpoint.is_some() {
        return settings.endpoint(context);
    }
    if settings.printer.can_ask() {
        return settings.printer.ask("Endpoint: ").await?.parse();
    }
    Err(CliError::usage("missing: -a ENDPOINT")
        .hint("this is no terminal, so nothing can be asked; ATRAIL_ENDPOINT works too"))
}

/// Returns the user's name and password; for an API key, the word `apikey` and the key.
async fn who(settings: &Settings, args: &Args) -> Result<(String, String)> {
    let key_file = args.api_key_file.as_ref().or_else(|| {
        let by_variable = args.user.is_none() && !args.password_stdin;
        by_variable
            .then_some(settings.environment.api_key_file.as_ref())
            .flatten()
    });
    if let Some(file) = key_file {
        return Ok(("apikey".to_owned(), read_secret(file)?));
    }
    let user = match &args.user {
        Some(user) => user.clone(),
        None if settings.printer.can_ask() => settings.printer.ask("User: ").await?,
        None => {
            return Err(CliError::usage("missing: -u USER, or --api-key-file FILE")
                .hint("this is no terminal, so nothing can be asked"));
        }
    };
    let password = if args.password_stdin {
        secret::from_stdin().await?
    } else {
        secret::ask(
            settings,
            "Password: ",
            "--password-stdin, or --api-key-file FILE",
        )
        .await?
    };
    Ok((user, password))
}

/// The server's answers.
struct Answers<'a> {
    info: &'a InfoResponse,
    tokens: &'a TokenResponse,
    key: &'a EvidenceKey,
    /// Whether the user accepts a new key that no remembered key leads to.
    is_trusted_anew: bool,
}

/// Saves the tokens, then the context. A context of the same server and user keeps its target.
fn save(
    settings: &Settings,
    trust: Trust,
    endpoint: &Endpoint,
    user: &str,
    answers: &Answers<'_>,
) -> Result<String> {
    let Answers {
        info,
        tokens,
        key,
        is_trusted_anew,
    } = *answers;
    let name = match &settings.context_name {
        Some((name, _)) => name.clone(),
        None => choose_name(&settings.state.config()?, endpoint, user),
    };
    settings.state.lock_credentials(&name)?.save(&Credentials {
        access_token: tokens.access_token.clone(),
        refresh_token: tokens.refresh_token.clone(),
    })?;
    settings.state.update(|config| {
        if is_trusted_anew {
            trust_anew(config, endpoint, &key.key);
        }
        // What a server that is gone showed says nothing about this one.
        let old = config.contexts.remove(&name);
        let old = old.filter(|old| !old.is_throwaway);
        let earlier_keys = old
            .as_ref()
            .filter(|old| !is_trusted_anew && old.endpoint == endpoint.to_string())
            .map(|old| earlier_keys(old, &key.key))
            .unwrap_or_default();
        let same = old.filter(|old| old.endpoint == endpoint.to_string() && old.user == user);
        let (account, organization, space, last_session) = match same {
            Some(old) => (old.account, old.organization, old.space, old.last_session),
            None => (None, None, None, None),
        };
        let context = Context {
            endpoint: endpoint.to_string(),
            user: user.to_owned(),
            region: info.name.clone(),
            skip_ssl_validation: trust.skip_ssl_validation,
            ca_file: trust.ca_file,
            account,
            organization,
            space,
            last_session,
            is_throwaway: false,
            verifier_key: Some(key.key.clone()),
            earlier_keys,
        };
        config.contexts.insert(name.clone(), context);
        config.current = Some(name.clone());
        Ok(name)
    })
}

/// Applies a key that one login accepted to every context of the server.
fn trust_anew(config: &mut Config, endpoint: &Endpoint, key: &str) {
    let address = endpoint.to_string();
    let contexts = config.contexts.values_mut();
    for context in contexts.filter(|context| context.endpoint == address) {
        context.verifier_key = Some(key.to_owned());
        context.earlier_keys.clear();
    }
}

/// Returns the remembered keys before the one that a server shows now.
fn earlier_keys(old: &Context, now: &str) -> Vec<String> {
    let last = old.verifier_key.iter().filter(|key| *key != now);
    last.chain(&old.earlier_keys).cloned().collect()
}

/// Returns the name of this server and user's context, or a free name derived from the server's.
fn choose_name(config: &Config, endpoint: &Endpoint, user: &str) -> String {
    let address = endpoint.to_string();
    let known = config.contexts.iter().find(|(_, context)| {
        context.endpoint == address && context.user == user && !context.is_throwaway
    });
    if let Some((name, _)) = known {
        return name.clone();
    }
    let base = endpoint.context_name();
    let numbered = (2..).map(|number| format!("{base}-{number}"));
    std::iter::once(base.clone())
        .chain(numbered)
        .find(|name| !config.contexts.contains_key(name))
        .unwrap_or(base)
}

/// Returns the name in the token, unverified: it is only displayed, and distinguishes contexts after a login by key.
fn user_of(tokens: &TokenResponse) -> Option<String> {
    #[derive(Deserialize)]
    struct Claims {
        user_name: Option<String>,
    }
    let payload = tokens.access_token.split('.').nth(1)?;
    let bytes = URL_SAFE_NO_PAD.decode(payload).ok()?;
    serde_json::from_slice::<Claims>(&bytes).ok()?.user_name
}
