"""A client that gives an event another id whenever it sends it again: the ledger must notice."""

import time
import urllib.request

from common import KEY, URL, event, pieces

for piece in pieces():
    for attempt in range(600):
        body = "\n".join(event(number, attempt) for number in piece)
        request = urllib.request.Request(
            f"{URL}/v3/events", data=body.encode(), headers={"Authorization": f"Splunk {KEY}"}
        )
        try:
            urllib.request.urlopen(request, timeout=30).read()
            break
        except OSError:
            time.sleep(0.2)
