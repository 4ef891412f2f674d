//! Runs the program at a terminal: a pseudoterminal whose other end is the test.

use std::fs::File;
use std::io::{Read, Write};
use std::process::Command;

use rustix::fs::{Mode, OFlags};
use rustix::pty::{OpenptFlags, grantpt, openpt, ptsname, unlockpt};
use rustix::termios::{Winsize, tcsetwinsize};

/// The screen that a person sees, and the exit code.
#[derive(Debug)]
pub(crate) struct Seen {
    pub(crate) code: i32,
    /// Standard output and standard error in order, with line ends as `\n`.
    pub(crate) screen: String,
}

/// Runs the command at a terminal of this many columns, and types these keys.
pub(crate) fn at_terminal(command: &mut Command, columns: u16, keys: &str) -> Seen {
    let near = openpt(OpenptFlags::RDWR | OpenptFlags::NOCTTY).unwrap();
    grantpt(&near).unwrap();
    unlockpt(&near).unwrap();
    let name = ptsname(&near, Vec::new()).unwrap();
    let far = rustix::fs::open(name, OFlags::RDWR | OFlags::NOCTTY, Mode::empty()).unwrap();
    let size = Winsize {
        ws_row: 24,
        ws_col: columns,
        ws_xpixel: 0,
        ws_ypixel: 0,
    };
    tcsetwinsize(&far, size).unwrap();
    let mut child = command
        .stdin(far.try_clone().unwrap())
        .stdout(far.try_clone().unwrap())
        .stderr(far)
        .spawn()
        .unwrap();
    // The command also holds the far end, as long as it lives.
    command
        .stdin(std::process::Stdio::null())
        .stdout(std::process::Stdio::null())
        .stderr(std::process::Stdio::null());
    let mut near = File::from(near);
    near.write_all(keys.as_bytes()).unwrap();
    let mut screen = Vec::new();
    // When the last process on the far end ends, Linux returns EIO.
    let _ = near.read_to_end(&mut screen);
    let status = child.wait().unwrap();
    Seen {
        code: status.code().unwrap_or(-1),
        screen: String::from_utf8_lossy(&screen).replace("\r\n", "\n"),
    }
}
