//! `atrail console`, and the servers that have one or none.

use serde_json::{Value, json};

use crate::env::{Server, TestEnv};
use crate::http::{Answer, Caller, Connection};

/// Sends a request as a page of the console does.
fn as_page(server: &Server, request: &str, body: &Value) -> Answer {
    let caller = Caller {
        address: server.address,
        token: String::new(),
        space: String::new(),
    };
    let address = server.address;
    let headers = format!(
        "Sec-Fetch-Site: same-origin\r\nOrigin: http://{address}\r\nContent-Type: application/json\r\nX-Atrail-Console: 1\r\n"
    );
    let body = body.to_string();
    let mut connection = Connection::open(&caller).unwrap();
    connection.ask(request, &headers, body.as_bytes()).unwrap()
}

#[test]
fn the_address_logs_a_browser_in_as_the_user_of_the_client() {
    let env = TestEnv::new();
    let server = Server::start(&env);
    assert!(
        env.run(&["console"]).fails(4).contains("not logged in"),
        "the control"
    );
    env.log_in(&server);
    let address = env.run(&["console"]).ok();
    let start = format!("http://{}/console/#/login?link=", server.address);
    let secret = address.trim_end().strip_prefix(&start).unwrap();
    let log_in =
        |secret: &str| as_page(&server, "POST /v3/console/login", &json!({"link": secret}));
    let me = log_in(secret).json(200);
    assert_eq!(me["user"]["name"], "admin");
    assert_eq!(log_in(secret).status, 401, "once");
    let as_json: Value =
        serde_json::from_str(&env.run(&["console", "--format", "json"]).ok()).unwrap();
    let link = as_json["link"].as_str().unwrap();
    assert_eq!(log_in(link.strip_prefix(&start).unwrap()).status, 200);
    assert!(as_json["expires"].as_str().unwrap().ends_with('Z'));
}

#[test]
fn a_server_without_a_console_has_no_address() {
    let env = TestEnv::new();
    let server = Server::start_with(&env, &["--no-console"]);
    env.log_in(&server);
    let said = env.run(&["console"]).fails(1);
    assert!(said.contains("the server has no console"), "{said}");
    let body = json!({"username": "admin", "password": server.secret("password")});
    assert_eq!(
        as_page(&server, "POST /v3/console/login", &body).status,
        404
    );
    assert_eq!(as_page(&server, "GET /console/", &json!({})).status, 404);
    let shown = env.run(&["serve", "--no-console", "--check-config"]).ok();
    let console = shown.split("[console]").nth(1).unwrap();
    assert!(console.trim_start().starts_with("on = false"), "{shown}");
}
