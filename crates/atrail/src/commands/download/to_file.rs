//! Downloads into a file, by way of `FILE.part`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_api::Session;
use atrail_evidence::Receipt;

use super::wanted::{Wanted, end_own_session, id_of, plan};
use crate::client::Client;
use crate::commands::session;
use crate::download::{
    Checker, Conversion, Part, PartState, Plan, ScopeRecord, SessionOrigin, is_complete, transfer,
};
use crate::error::{CliError, Exit, Result};
use crate::settings::Settings;
use crate::task::{blocking, until_interrupted};

/// The destination and the options of a download to a file.
#[derive(Debug)]
pub(super) struct Way<'a> {
    /// `FILE`.
    pub(super) target: &'a Path,
    /// The conversion, unless the file holds the stored bytes.
    pub(super) conversion: Option<Conversion>,
    /// The path of the receipt.
    pub(super) receipt: Option<PathBuf>,
    /// Whether an existing file may be replaced.
    pub(super) force: bool,
}

/// A file that is complete.
#[derive(Debug)]
pub(super) struct Done {
    /// The session of the file.
    pub(super) session: Session,
    /// Whether it was complete before this run.
    pub(super) was_complete: bool,
}

/// Starts or resumes the download. Ends with the complete file, or with everything that a later run needs.
pub(super) async fn run(
    settings: &Settings,
    client: &Client,
    wanted: &Wanted,
    way: Way<'_>,
) -> Result<Done> {
    let exists = check_target(way.target)?;
    if exists && way.conversion.is_some() && !way.force {
        // A file in another format cannot be compared with the manifest.
        return Err(taken(way.target, way.receipt.as_deref()));
    }
    let part = Part::open(way.target, way.force)?;
    let old = match part.state() {
        Err(_) if way.force => None,
        old => old?,
    };
    let record = wanted.record(client);
    let resumable = old
        .as_ref()
        .filter(|old| is_for(old, client, wanted, record.as_ref()));
    if resumable.is_none() && !way.force {
        if exists && record.is_some() {
            return Err(taken(way.target, way.receipt.as_deref()));
        }
        refuse_foreign(&part, old.as_ref(), way.target)?;
    }
    let found = until_interrupted(find_session(settings, client, wanted, resumable)).await?;
    let (session, is_new) = found;
    let own_session = record.is_some();
    let state = PartState {
        endpoint: client.server.endpoint.to_string(),
        session: session.id.clone(),
        etag: session.etag.clone(),
        scope: record,
    };
    let is_continued = resumable == Some(&state);
    let beginning = prepare(
        settings,
        client,
        (&way, exists),
        part,
        (state, is_continued),
        &session,
    );
    let begun = match until_interrupted(beginning).await {
        Ok(begun) => begun,
        Err(error) => {
            // No record leads a later run to a session that was made for this one: it would only count as open.
            if own_session && is_new {
                end_own_session(settings, client, id_of(&session)?).await;
            }
            return Err(error);
        }
    };
    let was_complete = begun.is_none();
    if let Some((part, checker, plan)) = begun {
        let part = fetch(settings, client, &session, &plan, part, checker).await?;
        until_interrupted(async {
            // Write the receipt before FILE gets its name: no file is without its receipt.
            if let Some(path) = &way.receipt {
                super::receipt::keep(settings, client, &session, path).await?;
            }
            finish(part, way.conversion).await
        })
        .await?;
    }
    if own_session {
        end_own_session(settings, client, id_of(&session)?).await;
    }
    if was_complete {
        let complete = format!("{}: already complete", way.target.display());
        settings.printer.note(&complete);
    }
    Ok(Done {
        session,
        was_complete,
    })
}

