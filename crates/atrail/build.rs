//! Records for `atrail --version` which commit and target the program was built from and for.
//!
//! `ATRAIL_COMMIT` names the commit of a distribution. Without it, a release build asks git. A development build records
//! none: each commit would compile the program again. Sources without git, as from an archive, build all the same.

use std::path::Path;
use std::process::Command;

fn main() {
    println!("cargo::rerun-if-changed=build.rs");
    println!("cargo::rerun-if-env-changed=ATRAIL_COMMIT");
    let target = std::env::var("TARGET").expect("cargo sets TARGET");
    println!("cargo::rustc-env=ATRAIL_TARGET={target}");
    let given = std::env::var("ATRAIL_COMMIT").ok();
    let commit = given
        .filter(|commit| !commit.is_empty())
        .or_else(commit_of_release);
    println!(
        "cargo::rustc-env=ATRAIL_COMMIT={}",
        commit.as_deref().unwrap_or("unknown")
    );
}

/// Returns the commit that is checked out, in a release build from a git checkout of atrail.
fn commit_of_release() -> Option<String> {
    if std::env::var("PROFILE").ok()? != "release" {
        return None;
    }
    // Sources that were unpacked inside the checkout of something else are not of its commit.
    let top = git(&["rev-parse", "--show-toplevel"])?;
    let here = Path::new(&std::env::var_os("CARGO_MANIFEST_DIR")?).canonicalize();
    if here.ok()? != Path::new(&top).join("crates/atrail").canonicalize().ok()? {
        return None;
    }
    // Git appends a line to this file whenever another commit is checked out. Cargo would run this program each time
    // if the file did not exist.
    let log = git(&["rev-parse", "--git-path", "logs/HEAD"])?;
    if Path::new(&log).exists() {
        println!("cargo::rerun-if-changed={log}");
    }
    git(&["rev-parse", "HEAD"])
}

fn git(arguments: &[&str]) -> Option<String> {
    let output = Command::new("git").args(arguments).output().ok()?;
    let text = String::from_utf8(output.stdout).ok()?;
    (output.status.success()).then(|| text.trim().to_owned())
}
