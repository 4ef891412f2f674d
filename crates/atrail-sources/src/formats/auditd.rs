//! The Linux audit log as auditd writes it: lines such as
//! `type=SYSCALL msg=audit(1481076984.827:17): arch=c000003e syscall=59 …`, of which those with one time and number are
//! one event. (Red Hat's *Audit System Reference*; audit(8); the kernel's `include/uapi/linux/audit.h`.)
//!
//! An event becomes the object that `mappings/auditd.toml` reads: the fields of its leading record (`SYSCALL`, else the
//! first) in `fields`, and `id`, `time`, `node`, `type`, `lead`; of the other records `path` (the name that the call is
//! about), `command`, `avc` and `remote`. Names of numbers and unset values (`?`, `(null)`, the user 4294967295) are resolved.

mod fields;
mod numbers;
#[cfg(test)]
mod tests;

use super::{Items, Lines, Part, Role};
use crate::mapping::TextItems;
use crate::text::write_string;
use fields::{Fields, fields};

pub(super) const ITEMS: TextItems = TextItems {
    lines: Lines {
        begins: |line| record(line).is_some(),
        items: Items::Parts(part),
    },
    object,
};

/// A line.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct Record<'a> {
    node: &'a [u8],
    kind: &'a [u8],
    /// The time and the number: `1481076984.827:17`.
    stamp: &'a [u8],
    millis: u64,
    /// The text after the stamp.
    rest: &'a [u8],
}

/// Reads a line up to its fields: `node=NAME type=KIND msg=audit(TIME:NUMBER): …`, or as the kernel logs it where no auditd
/// runs: `audit: type=NUMBER audit(TIME:NUMBER): …`.
fn record(line: &[u8]) -> Option<Record<'_>> {
    let mut rest = line.trim_ascii_start();
    rest = rest.strip_prefix(b"audit: ").unwrap_or(rest);
    let mut node: &[u8] = b"";
    if let Some(after) = rest.strip_prefix(b"node=") {
        let end = memchr::memchr(b' ', after)?;
        (node, rest) = (&after[..end], after[end..].trim_ascii_start());
    }
    let after = rest.strip_prefix(b"type=")?;
    let end = memchr::memchr(b' ', after)?;
    let (kind, rest) = (&after[..end], after[end..].trim_ascii_start());
    let is_of_kind =
        |byte: &u8| byte.is_ascii_uppercase() || byte.is_ascii_digit() || b"_[]".contains(byte);
    let rest = rest.strip_prefix(b"msg=").unwrap_or(rest);
    let after = rest.strip_prefix(b"audit(")?;
    let end = memchr::memchr(b')', after)?;
    let stamp = &after[..end];
    let rest = after[end + 1..].strip_prefix(b":")?;
    let millis = millis(stamp)?;
    (!kind.is_empty() && kind.iter().all(is_of_kind)).then_some(Record {
        node,
        kind,
        stamp,
        millis,
        rest,
    })
}

/// Returns the time of a stamp.
fn millis(stamp: &[u8]) -> Option<u64> {
    let (time, number) = std::str::from_utf8(stamp).ok()?.split_once(':')?;
    let (seconds, fraction) = time.split_once('.').unwrap_or((time, "0"));
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    if ![seconds, fraction, number].into_iter().all(is_number) || fraction.len() > 9 {
        return None;
    }
    let seconds: u64 = seconds.parse().ok()?;
    let millis: u64 = format!("{fraction:0<3}")[..3].parse().ok()?;
    seconds.checked_mul(1000)?.checked_add(millis)
}

fn part(line: &[u8]) -> Option<Part<'_>> {
    let record = record(line)?;
    // Programs write their events by one record, with the fields in quotes. The kernel's have several, of which one of
    // these is the last.
    let is_of_program = memchr::memmem::find(record.rest, b"msg='").is_some();
    let role = match record.kind {
        b"EOE" | b"1320" => Role::End,
        kind if is_of_program || kind.starts_with(b"DAEMON_") => Role::Whole,
        b"PROCTITLE" | b"1327" | b"UNKNOWN[1327]" => Role::Last,
        _ => Role::Member,
    };
    Some(Part {
        key: [record.node, record.stamp],
        millis: record.millis,
        role,
    })
}

