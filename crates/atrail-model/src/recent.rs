//! A map of bounded weight, which evicts the least recently used values.

use std::borrow::Borrow;
use std::collections::{BTreeMap, HashMap};
use std::hash::Hash;

/// Recently used values, each with a weight. When their total weight exceeds the limit, the map evicts the least
/// recently used ones.
#[derive(Debug)]
pub struct Recent<K, V> {
    max_weight: usize,
    weight: usize,
    values: HashMap<K, Entry<V>>,
    /// Keys by the time of their last use.
    by_use: BTreeMap<u64, K>,
    uses: u64,
}

#[derive(Debug)]
struct Entry<V> {
    value: V,
    weight: usize,
    used: u64,
}

impl<K: Clone + Eq + Hash, V> Recent<K, V> {
    /// Returns an empty map with this weight limit.
    #[must_use]
    pub fn new(max_weight: usize) -> Self {
        Self {
            max_weight,
            weight: 0,
            values: HashMap::new(),
            by_use: BTreeMap::new(),
            uses: 0,
        }
    }

    /// Returns the value, and marks it as used.
    pub fn get<Q: Eq + Hash + ?Sized>(&mut self, key: &Q) -> Option<&V>
    where
        K: Borrow<Q>,
    {
        let entry = self.values.get_mut(key)?;
        self.uses += 1;
        if let Some(key) = self.by_use.remove(&entry.used) {
            self.by_use.insert(self.uses, key);
        }
        entry.used = self.uses;
        Some(&entry.value)
    }

    /// Stores a value in place of an earlier one. Does not store a value that exceeds the limit on its own.
    pub fn insert(&mut self, key: K, value: V, weight: usize) {
        self.insert_evicting(key, value, weight);
    }

    /// As [`Self::insert`], and returns the keys whose values it evicted or did not store.
    pub fn insert_evicting(&mut self, key: K, value: V, weight: usize) -> Vec<K> {
        self.remove(&key);
        if weight > self.max_weight {
            return vec![key];
        }
        let mut evicted = Vec::new();
        while self.weight + weight > self.max_weight
            && let Some((_, oldest)) = self.by_use.pop_first()
        {
            if let Some(gone) = self.values.remove(&oldest) {
                self.weight -= gone.weight;
            }
            evicted.push(oldest);
        }
        self.uses += 1;
        self.weight += weight;
        self.by_use.insert(self.uses, key.clone());
        let used = self.uses;
        self.values.insert(
            key,
            Entry {
                value,
                weight,
                used,
            },
        );
        evicted
    }

    /// Returns the number of values.
    #[must_use]
    pub fn len(&self) -> usize {
        self.values.len()
    }

    /// Returns whether the map is empty.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.values.is_empty()
    }

    /// Removes a value.
    pub fn remove<Q: Eq + Hash + ?Sized>(&mut self, key: &Q)
    where
        K: Borrow<Q>,
    {
        if let Some(gone) = self.values.remove(key) {
            self.weight -= gone.weight;
            self.by_use.remove(&gone.used);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn held(recent: &mut Recent<u8, char>) -> String {
        let mut held: Vec<_> = recent.values.values().map(|entry| entry.value).collect();
        held.sort_unstable();
        assert_eq!(recent.by_use.len(), recent.values.len());
        let weights: usize = recent.values.values().map(|entry| entry.weight).sum();
        assert_eq!(recent.weight, weights);
        held.into_iter().collect()
    }

    #[test]
    fn what_was_not_used_for_longest_goes_first() {
        let mut recent = Recent::new(3);
        for (key, value) in (0..).zip('a'..='c') {
            recent.insert(key, value, 1);
        }
        assert_eq!(recent.get(&0), Some(&'a'));
        recent.insert(3, 'd', 1);
        assert_eq!(held(&mut recent), "acd", "b was not used for longest");
        assert_eq!(recent.insert_evicting(4, 'e', 2), [2, 0]);
        assert_eq!(held(&mut recent), "de", "as many go as it takes");
        recent.insert(4, 'f', 1);
        assert_eq!(held(&mut recent), "df");
        assert_eq!(recent.insert_evicting(3, 'g', 4), [3]);
        assert_eq!(held(&mut recent), "f", "too heavy alone");
        recent.remove(&4);
        recent.remove(&4);
        assert_eq!((held(&mut recent).as_str(), recent.weight), ("", 0));
    }
}
