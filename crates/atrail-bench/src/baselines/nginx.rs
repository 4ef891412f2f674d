//! nginx with sendfile, serving the same file.

use std::fs;
use std::net::{Ipv4Addr, SocketAddr, TcpListener, TcpStream};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Duration;

use rustix::process::{Pid, Signal, kill_process};

use crate::failure::{Result, at};
use crate::process;

/// A running nginx; dropping it ends the process.
#[derive(Debug)]
pub(crate) struct Nginx {
    child: Child,
    address: SocketAddr,
}

impl Nginx {
    /// Serves the files of a directory; returns `None` where nginx is not installed.
    pub(crate) fn start(www: &Path, dir: &Path) -> Result<Option<Self>> {
        let free = TcpListener::bind((Ipv4Addr::LOCALHOST, 0));
        let address = free.and_then(|free| free.local_addr());
        let address = address.map_err(|error| format!("no free port: {error}"))?;
        let config = dir.join("nginx.conf");
        fs::write(&config, text(www, dir, address)).map_err(|error| at(&config, &error))?;
        let mut nginx = Command::new("nginx");
        nginx.arg("-p").arg(dir).arg("-c").arg(&config);
        nginx.arg("-e").arg(dir.join("error.log"));
        let started = nginx.stdin(Stdio::null()).stderr(Stdio::null()).spawn();
        let child = match started {
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(None),
            started => started.map_err(|error| format!("nginx: {error}"))?,
        };
        let nginx = Self { child, address };
        for _ in 0..100 {
            if TcpStream::connect(address).is_ok() {
                return Ok(Some(nginx));
            }
            std::thread::sleep(Duration::from_millis(50));
        }
        let said = fs::read_to_string(dir.join("error.log")).unwrap_or_default();
        Err(format!("nginx did not start: {said}"))
    }

    pub(crate) const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Returns the processor seconds that it has used, including its workers'.
    pub(crate) fn cpu_seconds(&self) -> f64 {
        process::cpu_seconds(self.child.id())
    }
}

impl Drop for Nginx {
    fn drop(&mut self) {
        // The master ends its workers. A failure cannot be reported here.
        let _ = kill_process(Pid::from_child(&self.child), Signal::TERM);
        let _ = self.child.wait();
    }
}

fn text(www: &Path, dir: &Path, address: SocketAddr) -> String {
    let (www, dir) = (www.display(), dir.display());
    // The bench may run as root, whose files a worker of another user could not read.
    let user = if rustix::process::geteuid().is_root() {
        "user root;"
    } else {
        ""
    };
    format!(
        "daemon off; {user} worker_processes 2; pid {dir}/pid; error_log {dir}/error.log;
events {{ worker_connections 256; }}
http {{
  access_log off; sendfile on; tcp_nopush on; keepalive_requests 1000000;
  client_body_temp_path {dir}/body; proxy_temp_path {dir}/proxy; fastcgi_temp_path {dir}/fastcgi;
  uwsgi_temp_path {dir}/uwsgi; scgi_temp_path {dir}/scgi;
  server {{ listen {address}; root {www}; }}
}}
"
    )
}
