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

/// Other words for short names, which a query may use as well. (Tables call the actor `Who`.)
const ALIASES: &[(&str, &str)] = &[("who", "actor")];

/// Words of other products, and the short names that they mean here. A query with one asks for a member of that name.
const FOREIGN: &[(&str, &str)] = &[
    ("user", "actor"),
    ("username", "actor"),
    ("principal", "actor"),
    ("event", "action"),
    ("operation", "action"),
    ("verb", "action"),
    ("resource", "target"),
    ("object", "target"),
    ("result", "outcome"),
    ("status", "outcome"),
    ("address", "from"),
    ("ip", "from"),
    ("code", "reason"),
    ("observer", "service"),
    ("date", "time"),
    ("timestamp", "time"),
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
        let alias = ALIASES
            .iter()
            .find(|(alias, _)| alias.eq_ignore_ascii_case(name));
        let name = alias.map_or(name, |(_, short)| *short);
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

impl Field {
    /// Reports whether this is a short name, or a path from a member that CADF or its users know. Events may have any
    /// other member as well.
    #[must_use]
    pub fn is_usual(&self) -> bool {
        let name = self.name.strip_prefix('.').unwrap_or(&self.name);
        is_known(name) || SHORT_NAMES.iter().any(|short| short.paths.contains(&name))
    }

    /// Returns the short name that was probably meant by this field, which is no usual one.
    #[must_use]
    pub fn meant(&self) -> Option<&'static str> {
        let name = self.name.to_ascii_lowercase();
        if let Some((_, short)) = FOREIGN.iter().find(|(foreign, _)| *foreign == name) {
            return Some(*short);
        }
        let short_names = SHORT_NAMES.iter().map(|short| short.name);
        short_names
            .map(|short| (distance(&name, short), short))
            .filter(|(distance, short)| *distance <= if short.len() > 4 { 2 } else { 1 })
            .min()
            .map(|(_, short)| short)
    }
}

/// Returns how many letters must be put in, left out or replaced to make one name the other.
fn distance(one: &str, other: &str) -> usize {
    let mut row: Vec<usize> = (0..=other.chars().count()).collect();
    for (above, a) in one.chars().enumerate() {
        let mut diagonal = row[0];
        row[0] = above + 1;
        for (left, b) in other.chars().enumerate() {
            let replaced = diagonal + usize::from(a != b);
            diagonal = row[left + 1];
            row[left + 1] = replaced.min(diagonal + 1).min(row[left] + 1);
        }
    }
    row.last().copied().unwrap_or_default()
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_unusual_field_suggests_the_short_name_that_was_meant() {
        for (name, meant) in [
            ("actr", Some("actor")),
            ("user", Some("actor")),
            ("traget", Some("target")),
            ("tpye", None),
            ("labels.app", None),
            ("x", None),
        ] {
            let field = Field::named(name).unwrap();
            assert!(!field.is_usual(), "{name}");
            assert_eq!(field.meant(), meant, "{name}");
        }
        for name in [
            "actor",
            "Who",
            ".type",
            "initiator.host.address",
            "requestData.size",
            "tags",
            "eventTime",
        ] {
            assert!(Field::named(name).unwrap().is_usual(), "{name}");
        }
        assert_eq!(Field::named("WHO").unwrap(), Field::named("actor").unwrap());
        assert_ne!(
            Field::named(".who").unwrap(),
            Field::named("actor").unwrap()
        );
    }
}
