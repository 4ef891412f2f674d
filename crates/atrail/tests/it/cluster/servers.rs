//! The servers that nodes share: a database of the PostgreSQL that `ATRAIL_TEST_PG` names, and a bucket.

use std::net::{SocketAddr, ToSocketAddrs as _};
use std::path::Path;
use std::process::Command;

use atrail_torture::nanos;

use crate::postgres::installed;

/// An empty database; it is removed with the value.
#[derive(Debug)]
pub(crate) struct Database {
    server: String,
    name: String,
}

impl Database {
    /// Makes one; says why not, where there is no server or the program cannot use it.
    pub(crate) fn new() -> Option<Self> {
        if !cfg!(feature = "cluster") {
            println!("skipped: the program was built without the feature cluster");
            return None;
        }
        let Ok(server) = std::env::var("ATRAIL_TEST_PG") else {
            println!("skipped: ATRAIL_TEST_PG names no PostgreSQL server");
            return None;
        };
        let name = format!("nodes_{}_{}", std::process::id(), nanos());
        run(
            &server,
            &format!("CREATE DATABASE {name} TEMPLATE template0 ENCODING 'UTF8'"),
        );
        Some(Self { server, name })
    }

    /// Runs statements, and returns what they print.
    pub(crate) fn sql(&self, text: &str) -> String {
        run(&self.url(), text)
    }

    /// Returns a whole number that a statement prints.
    pub(crate) fn number(&self, text: &str) -> u64 {
        let said = self.sql(text);
        said.parse().unwrap_or_else(|_| panic!("{text}: {said}"))
    }

    /// Returns its URL.
    pub(crate) fn url(&self) -> String {
        let (before, _) = self.server.rsplit_once('/').unwrap();
        format!("{before}/{}?sslmode=disable", self.name)
    }

    /// Returns its URL, for who reaches the server at another address.
    pub(crate) fn url_at(&self, address: SocketAddr) -> String {
        let url = self.url();
        let (user, rest) = url.split_once('@').unwrap();
        let (_, database) = rest.split_once('/').unwrap();
        format!("{user}@{address}/{database}")
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        let (_, rest) = self.server.split_once('@').unwrap();
        address_of(rest.split('/').next().unwrap())
    }
}

impl Drop for Database {
    fn drop(&mut self) {
        let drop = format!("DROP DATABASE IF EXISTS {} WITH (FORCE)", self.name);
        let _ = psql(&self.server, &drop).output();
    }
}

fn address_of(text: &str) -> SocketAddr {
    text.to_socket_addrs().unwrap().next().unwrap()
}

fn psql(url: &str, text: &str) -> Command {
    let program = installed().map_or_else(|| "psql".into(), |bin| bin.join("psql"));
    let mut command = Command::new(program);
    command
        .current_dir(Path::new("/"))
        .args(["-X", "-q", "-t", "-A", "-v", "ON_ERROR_STOP=1", "-c", text])
        .arg(url);
    command
}

fn run(url: &str, text: &str) -> String {
    let run = psql(url, text).output().unwrap();
    assert!(run.status.success(), "{text}: {run:?}");
    String::from_utf8(run.stdout).unwrap().trim().to_owned()
}

/// An empty prefix of a bucket.
#[derive(Debug, Clone)]
pub(crate) struct Bucket {
    pub(crate) endpoint: String,
    pub(crate) url: String,
}

impl Bucket {
    /// Returns one of the server that `ATRAIL_TEST_S3` names; says where it names none.
    pub(crate) fn new() -> Option<Self> {
        let Ok(at) = std::env::var("ATRAIL_TEST_S3") else {
            println!("skipped: ATRAIL_TEST_S3 names no server");
            return None;
        };
        let (endpoint, bucket) = at.rsplit_once('/').unwrap();
        Some(Self {
            endpoint: endpoint.to_owned(),
            url: format!("s3://{bucket}/nodes-{}-{}", std::process::id(), nanos()),
        })
    }

    /// Returns the address of the server.
    pub(crate) fn address(&self) -> SocketAddr {
        address_of(self.endpoint.split_once("://").unwrap().1)
    }

    /// Returns the same bucket, for who reaches the server at another address.
    pub(crate) fn at(&self, address: SocketAddr) -> Self {
        Self {
            endpoint: format!("http://{address}"),
            url: self.url.clone(),
        }
    }
}
