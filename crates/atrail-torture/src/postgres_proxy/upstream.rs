//! A connection to PostgreSQL, over a socket in a directory or over TCP.

use std::io::{self, Read, Write};
use std::net::{Shutdown, SocketAddr, TcpStream};
use std::os::unix::net::UnixStream;
use std::path::PathBuf;

/// Where PostgreSQL listens.
#[derive(Debug, Clone)]
pub(super) enum Place {
    Socket(PathBuf),
    Tcp(SocketAddr),
}

#[derive(Debug)]
pub(super) enum Upstream {
    Socket(UnixStream),
    Tcp(TcpStream),
}

impl Place {
    pub(super) fn connect(&self) -> io::Result<Upstream> {
        Ok(match self {
            Self::Socket(path) => Upstream::Socket(UnixStream::connect(path)?),
            Self::Tcp(address) => {
                let stream = TcpStream::connect(address)?;
                stream.set_nodelay(true)?;
                Upstream::Tcp(stream)
            }
        })
    }
}

impl Upstream {
    pub(super) fn try_clone(&self) -> io::Result<Self> {
        Ok(match self {
            Self::Socket(stream) => Self::Socket(stream.try_clone()?),
            Self::Tcp(stream) => Self::Tcp(stream.try_clone()?),
        })
    }

    pub(super) fn read(&self, buffer: &mut [u8]) -> io::Result<usize> {
        match self {
            Self::Socket(stream) => (&*stream).read(buffer),
            Self::Tcp(stream) => (&*stream).read(buffer),
        }
    }

    pub(super) fn write_all(&self, bytes: &[u8]) -> io::Result<()> {
        match self {
            Self::Socket(stream) => (&*stream).write_all(bytes),
            Self::Tcp(stream) => (&*stream).write_all(bytes),
        }
    }

    pub(super) fn shut_down(&self) {
        let _ = match self {
            Self::Socket(stream) => stream.shutdown(Shutdown::Both),
            Self::Tcp(stream) => stream.shutdown(Shutdown::Both),
        };
    }
}
