//! Downloads to standard output: the gzip's bytes, or another format; at a terminal, the events as lines.

use std::io::{self, BufWriter};
use std::path::Path;

use atrail_api::Session;

use super::summary::{self, DONE};
use super::wanted::{Wanted, end_own_session, id_of, plan};
use crate::client::Client;
use crate::download::{
    Checker, Conversion, GzipStream, Lines, Output, SafeLines, SessionOrigin, transfer,
};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;
use crate::task::until_interrupted;

/// Writes the whole download, without resuming.
pub(super) async fn run(
    settings: &Settings,
    client: &Client,
    wanted: &Wanted,
    conversion: Option<Conversion>,
    receipt: Option<&Path>,
) -> Result<()> {
    let session = until_interrupted(wanted.session(settings, client)).await?;
    let id = id_of(&session)?;
    let written = async {
        if let Some(path) = receipt {
            let kept = super::receipt::keep(settings, client, &session, path);
            until_interrupted(kept).await?;
        }
        write(settings, client, &session, conversion).await
    };
    let written = written.await;
    // A download to a stream cannot be resumed, so its session has no further use, even after a failure.
    if matches!(wanted, Wanted::Scope(..)) {
        end_own_session(settings, client, id).await;
    }
    written
}

async fn write(
    settings: &Settings,
    client: &Client,
    session: &Session,
    conversion: Option<Conversion>,
) -> Result<()> {
    let plan = until_interrupted(plan(client, session)).await?;
    let is_converted = conversion.is_some();
    let origin = SessionOrigin::new(client, &session.id, &plan.etag);
    let is_terminal = settings.printer.terminals.stdout;
    let mut sink = GzipStream::new(output(conversion, is_terminal));
    // A bar between the events on a terminal would be in the way.
    let mut printer = settings.printer.clone();
    printer.quiet |= is_terminal;
    let progress = printer.progress("Downloading", 0, plan.total);
    let transferred = transfer(Checker::new(&plan), &origin, &mut sink, &progress);
    if let Err(error) = until_interrupted(transferred).await {
        if error.exit == Exit::Interrupted {
            let percent = progress.percent();
            progress.warn(&format!(
                "interrupted at {percent} %; what was written is not complete. With -o FILE, the same command resumes"
            ));
        }
        return Err(error);
    }
    let ended = sink.finish()?.end();
    ended.map_err(|error| Conversion::failed(error, CliError::output))?;
    progress.finish();
    if !is_terminal {
        let bytes = (!is_converted).then_some(plan.total);
        summary::print(settings, None, session, bytes, None);
    }
    printer.note(DONE);
    Ok(())
}

/// Returns the destination of the gzip's bytes.
fn output(conversion: Option<Conversion>, is_terminal: bool) -> Box<dyn Output + Send> {
    let stdout = BufWriter::new(io::stdout());
    match (conversion, is_terminal) {
        (None, false) => Box::new(stdout),
        (None, true) => Box::new(Lines::new(stdout)),
        (Some(conversion), false) => Box::new(conversion.to(stdout)),
        (Some(conversion), true) => Box::new(conversion.to(SafeLines::new(stdout))),
    }
}
