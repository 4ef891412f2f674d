//! WorkOS's API for audit logs: `POST /audit_logs/events` with `{"organization_id":"org_…","event":{…}}` (the API
//! reference, Audit Logs).

use std::borrow::Cow;

use serde::Deserialize;

use crate::json;

#[derive(Debug, Deserialize)]
struct Request<'a> {
    #[serde(borrow)]
    organization_id: Option<Cow<'a, str>>,
}

/// Returns the organization that the event of a body is about; `None` when the body names none.
#[must_use]
pub fn organization(body: &[u8]) -> Option<String> {
    let text = json::text(body);
    let request: Request<'_> = serde_json::from_str(&text).ok()?;
    let id = request.organization_id?.into_owned();
    (!id.is_empty()).then_some(id)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_organization_is_a_member_of_the_request_itself() {
        let of = |body: &str| organization(body.as_bytes());
        let body = r#"{"event":{"organization_id":"inner"},"organization_id":"org_\u0031"}"#;
        assert_eq!(of(body).as_deref(), Some("org_1"));
        for none in [
            "",
            "[]",
            "{}",
            r#"{"organization_id":""}"#,
            r#"{"organization_id":null}"#,
            r#"{"organization_id":7}"#,
            r#"{"organization_id":"o""#,
        ] {
            assert_eq!(of(none), None, "{none}");
        }
    }
}