/// Compares what is there with the session, and records which download begins. Returns `None` when the file is complete
/// already.
async fn prepare(
    settings: &Settings,
    client: &Client,
    (way, exists): (&Way<'_>, bool),
    part: Part,
    (state, is_continued): (PartState, bool),
    session: &Session,
) -> Result<Option<(Part, Checker, Arc<Plan>)>> {
    let foreign_receipt = || match way.receipt.as_ref().filter(|_| !way.force) {
        Some(path) => super::receipt::refuse_foreign(path, session),
        None => Ok(()),
    };
    // If there is a file, report its faults before the receipt's.
    if !exists {
        foreign_receipt()?;
    }
    let plan = plan(client, session).await?;
    if !exists || way.force {
        let (part, checker) = begin(part, state, is_continued, Arc::clone(&plan)).await?;
        return Ok(Some((part, checker, plan)));
    }
    let path = way.target.to_owned();
    let leads_somewhere = way.target.exists();
    if !leads_somewhere || !blocking(move || is_complete(&path, &plan)).await? {
        return Err(taken(way.target, way.receipt.as_deref()));
    }
    foreign_receipt()?;
    // A run that was killed before its last steps may have left the state, but no receipt.
    if let Some(path) = &way.receipt {
        super::receipt::keep(settings, client, session, path).await?;
    }
    part.discard()?;
    Ok(None)
}

/// Returns whether there is a file already; returns an error for anything else, which cannot be replaced. A link counts
/// as a file, even if it leads nowhere: the download replaces the link, never its target.
fn check_target(target: &Path) -> Result<bool> {
    let failed = |error| CliError::file(format!("could not inspect {}", target.display()), error);
    let is_there = match std::fs::symlink_metadata(target) {
        Ok(_) => true,
        Err(error) if error.kind() == ErrorKind::NotFound => false,
        Err(error) => return Err(failed(error)),
    };
    match std::fs::metadata(target) {
        Ok(metadata) if metadata.is_file() => Ok(true),
        Ok(_) => Err(
            CliError::failed(format!("{} is not a regular file", target.display()))
                .hint("choose another -o, or use `-o -` and send the output there"),
        ),
        Err(_) => Ok(is_there),
    }
}

/// Returns whether the part belongs to the wanted download.
fn is_for(old: &PartState, client: &Client, wanted: &Wanted, record: Option<&ScopeRecord>) -> bool {
    let same_server = old.endpoint == client.server.endpoint.to_string();
    same_server
        && match wanted {
            Wanted::Session(id) => old.session == id.to_string(),
            Wanted::Scope(..) => old.scope.as_ref() == record,
        }
}

/// Refuses to discard a part that somebody may still need.
fn refuse_foreign(part: &Part, old: Option<&PartState>, target: &Path) -> Result<()> {
    let name = target.display();
    let whose = match old {
        Some(old) => format!("it belongs to session {} of {}", old.session, old.endpoint),
        None if part.is_empty()? => return Ok(()),
        None => "no record says which download it belongs to".to_owned(),
    };
    Err(CliError::failed(format!("{name}.part is in the way"))
        .because(whose)
        .hint("finish that download, choose another -o, or --force to start again"))
}

/// Returns the error for an existing file: names it, and says what it is.
fn taken(target: &Path, receipt: Option<&Path>) -> CliError {
    CliError::failed(format!(
        "{} exists: choose another -o, or --force to replace it",
        target.display()
    ))
    .hint(what_it_is(target, receipt))
}

/// Describes a file without its session: by the receipt beside it, or by its size.
fn what_it_is(target: &Path, receipt: Option<&Path>) -> String {
    let receipt = receipt.map_or_else(|| super::receipt::beside(target), Path::to_owned);
    if let Ok(Some(found)) = super::receipt::read(&receipt) {
        let Receipt { session, scope, .. } = found;
        return format!(
            "{} says that it is session {session}, {} to {}",
            receipt.display(),
            scope.start,
            scope.end
        );
    }
    match std::fs::metadata(target) {
        Ok(metadata) => format!(
            "it has {} bytes, and no receipt says what it is",
            metadata.len()
        ),
        Err(_) => "it is a link that leads nowhere".to_owned(),
    }
}

/// Returns the wanted session, and whether this run made it. For a scope, returns the one that an interrupted run made, as
/// long as it exists.
async fn find_session(
    settings: &Settings,
    client: &Client,
    wanted: &Wanted,
    resumable: Option<&PartState>,
) -> Result<(Session, bool)> {
    if let (Wanted::Scope(..), Some(old)) = (wanted, resumable)
        && let Ok(id) = old.session.parse()
        && let Some(session) = session::fetch_if_whole(client, id).await?
    {
        return Ok((session, false));
    }
    let session = wanted.session(settings, client).await?;
    Ok((session, matches!(wanted, Wanted::Scope(..))))
}

/// Continues after the right bytes that are there, or starts anew.
async fn begin(
    mut part: Part,
    state: PartState,
    is_continued: bool,
    plan: Arc<Plan>,
) -> Result<(Part, Checker)> {
    blocking(move || {
        if !is_continued {
            part.begin(&state)?;
        }
        let checker = part.rehash(&plan)?;
        Ok((part, checker))
    })
    .await
}

async fn fetch(
    settings: &Settings,
    client: &Client,
    session: &Session,
    plan: &Plan,
    mut part: Part,
    checker: Checker,
) -> Result<Part> {
    let origin = SessionOrigin::new(client, &session.id, &plan.etag);
    let progress = settings
        .printer
        .progress("Downloading", checker.position(), plan.total);
    let transferred = transfer(checker, &origin, &mut part, &progress);
    if let Err(error) = until_interrupted(transferred).await {
        if error.exit == Exit::Interrupted {
            let percent = progress.percent();
            progress.warn(&format!(
                "interrupted at {percent} %; run the same command again to resume"
            ));
        }
        return Err(error);
    }
    progress.finish();
    Ok(part)
}

/// Completes the download: all bytes are there and right.
async fn finish(part: Part, conversion: Option<Conversion>) -> Result<()> {
    match conversion {
        None => part.finish(),
        Some(conversion) => blocking(move || part.finish_as(&conversion)).await,
    }
}
