"""A server of atrail on a disk of its own, which the ledger kills and whose disk it fills."""

import gzip
import json
import os
import pathlib
import re
import signal
import subprocess
import sys
import time
import urllib.error
import urllib.request

DISK = "768m"


class Disk:
    """A small file system for the data directory, in a namespace that a helper process keeps; or a plain directory."""

    def __init__(self, place):
        self.place, self.holder = place, None
        place.mkdir()
        if os.environ.get("SENDERS_DISK") == "plain":
            return
        mount = f"mount -t tmpfs -o size={DISK} tmpfs '{place}' && echo ready && exec sleep 100000"
        holder = subprocess.Popen(["unshare", "-rm", "sh", "-c", mount], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL)
        if holder.stdout.readline() == b"ready\n":
            self.holder = holder
        else:
            holder.wait()

    def command(self, words):
        if self.holder is None:
            return words
        inside = ["nsenter", "--preserve-credentials", "-U", "-m", "-t", str(self.holder.pid), "--"]
        return inside + words

    def file(self, name):
        root = "/" if self.holder is None else f"/proc/{self.holder.pid}/root"
        return pathlib.Path(f"{root}{self.place}/{name}")

    def fill(self):
        """Leaves no room; returns whether that can be done here."""
        if self.holder is None:
            return False
        with open(self.file("filler"), "wb") as filler:
            piece = bytes(1 << 20)
            try:
                while True:
                    filler.write(piece)
                    filler.flush()
            except OSError:
                return True

    def empty(self):
        self.file("filler").unlink()

    def end(self):
        if self.holder is not None:
            self.holder.kill()
            self.holder.wait()


class Server:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        self.disk = Disk(work / "disk")
        self.process = self.port = self.config = None
        self.start()
        secrets = json.loads(self.disk.file("data/initial-credentials.json").read_text())
        self.admin, self.space = secrets["api_key"], secrets["space"]

    def start(self):
        out = open(self.work / "stdout", "w+")
        words = [self.binary, "serve", "--data", str(self.disk.place / "data"), "--listen", "127.0.0.1:0"]
        if self.config is not None:
            words += ["--config", str(self.config)]
        log = open(self.work / "log", "a")
        self.process = subprocess.Popen(self.disk.command(words), stdout=out, stderr=log)
        for _ in range(600):
            out.seek(0)
            found = re.search(r"listening on http://127\.0\.0\.1:(\d+)", out.read())
            if found:
                self.port = int(found[1])
                return
            if self.process.poll() is not None:
                break
            time.sleep(0.1)
        sys.exit(f"the server did not start: {(self.work / 'log').read_text()[-2000:]}")

    def kill(self):
        self.port = None
        self.process.send_signal(signal.SIGKILL)
        self.process.wait()

    def configure(self, text):
        """Restarts the server with this configuration."""
        self.config = self.work / "atrail.toml"
        self.config.write_text(text)
        self.process.terminate()
        self.process.wait()
        self.start()

    def ask(self, method, path, body=None, headers=()):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.admin}", "X-Auth-Project-Id": self.space, **dict(headers)},
        )
        for attempt in range(30):
            try:
                with urllib.request.urlopen(request, timeout=60) as answer:
                    return answer.read()
            except urllib.error.HTTPError:
                raise
            except OSError:
                # On a busy machine no port may be free for a while.
                if attempt == 29:
                    raise
                time.sleep(2)

    def key(self, name, **terms):
        made = json.loads(self.ask("POST", "/v3/ingest_keys", {"name": name, "space": self.space, **terms}))
        return made["id"], made["key"]

    def lines(self):
        """Returns the stored events of the space."""
        session = json.loads(self.ask("POST", "/v3/sessions", {"start": "1970-01-01"}))["id"]
        packed = self.ask("GET", "/v3/events/download", headers=[("SESSIONID", session)])
        self.ask("DELETE", f"/v3/sessions/{session}")
        return gzip.decompress(packed).splitlines()
