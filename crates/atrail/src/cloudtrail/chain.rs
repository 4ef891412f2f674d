//! Checks digests against each other, and log files against digests.
//!
//! A digest's signature stands in the metadata of its object, which a copy of a bucket loses. But each digest also holds
//! the signature of the one before it: so, of a plain copy too, every digest but the last of each chain has one, and a
//! signature that the right key made proves itself, wherever it was found.

mod report;

use std::collections::{BTreeMap, HashMap};

use atrail_model::Timestamp;

use super::digest::{Digest, Hash, Previous};
use super::keys::{PublicKeys, Verdict};
use super::names;

pub(crate) use report::Problem;

/// How long after its time a log file may still be delivered, and so listed by a later digest.
const LATE_SECONDS: i64 = 3600;

/// The result of the check of digests.
#[derive(Debug, Default)]
pub(crate) struct Proofs {
    /// What the digests say of each log file, by the base of its name.
    logs: HashMap<String, Listed>,
    /// The end of the newest digest of each account and region.
    newest: HashMap<(String, String), Timestamp>,
    /// What is wrong, in the order of the chains.
    pub(crate) problems: Vec<Problem>,
    /// How many digests a signature proves.
    pub(crate) signed: u64,
    /// How many digests are proven by nothing but the hashes in their chains.
    pub(crate) unsigned: u64,
    /// How many digests cannot be trusted.
    pub(crate) unsound: u64,
}

#[derive(Debug)]
struct Listed {
    object: String,
    hash: Hash,
    digest: String,
    is_sound: bool,
}

/// What the digests say of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A digest lists it with its hash.
    Unchanged,
    /// A digest lists another hash.
    Changed(String),
    /// The digest that lists it cannot be trusted.
    Unproven(String),
    /// No digest lists it.
    Unlisted,
    /// It is newer than the newest digest of its region: a later digest will list it.
    NotYetListed,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    Signed,
    Unsigned,
    Unsound,
}

impl Proofs {
    /// Checks digests. Without `keys` no signature is checked.
    pub(crate) fn of(digests: Vec<Digest>, keys: Option<&PublicKeys>) -> Self {
        let mut chains: BTreeMap<String, Vec<Digest>> = BTreeMap::new();
        for digest in digests {
            let chain = names::chain_of(&digest.object).to_owned();
            chains.entry(chain).or_default().push(digest);
        }
        let mut proofs = Self::default();
        for chain in chains.values_mut() {
            chain.sort_by(|a, b| (a.end, &a.object, a.hash).cmp(&(b.end, &b.object, b.hash)));
            // Copies of one file are one digest.
            chain.dedup_by(|a, b| {
                let is_copy = a.object == b.object && a.hash == b.hash;
                if is_copy && b.signature.is_none() {
                    b.signature = a.signature.take();
                }
                is_copy
            });
            proofs.add_chain(chain, keys);
        }
        proofs
    }

    fn add_chain(&mut self, chain: &[Digest], keys: Option<&PublicKeys>) {
        let mut standings: Vec<_> = (0..chain.len())
            .map(|at| self.standing(chain, at, keys))
            .collect();
        for at in 1..chain.len() {
            self.link(&chain[at - 1], &chain[at], &mut standings[at - 1..=at]);
        }
        for (digest, standing) in chain.iter().zip(standings) {
            match standing {
                Standing::Signed => self.signed += 1,
                Standing::Unsigned => self.unsigned += 1,
                Standing::Unsound => self.unsound += 1,
            }
            self.list(digest, standing != Standing::Unsound);
        }
    }

    /// Checks the signature of a digest.
    fn standing(&mut self, chain: &[Digest], at: usize, keys: Option<&PublicKeys>) -> Standing {
        let digest = &chain[at];
        let Some(keys) = keys else {
            return Standing::Unsigned;
        };
        let next = chain.get(at + 1).and_then(|next| next.previous.as_ref());
        let next =
            next.filter(|previous| names::base(&previous.object) == names::base(&digest.object));
        let signatures = [
            digest.signature.as_ref(),
            next.map(|previous| &previous.signature),
        ];
        let text = digest.signed_text();
        let mut standing = Standing::Unsigned;
        for signature in signatures.into_iter().flatten() {
            match keys.check(&digest.fingerprint, text.as_bytes(), signature) {
                Verdict::Right => return Standing::Signed,
                Verdict::Wrong => standing = Standing::Unsound,
                Verdict::NoKey => {
                    self.problems.push(Problem::NoKey {
                        digest: digest.place.clone(),
                        fingerprint: digest.fingerprint.clone(),
                    });
                    return Standing::Unsigned;
                }
            }
        }
        if standing == Standing::Unsound {
            self.problems.push(Problem::WrongSignature {
                digest: digest.place.clone(),
            });
        }
        standing
    }

