//! One reading of a file for two readers on two threads, so that what is searched is what is verified.

use std::io::{self, Read};
use std::sync::mpsc::{Receiver, SyncSender, sync_channel};

/// Chunks that wait for the second reader.
const WAITING: usize = 16;

/// Returns two readers of the same bytes. The second one blocks until the first one has read; the first one never
/// depends on whether the second one still reads.
pub(super) fn tee<R: Read>(inner: R) -> (First<R>, Second) {
    let (sender, receiver) = sync_channel(WAITING);
    let first = First {
        inner,
        sender: Some(sender),
    };
    let second = Second {
        receiver,
        chunk: Vec::new(),
        start: 0,
    };
    (first, second)
}

/// The reader that drives.
#[derive(Debug)]
pub(super) struct First<R> {
    inner: R,
    /// `None` when nobody reads the copy any more.
    sender: Option<SyncSender<io::Result<Vec<u8>>>>,
}

impl<R: Read> First<R> {
    /// Reads what is left, for the second reader alone.
    pub(super) fn drain(&mut self) {
        let mut buffer = vec![0; 64 << 10];
        while self.sender.is_some() {
            match self.read(&mut buffer) {
                Ok(0) => return,
                Ok(_) => {}
                Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
                Err(_) => return,
            }
        }
    }

    fn pass_on(&mut self, item: io::Result<Vec<u8>>) {
        if let Some(sender) = &self.sender
            && sender.send(item).is_err()
        {
            self.sender = None;
        }
    }
}

impl<R: Read> Read for First<R> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        match self.inner.read(buffer) {
            Ok(count) => {
                if count > 0 {
                    self.pass_on(Ok(buffer[..count].to_vec()));
                }
                Ok(count)
            }
            Err(error) => {
                if error.kind() != io::ErrorKind::Interrupted {
                    self.pass_on(Err(io::Error::new(error.kind(), error.to_string())));
                }
                Err(error)
            }
        }
    }
}

/// The reader that follows.
#[derive(Debug)]
pub(super) struct Second {
    receiver: Receiver<io::Result<Vec<u8>>>,
    chunk: Vec<u8>,
    start: usize,
}

impl Read for Second {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        if self.start == self.chunk.len() {
            // The first reader is gone: it read to the end.
            let Ok(chunk) = self.receiver.recv() else {
                return Ok(0);
            };
            (self.chunk, self.start) = (chunk?, 0);
        }
        let rest = &self.chunk[self.start..];
        let count = rest.len().min(buffer.len());
        buffer[..count].copy_from_slice(&rest[..count]);
        self.start += count;
        Ok(count)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Fails after some bytes.
    struct Failing<'a>(&'a [u8]);

    impl Read for Failing<'_> {
        fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
            match self.0.read(buffer)? {
                0 => Err(io::Error::other("a bad sector")),
                count => Ok(count),
            }
        }
    }

    #[test]
    fn both_read_the_same() {
        let bytes: Vec<u8> = (0..3_000_000_u32).map(|n| (n % 251) as u8).collect();
        let (mut first, mut second) = tee(bytes.as_slice());
        let copied = std::thread::scope(|scope| {
            let driving = scope.spawn(move || {
                let mut read = vec![0; 1_000_003];
                first.read_exact(&mut read).unwrap();
                first.drain();
                read
            });
            let mut copied = Vec::new();
            second.read_to_end(&mut copied).unwrap();
            assert_eq!(driving.join().unwrap(), bytes[..1_000_003]);
            copied
        });
        assert_eq!(copied, bytes);
    }

    #[test]
    fn a_fault_reaches_both() {
        let (mut first, mut second) = tee(Failing(b"abc"));
        let (of_first, of_second) = (&mut Vec::new(), &mut Vec::new());
        assert!(first.read_to_end(of_first).is_err());
        drop(first);
        assert!(second.read_to_end(of_second).is_err());
        assert_eq!(
            (of_first.as_slice(), of_second.as_slice()),
            (&b"abc"[..], &b"abc"[..])
        );
    }

    #[test]
    fn the_first_goes_on_alone() {
        let (mut first, second) = tee(&[7; 1 << 20][..]);
        drop(second);
        let mut read = Vec::new();
        first.read_to_end(&mut read).unwrap();
        assert_eq!(read.len(), 1 << 20);
        first.drain();
    }
}
