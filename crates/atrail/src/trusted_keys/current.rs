//! The keys that may sign a server's evidence now.

use atrail_api::{EvidenceKey, paths};
use atrail_evidence::VerifierKey;

use super::endorsed::follow;
use super::{context_in_use, key_of_environment, keys_of};
use crate::client::{Call, Client};
use crate::error::Result;
use crate::settings::Settings;

/// Follows the server from the pinned key to the key that it signs with now, and remembers it. Returns all keys that
/// may have signed the server's evidence, including those of old sessions.
pub(crate) async fn current_keys(settings: &Settings, client: &Client) -> Result<Vec<VerifierKey>> {
    let mut keys = match key_of_environment(settings)? {
        Some(key) => vec![key],
        None => keys_of(context_in_use(settings)?)?,
    };
    let Some(pinned) = keys.first() else {
        return Ok(keys);
    };
    let shown: EvidenceKey = client.json(Call::get(paths::KEYS)).await?;
    let replaced: Vec<_> = keys[1..].iter().map(ToString::to_string).collect();
    let key = follow(pinned, &shown, &replaced)?;
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
            .note("The server now signs with another key, which the previous key endorses.");
    }
    keys.insert(0, key);
    Ok(keys)
}
