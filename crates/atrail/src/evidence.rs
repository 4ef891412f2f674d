//! What this client trusts a server for: the key that its evidence is signed with, and the newest checkpoint of each domain
//! that it saw. Who later shows another key, or another history, is found out.

use std::collections::BTreeMap;

use atrail_api::{EvidenceKey, paths};
use atrail_evidence::{Checkpoint, Note, Receipt, VerifierKey, verify_consistency};

use crate::client::{Call, Client};
use crate::error::{CliError, Result};
use crate::settings::Settings;

/// The key that evidence is verified with here: `ATRAIL_VKEY`, else the one that the login remembered.
pub(crate) fn pinned_key(settings: &Settings) -> Result<Option<VerifierKey>> {
    if let Some(text) = &settings.environment.verifier_key {
        let key = text.parse();
        return key.map(Some).map_err(|error: atrail_evidence::NoteError| {
            CliError::usage("ATRAIL_VKEY cannot be used").because(error)
        });
    }
    let remembered = settings
        .context()?
        .and_then(|(_, context)| context.verifier_key);
    let Some(text) = remembered else {
        return Ok(None);
    };
    text.parse()
        .map(Some)
        .map_err(|error: atrail_evidence::NoteError| {
            CliError::failed("the remembered key of the server is damaged")
                .because(error)
                .hint("log in again")
        })
}

/// The key that the server signs with now: the pinned one, or one that it leads to, which is remembered in its place.
pub(crate) async fn current_key(
    settings: &Settings,
    client: &Client,
) -> Result<Option<VerifierKey>> {
    let Some(pinned) = pinned_key(settings)? else {
        return Ok(None);
    };
    let shown: EvidenceKey = client.json(Call::get(paths::KEYS)).await?;
    let key = follow(&pinned, &shown)?;
    if key != pinned && settings.environment.verifier_key.is_none() {
        let name = settings.context()?.map(|(name, _)| name);
        settings.state.update(|config| {
            let context = name.and_then(|name| config.contexts.get_mut(&name));
            if let Some(context) = context {
                context.verifier_key = Some(key.to_string());
            }
            Ok(())
        })?;
        settings
            .printer
            .note("The server signs with another key now, which the one before endorses.");
    }
    Ok(Some(key))
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
    let Some((context, _)) = settings.context()? else {
        return Ok(BTreeMap::new());
    };
    let remembered = settings.state.checkpoints(&context)?;
    let sizes = remembered.into_iter().filter(|(domain, _)| wanted(domain));
    let sizes = sizes.filter_map(|(domain, note)| {
        let checkpoint = checkpoint_of(&note)?;
        Some((domain, checkpoint.size))
    });
    Ok(sizes.collect())
}

/// The checkpoint in a note that was verified before it was kept.
fn checkpoint_of(note: &str) -> Option<Checkpoint> {
    Checkpoint::parse(Note::parse(note).ok()?.text()).ok()
}

/// Compares a receipt with what this client saw before, and remembers what it says.
///
/// # Errors
/// When it is not signed with the pinned key, or shows another history than before: then nothing is remembered.
pub(crate) fn take_note(settings: &Settings, key: &VerifierKey, note: &str) -> Result<()> {
    let Some((context, _)) = settings.context()? else {
        return Ok(());
    };
    key.verify(note).map_err(|error| {
        CliError::corrupt("the receipt is not signed with the server's key").because(error)
    })?;
    let (receipt, _) = Receipt::parse(note)
        .map_err(|error| CliError::corrupt("the receipt cannot be read").because(error))?;
    let mut remembered = settings.state.checkpoints(&context)?;
    let before = remembered.clone();
    for domain in &receipt.domains {
        let shown = Checkpoint::verify(&domain.checkpoint, key).map_err(|error| {
            CliError::corrupt("a checkpoint is not signed with the server's key").because(error)
        })?;
        let old = remembered
            .get(&domain.domain)
            .and_then(|note| checkpoint_of(note));
        if let Some(old) = old.filter(|old| old.origin == shown.origin) {
            if old.size > shown.size {
                // An older session. What was signed before it is not compared here.
                continue;
            }
            let proof = domain.consistency.iter().find(|one| one.size == old.size);
            let proof = proof.map_or(&[][..], |one| &one.proof);
            if !verify_consistency(old.size, old.root, shown.size, shown.root, proof) {
                return Err(another_history(&old, &shown));
            }
        }
        remembered.insert(domain.domain.clone(), domain.checkpoint.clone());
    }
    if remembered == before {
        return Ok(());
    }
    settings.state.remember_checkpoints(&context, &remembered)
}

fn another_history(old: &Checkpoint, shown: &Checkpoint) -> CliError {
    CliError::corrupt("the server shows another history than the one that this client saw before")
        .because(format!(
            "log {}: what was signed at size {} is not proven to be a beginning of what is signed at size {}",
            old.origin, old.size, shown.size
        ))
        .hint("keep the receipts that you have, and ask the server's operator")
}
