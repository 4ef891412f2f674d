//! The description of the API (OpenAPI 3.1), generated from the table of operations and from the wire types.
//!
//! `docs/openapi.json` is this text. One test compares the two, and another verifies that the text contains every
//! route. Routes of other products' interfaces are left out: their clients have these products' descriptions. So are the
//! console's pages.

mod by_hand;
mod operation;
mod operations;

use std::collections::BTreeMap;
use std::sync::LazyLock;

use atrail_api as api;
use serde_json::{Value, json};
use utoipa::ToSchema;
use utoipa::openapi::{RefOr, Schema};

/// The groups of operations, and their descriptions.
const TAGS: &[(&str, &str)] = &[
    ("login", "Tokens: where to get them and how to check them."),
    ("console", "Logins of browsers."),
    (
        "events",
        "Sending, counting, downloading and deleting events.",
    ),
    ("sessions", "Frozen scopes for downloads."),
    ("search", "Finding, counting and exporting events."),
    (
        "evidence",
        "Receipts, the key that signs them, and legal holds.",
    ),
    ("options", "How long events are kept."),
    (
        "tenancy",
        "Accounts, organizations, spaces, users, roles and API keys.",
    ),
    ("operations", "For the server's operators."),
];

/// Returns the document as JSON text.
pub(crate) fn document() -> &'static str {
    static TEXT: LazyLock<String> = LazyLock::new(|| format!("{:#}\n", describe()));
    &TEXT
}

fn describe() -> Value {
    let mut paths: BTreeMap<&str, BTreeMap<String, Value>> = BTreeMap::new();
    for operation in operations::all() {
        let (method, path) = (operation.method().to_ascii_lowercase(), operation.path());
        let described = operation.describe();
        paths.entry(path).or_default().insert(method, described);
    }
    let tags: Vec<_> = TAGS
        .iter()
        .map(|(name, description)| json!({"name": name, "description": description}))
        .collect();
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": "atrail",
            "description": "An activity tracker: accepts audit events, stores them, and serves them as downloads \
                that are byte-exact and resumable. Days are UTC. Errors are RFC 9457 problems with a stable `code`.",
            "version": env!("CARGO_PKG_VERSION"),
            "license": {"name": "Apache-2.0", "identifier": "Apache-2.0"},
        },
        "tags": tags,
        "paths": paths,
        "components": {
            "schemas": schemas(),
            "securitySchemes": {
                "authToken": {
                    "type": "apiKey", "in": "header", "name": "X-Auth-Token",
                    "description": "An access token or an API key, with or without the word `bearer` before it.",
                },
                "bearer": {
                    "type": "http", "scheme": "bearer",
                    "description": "An access token or an API key.",
                },
                "cookie": {
                    "type": "apiKey", "in": "cookie", "name": "__Host-atrail",
                    "description": "The login of a browser. It counts on requests of the console's own pages, on the calls \
                        that the console makes.",
                },
                "basic": {
                    "type": "http", "scheme": "basic",
                    "description": "Any user name, and an API key as the password.",
                },
            },
        },
    })
}

/// Returns the schema of every wire type that an operation refers to.
fn schemas() -> BTreeMap<String, Value> {
    let mut found = BTreeMap::new();
    add::<api::Problem>(&mut found);
    add::<api::InfoResponse>(&mut found);
    add::<api::OidcInfo>(&mut found);
    add::<api::TokenRequest>(&mut found);
    add::<api::TokenRevocation>(&mut found);
    add::<api::TokenResponse>(&mut found);
    add::<api::TokenError>(&mut found);
    add::<api::PasswordChange>(&mut found);
    add::<api::Login>(&mut found);
    add::<api::ConsoleLogin>(&mut found);
    add::<api::ConsoleLink>(&mut found);
    add::<api::ConsoleMe>(&mut found);
    add::<api::DaySummary>(&mut found);
    add::<api::AckOrRefusal>(&mut found);
    add::<api::Session>(&mut found);
    add::<api::SessionRequest>(&mut found);
    add::<api::Deleted>(&mut found);
    add::<api::SearchQuery>(&mut found);
    add::<api::HitPlace>(&mut found);
    add::<api::SearchEnd>(&mut found);
    add::<api::AggregateQuery>(&mut found);
    add::<api::Aggregates>(&mut found);
    add::<api::ExportQuery>(&mut found);
    add::<api::NewExport>(&mut found);
    add::<api::OptionRow>(&mut found);
    add::<api::ClockState>(&mut found);
    add::<api::RetentionState>(&mut found);
    add::<api::OptionsRequest>(&mut found);
    add::<api::EvidenceKey>(&mut found);
    add::<api::HoldRequest>(&mut found);
    add::<api::HoldRow>(&mut found);
    add::<api::IndexRequest>(&mut found);
    add::<api::IndexState>(&mut found);
    add::<api::LogCheckpoint>(&mut found);
    add::<api::LogEntry>(&mut found);
    add::<api::TailQuery>(&mut found);
    add::<api::TailStart>(&mut found);
    add::<api::TailPlace>(&mut found);
    add::<api::TailMissed>(&mut found);
    add::<api::TailEnd>(&mut found);
    add::<api::Account>(&mut found);
    add::<api::AccountCreate>(&mut found);
    add::<api::Organization>(&mut found);
    add::<api::OrganizationCreate>(&mut found);
    add::<api::Space>(&mut found);
    add::<api::SpaceCreate>(&mut found);
    add::<api::User>(&mut found);
    add::<api::UserCreate>(&mut found);
    add::<api::SpaceDeleted>(&mut found);
    add::<api::RoleGrant>(&mut found);
    add::<api::HeldRole>(&mut found);
    add::<api::Invitation>(&mut found);
    add::<api::IngestKey>(&mut found);
    add::<api::IngestKeyCreate>(&mut found);
    add::<api::IngestKeyCreated>(&mut found);
    add::<api::IngestKeyRotate>(&mut found);
    add::<api::ApiKey>(&mut found);
    add::<api::ApiKeyCreate>(&mut found);
    add::<api::ApiKeyCreated>(&mut found);
    for (name, schema) in by_hand::schemas() {
        found.insert(name.to_owned(), schema);
    }
    found
}

