//! Fetches until every byte of the plan is there and right.

use std::time::Duration;

use bytes::Bytes;
use futures_util::stream::{BoxStream, StreamExt};

use super::check::{Checker, Verdict};
use crate::client::{Backoff, jitter};
use crate::error::{CliError, Exit, Result};
use crate::printer::{Progress, part_of};

/// Consecutive attempts without a byte before the command ends: about half a minute, enough for a server's restart.
const FRUITLESS_ATTEMPTS: u32 = 12;

/// Why the bytes stopped.
#[derive(Debug)]
pub(crate) enum Fault {
    /// Another attempt may succeed.
    Transient {
        /// The reason in a few words, as a sentence that a place can follow.
        why: String,
        /// The reason with all that is known of it, for when no attempt succeeds.
        detail: String,
        /// How long the server asks the client to wait.
        wait: Option<Duration>,
    },
    /// No further attempt would succeed.
    Fatal(CliError),
}

impl Fault {
    /// Returns the fault of a connection that broke, for this reason.
    pub(crate) fn broken(detail: String) -> Self {
        Self::Transient {
            why: "the connection broke".to_owned(),
            detail,
            wait: None,
        }
    }
}

/// The bytes of an answer as they arrive.
pub(crate) type Body = BoxStream<'static, Result<Bytes, Fault>>;

/// The source of the bytes.
pub(crate) trait Origin {
    /// Starts reading at this byte.
    async fn open(&self, from: u64) -> Result<Body, Fault>;
}

/// The destination of the bytes.
pub(crate) trait Sink {
    /// Writes unchecked bytes of a piece of this length.
    fn write(&mut self, bytes: &[u8], piece_length: u64) -> Result<()>;
    /// Accepts the piece, which is complete and right.
    fn accept(&mut self) -> Result<()>;
    /// Discards the piece, which is wrong, back to this position. Returns an error when the position is out of reach.
    fn reject(&mut self, start: u64) -> Result<()>;
}

/// Continues from the checker's position to the end of the plan.
///
/// After a network fault it waits and requests the next byte again. It fetches a piece with a wrong hash once more.
pub(crate) async fn transfer(
    mut checker: Checker,
    origin: &impl Origin,
    sink: &mut impl Sink,
    progress: &Progress,
) -> Result<()> {
    let mut backoff = Backoff::new(FRUITLESS_ATTEMPTS);
    let mut suspect = None;
    while checker.piece().is_some() {
        let before = checker.position();
        let fault = match origin.open(before).await {
            Ok(body) => drain(body, &mut checker, sink, &mut suspect, progress).await,
            Err(fault) => Some(fault),
        };
        if checker.position() > before {
            backoff.reset();
        }
        match fault {
            None => {}
            Some(Fault::Fatal(error)) => return Err(error),
            Some(Fault::Transient { why, detail, wait }) => {
                let Some(pause) = backoff.next(wait, jitter()) else {
                    return Err(gave_up(detail));
                };
                let place = part_of(checker.position(), checker.total());
                progress.note(&format!("{why} at {place}; trying again"));
                tokio::time::sleep(pause).await;
            }
        }
    }
    Ok(())
}

/// Consumes one answer. Returns `None` at the end of the plan, or when a wrong piece must be requested again.
async fn drain(
    mut body: Body,
    checker: &mut Checker,
    sink: &mut impl Sink,
    suspect: &mut Option<u64>,
    progress: &Progress,
) -> Option<Fault> {
    while checker.piece().is_some() {
        let bytes = match body.next().await {
            Some(Ok(bytes)) => bytes,
            Some(Err(fault)) => return Some(fault),
            None => {
                return Some(Fault::broken("the connection ended early".to_owned()));
            }
        };
        let kept = consume(&bytes, checker, sink, suspect, progress);
        progress.set(checker.position());
        match kept {
            Ok(true) => {}
            Ok(false) => return None,
            Err(error) => return Some(Fault::Fatal(error)),
        }
    }
    None
}

/// Consumes bytes; returns `false` when a piece was wrong and must be fetched once more.
fn consume(
    mut bytes: &[u8],
    checker: &mut Checker,
    sink: &mut impl Sink,
    suspect: &mut Option<u64>,
    progress: &Progress,
) -> Result<bool> {
    while !bytes.is_empty() {
        let Some(piece) = checker.piece() else { break };
        let (start, length) = (piece.start, piece.length);
        let (now, later) = bytes.split_at(checker.share(bytes.len()));
        sink.write(now, length)?;
        match checker.take(now) {
            Verdict::Partial => {}
            Verdict::Good => sink.accept()?,
            Verdict::Bad => {
                sink.reject(start)?;
                let object = checker.piece().map(|piece| piece.object.as_str());
                let place = format!("object {} at byte {start}", object.unwrap_or_default());
                if suspect.replace(start) == Some(start) {
                    return Err(CliError::corrupt(format!(
                        "{place} does not match its SHA-256, twice"
                    ))
                    .hint("something between here and the store changes bytes; the parts before it are kept"));
                }
                progress.note(&format!(
                    "{place} does not match its SHA-256; fetching it once more"
                ));
                return Ok(false);
            }
        }
        bytes = later;
    }
    Ok(true)
}

