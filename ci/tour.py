#!/usr/bin/env python3
"""Pastes every line of README's tour, in order, into a shell at a terminal, and requires that each succeeds.

A server's command runs until the next server's. Where a command asks, the user, the password and `y` are typed, as a
reader would. Names of the reader's machine (the data directory, the ports, the home directory) become those of the
test. Needs bash, curl, jq and zcat.

Usage: ci/tour.py [BINARY]      BINARY [default: target/release/atrail]
"""

import json
import os
import pathlib
import pty
import re
import select
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

ROOT = pathlib.Path(__file__).resolve().parent.parent
TOOLS = ["bash", "curl", "jq", "zcat", "openssl"]
PATIENCE_SECS = 60


class Failed(Exception):
    """A line of the tour did not work."""


def lines(readme):
    """Returns the tour's commands, one per shell line; a `console` block's are those behind `$ `."""
    tour = readme.split("\n## A tour\n")[1].split("\n## What it promises\n")[0]
    commands = []
    for kind, block in re.findall(r"^```(console|sh)\n(.*?)^```$", tour, re.M | re.S):
        for line in block.splitlines():
            if kind == "sh":
                commands.append(line)
            elif line.startswith("$ "):
                commands.append(line[2:])
    return commands


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


class Tour:
    """One reader: a directory, a shell at a terminal, and the server that runs at the time."""

    def __init__(self, directory, binary):
        self.work = pathlib.Path(directory)
        self.data, self.server, self.command, self.shown = self.work / "data", None, None, ""
        (self.work / "bin").mkdir()
        (self.work / "bin/atrail").symlink_to(binary)
        self.names = {
            "/var/lib/atrail": str(self.data),
            "127.0.0.1:8181": f"127.0.0.1:{free_port()}",
            "0.0.0.0:8443": f"127.0.0.1:{free_port()}",
        }
        self.environment = {
            "PATH": f"{self.work}/bin:{os.environ['PATH']}",
            "HOME": str(self.work),
            "TERM": "xterm",
            "PS1": "",
            "LANG": "C.UTF-8",
        }
        certificate = "openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost"
        certificate += " -addext subjectAltName=DNS:localhost -keyout privkey.pem -out fullchain.pem"
        subprocess.run(certificate.split(), cwd=self.work, check=True, capture_output=True)
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(self.work)
            os.execvpe("bash", ["bash", "--norc", "--noprofile", "--noediting", "-i"], self.environment)
        self.type("stty -echo cols 160; bind 'set enable-bracketed-paste off' 2>/dev/null; PS1=; PS2=")
        self.run("true")

    def close(self):
        self.stop_server()
        os.kill(self.pid, signal.SIGKILL)
        os.waitpid(self.pid, 0)
        os.close(self.terminal)

    def type(self, text):
        os.write(self.terminal, text.encode() + b"\n")

    def stop_server(self):
        if self.server:
            self.server.terminate()
            self.server.wait()
            self.server = None

    def serve(self, command):
        """Starts a server as the reader does in a terminal of its own."""
        self.stop_server()
        self.server = subprocess.Popen(
            ["bash", "-c", f"exec {command}"], cwd=self.work, env=self.environment, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
        )
        said = self.server.stdout.readline()
        if not said.startswith("listening on http"):
            raise Failed(f"{said}{self.server.stderr.read()}")

    def paste(self, line):
        for name, here in self.names.items():
            line = line.replace(name, here)
        self.command = line
        if line.startswith("atrail serve"):
            self.serve(line)
        else:
            self.run(line)

    def run(self, command):
        """Types the command, answers its questions, and requires exit code 0."""
        # On one line: a command that asks would read the next.
        self.type(f"{command}; printf '<%s>\\n' \"done $?\"")
        shown, answered, until = "", 0, time.monotonic() + PATIENCE_SECS
        while not (end := re.search(r"<done (\d+)>", shown)):
            if time.monotonic() > until:
                raise Failed(f"no end after {PATIENCE_SECS} s:\n{shown}")
            if not select.select([self.terminal], [], [], 1)[0]:
                continue
            shown += os.read(self.terminal, 65536).decode(errors="replace")
            question = re.search(r"(User|Password|\[y/N\]):? $", shown[answered:])
            if question:
                answered = len(shown)
                secret = json.loads((self.data / "initial-credentials.json").read_text())["password"]
                self.type({"User": "admin", "Password": secret, "[y/N]": "y"}[question[1]])
        self.shown = shown
        if end[1] != "0":
            raise Failed(f"exit code {end[1]}:\n{shown}")


def walk(commands, binary):
    """Pastes the commands; returns the last one's number, and what failed."""
    with tempfile.TemporaryDirectory() as directory:
        tour = Tour(directory, binary)
        try:
            for number, command in enumerate(commands):
                tour.paste(command)
            return len(commands), None
        except Failed as failed:
            return number, f"{commands[number]}\n{failed}"
        finally:
            tour.close()


def main():
    missing = [tool for tool in TOOLS if not shutil.which(tool)]
    if missing:
        print(f"README's tour is not pasted: {', '.join(missing)} not installed")
        return
    binary = pathlib.Path(sys.argv[1] if len(sys.argv) > 1 else ROOT / "target/release/atrail").resolve()
    commands = lines((ROOT / "README.md").read_text(encoding="utf-8"))
    if len(commands) < 20:
        sys.exit(f"README's tour has only {len(commands)} lines: is it read as it is written?")
    _, failed = walk(commands, binary)
    if failed:
        sys.exit(f"a line of README's tour does not work: {failed}")
    # The control: a line that is wrong is found, and it is that one.
    wrong = commands.index("atrail status")
    found, failed = walk([*commands[:wrong], "atrail statsu"], binary)
    if not failed or found != wrong:
        sys.exit(f"the control: a wrong line was not found ({found}, {failed})")
    print(f"README's tour: each of its {len(commands)} lines works when it is pasted in order")


if __name__ == "__main__":
    main()
