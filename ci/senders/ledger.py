"""Compares what a real client was asked to send with what atrail stored, while the way between them breaks.

    ledger.py BINARY CLIENT [EVENTS]      prints one line: the client, the faults, and the ledger
    ledger.py BINARY --control [EVENTS]   clients that lose or double events, which the ledger must notice

Between the client and the server is a proxy that answers storms of 503 itself, and cuts connections after the server has
answered. Meanwhile the server is killed (SIGKILL) and started again, and its disk is full for a while, where this user
may mount a file system of its own (unshare). In the end each event must be stored once: not lost, not doubled.

Senders of syslog connect to the server itself, with TLS and a certificate of their own. What their protocol may lose when
the server is killed stands in clients.py.
"""

import os
import pathlib
import re
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time

from certificates import Certificates
from clients import CLIENTS
from proxy import Proxy
from server import Server

HERE = pathlib.Path(__file__).resolve().parent
# A client has so long to deliver everything once the faults have ended.
PATIENCE_SECS = float(os.environ.get("SENDERS_PATIENCE", "150"))
KILLS = int(os.environ.get("SENDERS_KILLS", "3"))
MARK = re.compile(rb"ledger-(\d+)-end")


def faults(server, proxy, asked, still_runs):
    """Breaks the way in turns while the client sends; ends with everything sound."""
    did = []
    proxy.cuts = 0.2 if asked.cuts else 0.0
    proxy.answers_for_server = not asked.cuts
    for round_ in range(KILLS):
        proxy.storm = 0.5
        time.sleep(2)
        proxy.storm = 0.0
        if asked.kills:
            server.kill()
            time.sleep(1.5)
            server.start()
            did.append("killed")
        time.sleep(1)
        if round_ == 0 and server.disk.fill():
            time.sleep(4)
            server.disk.empty()
            did.append("disk full")
        if not still_runs():
            break
    proxy.cuts = proxy.storm = 0.0
    return did


def counted(server):
    """Returns how often each number is stored."""
    counts = {}
    for line in server.lines():
        # The original may be in an event twice, as the text and as a name: it is still one event.
        for number in {int(found) for found in MARK.findall(line)}:
            counts[number] = counts.get(number, 0) + 1
    return counts


def delivered(server, client, is_daemon, events):
    """Waits until the client has delivered everything, and returns its exit code; `None`: it has not."""
    if not is_daemon:
        try:
            return client.wait(PATIENCE_SECS)
        except subprocess.TimeoutExpired:
            return None
    end = time.monotonic() + PATIENCE_SECS
    while client.poll() is None and time.monotonic() < end:
        # What comes after the last one would be doubled.
        is_complete = len(counted(server)) == events
        time.sleep(4)
        if is_complete:
            break
    return client.poll() or 0


def free_port():
    with socket.create_server(("127.0.0.1", 0)) as free:
        return free.getsockname()[1]


def syslog_listener(server, name, work):
    """Starts the server again with a listener for syslog that asks for certificates; returns what its sender must know."""
    certificates = Certificates(work / "certificates")
    # The key of a connection without a certificate, which is another's.
    _, other = server.key(f"{name}-other")
    (work / "key").write_text(other)
    server.key(name, certificate=certificates.client_fingerprint)
    port = free_port()
    server.configure(
        f'[[syslog]]\nlisten = "127.0.0.1:{port}"\ntransport = "tls"\nkey_file = "{work}/key"\n'
        f'tls_cert = "{certificates.server}"\ntls_key = "{certificates.server_key}"\nclient_certificates = true\n'
    )
    return {"LEDGER_SYSLOG": str(port), "LEDGER_CERTIFICATES": str(certificates.folder)}


def run(binary, name, events):
    """Returns what the ledger shows: "sound", "lost", "doubled", or "failed" where it proves nothing."""
    asked = CLIENTS[name]
    work = pathlib.Path(tempfile.mkdtemp(prefix="senders-"))
    server = Server(binary, work)
    client = None
    try:
        proxy = Proxy(server, asked.refusal)
        environment = {
            **os.environ,
            "LEDGER_URL": f"http://127.0.0.1:{proxy.port}",
            "LEDGER_EVENTS": str(events),
            "LEDGER_WORK": str(work),
        }
        if asked.syslog:
            environment |= syslog_listener(server, name, work)
        else:
            key_id, key = server.key(name, **asked.terms)
            environment |= {"LEDGER_KEY": key, "LEDGER_KEY_ID": key_id}
            if asked.root:
                proxy.upstream = free_port()
                server.configure(f'[[listener]]\naddress = "127.0.0.1:{proxy.upstream}"\nserves = "elasticsearch"\n')
        places = {"python": sys.executable, "here": HERE, "node": os.environ.get("SENDERS_NODE", HERE)}
        command = [word.format(**places) for word in asked.words]
        with open(work / "client.log", "w") as log:
            client = subprocess.Popen(command, env=environment, stdout=log, stderr=log, start_new_session=True)
        did = faults(server, proxy, asked, lambda: client.poll() is None)
        code = delivered(server, client, asked.is_daemon, events)
        counts = counted(server)
        lost = [number for number in range(events) if number not in counts]
        doubled = [number for number, count in counts.items() if count > 1]
        way = f"; requests {proxy.counts}" if not asked.syslog else ""
        print(
            f"{name}: {events} events, {len(lost)} lost, {len(doubled)} doubled; {', '.join(did)}{way}",
            flush=True,
        )
        if code != 0 or len(lost) > asked.may_lose or doubled:
            print(f"  exit {code}; lost {lost[:10]}; doubled {doubled[:10]}")
            print((work / "client.log").read_text()[-2500:])
            return "failed" if code != 0 else "lost" if lost else "doubled"
        met = len(did) if asked.syslog else sum(proxy.counts[kind] for kind in ("refused", "cut", "away"))
        if met < (1 if asked.syslog else 3):
            print("  nothing went wrong on the way: that proves nothing")
            return "failed"
        return "sound"
    finally:
        if client is not None:
            try:
                os.killpg(client.pid, signal.SIGKILL)
            except ProcessLookupError:
                pass
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
