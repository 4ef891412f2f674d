"""The way between a client and the server, as a proxy that breaks."""

import random
import re
import socket
import threading


class Proxy:
    """Forwards requests one by one. It reads each whole, so that it can refuse it or lose its answer."""

    def __init__(self, server, refusal):
        self.server, self.refusal = server, refusal
        # A port of the server in place of its first one.
        self.upstream = None
        # Whether it refuses while the server is away, rather than to end the connection.
        self.answers_for_server = False
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
            client.sendall(self.refusal)
            return False
        # Without a first port the server is not there.
        port = self.server.port and (self.upstream or self.server.port)
        if port is None:
            self.counts["away"] += 1
            if self.answers_for_server:
                client.sendall(self.refusal)
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
