//! Runs the verifier in `docs`, which was written from the page alone: it must return the same exit code for everything
//! that the tests verify.

use std::fs;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::sync::{LazyLock, Mutex};

use atrail_evidence::{Expectations, Hash, Outcome, Report, VerifyError, verify};
use tempfile::TempDir;

use crate::wasm;

/// Runs the script on each line of arguments, and prints its exit code and its output.
const DRIVER: &str = "
import contextlib, io, json, sys
sys.path.insert(0, sys.argv[1])
sys.dont_write_bytecode = True
import verify
for line in sys.stdin:
    said = io.StringIO()
    with contextlib.redirect_stdout(said), contextlib.redirect_stderr(said):
        try:
            code = verify.main(json.loads(line))
        except SystemExit as end:
            code = end.code
    print(json.dumps([code, said.getvalue()]), flush=True)
";

/// The same, with Python's own JSON parser.
const LAX: &str = "
verify.parse = json.loads
verify.number = lambda value, low=0, end=1 << 64: int(value)
";

/// The scripts that no test uses now; `None` where they cannot run.
static IDLE: LazyLock<Option<Mutex<Vec<Script>>>> =
    LazyLock::new(|| Script::start("").map(|script| Mutex::new(vec![script])));

/// Returns the script's exit code and output; `None` where it cannot run. Each caller uses a script of its own meanwhile:
/// one script for all would make the tests wait for each other.
fn ask(receipt: &str, expected: &Expectations, file: &[u8]) -> Option<(i64, String)> {
    let idle = IDLE.as_ref()?;
    let left = idle.lock().unwrap().pop();
    let mut script = left.or_else(|| Script::start("")).unwrap();
    let answer = script.verify(receipt, expected, file);
    idle.lock().unwrap().push(script);
    Some(answer)
}

/// The running script and the files that it reads.
pub(crate) struct Script {
    dir: TempDir,
    input: ChildStdin,
    output: BufReader<ChildStdout>,
    _process: Child,
}

impl Script {
    /// Starts a script that parses JSON as Python does, and not as the page requires.
    pub(crate) fn lax() -> Option<Self> {
        Self::start(LAX)
    }

    /// Starts the script with this change; returns `None` where it cannot run.
    fn start(change: &str) -> Option<Self> {
        let docs = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs");
        let mut process = Command::new("python3")
            .args([
                "-c",
                &DRIVER.replace("for line", &format!("{change}for line")),
            ])
            .arg(docs)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .ok()?;
        let mut script = Self {
            dir: tempfile::tempdir().unwrap(),
            input: process.stdin.take()?,
            output: BufReader::new(process.stdout.take()?),
            _process: process,
        };
        // A missing file shows whether the script runs at all.
        script.conclude(&["none"]).map(|_| script)
    }

    fn conclude(&mut self, arguments: &[&str]) -> Option<(i64, String)> {
        let mut line = serde_json::to_string(arguments).unwrap();
        line.push('\n');
        self.input.write_all(line.as_bytes()).ok()?;
        let mut answer = String::new();
        self.output.read_line(&mut answer).ok()?;
        serde_json::from_str(&answer).ok()
    }

    /// Returns the script's exit code and output, for the checks that it supports.
    pub(crate) fn verify(
        &mut self,
        receipt: &str,
        expected: &Expectations,
        file: &[u8],
    ) -> (i64, String) {
        let path = |name: &str| self.dir.path().join(name).to_str().unwrap().to_owned();
        let (download, evidence, since) = (path("file"), path("file.receipt"), path("since"));
        fs::write(&download, file).unwrap();
        fs::write(&evidence, receipt).unwrap();
        let keys: Vec<String> = expected.keys.iter().map(ToString::to_string).collect();
        let mut arguments = vec![download.as_str()];
        for key in &keys {
            arguments.extend(["--key", key]);
        }
        if let Some(earlier) = &expected.since {
            fs::write(&since, earlier).unwrap();
            arguments.extend(["--since", &since]);
        }
        let acks = path("acks");
        if let Some(leaves) = &expected.contains {
            let lines = leaves.iter().map(|leaf| Hash::from(*leaf));
            let lines: String = lines
                .map(|hash| format!("{{\"value\":\"{hash}\"}}\n"))
                .collect();
            fs::write(&acks, lines).unwrap();
            arguments.extend(["--contains", &acks]);
        }
        self.conclude(&arguments).unwrap()
    }
}

/// Returns the crate's verdict, and asserts that the script's is the same, and the console's.
pub(crate) fn both(
    receipt: &str,
    expected: &Expectations,
    file: &[u8],
) -> Result<Report, VerifyError> {
    let concluded = verify(receipt, expected, file);
    if is_askable(expected) {
        wasm::agrees(receipt, expected, file);
    }
    if is_askable(expected)
        && let Some((theirs, said)) = ask(receipt, expected, file)
    {
        assert_eq!(theirs, code(&concluded), "{said}\n{concluded:#?}");
    }
    concluded
}

/// Returns the exit code of a verdict.
pub(crate) fn code(concluded: &Result<Report, VerifyError>) -> i64 {
    let outcome = match concluded {
        Ok(report) => report.outcome,
        Err(error) => error.outcome(),
    };
    match outcome {
        Outcome::Proven => 0,
        Outcome::Failed => 1,
        Outcome::Inconclusive => 3,
    }
}

/// Returns the script's text for people; `None` where it cannot run.
pub(crate) fn said(receipt: &str, expected: &Expectations, file: &[u8]) -> Option<String> {
    ask(receipt, expected, file).map(|(_, said)| said)
}

/// Returns whether the script supports these expectations: it checks no scope.
fn is_askable(expected: &Expectations) -> bool {
    let asked = Expectations {
        keys: expected.keys.clone(),
        since: expected.since.clone(),
        contains: expected.contains.clone(),
        ..Expectations::default()
    };
    format!("{asked:?}") == format!("{expected:?}")
}

/// A control: a script that cannot run would agree with everything.
#[test]
fn the_script_runs_where_there_is_a_python() {
    let imports = "import cryptography.hazmat.primitives.asymmetric.ed25519";
    let python = Command::new("python3").args(["-c", imports]).output();
    let can_run = python.is_ok_and(|output| output.status.success());
    assert_eq!(IDLE.is_some(), can_run);
    if !can_run {
        println!("skipped: there is no python3 with the package cryptography");
    }
}
