//! Checks digests against each other, and log files against digests.
//!
//! A digest's signature stands in the metadata of its object, which a copy of a bucket loses. But each digest also holds
//! the signature of the one before it: so, of a plain copy too, every digest but the last of each chain has one, and a
//! signature that the right key made proves itself, wherever it was found. With keys, nothing else proves anything:
//! whoever can change a copy can also write digests without signatures.

mod report;

use std::collections::hash_map::Entry;
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
    /// The end of the newest digest of each account and region that proves its log files.
    newest: HashMap<(String, String), Timestamp>,
    /// What is wrong, in the order of the chains.
    pub(crate) problems: Vec<Problem>,
    /// How many digests a signature proves.
    pub(crate) signed: u64,
    /// How many digests no signature proves, and none disproves.
    pub(crate) unsigned: u64,
    /// How many digests cannot be trusted.
    pub(crate) unsound: u64,
}

#[derive(Debug)]
struct Listed {
    object: String,
    hash: Hash,
    digest: String,
    standing: Standing,
    /// Whether another digest that proves as much lists another hash.
    is_contested: bool,
}

/// What the digests say of a log file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(crate) enum Judgement {
    /// A digest lists it with its hash.
    Unchanged,
    /// A digest lists another hash.
    Changed(String),
    /// The digest that lists it proves nothing, or another one that proves as much lists another hash.
    Unproven(String),
    /// No digest lists it.
    Unlisted,
    /// It is newer than the newest digest of its region that proves anything: a later digest will list or sign it.
    NotYetProven,
}

/// What a digest proves.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Standing {
    /// A signature proves it.
    Signed,
    /// No signature was to be checked, and its chain is whole.
    Chained,
    /// It is the last one of a copy of a chain: the next digest will hold its signature. Until then it proves nothing.
    Awaiting,
    /// No signature of it is here, or not its key: it proves nothing.
    Unsigned,
    /// It was changed, or its chain is broken.
    Unsound,
}

impl Standing {
    const fn proves(self) -> bool {
        matches!(self, Self::Signed | Self::Chained)
    }
}

