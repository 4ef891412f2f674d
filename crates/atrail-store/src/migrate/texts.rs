//! Copies secrets, the runs of sealed events' keys, and the record of what was signed.

use std::io;
use std::sync::Arc;

use atrail_disk::{Result, StoreError, off_thread};

use super::place::Place;
use crate::cluster::HOME;
use crate::dedup::runs::Runs;
use crate::secrets::Secrets;
use crate::signing::checkpoints::Checkpoints;

/// Bytes of a run that are written at a time.
const AT_ONCE: usize = 1 << 20;

/// Copies all of them; returns the number of runs.
pub(super) async fn copy(from: &Place, to: &Place) -> Result<u64> {
    let (from, to) = (from.clone(), to.clone());
    // They block.
    off_thread(move || {
        copy_secrets(&*from.secrets, &*to.secrets).map_err(failed("copy the server's secrets"))?;
        let runs = copy_runs(&*from.runs, &*to.runs);
        let runs = runs.map_err(failed("copy the runs of sealed events"))?;
        copy_checkpoints(&from.checkpoints, &*to.checkpoints)?;
        Ok(runs)
    })
    .await
}

fn failed(what: &str) -> impl FnOnce(io::Error) -> StoreError {
    let what = format!("cannot {what}");
    |source| StoreError::Directory { what, source }
}

/// Makes the secrets of the target those of the source. The name of a bucket's prefix belongs to its place.
fn copy_secrets(from: &dyn Secrets, to: &dyn Secrets) -> io::Result<()> {
    let names = from.names()?;
    for name in names.iter().filter(|name| *name != HOME) {
        let text = from.load(name)?.ok_or(io::ErrorKind::NotFound)?;
        if to.load(name)?.as_ref() != Some(&text) {
            to.replace(name, &text)?;
        }
    }
    for name in to.names()? {
        if name != HOME && !names.contains(&name) {
            to.remove(&name)?;
        }
    }
    Ok(())
}

/// Makes the runs of the target those of the source. No two runs have one name.
fn copy_runs(from: &dyn Runs, to: &dyn Runs) -> io::Result<u64> {
    let (names, there) = (from.names()?, to.names()?);
    for name in &names {
        if there.contains(name) {
            continue;
        }
        let run = from.open(name)?;
        let size_bytes = run.stamp()?.size_bytes;
        to.add(
            name,
            Box::new(|out| {
                let mut buffer = vec![0; AT_ONCE];
                let mut at = 0;
                while at < size_bytes {
                    let left = usize::try_from(size_bytes - at).unwrap_or(AT_ONCE);
                    let part = &mut buffer[..left.min(AT_ONCE)];
                    run.fill(part, at)?;
                    out.write_at(part, at)?;
                    at += part.len() as u64;
                }
                Ok(())
            }),
        )?;
    }
    for name in there {
        if !names.contains(&name) {
            to.remove(&name)?;
        }
    }
    Ok(names.len() as u64)
}

/// Records in the target what was signed last for each domain.
fn copy_checkpoints(from: &Arc<dyn Checkpoints>, to: &dyn Checkpoints) -> Result<()> {
    from.refresh()?;
    let signed = from.domains().into_iter();
    let signed = signed.filter_map(|domain| Some((domain, from.newest(domain)?)));
    to.remember(&signed.collect::<Vec<_>>())
}
