//! Snapshots of every command's help.

use crate::env::TestEnv;

const COMMANDS: &[&str] = &[
    "",
    "serve",
    "quickstart",
    "login",
    "logout",
    "passwd",
    "token",
    "console",
    "target",
    "status",
    "session",
    "session create",
    "session list",
    "session show",
    "session delete",
    "search",
    "download",
    "verify",
    "prove",
    "delete",
    "option",
    "trail",
    "import",
    "sources",
    "sources list",
    "sources test",
    "tail",
    "healthcheck",
    "context",
    "context list",
    "context use",
    "context delete",
    "config",
    "config show",
    "admin",
    "admin account",
    "admin account create",
    "admin account list",
    "admin org create",
    "admin space create",
    "admin user create",
    "admin role create",
    "admin api-key create",
    "admin ingest-key create",
    "admin retention",
    "admin retention show",
    "admin retention resume",
    "admin scrub",
    "admin backup",
    "admin recover",
    #[cfg(feature = "cluster")]
    "admin migrate",
];

#[test]
fn every_commands_help() {
    let env = TestEnv::new();
    let mut all = String::new();
    for command in COMMANDS {
        let mut args: Vec<&str> = command.split_whitespace().collect();
        args.push("-h");
        let help = env.run(&args).ok();
        all.push_str(&format!("$ atrail {}\n{help}\n", args.join(" ")));
    }
    insta::assert_snapshot!("help", all);
}

#[test]
fn help_is_found_both_ways() {
    let env = TestEnv::new();
    let one = env.run(&["help", "session", "create"]).ok();
    let other = env.run(&["session", "help", "create"]).ok();
    assert_eq!(one, other);
    assert!(one.contains("atrail session create"), "{one}");
}

#[test]
fn the_version_is_printed() {
    let env = TestEnv::new();
    let expected = format!("atrail {}\n", env!("CARGO_PKG_VERSION"));
    assert_eq!(env.run(&["-v"]).ok(), expected);
    let long = env.run(&["--version"]).ok();
    let more = long.strip_prefix(&expected).unwrap();
    let names: Vec<_> = more
        .lines()
        .map(|line| line.split_once(": ").unwrap())
        .map(|(name, value)| {
            assert!(!value.is_empty(), "{long}");
            name
        })
        .collect();
    assert_eq!(names, ["commit", "target", "features"]);
    assert!(
        long.ends_with("\nfeatures: client server console cluster\n"),
        "{long}"
    );
}
