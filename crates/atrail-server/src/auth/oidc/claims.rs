//! Maps claims to roles.

use atrail_api::Role;
use atrail_model::{AccountRole, HeldRole, SpaceRole};
use atrail_store::Tenancy;
use serde_json::{Map, Value};

use crate::error::ApiError;
use crate::settings::RoleRule;

/// Returns the roles of the rules that match. A rule whose account or space does not exist grants nothing, and is
/// logged.
pub(super) async fn roles(
    rules: &[RoleRule],
    claims: &Map<String, Value>,
    tenancy: &Tenancy,
) -> Result<Vec<HeldRole>, ApiError> {
    let mut roles = Vec::new();
    for rule in rules.iter().filter(|rule| fits(rule, claims)) {
        match place(rule, tenancy).await? {
            Some(role) => roles.push(role),
            None => tracing::warn!(
                account = %rule.account, space = rule.space.as_deref(),
                "a rule of auth.oidc.roles names an account or a space that does not exist"
            ),
        }
    }
    Ok(roles)
}

fn fits(rule: &RoleRule, claims: &Map<String, Value>) -> bool {
    match claims.get(&rule.claim) {
        Some(Value::String(text)) => *text == rule.value,
        Some(Value::Array(list)) => list.iter().any(|one| one.as_str() == Some(&rule.value)),
        _ => false,
    }
}

/// Returns the rule's role with the account or space that it names.
async fn place(rule: &RoleRule, tenancy: &Tenancy) -> Result<Option<HeldRole>, ApiError> {
    let named = |wanted: &str, name: &str, id: String| wanted == name || wanted == id;
    let accounts = tenancy.accounts().await?.into_iter();
    let account = accounts
        .filter(|one| named(&rule.account, &one.name, one.id.to_string()))
        .map(|one| one.id)
        .next();
    let Some(account) = account else {
        return Ok(None);
    };
    let (Some(organization), Some(space)) = (&rule.organization, &rule.space) else {
        return Ok(match rule.role {
            Role::Owner => Some(AccountRole::Owner),
            Role::Auditor => Some(AccountRole::Auditor),
            Role::Writer => Some(AccountRole::Writer),
            Role::Developer => None,
        }
        .map(|role| HeldRole::Account(account, role)));
    };
    let organizations = tenancy.organizations().await?.into_iter();
    let organization = organizations
        .filter(|one| one.account == account)
        .find(|one| named(organization, &one.name, one.id.to_string()));
    let Some(organization) = organization else {
        return Ok(None);
    };
    let spaces = tenancy.spaces().await?.into_iter();
    let space = spaces
        .filter(|one| one.organization == organization.id)
        .find(|one| named(space, &one.name, one.id.to_string()));
    let role = match rule.role {
        Role::Developer => Some(SpaceRole::Developer),
        Role::Auditor => Some(SpaceRole::Auditor),
        Role::Writer => Some(SpaceRole::Writer),
        Role::Owner => None,
    };
    Ok(space
        .zip(role)
        .map(|(space, role)| HeldRole::Space(space.id, role)))
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    #[test]
    fn a_rule_fits_a_text_or_a_list_that_has_it_and_nothing_else() {
        let rule = RoleRule {
            claim: "groups".to_owned(),
            value: "audit".to_owned(),
            role: Role::Auditor,
            account: "default".to_owned(),
            organization: None,
            space: None,
        };
        let fits = |claims: Value| fits(&rule, claims.as_object().unwrap());
        assert!(fits(json!({"groups": "audit"})));
        assert!(fits(json!({"groups": ["x", "audit"]})));
        for claims in [
            json!({}),
            json!({"groups": "audit,x"}),
            json!({"groups": ["Audit", "auditors"]}),
            json!({"groups": {"audit": true}}),
            json!({"groups": [["audit"]]}),
            json!({"group": "audit"}),
        ] {
            assert!(!fits(claims.clone()), "{claims}");
        }
    }
}
