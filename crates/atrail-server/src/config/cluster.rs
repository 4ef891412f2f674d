//! The section `[cluster]`.

use std::path::PathBuf;
use std::time::Duration;

use atrail_store::ClusterSettings;
use serde::{Deserialize, Serialize};

use super::put::{put, put_span};
use super::units::Span;

/// For how long a node counts as alive after it renewed its lease, unless the settings say otherwise.
const LEASE: Duration = Duration::from_secs(10);

#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub(super) struct ClusterSection {
    key_file: Option<PathBuf>,
    name: Option<String>,
    node_lease: Option<Span>,
}

impl ClusterSection {
    pub(super) fn of(settings: &ClusterSettings) -> Self {
        let ClusterSettings {
            key_file,
            name,
            // They are the server's own.
            version: _,
            address: _,
            lease,
        } = settings;
        Self {
            key_file: Some(key_file.clone()),
            name: Some(name.clone()),
            node_lease: Some(Span(*lease)),
        }
    }

    pub(super) fn apply(self, settings: &mut Option<ClusterSettings>) {
        let Self {
            key_file,
            name,
            node_lease,
        } = self;
        let settings = settings.get_or_insert_with(|| ClusterSettings {
            key_file: PathBuf::new(),
            name: String::new(),
            version: env!("CARGO_PKG_VERSION").to_owned(),
            address: String::new(),
            lease: LEASE,
        });
        put(&mut settings.key_file, key_file);
        put(&mut settings.name, name);
        put_span(&mut settings.lease, node_lease);
    }
}
