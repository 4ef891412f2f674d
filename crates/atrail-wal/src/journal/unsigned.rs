//! What is sealed, and not signed yet.

use std::collections::HashMap;

use atrail_model::Domain;

/// The number of a seal, and its first and last sequence number.
type Seal = (u64, (u64, u64));

/// Of each domain the seals that no signature is known to cover.
#[derive(Debug, Default)]
pub(super) struct UnsignedSeals(HashMap<Domain, Vec<Seal>>);

impl UnsignedSeals {
    /// Takes in a seal, whose number is greater than that of each before it.
    pub(super) fn add(&mut self, domain: Domain, number: u64, sequences: (u64, u64)) {
        let seals = self.0.entry(domain).or_default();
        seals.push((number, sequences));
    }

    /// The last number of each domain that has any.
    pub(super) fn numbers(&self) -> HashMap<Domain, u64> {
        let last = |(domain, seals): (&Domain, &Vec<Seal>)| {
            seals.last().map(|(number, _)| (*domain, *number))
        };
        self.0.iter().filter_map(last).collect()
    }

    /// Forgets those up to these numbers.
    pub(super) fn forget(&mut self, numbers: &HashMap<Domain, u64>) {
        for (domain, signed) in numbers {
            if let Some(seals) = self.0.get_mut(domain) {
                seals.retain(|(number, _)| number > signed);
            }
        }
        self.0.retain(|_, seals| !seals.is_empty());
    }

    /// The lowest sequence number of a domain's.
    pub(super) fn first_of(&self, domain: Domain) -> Option<u64> {
        let seals = self.0.get(&domain)?;
        seals.iter().map(|(_, (first, _))| *first).min()
    }

    /// The lowest sequence number of all.
    pub(super) fn first(&self) -> Option<u64> {
        let all = self.0.values().flatten();
        all.map(|(_, (first, _))| *first).min()
    }

    /// The highest sequence number of each domain's up to these numbers.
    pub(super) fn last_of(&self, numbers: &HashMap<Domain, u64>) -> HashMap<Domain, u64> {
        let last = |(domain, upto): (&Domain, &u64)| {
            let seals = self.0.get(domain)?.iter();
            let covered = seals.filter(|(number, _)| number <= upto);
            let last = covered.map(|(_, (_, last))| *last).max()?;
            Some((*domain, last))
        };
        numbers.iter().filter_map(last).collect()
    }
}