impl Proofs {
    /// Checks digests. With `keys`, signatures alone prove; without, the hashes of the chains do.
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
                if is_copy {
                    b.signatures.append(&mut a.signatures);
                    b.has_metadata |= a.has_metadata;
                }
                is_copy
            });
            proofs.add_chain(chain, keys);
        }
        proofs
    }

    fn add_chain(&mut self, chain: &[Digest], keys: Option<&PublicKeys>) {
        let mut standings = match keys {
            Some(keys) => self.standings(chain, keys),
            None => vec![Standing::Chained; chain.len()],
        };
        for at in 1..chain.len() {
            self.link(&chain[at - 1], &chain[at], &mut standings[at - 1..=at]);
        }
        for (digest, standing) in chain.iter().zip(standings) {
            match standing {
                Standing::Signed => self.signed += 1,
                Standing::Unsound => self.unsound += 1,
                Standing::Chained | Standing::Awaiting | Standing::Unsigned => self.unsigned += 1,
            }
            self.list(digest, standing);
        }
    }

    /// Checks the signatures of a chain.
    fn standings(&mut self, chain: &[Digest], keys: &PublicKeys) -> Vec<Standing> {
        let mut by_next: HashMap<&str, Vec<&[u8]>> = HashMap::new();
        for previous in chain.iter().filter_map(|digest| digest.previous.as_ref()) {
            let named = by_next.entry(names::base(&previous.object)).or_default();
            named.push(&previous.signature);
        }
        let mut standings: Vec<Standing> = Vec::with_capacity(chain.len());
        for (at, digest) in chain.iter().enumerate() {
            let named = by_next.get(names::base(&digest.object));
            let own = digest.signatures.iter().map(Vec::as_slice);
            let signatures = own.chain(named.into_iter().flatten().copied());
            let checked = self.signature(digest, signatures, keys);
            let is_next = || {
                let before = at.checked_sub(1).map(|before| &chain[before]);
                let previous = digest.previous.as_ref();
                before.zip(previous).is_some_and(|(before, previous)| {
                    names::base(&before.object) == names::base(&previous.object)
                })
            };
            standings.push(checked.unwrap_or_else(|| {
                let follows = is_next() && standings.last() == Some(&Standing::Signed);
                if at + 1 == chain.len() && !digest.has_metadata && follows {
                    return Standing::Awaiting;
                }
                self.problems.push(Problem::Unsigned {
                    digest: digest.place.clone(),
                });
                Standing::Unsigned
            }));
        }
        standings
    }

    /// Checks the signatures of a digest; `None` if there is none.
    fn signature<'a>(
        &mut self,
        digest: &Digest,
        signatures: impl Iterator<Item = &'a [u8]>,
        keys: &PublicKeys,
    ) -> Option<Standing> {
        let text = digest.signed_text();
        let mut is_wrong = false;
        for signature in signatures {
            match keys.check(&digest.fingerprint, text.as_bytes(), signature) {
                Verdict::Right => return Some(Standing::Signed),
                Verdict::Wrong => is_wrong = true,
                Verdict::NoKey => {
                    self.problems.push(Problem::NoKey {
                        digest: digest.place.clone(),
                        fingerprint: digest.fingerprint.clone(),
                    });
                    return Some(Standing::Unsigned);
                }
            }
        }
        if !is_wrong {
            return None;
        }
        self.problems.push(Problem::WrongSignature {
            digest: digest.place.clone(),
        });
        Some(Standing::Unsound)
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
            // CloudTrail begins a chain anew only after a time without digests.
            None => {
                self.problems.push(Problem::Restarted {
                    earlier: earlier.place.clone(),
                    later: later.place.clone(),
                });
                for standing in standings {
                    if *standing != Standing::Signed {
                        *standing = Standing::Unsound;
                    }
                }
            }
        }
    }

    fn list(&mut self, digest: &Digest, standing: Standing) {
        if standing.proves()
            && let Some((account, region)) = names::region_of(&digest.object)
        {
            let newest = self.newest.entry((account.to_owned(), region.to_owned()));
            let newest = newest.or_insert(digest.end);
            *newest = (*newest).max(digest.end);
        }
        for log in &digest.logs {
            let listed = Listed {
                object: log.object.clone(),
                hash: log.hash,
                digest: digest.place.clone(),
                standing,
                is_contested: false,
            };
            match self.logs.entry(names::base(&log.object).to_owned()) {
                Entry::Vacant(entry) => {
                    entry.insert(listed);
                }
                Entry::Occupied(mut entry) => {
                    let known = entry.get_mut();
                    if known.hash != listed.hash {
                        self.problems.push(Problem::Contested {
                            object: listed.object.clone(),
                            first: known.digest.clone(),
                            second: listed.digest.clone(),
                        });
                    }
                    match (known.standing.proves(), standing.proves()) {
                        (true, true) => known.is_contested |= known.hash != listed.hash,
                        (false, true) => *known = listed,
                        (_, false) => {}
                    }
                }
            }
        }
    }

    /// Judges a log file by its path or key, and the SHA-256 of its unpacked bytes.
    pub(crate) fn judge(&self, path: &str, hash: &Hash) -> Judgement {
        let is_newer = || {
            let (account, region) = names::region_of(path)?;
            let newest = self.newest.get(&(account.to_owned(), region.to_owned()))?;
            let time = names::time_of(path)?.as_second();
            Some(time.saturating_add(LATE_SECONDS) > newest.as_second())
        };
        let Some(listed) = self.logs.get(names::base(path)) else {
            return match is_newer() {
                Some(true) => Judgement::NotYetProven,
                _ => Judgement::Unlisted,
            };
        };
        let digest = listed.digest.clone();
        match (listed.standing, listed.hash == *hash) {
            _ if listed.is_contested => Judgement::Unproven(digest),
            (_, false) => Judgement::Changed(digest),
            (Standing::Signed | Standing::Chained, true) => Judgement::Unchanged,
            (Standing::Awaiting, true) if is_newer() == Some(true) => Judgement::NotYetProven,
            (Standing::Awaiting | Standing::Unsigned | Standing::Unsound, true) => {
                Judgement::Unproven(digest)
            }
        }
    }

    /// Returns the log files that are not there although digests list them that nothing disproves, in the order of their
    /// keys. `is_there` gets the base of a name; `is_expected` gets a key.
    pub(crate) fn missing(
        &self,
        is_there: impl Fn(&str) -> bool,
        is_expected: impl Fn(&str) -> bool,
    ) -> Vec<Problem> {
        let absent = self.logs.iter().filter(|(base, listed)| {
            let may_be = listed.standing.proves() || listed.standing == Standing::Awaiting;
            may_be && !is_there(base) && is_expected(&listed.object)
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
