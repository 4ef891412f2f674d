"""Compares what a real client was asked to send with what atrail stored, while the way between them breaks.

    ledger.py BINARY CLIENT [EVENTS]      prints one line: the client, the faults, and the ledger
    ledger.py BINARY --control            clients that lose or double events, which the ledger must notice

Between the client and the server is a proxy that answers storms of 503 itself, and cuts connections after the server has
answered. Meanwhile the server is killed (SIGKILL) and started again, and its disk is full for a while, where this user
may mount a file system of its own (unshare). In the end each event must be stored once: not lost, not doubled.
"""

import gzip
import json
import os
import pathlib
import random
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import threading
import time
import urllib.error
import urllib.request

HERE = pathlib.Path(__file__).resolve().parent
# A client has so long to deliver everything once the faults have ended.
PATIENCE_SECS = float(os.environ.get("SENDERS_PATIENCE", "150"))
KILLS = int(os.environ.get("SENDERS_KILLS", "3"))
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
        self.process = self.port = None
        self.start()
        secrets = json.loads(self.disk.file("data/initial-credentials.json").read_text())
        self.admin, self.space = secrets["api_key"], secrets["space"]

    def start(self):
        out = open(self.work / "stdout", "w+")
        words = [self.binary, "serve", "--data", str(self.disk.place / "data"), "--listen", "127.0.0.1:0"]
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

    def ask(self, method, path, body=None, headers=()):
        request = urllib.request.Request(
            f"http://127.0.0.1:{self.port}{path}",
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Authorization": f"Bearer {self.admin}", "X-Auth-Project-Id": self.space, **dict(headers)},
        )
        with urllib.request.urlopen(request, timeout=60) as answer:
            return answer.read()

    def key(self, name):
        made = json.loads(self.ask("POST", "/v3/ingest_keys", {"name": name, "space": self.space}))
        return made["id"], made["key"]

    def lines(self):
        """Returns the stored events of the space."""
        session = json.loads(self.ask("POST", "/v3/sessions", {"start": "1970-01-01"}))["id"]
        packed = self.ask("GET", "/v3/events/download", headers=[("SESSIONID", session)])
        self.ask("DELETE", f"/v3/sessions/{session}")
        return gzip.decompress(packed).splitlines()


class Proxy:
    """Forwards requests one by one. It reads each whole, so that it can refuse it or lose its answer."""

    def __init__(self, server, dialect):
        self.server, self.dialect = server, dialect
        self.storm = self.cuts = 0.0
        self.counts = {"forwarded": 0, "refused": 0, "cut": 0, "away": 0}
        self.random = random.Random(7)
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.port = self.listener.getsockname()[1]
        threading.Thread(target=self.accept, daemon=True).start()

    def accept(self):
        while True:
            client, _ = self.listener.accept()
            threading.Thread(target=self.serve, args=(client,), daemon=True).start()

    def serve(self, client):
        with client:
            try:
                stream = client.makefile("rb")
                while self.one(client, stream):
                    pass
            except OSError:
                pass

    def one(self, client, stream):
        message = read_message(stream, client)
        if message is None:
            return False
        if self.random.random() < self.storm:
            self.counts["refused"] += 1
            client.sendall(self.dialect.refusal)
            return False
        port = self.server.port
        if port is None:
            self.counts["away"] += 1
            return False
        try:
            with socket.create_connection(("127.0.0.1", port), timeout=60) as upstream:
                head, rest = message.split(b"\r\n", 1)
                # One request a connection: the answer ends with the connection.
                rest = re.sub(rb"(?i)\r\n(connection|expect):[^\r]*", b"", b"\r\n" + rest)
                upstream.sendall(head + b"\r\nConnection: close" + rest)
                answer = b""
                while piece := upstream.recv(1 << 16):
                    answer += piece
        except OSError:
            answer = b""
        if not answer or self.random.random() < self.cuts:
            self.counts["cut"] += 1
            return False
        self.counts["forwarded"] += 1
        client.sendall(answer)
        return False


def read_message(stream, client):
    """Returns a whole request with a body of a known length; None at the end."""
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        line = stream.readline()
        if not line:
            return None
        head += line
    if re.search(rb"(?im)^expect:\s*100", head):
        client.sendall(b"HTTP/1.1 100 Continue\r\n\r\n")
    if re.search(rb"(?im)^transfer-encoding:\s*chunked", head):
        body = b""
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            body += stream.read(size)
            stream.readline()
            if size == 0:
                break
        head = re.sub(rb"(?im)^transfer-encoding:[^\r]*\r\n", b"Content-Length: %d\r\n" % len(body), head)
        return head + body
    length = re.search(rb"(?im)^content-length:\s*(\d+)", head)
    return head + stream.read(int(length[1]) if length else 0)


