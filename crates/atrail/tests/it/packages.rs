//! What is around the program in a release: its health check, and the files that run it elsewhere.

use std::path::Path;

use crate::env::{Server, TestEnv};
use crate::fake::{Answer, Fake};

#[test]
fn a_healthcheck_asks_once_without_a_login() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let url = format!("http://{}", server.address);
    assert_eq!(env.run(&["healthcheck", "-a", &url]).ok(), "ready\n");
    // The variable names the server, too, and nothing is left behind.
    let mut command = env.command(&["healthcheck"]);
    assert!(
        command
            .env("ATRAIL_ENDPOINT", &url)
            .status()
            .unwrap()
            .success()
    );
    assert!(!env.path("home/config").exists());
    // A login names it for people.
    env.log_in(&server);
    assert_eq!(env.run(&["healthcheck"]).ok(), "ready\n");
    server.stop();
    let said = env.run(&["healthcheck", "-a", &url]).fails(5);
    assert!(said.contains(url.trim_start_matches("http://")), "{said}");
}

#[test]
fn a_server_that_accepts_no_events_is_not_healthy() {
    let env = TestEnv::new();
    let problem =
        r#"{"code":"unavailable","title":"try later","status":503,"detail":"the log is closed"}"#;
    let fake = Fake::start(|_| Answer::Json(503, problem.to_owned()));
    let address = format!("http://{}", fake.address);
    let said = env.run(&["healthcheck", "-a", &address]).fails(5);
    assert!(said.contains("the log is closed"), "{said}");
    let seen = fake.seen();
    assert_eq!(seen.len(), 1, "one attempt: {seen:?}");
    assert_eq!(seen[0].line, "GET /readyz");
    assert!(!seen[0].head.contains("authorization"), "{}", seen[0].head);
}

#[test]
fn a_server_that_accepts_no_events_is_alive() {
    let env = TestEnv::new();
    let problem = r#"{"code":"storage_full","title":"full","status":507,"detail":"no room"}"#;
    let fake = Fake::start(|request| match request.line.as_str() {
        "GET /healthz" => Answer::Json(200, "alive".to_owned()),
        _ => Answer::Json(507, problem.to_owned()),
    });
    let address = format!("http://{}", fake.address);
    let live = ["healthcheck", "--live", "-a", &address];
    assert_eq!(env.run(&live).ok(), "alive\n");
    // The control: the same server, asked whether it accepts events.
    env.run(&["healthcheck", "-a", &address]).fails(5);
    let server = Server::start(&env);
    let address = format!("http://{}", server.address);
    env.run(&["healthcheck", "--live", "-a", &address]).ok();
    server.stop();
    env.run(&["healthcheck", "--live", "-a", &address]).fails(5);
}

#[test]
fn the_first_key_logs_in_as_the_server_wrote_it() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let file = env.path("data/initial-credentials.json");
    let url = format!("http://{}", server.address);
    let file = file.to_str().unwrap();
    env.run(&["login", "-a", &url, "--api-key-file", file]).ok();
    assert!(env.run(&["target"]).ok().contains("admin"));
    let mut command = env.command(&["admin", "space", "list"]);
    command
        .env("ATRAIL_ENDPOINT", &url)
        .env("ATRAIL_API_KEY_FILE", file);
    assert!(command.status().unwrap().success());
    // Another file is a key as it is, and this one is none.
    std::fs::write(env.path("other.json"), "{\"api_key\": 7}").unwrap();
    env.run(&["login", "-a", &url, "--api-key-file", "other.json"])
        .fails(4);
}

fn text(path: &str) -> String {
    let root = Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    std::fs::read_to_string(root.join(path)).unwrap()
}

/// Every place that names the version to install names this one.
#[test]
fn pages_and_manifests_name_this_version() {
    let version = env!("CARGO_PKG_VERSION");
    for (path, before, times) in [
        ("README.md", "atrail-", 1),
        ("docs/INSTALL.md", "atrail-", 3),
        ("docs/INSTALL.md", "atrail_", 1),
        ("docs/INSTALL.md", "atrail:", 2),
        ("deploy/compose/compose.yaml", "atrail:", 1),
        ("deploy/kubernetes/atrail.yaml", "atrail:", 1),
    ] {
        let text = text(path);
        let is_of_version = |c: char| c.is_ascii_digit() || c == '.';
        let named: Vec<_> = text
            .split(before)
            .skip(1)
            .filter_map(|rest| rest.split(|c| !is_of_version(c)).next())
            .filter(|word| word.matches('.').count() >= 2)
            .map(|word| word.trim_end_matches('.'))
            .collect();
        assert_eq!(named.len(), times, "{path}: {before}");
        for word in named {
            assert_eq!(word, version, "{path}: {before}");
        }
    }
    let heading = format!("\n## {version}\n");
    assert!(text("CHANGELOG.md").contains(&heading));
}

/// A server accepts the settings of the manifest.
#[test]
fn the_settings_for_kubernetes_are_settings() {
    let env = TestEnv::new();
    let manifest = text("deploy/kubernetes/atrail.yaml");
    let (_, rest) = manifest.split_once("  atrail.toml: |\n").unwrap();
    let lines = rest.lines().take_while(|line| *line != "---");
    let settings: String = lines
        .map(|line| line.strip_prefix("    ").unwrap_or(line).to_owned() + "\n")
        .collect();
    std::fs::write(env.path("atrail.toml"), &settings).unwrap();
    let args = ["serve", "--config", "atrail.toml", "--check-config"];
    let shown = env.run(&args).ok();
    assert!(shown.contains("0.0.0.0:8181"), "{shown}");
    // A setting that there is not would be noticed.
    let wrong = settings.replace("insecure_http", "insecure_htp");
    std::fs::write(env.path("atrail.toml"), wrong).unwrap();
    let said = env.run(&args).fails(2);
    assert!(said.contains("insecure_htp"), "{said}");
}
