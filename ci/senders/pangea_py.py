"""Pangea's SDK: single events and lists."""

from pangea.config import PangeaConfig
from pangea.services import Audit

from common import KEY, URL, document, insist, pieces

audit = Audit(KEY, config=PangeaConfig(base_url_template=URL))


def event(number):
    return {
        "message": f"ledger-{number}-end",
        "actor": "ann",
        "action": "open",
        "status": "success",
        "timestamp": document(number)["@timestamp"],
    }


for piece in pieces():
    single, several = piece[:5], piece[5:]
    for number in single:
        one = event(number)
        answer = insist(lambda: audit.log_event(one))
        assert answer.status == "Success" and len(answer.result.hash) == 64, answer
    events = [event(number) for number in several]
    answer = insist(lambda: audit.log_bulk(events))
    assert answer.status == "Success" and len(answer.result.results) == len(events), answer