class Dialect:
    def __init__(self, body, kind="application/json"):
        self.refusal = (
            f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {kind}\r\nRetry-After: 1\r\n"
            f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
        ).encode()


PROBLEM = Dialect('{"code":"unavailable","detail":"a storm"}', "application/problem+json")
# Name: the dialect, and the command that sends events 0 to EVENTS-1 and ends when it has delivered them.
CLIENTS = {
    "plain": (PROBLEM, ["{python}", "{here}/plain.py"]),
    # The controls: one forgets what is refused, the other doubles what it sends again.
    "forgetful": (PROBLEM, ["{python}", "{here}/forgetful.py"]),
    "doubling": (PROBLEM, ["{python}", "{here}/doubling.py"]),
}
MARK = re.compile(rb"ledger-(\d+)-end")


def faults(server, proxy, still_runs):
    """Breaks the way in turns while the client sends; ends with everything sound."""
    did = []
    proxy.cuts = 0.2
    for round_ in range(KILLS):
        proxy.storm = 0.5
        time.sleep(2)
        proxy.storm = 0.0
        server.kill()
        time.sleep(1.5)
        server.start()
        time.sleep(1)
        did.append("killed")
        if round_ == 0 and server.disk.fill():
            time.sleep(4)
            server.disk.empty()
            did.append("disk full")
        if not still_runs():
            break
    proxy.cuts = proxy.storm = 0.0
    return did


def run(binary, name, events):
    """Returns what the ledger shows: "sound", "lost", "doubled", or "failed" where it proves nothing."""
    dialect, words = CLIENTS[name]
    work = pathlib.Path(tempfile.mkdtemp(prefix="senders-"))
    server = Server(binary, work)
    client = None
    try:
        proxy = Proxy(server, dialect)
        _, key = server.key(name)
        places = {"python": sys.executable, "here": HERE}
        environment = {
            **os.environ,
            "LEDGER_URL": f"http://127.0.0.1:{proxy.port}",
            "LEDGER_KEY": key,
            "LEDGER_EVENTS": str(events),
        }
        command = [word.format(**places) for word in words]
        with open(work / "client.log", "w") as log:
            client = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        did = faults(server, proxy, lambda: client.poll() is None)
        code = None
        try:
            code = client.wait(PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            pass
        counts = {}
        for line in server.lines():
            # The original may be in an event twice, as the text and as a name: it is still one event.
            for number in {int(found) for found in MARK.findall(line)}:
                counts[number] = counts.get(number, 0) + 1
        lost = [number for number in range(events) if number not in counts]
        doubled = [number for number, count in counts.items() if count > 1]
        print(
            f"{name}: {events} events, {len(lost)} lost, {len(doubled)} doubled; {', '.join(did)}; requests {proxy.counts}",
            flush=True,
        )
        if code != 0 or lost or doubled:
            print(f"  exit {code}; lost {lost[:10]}; doubled {doubled[:10]}")
            print((work / "client.log").read_text()[-2500:])
            return "failed" if code != 0 else "lost" if lost else "doubled"
        if proxy.counts["refused"] == 0 or (proxy.counts["cut"] == 0 and proxy.counts["away"] == 0):
            print("  nothing went wrong on the way: that proves nothing")
            return "failed"
        return "sound"
    finally:
        if client is not None and client.poll() is None:
            os.killpg(client.pid, signal.SIGKILL)
            client.wait()
        if server.process.poll() is None:
            server.kill()
        server.disk.end()
        if not os.environ.get("KEEP"):
            shutil.rmtree(work, ignore_errors=True)


def main():
    binary, name = sys.argv[1:3]
    events = int(sys.argv[3]) if len(sys.argv) > 3 else 3000
    if name == "--control":
        for wrong, expected in (("forgetful", "lost"), ("doubling", "doubled")):
            verdict = run(binary, wrong, events)
            if verdict != expected:
                sys.exit(f"the ledger of a {wrong} client shows {verdict}, not {expected}")
        print("controls: the ledger notices a client that forgets, and one that doubles")
        return
    sys.exit(0 if run(binary, name, events) == "sound" else 1)


main()