/// Returns an event as an object.
fn object(text: &str) -> Result<Vec<u8>, &'static str> {
    let mut event = Event::default();
    let mut first: Option<Record<'_>> = None;
    let lines = text.lines().filter(|line| !line.trim().is_empty());
    for line in lines {
        let record = record(line.as_bytes()).ok_or("a line is no record of the audit log")?;
        let of = *first.get_or_insert(record);
        if (of.node, of.stamp) != (record.node, record.stamp) {
            return Err("it has records of several events");
        }
        event.add(name_of(record.kind), record.rest);
    }
    let first = first.ok_or("it is empty")?;
    let text = |bytes| String::from_utf8_lossy(bytes);
    let stamp = text(first.stamp);
    let time = stamp.split(':').next().unwrap_or_default();
    let mut out = Object(vec![b'{']);
    out.member("id", &stamp);
    out.member("time", time);
    out.member("node", &text(first.node));
    event.write(&mut out);
    out.0.push(b'}');
    Ok(out.0)
}

/// Returns the name of a record's kind, which the kernel's own log has as a number.
fn name_of(kind: &[u8]) -> String {
    let text = String::from_utf8_lossy(kind);
    let number = text
        .strip_prefix("UNKNOWN[")
        .and_then(|rest| rest.strip_suffix(']'));
    let number = number.unwrap_or(&text);
    numbers::kind(number).map_or_else(|| text.to_string(), str::to_owned)
}

/// What the records of an event state.
#[derive(Debug, Default)]
struct Event {
    /// The kind of the leading record and its fields.
    lead: Option<(String, Fields)>,
    /// The kind of the first record.
    first: String,
    /// The name that the call is about, and how sure that is.
    path: Option<(u8, String)>,
    cwd: String,
    command: String,
    avc: String,
    remote: String,
}

impl Event {
    fn add(&mut self, kind: String, rest: &[u8]) {
        if self.first.is_empty() {
            self.first.clone_from(&kind);
        }
        let rest = String::from_utf8_lossy(rest);
        let found = fields(&kind, &rest);
        match &*kind {
            "PATH" => {
                // Among several names, the directory around the other ones is the least telling.
                let rank = u8::from(found.get("nametype") == "PARENT");
                let name = found.get("name");
                if !name.is_empty() && self.path.as_ref().is_none_or(|(known, _)| rank < *known) {
                    self.path = Some((rank, name.to_owned()));
                }
            }
            "CWD" => found.get("cwd").clone_into(&mut self.cwd),
            "EXECVE" => self.command = found.arguments(),
            "PROCTITLE" if self.command.is_empty() => {
                found.get("proctitle").clone_into(&mut self.command);
            }
            "SOCKADDR" => self.remote = numbers::address(found.get("saddr")).unwrap_or_default(),
            "AVC" | "USER_AVC" => {
                let is_denied = rest.contains("denied") || found.get("apparmor") == "DENIED";
                self.avc = if is_denied { "denied" } else { "granted" }.to_owned();
            }
            _ => {}
        }
        let leads = kind == "SYSCALL" || self.lead.is_none();
        let is_beside = matches!(&*kind, "EOE");
        if leads && !is_beside {
            self.lead = Some((kind, found));
        }
    }

    fn write(&self, out: &mut Object) {
        out.member("lead", &self.first);
        if let Some((kind, found)) = &self.lead {
            out.member("type", kind);
            let mut fields = Object(vec![b'{']);
            for (name, value) in found.all() {
                fields.member(name, value);
            }
            out.0.extend_from_slice(b",\"fields\":");
            out.0.append(&mut fields.0);
            out.0.push(b'}');
            let by_number = numbers::call(found.get("arch"), found.get("syscall"));
            let call = Some(found.get("SYSCALL")).filter(|name| !name.is_empty());
            out.member("call", call.or(by_number).unwrap_or_default());
        }
        let path = self.path.as_ref().map_or("", |(_, path)| path);
        if path.is_empty() || path.starts_with('/') || self.cwd.is_empty() {
            out.member("path", path);
        } else {
            out.member(
                "path",
                &format!("{}/{path}", self.cwd.trim_end_matches('/')),
            );
        }
        out.member("command", &self.command);
        out.member("avc", &self.avc);
        out.member("remote", &self.remote);
    }
}

/// A JSON object that is being written.
struct Object(Vec<u8>);

impl Object {
    /// Adds a member, unless its value is empty.
    fn member(&mut self, name: &str, value: &str) {
        if value.is_empty() {
            return;
        }
        if self.0.len() > 1 {
            self.0.push(b',');
        }
        write_string(name, &mut self.0);
        self.0.push(b':');
        write_string(value, &mut self.0);
    }
}
