"""splunk_handler, a handler of Python's logging for Splunk's HTTP event collector."""

import logging
from urllib.parse import urlsplit

from splunk_handler import SplunkHandler

from common import KEY, URL, pieces

parts = urlsplit(URL)
handler = SplunkHandler(
    host=parts.hostname,
    port=parts.port,
    token=KEY,
    index="ledger",
    protocol="http",
    verify=False,
    flush_interval=0.3,
    retry_count=60,
    retry_backoff=0.05,
)
logger = logging.getLogger("ledger")
logger.setLevel(logging.INFO)
logger.propagate = False
logger.addHandler(handler)
for piece in pieces():
    for number in piece:
        logger.info("ledger-%d-end", number)
handler.force_flush()
logging.shutdown()
