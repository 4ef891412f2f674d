//! Lists in a query.

use atrail_store::canonical_name;

/// Returns a filter for a comma-separated list of a query; without a list, the filter matches everything.
///
/// It also matches a name that contains a comma, for clients that do not know how Cloud Foundry escapes it. Different
/// Unicode spellings of a name match.
pub(super) fn listed(list: Option<&str>) -> impl Fn(&str) -> bool + use<> {
    let wanted: Option<Vec<String>> = list.map(|list| {
        let items = list.split(',').map(|item| unescaped(item.trim()));
        let all = items.chain([list.trim().to_owned()]);
        all.map(|item| canonical_name(&item).into_owned()).collect()
    });
    move |item| {
        wanted
            .as_ref()
            .is_none_or(|wanted| wanted.iter().any(|one| *one == canonical_name(item)))
    }
}

/// Returns a filter for a comma-separated list of GUIDs, in either case; without a list, the filter matches everything.
pub(super) fn listed_guids(list: Option<&str>) -> impl Fn(&str) -> bool + use<> {
    let is_listed = listed(list.map(str::to_ascii_lowercase).as_deref());
    move |guid| is_listed(&guid.to_ascii_lowercase())
}

/// Decodes an item of a list as Cloud Foundry v3 does: percent escapes are decoded after the list is split, so that
/// `%2C` (`%252C` in the URL) is a comma within a name. A `%` that begins no escape stands for itself.
fn unescaped(item: &str) -> String {
    let mut bytes = Vec::with_capacity(item.len());
    let mut rest = item.as_bytes();
    while let Some((&first, after)) = rest.split_first() {
        let digits = after.split_at_checked(2).filter(|_| first == b'%');
        let escape = digits.and_then(|(digits, after)| {
            let is_hex = digits.iter().all(u8::is_ascii_hexdigit);
            let digits = std::str::from_utf8(digits).ok().filter(|_| is_hex)?;
            Some((u8::from_str_radix(digits, 16).ok()?, after))
        });
        let (byte, after) = escape.unwrap_or((first, after));
        bytes.push(byte);
        rest = after;
    }
    String::from_utf8(bytes).unwrap_or_else(|_| item.to_owned())
}
