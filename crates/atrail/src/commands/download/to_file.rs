//! Downloads into a file, by way of `FILE.part`.

use std::io::ErrorKind;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use atrail_api::Session;
use atrail_evidence::Receipt;

use super::wanted::{DONE, Wanted, end_own_session, id_of, plan};
use crate::client::Client;
use crate::commands::session;
use crate::download::{
    Checker, Conversion, Part, PartState, Plan, ScopeRecord, SessionOrigin, is_complete, transfer,
};
use crate::error::{CliError, Result};
use crate::printer::counted;
use crate::settings::Settings;
use crate::task::blocking;

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

/// Starts or resumes the download. Ends with the complete file, or with everything that a later run needs. Returns the
/// session of the file.
pub(super) async fn run(
    settings: &Settings,
    client: &Client,
    wanted: &Wanted,
    way: Way<'_>,
) -> Result<Session> {
    let Way {
        target,
        receipt,
        conversion,
        force,
    } = way;
    let exists = check_target(target)?;
    if exists && conversion.is_some() && !force {
        // A file in another format cannot be compared with the manifest.
        return Err(taken(target, "exists already", receipt.as_deref()));
    }
    let part = Part::open(target, force)?;
    let old = match part.state() {
        Err(_) if force => None,
        old => old?,
    };
    let record = wanted.record(client);
    let resumable = old
        .as_ref()
        .filter(|old| is_for(old, client, wanted, record.as_ref()));
    if resumable.is_none() && !force {
        if exists && record.is_some() {
            return Err(taken(target, NOT_THIS, receipt.as_deref()));
        }
        refuse_foreign(&part, old.as_ref(), target)?;
    }
    let session = find_session(settings, client, wanted, resumable).await?;
    let own_session = record.is_some();
    let foreign_receipt = || match receipt.as_ref().filter(|_| !force) {
        Some(path) => super::receipt::refuse_foreign(path, &session),
        None => Ok(()),
    };
    // If there is a file, report its faults before the receipt's.
    if !exists && let Err(error) = foreign_receipt() {
        if own_session && resumable.is_none() {
            end_own_session(settings, client, id_of(&session)?).await;
        }
        return Err(error);
    }
    let plan = plan(client, &session).await?;
    if exists && !force {
        let path = target.to_owned();
        let leads_somewhere = target.exists();
        if !leads_somewhere || !blocking(move || is_complete(&path, &plan)).await? {
            return Err(taken(target, NOT_THIS, receipt.as_deref()));
        }
        foreign_receipt()?;
        // A run that was killed before its last steps may have left the state, but no receipt.
        if let Some(path) = &receipt {
            super::receipt::keep(settings, client, &session, path).await?;
        }
        part.discard()?;
        if own_session {
            end_own_session(settings, client, id_of(&session)?).await;
        }
        let complete = format!("{}: already complete", target.display());
        settings.printer.note(&complete);
        return Ok(session);
    }
    let state = PartState {
        endpoint: client.server.endpoint.to_string(),
        session: session.id.clone(),
        etag: session.etag.clone(),
        scope: record,
    };
    let is_continued = resumable == Some(&state);
    let (part, checker) = begin(part, state, is_continued, plan.clone()).await?;
    let part = fetch(settings, client, &session, &plan, part, checker).await?;
    // Write the receipt before FILE gets its name: no file is without its receipt.
    if let Some(path) = &receipt {
        super::receipt::keep(settings, client, &session, path).await?;
    }
    finish(part, conversion).await?;
    if own_session {
        end_own_session(settings, client, id_of(&session)?).await;
    }
    settings.printer.note(DONE);
    Ok(session)
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

const NOT_THIS: &str = "exists already, and is not this download";

/// Returns the error for an existing file: names it, and says what it is.
fn taken(target: &Path, how: &str, receipt: Option<&Path>) -> CliError {
    CliError::failed(format!("{} {how}", target.display()))
        .because(what_it_is(target, receipt))
        .hint("choose another -o, or --force to replace it")
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
            "it has {}, and no receipt says what it is",
            counted(metadata.len(), "byte")
        ),
        Err(_) => "it is a link that leads nowhere".to_owned(),
    }
}

/// Returns the wanted session. For a scope, returns the one that an interrupted run made, as long as it exists.
async fn find_session(
    settings: &Settings,
    client: &Client,
    wanted: &Wanted,
    resumable: Option<&PartState>,
) -> Result<Session> {
    if let (Wanted::Scope(..), Some(old)) = (wanted, resumable)
        && let Ok(id) = old.session.parse()
        && let Some(session) = session::fetch_if_whole(client, id).await?
    {
        return Ok(session);
    }
    wanted.session(settings, client).await
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
    transfer(checker, &origin, &mut part, &progress).await?;
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
