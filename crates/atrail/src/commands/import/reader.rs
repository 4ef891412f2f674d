//! Reads files one after the other into requests: small files share a request, large ones have several.

use std::io::{self, Read};
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use atrail_model::Timestamp;
use atrail_sources::{Engine, Framing, SourceKind, Stream, Strictness};
use tokio::sync::mpsc::error::TryRecvError;
use tokio::sync::mpsc::{Receiver, Sender};

use super::incoming::{Content, Incoming, Origin};
use super::ledger::{Counts, Key, Ledger};
use super::source::{Growth, Source};
use super::survey::{Beginning, NoText, Survey, read_some};
use super::text::Text;
use crate::cloudtrail::chain::{Judgement, Proofs};
use crate::commands::trail::batch::{Batch, Batcher, CHUNK_BYTES};
use crate::unpack::unpacked;

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
    /// What was answered in an earlier import to the events before these.
    pub(super) before: Option<Counts>,
    /// The key of the file's beginning up to here, if that can be recorded.
    pub(super) mark: Option<Key>,
    /// How it ends, if it ends here.
    pub(super) end: Option<End>,
    /// What is wrong with it, although it was read.
    pub(super) problem: Option<String>,
}

impl Part {
    fn of(origin: &Arc<Origin>) -> Self {
        Self {
            origin: Arc::clone(origin),
            events: 0,
            refusals: 0,
            before: None,
            mark: None,
            end: None,
            problem: None,
        }
    }
}

/// How the reading of a file ended.
#[derive(Debug, Clone)]
pub(super) enum End {
    /// All of it is in this request and those before; the key of its content.
    Sent(Option<Key>),
    /// All but its last line, which somebody is writing; the key of the lines before it.
    Growing(Key),
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
    /// Where files are copied that are checked before they are read.
    pub(super) temp_dir: PathBuf,
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
        wants_mark: false,
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
        match error.kind() {
            io::ErrorKind::InvalidData if error.get_ref().is_some_and(|why| why.is::<NoText>()) => {
                Self::Failed(error.to_string())
            }
            _ => Self::Failed(format!("it could not be read: {error}")),
        }
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
    /// Whether requests were sent since the last beginning that the ledger will know.
    wants_mark: bool,
}

/// What is known of a file before its events are read.
#[derive(Debug, Default)]
struct Plan {
    /// The beginning that was imported before, and what was answered to it.
    known: Option<(u64, Counts)>,
    /// The length of its lines before the last one, if that has no end.
    lines: Option<u64>,
    /// Whether somebody writes it: then that last line belongs to the next import.
    growth: Option<Growth>,
}

