//! The costs of a process, as the kernel counts them.

use std::fs;
use std::path::Path;
use std::process::Command;
use std::time::Duration;

/// Returns the processor seconds of a process and of its running children.
pub(crate) fn cpu_seconds(id: u32) -> f64 {
    let ticks: u64 = with_children(id).into_iter().map(ticks).sum();
    ticks as f64 / rustix::param::clock_ticks_per_second() as f64
}

fn with_children(id: u32) -> Vec<u32> {
    let path = format!("/proc/{id}/task/{id}/children");
    let children = fs::read_to_string(path).unwrap_or_default();
    let children = children.split_whitespace().filter_map(|id| id.parse().ok());
    std::iter::once(id).chain(children).collect()
}

fn ticks(id: u32) -> u64 {
    let stat = fs::read_to_string(format!("/proc/{id}/stat")).unwrap_or_default();
    // The name, in brackets, may contain blanks.
    let fields = stat.rsplit(") ").next().unwrap_or_default();
    let numbers = fields.split(' ').skip(11).take(2);
    numbers
        .filter_map(|number| number.parse::<u64>().ok())
        .sum()
}

/// Returns the bytes that a process holds in memory, and its peak.
pub(crate) fn memory_bytes(id: u32) -> (u64, u64) {
    let status = fs::read_to_string(format!("/proc/{id}/status")).unwrap_or_default();
    let kib = |name: &str| {
        let line = status.lines().find(|line| line.starts_with(name));
        let number = line.and_then(|line| line.split_whitespace().nth(1));
        number
            .and_then(|number| number.parse::<u64>().ok())
            .unwrap_or(0)
    };
    (kib("VmRSS:") << 10, kib("VmHWM:") << 10)
}

/// Lets the peak begin anew with what the process holds now.
pub(crate) fn reset_peak(id: u32) -> crate::failure::Result<()> {
    let path = format!("/proc/{id}/clear_refs");
    fs::write(&path, "5").map_err(|error| format!("{path}: {error}"))
}

/// Returns the bytes on disk of the files below a directory, without those of these names.
pub(crate) fn disk_bytes(dir: &Path, without: &[&str]) -> u64 {
    let blocks = |metadata: &fs::Metadata| std::os::unix::fs::MetadataExt::blocks(metadata) * 512;
    sum(dir, without, &blocks)
}

/// Returns the sum of the lengths of the files below a directory.
pub(crate) fn length_bytes(dir: &Path) -> u64 {
    sum(dir, &[], &fs::Metadata::len)
}

fn sum(dir: &Path, without: &[&str], of: &dyn Fn(&fs::Metadata) -> u64) -> u64 {
    let Ok(entries) = fs::read_dir(dir) else {
        return 0;
    };
    let sizes = entries.filter_map(Result::ok).map(|entry| {
        let name = entry.file_name();
        if without.iter().any(|other| name == *other) {
            return 0;
        }
        match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => sum(&entry.path(), without, of),
            Ok(metadata) => of(&metadata),
            Err(_) => 0,
        }
    });
    sizes.sum()
}

/// Returns whether the program is installed.
pub(crate) fn is_installed(program: &str) -> bool {
    let version = Command::new(program).arg("--version").output();
    version.is_ok_and(|version| version.status.success())
}

/// Waits for a program to end successfully; returns its peak memory.
pub(crate) fn finish(mut child: std::process::Child) -> crate::failure::Result<u64> {
    let mut peak = 0;
    loop {
        peak = peak.max(memory_bytes(child.id()).1);
        match child.try_wait() {
            Ok(Some(status)) if status.success() => return Ok(peak),
            Ok(Some(status)) => return Err(format!("a program ended with {status}")),
            Ok(None) => std::thread::sleep(Duration::from_millis(2)),
            Err(error) => return Err(format!("waiting for a program: {error}")),
        }
    }
}
