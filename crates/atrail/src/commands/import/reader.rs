//! Reads files one after the other into requests: small files share a request, large ones have several.

use std::fs::File;
use std::io::{self, Read, Seek};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atrail_model::Timestamp;
use atrail_sources::{Engine, Framing, SourceKind, Stream, Strictness};
use sha2::{Digest, Sha256};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};

use super::ledger::{Counts, Key, Ledger};
use super::messages::Receipt;
use crate::cloudtrail::chain::{Judgement, Proofs};
use crate::commands::trail::batch::{Batch, Batcher, CHUNK_BYTES};
use crate::nameless::Nameless;
use crate::unpack::unpacked;

/// Bytes at the beginning of a file among which a NUL shows that it is no text.
const LOOK_BYTES: usize = 8 << 10;

/// A file to import.
#[derive(Debug)]
pub(super) struct Incoming {
    pub(super) origin: Origin,
    pub(super) content: Content,
    /// The time of events that state none.
    pub(super) received: Timestamp,
}

/// Where a file is from.
#[derive(Debug, Clone)]
pub(super) struct Origin {
    /// Its name in messages.
    pub(super) name: String,
    /// Its place in the ledger.
    pub(super) place: Option<Key>,
    /// Its length, as far as it is known, in bytes.
    pub(super) length: u64,
    /// The message that named it.
    pub(super) receipt: Option<Receipt>,
}

/// The bytes of a file.
#[derive(Debug)]
pub(super) enum Content {
    Stdin,
    Path(PathBuf),
    /// A fetched object.
    Fetched(Nameless),
    /// The ledger has it.
    Known(Counts),
    /// It could not be fetched.
    Failed(String),
}

/// One request, and the files that its events are from.
#[derive(Debug)]
pub(super) struct Load {
    pub(super) batch: Batch,
    pub(super) parts: Vec<Part>,
}

/// The events of one file in a request.
#[derive(Debug)]
pub(super) struct Part {
    pub(super) origin: Arc<Origin>,
    /// How many events of the request are its, after those of the parts before.
    pub(super) events: usize,
    /// How many refusals of the request are its, after those of the parts before.
    pub(super) refusals: usize,
    /// How it ends, if it ends here.
    pub(super) end: Option<End>,
    /// What is wrong with it, although it was read.
    pub(super) problem: Option<String>,
}

/// How the reading of a file ended.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// All of it is in this request and those before; the key of its content.
    Sent(Option<Key>),
    /// It was imported before; the key of its content, where that was needed to find out.
    Known(Counts, Option<Key>),
    /// No digest proves it yet.
    Left,
    /// Nothing of it was sent, or not all, and why.
    Failed(String),
}

/// How to read.
#[derive(Debug, Clone)]
pub(super) struct How {
    pub(super) kind: SourceKind,
    pub(super) now: Timestamp,
    pub(super) ledger: Option<Arc<Mutex<Ledger>>>,
    /// Reads files again that the ledger has.
    pub(super) again: bool,
    pub(super) proofs: Option<Arc<Proofs>>,
    /// Imports also what the proofs do not cover.
    pub(super) unverified: bool,
}

/// Reads all files. Ends early when the receiver has gone.
pub(super) fn read(mut files: Receiver<Incoming>, how: &How, loads: &Sender<Load>) {
    let mut reader = Reader {
        how,
        loads,
        batcher: Batcher::new(how.now),
        parts: Vec::new(),
        done_bytes: 0,
        problem: None,
    };
    loop {
        let next = match files.try_recv() {
            Ok(file) => Some(file),
            Err(TryRecvError::Disconnected) => None,
            // Nothing is at hand: what was read waits for nothing.
            Err(TryRecvError::Empty) => match reader.flush() {
                Ok(()) => files.blocking_recv(),
                Err(Gone) => return,
            },
        };
        let Some(file) = next else { break };
        if reader.file(file).is_err() {
            return;
        }
    }
    let _ = reader.flush();
}

/// Nobody receives requests any more.
struct Gone;

/// Why a file was not read to its end.
enum Broken {
    Gone,
    Failed(String),
}

impl From<Gone> for Broken {
    fn from(_: Gone) -> Self {
        Self::Gone
    }
}

impl From<io::Error> for Broken {
    fn from(error: io::Error) -> Self {
        Self::Failed(format!("it could not be read: {error}"))
    }
}

struct Reader<'a> {
    how: &'a How,
    loads: &'a Sender<Load>,
    batcher: Batcher,
    parts: Vec<Part>,
    /// How many bytes of the input are behind it.
    done_bytes: u64,
    /// What is wrong with the file that it reads.
    problem: Option<String>,
}

