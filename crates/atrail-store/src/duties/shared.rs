//! Duties of nodes that share a catalog.
//!
//! A task first gets its turn among the tasks of its process, and then claims the duty for its node in the database. So of
//! one node at most one task asks for a duty, and it asks again until the duty is free.

use std::time::Duration;

use atrail_catalog::Membership;
use atrail_disk::{Result, StoreError, chain};
use futures_util::future::{BoxFuture, FutureExt};

use super::{Claim, Duties, Duty, LocalDuties};

/// How soon a task asks again for a duty that another node has; each time later, up to the longest wait.
const FIRST_WAIT: Duration = Duration::from_millis(10);
const LONGEST_WAIT: Duration = Duration::from_millis(500);
/// How long a release waits after a failure of the database.
const PAUSE: Duration = Duration::from_secs(1);

/// Duties of one of the nodes that share a catalog.
#[derive(Debug, Clone)]
pub(crate) struct SharedDuties {
    local: LocalDuties,
    node: Membership,
}

/// A task's turn among those of its process. Dropping it gives back what the node may have claimed in the database.
struct Turn {
    /// Taken when it is dropped.
    local: Option<Claim>,
    duty: Duty,
    node: Membership,
    held: Held,
}

/// What the node has of a duty, as far as this task knows.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Held {
    Nothing,
    /// The claim of this number.
    Number(u64),
    /// The database failed, perhaps after it had recorded a claim.
    Perhaps,
}

impl SharedDuties {
    /// Returns the duties of this node.
    pub(crate) fn new(node: Membership) -> Self {
        let local = LocalDuties::default();
        Self { local, node }
    }

    fn turn(&self, local: Claim) -> Turn {
        Turn {
            duty: local.duty(),
            local: Some(local),
            node: self.node.clone(),
            held: Held::Nothing,
        }
    }
}

impl Turn {
    /// Asks the database for the duty.
    ///
    /// A caller that stops waiting leaves no claim behind: the question is a task of its own, which releases what nobody
    /// waits for any more.
    async fn ask(mut self) -> (Self, Result<bool>) {
        let asking = tokio::spawn(async move {
            // Until there is an answer.
            self.held = Held::Perhaps;
            let claimed = self.node.claim(&name(self.duty)).await;
            if let Ok(claimed) = claimed {
                self.held = claimed.map_or(Held::Nothing, Held::Number);
            }
            (self, claimed.map(|number| number.is_some()))
        });
        match asking.await {
            Ok(asked) => asked,
            Err(error) if error.is_panic() => std::panic::resume_unwind(error.into_panic()),
            // The runtime ends, and this task with it.
            Err(_) => std::future::pending().await,
        }
    }

    fn claimed(self, number: u64) -> Claim {
        Claim {
            duty: self.duty,
            number,
            _held: Box::new(self),
        }
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let local = self.local.take();
        let number = match self.held {
            Held::Nothing => return,
            // The next task of this node need not wait: its claim has another number.
            Held::Number(number) => {
                drop(local);
                release(self.node.clone(), self.duty, Some(number), None)
            }
            // It must wait: what is released is not told apart from its claim.
            Held::Perhaps => release(self.node.clone(), self.duty, None, local),
        };
        // Without a runtime the process ends; the claim falls with the lease.
        if let Ok(runtime) = tokio::runtime::Handle::try_current() {
            runtime.spawn(number);
        }
    }
}

/// Releases a duty as soon as the database answers.
async fn release(node: Membership, duty: Duty, number: Option<u64>, turn: Option<Claim>) {
    while !node.is_over() {
        match node.release(&name(duty), number).await {
            Ok(()) => break,
            Err(error) => {
                tracing::warn!(
                    error = chain(&error),
                    "a duty could not be released for other nodes yet"
                );
                tokio::time::sleep(PAUSE).await;
            }
        }
    }
    drop(turn);
}

impl Duties for SharedDuties {
    fn claim(&self, duty: Duty) -> BoxFuture<'_, Claim> {
        async move {
            let mut turn = self.turn(self.local.claim(duty).await);
            let mut wait = FIRST_WAIT;
            loop {
                let (asked, outcome) = turn.ask().await;
                turn = asked;
                match (outcome, turn.held) {
                    (Ok(true), Held::Number(number)) => return turn.claimed(number),
                    (Ok(_), _) => {}
                    (Err(error), _) => warn_of(duty, &error),
                }
                if self.node.is_over() {
                    return std::future::pending().await;
                }
                tokio::time::sleep(wait).await;
                wait = LONGEST_WAIT.min(wait * 2);
            }
        }
        .boxed()
    }

    fn try_claim(&self, duty: Duty) -> BoxFuture<'_, Option<Claim>> {
        async move {
            let (turn, outcome) = self.turn(self.local.try_claim(duty).await?).ask().await;
            match (outcome, turn.held) {
                (Ok(true), Held::Number(number)) => Some(turn.claimed(number)),
                (Ok(_), _) => None,
                (Err(error), _) => {
                    warn_of(duty, &error);
                    None
                }
            }
        }
        .boxed()
    }

    fn rest(&self) -> BoxFuture<'_, ()> {
        self.local.rest()
    }
}

fn warn_of(duty: Duty, error: &StoreError) {
    tracing::warn!(
        duty = name(duty),
        error = chain(error),
        "a duty cannot be claimed now"
    );
}

/// Returns a duty's name in the database.
fn name(duty: Duty) -> String {
    match duty {
        Duty::Index(domain) => format!("index/{domain}"),
        Duty::Compact(domain) => format!("compact/{domain}"),
        Duty::Seal(domain) => format!("seal/{domain}"),
        Duty::Runs => "runs".to_owned(),
    }
}
