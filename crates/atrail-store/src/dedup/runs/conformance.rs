//! Tests what every implementation of [`Runs`] must do, and proves that the suite detects faulty ones.

use std::io;
use std::sync::Arc;

use atrail_disk::Reader;

use super::local::LocalRuns;
use super::memory::MemoryRuns;
use super::{Runs, WriteAt, Writing};

#[cfg(feature = "cluster")]
mod nodes;

const NAME: &str = "a.run";

fn write(out: &mut dyn WriteAt) -> io::Result<()> {
    out.write_at(b"cd", 6)?;
    out.write_at(b"ab", 0)
}

fn breaks_off(out: &mut dyn WriteAt) -> io::Result<()> {
    write(out)?;
    Err(io::Error::other("planted"))
}

/// The fault of an implementation, if it has one.
type Verdict = Result<(), &'static str>;

fn must(holds: bool, fault: &'static str) -> Verdict {
    holds.then_some(()).ok_or(fault)
}

/// Returns the fault of an implementation, if it has one. `reopen` returns the same runs as a later process finds them.
fn conforms(reopen: impl Fn() -> Arc<dyn Runs>) -> Verdict {
    let runs = reopen();
    let is_absent = |runs: &dyn Runs| {
        let opened = runs.open(NAME).map(drop).map_err(|error| error.kind());
        opened == Err(io::ErrorKind::NotFound) && runs.names().is_ok_and(|names| names.is_empty())
    };
    must(is_absent(&*runs), "a run is there that nobody added")?;
    let broken = runs.add(NAME, Box::new(breaks_off));
    must(broken.is_err(), "a writer's error is lost")?;
    must(is_absent(&*reopen()), "half a run is there")?;
    must(runs.add(NAME, Box::new(write)).is_ok(), "a run is refused")?;
    let read = |runs: &dyn Runs| {
        let reader = runs.open(NAME).map_err(|_| "a run is not there")?;
        is_right(&reader)?;
        Ok::<_, &'static str>(reader)
    };
    let reader = read(&*runs)?;
    let later = reopen();
    read(&*later)?;
    let names = later.names().map_err(|_| "runs cannot be listed")?;
    must(names == [NAME], "the list is wrong")?;
    for _ in 0..2 {
        must(
            later.remove(NAME).is_ok(),
            "a run that is gone cannot be removed again",
        )?;
    }
    must(is_absent(&*later), "what was removed is there")?;
    is_right(&reader)
}

fn is_right(reader: &Reader) -> Verdict {
    let mut bytes = [9; 8];
    let read = reader.fill(&mut bytes, 0);
    must(read.is_ok(), "a run is too short")?;
    must(
        bytes == *b"ab\0\0\0\0cd",
        "other bytes are read than were written",
    )?;
    must(reader.fill(&mut bytes, 1).is_err(), "a run is too long")
}

#[test]
fn files_conform() {
    let dir = tempfile::tempdir().unwrap();
    let reopen = || Arc::new(LocalRuns::open(dir.path()).unwrap()) as Arc<dyn Runs>;
    assert_eq!(conforms(reopen), Ok(()));
}

#[test]
fn memory_conforms() {
    let runs = MemoryRuns::default();
    assert_eq!(conforms(|| Arc::new(runs.clone())), Ok(()));
}

/// A fault of an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    KeepsHalf,
    ForgetsNames,
    RemovesNothing,
}

#[derive(Debug)]
struct WrongRuns(MemoryRuns, Wrong);

impl Runs for WrongRuns {
    fn names(&self) -> io::Result<Vec<String>> {
        if self.1 == Wrong::ForgetsNames {
            return Ok(Vec::new());
        }
        self.0.names()
    }

    fn add(&self, name: &str, write: Writing<'_>) -> io::Result<()> {
        if self.1 != Wrong::KeepsHalf {
            return self.0.add(name, write);
        }
        let mut outcome = Ok(());
        self.0.add(
            name,
            Box::new(|out| {
                outcome = write(out);
                Ok(())
            }),
        )?;
        outcome
    }

    fn open(&self, name: &str) -> io::Result<Reader> {
        self.0.open(name)
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        if self.1 == Wrong::RemovesNothing {
            return Ok(());
        }
        self.0.remove(name)
    }
}

#[test]
fn what_does_not_conform_is_noticed() {
    for wrong in [Wrong::KeepsHalf, Wrong::ForgetsNames, Wrong::RemovesNothing] {
        let runs = MemoryRuns::default();
        let outcome = conforms(|| Arc::new(WrongRuns(runs.clone(), wrong)));
        assert!(outcome.is_err(), "{wrong:?} passes");
    }
}