impl Reader<'_> {
    fn file(&mut self, file: Incoming) -> Result<(), Gone> {
        let origin = Arc::new(file.origin);
        let end = match self.content(&origin, file.content, file.received) {
            Ok(end) => end,
            Err(Broken::Failed(why)) => End::Failed(why),
            Err(Broken::Gone) => return Err(Gone),
        };
        self.done_bytes += origin.length;
        self.part(&origin, Some(end));
        if self.batcher.is_full() || self.parts.len() >= PARTS_MAX {
            self.flush()?;
        }
        Ok(())
    }

    fn content(
        &mut self,
        origin: &Arc<Origin>,
        content: Content,
        received: Timestamp,
    ) -> Result<End, Broken> {
        let mut source: Box<dyn Seekable> = match content {
            Content::Known(counts) => return Ok(End::Known(counts, None)),
            Content::Failed(why) => return Err(Broken::Failed(why)),
            Content::Stdin => {
                self.events(origin, io::stdin(), received)?;
                return Ok(End::Sent(None));
            }
            Content::Path(path) => Box::new(File::open(path)?),
            Content::Fetched(file) => Box::new(FetchedFile(file)),
        };
        let hash = content_hash(&mut source)?;
        if let Some(proofs) = &self.how.proofs {
            match refusal(proofs.judge(&origin.name, &hash)) {
                None => {}
                Some(End::Failed(why)) if self.how.unverified => self.problem = Some(why),
                Some(_) if self.how.unverified => {}
                Some(end) => return Ok(end),
            }
        }
        let key = Key::of(&[b"content", &hash]);
        if let Some(counts) = self.known(key) {
            return Ok(End::Known(counts, Some(key)));
        }
        source.rewind()?;
        match self.events(origin, source, received)? == hash {
            true => Ok(End::Sent(Some(key))),
            false => Err(Broken::Failed("it changed while it was read".to_owned())),
        }
    }

    fn known(&self, key: Key) -> Option<Counts> {
        if self.how.again {
            return None;
        }
        let ledger = self.how.ledger.as_ref()?.lock();
        ledger.unwrap_or_else(PoisonError::into_inner).find(key)
    }

    /// Reads the events of a file; returns the SHA-256 of its unpacked bytes.
    fn events(
        &mut self,
        origin: &Arc<Origin>,
        source: impl Read + Send,
        received: Timestamp,
    ) -> Result<[u8; 32], Broken> {
        let mut source = unpacked(source)?.text;
        let engine = Engine::embedded();
        let mut stream = Stream::by(&engine, self.how.kind, Framing::Sniffed)
            .received_at(received)
            .as_strict_as(Strictness::Lenient);
        let mut hash = Sha256::new();
        let mut chunk = vec![0; CHUNK_BYTES];
        loop {
            let count = read_some(&mut source, &mut chunk)?;
            if count == 0 {
                stream.finish();
            } else {
                hash.update(&chunk[..count]);
                stream.feed(&chunk[..count]);
            }
            while let Some(item) = stream.next_item() {
                match item {
                    Ok(candidate) => self.batcher.event(&candidate),
                    Err(refusal) => {
                        let reason = refusal.to_string();
                        self.batcher.refuse(refusal.line, reason, refusal.not_read);
                    }
                }
                if self.batcher.is_full() {
                    self.part(origin, None);
                    self.flush()?;
                }
            }
            if count == 0 {
                return Ok(hash.finalize().into());
            }
        }
    }

    /// Ends the part of a file in the request.
    fn part(&mut self, origin: &Arc<Origin>, end: Option<End>) {
        let (events, refusals) = self.batcher.counts();
        let before = |count: fn(&Part) -> usize| self.parts.iter().map(count).sum::<usize>();
        let events = events - before(|part| part.events);
        let refusals = refusals - before(|part| part.refusals);
        if events + refusals > 0 || end.is_some() {
            self.parts.push(Part {
                origin: Arc::clone(origin),
                events,
                refusals,
                problem: self.problem.take(),
                end,
            });
        }
    }

    fn flush(&mut self) -> Result<(), Gone> {
        if self.parts.is_empty() {
            return Ok(());
        }
        let load = Load {
            batch: self.batcher.take(self.done_bytes),
            parts: std::mem::take(&mut self.parts),
        };
        self.loads.blocking_send(load).map_err(|_| Gone)
    }
}

/// Most files of one request.
const PARTS_MAX: usize = 1_000;

/// Returns how a file ends that the digests do not prove; `None` for one that they prove.
fn refusal(judgement: Judgement) -> Option<End> {
    let why = match judgement {
        Judgement::Unchanged => return None,
        Judgement::NotYetProven => return Some(End::Left),
        Judgement::Changed(digest) => format!("changed: {digest} lists another SHA-256"),
        Judgement::Unproven(digest) => {
            format!("not proven: {digest}, which lists it, proves nothing")
        }
        Judgement::Unlisted => "not proven: no digest lists it".to_owned(),
    };
    Some(End::Failed(why))
}

/// Returns the SHA-256 of the unpacked bytes.
fn content_hash(source: &mut (impl Read + Send)) -> Result<[u8; 32], Broken> {
    let mut text = unpacked(source)?.text;
    let mut hash = Sha256::new();
    let mut chunk = vec![0; CHUNK_BYTES];
    let mut is_first = true;
    loop {
        let count = read_some(&mut text, &mut chunk)?;
        if count == 0 {
            return Ok(hash.finalize().into());
        }
        let read = &chunk[..count];
        if is_first && read[..count.min(LOOK_BYTES)].contains(&0) {
            return Err(Broken::Failed("it is no text".to_owned()));
        }
        is_first = false;
        hash.update(read);
    }
}

fn read_some(source: &mut impl Read, chunk: &mut [u8]) -> io::Result<usize> {
    loop {
        match source.read(chunk) {
            Err(error) if error.kind() == io::ErrorKind::Interrupted => {}
            read => return read,
        }
    }
}

trait Seekable: Read + Seek + Send {}

impl<T: Read + Seek + Send> Seekable for T {}

struct FetchedFile(Nameless);

impl Read for FetchedFile {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        self.0.read(buffer)
    }
}

impl Seek for FetchedFile {
    fn seek(&mut self, to: io::SeekFrom) -> io::Result<u64> {
        self.0.file().seek(to)
    }
}
