//! PostgreSQL's log as comma-separated values (`log_destination = csvlog`): the columns as members of the object that
//! `jsonlog` writes of the same line. The columns are those of PostgreSQL's documentation, *Using CSV-Format Log Output*:
//! 23 up to version 12, 24 in 13, and 26 from 14 on.

use super::{Items, Lines};
use crate::csv::fields;
use crate::mapping::TextItems;
use crate::text::write_string;

pub(super) const ITEMS: TextItems = TextItems {
    lines: Lines {
        begins,
        items: Items::Records,
    },
    object,
};

/// For each column, the name that `jsonlog` gives it.
const COLUMNS: [&str; 26] = [
    "timestamp",
    "user",
    "dbname",
    "pid",
    "remote_host",
    "session_id",
    "line_num",
    "ps",
    "session_start",
    "vxid",
    "txid",
    "error_severity",
    "state_code",
    "message",
    "detail",
    "hint",
    "internal_query",
    "internal_position",
    "context",
    "statement",
    "cursor_position",
    "location",
    "application_name",
    "backend_type",
    "leader_pid",
    "query_id",
];
/// The fewest columns that a version writes.
const COLUMNS_MIN: usize = 23;
/// The column of the client's address, with its port.
const REMOTE: usize = 4;
/// The column of the error's code, which is zeros where there is none.
const STATE: usize = 12;

/// Reports whether a line begins like one: a time, and four columns later the session and the number of its line.
fn begins(line: &[u8]) -> bool {
    let is_time = |time: &[u8]| {
        let shape = b"0000-00-00 00:00:00";
        let mut bytes = time.iter().zip(shape);
        time.len() >= shape.len()
            && bytes.all(|(byte, shape)| match shape {
                b'0' => byte.is_ascii_digit(),
                shape => byte == shape,
            })
    };
    if !is_time(line) {
        return false;
    }
    let line = String::from_utf8_lossy(line);
    let first: Vec<_> = fields(&line).take(7).collect();
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    let is_hex = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_hexdigit());
    match &first[..] {
        [_, _, _, pid, _, session, number] => {
            let session = session.split_once('.');
            let is_session = session.is_some_and(|(time, pid)| is_hex(time) && is_hex(pid));
            is_number(pid) && is_session && is_number(number)
        }
        _ => false,
    }
}

/// Returns a record as an object; columns that are empty have no member.
fn object(record: &str) -> Result<Vec<u8>, &'static str> {
    let columns: Vec<_> = fields(record).collect();
    if !(COLUMNS_MIN..=COLUMNS.len()).contains(&columns.len()) || !begins(record.as_bytes()) {
        return Err("it is no record of csvlog");
    }
    let mut out = vec![b'{'];
    let mut member = |name: &str, value: &str| {
        out.extend_from_slice(if out.len() == 1 { b"" } else { b"," });
        write_string(name, &mut out);
        out.push(b':');
        write_string(value, &mut out);
    };
    for (at, (name, value)) in COLUMNS.iter().zip(&columns).enumerate() {
        match (at, &**value) {
            (_, "") | (STATE, "00000") => {}
            (REMOTE, value) => {
                // An address of IPv6 has colons, too; a port is behind the last one.
                let (host, port) = value.rsplit_once(':').unwrap_or((value, ""));
                member(name, host);
                if !port.is_empty() {
                    member("remote_port", port);
                }
            }
            (_, value) => member(name, value),
        }
    }
    out.push(b'}');
    Ok(out)
}
