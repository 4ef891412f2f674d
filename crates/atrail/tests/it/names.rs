//! Names and GUIDs: which thing a word means, and which names are invalid.

use crate::env::{Server, TestEnv, finish};
use crate::http::{Caller, Connection};

#[test]
fn a_guid_is_the_thing_s_own_in_either_case_and_no_name() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    let guid = server.secret("space");
    // The server refuses a GUID as the name of a new thing, of any kind, in either case.
    let other = "0a0a0a0a-0000-4000-8000-00000000000a";
    let key = ["admin", "api-key", "create"];
    let user = ["admin", "user", "create", "--password-stdin"];
    for create in [
        &["admin", "org", "create"][..],
        &["admin", "space", "create"],
        &user,
        &key,
        &["admin", "account", "create"],
    ] {
        for name in [guid.as_str(), other, &guid.to_uppercase()] {
            let args = [create, &[name]].concat();
            let said = env.run_with(&args, b"correct horse battery").fails(1);
            assert!(said.contains("looks like an id"), "{args:?}: {said}");
        }
        // The control: a name that only resembles a GUID is valid.
        let args = [create, &[&other[1..]]].concat();
        env.run_with(&args, b"correct horse battery").ok();
    }
    // A GUID identifies the thing itself wherever a name is accepted.
    let upper = |name: &str| server.secret(name).to_uppercase();
    let (account, organization, space) = (upper("account"), upper("organization"), upper("space"));
    env.run(&["target", "-o", &organization, "-s", &space]).ok();
    for (kind, wanted) in [
        ("account", &account),
        ("org", &organization),
        ("space", &space),
    ] {
        env.run(&["admin", kind, "show", wanted]).ok();
    }
    let users = env.run(&["admin", "user", "list", "--format", "csv"]).ok();
    let admin = users.lines().find(|line| line.contains(",admin,")).unwrap();
    let admin = admin.split(',').next().unwrap().to_uppercase();
    env.run(&["admin", "user", "show", &admin]).ok();
    env.run(&["admin", "org", "create", "o2", "--account", &account])
        .ok();
    env.run(&[
        "admin",
        "space",
        "create",
        "s2",
        "--organization",
        &organization,
    ])
    .ok();
    let name = &other[1..];
    let role = ["admin", "role", "create", "--user", name, "--role"];
    env.run(&[&role[..], &["auditor", "--space", &space]].concat())
        .ok();
    env.run(&[&role[..], &["auditor", "--account", &account]].concat())
        .ok();
    env.run(&["admin", "space", "delete", &space, "--dry-run"])
        .ok();
    let id = env
        .run(&["session", "create", "-q"])
        .ok()
        .trim()
        .to_uppercase();
    env.run(&["session", "show", &id]).ok();
    env.run(&["download", "-o", "F", &id]).ok();
    env.run(&["verify", "F", "--space", &space]).ok();
    env.run(&["session", "delete", &id]).ok();
    let mut by_variable = env.command(&["status"]);
    by_variable
        .env("ATRAIL_ORG", &organization)
        .env("ATRAIL_SPACE", &space);
    finish(&mut by_variable, b"").ok();
}

#[test]
fn a_comma_in_a_name_is_part_of_it() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for name in ["a,b", "a", "b", "c"] {
        env.run(&["admin", "space", "create", name]).ok();
    }
    env.run(&["target", "-s", "a,b"]).ok();
    let caller = Caller {
        address: server.address,
        token: env.run(&["token"]).ok().trim().to_owned(),
        space: server.secret("space"),
    };
    let named = |names: &str| {
        let request = format!("GET /v3/spaces?names={names}");
        let mut connection = Connection::open(&caller).unwrap();
        let found = connection.ask(&request, "", b"").unwrap().json(200);
        let found = found["resources"].as_array().unwrap().iter();
        let names = found.map(|space| space["name"].as_str().unwrap().to_owned());
        names.collect::<Vec<_>>()
    };
    // Alone; among others its comma is encoded as Cloud Foundry's clients encode one that is no separator.
    assert_eq!(named("a%2Cb"), ["a", "a,b", "b"]);
    assert_eq!(named("a%252Cb,c"), ["a,b", "c"]);
    assert_eq!(named("a,c"), ["a", "c"]);
    assert_eq!(named("b"), ["b"]);
    let upper = server.secret("organization").to_uppercase();
    let mut connection = Connection::open(&caller).unwrap();
    let request = format!("GET /v3/spaces?organization_guids={upper}");
    let found = connection.ask(&request, "", b"").unwrap().json(200);
    assert_eq!(found["resources"].as_array().unwrap().len(), 5);
}

#[test]
fn a_list_as_csv_is_safe_to_open_in_a_spreadsheet() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    env.log_in(&server);
    for name in ["=1+1", "@sum", "plain"] {
        env.run(&["admin", "space", "create", "--", name]).ok();
    }
    let spaces = env.run(&["admin", "space", "list", "--format", "csv"]).ok();
    for cell in [",'=1+1,", ",'@sum,", ",plain,"] {
        assert!(spaces.contains(cell), "{cell}: {spaces}");
    }
    let shown = env
        .run(&["admin", "space", "show", "--format", "csv", "=1+1"])
        .ok();
    assert!(shown.contains(",'=1+1,"), "{shown}");
    // A number stays a number, also below zero; JSON values get no prefix.
    let option = env.run(&["option", "--format", "csv"]).ok();
    assert!(option.contains(",-1\r\n"), "{option}");
    let json = env
        .run(&["admin", "space", "list", "--format", "jsonl"])
        .ok();
    assert!(json.contains("\"=1+1\""), "{json}");
}
