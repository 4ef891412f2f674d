//! The table of formats with an operator's mappings.

use crate::formats::row;
use crate::{FORMATS, MappingError, OwnMapping, Table};

/// The most mappings of an operator.
const OWN_MAX: usize = 64;
const NAME_MAX_BYTES: usize = 64;

/// Returns the embedded formats and these mappings as one table.
pub(super) fn table(own: &[OwnMapping]) -> Result<Table, MappingError> {
    let mut rows = Vec::new();
    for (index, own) in own.iter().enumerate() {
        let number = index + 1;
        let fault = |place: &str, reason: &str| Err(own.fault(number, place, reason.to_owned()));
        if number > OWN_MAX {
            return fault("name", &format!("there may be at most {OWN_MAX} mappings"));
        }
        let spec = &own.0;
        let names = || std::iter::once(&spec.name).chain(&spec.aliases);
        if !names().all(|name| is_name(name)) {
            return fault(
                "name",
                "a name and an alias have lowercase letters, digits and hyphens alone",
            );
        }
        if spec.version == 0 {
            return fault("version", "it begins with 1");
        }
        let is_plain = |member: &String| !member.is_empty() && !member.contains(['"', '\\']);
        if !spec.lists.iter().all(is_plain) {
            return fault(
                "lists",
                "a list is named by its member, without quotes and backslashes",
            );
        }
        let mapping = Box::leak(Box::new(own.compiled(number)?));
        rows.push(row(mapping, spec.clone()));
    }
    FORMATS.with(rows).map_err(|index| {
        let reason = "another format has this name, or one of its aliases";
        own[index].fault(index + 1, "name", reason.to_owned())
    })
}

fn is_name(name: &str) -> bool {
    let is_plain = |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || byte == b'-';
    (1..=NAME_MAX_BYTES).contains(&name.len()) && name.bytes().all(is_plain)
}
