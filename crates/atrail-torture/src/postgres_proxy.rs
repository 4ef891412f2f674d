//! A proxy in front of PostgreSQL that cuts a connection at a chosen commit.
//!
//! It reads what a client sends (PostgreSQL's frontend/backend protocol, version 3): which text each prepared statement has,
//! which of them a transaction runs, and `COMMIT`. The connection must not be encrypted (`sslmode=disable`).

mod upstream;

use std::collections::HashMap;
use std::io::{self, BufReader, Read as _, Write as _};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::path::PathBuf;
use std::sync::{Arc, Mutex};
use std::thread;

use upstream::{Place, Upstream};

/// Where a connection is cut.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Cut {
    /// PostgreSQL never gets the `COMMIT`, and learns that its client is gone.
    BeforeCommit,
    /// PostgreSQL gets the `COMMIT`, and its connection stays: it works on as if its client were there. The client's is cut
    /// at once.
    AfterCommit,
}

/// Cuts the commit of the next transaction that runs a statement with this text in it.
#[derive(Debug)]
struct Order {
    cut: Cut,
    statement: String,
}

#[derive(Debug, Default)]
struct State {
    order: Option<Order>,
    cuts: usize,
}

/// A proxy in front of a PostgreSQL. It ends with the process.
#[derive(Debug)]
pub struct PostgresProxy {
    address: SocketAddr,
    state: Arc<Mutex<State>>,
}

impl PostgresProxy {
    /// Starts one in front of this socket, such as `DIR/.s.PGSQL.5432`.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start(socket: PathBuf) -> Self {
        Self::to(Place::Socket(socket))
    }

    /// Starts one in front of a PostgreSQL that listens on this address.
    ///
    /// # Panics
    /// When it cannot listen.
    #[must_use]
    pub fn start_at(address: SocketAddr) -> Self {
        Self::to(Place::Tcp(address))
    }

    fn to(place: Place) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let state = Arc::new(Mutex::new(State::default()));
        let shared = Arc::clone(&state);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let Ok(server) = place.connect() else {
                    continue;
                };
                let shared = Arc::clone(&shared);
                thread::spawn(move || pass(&client, &server, &shared));
            }
        });
        Self { address, state }
    }

    /// Returns the address that it listens on.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Cuts the connection of the next transaction that runs a statement with this text in it, at its commit.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    pub fn cut(&self, cut: Cut, statement: &str) {
        self.state.lock().unwrap().order = Some(Order {
            cut,
            statement: statement.to_owned(),
        });
    }

    /// Returns how many connections it has cut.
    ///
    /// # Panics
    /// When a thread of the proxy has panicked.
    #[must_use]
    pub fn cuts(&self) -> usize {
        self.state.lock().unwrap().cuts
    }
}

/// Passes a connection on until it ends, or is cut.
fn pass(client: &TcpStream, server: &Upstream, state: &Mutex<State>) {
    let (Ok(mut to_client), Ok(from_server)) = (client.try_clone(), server.try_clone()) else {
        return;
    };
    thread::spawn(move || {
        // What comes after a cut is read as well: PostgreSQL must not notice it.
        let mut buffer = [0; 8192];
        while let Ok(count @ 1..) = from_server.read(&mut buffer) {
            let _ = to_client.write_all(&buffer[..count]);
        }
        let _ = to_client.shutdown(Shutdown::Both);
    });
    let cut = Session::new(client, server, state).pass_on();
    let _ = client.shutdown(Shutdown::Both);
    // The thread that reads what PostgreSQL sends keeps the connection otherwise.
    if !matches!(cut, Ok(Some(Cut::AfterCommit))) {
        server.shut_down();
    }
}

/// What a client sends over one connection.
struct Session<'a> {
    client: BufReader<&'a TcpStream>,
    server: &'a Upstream,
    state: &'a Mutex<State>,
    /// The text of each prepared statement.
    prepared: HashMap<Vec<u8>, String>,
    /// Whether the transaction in progress is the one to cut.
    is_chosen: bool,
}

impl<'a> Session<'a> {
    fn new(client: &'a TcpStream, server: &'a Upstream, state: &'a Mutex<State>) -> Self {
        Self {
            client: BufReader::new(client),
            server,
            state,
            prepared: HashMap::new(),
            is_chosen: false,
        }
    }

    /// Passes on what the client sends until its end; returns how the connection is to be cut.
    fn pass_on(&mut self) -> io::Result<Option<Cut>> {
        // The first message has no kind.
        let startup = self.message(&[])?;
        self.server.write_all(&startup)?;
        loop {
            let mut kind = [0];
            if self.client.read(&mut kind)? == 0 {
                return Ok(None);
            }
            let message = self.message(&kind)?;
            let cut = self.look_at(kind[0], &message[5..]);
            if cut != Some(Cut::BeforeCommit) {
                self.server.write_all(&message)?;
            }
            if cut.is_some() {
                return Ok(cut);
            }
        }
    }

    /// Returns the rest of a message behind its kind: its length, and its content.
    fn message(&mut self, kind: &[u8]) -> io::Result<Vec<u8>> {
        let mut length = [0; 4];
        self.client.read_exact(&mut length)?;
        let content = usize::try_from(u32::from_be_bytes(length)).unwrap() - length.len();
        let mut message = [kind, &length].concat();
        let start = message.len();
        message.resize(start + content, 0);
        self.client.read_exact(&mut message[start..])?;
        Ok(message)
    }

    /// Returns how the connection is to be cut at this message.
    fn look_at(&mut self, kind: u8, content: &[u8]) -> Option<Cut> {
        let mut texts = content.split(|byte| *byte == 0);
        let mut text = || texts.next().unwrap_or_default();
        let mut state = self.state.lock().unwrap();
        match kind {
            b'P' => {
                let (name, statement) = (text(), text());
                let statement = String::from_utf8_lossy(statement).into_owned();
                self.prepared.insert(name.to_vec(), statement);
            }
            b'B' => {
                let (_portal, name) = (text(), text());
                let run = self.prepared.get(name);
                let wanted = state.order.as_ref();
                self.is_chosen |= run
                    .zip(wanted)
                    .is_some_and(|(run, order)| run.contains(&order.statement));
            }
            b'Q' => {
                let is_chosen = std::mem::take(&mut self.is_chosen);
                if is_chosen && text() == b"COMMIT" {
                    let order = state.order.take()?;
                    state.cuts += 1;
                    return Some(order.cut);
                }
            }
            _ => {}
        }
        None
    }
}
