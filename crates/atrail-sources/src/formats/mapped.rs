//! The formats whose items become events by a mapping.

use std::sync::LazyLock;

use super::{Format, Holds, Name, Reading, Wrapping};
use crate::mapping::{Mapping, Spec, TextItems};

/// The formats whose items are lines, and the code that makes objects of them.
const OF_LINES: [(&str, TextItems); 2] = [
    ("auditd", super::auditd::ITEMS),
    ("pgaudit", super::csvlog::ITEMS),
];

/// The embedded mappings, in the order of the table.
static MAPPINGS: LazyLock<Vec<Mapping>> = LazyLock::new(|| {
    let sources = [
        include_str!("../../mappings/kubernetes.toml"),
        include_str!("../../mappings/cloudtrail.toml"),
        include_str!("../../mappings/ocsf.toml"),
        include_str!("../../mappings/gcp.toml"),
        include_str!("../../mappings/github.toml"),
        include_str!("../../mappings/gitlab.toml"),
        include_str!("../../mappings/vault.toml"),
        include_str!("../../mappings/okta.toml"),
        include_str!("../../mappings/entra.toml"),
        include_str!("../../mappings/azure.toml"),
        include_str!("../../mappings/auth0.toml"),
        include_str!("../../mappings/teleport.toml"),
        include_str!("../../mappings/slack.toml"),
        include_str!("../../mappings/google-workspace.toml"),
        include_str!("../../mappings/keycloak.toml"),
        include_str!("../../mappings/laurel.toml"),
        include_str!("../../mappings/auditd.toml"),
        include_str!("../../mappings/pgaudit.toml"),
        include_str!("../../mappings/otlp.toml"),
        include_str!("../../mappings/cloudevents.toml"),
        include_str!("../../mappings/syslog.toml"),
        include_str!("../../mappings/github-webhook.toml"),
        include_str!("../../mappings/gitlab-webhook.toml"),
        include_str!("../../mappings/workos.toml"),
        include_str!("../../mappings/retraced.toml"),
        include_str!("../../mappings/pangea.toml"),
        include_str!("../../mappings/generic.toml"),
    ];
    let mut mappings: Vec<_> = sources.into_iter().map(Mapping::embedded).collect();
    for mapping in &mut mappings {
        let mut formats = OF_LINES.iter();
        let name = mapping.head().name;
        mapping.items = formats
            .find(|(known, _)| *known == name)
            .map(|(_, items)| *items);
    }
    mappings
});

/// Returns the rows of the embedded mappings.
pub(super) fn embedded() -> impl Iterator<Item = Format> {
    MAPPINGS.iter().map(|mapping| row(mapping, mapping.head()))
}

/// Returns the row of a mapping. Its texts live as long as the program, as the table does.
pub(crate) fn row(mapping: &'static Mapping, spec: Spec) -> Format {
    let texts = |texts: Vec<String>| -> &'static [&'static str] {
        let texts: Vec<&'static str> = texts.into_iter().map(|text| &*text.leak()).collect();
        texts.leak()
    };
    let wrappings = spec.lists.iter().map(|member| Wrapping {
        member: Name::quoted(format!("\"{member}\"").leak()),
        holds: Holds::Events,
        unless: super::cadf::EVENT_TIME,
    });
    let name = spec.name.leak();
    let title = spec.title.map_or(&*name, |title| title.leak());
    Format {
        name,
        kind: name,
        aliases: texts(spec.aliases),
        media_types: texts(spec.media_types),
        about: spec.about.map_or(title, |about| about.leak()),
        marks: spec.marks.unwrap_or_default().leak(),
        wrappings: wrappings.collect::<Vec<_>>().leak(),
        carries: spec.carries,
        lines: mapping.items.map(|items| items.lines),
        reading: Reading::Mapped(mapping),
        ..Format::BLANK
    }
}
