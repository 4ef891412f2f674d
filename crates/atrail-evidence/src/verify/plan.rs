//! Plans the content of the file, in its order: the manifest names the expected segments.

use std::collections::HashMap;

use atrail_model::Day;

use super::report::{FindingKind, Findings, Location};
use crate::entry::SealedSegment;
use crate::hash::Hash;
use crate::manifest::Manifest;
use crate::receipt::Receipt;
use crate::tree::{SUBTREE_LEAVES, root_of_runs};
use crate::verify::problem::{Problem, invalid};

/// A segment of the file.
#[derive(Debug, Clone)]
pub(super) struct Planned {
    pub(super) domain: usize,
    pub(super) day: Day,
    pub(super) sealed: SealedSegment,
    /// The hashes of its runs of events; empty when they are unknown and there is more than one.
    pub(super) runs: Vec<Hash>,
}

/// A run of events with a known hash.
#[derive(Debug, Clone, Copy)]
pub(super) struct Run {
    /// Position of its first event in the segment.
    pub(super) first: u64,
    pub(super) count: u64,
    pub(super) hash: Hash,
}

impl Planned {
    /// Returns the runs to compare; the whole segment when no smaller run is known.
    pub(super) fn runs(&self) -> impl Iterator<Item = Run> {
        let count = self.sealed.count;
        let whole = (self.runs.is_empty()).then_some(Run {
            first: 0,
            count,
            hash: self.sealed.root,
        });
        let runs = (0_u64..).zip(&self.runs).map(move |(number, hash)| Run {
            first: number * SUBTREE_LEAVES,
            count: SUBTREE_LEAVES.min(count - number * SUBTREE_LEAVES),
            hash: *hash,
        });
        whole.into_iter().chain(runs)
    }

    /// Returns the first of them.
    pub(super) fn first_run(&self) -> Run {
        Run {
            first: 0,
            count: if self.runs.is_empty() {
                self.sealed.count
            } else {
                SUBTREE_LEAVES.min(self.sealed.count)
            },
            hash: *self.runs.first().unwrap_or(&self.sealed.root),
        }
    }

    /// Returns the segment's location.
    pub(super) fn location(&self, receipt: &Receipt) -> Location {
        Location {
            domain: receipt.domains.get(self.domain).map(|d| d.domain.clone()),
            day: Some(self.day.to_string()),
            hour: Some(self.sealed.hour),
            segment: Some(self.sealed.id.clone()),
            ..Location::default()
        }
    }
}

/// Puts the expected segments of all domains into the manifest's order.
pub(super) fn plan(
    receipt: &Receipt,
    manifest: &Manifest,
    expected: Vec<Vec<(Day, SealedSegment)>>,
    findings: &mut Findings,
) -> Result<Vec<Planned>, Problem> {
    let mut by_id: HashMap<String, Planned> = HashMap::new();
    for (domain, segments) in expected.into_iter().enumerate() {
        for (day, sealed) in segments {
            let runs = runs_of(receipt, domain, &sealed)?;
            let planned = Planned {
                domain,
                day,
                sealed,
                runs,
            };
            if let Some(twice) = by_id.insert(planned.sealed.id.clone(), planned) {
                return Err(invalid(format!(
                    "segment {}: sealed twice",
                    twice.sealed.id
                )));
            }
        }
    }
    let mut planned: Vec<Planned> = Vec::with_capacity(by_id.len());
    for object in &manifest.objects {
        for id in &object.segments {
            let segment = by_id.remove(id).ok_or_else(|| {
                invalid(format!(
                    "manifest: segment {id} is not of the scope, deleted, or named twice"
                ))
            })?;
            if receipt.domains[segment.domain].domain != object.domain {
                return Err(invalid(format!(
                    "manifest: object {}: another domain",
                    object.object
                )));
            }
            planned.push(segment);
        }
    }
    let place = |segment: &Planned| (segment.domain, segment.day, segment.sealed.hour);
    if !planned.is_sorted_by_key(place) {
        return Err(invalid(
            "manifest: not in the order of domains, days and hours",
        ));
    }
    let mut missing: Vec<_> = by_id.into_values().collect();
    missing.sort_by_key(place);
    for segment in missing {
        let detail = format!("{} events are not in the manifest", segment.sealed.count);
        findings.add_at(FindingKind::Missing, segment.location(receipt), detail);
    }
    Ok(planned)
}

/// Returns the hashes of a segment's runs, if they are known and lead to its root.
fn runs_of(receipt: &Receipt, domain: usize, sealed: &SealedSegment) -> Result<Vec<Hash>, Problem> {
    if sealed.count <= SUBTREE_LEAVES {
        return Ok(vec![sealed.root]);
    }
    let Some(runs) = receipt.domains[domain].subtrees.get(&sealed.id) else {
        return Ok(Vec::new());
    };
    let is_whole = runs.len() as u64 == sealed.count.div_ceil(SUBTREE_LEAVES);
    if !is_whole || Hash::from(root_of_runs(runs)) != sealed.root {
        return Err(invalid(format!(
            "segment {}: its subtree hashes do not give its root",
            sealed.id
        )));
    }
    Ok(runs.clone())
}
