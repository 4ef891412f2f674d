//! The stream of an export: every event that matches, in the format that was asked for.
//!
//! It makes one chunk at a time, when the client has room for it, and takes the user's turn for each: a slow reader holds
//! no turn, and memory does not grow with the export.

use std::io::{self, Write};
use std::mem;
use std::sync::Arc;

use atrail_export::{ExportError, Exporter};
use atrail_model::UserId;
use atrail_store::search::{Budget, Hit, SearchError};
use axum::body::Bytes;
use futures_util::stream::{self, BoxStream, Stream, StreamExt};
use parking_lot::Mutex;
use uuid::Uuid;

use super::answer::CHUNK_BYTES;
use super::exports::Export;
use crate::app::App;
use crate::audit::{Act, Action, Actor, Unwritten};
use crate::auth::principal::Principal;
use crate::auth::watch::{Ended, Watch};
use crate::error::ApiError;
use crate::metrics::searches::{Kind, Outcome, Running};

/// Why an export ended before its end.
#[derive(Debug, thiserror::Error)]
pub(crate) enum Cut {
    /// The store cannot search on.
    #[error(transparent)]
    Search(#[from] SearchError),
    /// The reader may not continue.
    #[error(transparent)]
    Ended(#[from] Ended),
    /// The format cannot express an event.
    #[error(transparent)]
    Format(#[from] ExportError),
    /// The server cannot record the end of the export.
    #[error("cannot record the export")]
    Unrecorded(#[from] Unwritten),
    /// The reader's turn does not come.
    #[error("no turn: {0}")]
    NoTurn(String),
}

impl From<Cut> for ApiError {
    fn from(cut: Cut) -> Self {
        match cut {
            Cut::Search(error) => error.into(),
            Cut::Ended(ended) => ended.into(),
            Cut::Unrecorded(unwritten) => unwritten.into(),
            Cut::Format(error) => Self::internal(error),
            Cut::NoTurn(why) => Self::unavailable(why),
        }
    }
}

/// An output that its maker can empty while the exporter has it.
#[derive(Debug, Clone, Default)]
struct Out(Arc<Mutex<Vec<u8>>>);

impl Out {
    fn len(&self) -> usize {
        self.0.lock().len()
    }

    fn take(&self) -> Bytes {
        mem::take(&mut *self.0.lock()).into()
    }
}

impl Write for Out {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.0.lock().extend_from_slice(bytes);
        Ok(bytes.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// An export that is being read.
struct Reading {
    app: Arc<App>,
    user: UserId,
    watch: Watch,
    hits: BoxStream<'static, Result<Hit, SearchError>>,
    exporter: Option<Exporter<Out>>,
    out: Out,
    record: Record,
    running: Running,
}

/// What is recorded of an export.
#[derive(Debug)]
struct Record {
    actor: Actor,
    export: Arc<Export>,
    id: Uuid,
    events: u64,
    bytes: u64,
}

impl Record {
    fn act(&self, part: &str) -> Act {
        let question = &self.export.question;
        let range = question.range;
        let domain = question.target.domain();
        Act::new(Action::ExportEvents, self.actor.clone(), domain)
            .with("part", part)
            .with("export", self.id.to_string())
            .with("as", self.export.format.name)
            .with("from", range.from.to_string())
            .with("to", range.to.to_string())
            .searching(&question.query.text)
    }
}

/// Begins an export, and returns its chunks. It returns once the start of the export is on record; the last chunk comes
/// once its end is.
pub(crate) async fn begin(
    app: &Arc<App>,
    principal: &Principal,
    id: Uuid,
    export: Arc<Export>,
) -> Result<impl Stream<Item = Result<Bytes, Cut>> + Send + 'static, Unwritten> {
    let record = Record {
        actor: principal.actor(),
        export: Arc::clone(&export),
        id,
        events: 0,
        bytes: 0,
    };
    app.audit.must_record(record.act("start")).await?;
    let question = export.question.clone();
    let target = question.target;
    // A reader may take all the time in the world: the connection's limits end one that reads nothing.
    let budget = Budget {
        time: None,
        ..app.searches.budget()
    };
    let hits = app.store.search_all(question, export.order, budget);
    let out = Out::default();
    let reading = Reading {
        watch: Watch::of_download(app, principal, target),
        user: principal.id(),
        hits: hits.boxed(),
        exporter: Some(Exporter::new(
            export.format,
            export.options.clone(),
            out.clone(),
        )),
        out,
        record,
        running: app.metrics.search_begins(Kind::Export),
        app: Arc::clone(app),
    };
    Ok(stream::try_unfold(reading, |mut reading| async {
        let made = reading.chunk().await;
        match &made {
            Ok(Some(_)) => {}
            Ok(None) => reading.running.ends(Outcome::Done),
            Err(cut) => reading.running.ends(Outcome::of_cut(cut)),
        }
        Ok(made?.map(|chunk| (chunk, reading)))
    }))
}

impl Reading {
    /// Returns the next chunk; `None` after the last.
    async fn chunk(&mut self) -> Result<Option<Bytes>, Cut> {
        let app = Arc::clone(&self.app);
        let watch = self.watch.clone();
        let chunk = tokio::select! {
            biased;
            ended = watch.until_ended() => return Err(ended.into()),
            made = self.make(&app) => made?,
        };
        if chunk.is_some() {
            self.watch.allow().await?;
        }
        Ok(chunk)
    }

    async fn make(&mut self, app: &App) -> Result<Option<Bytes>, Cut> {
        let Some(exporter) = &mut self.exporter else {
            return Ok(None);
        };
        let turn = app.searches.turn(self.user).await;
        let turn = turn.map_err(|error| Cut::NoTurn(error.chain()))?;
        while self.out.len() < CHUNK_BYTES {
            let Some(hit) = self.hits.next().await else {
                drop(turn);
                return self.end(app).await.map(Some);
            };
            exporter.push(&hit?.line)?;
            exporter.push(b"\n")?;
            self.record.events += 1;
        }
        drop(turn);
        let chunk = self.out.take();
        self.record.bytes += chunk.len() as u64;
        Ok(Some(chunk))
    }

    /// Returns the last chunk, once the end is on record.
    async fn end(&mut self, app: &App) -> Result<Bytes, Cut> {
        if let Some(exporter) = self.exporter.take() {
            exporter.finish()?;
        }
        let chunk = self.out.take();
        self.record.bytes += chunk.len() as u64;
        let act = self
            .record
            .act("end")
            .with("events", self.record.events)
            .with("bytes", self.record.bytes);
        app.audit.must_record(act).await?;
        Ok(chunk)
    }
}
