//! Listings of a bucket (ListObjectsV2), page by page.

use atrail_model::Day;
use serde::Deserialize;

use crate::aws::decoded;

/// An object, by a listing.
#[derive(Debug, Clone)]
pub(crate) struct Object {
    pub(crate) key: String,
    pub(crate) etag: String,
    pub(crate) size: u64,
}

/// One page of a listing.
#[derive(Debug, Default)]
pub(crate) struct Page {
    pub(crate) objects: Vec<Object>,
    /// The directories, where the listing is by directory.
    pub(crate) dirs: Vec<String>,
    /// The token of the next page.
    pub(super) next: Option<String>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Listing {
    next_continuation_token: Option<String>,
    encoding_type: Option<String>,
    #[serde(default)]
    contents: Vec<Content>,
    #[serde(default)]
    common_prefixes: Vec<CommonPrefix>,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct Content {
    key: String,
    #[serde(rename = "ETag", default)]
    etag: String,
    #[serde(default)]
    size: u64,
}

#[derive(Deserialize)]
#[serde(rename_all = "PascalCase")]
struct CommonPrefix {
    prefix: String,
}

impl Page {
    /// Reads a page.
    ///
    /// # Errors
    /// When the text is no listing.
    pub(super) fn read(text: &[u8]) -> Result<Self, quick_xml::DeError> {
        let listing: Listing = quick_xml::de::from_str(&String::from_utf8_lossy(text))?;
        let plain = |text: String| match listing.encoding_type.as_deref() {
            Some("url") => decoded(&text),
            _ => text,
        };
        let objects = listing.contents.into_iter().map(|content| Object {
            key: plain(content.key),
            etag: content.etag,
            size: content.size,
        });
        let dirs = listing.common_prefixes.into_iter();
        Ok(Self {
            objects: objects.collect(),
            dirs: dirs.map(|dir| plain(dir.prefix)).collect(),
            next: (listing.next_continuation_token).filter(|token| !token.is_empty()),
        })
    }
}

/// Returns whether a directory is of days before this one: `…/YYYY/`, `…/YYYY/MM/` or `…/YYYY/MM/DD/`.
pub(super) fn is_early(dir: &str, since: Day) -> bool {
    let parts: Vec<&str> = dir.trim_end_matches('/').split('/').collect();
    let is_number = |text: &str, digits: usize| {
        text.len() == digits && text.bytes().all(|byte| byte.is_ascii_digit())
    };
    let at = |back: usize, digits| {
        let part = parts.len().checked_sub(back).and_then(|at| parts.get(at));
        part.filter(|part| is_number(part, digits))
    };
    let since = since.to_string();
    match (at(3, 4), at(2, 2), at(1, 2), at(2, 4), at(1, 4)) {
        (Some(year), Some(month), Some(day), ..) => format!("{year}-{month}-{day}") < since,
        (_, _, Some(month), Some(year), _) => *format!("{year}-{month}") < since[..7],
        (.., Some(year)) => **year < since[..4],
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_are_read_with_and_without_encoding() {
        let page = |encoding: &str, key: &str| {
            format!(
                "<?xml version=\"1.0\"?><ListBucketResult xmlns=\"http://s3.amazonaws.com/doc/2006-03-01/\"><Name>b</Name>\
                 <KeyCount>2</KeyCount><IsTruncated>false</IsTruncated>{encoding}<Contents><Key>{key}</Key>\
                 <LastModified>2026-03-01T10:00:00.000Z</LastModified><ETag>&quot;e&quot;</ETag><Size>7</Size>\
                 <StorageClass>STANDARD</StorageClass></Contents><CommonPrefixes><Prefix>d/</Prefix></CommonPrefixes>\
                 </ListBucketResult>"
            )
        };
        for (encoding, key) in [
            ("<EncodingType>url</EncodingType>", "a+b%26c"),
            ("", "a b&amp;c"),
        ] {
            let page = Page::read(page(encoding, key).as_bytes()).unwrap();
            let [object] = &page.objects[..] else {
                panic!("{page:?}")
            };
            assert_eq!(
                (&*object.key, &*object.etag, object.size),
                ("a b&c", "\"e\"", 7)
            );
            assert_eq!((page.dirs, page.next), (vec!["d/".to_owned()], None));
        }
        let empty = b"<ListBucketResult><Name>b</Name></ListBucketResult>";
        assert!(Page::read(empty).unwrap().objects.is_empty());
        assert!(Page::read(b"<html>").is_err());
    }

    #[test]
    fn directories_before_a_day_are_left_out() {
        let since = "2026-03-15".parse().unwrap();
        for (dir, early) in [
            ("p/2025/", true),
            ("p/2026/", false),
            ("p/2026/02/", true),
            ("p/2026/03/", false),
            ("p/2026/03/14/", true),
            ("p/2026/03/15/", false),
            ("2025/", true),
            ("p/eu-west-1/", false),
            ("p/12/", false),
            ("", false),
        ] {
            assert_eq!(is_early(dir, since), early, "{dir}");
        }
    }
}
