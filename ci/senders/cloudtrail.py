"""Imports a trail from moto. Usage: cloudtrail.py ATRAIL FILES"""

import base64
import gzip
import hashlib
import json
import logging
import os
import random
import subprocess
import sys
import tempfile
import time

import boto3
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import padding, rsa
from moto.server import ThreadedMotoServer

ATRAIL, FILES = sys.argv[1], int(sys.argv[2])
EVENTS_PER_FILE = 7
BUCKET, REGION = "trail", "eu-west-1"
ROOT = "AWSLogs/111122223333"


def check(what, found, expected):
    if found != expected:
        raise SystemExit(f"FAILED {what}: {found!r}, expected {expected!r}")
    print(f"  {what}: {found}")


class Client:
    """The command line, with a home of its own."""

    def __init__(self, home, endpoint):
        self.env = {
            "HOME": home, "XDG_CONFIG_HOME": f"{home}/config", "PATH": os.environ["PATH"], "TMPDIR": home,
            "AWS_ACCESS_KEY_ID": "testing", "AWS_SECRET_ACCESS_KEY": "testing", "AWS_REGION": REGION,
            "AWS_ENDPOINT_URL": endpoint,
        }

    def start(self, *args, **more):
        return subprocess.Popen([ATRAIL, *args], env=self.env, text=True, **more)

    def run(self, *args, stdin="", code=0):
        child = self.start(*args, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        out, errors = child.communicate(stdin)
        if child.returncode != code:
            raise SystemExit(f"FAILED {args}: exit {child.returncode}\n{out}{errors}")
        return out

    def imported(self, *args, code=0):
        return json.loads(self.run("import", "--format", "json", "cloudtrail", *args, code=code))

    def ids(self):
        """Returns the id of every stored event that is not the server's own."""
        lines = self.run("search", "--all", "-s", "2026-01-01", "-e", "2026-12-31", "--format", "jsonl",
                         "NOT observer.name:ActivityTracker")
        return [json.loads(line)["id"] for line in lines.splitlines()]


def log(number):
    """Returns a log file's key and its text."""
    day, minute = number // 200 + 1, number % 200
    records = [{
        "eventVersion": "1.08", "eventID": f"event-{number}-{at}", "eventTime": f"2026-03-{day:02}T10:00:00Z",
        "eventSource": "s3.amazonaws.com", "eventName": "GetObject", "awsRegion": REGION,
        "userIdentity": {"type": "IAMUser", "arn": "arn:aws:iam::111122223333:user/ann", "userName": "ann"},
        "sourceIPAddress": "192.0.2.1", "userAgent": "cli",
    } for at in range(EVENTS_PER_FILE)]
    name = f"111122223333_CloudTrail_{REGION}_202603{day:02}T{minute // 60:02}{minute % 60:02}Z_A{number:05}.json.gz"
    return f"{ROOT}/CloudTrail/{REGION}/2026/03/{day:02}/{name}", json.dumps({"Records": records}).encode()


class Digests:
    """Writes digests as CloudTrail does: one an hour, signed, the signature in the metadata."""

    def __init__(self, s3):
        self.s3, self.last = s3, None
        self.key = rsa.generate_private_key(public_exponent=65537, key_size=2048)

    def public_keys(self, path):
        der = self.key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.PKCS1)
        with open(path, "w") as file:
            json.dump({"PublicKeyList": [{"Value": base64.b64encode(der).decode(), "Fingerprint": "f1"}]}, file)

    def add(self, day, logs):
        start, end = f"2026-03-{day:02}T00:00:00Z", f"2026-03-{day + 1:02}T00:00:00Z"
        key = (f"{ROOT}/CloudTrail-Digest/{REGION}/2026/03/{day + 1:02}/111122223333_CloudTrail-Digest_{REGION}_trail_"
               f"{REGION}_202603{day + 1:02}T000000Z.json.gz")
        last = self.last or {"key": None, "hash": None, "signature": None}
        digest = {
            "awsAccountId": "111122223333", "digestStartTime": start, "digestEndTime": end, "digestS3Bucket": BUCKET,
            "digestS3Object": key, "digestPublicKeyFingerprint": "f1", "digestSignatureAlgorithm": "SHA256withRSA",
            "newestEventTime": end, "oldestEventTime": start,
            "previousDigestS3Bucket": self.last and BUCKET, "previousDigestS3Object": last["key"],
            "previousDigestHashValue": last["hash"], "previousDigestHashAlgorithm": self.last and "SHA-256",
            "previousDigestSignature": last["signature"],
            "logFiles": [{"s3Bucket": BUCKET, "s3Object": key, "hashValue": hashlib.sha256(text).hexdigest(),
                          "hashAlgorithm": "SHA-256", "newestEventTime": end, "oldestEventTime": start}
                         for key, text in logs],
        }
        text = json.dumps(digest).encode()
        hashed = hashlib.sha256(text).hexdigest()
        signed = f"{end}\n{BUCKET}/{key}\n{hashed}\n{last['signature'] or 'null'}".encode()
        signature = self.key.sign(signed, padding.PKCS1v15(), hashes.SHA256()).hex()
        self.s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text),
                           Metadata={"signature": signature, "signature-algorithm": "SHA256withRSA"})
        self.last = {"key": key, "hash": hashed, "signature": signature}


