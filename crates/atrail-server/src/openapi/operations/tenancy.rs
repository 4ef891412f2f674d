//! Accounts, organizations and spaces.

use atrail_api as api;
use atrail_api::{ErrorCode as E, paths};

use super::super::operation::{Operation, list, schema};

/// Returns the operations of this group.
pub(super) fn all() -> Vec<Operation> {
    let tag = "tenancy";
    vec![
        Operation::new(
            "GET",
            paths::ACCOUNTS,
            "listAccounts",
            tag,
            "Accounts that the caller may know of",
        )
        .gives(200, "accounts", list::<api::Account>()),
        Operation::new(
            "POST",
            paths::ACCOUNTS,
            "createAccount",
            tag,
            "Creates an account; for the server's operator",
        )
        .json::<api::AccountCreate>(true)
        .gives(201, "the account", schema::<api::Account>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::ACCOUNT,
            "showAccount",
            tag,
            "One account",
        )
        .id_in_path("GUID")
        .gives(200, "the account", schema::<api::Account>()),
        Operation::new(
            "DELETE",
            paths::ACCOUNT,
            "deleteAccount",
            tag,
            "Deletes an empty account; for the server's operator",
        )
        .id_in_path("GUID")
        .gives(200, "deleted", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::ORGANIZATIONS,
            "listOrganizations",
            tag,
            "Organizations that the caller may know of",
        )
        .query::<api::NamesQuery>()
        .gives(200, "organizations", list::<api::Organization>()),
        Operation::new(
            "POST",
            paths::ORGANIZATIONS,
            "createOrganization",
            tag,
            "Creates an organization; for an owner of its account",
        )
        .json::<api::OrganizationCreate>(true)
        .gives(201, "the organization", schema::<api::Organization>())
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
        Operation::new(
            "GET",
            paths::ORGANIZATION,
            "showOrganization",
            tag,
            "One organization",
        )
        .id_in_path("GUID")
        .gives(200, "the organization", schema::<api::Organization>()),
        Operation::new(
            "DELETE",
            paths::ORGANIZATION,
            "deleteOrganization",
            tag,
            "Deletes an organization without spaces; for an owner of its account",
        )
        .id_in_path("GUID")
        .gives(200, "deleted", schema::<api::Deleted>())
        .errors(&[E::Forbidden, E::Conflict]),
        Operation::new(
            "GET",
            paths::SPACES,
            "listSpaces",
            tag,
            "Spaces that the caller may know of",
        )
        .query::<api::NamesQuery>()
        .gives(200, "spaces", list::<api::Space>()),
        Operation::new(
            "POST",
            paths::SPACES,
            "createSpace",
            tag,
            "Creates a space; for an owner of its account",
        )
        .json::<api::SpaceCreate>(true)
        .gives(201, "the space", schema::<api::Space>())
        .errors(&[E::Forbidden, E::NotFound, E::Conflict]),
        Operation::new(
            "GET",
            paths::SPACE,
            "showSpace",
            tag,
            "One space",
        )
        .id_in_path("GUID")
        .gives(200, "the space", schema::<api::Space>()),
        Operation::new(
            "DELETE",
            paths::SPACE,
            "deleteSpace",
            tag,
            "Deletes a space; for an owner of its account. Its events stay with the account, unless the request deletes them too",
        )
        .id_in_path("GUID")
        .query::<api::SpaceDelete>()
        .gives(200, "the space is deleted; or, for a dry run, its events", schema::<api::SpaceDeleted>())
        .errors(&[E::Forbidden, E::Conflict, E::TooMany]),
    ]
}
