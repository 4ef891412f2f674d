"""A client for Python sends events in bulk: see ci/es-clients.sh. Its first argument is the module."""
import datetime
import importlib
import os
import sys

module = importlib.import_module(sys.argv[1])
helpers = importlib.import_module(sys.argv[1] + ".helpers")
URL, KEY, SPACE = (os.environ[name] for name in ("ES_URL", "ES_KEY", "ES_INDEX"))
EXPECTED = int(os.environ.get("ES_EXPECTED", "250"))
HEADERS = {"X-Auth-Project-Id": SPACE}
if sys.argv[1] == "elasticsearch":
    client = module.Elasticsearch(URL, api_key=KEY, headers=HEADERS)
else:
    client = module.OpenSearch(URL, http_auth=("atrail", KEY), headers=HEADERS)
run = f"{sys.argv[1]}-{os.getpid()}"
start = datetime.datetime.now(datetime.timezone.utc) - datetime.timedelta(minutes=5)


def documents():
    for number in range(250):
        time = start + datetime.timedelta(milliseconds=number)
        yield {
            "_op_type": "create", "_index": "logs", "_id": f"{run}-{number}",
            "@timestamp": time.isoformat(), "action": run, "user": {"name": "ann"}, "message": f"number {number}",
        }


all_documents = list(documents())
for _ in range(2):
    kept, errors = helpers.bulk(client, all_documents, chunk_size=70)
    assert (kept, errors) == (250, []), (kept, errors)
document = {name: value for name, value in all_documents[0].items() if not name.startswith("_")}
single = {"document": document} if sys.argv[1] == "elasticsearch" else {"body": document}
one = client.index(index="logs", id=f"{run}-0", **single)
assert one["result"] == "created", one

query = {"term": {"action": run}}
counted = {"query": query} if sys.argv[1] == "elasticsearch" else {"body": {"query": query}}
found = client.count(index=SPACE, **counted)
assert found["count"] == EXPECTED, found
# What is refused is told, and costs nothing else.
kept, errors = helpers.bulk(client, [{"_op_type": "delete", "_index": "logs", "_id": "x"}, all_documents[0]], raise_on_error=False)
assert kept == 1 and errors[0]["delete"]["error"]["type"] == "document_parsing_exception", (kept, errors)