impl Reader<'_> {
    fn file(&mut self, file: Incoming) -> Result<(), Gone> {
        let origin = Arc::new(file.origin);
        self.wants_mark = false;
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
        let mut source = match content {
            Content::Known(counts) => return Ok(End::Known(counts, None)),
            Content::Failed(why) => return Err(Broken::Failed(why)),
            Content::Stdin => {
                self.events(origin, &mut io::stdin(), received, Plan::default())?;
                return Ok(End::Sent(None));
            }
            Content::Path(path) => {
                Source::open(&path, &self.how.temp_dir, self.how.proofs.is_some())?
            }
            Content::Fetched(file) => Source::own(file)?,
        };
        let ledger = self.how.ledger.as_deref().filter(|_| !self.how.again);
        let survey = Survey::of(&mut source, ledger)?;
        if let Some(proofs) = &self.how.proofs {
            match refusal(proofs.judge(&origin.name, &survey.all.hash)) {
                None => {}
                Some(End::Failed(why)) if self.how.unverified => self.problem = Some(why),
                Some(_) if self.how.unverified => {}
                Some(end) => return Ok(end),
            }
        }
        let key = Key::of_content(&survey.all.hash);
        if let Some(counts) = self.known(key) {
            return Ok(End::Known(counts, Some(key)));
        }
        source.rewind()?;
        let lines = survey.lines;
        let has_open_line = (1..survey.all.length).contains(&lines.length);
        let growth = match has_open_line && survey.is_plain {
            true => Some(source.growth()?),
            false => None,
        };
        let plan = Plan {
            known: survey.known,
            lines: has_open_line.then_some(lines.length),
            growth,
        };
        let read = self.events(origin, &mut source, received, plan)?;
        if read == survey.all {
            Ok(End::Sent(Some(key)))
        } else if read == lines {
            Ok(End::Growing(Key::of_content(&lines.hash)))
        } else {
            Err(Broken::Failed("it changed while it was read".to_owned()))
        }
    }

    fn known(&self, key: Key) -> Option<Counts> {
        if self.how.again {
            return None;
        }
        let ledger = self.how.ledger.as_ref()?.lock();
        ledger.unwrap_or_else(PoisonError::into_inner).find(key)
    }

    /// Reads the events of a file; returns how much of its unpacked text that was.
    fn events(
        &mut self,
        origin: &Arc<Origin>,
        source: &mut (impl Read + Send),
        received: Timestamp,
        plan: Plan,
    ) -> Result<Beginning, Broken> {
        let mut source = unpacked(source)?.text;
        let engine = Engine::embedded();
        let stream = Stream::by(&engine, self.how.kind, Framing::Sniffed)
            .received_at(received)
            .as_strict_as(Strictness::Lenient);
        let (known, before) = plan.known.unzip();
        let mut text = Text::new(stream, known.unwrap_or_default());
        let mut buffer = vec![0; CHUNK_BYTES];
        if let Some(counts) = before {
            self.parts.push(Part {
                before: Some(counts),
                ..Part::of(origin)
            });
        }
        loop {
            let count = read_some(&mut source, &mut buffer)?;
            if count == 0 {
                break;
            }
            let mut chunk = &buffer[..count];
            while !chunk.is_empty() {
                let piece;
                (piece, chunk) = chunk.split_at(text.piece(chunk));
                text.feed(piece);
                self.drain(origin, &mut text)?;
                let is_end_of_lines = Some(text.length()) == plan.lines;
                if piece.ends_with(b"\n") && (self.wants_mark || is_end_of_lines) {
                    self.mark(origin, &text);
                }
                let growth = plan.growth.as_ref().filter(|_| is_end_of_lines);
                if growth.is_some_and(Growth::has_grown) {
                    text.finish();
                    self.drain(origin, &mut text)?;
                    return Ok(text.beginning());
                }
            }
        }
        text.finish();
        self.drain(origin, &mut text)?;
        Ok(text.beginning())
    }

    /// Takes the events and refusals that are ready.
    fn drain(&mut self, origin: &Arc<Origin>, text: &mut Text) -> Result<(), Gone> {
        text.items(|item| {
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
                self.wants_mark = true;
            }
            Ok(())
        })
    }

    /// Lets the ledger know the text up to here, unless an event is begun that is not sent yet.
    fn mark(&mut self, origin: &Arc<Origin>, text: &Text) {
        if self.how.ledger.is_none() || !text.is_between_items() {
            return;
        }
        self.wants_mark = false;
        self.part(origin, None);
        self.parts.push(Part {
            mark: Some(Key::of_content(&text.beginning().hash)),
            ..Part::of(origin)
        });
    }

    /// Ends the part of a file in the request.
    fn part(&mut self, origin: &Arc<Origin>, end: Option<End>) {
        let (events, refusals) = self.batcher.counts();
        let before = |count: fn(&Part) -> usize| self.parts.iter().map(count).sum::<usize>();
        let events = events - before(|part| part.events);
        let refusals = refusals - before(|part| part.refusals);
        if events + refusals > 0 || end.is_some() {
            self.parts.push(Part {
                events,
                refusals,
                problem: self.problem.take(),
                end,
                ..Part::of(origin)
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