def kill_again_and_again(client, place):
    """Kills imports of an empty ledger at chance moments, then lets one end."""
    kills = 0
    for _ in range(5):
        child = client.start("import", "cloudtrail", place, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        time.sleep(random.uniform(0.2, 2.0))
        kills += child.poll() is None
        child.kill()
        child.wait()
    print(f"  killed: {kills}")


def main(home, endpoint):
    aws = dict(endpoint_url=endpoint, region_name=REGION, aws_access_key_id="testing", aws_secret_access_key="testing")
    s3, sqs, sns = (boto3.client(name, **aws) for name in ("s3", "sqs", "sns"))
    s3.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": REGION})
    digests = Digests(s3)
    days = {}
    for number in range(FILES):
        key, text = log(number)
        s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text))
        days.setdefault(number // 200 + 1, []).append((key, text))
    for day, logs in days.items():
        digests.add(day, logs)
    keys = f"{home}/keys.json"
    digests.public_keys(keys)

    client = Client(home, endpoint)
    server = subprocess.Popen([ATRAIL, "serve", "--data", f"{home}/data", "--listen", "127.0.0.1:0"],
                              stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    try:
        url = server.stdout.readline().split()[-1]
        with open(f"{home}/data/initial-credentials.json") as file:
            password = json.load(file)["password"]
        client.run("login", "-a", url, "-u", "admin", "--password-stdin", stdin=password)
        client.run("target", "-o", "default", "-s", "default")
        scenes(client, s3, sqs, sns, keys)
    finally:
        server.terminate()
        server.wait()


def scenes(client, s3, sqs, sns, keys):
    place, events = f"s3://{BUCKET}/AWSLogs", FILES * EVENTS_PER_FILE
    kill_again_and_again(client, place)
    found = client.imported(place, "--verify-digests", "--public-keys", keys)
    check("events of the bucket", found["events"], events)
    check("digests without a signature, unsound, problems",
          [found["digests"][name] for name in ("unsigned", "unsound", "problems")], [0, 0, 0])
    again = client.imported(place)
    check("stored by a second import", (again["stored"], again["files_known"]), (0, FILES))
    ids = client.ids()
    check("stored events, different ids", (len(ids), len(set(ids))), (events, events))

    print("notifications")
    queue = sqs.create_queue(QueueName="trail")["QueueUrl"]
    arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    topic = sns.create_topic(Name="trail")["TopicArn"]
    sns.subscribe(TopicArn=topic, Protocol="sqs", Endpoint=arn)
    new = 0
    for configuration in ({"QueueConfigurations": [{"QueueArn": arn, "Events": ["s3:ObjectCreated:*"]}]},
                          {"TopicConfigurations": [{"TopicArn": topic, "Events": ["s3:ObjectCreated:*"]}]}):
        s3.put_bucket_notification_configuration(Bucket=BUCKET, NotificationConfiguration=configuration)
        for _ in range(12):
            key, text = log(FILES + new)
            s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text))
            new += 1
    found = client.imported("--sqs", queue)
    check("events of the queue", (found["stored"], found["files"]), (new * EVENTS_PER_FILE, new))
    left = sqs.get_queue_attributes(
        QueueUrl=queue, AttributeNames=["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"])
    check("messages left", {int(count) for count in left["Attributes"].values()}, {0})

    print("a changed file")
    key, text = log(0)
    s3.put_object(Bucket=BUCKET, Key=key, Body=gzip.compress(text.replace(b"ann", b"eve")))
    found = client.imported(place, "--verify-digests", "--public-keys", keys, code=1)
    # Those that came by notification are newer than the last digest, or listed by none.
    check("changed or unlisted", found["files_failed"] + found["files_left"], 1 + new)
    ids = client.ids()
    events += new * EVENTS_PER_FILE
    check("stored events, different ids", (len(ids), len(set(ids))), (events, events))


if __name__ == "__main__":
    logging.getLogger("werkzeug").setLevel(logging.ERROR)
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    try:
        host, port = moto.get_host_and_port()
        with tempfile.TemporaryDirectory() as home:
            main(home, f"http://{host}:{port}")
    finally:
        moto.stop()
    print("cloudtrail: ok")
