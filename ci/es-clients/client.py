"""The official client for Python against /es/: see ci/es-clients.sh."""
import os

from elasticsearch import BadRequestError, Elasticsearch, NotFoundError

URL, KEY, INDEX = (os.environ[name] for name in ("ES_URL", "ES_KEY", "ES_INDEX"))
EXPECTED = int(os.environ.get("ES_EXPECTED", "250"))
EVENTS = {"term": {"observer.id": "o"}}

for client in (Elasticsearch(URL, api_key=KEY), Elasticsearch(URL, basic_auth=("apikey", KEY)), Elasticsearch(URL, bearer_auth=KEY)):
    assert client.ping()
    assert client.info()["version"]["number"].startswith("8.")

assert client.cluster.health()["status"] == "green"
assert client.indices.exists(index=INDEX)
assert not client.indices.exists(index="nowhere")
caps = client.field_caps(index=INDEX, fields="*")
assert "date" in caps["fields"]["eventTime"], caps

assert client.count(index=INDEX, query=EVENTS)["count"] == EXPECTED
assert client.count(index=INDEX, query={"bool": {"filter": [EVENTS, {"match": {"action": "delete"}}]}})["count"] == 50

found = client.search(index=INDEX, query=EVENTS, size=3, aggs={
    "targets": {"terms": {"field": "target.id"}, "aggs": {"hours": {"date_histogram": {"field": "@timestamp", "calendar_interval": "day"}}}},
})
assert found["hits"]["total"]["value"] == EXPECTED
assert sum(bucket["doc_count"] for bucket in found["aggregations"]["targets"]["buckets"]) == EXPECTED
assert len(found["hits"]["hits"]) == 3

for direction in ("asc", "desc"):
    seen, after = [], None
    while True:
        page = client.search(index=INDEX, query=EVENTS, size=17, search_after=after,
                             sort=[{"eventTime": direction}, {"_doc": "asc"}])["hits"]["hits"]
        if not page:
            break
        seen += [hit["_id"] for hit in page]
        after = page[-1]["sort"]
    assert len(seen) == len(set(seen)) == EXPECTED, (direction, len(seen), len(set(seen)))

several = client.msearch(searches=[
    {"index": INDEX}, {"query": EVENTS, "size": 0},
    {}, {"query": {"fuzzy": {"action": "x"}}},
    {"index": "nowhere"}, {"query": {"match_all": {}}},
])["responses"]
assert several[0]["hits"]["total"]["value"] == EXPECTED
assert "[fuzzy]" in several[1]["error"]["reason"]
assert several[2]["status"] == 404

for refused, call in (
    (BadRequestError, lambda: client.search(index=INDEX, query={"fuzzy": {"action": "x"}})),
    (NotFoundError, lambda: client.search(index="nowhere")),
):
    try:
        call()
    except refused as error:
        assert error.body["error"]["reason"]
    else:
        raise AssertionError(f"{refused} is missing")