fn gave_up(detail: String) -> CliError {
    CliError::new(Exit::Unavailable, "the download was interrupted too often")
        .because(detail)
        .hint("run the same command again: it resumes where it stopped")
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use futures_util::stream;

    use super::super::plan::tests::plan_of;
    use super::*;
    use crate::printer::{Format, Printer, Terminals};

    /// Serves bytes, with scripted faults: one for each request.
    struct Scripted {
        bytes: Vec<u8>,
        faults: Mutex<Vec<Script>>,
    }

    #[derive(Clone, Copy)]
    enum Script {
        CutAfter(usize),
        Flip(usize),
        Refuse,
    }

    impl Origin for Scripted {
        async fn open(&self, from: u64) -> Result<Body, Fault> {
            let from = usize::try_from(from).unwrap();
            let mut bytes = self.bytes.clone();
            let script = self.faults.lock().unwrap().pop();
            let mut end = bytes.len();
            match script {
                Some(Script::CutAfter(count)) => end = end.min(from + count),
                Some(Script::Flip(at)) => bytes[at] ^= 1,
                Some(Script::Refuse) => {
                    return Err(Fault::broken("refused".into()));
                }
                None => {}
            }
            let chunks: Vec<_> = bytes[from..end]
                .chunks(3)
                .map(|chunk| Ok(Bytes::copy_from_slice(chunk)))
                .collect();
            Ok(stream::iter(chunks).boxed())
        }
    }

    #[derive(Default)]
    struct Memory(Vec<u8>);

    impl Sink for Memory {
        fn write(&mut self, bytes: &[u8], _: u64) -> Result<()> {
            self.0.extend_from_slice(bytes);
            Ok(())
        }
        fn accept(&mut self) -> Result<()> {
            Ok(())
        }
        fn reject(&mut self, start: u64) -> Result<()> {
            self.0.truncate(usize::try_from(start).unwrap());
            Ok(())
        }
    }

    fn run(faults: &[Script]) -> Result<Vec<u8>> {
        let objects: [&[u8]; 3] = [b"0123456789", b"abcdefghijklm", b"ABCDEFG"];
        let plan = std::sync::Arc::new(plan_of(&objects));
        let origin = Scripted {
            bytes: objects.concat(),
            faults: Mutex::new(faults.iter().rev().copied().collect()),
        };
        let quiet = Terminals {
            stdin: false,
            stdout: false,
            stderr: false,
        };
        let printer = Printer::new(Format::Table, true, quiet);
        let progress = printer.progress("test", 0, plan.total);
        let mut sink = Memory::default();
        let runtime = tokio::runtime::Builder::new_current_thread()
            .enable_time()
            .start_paused(true)
            .build()
            .unwrap();
        let work = transfer(Checker::new(&plan), &origin, &mut sink, &progress);
        runtime.block_on(work)?;
        Ok(sink.0)
    }

    const WHOLE: &[u8] = b"0123456789abcdefghijklmABCDEFG";

    #[test]
    fn cuts_anywhere_leave_the_same_bytes() {
        assert_eq!(run(&[]).unwrap(), WHOLE);
        for cut in 0..WHOLE.len() {
            let faults = [Script::CutAfter(cut), Script::Refuse, Script::CutAfter(1)];
            assert_eq!(run(&faults).unwrap(), WHOLE, "cut after {cut}");
        }
    }

    #[test]
    fn a_wrong_object_is_fetched_once_more() {
        for at in 0..WHOLE.len() {
            assert_eq!(run(&[Script::Flip(at)]).unwrap(), WHOLE, "flip at {at}");
        }
    }

    #[test]
    fn a_wrong_object_twice_is_exit_6() {
        let error = run(&[Script::Flip(12), Script::Flip(12)]).unwrap_err();
        assert_eq!(error.exit, Exit::Corrupt);
    }

    #[test]
    fn a_server_that_stays_away_is_exit_5() {
        let error = run(&[Script::Refuse; 20]).unwrap_err();
        assert_eq!(error.exit, Exit::Unavailable);
    }
}
