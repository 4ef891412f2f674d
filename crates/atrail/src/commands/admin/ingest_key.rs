//! `atrail admin ingest-key`.

use std::path::{Path, PathBuf};

use atrail_api::{
    IngestKey, IngestKeyCreate, IngestKeyCreated, IngestKeyRotate, IngestKeysQuery, paths,
};
use atrail_evidence::hex;
use rustls::pki_types::CertificateDer;
use rustls::pki_types::pem::PemObject;
use sha2::{Digest, Sha256};

use super::role::place;
use super::span::Span;
use super::verbs::{create, delete_found, find, find_account, list, show};
use crate::client::{Call, Client};
use crate::commands::consent::Consent;
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// Make, list, show, rotate and revoke keys that only send
#[derive(Debug, clap::Subcommand)]
#[command(after_help = "Example:\n  atrail admin ingest-key list")]
pub(crate) enum Command {
    /// Make a key that only sends, to one space or to the account; this is the only time that it is shown
    #[command(after_help = "Example:\n  \
        (umask 077; atrail admin ingest-key create fluent-bit --space shop --format jsonl | jq -r .key >key.txt)\n  \
        atrail admin ingest-key create github --space shop --type github --silent-after 2d")]
    Create {
        /// A name of your choice, unique in the account
        name: String,
        /// The space that the events go to, by name or GUID [default: the targeted one]
        #[arg(long, conflicts_with = "at_account_level")]
        space: Option<String>,
        /// Send to the account's own domain
        #[arg(short = 'a', long)]
        at_account_level: bool,
        /// The account, by name or GUID [default: the targeted one, or the only one]
        #[arg(long, requires = "at_account_level")]
        account: Option<String>,
        /// The format of the events where a request names none, as `atrail trail --type`; `github` checks signatures
        #[arg(long = "type", value_name = "FORMAT")]
        kind: Option<String>,
        /// Refuse events of no known form rather than to store them in a generic form
        #[arg(long)]
        strict: bool,
        /// Send an event of WorkOS to the account's space that is named as its organization, if there is one
        #[arg(long, requires = "at_account_level")]
        by_organization: bool,
        /// A client certificate that stands for the key (PEM)
        #[arg(long, value_name = "FILE")]
        certificate: Option<PathBuf>,
        /// Record when no event came for so long: days (2d), hours (12h) or minutes (30m)
        #[arg(long, value_name = "TIME")]
        silent_after: Option<Span>,
    },
    /// List keys, without their secrets
    #[command(after_help = "Example:\n  atrail admin ingest-key list")]
    List {
        /// List the keys of this account, by name or GUID [default: all that you may see]
        #[arg(long)]
        account: Option<String>,
    },
    /// Show one key, without its secret
    #[command(after_help = "Example:\n  atrail admin ingest-key show fluent-bit")]
    Show {
        /// Its id or name
        name: String,
    },
    /// Give a key another secret; this is the only time that it is shown. The one before works for a while
    #[command(after_help = "Example:\n  atrail admin ingest-key rotate fluent-bit --overlap 1d")]
    Rotate {
        /// Its id or name
        name: String,
        /// For how long the secret before works: days (7d), hours, minutes; 0 ends it at once [default: 7d]
        #[arg(long, value_name = "TIME")]
        overlap: Option<Span>,
    },
    /// Revoke a key; it ends at once
    #[command(after_help = "Example:\n  atrail admin ingest-key delete fluent-bit --yes")]
    Delete {
        /// Its id or name
        name: String,
        #[command(flatten)]
        consent: Consent,
    },
}

const NAMES: &[&str] = &[
    "id",
    "name",
    "account",
    "space",
    "type",
    "use-time",
    "event-time",
    "accepted",
    "duplicates",
    "refused",
    "bytes",
    "silent-since",
];

fn cells(key: &IngestKey) -> Vec<String> {
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    let kind = key.kind.as_deref().unwrap_or("auto");
    vec![
        key.id.clone(),
        key.name.clone(),
        key.account.clone(),
        shown(&key.space),
        [
            (true, kind),
            (key.strict, "strict"),
            (key.by_organization, "by organization"),
        ]
        .into_iter()
        .filter_map(|(holds, word)| holds.then_some(word))
        .collect::<Vec<_>>()
        .join(", "),
        shown(&key.use_time),
        shown(&key.event_time),
        key.accepted.to_string(),
        key.duplicates.to_string(),
        key.refused.to_string(),
        key.bytes.to_string(),
        shown(&key.silent_since),
    ]
}

