//! A tenant with its own account, space and user.

use std::net::{Ipv4Addr, SocketAddr, TcpStream};

use serde_json::{Value, json};

use crate::failure::Result;
use crate::server::Running;

/// Headers of a form.
pub(super) const FORM: &str = "Content-Type: application/x-www-form-urlencoded\r\n";

const PASSWORD: &str = "correct horse battery";
/// Source address of its requests: to the server, another machine.
const ADDRESS: Ipv4Addr = Ipv4Addr::new(127, 0, 0, 2);

/// A tenant that shares nothing with the innocent one but the server.
#[derive(Debug)]
pub(super) struct Tenant {
    pub(super) server: SocketAddr,
    pub(super) headers: String,
}

impl Tenant {
    pub(super) fn new(server: &Running, name: &str) -> Result<Self> {
        let mut connection = server.connect()?;
        let operator = server.headers(server.space());
        let mut post =
            |path: &str, body: &Value| connection.json(&format!("POST {path}"), &operator, body);
        let guid = |made: &Value| made["guid"].as_str().unwrap_or_default().to_owned();
        let account = guid(&post("/v3/accounts", &json!({"name": name}))?);
        let owner = json!({"user": "admin", "role": "owner", "account": account});
        post("/v3/roles", &owner)?;
        let below = |what: &str, id: &str| json!({"name": name, "relationships": {what: {"data": {"guid": id}}}});
        let organization = guid(&post("/v3/organizations", &below("account", &account))?);
        let space = guid(&post("/v3/spaces", &below("organization", &organization))?);
        post("/v3/users", &json!({"name": name, "password": PASSWORD}))?;
        let role = json!({"user": name, "role": "developer", "space": space});
        post("/v3/roles", &role)?;
        let form = format!("grant_type=password&username={name}&password={PASSWORD}");
        let form = form.replace(' ', "+");
        let tokens = connection.content("POST /oauth/token", FORM, form.as_bytes())?;
        let tokens: Value =
            serde_json::from_slice(&tokens).map_err(|error| format!("login: {error}"))?;
        let token = tokens["access_token"].as_str().unwrap_or_default();
        Ok(Self {
            server: server.address(),
            headers: format!("X-Auth-Token: bearer {token}\r\nX-Auth-Project-Id: {space}\r\n"),
        })
    }

    /// Connects from its own address.
    pub(super) fn connect(&self) -> Result<TcpStream> {
        use rustix::net::{AddressFamily, SocketType, bind, connect, socket};
        let open = || -> rustix::io::Result<_> {
            let socket = socket(AddressFamily::INET, SocketType::STREAM, None)?;
            bind(&socket, &SocketAddr::from((ADDRESS, 0)))?;
            connect(&socket, &self.server)?;
            Ok(socket)
        };
        let socket = open().map_err(|error| format!("{}: {error}", self.server))?;
        Ok(TcpStream::from(socket))
    }
}
