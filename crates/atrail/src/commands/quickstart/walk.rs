//! Runs atrail's own binary, and shows each command and its output. The commands print for themselves, so that at a
//! terminal all is as by hand.

use std::ffi::OsString;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::pin::pin;
use std::process::{Command, ExitStatus, Stdio};

use crate::error::{CliError, Exit, Result};
use crate::platform;
use crate::printer::{Printer, safe};
use crate::settings::Settings;
use crate::task::blocking;

/// Variables that would lead the commands elsewhere.
const FOREIGN: [&str; 7] = [
    "ATRAIL_ENDPOINT",
    "ATRAIL_API_KEY_FILE",
    "ATRAIL_CA_FILE",
    "ATRAIL_VKEY",
    "ATRAIL_ORG",
    "ATRAIL_SPACE",
    "ATRAIL_CONTEXT",
];

/// A simulated shell session.
#[derive(Debug)]
pub(super) struct Walk {
    printer: Printer,
    program: PathBuf,
    dir: PathBuf,
    /// The user's shell.
    shell: OsString,
    /// `PATH`, with this program's directory first.
    path: Option<OsString>,
}

impl Walk {
    /// Returns a session in this directory, with its own state: it neither reads nor changes the user's.
    pub(super) fn new(settings: &Settings, dir: &Path) -> Result<Self> {
        let program = std::env::current_exe()
            .map_err(|error| CliError::file("could not find the program's own file", error))?;
        let environment = &settings.environment;
        let own = program.parent().map(Path::to_owned);
        let others = environment.path.iter().flat_map(std::env::split_paths);
        let path = std::env::join_paths(own.into_iter().chain(others)).ok();
        Ok(Self {
            printer: settings.printer.clone(),
            program,
            dir: dir.to_owned(),
            shell: environment.shell.clone(),
            path,
        })
    }

    /// Returns the file of this program.
    #[cfg(feature = "cluster")]
    pub(super) fn program(&self) -> &Path {
        &self.program
    }

    /// Prints lines of explanation.
    pub(super) fn say(&self, lines: &[&str]) -> Result<()> {
        let lines = lines
            .iter()
            .map(|line| format!("# {}\n", safe::for_terminal(line)));
        self.printer
            .data(&format!("\n{}", lines.collect::<String>()))
    }

    /// Shows a command line of the shell.
    pub(super) fn show(&self, line: &str) -> Result<()> {
        self.printer.data(&format!("\n$ {line}\n"))
    }

    /// Shows the output of such a line.
    pub(super) fn show_output(&self, line: &str) -> Result<()> {
        self.printer
            .data(&format!("{}\n", safe::for_terminal(line)))
    }

    /// Shows and runs `atrail ARGS`.
    pub(super) async fn step(&self, args: &[&str]) -> Result<()> {
        self.show(&format!("atrail {}", args.join(" ")))?;
        self.run(args, Stdio::null(), Stdio::inherit()).await
    }

    /// Like [`Walk::step`], but returns the standard output and does not show it.
    pub(super) async fn step_and_read(&self, args: &[&str]) -> Result<String> {
        self.show(&format!("atrail {}", args.join(" ")))?;
        let path = self.dir.join("answer.txt");
        let failed = |error| CliError::file(format!("could not use {}", path.display()), error);
        let output = platform::create_private(&path).map_err(failed)?;
        self.run(args, Stdio::null(), output.into()).await?;
        let text = std::fs::read_to_string(&path).map_err(failed)?;
        std::fs::remove_file(&path).map_err(failed)?;
        Ok(text)
    }

    /// Like [`Walk::step`], with standard output into a file.
    pub(super) async fn step_into(&self, args: &[&str], file: &str) -> Result<()> {
        self.show(&format!("atrail {} >{file}", args.join(" ")))?;
        let path = self.dir.join(file);
        let output = platform::create_private(&path)
            .map_err(|error| CliError::file(format!("could not make {}", path.display()), error))?;
        self.run(args, Stdio::null(), output.into()).await
    }

    /// Like [`Walk::step`], with a file as standard input.
    pub(super) async fn step_with_input(&self, args: &[&str], input: &Path) -> Result<()> {
        let shown = input.file_name().unwrap_or_default().display();
        self.show(&format!("atrail {} <{shown}", args.join(" ")))?;
        let failed = |error| CliError::file("could not read the password file", error);
        let input = File::open(input).map_err(failed)?;
        self.run(args, input.into(), Stdio::inherit()).await
    }

    /// Runs the user's shell, logged in, until the user leaves it, or the process is asked to end.
    pub(super) async fn shell(&self) -> Result<()> {
        self.printer.data(
            "\nThe server stays up, and this shell is logged in to it: try `atrail status`.\n\
             `exit` ends both and removes everything.\n",
        )?;
        let shell = self.shell.clone();
        let mut command = Command::new(&shell);
        self.prepare(&mut command);
        let name = shell.to_string_lossy().into_owned();
        let failed = move |error| CliError::file(format!("could not run {name}"), error);
        let mut child = command.spawn().map_err(&failed)?;
        let mut terminated = pin!(platform::terminated());
        // Ctrl-C is the shell's: it reaches this process, too, which only waits.
        loop {
            let ended = child.try_wait().map_err(&failed)?;
            if ended.is_some() {
                return Ok(());
            }
            tokio::select! {
                () = tokio::time::sleep(std::time::Duration::from_millis(100)) => {}
                () = &mut terminated => {
                    // The shell may have ended by itself meanwhile.
                    let _ = child.kill();
                    let _ = child.wait();
                    return Ok(());
                }
            }
        }
    }

    async fn run(&self, args: &[&str], input: Stdio, output: Stdio) -> Result<()> {
        let mut command = Command::new(&self.program);
        self.prepare(&mut command);
        command.args(args).stdin(input).stdout(output);
        let shown = args.join(" ");
        let failed = format!("`atrail {shown}` could not be run");
        let status: ExitStatus = blocking(move || {
            let ended = command.status();
            ended.map_err(|error| CliError::file(failed, error))
        })
        .await?;
        if status.success() {
            return Ok(());
        }
        if status.code() == Some(Exit::Interrupted as i32) {
            return Err(CliError::new(Exit::Interrupted, "interrupted"));
        }
        Err(CliError::failed(format!("`atrail {shown}` failed")).because(status.to_string()))
    }

    /// Gives a command the session's directory and state, and lets it find this program as `atrail`.
    fn prepare(&self, command: &mut Command) {
        command
            .current_dir(&self.dir)
            .env("XDG_CONFIG_HOME", self.dir.join("config"));
        for name in FOREIGN {
            command.env_remove(name);
        }
        if let Some(path) = &self.path {
            command.env("PATH", path);
        }
    }
}