/// Adds a type and the types that it consists of.
fn add<T: ToSchema>(found: &mut BTreeMap<String, Value>) {
    let mut parts: Vec<(String, RefOr<Schema>)> = vec![(T::name().into_owned(), T::schema())];
    T::schemas(&mut parts);
    for (name, schema) in parts {
        let schema = serde_json::to_value(schema).expect("a schema is JSON");
        found.insert(name, schema);
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::operation::Operation;
    use super::*;
    use crate::routes::ROUTES;

    #[test]
    fn every_route_is_described_and_nothing_else_is() {
        let described: BTreeSet<_> = operations::all()
            .iter()
            .map(|operation| (operation.method(), operation.path()))
            .collect();
        let (of_others, routes): (BTreeSet<_>, BTreeSet<_>) = ROUTES
            .iter()
            .copied()
            .partition(|(_, path)| api::paths::is_foreign(path));
        let pages = [
            api::paths::ROOT,
            api::paths::CONSOLE,
            api::paths::CONSOLE_DOCUMENT,
            api::paths::CONSOLE_ASSET,
        ];
        let (pages, routes): (BTreeSet<_>, BTreeSet<_>) = routes
            .into_iter()
            .partition(|(_, path)| pages.contains(path));
        assert_eq!(described, routes);
        assert!(of_others.len() > 10, "{of_others:?}");
        assert_eq!(pages.len(), 4);
    }

    #[test]
    fn every_reference_leads_somewhere_and_every_schema_is_used() {
        let document = describe();
        let text = document.to_string();
        let referred: BTreeSet<_> = text
            .split("\"#/components/schemas/")
            .skip(1)
            .filter_map(|rest| rest.split('"').next())
            .collect();
        let there = document["components"]["schemas"].as_object().unwrap();
        let there: BTreeSet<_> = there.keys().map(String::as_str).collect();
        assert_eq!(referred, there);
    }

    #[test]
    fn every_tag_is_described_and_every_description_is_used() {
        let document = describe();
        let paths = document["paths"].as_object().unwrap();
        let used: BTreeSet<_> = paths
            .values()
            .flat_map(|path| path.as_object().unwrap().values())
            .flat_map(|operation| operation["tags"].as_array().unwrap())
            .filter_map(Value::as_str)
            .collect();
        assert_eq!(used, TAGS.iter().map(|(name, _)| *name).collect());
    }

    #[test]
    fn error_codes_are_described_as_they_are_written() {
        let written = serde_json::to_value(api::ErrorCode::ALL).unwrap();
        assert_eq!(
            describe()["components"]["schemas"]["ErrorCode"]["enum"],
            written
        );
    }

    #[test]
    fn operations_have_names_of_their_own() {
        let operations = operations::all();
        let names: BTreeSet<_> = operations.iter().map(Operation::id).collect();
        assert_eq!(names.len(), operations.len());
    }

    #[test]
    fn the_committed_document_is_what_the_code_says() {
        let file = concat!(env!("CARGO_MANIFEST_DIR"), "/../../docs/openapi.json");
        if std::env::var_os("ATRAIL_WRITE_OPENAPI").is_some() {
            std::fs::write(file, document()).unwrap();
        }
        let committed = std::fs::read_to_string(file).unwrap();
        assert!(
            committed == document(),
            "docs/openapi.json differs from the code: run this test with ATRAIL_WRITE_OPENAPI=1 and review the difference"
        );
    }
}