/// What `show` adds to the columns of `list`.
const MORE_NAMES: &[&str] = &[
    "silent-after",
    "maker",
    "create-time",
    "rotate-time",
    "previous-until",
    "certificate",
];

fn all_cells(key: &IngestKey) -> Vec<String> {
    let shown = |text: &Option<String>| text.clone().unwrap_or_default();
    let mut cells = cells(key);
    cells.extend([
        key.silent_after.map(Span::shown).unwrap_or_default(),
        key.maker.clone(),
        key.create_time.clone(),
        shown(&key.rotate_time),
        shown(&key.previous_until),
        shown(&key.certificate),
    ]);
    cells
}

fn secret(key: &IngestKeyCreated) -> Vec<String> {
    vec![key.id.clone(), key.name.clone(), key.key.clone()]
}

pub(super) async fn run(settings: &Settings, client: &Client, command: Command) -> Result<()> {
    let path = paths::INGEST_KEYS;
    match command {
        Command::Create {
            name,
            space,
            at_account_level,
            account,
            kind,
            strict,
            by_organization,
            certificate,
            silent_after,
        } => {
            let (account, space) = if at_account_level {
                (Some(find_account(client, account.as_deref()).await?), None)
            } else {
                (None, Some(space_of(client, space).await?))
            };
            let certificate = certificate.as_deref().map(fingerprint).transpose()?;
            let body = IngestKeyCreate {
                name,
                space,
                account,
                kind,
                strict,
                by_organization,
                certificate,
                silent_after: silent_after.map(Span::seconds),
            };
            let names = &["id", "name", "key"];
            create(settings, client, path, &body, names, secret).await
        }
        Command::List { account } => {
            let account = match account {
                Some(name) => Some(find_account(client, Some(&name)).await?),
                None => None,
            };
            let call = Call::get(path).query(&IngestKeysQuery { account })?;
            list(settings, client, call, NAMES, cells, |_| true).await
        }
        Command::Show { name } => {
            let names = [NAMES, MORE_NAMES].concat();
            show(settings, client, path, &name, &names, all_cells).await
        }
        Command::Rotate { name, overlap } => {
            let found = find(client, path, &name, cells).await?;
            let body = IngestKeyRotate {
                overlap: overlap.map(Span::seconds),
            };
            let path = format!("{path}/{}", found.id);
            let shown = |key: &IngestKeyCreated| {
                let mut shown = secret(key);
                shown.push(key.previous_until.clone().unwrap_or_default());
                shown
            };
            let names = &["id", "name", "key", "previous-until"];
            create(settings, client, &path, &body, names, shown).await
        }
        Command::Delete { name, consent } => {
            let fate = ", with which a sender may send just now,";
            delete_found(settings, client, path, (&name, consent), fate, cells).await
        }
    }
}

/// Returns the GUID of the space with this name or GUID, or of the targeted one.
async fn space_of(client: &Client, named: Option<String>) -> Result<String> {
    match (named, &client.target.space) {
        (Some(named), _) => {
            let (_, space) = place(client, None, Some(named)).await?;
            space.ok_or_else(|| CliError::usage("missing: --space SPACE, or -a"))
        }
        (None, Some(targeted)) => Ok(targeted.guid.clone()),
        (None, None) => Err(CliError::usage("missing: --space SPACE, or -a")),
    }
}

/// Returns the SHA-256 of the DER of the certificate in a file; the first one, where the file holds its chain.
fn fingerprint(file: &Path) -> Result<String> {
    let pem = std::fs::read(file).map_err(|error| CliError::unreadable(file, error))?;
    let first = CertificateDer::pem_slice_iter(&pem).next();
    let Some(Ok(der)) = first else {
        return Err(CliError::usage(format!(
            "{} holds no usable certificate",
            file.display()
        ))
        .hint("it is PEM: it begins with -----BEGIN CERTIFICATE-----; `openssl x509 -in FILE` converts"));
    };
    Ok(hex(&Sha256::digest(&der)))
}
