//! Runs atrail's own binary, and shows each command and its output.

use std::fs::File;
use std::io::{BufRead, BufReader, Read};
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use flate2::read::MultiGzDecoder;

use crate::error::{CliError, Exit, Result};
use crate::printer::{Printer, safe};
use crate::settings::Settings;
use crate::task::blocking;

/// A simulated shell session.
#[derive(Debug)]
pub(super) struct Walk {
    printer: Printer,
    program: PathBuf,
    dir: PathBuf,
}

impl Walk {
    /// Returns a session in this directory, with its own state: it neither reads nor changes the user's.
    pub(super) fn new(settings: &Settings, dir: &Path) -> Result<Self> {
        let program = std::env::current_exe()
            .map_err(|error| CliError::file("could not find the program's own file", error))?;
        Ok(Self {
            printer: settings.printer.clone(),
            program,
            dir: dir.to_owned(),
        })
    }

    /// Prints a line of explanation.
    pub(super) fn say(&self, text: &str) -> Result<()> {
        self.printer.data(&format!("# {text}"))
    }

    /// Shows and runs `atrail ARGS`; returns its output.
    pub(super) async fn step(&self, args: &[&str]) -> Result<String> {
        self.printer
            .data(&format!("\n$ atrail {}\n", args.join(" ")))?;
        self.shown(args, Stdio::null()).await
    }

    /// Like [`Walk::step`], but shows only the first lines of the output.
    pub(super) async fn step_in_short(&self, args: &[&str], count: usize) -> Result<()> {
        self.printer
            .data(&format!("\n$ atrail {}\n", args.join(" ")))?;
        let output = self.run(args, Stdio::null()).await?;
        let head: String = output.split_inclusive('\n').take(count).collect();
        self.printer.data(&head)?;
        self.say("and so on: one receipt for each event\n")
    }

    /// Like [`Walk::step`], with a file as standard input.
    pub(super) async fn step_with_input(&self, args: &[&str], input: &Path) -> Result<String> {
        let shown = input.file_name().unwrap_or_default().display();
        self.printer
            .data(&format!("\n$ atrail {} <{shown}\n", args.join(" ")))?;
        let failed = |error| CliError::file("could not read the password file", error);
        self.shown(args, File::open(input).map_err(failed)?.into())
            .await
    }

    /// Shows the first lines of a gzip, as `gunzip -c FILE | head` does.
    pub(super) fn first_lines(&self, path: &Path, count: usize) -> Result<()> {
        let name = path.file_name().unwrap_or_default().display();
        self.printer
            .data(&format!("\n$ gunzip -c {name} | head -{count}\n"))?;
        let failed = |error| CliError::file(format!("could not read {}", path.display()), error);
        let file = File::open(path).map_err(failed)?;
        let lines = BufReader::new(MultiGzDecoder::new(BufReader::new(file))).lines();
        for line in lines.take(count) {
            let line = line.map_err(failed)?;
            self.printer
                .data(&format!("{}\n", safe::for_terminal(&line)))?;
        }
        Ok(())
    }

    async fn shown(&self, args: &[&str], input: Stdio) -> Result<String> {
        let output = self.run(args, input).await?;
        self.printer.data(&output)?;
        Ok(output)
    }

    async fn run(&self, args: &[&str], input: Stdio) -> Result<String> {
        let mut command = Command::new(&self.program);
        command
            .args(args)
            .current_dir(&self.dir)
            .env("XDG_CONFIG_HOME", self.dir.join("config"))
            .stdin(input)
            .stdout(Stdio::piped());
        for name in [
            "ATRAIL_ENDPOINT",
            "ATRAIL_API_KEY_FILE",
            "ATRAIL_CA_FILE",
            "ATRAIL_VKEY",
            "ATRAIL_ORG",
            "ATRAIL_SPACE",
            "ATRAIL_CONTEXT",
        ] {
            command.env_remove(name);
        }
        let shown = args.join(" ");
        let failed = format!("`atrail {shown}` could not be run");
        let (status, output) = blocking(move || {
            let io = |error| CliError::file(failed.clone(), error);
            let mut child = command.spawn().map_err(io)?;
            let mut output = String::new();
            if let Some(mut stdout) = child.stdout.take() {
                stdout.read_to_string(&mut output).map_err(io)?;
            }
            Ok((child.wait().map_err(io)?, output))
        })
        .await?;
        if status.success() {
            return Ok(output);
        }
        if status.code() == Some(Exit::Interrupted as i32) {
            return Err(CliError::new(Exit::Interrupted, "interrupted"));
        }
        Err(CliError::failed(format!("`atrail {shown}` failed")).because(status.to_string()))
    }
}
