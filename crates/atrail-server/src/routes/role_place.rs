//! A role with its account or space, on the wire and in events.

use atrail_api::Role;
use atrail_model::{AccountRole, HeldRole, SpaceRole};

use crate::audit::Act;

/// Adds the role to an act, and its space if it has one.
pub(super) fn with_place(act: Act, role: &HeldRole) -> Act {
    match role {
        HeldRole::Account(_, role) => act.with("role", role.word()),
        HeldRole::Space(space, role) => act
            .with("role", role.word())
            .with("space", space.to_string()),
    }
}

/// Returns the wire form of a role, with the GUID of its account or of its space.
pub(super) fn place(role: HeldRole) -> (Role, Option<String>, Option<String>) {
    match role {
        HeldRole::Account(id, role) => {
            let role = match role {
                AccountRole::Owner => Role::Owner,
                AccountRole::Auditor => Role::Auditor,
                AccountRole::Writer => Role::Writer,
            };
            (role, Some(id.to_string()), None)
        }
        HeldRole::Space(id, role) => {
            let role = match role {
                SpaceRole::Developer => Role::Developer,
                SpaceRole::Auditor => Role::Auditor,
                SpaceRole::Writer => Role::Writer,
            };
            (role, None, Some(id.to_string()))
        }
    }
}
