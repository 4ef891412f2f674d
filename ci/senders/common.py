"""What every client of the ledger sends."""

import datetime
import json
import os
import time

URL, KEY = os.environ["LEDGER_URL"], os.environ["LEDGER_KEY"]
EVENTS = int(os.environ["LEDGER_EVENTS"])
PIECE = 50


def event(number, copy=0):
    """Returns a CADF event as a line; a copy is another event of the same number."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return json.dumps({
        "typeURI": "http://schemas.dmtf.org/cloud/audit/1.0/event",
        "id": f"event-{number}-{copy}",
        "eventTime": now.isoformat(timespec="microseconds"),
        "action": "read",
        "outcome": "success",
        "initiatorId": "ann",
        "targetId": f"ledger-{number}-end",
    })


def pieces():
    """Returns the numbers in pieces, and takes its time, so that faults hit most of them."""
    for first in range(0, EVENTS, PIECE):
        yield range(first, min(first + PIECE, EVENTS))
        time.sleep(0.15)


def document(number):
    """Returns a document of the common schema."""
    now = datetime.datetime.now(datetime.timezone.utc)
    return {
        "@timestamp": now.isoformat(timespec="microseconds"),
        "message": f"ledger-{number}-end",
        "user": {"name": "ann"},
        "event": {"action": "opened", "outcome": "success"},
    }


def insist(send):
    """Calls until it succeeds, as a program does that loses nothing; returns the result."""
    for _ in range(600):
        try:
            return send()
        except Exception as error:  # Every library has its own kinds.
            last = error
            time.sleep(0.2)
    raise SystemExit(f"not delivered: {last}")
