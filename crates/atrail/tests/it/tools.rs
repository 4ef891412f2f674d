//! The original tools' functions besides the plugin: a target with the login, GUIDs for scripts, the list of plugins.

use crate::env::{Server, TestEnv, typed, value};
use crate::spelling::log_in;

#[test]
fn a_login_may_choose_the_target() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    let password = server.secret("password");
    for tool in ["bx", "ibmcloud", "cf", "bx cf", "ibmcloud cf"] {
        let line = format!(
            "{tool} login -a {} -u admin --password-stdin -o default -s default",
            server.address
        );
        let ran = typed(&env, &line, password.as_bytes());
        assert!(
            ran.stderr.contains("org default, space default"),
            "{}",
            ran.stderr
        );
        ran.ok();
        let shown = typed(&env, &format!("{tool} target"), b"").ok();
        assert_eq!(value(&shown, "space"), "default");
        typed(&env, &format!("{tool} logout"), b"").ok();
    }
    let said = typed(&env, "bx target", b"").stderr;
    let command = format!("`bx login -a http://{} -u admin`", server.address);
    assert!(said.contains(&command), "{said}");
    // The login succeeds even if the target does not.
    let line = format!(
        "bx login -a {} -u admin --password-stdin -o nowhere",
        server.address
    );
    let said = typed(&env, &line, password.as_bytes()).fails(1);
    assert!(
        said.contains("logged in, but") && said.contains("nowhere"),
        "{said}"
    );
    typed(&env, "bx iam oauth-tokens", b"").ok();
}

#[test]
fn scripts_learn_guids_as_they_did() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    log_in(&env, &server, "bx");
    let (org, space) = (server.secret("organization"), server.secret("space"));
    for start in ["bx iam", "ibmcloud iam", "bx cf", "ibmcloud cf", "cf"] {
        log_in(&env, &server, start.split(' ').next().unwrap());
        let one = |line: &str| typed(&env, &format!("{start} {line}"), b"").ok();
        assert_eq!(one("org default --guid"), format!("{org}\n"));
        assert_eq!(one("space default --guid"), format!("{space}\n"));
        assert_eq!(value(&one("org default"), "guid"), org);
        assert!(one("orgs").contains(&org));
        assert!(one("spaces").contains(&space));
        let said = typed(&env, &format!("{start} space nowhere --guid"), b"").fails(1);
        assert!(said.contains("nowhere"), "{said}");
    }
    let account = server.secret("account");
    for line in ["bx iam accounts", "ibmcloud iam accounts"] {
        let shown = typed(&env, line, b"").ok();
        assert!(
            shown.contains(&account) && shown.contains("default"),
            "{shown}"
        );
    }
}

#[test]
fn the_plugin_is_listed() {
    let env = TestEnv::new();
    let version = env!("CARGO_PKG_VERSION");
    for line in [
        "bx cf plugins",
        "ibmcloud cf plugins",
        "cf plugins",
        "bx plugin list",
        "ibmcloud plugin list",
        "ibmcloud plugin show activity-tracker",
        "bx plugin show ActivityTracker",
    ] {
        let shown = typed(&env, line, b"").ok();
        assert!(
            shown.contains("activity-tracker") && shown.contains(version),
            "{line}: {shown}"
        );
    }
    let said = typed(&env, "ibmcloud plugin show other", b"").fails(1);
    assert!(said.contains("activity-tracker"), "{said}");
    // Only the original's spelling has them.
    for args in [&["iam"][..], &["plugin", "list"], &["plugins"]] {
        env.run(args).fails(2);
    }
}
