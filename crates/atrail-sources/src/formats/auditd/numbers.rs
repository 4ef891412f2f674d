//! Numbers of the audit log, and their names.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

/// Returns the name of a kind of records (include/uapi/linux/audit.h).
pub(super) fn kind(number: &str) -> Option<&'static str> {
    Some(match number {
        "1006" => "LOGIN",
        "1100" => "USER_AUTH",
        "1101" => "USER_ACCT",
        "1105" => "USER_START",
        "1106" => "USER_END",
        "1112" => "USER_LOGIN",
        "1123" => "USER_CMD",
        "1130" => "SERVICE_START",
        "1131" => "SERVICE_STOP",
        "1300" => "SYSCALL",
        "1302" => "PATH",
        "1305" => "CONFIG_CHANGE",
        "1306" => "SOCKADDR",
        "1307" => "CWD",
        "1309" => "EXECVE",
        "1320" => "EOE",
        "1326" => "SECCOMP",
        "1327" => "PROCTITLE",
        "1400" => "AVC",
        "1701" => "ANOM_ABEND",
        "2000" => "KERNEL",
        _ => return None,
    })
}

/// The calls that the mapping knows, with their numbers on x86-64, on ARM64 and on i386 (the kernel's tables of calls).
const CALLS: [(&str, u16, u16, u16); 42] = [
    ("open", 2, NONE, 5),
    ("openat", 257, 56, 295),
    ("openat2", 437, 437, 437),
    ("creat", 85, NONE, 8),
    ("execve", 59, 221, 11),
    ("execveat", 322, 281, 358),
    ("unlink", 87, NONE, 10),
    ("unlinkat", 263, 35, 301),
    ("rmdir", 84, NONE, 40),
    ("mkdir", 83, NONE, 39),
    ("mkdirat", 258, 34, 296),
    ("rename", 82, NONE, 38),
    ("renameat", 264, 38, 302),
    ("renameat2", 316, 276, 353),
    ("link", 86, NONE, 9),
    ("linkat", 265, 37, 303),
    ("symlink", 88, NONE, 83),
    ("symlinkat", 266, 36, 304),
    ("truncate", 76, 45, 92),
    ("ftruncate", 77, 46, 93),
    ("chmod", 90, NONE, 15),
    ("fchmod", 91, 52, 94),
    ("fchmodat", 268, 53, 306),
    ("chown", 92, NONE, 212),
    ("fchown", 93, 55, 207),
    ("lchown", 94, NONE, 198),
    ("fchownat", 260, 54, 298),
    ("setxattr", 188, 5, 226),
    ("removexattr", 197, 14, 235),
    ("mount", 165, 40, 21),
    ("umount2", 166, 39, 52),
    ("connect", 42, 203, 362),
    ("bind", 49, 200, 361),
    ("accept", 43, 202, NONE),
    ("kill", 62, 129, 37),
    ("ptrace", 101, 117, 26),
    ("init_module", 175, 105, 128),
    ("finit_module", 313, 273, 350),
    ("delete_module", 176, 106, 129),
    ("settimeofday", 164, 170, 79),
    ("clock_settime", 227, 112, 264),
    ("sethostname", 170, 161, 74),
];
/// The number of no call.
const NONE: u16 = u16::MAX;

/// Returns the name of a call of an architecture (include/uapi/linux/audit.h, AUDIT_ARCH).
pub(super) fn call(arch: &str, number: &str) -> Option<&'static str> {
    let number: u16 = number.parse().ok().filter(|number| *number != NONE)?;
    let mut calls = CALLS.iter();
    let found = match arch {
        "c000003e" => calls.find(|call| call.1 == number),
        "c00000b7" => calls.find(|call| call.2 == number),
        "40000003" => calls.find(|call| call.3 == number),
        _ => None,
    };
    found.map(|call| call.0)
}

/// Returns the address and the port, or the path, of a socket address in hexadecimal.
pub(super) fn address(saddr: &str) -> Option<String> {
    let digits = saddr.as_bytes();
    let byte = |pair: &[u8]| u8::from_str_radix(std::str::from_utf8(pair).ok()?, 16).ok();
    if !digits.len().is_multiple_of(2) {
        return None;
    }
    let bytes: Vec<u8> = digits.chunks(2).map(byte).collect::<Option<_>>()?;
    let port = |bytes: &[u8]| u16::from_be_bytes([bytes[0], bytes[1]]);
    match bytes.split_at_checked(2)? {
        ([1, 0], path) => {
            let path = path.strip_prefix(b"\0").unwrap_or(path);
            let end = memchr::memchr(0, path).unwrap_or(path.len());
            let path = String::from_utf8_lossy(&path[..end]).into_owned();
            Some(path).filter(|path| !path.is_empty())
        }
        ([2, 0], rest) if rest.len() >= 6 => {
            let address: [u8; 4] = rest[2..6].try_into().ok()?;
            Some(format!("{}:{}", Ipv4Addr::from(address), port(rest)))
        }
        ([10, 0], rest) if rest.len() >= 22 => {
            let address: [u8; 16] = rest[6..22].try_into().ok()?;
            let address = IpAddr::V6(Ipv6Addr::from(address));
            Some(format!("[{address}]:{}", port(rest)))
        }
        _ => None,
    }
}
