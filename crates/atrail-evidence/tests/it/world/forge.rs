//! A server that holds its key can do this to its own logs: rewrite existing lists, and record false statements.

use super::*;

impl World {
    /// Replaces the text of an entry of a control list or a day list. Existing records stay unchanged.
    pub(crate) fn rewrite(&mut self, log: usize, list: Option<Day>, position: usize, text: &str) {
        let log = &mut self.logs[log];
        let list = match list {
            Some(day) => log.lists.get_mut(&day).unwrap(),
            None => &mut log.control,
        };
        list.entries[position] = text.to_owned();
        list.tree = TreeHasher::default();
        for entry in &list.entries {
            list.tree.push(leaf_hash(entry.as_bytes()));
        }
    }

    /// Forgets a day list, and the segments sealed on that day.
    pub(crate) fn forget_day(&mut self, log: usize, day: Day) {
        let log = &mut self.logs[log];
        log.lists.remove(&day).unwrap();
        log.segments.retain(|kept| kept.day != day);
    }

    /// Returns an entry of a control list.
    pub(crate) fn control_entry(&self, log: usize, position: usize) -> &str {
        &self.logs[log].control.entries[position]
    }

    /// Returns an entry of a day list.
    pub(crate) fn day_entry(&self, log: usize, day: Day, position: usize) -> &str {
        &self.logs[log].lists[&day].entries[position]
    }

    /// Adds the space to the account again.
    pub(crate) fn add_again(&mut self, log: usize, guid: &str) {
        self.tell_account(log, guid);
    }

    /// Returns the audit path of a record in the current log.
    pub(crate) fn path_of(&self, log: usize, index: u64) -> Vec<Hash> {
        let log = &self.logs[log];
        log.prove(ProofPlan::inclusion(index, log.size()).unwrap())
    }
}
