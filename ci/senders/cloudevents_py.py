"""The Python SDK of CloudEvents: single events in binary and in structured mode, sent by requests. Each is sent again until
it is accepted."""

import requests
from cloudevents.core.bindings.http import to_binary_event, to_structured_event
from cloudevents.core.v1.event import CloudEvent

from common import KEY, URL, document, insist, pieces

session = requests.Session()


def send(message):
    answer = session.post(
        f"{URL}/cloudevents", data=message.body, headers={**message.headers, "Authorization": f"Bearer {KEY}"}, timeout=30
    )
    answer.raise_for_status()


for piece in pieces():
    for number in piece:
        event = CloudEvent(
            {"type": "com.example.opened", "source": "/ledger", "id": str(number), "specversion": "1.0",
             "datacontenttype": "application/json"},
            document(number),
        )
        message = (to_binary_event if number % 2 else to_structured_event)(event)
        insist(lambda: send(message))
