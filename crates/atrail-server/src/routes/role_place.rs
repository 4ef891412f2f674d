//! A role with its place, on the wire and on record.

use atrail_api::Role;
use atrail_model::{AccountRole, HeldRole, SpaceRole};

use crate::audit::Act;

/// With the role, and the space that it is of.
pub(super) fn with_place(act: Act, role: &HeldRole) -> Act {
    match role {
        HeldRole::Account(_, role) => act.with("role", role.word()),
        HeldRole::Space(space, role) => act
            .with("role", role.word())
            .with("space", space.to_string()),
    }
}

/// A role on the wire, and the GUID of the account or the space that it is of.
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
