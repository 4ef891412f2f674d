"""The clients of the ledger: how each is started, and what it does when the way breaks."""

from dataclasses import dataclass, field


def refusal(body, kind="application/json"):
    """Returns the answer of a storm: 503, in the shape of the server's own."""
    return (
        f"HTTP/1.1 503 Service Unavailable\r\nContent-Type: {kind}\r\nRetry-After: 1\r\n"
        f"Content-Length: {len(body)}\r\nConnection: close\r\n\r\n{body}"
    ).encode()


PROBLEM = refusal('{"code":"unavailable","detail":"a storm"}', "application/problem+json")
ES = refusal('{"error":{"type":"es_rejected_execution_exception","reason":"a storm"},"status":503}')
HEC = refusal('{"text":"Server is busy","code":9}')
OTLP = refusal('{"code":14,"message":"a storm"}')
WORKOS = refusal('{"message":"a storm","code":"unavailable"}')
PANGEA = refusal('{"request_id":"","status":"ServiceNotAvailable","summary":"a storm","result":null}')
RETRACED = refusal('{"error":"a storm"}')
# rsyslog up to 8.2302 loses what is answered: atrail ends the connection, and so does the proxy.
NOTHING = b""


@dataclass(frozen=True)
class Client:
    """A program that sends the events 0 to LEDGER_EVENTS - 1."""

    words: list
    refusal: bytes = PROBLEM
    # Whether it never knows that it is done: the ledger ends it once everything is stored.
    is_daemon: bool = False
    # Whether it knows a host and a port only, so that the interface of Elasticsearch is at the root of a port.
    root: bool = False
    # Whether it speaks syslog to a listener with TLS and client certificates, and not HTTP through the proxy.
    syslog: bool = False
    # Whether the server is killed, besides that its disk is full.
    kills: bool = True
    # Whether its connections end without an answer. Otherwise a server that is away is answered for, as a proxy does.
    cuts: bool = True
    # How many events its protocol, or the client, may lose when the server is killed.
    may_lose: int = 0
    terms: dict = field(default_factory=dict)


def python(name, refusal, **more):
    return Client(["{python}", f"{{here}}/{name}.py"], refusal, **more)


def node(name, refusal, *words, **more):
    return Client(["node", f"{{node}}/{name}.mjs", *words], refusal, **more)


def shell(name, *words, **more):
    return Client(["bash", f"{{here}}/{name}.sh", *words], is_daemon=True, **more)


CLIENTS = {
    "plain": python("plain", PROBLEM),
    # The controls: one forgets what is refused, the other doubles what it sends again.
    "forgetful": python("forgetful", PROBLEM),
    "doubling": python("doubling", PROBLEM),
    "elasticsearch-py": python("elasticsearch_py", ES),
    "opensearch-py": python("opensearch_py", ES),
    "elasticsearch-js": node("elasticsearch_js", ES),
    "opensearch-js": node("opensearch_js", ES),
    "splunk-handler": python("splunk_handler_py", HEC),
    "splunk-logging": node("splunk_logging_js", HEC),
    "winston-splunk": node("winston_splunk_js", HEC),
    "otel-py": python("otel_py", OTLP),
    "otel-js-proto": node("otel_js", OTLP, "proto"),
    "otel-js-json": node("otel_js", OTLP, "http"),
    # It drops what it has sent when the connection ends without an answer: at most one batch for each kill.
    "rotel": Client(["{python}", "{here}/rotel_agent.py"], OTLP, is_daemon=True, cuts=False, may_lose=150),
    "cloudevents-py": python("cloudevents_py", PROBLEM),
    "cloudevents-js": node("cloudevents_js", PROBLEM),
    "workos-py": python("workos_py", WORKOS),
    "workos-js": node("workos_js", WORKOS),
    "pangea-py": python("pangea_py", PANGEA),
    "retraced-js": node("retraced_js", RETRACED),
    "github-js": node("github_js", PROBLEM, terms={"type": "github"}),
    "rsyslog-es": shell("rsyslog", "es", refusal=NOTHING, root=True),
    "syslog-ng-http": shell("syslog_ng", "http", refusal=ES),
    # Syslog has no acknowledgement: it loses nothing while the server waits for its disk, and when the server is killed
    # what the kernels of both sides hold.
    "rsyslog-tls": shell("rsyslog", "tls", syslog=True, kills=False),
    "rsyslog-tls-killed": shell("rsyslog", "tls", syslog=True, may_lose=600),
    "syslog-ng-tls": shell("syslog_ng", "tls", syslog=True, kills=False),
    "syslog-ng-tls-killed": shell("syslog_ng", "tls", syslog=True, may_lose=600),
}
