//! Ids for events whose senders give none.

use std::collections::HashMap;

use sha2::{Digest, Sha256};
use uuid::Uuid;

use super::Hints;

/// How many different texts are counted together, so that an input of any length takes little memory: 3 MiB.
const TEXTS_MAX: usize = 1 << 16;

/// The texts without an id of their own that a request had so far, with how often each came.
///
/// After [`TEXTS_MAX`] different texts the count begins anew, and the number of the stretch becomes a part of the ids:
/// so equal texts of different stretches have different ids, too, and an input that is sent again has the same.
#[derive(Debug, Clone, Default)]
pub(crate) struct Ids {
    counts: HashMap<[u8; 16], u64>,
    stretch: u64,
}

impl Ids {
    /// Returns the memory that it takes, in bytes.
    pub(crate) fn size_bytes(&self) -> usize {
        // A table of this kind is at most seven eighths full, and has a byte beside each place.
        let place = size_of::<([u8; 16], u64)>() + 1;
        self.counts.capacity() * place * 8 / 7
    }

    /// Returns an id that follows from the format, the text, its carrier's host and source, and how often the same came
    /// before in this request: the same for a request that is sent again, and another one for each of two equal texts
    /// in one request.
    pub(crate) fn of_text(&mut self, format: &str, text: &[u8], hints: &Hints<'_>) -> String {
        let mut hash = Sha256::new();
        let parts = [
            format.as_bytes(),
            hints.host.as_deref().unwrap_or_default().as_bytes(),
            hints.source.as_deref().unwrap_or_default().as_bytes(),
            text,
        ];
        for part in parts {
            hash.update((part.len() as u64).to_le_bytes());
            hash.update(part);
        }
        let key = first_half(hash.clone());
        if self.counts.len() == TEXTS_MAX && !self.counts.contains_key(&key) {
            self.counts.clear();
            self.stretch += 1;
        }
        let count = self.counts.entry(key).or_default();
        hash.update(count.to_le_bytes());
        *count += 1;
        if self.stretch > 0 {
            hash.update(self.stretch.to_le_bytes());
        }
        Uuid::new_v8(first_half(hash)).to_string()
    }
}

fn first_half(hash: Sha256) -> [u8; 16] {
    let digest = hash.finalize();
    std::array::from_fn(|at| digest[at])
}

#[cfg(test)]
mod tests {
    use std::collections::HashSet;

    use super::*;

    #[test]
    fn an_input_of_any_length_takes_little_memory_and_no_id_comes_twice() {
        let hints = Hints::default();
        let count = TEXTS_MAX as u64 * 3 + 5;
        let of_all = |texts: &dyn Fn(u64) -> String| {
            let mut ids = Ids::default();
            let all: Vec<_> = (0..count)
                .map(|at| ids.of_text("generic", texts(at).as_bytes(), &hints))
                .collect();
            (all, ids.size_bytes())
        };
        // Each text comes twice, far from itself.
        let half = |at: u64| format!("line {}", at % (TEXTS_MAX as u64 + 7));
        let (all, size_bytes) = of_all(&half);
        assert_eq!(all.iter().collect::<HashSet<_>>().len() as u64, count);
        assert_eq!(of_all(&half).0, all);
        assert!(size_bytes < 4 << 20, "{size_bytes}");
        // The control: as many texts in one stretch, of which most are equal.
        let (all, small) = of_all(&|at| format!("line {}", at % 9));
        assert_eq!(all.iter().collect::<HashSet<_>>().len() as u64, count);
        assert!(small < 1 << 10, "{small}");
    }

    #[test]
    fn equal_texts_differ_within_a_request_and_agree_between_requests() {
        let hints = Hints::default();
        let ids = || {
            let mut ids = Ids::default();
            [(); 3].map(|()| ids.of_text("generic", b"text", &hints))
        };
        let [first, second, third] = ids();
        assert!(first != second && second != third && first != third);
        assert_eq!(ids(), [first.clone(), second, third]);
        let from = |host: &'static str| {
            let hints = Hints {
                host: Some(host.into()),
                ..Hints::default()
            };
            Ids::default().of_text("generic", b"text", &hints)
        };
        assert!(from("a") != from("b") && from("a") != first);
        assert_eq!(Uuid::parse_str(&first).unwrap().get_version_num(), 8);
    }
}
