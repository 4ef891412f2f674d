//! What a receipt states about the lines of its download: which of them are whose.

use std::collections::HashMap;

use crate::entry::DayEntry;
use crate::hash::Hash;
use crate::json;
use crate::manifest::Manifest;
use crate::prove::ProveError;
use crate::receipt::Receipt;

/// The lines of one segment in a download: consecutive lines, in the segment's order.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SegmentLines {
    /// The domain of its events: `space-GUID` or `account-GUID`.
    pub domain: String,
    /// GUID of the segment.
    pub segment: String,
    /// Number of its events, each of which is one line.
    pub events: u64,
    /// Root of its tree: with the same root, the lines are the same.
    pub root: Hash,
}

/// Lists the segments of a download in the order of its lines. Nothing is verified: what the receipt states holds only
/// once [`verify`](crate::verify) has proven the file.
///
/// # Errors
/// When the text is no receipt, or its manifest names a segment that no day list of the receipt has.
pub fn contents(receipt: &str) -> Result<Vec<SegmentLines>, ProveError> {
    let (receipt, _) = Receipt::parse(receipt)?;
    let manifest: Manifest = json::parse(&receipt.manifest, "the manifest")
        .map_err(|error| ProveError::Receipt(error.into()))?;
    let sealed = sealed(&receipt)?;
    let segments = manifest.objects.iter().flat_map(|object| {
        let of_object = object.segments.iter();
        of_object.map(|segment| (&object.domain, segment))
    });
    segments
        .map(|(domain, segment)| {
            let sealed = sealed.get(&(domain.as_str(), segment.clone()));
            let (events, root) =
                *sealed.ok_or(ProveError::Mismatch("a segment is not in the day lists"))?;
            Ok(SegmentLines {
                domain: domain.clone(),
                segment: segment.clone(),
                events,
                root,
            })
        })
        .collect()
}

/// The number of events and the root of each segment, by domain and GUID.
type Sealed<'a> = HashMap<(&'a str, String), (u64, Hash)>;

/// Returns what the day lists say of every segment that they seal.
fn sealed(receipt: &Receipt) -> Result<Sealed<'_>, ProveError> {
    let mut all = HashMap::new();
    for evidence in &receipt.domains {
        for text in evidence.lists.iter().flat_map(|list| &list.entries) {
            let entry = DayEntry::parse(text).map_err(|error| ProveError::Receipt(error.into()))?;
            if let DayEntry::Seal(seal) = entry {
                for segment in seal.segments {
                    let key = (evidence.domain.as_str(), segment.id);
                    all.insert(key, (segment.count, segment.root));
                }
            }
        }
    }
    Ok(all)
}
