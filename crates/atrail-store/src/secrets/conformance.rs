//! Tests what every implementation of [`Secrets`] must do, and proves that the suite detects faulty ones.

use std::io;
use std::os::unix::fs::PermissionsExt;
use std::sync::Arc;

use super::{LocalSecrets, MemorySecrets, Secrets};

type Verdict = Result<(), &'static str>;

fn must(holds: bool, fault: &'static str) -> Verdict {
    holds.then_some(()).ok_or(fault)
}

fn is(outcome: io::Result<()>, kind: io::ErrorKind) -> bool {
    outcome.is_err_and(|error| error.kind() == kind)
}

/// Returns the fault of an implementation, if it has one. `reopen` returns the same secrets as a later process finds
/// them.
fn conforms(reopen: impl Fn() -> Arc<dyn Secrets>) -> Verdict {
    let load = |name| reopen().load(name).map_err(|_| "a secret cannot be read");
    must(load("a")?.is_none(), "a secret is there that nobody kept")?;
    must(reopen().create("a", "one").is_ok(), "a secret is refused")?;
    must(
        load("a")?.as_deref() == Some("one"),
        "another secret is there",
    )?;
    let second = reopen().create("a", "two");
    must(
        is(second, io::ErrorKind::AlreadyExists),
        "a secret is made twice",
    )?;
    must(
        load("a")?.as_deref() == Some("one"),
        "a secret was overwritten",
    )?;
    must(
        reopen().replace("a", "two").is_ok(),
        "a secret cannot be replaced",
    )?;
    must(
        reopen().replace("a.next", "three").is_ok(),
        "a secret cannot be kept",
    )?;
    must(
        load("a")?.as_deref() == Some("two"),
        "a secret was not replaced",
    )?;
    must(
        reopen().names().is_ok_and(|names| names == ["a", "a.next"]),
        "other secrets are listed than there are",
    )?;
    must(
        reopen().rename("a.next", "a").is_ok(),
        "a secret cannot be renamed",
    )?;
    must(
        load("a")?.as_deref() == Some("three"),
        "a renamed secret is not there",
    )?;
    must(load("a.next")?.is_none(), "a renamed secret is there twice")?;
    let again = reopen().rename("a.next", "a");
    must(
        is(again, io::ErrorKind::NotFound),
        "what is not there is renamed",
    )?;
    must(
        load("a")?.is_some(),
        "a secret went with a renaming that failed",
    )?;
    must(reopen().remove("a").is_ok(), "a secret cannot be removed")?;
    must(load("a")?.is_none(), "a removed secret is there")?;
    must(
        is(reopen().remove("a"), io::ErrorKind::NotFound),
        "what is not there is removed",
    )?;
    must(
        reopen().place("a").contains('a'),
        "a message does not name the secret",
    )
}

#[test]
fn files_conform_and_are_their_owners_alone() {
    let dir = tempfile::tempdir().unwrap();
    let keys = dir.path().join("keys");
    let secrets = LocalSecrets::new(&keys);
    assert_eq!(conforms(|| Arc::new(secrets.clone())), Ok(()));
    secrets.create("made", "x").unwrap();
    secrets.replace("replaced", "x").unwrap();
    for (path, mode) in [("", 0o700), ("made", 0o600), ("replaced", 0o600)] {
        let there = std::fs::metadata(keys.join(path)).unwrap();
        assert_eq!(there.permissions().mode() & 0o777, mode, "{path}");
    }
}

#[cfg(feature = "cluster")]
#[test]
fn sealed_secrets_conform_and_need_their_key() {
    use std::time::Duration;

    use atrail_catalog::outside::postgres::EmptyDatabase;

    use super::ClusterKey;
    use super::sealed::SealedSecrets;
    use crate::beside::Beside;

    let beside = Arc::new(Beside::start().unwrap());
    let joined = beside.wait(async {
        let Some(database) = EmptyDatabase::new().await else {
            return Ok(None);
        };
        database
            .join("one", Duration::from_secs(10))
            .await
            .map(Some)
    });
    let Some(catalog) = joined.unwrap() else {
        return;
    };
    let with_key = |byte| {
        let key = Arc::new(ClusterKey::of([byte; 32]).unwrap());
        SealedSecrets::new(catalog.clone(), key, Arc::clone(&beside))
    };
    assert_eq!(conforms(|| Arc::new(with_key(1))), Ok(()));
    with_key(1).create("a", "text").unwrap();
    let refused = with_key(2).load("a").unwrap_err().to_string();
    assert!(refused.contains("sealed under another key"), "{refused}");
    // Whoever has the database alone cannot pass one secret off as another, or make one.
    for change in [
        "UPDATE sealed_secrets SET name = 'b'",
        "UPDATE sealed_secrets SET name = 'a', cipher = 'text'",
    ] {
        let other = catalog.clone();
        let changed = beside.wait(async move {
            other.run(change).await;
            Ok::<_, io::Error>(())
        });
        changed.unwrap();
        let name = if change.contains("'b'") { "b" } else { "a" };
        let refused = with_key(1).load(name).unwrap_err().to_string();
        assert!(refused.contains("not what a node has sealed"), "{refused}");
    }
}

#[test]
fn memory_conforms() {
    let secrets = MemorySecrets::default();
    assert_eq!(conforms(|| Arc::new(secrets.clone())), Ok(()));
}

/// A fault of an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    Overwrites,
    CopiesForRenaming,
    RemovesNothing,
    NamesNothing,
}

#[derive(Debug)]
struct WrongSecrets(MemorySecrets, Wrong);

impl Secrets for WrongSecrets {
    fn load(&self, name: &str) -> io::Result<Option<String>> {
        self.0.load(name)
    }

    fn names(&self) -> io::Result<Vec<String>> {
        match self.1 {
            Wrong::NamesNothing => Ok(Vec::new()),
            _ => self.0.names(),
        }
    }

    fn create(&self, name: &str, text: &str) -> io::Result<()> {
        match self.1 {
            Wrong::Overwrites => self.0.replace(name, text),
            _ => self.0.create(name, text),
        }
    }

    fn replace(&self, name: &str, text: &str) -> io::Result<()> {
        self.0.replace(name, text)
    }

    fn rename(&self, from: &str, to: &str) -> io::Result<()> {
        let text = self.0.load(from)?;
        self.0.rename(from, to)?;
        match (self.1, text) {
            (Wrong::CopiesForRenaming, Some(text)) => self.0.replace(from, &text),
            _ => Ok(()),
        }
    }

    fn remove(&self, name: &str) -> io::Result<()> {
        match self.1 {
            Wrong::RemovesNothing => Ok(()),
            _ => self.0.remove(name),
        }
    }

    fn place(&self, name: &str) -> String {
        self.0.place(name)
    }
}

#[test]
fn what_does_not_conform_is_noticed() {
    for wrong in [
        Wrong::Overwrites,
        Wrong::CopiesForRenaming,
        Wrong::RemovesNothing,
        Wrong::NamesNothing,
    ] {
        let secrets = MemorySecrets::default();
        let outcome = conforms(|| Arc::new(WrongSecrets(secrets.clone(), wrong)));
        assert!(outcome.is_err(), "{wrong:?} passes");
    }
}
