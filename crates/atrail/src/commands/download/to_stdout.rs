//! To standard output: the gzip's bytes, or at a terminal the events as lines.

use std::io::{self, BufWriter, Write};

use super::{DONE, Wanted, end_own_session, id_of, plan};
use crate::client::Client;
use crate::download::{Checker, GzipStream, Lines, SessionOrigin, transfer};
use crate::error::Result;
use crate::settings::Settings;

/// Writes everything, once.
pub(super) async fn run(settings: &Settings, client: &Client, wanted: &Wanted) -> Result<()> {
    let session = wanted.session(client).await?;
    let id = id_of(&session)?;
    let written = write(settings, client, &session).await;
    // What was written to a stream cannot be gone on with: the session has no more use, whatever came of it.
    if matches!(wanted, Wanted::Scope(..)) {
        end_own_session(settings, client, id).await;
    }
    written
}

async fn write(settings: &Settings, client: &Client, session: &atrail_api::Session) -> Result<()> {
    let plan = plan(client, session).await?;
    let origin = SessionOrigin::new(client, &session.id, &plan.etag);
    let is_terminal = settings.printer.terminals.stdout;
    let out: Box<dyn Write + Send> = if is_terminal {
        Box::new(Lines::new(BufWriter::new(io::stdout())))
    } else {
        Box::new(BufWriter::new(io::stdout()))
    };
    let mut sink = GzipStream::new(out);
    // Between the events on a terminal, a bar would only be in the way.
    let mut printer = settings.printer.clone();
    printer.quiet |= is_terminal;
    let progress = printer.progress("Downloading", 0, plan.total);
    transfer(Checker::new(&plan), &origin, &mut sink, &progress).await?;
    sink.finish()?;
    progress.finish();
    printer.note(DONE);
    Ok(())
}
