//! Runs the real server as a child process.

use std::fs::{self, File};
use std::io::{BufRead, BufReader};
use std::net::SocketAddr;
use std::path::{Path, PathBuf};
use std::process::{Child, ChildStdout, Command, Stdio};

use rustix::process::{Pid, Signal, kill_process};

use crate::client::Client;
use crate::shim::Shim;

/// The server's binary and its configuration.
#[derive(Debug, Clone)]
pub struct Program {
    /// The binary.
    pub binary: PathBuf,
    /// The text of its configuration file.
    pub config: String,
}

/// A running server; dropping it kills the process.
#[derive(Debug)]
pub struct Server {
    child: Child,
    _stdout: BufReader<ChildStdout>,
    address: SocketAddr,
    data: PathBuf,
}

impl Program {
    /// Starts the server on `DISK/data`, with its log and configuration in `scratch`.
    ///
    /// # Errors
    /// The log of a server that did not start.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn start(
        &self,
        disk: &Path,
        scratch: &Path,
        shim: Option<&Shim>,
    ) -> Result<Server, String> {
        let data = disk.canonicalize().unwrap().join("data");
        let mut command = self.command(scratch);
        command.arg("--data").arg(&data);
        if let Some(shim) = shim {
            shim.put_into(&mut command);
        }
        launch(command, data, scratch)
    }

    /// Starts a node of a cluster, whose configuration names `cache` as its cache, with everything in `scratch`. Its bucket
    /// lets everybody in.
    ///
    /// # Errors
    /// The log of a node that did not start.
    ///
    /// # Panics
    /// When there is no such program.
    pub fn start_node(&self, scratch: &Path) -> Result<Server, String> {
        let mut command = self.command(scratch);
        for name in ["AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"] {
            command.env(name, "everybody");
        }
        launch(command, scratch.join("cache"), scratch)
    }

    fn command(&self, scratch: &Path) -> Command {
        let config = scratch.join("atrail.toml");
        fs::write(&config, &self.config).unwrap();
        let mut command = Command::new(&self.binary);
        command
            .env_clear()
            .env("HOME", scratch)
            .env("TMPDIR", scratch)
            .current_dir(scratch)
            .args(["serve", "--listen", "127.0.0.1:0", "--config"])
            .arg(&config)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(File::create(scratch.join("server.log")).unwrap());
        command
    }
}

fn launch(mut command: Command, data: PathBuf, scratch: &Path) -> Result<Server, String> {
    let mut child = command.spawn().unwrap();
    let mut stdout = BufReader::new(child.stdout.take().unwrap());
    let mut line = String::new();
    stdout.read_line(&mut line).unwrap();
    let address = line.trim().strip_prefix("listening on http://");
    let Some(address) = address.and_then(|address| address.parse().ok()) else {
        let _ = child.kill();
        let status = child.wait().unwrap();
        let said = fs::read_to_string(scratch.join("server.log")).unwrap_or_default();
        return Err(format!("the server did not start ({status}): {line}{said}"));
    };
    Ok(Server {
        child,
        _stdout: stdout,
        address,
        data,
    })
}

impl Server {
    /// Logs in.
    ///
    /// # Errors
    /// The server's answer.
    pub fn client(&self) -> Result<Client, String> {
        Client::log_in(self.address, &self.data)
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the id of its process.
    #[must_use]
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Kills the server, so that nothing more reaches the disk.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn kill(mut self) {
        self.child.kill().unwrap();
        self.child.wait().unwrap();
    }

    /// Asks the server to stop, and waits.
    ///
    /// # Panics
    /// When the process is gone.
    pub fn stop(mut self) {
        kill_process(Pid::from_child(&self.child), Signal::TERM).unwrap();
        self.child.wait().unwrap();
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}
