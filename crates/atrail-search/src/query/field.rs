//! The fields that conditions name.

use super::limits::FIELD_MAX_BYTES;
use super::{Field, Path};

/// A short name.
#[derive(Debug)]
pub struct ShortName {
    /// The name, lower case.
    pub name: &'static str,
    /// The paths that it stands for, with dots, in the order in which an event's value is chosen for counting.
    pub paths: &'static [&'static str],
    /// What it means.
    pub about: &'static str,
}

/// The short names. Their paths are those of CADF (DMTF DSP0262), in which an event may hold a resource itself
/// (`initiator`) or refer to one (`initiatorId`).
pub const SHORT_NAMES: &[ShortName] = &[
    ShortName {
        name: "actor",
        paths: &["initiator.name", "initiator.id", "initiatorId"],
        about: "who acted: name or id",
    },
    ShortName {
        name: "action",
        paths: &["action"],
        about: "what was done",
    },
    ShortName {
        name: "target",
        paths: &["target.name", "target.id", "targetId"],
        about: "what it was done to: name or id",
    },
    ShortName {
        name: "outcome",
        paths: &["outcome"],
        about: "success, failure, pending or unknown",
    },
    ShortName {
        name: "from",
        paths: &["initiator.host.address"],
        about: "the address from which the initiator acted",
    },
    ShortName {
        name: "reason",
        paths: &["reason.reasonCode"],
        about: "the code of the outcome, such as 403",
    },
    ShortName {
        name: "service",
        paths: &["observer.name", "observer.id", "observerId"],
        about: "who reported it: name or id",
    },
    ShortName {
        name: "type",
        paths: &["eventType"],
        about: "activity, monitor or control",
    },
    ShortName {
        name: "id",
        paths: &["id"],
        about: "the event's own id",
    },
    ShortName {
        name: TIME,
        paths: &["eventTime"],
        about: "when it happened",
    },
];

/// The field whose values are compared as times.
pub(super) const TIME: &str = "time";

/// The members of events by which this language knows that a field is meant, beside the short names.
const MEMBERS: &[&str] = &[
    "attachments",
    "eventtime",
    "eventtype",
    "initiator",
    "initiatorid",
    "measurements",
    "message",
    "name",
    "observer",
    "observerid",
    "reporterchain",
    "requestdata",
    "requestpath",
    "responsedata",
    "severity",
    "tags",
    "targetid",
    "typeuri",
];

/// Why a name is none of a field.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("{0}")]
pub struct FieldError(pub(super) String);

impl Field {
    /// Returns the field of this name: a short name, or the names of members with dots between them. A dot before the
    /// name takes it for the names of members, also where it is a short name. Case does not matter.
    ///
    /// # Errors
    /// When the name is empty or too long.
    pub fn named(name: &str) -> Result<Self, FieldError> {
        if name.len() > FIELD_MAX_BYTES {
            return Err(FieldError(format!(
                "the name of the field has {} bytes; at most {FIELD_MAX_BYTES} are possible",
                name.len()
            )));
        }
        if let Some(short) = SHORT_NAMES
            .iter()
            .find(|short| short.name.eq_ignore_ascii_case(name))
        {
            return Ok(Self {
                name: short.name.to_owned(),
                paths: short.paths.iter().map(|path| Path::of(path)).collect(),
            });
        }
        let path = name.strip_prefix('.').unwrap_or(name);
        if path.is_empty() {
            return Err(FieldError("the name of the field is missing".to_owned()));
        }
        Ok(Self {
            name: name.to_owned(),
            paths: vec![Path::of(path)],
        })
    }
}

impl Path {
    /// Returns the path with these names, which have dots between them.
    #[must_use]
    pub fn of(names: &str) -> Self {
        Self(names.split('.').map(str::to_owned).collect())
    }

    /// Returns the names with dots between them, folded: equal for all paths that lead to the same values.
    #[must_use]
    pub fn folded(&self) -> String {
        crate::text::fold(&self.0.join(".")).into_owned()
    }
}

/// Reports whether a name is that of a field for certain: a short name, or a path from a member that CADF or its users
/// know.
pub(super) fn is_known(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    let first = name.split('.').next().unwrap_or_default();
    name == "_exists_"
        || SHORT_NAMES.iter().any(|short| short.name == name)
        || MEMBERS.contains(&first)
        || (first == "target" || first == "reason") && name.contains('.')
}
