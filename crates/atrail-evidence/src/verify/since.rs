//! An earlier receipt against a later one: the history that was signed then is a beginning of the one that is signed now.

use super::Checked;
use super::log::DomainLog;
use super::report::{FindingKind, Findings};
use crate::checkpoint::Checkpoint;
use crate::proof::verify_consistency;
use crate::receipt::Receipt;

/// Checks every domain of the earlier receipt.
pub(super) fn check(old: &Checked, new: &Checked, receipt: &Receipt, findings: &mut Findings) {
    for log in &old.logs {
        let later = new.logs.iter().position(|new| new.domain == log.domain);
        let finding = match later {
            Some(number) => check_domain(log, &new.logs[number], &receipt.domains[number], new),
            None => Some((
                FindingKind::Unproven,
                "is not in the later receipt".to_owned(),
            )),
        };
        if let Some((kind, why)) = finding {
            findings.add(
                kind,
                format!("since the earlier receipt: {}: {why}", log.domain),
            );
        }
    }
}

fn check_domain(
    old: &DomainLog,
    new: &DomainLog,
    evidence: &crate::receipt::DomainEvidence,
    checked: &Checked,
) -> Option<(FindingKind, String)> {
    let invalid = |why: &str| Some((FindingKind::LogInvalid, why.to_owned()));
    let unproven = |why: &str| Some((FindingKind::Unproven, why.to_owned()));
    let (before, now) = (&old.checkpoint, &new.checkpoint);
    if before.origin != now.origin {
        return if continued(new).as_ref() == Some(before) {
            unproven(
                "the log began anew and continues it: whether all that was recorded before is still there is not proven",
            )
        } else {
            unproven("the log is of another epoch, which does not continue it")
        };
    }
    if before.size > now.size {
        return unproven("the receipt is older than the one it is to follow");
    }
    if before.size == now.size {
        if before.root != now.root {
            return invalid("two histories of one size were signed");
        }
    } else {
        let proof = evidence
            .consistency
            .iter()
            .find(|proof| proof.size == before.size);
        let Some(proof) = proof else {
            return unproven(
                "the receipt has no consistency proof from it; make a session that asks for one",
            );
        };
        if !verify_consistency(before.size, before.root, now.size, now.root, &proof.proof) {
            return invalid("the log does not begin with the log that was signed then");
        }
    }
    let begins = old.control.root_at(old.control.size()) == new.control.root_at(old.control.size());
    if !begins {
        return invalid("the control list does not begin with the one that was signed then");
    }
    for (day, entries) in &old.lists {
        let later = new.lists.get(day).map_or(&[][..], Vec::as_slice);
        let begins = entries.len() <= later.len()
            && entries.iter().zip(later).all(|(old, new)| old.1 == new.1);
        if checked.range.contains(*day) && !begins {
            return invalid(&format!(
                "the list of {day} does not begin with the one that was signed then"
            ));
        }
    }
    None
}

/// The checkpoint that the log's epoch continues.
pub(super) fn continued(log: &DomainLog) -> Option<Checkpoint> {
    Checkpoint::parse(&log.control.genesis.continues).ok()
}
