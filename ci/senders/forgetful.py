"""A client that forgets what is refused: the ledger must notice."""

import urllib.request

from common import KEY, URL, event, pieces

for piece in pieces():
    body = "\n".join(event(number) for number in piece)
    request = urllib.request.Request(f"{URL}/v3/events", data=body.encode(), headers={"Authorization": f"Splunk {KEY}"})
    try:
        urllib.request.urlopen(request, timeout=30).read()
    except OSError:
        pass
