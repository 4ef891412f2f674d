"""opensearch-py's bulk helper, which repeats refusals a few times; a batch that it gives up is sent again."""

from urllib.parse import urlsplit

from opensearchpy import OpenSearch, helpers

from common import KEY, URL, document, insist, pieces

parts = urlsplit(URL)
client = OpenSearch(
    hosts=[{"host": parts.hostname, "port": parts.port, "url_prefix": "es"}],
    http_auth=("ledger", KEY),
    retry_on_timeout=True,
    timeout=30,
)
for piece in pieces():
    actions = [{"_index": "ledger", "_op_type": "index", "_source": document(number)} for number in piece]
    done, errors = insist(lambda: helpers.bulk(client, actions, max_retries=5))
    assert (done, errors) == (len(piece), []), (done, errors)
