"""Follows docs/SENDERS.md to the letter: every block of code whose tool can be had runs as it stands there.

    letter.py BINARY        prints a line for each block: followed, or checked for its form alone, or SKIPPED

It needs root, for it runs where audit.example.com is this machine: in a mount namespace with an /etc of its own and in a
network namespace of its own (ci/senders.sh letter starts it so).
"""

import json
import os
import pathlib
import subprocess
import sys
import tempfile
import time
import urllib.error
import urllib.request

from block import PAGE, block
from certificates import Certificates

HOST = "audit.example.com"
HERE = pathlib.Path(__file__).resolve().parent
TOOLS = pathlib.Path(os.environ["SENDERS_TOOLS"])
DEBS = os.environ.get("SENDERS_DEBS")
COUNT = 5
followed = set()


def sh(script, **more):
    return subprocess.run(["bash", "-euo", "pipefail", "-c", script], check=True, capture_output=True, text=True, **more)


def private_etc(work):
    """Lets this process write below /etc and /var where nobody else sees it."""
    for name in ("etc", "var"):
        for part in ("upper", "work"):
            (work / name / part).mkdir(parents=True)
        options = f"lowerdir=/{name},upperdir={work}/{name}/upper,workdir={work}/{name}/work"
        sh(f"mount -t overlay overlay -o {options} /{name}")
    sh("ip link set lo up")
    with open("/etc/hosts", "a") as hosts:
        hosts.write(f"\n127.0.0.1 {HOST}\n")


class Server:
    def __init__(self, binary, work):
        self.binary, self.work = binary, work
        certificates = Certificates(work / "certificates", HOST)
        with open("/etc/ssl/certs/ca-certificates.crt", "a") as system:
            system.write(certificates.authority.read_text())
        name = sh(f"openssl x509 -hash -noout -in {certificates.authority}").stdout.strip()
        sh(f"cp {certificates.authority} /etc/ssl/certs/{name}.0; mkdir -p /etc/ssl/private /etc/atrail")
        sh(f"cp {certificates.client} /etc/ssl/certs/web-1.pem; cp {certificates.client_key} /etc/ssl/private/web-1.key")
        sh(f"cp {certificates.client} {work}/web-1.pem")
        self.config = work / "atrail.toml"
        tls = f'tls_cert = "{certificates.server}"\ntls_key = "{certificates.server_key}"\n'
        listeners = block("An address for Elasticsearch's senders", "toml") + block("Syslog", "toml")
        listen = '[server]\nlisten = "127.0.0.1:443"\n'
        self.config.write_text(f'{listen}{tls}[store]\ndata = "{work}/data"\n{listeners}')
        pathlib.Path("/etc/atrail/syslog.key").write_text("none yet")
        # Until a listener is there, others could take its port: the network is this process's own.
        log = open(work / "log", "w")
        self.process = subprocess.Popen([binary, "serve", "--config", self.config], stdout=log, stderr=log)
        for _ in range(300):
            try:
                urllib.request.urlopen(f"https://{HOST}/v3/healthz", timeout=5)
                break
            except urllib.error.HTTPError:
                break
            except OSError:
                if self.process.poll() is not None:
                    sys.exit(f"the server did not start: {(work / 'log').read_text()}")
                time.sleep(0.2)
        secrets = json.loads((work / "data/initial-credentials.json").read_text())
        self.admin, self.space = secrets["api_key"], secrets["space"]

    def found(self, text):
        """Returns the number of events with a text."""
        query = {"query": f'"{text}" NOT observer.name:ActivityTracker', "start": "1970-01-01"}
        headers = {"Authorization": f"Bearer {self.admin}", "X-Auth-Project-Id": self.space}
        request = urllib.request.Request(f"https://{HOST}/v3/aggregate", data=json.dumps(query).encode(), headers=headers)
        return json.load(urllib.request.urlopen(request, timeout=30))["total"]

    def must_have(self, text, count, what):
        for _ in range(150):
            if (found := self.found(text)) == count:
                followed.add(what)
                print(f"followed: {what}", flush=True)
                return
            time.sleep(0.2)
        raise AssertionError(f"{what}: {found} events with {text!r}, not {count}")


def python(name, program):
    interpreter = TOOLS / name / "bin/python"
    return run([interpreter, "-c", program]) if interpreter.exists() else False


def node(name, program, kind="mjs"):
    folder = TOOLS / name
    if not (folder / "node_modules").exists():
        return False
    file = folder / f"letter.{kind}"
    file.write_text(program)
    return run(["node", file])


