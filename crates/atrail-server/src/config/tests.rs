use super::*;
use crate::settings::{SyslogSettings, SyslogTransport};

const EXAMPLE: &str = include_str!("../../../../docs/atrail.example.toml");

fn refused(text: &str) -> String {
    ConfigFile::parse(text).unwrap_err().to_string()
}

/// Returns the example with its settings uncommented: a setting is `#key = value`, while prose begins with `# `.
fn example_in_force() -> String {
    EXAMPLE
        .lines()
        .map(|line| match line.strip_prefix('#') {
            Some(setting) if setting.starts_with(|c: char| c.is_ascii_lowercase()) => setting,
            // The lines of a list.
            Some(setting) if setting.starts_with('[') => setting,
            Some(setting) if setting.starts_with(']') || setting.starts_with("  ") => setting,
            _ => line,
        })
        .flat_map(|line| [line, "\n"])
        .collect()
}

#[test]
fn the_example_as_it_is_changes_nothing() {
    let mut settings = Settings::default();
    ConfigFile::parse(EXAMPLE).unwrap().apply(&mut settings);
    let (now, before) = (
        ConfigFile::of(&settings),
        ConfigFile::of(&Settings::default()),
    );
    assert_eq!(now, before);
}

#[test]
fn the_example_names_every_setting_with_its_default() {
    let mut example = ConfigFile::parse(&example_in_force()).unwrap();
    // The settings without a default.
    assert!(example.server.public_url.take().is_some());
    assert!(example.store.catalog.take().is_some());
    assert!(example.store.archive.take().is_some());
    assert!(example.store.archive_endpoint.take().is_some());
    assert!(example.store.cache.take().is_some());
    assert!(example.cluster.take().is_some());
    assert!(example.evidence.name.take().is_some());
    assert!(example.server.tls_cert.take().is_some());
    assert!(example.server.tls_key.take().is_some());
    let oidc = &mut example.auth.oidc;
    assert!(oidc.issuer.take().is_some());
    assert!(oidc.client_id.take().is_some());
    assert!(oidc.audience.take().is_some());
    assert!(oidc.ca_file.take().is_some());
    assert_eq!(std::mem::take(&mut oidc.roles).len(), 2);
    assert_eq!(std::mem::take(&mut example.listener).len(), 1);
    let listeners = std::mem::take(&mut example.syslog);
    let [listener]: [SyslogSection; 1] = listeners.try_into().unwrap();
    let listener = listener.settings();
    assert!(listener.tls_cert.is_some());
    let defaults = SyslogSettings {
        tls_cert: listener.tls_cert.clone(),
        tls_key: listener.tls_key.clone(),
        ..SyslogSettings::new(
            listener.listen,
            listener.transport,
            listener.key_file.clone(),
        )
    };
    assert_eq!(listener, defaults);
    assert_eq!(example, ConfigFile::of(&Settings::default()));
}

#[test]
fn what_is_shown_reads_back() {
    let settings = Settings {
        public_url: Some("https://audit.example.com/at".parse().unwrap()),
        drain: std::time::Duration::from_millis(1500),
        listeners: vec![ListenerSettings {
            address: "127.0.0.1:9200".parse().unwrap(),
            serves: Serves::Elasticsearch,
        }],
        oidc: crate::settings::OidcSettings {
            issuer: Some("https://login.example.com".to_owned()),
            client_id: Some("atrail".to_owned()),
            roles: vec![crate::settings::RoleRule {
                claim: "groups".to_owned(),
                value: "audit".to_owned(),
                role: atrail_api::Role::Auditor,
                account: "default".to_owned(),
                organization: None,
                space: None,
            }],
            ..crate::settings::OidcSettings::default()
        },
        syslog: vec![
            SyslogSettings::new(
                "127.0.0.1:6514".parse().unwrap(),
                SyslogTransport::Tcp,
                "a".into(),
            ),
            SyslogSettings {
                zone: "Europe/Berlin".to_owned(),
                ..SyslogSettings::new(
                    "[::1]:514".parse().unwrap(),
                    SyslogTransport::Udp,
                    "b".into(),
                )
            },
        ],
        ..Settings::default()
    };
    let with_mappings = ConfigFile::parse(MAPPING).unwrap();
    let mut settings = settings;
    with_mappings.apply(&mut settings);
    assert_eq!(settings.mappings.len(), 1);
    settings.check().unwrap();
    let shown = ConfigFile::of(&settings);
    assert_eq!(ConfigFile::parse(&shown.to_string()), Ok(shown.clone()));
    let mut read_back = Settings::default();
    shown.clone().apply(&mut read_back);
    assert_eq!(ConfigFile::of(&read_back), shown);
}

const MAPPING: &str = r#"
[[mapping]]
name = "till"
detect = [["till_event", "what=s*"]]
[mapping.event]
time = { path = "at", as = "ms" }
action = [{ path = "what", words = { sold = "create" } }, "what"]
[mapping.target]
id = { join = ["shop", { path = "number", before = "n" }], with = "/" }
"#;

#[test]
fn a_faulty_mapping_is_refused_with_its_place() {
    let checked = |text: &str| {
        let mut settings = Settings::default();
        ConfigFile::parse(text).unwrap().apply(&mut settings);
        settings.check().unwrap_err().to_string()
    };
    for (from, to, reason) in [
        (
            "what=s*",
            "what..x=s*",
            "mapping 1 (`till`): detect: path `what..x`",
        ),
        (
            "\"shop\"",
            "\"shop[\"",
            "mapping 1 (`till`): target.id: path `shop[`",
        ),
        (
            "\"ms\"",
            "\"hours\"",
            "event.time: as = \"hours\": expected",
        ),
        ("\"till\"", "\"cadf\"", "name: another format has this name"),
        (
            "\"till\"",
            "\"Till\"",
            "name: a name and an alias have lowercase letters",
        ),
    ] {
        let error = checked(&MAPPING.replacen(from, to, 1));
        assert!(error.contains(reason), "{error}");
    }
    let error = refused(&MAPPING.replacen("words =", "word =", 1));
    assert!(
        error.contains("line 7") && error.contains("unknown field `word`"),
        "{error}"
    );
    let error = refused(&MAPPING.replacen("time =", "times =", 1));
    assert!(error.contains("unknown field `times`"), "{error}");
}

#[test]
fn errors_name_the_key_and_the_line() {
    let unknown = refused("[server]\nlisten = \"127.0.0.1:1\"\nlisen = 1\n");
    assert!(
        unknown.starts_with("line 3: unknown field `lisen`"),
        "{unknown}"
    );
    let unknown = refused("[serve]\n");
    assert!(
        unknown.starts_with("line 1: unknown field `serve`"),
        "{unknown}"
    );
    for (text, expected) in [
        ("[store]\n\nseal_at = 64\n", "line 3: "),
        (
            "[store]\nseal_at = \"64\"\n",
            "line 2: \"64\" is not a size",
        ),
        (
            "[store]\nseal_after = \"5 fortnights\"\n",
            "line 2: \"5 fortnights\" is not a time",
        ),
        ("[log]\nformat = \"xml\"\n", "line 2: unknown variant `xml`"),
        (
            "[server]\npublic_url = \"example.com\"\n",
            "line 2: \"example.com\" is not",
        ),
        ("[server]\nlisten = \"here\"\n", "line 2: "),
        ("[server\n", "line 1: "),
    ] {
        let error = refused(text);
        assert!(error.starts_with(expected), "{error}");
    }
}
