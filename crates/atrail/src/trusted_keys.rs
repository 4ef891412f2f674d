//! What this client remembers of a server: the key that signs its evidence, and the newest checkpoint that it saw of
//! each domain. They expose a server that later shows another key, or another history.

pub(crate) mod current;
pub(crate) mod endorsed;

use std::collections::BTreeMap;

use atrail_evidence::{
    Checkpoint, DomainEvidence, NoteError, Receipt, VerifierKey, verify_consistency,
};

use crate::client::endpoint::Endpoint;
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::Context;

/// Returns the keys that verify evidence here, the newest first: `ATRAIL_VKEY`, or else those that this client has
/// followed.
pub(crate) fn pinned_keys(settings: &Settings) -> Result<Vec<VerifierKey>> {
    if let Some(key) = key_of_environment(settings)? {
        return Ok(vec![key]);
    }
    keys_of(settings.context()?)
}

fn keys_of(context: Option<(String, Context)>) -> Result<Vec<VerifierKey>> {
    let Some((_, context)) = context else {
        return Ok(Vec::new());
    };
    let texts = context.verifier_key.iter().chain(&context.earlier_keys);
    texts.map(|text| remembered(text)).collect()
}

/// Returns the context in use, unless `ATRAIL_ENDPOINT` names another server: what this context's server showed says
/// nothing about that one.
fn context_in_use(settings: &Settings) -> Result<Option<(String, Context)>> {
    settings.used(settings.context()?)
}

/// The keys of a server that this client remembers.
#[derive(Debug, Default)]
pub(crate) struct Known {
    /// The keys that the server showed last: the one that it shows now must follow from each.
    pub(crate) last: Vec<VerifierKey>,
    /// Keys that it showed before and has replaced.
    pub(crate) replaced: Vec<String>,
}

/// Returns the known keys of the server at this endpoint, before any secret is sent to it: `ATRAIL_VKEY`, else those of
/// the context in use, else those of every context of that server.
pub(crate) fn known_keys(
    settings: &Settings,
    endpoint: &Endpoint,
    used: Option<&Context>,
) -> Result<Known> {
    if let Some(key) = key_of_environment(settings)? {
        return Ok(Known {
            last: vec![key],
            replaced: Vec::new(),
        });
    }
    if let Some(context) = used {
        let last = context.verifier_key.iter().map(|text| remembered(text));
        return Ok(Known {
            last: last.collect::<Result<_>>()?,
            replaced: context.earlier_keys.clone(),
        });
    }
    let address = endpoint.to_string();
    let config = settings.state.config()?;
    let contexts = config.contexts.into_values();
    let of_server = contexts.filter(|context| context.endpoint == address && !context.is_throwaway);
    let mut known = Known::default();
    for context in of_server {
        // A login that finds a damaged key repairs it.
        known
            .last
            .extend(context.verifier_key.and_then(|text| text.parse().ok()));
        known.replaced.extend(context.earlier_keys);
    }
    Ok(known)
}

fn key_of_environment(settings: &Settings) -> Result<Option<VerifierKey>> {
    let text = settings.environment.verifier_key.as_ref();
    text.map(|text| {
        text.parse().map_err(|error: NoteError| {
            CliError::usage("ATRAIL_VKEY cannot be used").because(error)
        })
    })
    .transpose()
}

fn remembered(text: &str) -> Result<VerifierKey> {
    text.parse().map_err(|error: NoteError| {
        CliError::failed("a remembered key of the server is damaged")
            .because(error)
            .hint("log in again")
    })
}

/// Returns the sizes of the logs of which this client has checkpoints. The server proves that it has only appended to
/// them.
pub(crate) fn remembered_sizes(
    settings: &Settings,
    wanted: impl Fn(&str) -> bool,
) -> Result<BTreeMap<String, u64>> {
    let Some((context, _)) = context_in_use(settings)? else {
        return Ok(BTreeMap::new());
    };
    let remembered = settings.state.checkpoints(&context)?;
    let newest = remembered
        .into_iter()
        .filter(|(domain, _)| wanted(domain))
        .filter_map(|(domain, notes)| Some((domain, Checkpoint::parse(notes.last()?).ok()?.size)));
    Ok(newest.collect())
}

/// Compares a receipt with what this client saw before, and remembers its checkpoints.
///
/// # Errors
/// When it is not signed with one of the keys, or shows a different history: then nothing is remembered.
pub(crate) fn take_note(settings: &Settings, keys: &[VerifierKey], text: &str) -> Result<()> {
    let Some((context, _)) = context_in_use(settings)? else {
        return Ok(());
    };
    let wrong = || CliError::corrupt("the receipt is not signed with the server's key");
    let (receipt, note) = Receipt::parse(text)
        .map_err(|error| CliError::corrupt("the receipt cannot be read").because(error))?;
    let signer = note.signer(keys).map_err(|error| wrong().because(error))?;
    let signer = signer.ok_or_else(wrong)?;
    let mut remembered = settings.state.checkpoints(&context)?;
    let before = remembered.clone();
    for domain in &receipt.domains {
        let shown = Checkpoint::verify(&domain.checkpoint, signer).map_err(|error| {
            CliError::corrupt("a checkpoint is not signed with the server's key").because(error)
        })?;
        let notes = remembered.entry(domain.domain.clone()).or_default();
        let known = notes.iter().position(|note| {
            Checkpoint::parse(note).is_ok_and(|known| known.origin == shown.origin)
        });
        let Some(at) = known else {
            if !notes.is_empty() {
                settings.printer.warn(&format!(
                    "warning: the log of {} begins anew as {}; `atrail verify` says why",
                    domain.domain, shown.origin
                ));
            }
            notes.push(domain.checkpoint.clone());
            continue;
        };
        let old = Checkpoint::parse(&notes[at]).map_err(|error| {
            CliError::failed("a remembered checkpoint is damaged").because(error)
        })?;
        if is_later(&old, &shown, domain)? {
            notes[at].clone_from(&domain.checkpoint);
        }
    }
    if remembered == before {
        return Ok(());
    }
    settings.state.remember_checkpoints(&context, &remembered)
}

/// Returns whether a checkpoint is proven to be a later one of the same history. It does not compare a checkpoint of an
/// earlier session, nor one without a proof because nothing was remembered when its session was made.
fn is_later(old: &Checkpoint, shown: &Checkpoint, evidence: &DomainEvidence) -> Result<bool> {
    if old.size == shown.size && old.root != shown.root {
        return Err(another_history(old, shown));
    }
    if old.size >= shown.size {
        return Ok(false);
    }
    let Some(earlier) = evidence.consistency.iter().find(|one| one.size == old.size) else {
        return Ok(false);
    };
    if verify_consistency(old.size, old.root, shown.size, shown.root, &earlier.proof) {
        return Ok(true);
    }
    Err(another_history(old, shown))
}

fn another_history(old: &Checkpoint, shown: &Checkpoint) -> CliError {
    CliError::corrupt(
        "the server shows a different history from the one that this client saw before",
    )
    .because(format!(
        "log {}: no proof shows that the history signed at size {} is the start of the one signed at size {}",
        old.origin, old.size, shown.size
    ))
    .hint("keep the receipts that you have, and ask the server's operator")
}
