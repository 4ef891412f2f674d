//! The measured server, and its user.

use std::fs;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::time::Duration;

use atrail_torture::{Client, Program, Server};
use serde_json::{Value, json};

use crate::failure::{Result, at};
use crate::http::Connection;
use crate::process;

/// A running server, and a logged-in user.
#[derive(Debug)]
pub(crate) struct Running {
    server: Server,
    data: PathBuf,
    user: Client,
    password: String,
}

impl Running {
    pub(crate) fn start(program: &Program, disk: &Path) -> Result<Self> {
        let server = program.start(disk, disk, None)?;
        let user = server.client()?;
        let data = disk.join("data");
        let password = first_password(&data)?;
        Ok(Self {
            server,
            data,
            user,
            password,
        })
    }

    /// Starts a node of a cluster; `first` is the directory of the node that made the first user.
    pub(crate) fn start_node(
        program: &Program,
        scratch: &Path,
        first: Option<&Path>,
    ) -> Result<Self> {
        const CREDENTIALS: &str = "initial-credentials.json";
        let server = program.start_node(scratch)?;
        let data = scratch.join("cache");
        if let Some(first) = first {
            let copied = fs::copy(first.join(CREDENTIALS), data.join(CREDENTIALS));
            copied.map_err(|error| at(&data, &error))?;
        }
        let user = server.client()?;
        let password = first_password(&data)?;
        Ok(Self {
            server,
            data,
            user,
            password,
        })
    }

    /// Stops the server; returns its data directory.
    pub(crate) fn stop(self) -> PathBuf {
        self.server.stop();
        self.data
    }

    pub(crate) fn address(&self) -> SocketAddr {
        self.server.address()
    }

    pub(crate) fn connect(&self) -> Result<Connection> {
        Connection::open(self.address())
    }

    /// Returns the first space.
    pub(crate) fn space(&self) -> &str {
        self.user.space()
    }

    /// Returns the first user's password.
    pub(crate) fn password(&self) -> &str {
        &self.password
    }

    /// Returns the headers of a request in a space.
    pub(crate) fn headers(&self, space: &str) -> String {
        let token = self.user.token();
        format!("X-Auth-Token: bearer {token}\r\nX-Auth-Project-Id: {space}\r\n")
    }

    /// Returns the headers of a request for the bytes of a session.
    pub(crate) fn headers_of(&self, space: &str, session: &Value) -> String {
        let id = session["id"].as_str().unwrap_or_default();
        format!("{}SESSIONID: {id}\r\n", self.headers(space))
    }

    /// Makes this many spaces besides the first.
    pub(crate) fn make_spaces(&self, count: usize) -> Result<Vec<String>> {
        let mut connection = self.connect()?;
        let headers = self.headers(self.user.space());
        let first = connection.json("GET /v3/organizations", &headers, &Value::Null)?;
        let organization = &first["resources"][0]["guid"];
        let make = |number: usize| {
            let body = json!({
                "name": format!("tenant-{number:05}"),
                "relationships": {"organization": {"data": {"guid": organization}}},
            });
            let space = connection.json("POST /v3/spaces", &headers, &body)?;
            let guid = space["guid"].as_str();
            guid.map(str::to_owned)
                .ok_or_else(|| format!("no space: {space}"))
        };
        (0..count).map(make).collect()
    }

    /// Makes a session, which seals the unsealed events.
    pub(crate) fn session(&self, space: &str, scope: &Value) -> Result<Value> {
        self.connect()?
            .json("POST /v3/sessions", &self.headers(space), scope)
    }

    /// Seals all events.
    pub(crate) fn seal(&self) -> Result<()> {
        let everything = json!({"start": "2000-01-01", "AtAccountLevel": true});
        self.session(self.user.space(), &everything).map(drop)
    }

    /// Returns the processor seconds that it has used.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        process::cpu_seconds(self.server.id())
    }

    /// Returns the bytes that it holds in memory, and its peak.
    pub(crate) fn memory_bytes(&self) -> (u64, u64) {
        process::memory_bytes(self.server.id())
    }

    /// Returns its bytes on disk, without the reserve for a full disk.
    pub(crate) fn disk_bytes(&self) -> u64 {
        process::disk_bytes(&self.data, &["reserve"])
    }

    /// Lets the peak of its memory begin anew with what it holds now.
    pub(crate) fn reset_peak(&self) -> Result<()> {
        process::reset_peak(self.server.id())
    }

    /// Returns the lengths of its archive's files and of its search index's, in bytes.
    pub(crate) fn archive_and_index_bytes(&self) -> (u64, u64) {
        let below = |name: &str| process::length_bytes(&self.data.join(name));
        (below("archive"), below("index"))
    }

    /// Returns its data directory.
    pub(crate) fn data(&self) -> &Path {
        &self.data
    }

    /// Evicts all its files from the page cache, and as root whatever else the system caches of the disk.
    pub(crate) fn cool_all(&self) -> Result<()> {
        evict(&self.data)?;
        let caches = Path::new("/proc/sys/vm/drop_caches");
        if rustix::process::geteuid().is_root() {
            // Not everywhere may root do that, as in a container: then the files alone are cold.
            let _ = fs::write(caches, "3");
        }
        Ok(())
    }

    /// Evicts its archive's files from the page cache, as far as the system allows.
    pub(crate) fn cool(&self) -> Result<()> {
        evict(&self.data.join("archive"))
    }

    /// Waits until the background work is done, as far as can be seen from outside.
    pub(crate) fn settle(&self) {
        let mut before = self.cpu_seconds();
        for _ in 0..60 {
            std::thread::sleep(Duration::from_millis(500));
            let now = self.cpu_seconds();
            if now - before < 0.02 {
                return;
            }
            before = now;
        }
    }
}

fn first_password(data: &Path) -> Result<String> {
    let file = data.join("initial-credentials.json");
    let text = fs::read(&file).map_err(|error| at(&file, &error))?;
    let all: Value = serde_json::from_slice(&text).map_err(|error| error.to_string())?;
    Ok(all["password"].as_str().unwrap_or_default().to_owned())
}

fn evict(path: &Path) -> Result<()> {
    let failed = |error: std::io::Error| at(path, &error);
    if path.is_dir() {
        for entry in fs::read_dir(path).map_err(failed)? {
            evict(&entry.map_err(failed)?.path())?;
        }
        return Ok(());
    }
    let file = fs::File::open(path).map_err(failed)?;
    // Pages that are not on the disk yet cannot be evicted.
    file.sync_all().map_err(failed)?;
    rustix::fs::fadvise(&file, 0, None, rustix::fs::Advice::DontNeed)
        .map_err(|error| failed(error.into()))
}
