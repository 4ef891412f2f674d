//! Compares an earlier receipt with a later one: the history signed then must be the beginning of the one signed now.

use std::collections::HashMap;

use super::checked::Checked;
use super::epoch;
use super::log::DomainLog;
use super::report::{FindingKind, Findings, Kept};
use crate::checkpoint::Checkpoint;
use crate::proof::verify_consistency;
use crate::receipt::{DomainEvidence, Receipt};
use crate::verify::problem::{Problem, invalid};

/// Checks every domain of the earlier receipt. Returns what was kept in those whose logs began anew.
pub(super) fn check(
    old: &Checked,
    new: &Checked,
    receipt: &Receipt,
    findings: &mut Findings,
) -> HashMap<String, Kept> {
    let mut kept = HashMap::new();
    for log in &old.logs {
        let later = new.logs.iter().position(|new| new.domain == log.domain);
        let problems = match later.map(|number| (&new.logs[number], &receipt.domains[number])) {
            None => vec![unproven("is not in the later receipt")],
            Some((later, evidence)) if began_anew(log, later) => {
                let (what, problems) = epoch::compare(log, later, evidence, new.range);
                kept.insert(log.domain.clone(), what);
                problems
            }
            Some((later, evidence)) => check_domain(log, later, evidence, new),
        };
        for Problem { kind, detail } in problems {
            findings.add(
                kind,
                format!("since the earlier receipt: {}: {detail}", log.domain),
            );
        }
    }
    kept
}

fn unproven(detail: &str) -> Problem {
    Problem {
        kind: FindingKind::Unproven,
        detail: detail.to_owned(),
    }
}

fn check_domain(
    old: &DomainLog,
    new: &DomainLog,
    evidence: &DomainEvidence,
    checked: &Checked,
) -> Vec<Problem> {
    let (before, now) = (&old.checkpoint, &new.checkpoint);
    if before.origin != now.origin {
        return vec![unproven(
            "the log began anew, and does not continue it where the earlier receipt ends: what was recorded meanwhile, and what was deleted, is not known",
        )];
    }
    if before.size > now.size {
        return vec![unproven(
            "the receipt is older than the one it is to follow",
        )];
    }
    // Without a proof, it is unknown whether the log begins with the earlier one. The lists may still show that it does
    // not.
    let results = [
        check_history(before, now, evidence),
        check_lists(old, new, checked),
    ];
    results.into_iter().filter_map(Result::err).collect()
}

/// Checks that the earlier log is the beginning of the later one, which is not smaller.
fn check_history(
    before: &Checkpoint,
    now: &Checkpoint,
    evidence: &DomainEvidence,
) -> Result<(), Problem> {
    if before.size == now.size {
        return match before.root == now.root {
            true => Ok(()),
            false => Err(invalid("two histories of one size were signed")),
        };
    }
    let mut proofs = evidence.consistency.iter();
    let Some(proof) = proofs.find(|proof| proof.size == before.size) else {
        return Err(unproven(
            "the receipt has no consistency proof from it; `atrail download --since` asks for one",
        ));
    };
    match verify_consistency(before.size, before.root, now.size, now.root, &proof.proof) {
        true => Ok(()),
        false => Err(invalid(
            "the log does not begin with the log that was signed then",
        )),
    }
}

/// Checks that the earlier lists are the beginnings of the later ones, on the days that both receipts cover.
fn check_lists(old: &DomainLog, new: &DomainLog, checked: &Checked) -> Result<(), Problem> {
    let begins = old.control.root_at(old.control.size()) == new.control.root_at(old.control.size());
    if !begins {
        return Err(invalid(
            "the control list does not begin with the one that was signed then",
        ));
    }
    for (day, list) in &old.lists {
        let later = new.lists.get(day);
        let begins = later.is_some_and(|later| later.leaves.starts_with(&list.leaves));
        if checked.range.contains(*day) && !begins {
            return Err(invalid(format!(
                "the list of {day} does not begin with the one that was signed then"
            )));
        }
    }
    Ok(())
}

/// Returns whether the later log is another one, which begins where the earlier receipt ends.
fn began_anew(old: &DomainLog, new: &DomainLog) -> bool {
    new.checkpoint.origin != old.checkpoint.origin
        && continued(new).as_ref() == Some(&old.checkpoint)
}

/// Returns the checkpoint that the log's epoch continues.
pub(super) fn continued(log: &DomainLog) -> Option<Checkpoint> {
    super::form::checkpoint(&log.control.genesis.continues)
}
