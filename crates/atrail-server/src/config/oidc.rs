//! The section `[auth.oidc]`.

use std::path::PathBuf;

use serde::{Deserialize, Serialize};

use super::put::{put, put_span};
use super::units::Span;
use crate::settings::{OidcAlgorithm, OidcSettings, RoleRule};

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct AuthSection {
    pub(super) oidc: OidcSection,
}

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct OidcSection {
    pub(super) issuer: Option<String>,
    pub(super) client_id: Option<String>,
    pub(super) audience: Option<String>,
    scope: Option<String>,
    algorithms: Option<Vec<OidcAlgorithm>>,
    user_claim: Option<String>,
    login_ttl: Option<Span>,
    pub(super) ca_file: Option<PathBuf>,
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub(super) roles: Vec<RoleRule>,
}

impl OidcSection {
    /// Returns the content of a section that states these settings.
    pub(super) fn of(settings: &OidcSettings) -> Self {
        let OidcSettings {
            issuer,
            client_id,
            audience,
            scope,
            algorithms,
            user_claim,
            login_ttl,
            ca_file,
            roles,
        } = settings.clone();
        Self {
            issuer,
            client_id,
            audience,
            scope: Some(scope),
            algorithms: Some(algorithms),
            user_claim: Some(user_claim),
            login_ttl: Some(Span(login_ttl)),
            ca_file,
            roles,
        }
    }

    /// Overrides the settings that the section states.
    pub(super) fn apply(self, settings: &mut OidcSettings) {
        let Self {
            issuer,
            client_id,
            audience,
            scope,
            algorithms,
            user_claim,
            login_ttl,
            ca_file,
            roles,
        } = self;
        put(&mut settings.issuer, issuer.map(Some));
        put(&mut settings.client_id, client_id.map(Some));
        put(&mut settings.audience, audience.map(Some));
        put(&mut settings.scope, scope);
        put(&mut settings.algorithms, algorithms);
        put(&mut settings.user_claim, user_claim);
        put_span(&mut settings.login_ttl, login_ttl);
        put(&mut settings.ca_file, ca_file.map(Some));
        if !roles.is_empty() {
            settings.roles = roles;
        }
    }
}
