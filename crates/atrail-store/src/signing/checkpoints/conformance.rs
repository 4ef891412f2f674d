//! Tests what every implementation of [`Checkpoints`] must do, and proves that the suite detects faulty ones.

use std::sync::Arc;

use atrail_disk::{Result, StoreError};
use atrail_evidence::{Hash, SigningKey};
use atrail_model::{Domain, SpaceId};

use super::local::LocalCheckpoints;
use super::memory::MemoryCheckpoints;
use super::{Checkpoints, Signed};

#[cfg(feature = "cluster")]
mod nodes;

type Verdict = std::result::Result<(), &'static str>;

fn must(holds: bool, fault: &'static str) -> Verdict {
    holds.then_some(()).ok_or(fault)
}

fn domain(number: u8) -> Domain {
    Domain::Space(SpaceId::from_bytes([number; 16]))
}

/// Returns a checkpoint of an origin at a size, with this byte as its root.
fn signed(key: &SigningKey, origin: &str, size: u64, root: u8) -> Signed {
    let checkpoint = atrail_evidence::Checkpoint {
        origin: format!("example.org/{origin}"),
        size,
        root: Hash([root; 32]).into(),
    };
    let note = checkpoint.sign(key).unwrap();
    Signed { checkpoint, note }
}

/// Returns the fault of an implementation, if it has one. `reopen` returns the same checkpoints as a later process
/// finds them.
fn conforms(reopen: impl Fn() -> Arc<dyn Checkpoints>) -> Verdict {
    let key = SigningKey::generate("example.org").unwrap();
    let (one, other) = (domain(1), domain(2));
    let kept = reopen();
    must(kept.domains().is_empty(), "something is signed already")?;
    let first = [
        (one, signed(&key, "a", 3, 3)),
        (other, signed(&key, "b", 9, 9)),
    ];
    must(kept.remember(&first).is_ok(), "checkpoints are refused")?;
    for kept in [Arc::clone(&kept), reopen()] {
        let is_there =
            |(domain, signed): &(Domain, Signed)| kept.newest(*domain).as_ref() == Some(signed);
        must(
            first.iter().all(is_there),
            "a checkpoint is not there, or another",
        )?;
        must(kept.domains().len() == 2, "the list of domains is wrong")?;
    }
    must(kept.remember(&first).is_ok(), "what is known is refused")?;
    let older = signed(&key, "a", 2, 7);
    must(
        kept.remember(&[(one, older)]).is_ok(),
        "an older one is refused",
    )?;
    must(
        kept.newest(one).as_ref() == Some(&first[0].1),
        "an older one takes the place",
    )?;
    let contrary = kept.remember(&[(one, signed(&key, "a", 3, 4))]);
    let is_poison = matches!(contrary, Err(StoreError::Poisoned(_)));
    must(is_poison, "a second history of one size is kept")?;
    let later = reopen();
    let epoch = signed(&key, "a/epoch", 1, 1);
    must(
        later.remember(&[(one, epoch.clone())]).is_ok(),
        "a new epoch is refused",
    )?;
    must(
        reopen().newest(one) == Some(epoch),
        "a new epoch is not there",
    )?;
    demands(&*later, &*reopen())
}

fn demands(kept: &dyn Checkpoints, later: &dyn Checkpoints) -> Verdict {
    let demanded =
        |kept: &dyn Checkpoints| kept.demanded_epoch().map_err(|_| "a demand cannot be read");
    must(
        demanded(kept)?.is_none(),
        "an epoch is demanded that nobody demanded",
    )?;
    must(
        kept.demand_epoch("why").is_ok(),
        "an epoch cannot be demanded",
    )?;
    must(
        demanded(later)?.as_deref() == Some("why"),
        "a demand is not there",
    )?;
    must(
        later.forget_demand().is_ok(),
        "a demand cannot be forgotten",
    )?;
    must(demanded(later)?.is_none(), "a demand is not forgotten")
}

#[test]
fn files_conform() {
    let dir = tempfile::tempdir().unwrap();
    let reopen = || Arc::new(LocalCheckpoints::open(dir.path()).unwrap()) as Arc<dyn Checkpoints>;
    assert_eq!(conforms(reopen), Ok(()));
}

#[test]
fn memory_conforms() {
    let kept = MemoryCheckpoints::default();
    assert_eq!(conforms(|| Arc::new(kept.clone())), Ok(()));
}

/// A fault of an implementation.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Wrong {
    ForgetsAtTheEnd,
    KeepsTheLastOne,
    SignsTwoHistories,
    ForgetsDemands,
}

#[derive(Debug)]
struct WrongCheckpoints(MemoryCheckpoints, Wrong);

impl Checkpoints for WrongCheckpoints {
    fn domains(&self) -> Vec<Domain> {
        self.0.domains()
    }

    fn newest(&self, domain: Domain) -> Option<Signed> {
        self.0.newest(domain)
    }

    fn remember(&self, signed: &[(Domain, Signed)]) -> Result<()> {
        let is_contrary = self.0.remember(signed).is_err();
        match self.1 {
            Wrong::KeepsTheLastOne => {
                // As if no checkpoint was kept before.
                let emptied = MemoryCheckpoints::default();
                emptied.remember(signed)?;
                for (domain, _) in signed {
                    self.0.put(*domain, emptied.newest(*domain));
                }
                Ok(())
            }
            Wrong::SignsTwoHistories => Ok(()),
            _ if is_contrary => self.0.remember(signed),
            _ => Ok(()),
        }
    }

    fn demanded_epoch(&self) -> Result<Option<String>> {
        match self.1 {
            Wrong::ForgetsDemands => Ok(None),
            _ => self.0.demanded_epoch(),
        }
    }

    fn demand_epoch(&self, reason: &str) -> Result<()> {
        self.0.demand_epoch(reason)
    }

    fn forget_demand(&self) -> Result<()> {
        self.0.forget_demand()
    }
}

#[test]
fn what_does_not_conform_is_noticed() {
    for wrong in [
        Wrong::ForgetsAtTheEnd,
        Wrong::KeepsTheLastOne,
        Wrong::SignsTwoHistories,
        Wrong::ForgetsDemands,
    ] {
        let kept = MemoryCheckpoints::default();
        let outcome = conforms(|| {
            let kept = match wrong {
                Wrong::ForgetsAtTheEnd => MemoryCheckpoints::default(),
                _ => kept.clone(),
            };
            Arc::new(WrongCheckpoints(kept, wrong))
        });
        assert!(outcome.is_err(), "{wrong:?} passes");
    }
}
