//! What this client trusts a server for: the key that its evidence is signed with, and the newest checkpoint of each domain
//! that it saw. Who later shows another key, or another history, is found out.

use std::collections::BTreeMap;

use atrail_api::{EvidenceKey, paths};
use atrail_evidence::{
    Checkpoint, DomainEvidence, NoteError, Receipt, VerifierKey, verify_consistency,
};

use crate::client::{Call, Client, Endpoint};
use crate::error::{CliError, Result};
use crate::settings::Settings;
use crate::state::Context;

/// The keys that evidence is verified with here: `ATRAIL_VKEY`, else those that this client was led to, the newest first.
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

/// The context in use, unless `ATRAIL_ENDPOINT` names another server than its own: that one is not told apart by what this
/// one showed.
fn context_in_use(settings: &Settings) -> Result<Option<(String, Context)>> {
    settings.used(settings.context()?)
}

/// What is known of the server there, before it is told any secret: `ATRAIL_VKEY`, else the key of the context in use, else
/// those of every context of that server. The key that it shows must follow from each.
pub(crate) fn known_keys(
    settings: &Settings,
    endpoint: &Endpoint,
    used: Option<&Context>,
) -> Result<Vec<VerifierKey>> {
    if let Some(key) = key_of_environment(settings)? {
        return Ok(vec![key]);
    }
    if let Some(context) = used {
        return context
            .verifier_key
            .iter()
            .map(|text| remembered(text))
            .collect();
    }
    let address = endpoint.to_string();
    let config = settings.state.config()?;
    let contexts = config.contexts.into_values();
    let of_server = contexts.filter(|context| context.endpoint == address);
    // A damaged key is repaired by the login that finds it.
    Ok(of_server
        .filter_map(|context| context.verifier_key?.parse().ok())
        .collect())
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

/// Follows the server to the key that it signs with now, if the pinned one leads there, and remembers it. Gives all keys that
/// its evidence may be signed with, old sessions' included.
pub(crate) async fn current_keys(settings: &Settings, client: &Client) -> Result<Vec<VerifierKey>> {
    let mut keys = match key_of_environment(settings)? {
        Some(key) => vec![key],
        None => keys_of(context_in_use(settings)?)?,
    };
    let Some(pinned) = keys.first() else {
        return Ok(keys);
    };
    let shown: EvidenceKey = client.json(Call::get(paths::KEYS)).await?;
    let key = follow(pinned, &shown)?;
    if key == *pinned {
        return Ok(keys);
    }
    if settings.environment.verifier_key.is_none() {
        let name = settings.context()?.map(|(name, _)| name);
        settings.state.update(|config| {
            let context = name.and_then(|name| config.contexts.get_mut(&name));
            if let Some(context) = context {
                let earlier = context.verifier_key.replace(key.to_string());
                context.earlier_keys.splice(0..0, earlier);
            }
            Ok(())
        })?;
        settings
            .printer
            .note("The server signs with another key now, which the one before endorses.");
    }
    keys.insert(0, key);
    Ok(keys)
}

/// The key that a server shows now, when a remembered one leads to it: it is the same, or each key in between endorses the
/// next.
pub(crate) fn follow(remembered: &VerifierKey, shown: &EvidenceKey) -> Result<VerifierKey> {
    let mut key = remembered.clone();
    for note in &shown.endorsements {
        // Those from before the remembered key are signed by keys that it does not know.
        let Ok(text) = key.verify(note) else { continue };
        let next = text
            .strip_prefix("atrail key rotation\n")
            .and_then(|rest| rest.strip_prefix(key.name()))
            .and_then(|rest| rest.trim_matches('\n').parse().ok());
        if let Some(next) = next {
            key = next;
        }
    }
    if key.to_string() == shown.key {
        return Ok(key);
    }
    Err(CliError::failed(
        "the server's evidence is signed with another key than before, and the key before does not endorse it",
    )
    .because(format!("remembered: {remembered}; shown now: {}", shown.key))
    .hint(
        "either this is another server, or its key was lost or stolen: ask its operator. \
         `atrail login --trust-new-key` accepts it",
    ))
}

/// The sizes of the logs that this client has checkpoints of, for the server to prove that it only added to them.
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

/// Compares a receipt with what this client saw before, and remembers what it says.
///
/// # Errors
/// When it is not signed with one of the keys, or shows another history than before: then nothing is remembered.
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

/// Whether a checkpoint is proven to be a later one of the same history. One of an earlier session, and one that comes without a
/// proof because nothing was remembered when its session was made, are not compared.
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
    CliError::corrupt("the server shows another history than the one that this client saw before")
        .because(format!(
            "log {}: what was signed at size {} is not proven to be a beginning of what is signed at size {}",
            old.origin, old.size, shown.size
        ))
        .hint("keep the receipts that you have, and ask the server's operator")
}
