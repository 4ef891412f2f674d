//! A way between two programs, over TCP, that breaks and heals.

use std::collections::HashMap;
use std::io::{Read, Write};
use std::net::{Ipv4Addr, Shutdown, SocketAddr, TcpListener, TcpStream};
use std::sync::{Arc, Condvar, Mutex};
use std::thread;

/// The state of a way.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Way {
    /// Everything passes.
    Open,
    /// Connections are broken, and new ones break at once.
    Cut,
    /// Nothing passes, and nobody is told. What is under way arrives when the way is open again.
    Held,
}

/// A way to a server, on a port of its own. It ends with the process.
#[derive(Debug)]
pub struct Gate {
    address: SocketAddr,
    shared: Arc<Shared>,
}

#[derive(Debug)]
struct Shared {
    state: Mutex<State>,
    changed: Condvar,
}

#[derive(Debug)]
struct State {
    way: Way,
    next: u64,
    open: HashMap<u64, TcpStream>,
    /// Connections that were cut, and portions that were held.
    met: u64,
}

impl Gate {
    /// Opens a way to this address.
    ///
    /// # Panics
    /// When it cannot listen on loopback.
    #[must_use]
    pub fn to(target: SocketAddr) -> Self {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
        let address = listener.local_addr().unwrap();
        let shared = Arc::new(Shared {
            state: Mutex::new(State {
                way: Way::Open,
                next: 0,
                open: HashMap::new(),
                met: 0,
            }),
            changed: Condvar::new(),
        });
        let passing = Arc::clone(&shared);
        thread::spawn(move || {
            for client in listener.incoming().flatten() {
                let shared = Arc::clone(&passing);
                thread::spawn(move || pass(&client, target, &shared));
            }
        });
        Self { address, shared }
    }

    /// Returns the address that leads to the server.
    #[must_use]
    pub const fn address(&self) -> SocketAddr {
        self.address
    }

    /// Changes the way, for the connections that there are and for new ones.
    ///
    /// # Panics
    /// When a thread of the gate has panicked.
    pub fn set(&self, way: Way) {
        let mut state = self.shared.state.lock().unwrap();
        state.way = way;
        if way == Way::Cut {
            state.met += state.open.len() as u64;
            for (_, client) in state.open.drain() {
                let _ = client.shutdown(Shutdown::Both);
            }
        }
        self.shared.changed.notify_all();
    }

    /// Returns how many connections it has broken, and how many portions of bytes it has held.
    ///
    /// # Panics
    /// When a thread of the gate has panicked.
    #[must_use]
    pub fn met(&self) -> u64 {
        self.shared.state.lock().unwrap().met
    }
}

/// Passes one connection on until it ends or is cut.
fn pass(client: &TcpStream, target: SocketAddr, shared: &Arc<Shared>) {
    let Some(number) = enter(client, shared) else {
        return;
    };
    if let Ok(server) = TcpStream::connect(target) {
        let _ = (client.set_nodelay(true), server.set_nodelay(true));
        thread::scope(|scope| {
            scope.spawn(|| carry(client, &server, shared));
            carry(&server, client, shared);
        });
    }
    let _ = client.shutdown(Shutdown::Both);
    shared.state.lock().unwrap().open.remove(&number);
}

/// Notes a new connection; `None` when it is cut.
fn enter(client: &TcpStream, shared: &Shared) -> Option<u64> {
    let mut state = shared.state.lock().unwrap();
    if state.way == Way::Cut {
        state.met += 1;
        return None;
    }
    state.next += 1;
    let number = state.next;
    state.open.insert(number, client.try_clone().ok()?);
    Some(number)
}

fn carry(mut from: &TcpStream, mut to: &TcpStream, shared: &Shared) {
    let mut buffer = [0; 16 << 10];
    while let Ok(count @ 1..) = from.read(&mut buffer) {
        if !shared.may_pass() || to.write_all(&buffer[..count]).is_err() {
            break;
        }
    }
    let _ = from.shutdown(Shutdown::Both);
    let _ = to.shutdown(Shutdown::Both);
}

impl Shared {
    /// Waits while the way is held; returns whether it is open then.
    fn may_pass(&self) -> bool {
        let mut state = self.state.lock().unwrap();
        if state.way == Way::Held {
            state.met += 1;
        }
        while state.way == Way::Held {
            state = self.changed.wait(state).unwrap();
        }
        state.way == Way::Open
    }
}