    /// Checks what a digest says of the one before it.
    fn link(&mut self, earlier: &Digest, later: &Digest, standings: &mut [Standing]) {
        let is_named =
            |previous: &&Previous| names::base(&previous.object) == names::base(&earlier.object);
        if earlier.object == later.object {
            self.problems.push(Problem::Two {
                first: earlier.place.clone(),
                second: later.place.clone(),
            });
            for standing in standings {
                if *standing != Standing::Signed {
                    *standing = Standing::Unsound;
                }
            }
            return;
        }
        match &later.previous {
            Some(previous) if is_named(&previous) => {
                let hashes = [earlier.hash, earlier.packed_hash];
                if previous.hash.is_none_or(|hash| hashes.contains(&hash)) {
                    return;
                }
                self.problems.push(Problem::Broken {
                    earlier: earlier.place.clone(),
                    later: later.place.clone(),
                });
                // Nothing says which of the two was changed, unless a signature does.
                match (standings[0], standings[1]) {
                    (Standing::Signed, Standing::Signed) => {}
                    (Standing::Signed, _) => standings[1] = Standing::Unsound,
                    (_, Standing::Signed) => standings[0] = Standing::Unsound,
                    _ => standings.fill(Standing::Unsound),
                }
            }
            Some(previous) => self.problems.push(Problem::Missing {
                object: previous.object.clone(),
                from: earlier.end,
                to: later.start,
            }),
            None if later.start > earlier.end => self.problems.push(Problem::Gap {
                chain: names::chain_of(&later.object).to_owned(),
                from: earlier.end,
                to: later.start,
            }),
            None => {}
        }
    }

    fn list(&mut self, digest: &Digest, is_sound: bool) {
        if let Some((account, region)) = names::region_of(&digest.object) {
            let newest = self.newest.entry((account.to_owned(), region.to_owned()));
            let newest = newest.or_insert(digest.end);
            *newest = (*newest).max(digest.end);
        }
        for log in &digest.logs {
            let listed = Listed {
                object: log.object.clone(),
                hash: log.hash,
                digest: digest.place.clone(),
                is_sound,
            };
            let base = names::base(&log.object).to_owned();
            match self.logs.entry(base) {
                std::collections::hash_map::Entry::Vacant(entry) => {
                    entry.insert(listed);
                }
                std::collections::hash_map::Entry::Occupied(mut entry) => {
                    if is_sound && !entry.get().is_sound {
                        entry.insert(listed);
                    }
                }
            }
        }
    }

    /// Judges a log file by its path or key, and the SHA-256 of its unpacked bytes.
    pub(crate) fn judge(&self, path: &str, hash: &Hash) -> Judgement {
        let Some(listed) = self.logs.get(names::base(path)) else {
            let region = names::region_of(path);
            let region = region.map(|(account, region)| (account.to_owned(), region.to_owned()));
            let newest = region.and_then(|region| self.newest.get(&region));
            let is_newer = newest
                .zip(names::time_of(path))
                .is_some_and(|(newest, time)| {
                    time.as_second().saturating_add(LATE_SECONDS) > newest.as_second()
                });
            return match is_newer {
                true => Judgement::NotYetListed,
                false => Judgement::Unlisted,
            };
        };
        match (listed.hash == *hash, listed.is_sound) {
            (false, _) => Judgement::Changed(listed.digest.clone()),
            (true, false) => Judgement::Unproven(listed.digest.clone()),
            (true, true) => Judgement::Unchanged,
        }
    }

    /// Returns the log files that sound digests list and that are not there, in the order of their keys. `is_there`
    /// gets the base of a name; `is_expected` gets a key.
    pub(crate) fn missing(
        &self,
        is_there: impl Fn(&str) -> bool,
        is_expected: impl Fn(&str) -> bool,
    ) -> Vec<Problem> {
        let absent = self.logs.iter().filter(|(base, listed)| {
            listed.is_sound && !is_there(base) && is_expected(&listed.object)
        });
        let mut absent: Vec<_> = absent.map(|(_, listed)| listed).collect();
        absent.sort_by(|a, b| a.object.cmp(&b.object));
        let problems = absent.into_iter().map(|listed| Problem::NoLog {
            object: listed.object.clone(),
            digest: listed.digest.clone(),
        });
        problems.collect()
    }
}

#[cfg(test)]
mod tests;