def run(words):
    done = subprocess.run([str(word) for word in words], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise AssertionError(f"{words[0]}: {done.stdout[-1500:]}{done.stderr[-2500:]}")
    return True


def step(what, ran, check):
    if ran:
        check()
    else:
        print(f"SKIPPED {what}: its tool cannot be had here", flush=True)


def main():
    binary = str(pathlib.Path(sys.argv[1]).resolve())
    work = pathlib.Path(tempfile.mkdtemp(prefix="letter-"))
    private_etc(work)
    os.environ |= {
        "NODE_EXTRA_CA_CERTS": "/etc/ssl/certs/ca-certificates.crt",
        "REQUESTS_CA_BUNDLE": "/etc/ssl/certs/ca-certificates.crt",
        "SSL_CERT_FILE": "/etc/ssl/certs/ca-certificates.crt",
        "PATH": f"{work}/bin:{os.environ['PATH']}",
        "HOME": str(work),
    }
    (work / "bin").mkdir()
    (work / "bin/atrail").symlink_to(binary)
    server = Server(binary, work)
    try:
        follow(server, work)
        forms()
    finally:
        server.process.kill()
        server.process.wait()


def follow(server, work):
    sh(f"atrail login -a https://{HOST} --api-key-file {work}/data/initial-credentials.json", cwd=work)
    made = sh(block("A key", "sh").strip() + " --format jsonl", cwd=work).stdout
    key = os.environ["ATRAIL_KEY"] = json.loads(made)["key"]
    followed.add("A key")
    sh("atrail admin ingest-key create file-of-syslog --space default --format jsonl | jq -r .key >/etc/atrail/syslog.key", cwd=work)
    # The name is that of the first key.
    sh(block("Syslog", "sh").strip().replace("create web-1", "create web-1-tls"), cwd=work)
    print("followed: Syslog, the certificate", flush=True)
    events = [{"@timestamp": f"2026-01-01T00:00:0{number}.5Z", "id": f"e{number}"} for number in range(COUNT)]

    with_events = lambda mark: [{**event, "id": f"{mark}-{event['id']}", "message": mark} for event in events]
    section = "Client libraries of Elasticsearch and OpenSearch"
    program = block(section, "python")
    data = f"ATRAIL_KEY = {key!r}\nevents = {with_events('letter-es-py')!r}\n"
    step("elasticsearch-py", python("python-elasticsearch", data + program),
         lambda: server.must_have("letter-es-py", COUNT, f"{section}, Python"))
    program = block(section, "js") + "\n"
    data = f"const events = {json.dumps(with_events('letter-es-js'))}\n"
    imports, rest = program.split("\n", 1)
    step("elasticsearch-js", node("node-elasticsearch", f"{imports}\n{data}{rest}"),
         lambda: server.must_have("letter-es-js", COUNT, f"{section}, JavaScript"))

    program = f"ATRAIL_KEY = {key!r}\n" + block("Splunk's clients", "python") + (
        "\nimport logging\nlogger = logging.getLogger('a')\nlogger.setLevel(20)\nlogger.addHandler(handler)\n"
        f"for number in range({COUNT}): logger.info('letter-splunk-py %d', number)\nlogging.shutdown()\n"
    )
    step("splunk-handler", python("python-splunk", program),
         lambda: server.must_have("letter-splunk-py", COUNT, "Splunk's clients, Python"))
    two = block("Splunk's clients", "js")
    log = f"\nfor (let n = 0; n < {COUNT}; n++) logger.send({{ message: 'letter-splunk-js ' + n }})\n"
    step("splunk-logging, winston-splunk-httplogger", node("node-splunk", two + log, "cjs"),
         lambda: server.must_have("letter-splunk-js", COUNT, "Splunk's clients, JavaScript"))

    script = block("OpenTelemetry", "sh")
    program = (
        "from opentelemetry._logs import LogRecord\n"
        "from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter\n"
        "from opentelemetry.sdk._logs import LoggerProvider\n"
        "from opentelemetry.sdk._logs.export import BatchLogRecordProcessor\n"
        "provider = LoggerProvider()\n"
        "provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))\n"
        f"for number in range({COUNT}): provider.get_logger('a').emit(LogRecord(body='letter-otel %d' % number))\n"
        "provider.shutdown()\n"
    )
    interpreter = TOOLS / "python-otel/bin/python"
    ran = interpreter.exists() and run(["bash", "-euc", f"{script}\n{interpreter} -c \"$0\"", program])
    step("OpenTelemetry's SDK", ran, lambda: server.must_have("letter-otel", COUNT, "OpenTelemetry, an SDK"))

    sh(block("CloudEvents", "sh"))
    server.must_have("com.example.user.deleted", 1, "CloudEvents")
    made = sh(block("GitHub", "sh"), cwd=work).stdout.split()
    body = '{"action":"deleted","repository":{"full_name":"o/letter-github"},"sender":{"login":"ann","id":7}}'
    sh(
        f"signature=$(printf %s '{body}' | openssl dgst -sha256 -hmac '{made[1]}' -r | cut -d' ' -f1); "
        f"curl -fsS https://{HOST}/webhooks/github/{made[0]} -H \"X-Hub-Signature-256: sha256=$signature\" "
        f"-H 'X-GitHub-Event: repository' -H 'X-GitHub-Delivery: 1' -H 'Content-Type: application/json' -d '{body}'"
    )
    server.must_have("letter-github", 1, "GitHub, signed")

    program = block("Writing APIs of audit products", "python")
    workos, pangea = program.split("\n\n", 1)
    data = f"ATRAIL_KEY = {key!r}\n"
    workos = workos.replace("WorkOSClient(api", "client = WorkOSClient(api") + (
        "\nfrom workos.audit_logs.models import AuditLogEvent\n"
        "event = AuditLogEvent.from_dict({'action': 'a', 'occurred_at': '2026-01-01T00:00:00Z', 'actor': {'type': 'u', 'id': 'x'}, "
        "'targets': [{'type': 't', 'id': 'letter-workos'}], 'context': {'location': '192.0.2.1'}})\n"
        "client.audit_logs.create_event(organization_id='o', event=event)\n"
    )
    step("WorkOS's SDK", python("python-workos", data + workos), lambda: server.must_have("letter-workos", 1, "WorkOS"))
    pangea = pangea.replace("Audit(ATRAIL_KEY", "audit = Audit(ATRAIL_KEY") + "\naudit.log(message='letter-pangea')\n"
    step("Pangea's SDK", python("python-pangea", data + pangea), lambda: server.must_have("letter-pangea", 1, "Pangea"))
    program = block("Writing APIs of audit products", "js").replace("new Retraced", "const client = new Retraced")
    program += "\nawait client.reportEvent({ action: 'letter-retraced', crud: 'c', created: new Date() })\n"
    step("Retraced's client", node("node-retraced", program), lambda: server.must_have("letter-retraced", 1, "Retraced"))
    daemons(server, work)
    script = block("See that it arrives", "sh")
    shown = sh(script, cwd=work).stdout
    assert "atrail_receiver_events_total" in shown and "web-1" in shown, shown
    print("followed: See that it arrives", flush=True)


def daemons(server, work):
    """rsyslog and syslog-ng, both by HTTP and by syslog."""
    if not DEBS:
        print("SKIPPED rsyslog and syslog-ng: they cannot be had here")
        return
    os.environ["LD_LIBRARY_PATH"] = f"{DEBS}/usr/lib/syslog-ng:{DEBS}/usr/lib/x86_64-linux-gnu:{DEBS}/lib/x86_64-linux-gnu"
    for section, what in (("rsyslog", "letter-rsyslog-es"), ("Syslog", "letter-rsyslog-tls")):
        place = work / what
        place.mkdir()
        (place / "in.log").write_text("".join(f"{what} {number}\n" for number in range(COUNT)))
        pathlib.Path("/etc/rsyslog.d/60-atrail.conf").write_text(block(section, "rsyslog"))
        (place / "conf").write_text(
            f'global(workDirectory="{place}")\nmodule(load="imfile")\n$IncludeConfig /etc/rsyslog.d/60-atrail.conf\n'
            f'input(type="imfile" file="{place}/in.log" tag="letter:")\n'
        )
        daemon([f"{DEBS}/usr/sbin/rsyslogd", "-n", "-f", place / "conf", "-i", place / "pid",
                "-M", f"{DEBS}/usr/lib/x86_64-linux-gnu/rsyslog"], place, server, what, f"rsyslog, {section}")
    for section, what in (("syslog-ng", "letter-ng-es"), ("Syslog", "letter-ng-tls")):
        place = work / what
        place.mkdir()
        (place / "in.log").write_text("".join(f"{what} {number}\n" for number in range(COUNT)))
        (place / "conf").write_text(
            f'@version: 3.38\nsource s_src {{ file("{place}/in.log" flags(no-parse)); }};\n' + block(section, "conf")
        )
        sh("mkdir -p /var/lib/syslog-ng")
        daemon([f"{DEBS}/usr/sbin/syslog-ng", "--foreground", "--no-caps", f"--cfgfile={place}/conf", "--stderr",
                f"--persist-file={place}/persist", f"--control={place}/ctl", f"--pidfile={place}/pid",
                f"--module-path={DEBS}/usr/lib/syslog-ng/3.38"], place, server, what, f"syslog-ng, {section}")


def daemon(words, place, server, mark, what):
    with open(place / "log", "w") as log:
        process = subprocess.Popen([str(word) for word in words], stdout=log, stderr=log)
    try:
        server.must_have(mark, COUNT, what)
    except AssertionError as error:
        sys.exit(f"{error}\n{(place / 'log').read_text()[-2000:]}")
    finally:
        process.terminate()
        process.wait()


def forms():
    """Checks the form of blocks whose tools cannot be had: Docker's, and those in YAML."""
    json.loads(block("Docker", "json"))
    try:
        import yaml
    except ImportError:
        print("SKIPPED the form of the blocks in YAML: Python's yaml is not installed")
        return
    for section in ("Beats", "Vector", "Fluent Bit", "Splunk's clients", "OpenTelemetry", "Kubernetes"):
        assert yaml.safe_load(block(section, "yaml")), section
    print(f"checked for their form alone: the blocks for Docker and in YAML of {PAGE.name}")


main()
