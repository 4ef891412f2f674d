//! Runs a hot path once, for `ci/instructions.sh`, which counts the instructions of the function named after it.

mod hot_paths;

use std::hint::black_box;
use std::io::{self, Write};
use std::ops::Range;
use std::process::ExitCode;

use atrail_store::benching::{BlockWriter, DownloadPlan};

/// The paths by name.
const PATHS: &[(&str, fn())] = &[
    ("check_events", check_events),
    ("hash_leaves", hash_leaves),
    ("compress_block", compress_block),
    ("plan_download", plan_download),
];

fn main() -> ExitCode {
    // Cargo adds a flag of its own.
    let asked = std::env::args().skip(1).find(|word| word != "--bench");
    let done = match asked.as_deref() {
        None => list(),
        Some("cpu") => writeln!(io::stdout(), "{}", cpu()),
        Some(name) => match PATHS.iter().find(|(path, _)| *path == name) {
            Some((_, run)) => {
                run();
                Ok(())
            }
            None => Err(io::Error::other(format!(
                "no path '{name}': ask without a name for all of them"
            ))),
        },
    };
    match done {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            // The error cannot be reported anywhere else.
            let _ = writeln!(io::stderr(), "error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn list() -> io::Result<()> {
    let mut out = io::stdout().lock();
    PATHS
        .iter()
        .try_for_each(|(name, _)| writeln!(out, "{name}"))
}

/// Returns the processor features by which the libraries of the paths choose their code, as far as they are visible
/// here.
fn cpu() -> String {
    #[cfg(target_arch = "x86_64")]
    let features = [
        ("sse4.2", is_x86_feature_detected!("sse4.2")),
        ("avx2", is_x86_feature_detected!("avx2")),
        ("bmi2", is_x86_feature_detected!("bmi2")),
        ("pclmulqdq", is_x86_feature_detected!("pclmulqdq")),
        ("sha", is_x86_feature_detected!("sha")),
        ("vpclmulqdq", is_x86_feature_detected!("vpclmulqdq")),
        ("avx512bw", is_x86_feature_detected!("avx512bw")),
    ];
    #[cfg(not(target_arch = "x86_64"))]
    let features: [(&str, bool); 0] = [];
    let seen = features.iter().filter(|(_, is_seen)| *is_seen);
    seen.fold(std::env::consts::ARCH.to_owned(), |line, (name, _)| {
        line + " " + name
    })
}

fn check_events() {
    counted_check_events(&hot_paths::body());
}

fn hash_leaves() {
    counted_hash_leaves(&hot_paths::events());
}

fn compress_block() {
    counted_compress_block(&mut BlockWriter::default(), &hot_paths::block());
}

fn plan_download() {
    let (plan, total_bytes) = hot_paths::plan();
    counted_plan_download(&plan, total_bytes / 3..total_bytes);
}

// The measured functions: their names survive, and they contain nothing but the path.

#[inline(never)]
fn counted_check_events(body: &[u8]) {
    black_box(hot_paths::check_events(black_box(body)));
}

#[inline(never)]
fn counted_hash_leaves(events: &[String]) {
    black_box(hot_paths::hash_leaves(black_box(events)));
}

#[inline(never)]
fn counted_compress_block(writer: &mut BlockWriter, block: &[u8]) {
    black_box(writer.write(black_box(block)));
}

#[inline(never)]
fn counted_plan_download(plan: &DownloadPlan, range: Range<u64>) {
    black_box(plan.pieces(black_box(range)));
}
