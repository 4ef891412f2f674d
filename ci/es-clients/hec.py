"""splunk-handler, a logging handler for Python, sends events: see ci/es-clients.sh."""
import json
import logging
import os
import time
import urllib.parse
import urllib.request

from splunk_handler import SplunkHandler

URL, KEY, SPACE = (os.environ[name] for name in ("HEC_URL", "HEC_KEY", "ES_INDEX"))
EXPECTED = int(os.environ.get("ES_EXPECTED", "250"))
address = urllib.parse.urlsplit(URL)
handler = SplunkHandler(
    host=address.hostname, port=address.port, token=KEY, index="main", protocol="http", flush_interval=0.2,
    retry_count=5, source="splunk-handler", hostname="h",
)
logger = logging.getLogger("audit")
logger.addHandler(handler)
logger.setLevel(logging.INFO)
for number in range(250):
    logger.info(json.dumps({"action": "splunk-handler", "number": number}))
handler.force_flush()
handler.shutdown()


def count():
    query = json.dumps({"query": "action:splunk-handler", "start": "1970-01-01"}).encode()
    request = urllib.request.Request(URL + "/v3/aggregate", data=query, headers={
        "Authorization": f"Bearer {os.environ['ES_KEY']}", "X-Auth-Project-Id": SPACE,
    })
    return json.load(urllib.request.urlopen(request))["total"]


for _ in range(50):
    if count() >= 250:
        break
    time.sleep(0.1)
assert count() == EXPECTED, count()
