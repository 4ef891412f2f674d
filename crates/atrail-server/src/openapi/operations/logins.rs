//! Users, their roles, keys and passwords.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, list, schema};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "tenancy";
    vec![
        Operation::new(
            "GET",
            paths::LOGINS,
            "listLogins",
            tag,
            "The caller's logins in force, the newest first",
        )
        .gives(200, "logins", list::<api::Login>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "DELETE",
            paths::LOGINS,
            "endOtherLogins",
            tag,
            "Ends the caller's logins but that of the request, with their tails and downloads",
        )
        .gives(200, "ended", schema::<api::Deleted>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "DELETE",
            paths::LOGIN,
            "endLogin",
            tag,
            "Ends one of the caller's logins, with its tails and downloads",
        )
        .id_in_path("GUID")
        .gives(200, "ended", schema::<api::Deleted>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "GET",
            paths::USERS,
            "listUsers",
            tag,
            "Users: all for the operator, otherwise the caller",
        )
        .gives(200, "users", list::<api::User>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "POST",
            paths::USERS,
            "createUser",
            tag,
            "Creates a user; for the server's operator",
        )
        .json::<api::UserCreate>(true)
        .gives(201, "the user", schema::<api::User>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::USER,
            "showUser",
            tag,
            "One user: any for the operator, otherwise the caller",
        )
        .id_in_path("GUID")
        .gives(200, "the user", schema::<api::User>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "DELETE",
            paths::USER,
            "deleteUser",
            tag,
            "Deletes a user with all keys, roles, logins and sessions; for the server's operator",
        )
        .id_in_path("GUID")
        .gives(200, "deleted", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::ROLES,
            "listRoles",
            tag,
            "Roles that the caller may know of",
        )
        .gives(200, "roles", list::<api::HeldRole>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "POST",
            paths::ROLES,
            "grantRole",
            tag,
            "Grants a role to a user",
        )
        .json::<api::RoleGrant>(true)
        .gives(200, "the user held it before", schema::<api::RoleGrant>())
        .gives(201, "the user holds it now", schema::<api::RoleGrant>())
        .gives(
            202,
            "the server invited the name: an owner cannot see whether such a user exists outside the account",
            schema::<api::Invitation>(),
        )
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
        Operation::new(
            "DELETE",
            paths::ROLES,
            "revokeRole",
            tag,
            "Revokes a user's role, or withdraws its offer; the query may also be a JSON body",
        )
        .query::<api::RoleGrant>()
        .gives(200, "the user no longer holds it", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "GET",
            paths::INVITATIONS,
            "listInvitations",
            tag,
            "Open invitations: the caller's own, and those into the caller's accounts; for the operator, all",
        )
        .gives(200, "invitations", list::<api::Invitation>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "POST",
            paths::INVITATION,
            "acceptInvitation",
            tag,
            "Accepts an invitation; for the invited user, or the operator on behalf of that user",
        )
        .id_in_path("GUID")
        .gives(201, "the user holds the role now", schema::<api::RoleGrant>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "DELETE",
            paths::INVITATION,
            "deleteInvitation",
            tag,
            "Declines an invitation, or, as an owner of its account, withdraws it",
        )
        .id_in_path("GUID")
        .gives(200, "ended", schema::<api::Deleted>())
        .errors(&[E::Forbidden]),
        Operation::new(
            "GET",
            paths::API_KEYS,
            "listApiKeys",
            tag,
            "The caller's API keys, without their secrets; for an owner, those that are bound to the account",
        )
        .query::<api::ApiKeysQuery>()
        .gives(200, "keys", list::<api::ApiKey>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "POST",
            paths::API_KEYS,
            "createApiKey",
            tag,
            "Creates an API key for the caller, or, by an owner, for a user of the account",
        )
        .json::<api::ApiKeyCreate>(true)
        .gives(
            201,
            "the key, with its secret, which the server never shows again",
            schema::<api::ApiKeyCreated>(),
        )
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
        Operation::new(
            "DELETE",
            paths::API_KEYS,
            "deleteApiKey",
            tag,
            "Deletes an API key, and ends every login that began with it; the query may also be a JSON body",
        )
        .query::<api::ApiKeyDelete>()
        .gives(200, "ended", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::NotFound]),
        Operation::new(
            "PUT",
            paths::PASSWORD,
            "changePassword",
            tag,
            "Changes the caller's password",
        )
        .json::<api::PasswordChange>(true)
        .gives_as(204, "changed; other logins by password have ended", &[])
        .errors(&[E::Forbidden, E::TooMany]),
    ]
}
