"""A program that posts events to /v3/events with an ingest key, and sends again what was not acknowledged."""

import urllib.request

from common import KEY, URL, event, insist, pieces

for piece in pieces():
    body = "\n".join(event(number) for number in piece)
    request = urllib.request.Request(f"{URL}/v3/events", data=body.encode(), headers={"Authorization": f"Splunk {KEY}"})
    insist(lambda: urllib.request.urlopen(request, timeout=30).read())
