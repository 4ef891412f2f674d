"""elasticsearch-py's bulk helper, which repeats refusals a few times; a batch that it gives up is sent again."""

from elasticsearch import Elasticsearch, helpers

from common import KEY, URL, document, insist, pieces

client = Elasticsearch(f"{URL}/es", api_key=KEY, retry_on_timeout=True, request_timeout=30)
for piece in pieces():
    actions = [{"_index": "ledger", "_op_type": "create", "_source": document(number)} for number in piece]
    # The client does not ask a node that failed a moment ago, unless it has no other.
    done, errors = insist(lambda: helpers.bulk(client, actions, max_retries=5))
    assert (done, errors) == (len(piece), []), (done, errors)
