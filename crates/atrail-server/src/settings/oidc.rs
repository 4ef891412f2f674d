//! Logins through an OpenID provider.

use std::net::IpAddr;
use std::path::PathBuf;
use std::time::Duration;

use atrail_api::Role;
use axum::http::Uri;
use serde::{Deserialize, Serialize};

use super::error::SettingError;

/// The provider, and the roles that its statements grant. Without an issuer, no such logins exist.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OidcSettings {
    /// The provider, exactly as its tokens name it.
    pub issuer: Option<String>,
    /// The client id under which the provider knows this server.
    pub client_id: Option<String>,
    /// The required audience of its tokens; the client id when `None`.
    pub audience: Option<String>,
    /// The scope that a login requests from the provider.
    pub scope: String,
    /// The accepted signatures.
    pub algorithms: Vec<OidcAlgorithm>,
    /// The claim that holds the user's name.
    pub user_claim: String,
    /// A login expires this long after it began, even if it is refreshed, so that the provider is asked again.
    pub login_ttl: Duration,
    /// Certificates of authorities, in PEM, that the server trusts for the provider besides the system's.
    pub ca_file: Option<PathBuf>,
    /// The roles that claims grant.
    pub roles: Vec<RoleRule>,
}

/// A signature algorithm of a provider's tokens (RFC 7518 §3.1, RFC 8037 §3.1): public keys only.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[expect(missing_docs, reason = "their names are the standard's")]
pub enum OidcAlgorithm {
    RS256,
    RS384,
    RS512,
    PS256,
    PS384,
    PS512,
    ES256,
    ES384,
    EdDSA,
}

/// Grants a role to users whose claim has this value.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct RoleRule {
    /// A claim of the token: a text, or a list of texts.
    pub claim: String,
    /// The value that the claim must have or contain.
    pub value: String,
    /// The granted role.
    pub role: Role,
    /// The account by name or GUID.
    pub account: String,
    /// The organization by name or GUID, for a role of a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub organization: Option<String>,
    /// The space by name or GUID, for a role of a space.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub space: Option<String>,
}

impl Default for OidcSettings {
    fn default() -> Self {
        Self {
            issuer: None,
            client_id: None,
            audience: None,
            scope: "openid profile email".to_owned(),
            algorithms: vec![OidcAlgorithm::RS256, OidcAlgorithm::ES256],
            user_claim: "preferred_username".to_owned(),
            login_ttl: Duration::from_secs(12 * 3600),
            ca_file: None,
            roles: Vec::new(),
        }
    }
}

impl OidcSettings {
    pub(super) fn check(&self) -> Result<(), SettingError> {
        let refuse = |name, why: &str| {
            Err(SettingError {
                name,
                why: why.to_owned(),
            })
        };
        let Some(issuer) = &self.issuer else {
            return if self.client_id.is_some() || !self.roles.is_empty() {
                refuse("auth.oidc.issuer", "is missing")
            } else {
                Ok(())
            };
        };
        if !is_safe(issuer) {
            return refuse(
                "auth.oidc.issuer",
                "is not an https URL without a query (http only on loopback)",
            );
        }
        if self.client_id.as_deref().is_none_or(str::is_empty) {
            return refuse("auth.oidc.client_id", "is missing");
        }
        if self.algorithms.is_empty() {
            return refuse("auth.oidc.algorithms", "is empty");
        }
        if self.login_ttl.is_zero() {
            return refuse("auth.oidc.login_ttl", "is zero");
        }
        for rule in &self.roles {
            let is_sound = match (rule.role, &rule.organization, &rule.space) {
                (Role::Owner, None, None) => true,
                (Role::Developer, Some(_), Some(_)) => true,
                (Role::Auditor | Role::Writer, organization, space) => {
                    organization.is_some() == space.is_some()
                }
                _ => false,
            };
            if !is_sound {
                return refuse(
                    "auth.oidc.roles",
                    "has a rule whose account or space does not fit its role: owner, auditor and writer are roles of an account; \
                     developer, auditor and writer are roles of a space, which is named with its organization",
                );
            }
        }
        Ok(())
    }
}

/// Returns whether nobody on the network can impersonate the server of this URL.
pub(crate) fn is_safe(url: &str) -> bool {
    let Ok(uri) = url.parse::<Uri>() else {
        return false;
    };
    let host = uri.host().unwrap_or_default().trim_matches(['[', ']']);
    let is_local = host == "localhost"
        || host
            .parse::<IpAddr>()
            .is_ok_and(|address| address.is_loopback());
    let is_private = match uri.scheme_str() {
        Some("https") => true,
        Some("http") => is_local,
        _ => false,
    };
    is_private && !host.is_empty() && uri.query().is_none() && !url.contains(['#', '@'])
}

#[cfg(test)]
mod tests {
    use super::*;

    fn refused(change: impl FnOnce(&mut OidcSettings)) -> Option<&'static str> {
        let mut settings = OidcSettings {
            issuer: Some("https://login.example.com/realm".to_owned()),
            client_id: Some("atrail".to_owned()),
            ..OidcSettings::default()
        };
        change(&mut settings);
        settings.check().err().map(|error| error.name)
    }

    fn rule(role: Role, space: Option<&str>) -> RoleRule {
        RoleRule {
            claim: "groups".to_owned(),
            value: "g".to_owned(),
            role,
            account: "default".to_owned(),
            organization: space.map(|_| "default".to_owned()),
            space: space.map(str::to_owned),
        }
    }

    #[test]
    fn what_cannot_work_is_named() {
        assert_eq!(refused(|_| ()), None);
        assert_eq!(refused(|s| s.issuer = None), Some("auth.oidc.issuer"));
        for issuer in [
            "http://example.com",
            "example.com",
            "https://a?b",
            "ftp://a",
            "https://u@a",
        ] {
            let refused = refused(|s| s.issuer = Some(issuer.to_owned()));
            assert_eq!(refused, Some("auth.oidc.issuer"), "{issuer}");
        }
        for issuer in ["http://127.0.0.1:9", "http://localhost/x", "http://[::1]:9"] {
            assert_eq!(refused(|s| s.issuer = Some(issuer.to_owned())), None);
        }
        assert_eq!(refused(|s| s.client_id = None), Some("auth.oidc.client_id"));
        assert_eq!(
            refused(|s| s.algorithms.clear()),
            Some("auth.oidc.algorithms")
        );
        for (role, space, expected) in [
            (Role::Owner, None, None),
            (Role::Owner, Some("s"), Some("auth.oidc.roles")),
            (Role::Developer, None, Some("auth.oidc.roles")),
            (Role::Developer, Some("s"), None),
            (Role::Auditor, None, None),
            (Role::Auditor, Some("s"), None),
        ] {
            let refused = refused(|s| s.roles.push(rule(role, space)));
            assert_eq!(refused, expected, "{role:?} {space:?}");
        }
    }
}
