// The official client for JavaScript against /es/: see ci/es-clients.sh.
import assert from "node:assert/strict";
import { Client, errors } from "@elastic/elasticsearch";

const { ES_URL, ES_KEY, ES_INDEX: index, ES_EXPECTED = "250" } = process.env;
const expected = Number(ES_EXPECTED);
const query = { term: { "observer.id": "o" } };

let client;
for (const auth of [{ apiKey: ES_KEY }, { username: "apikey", password: ES_KEY }, { bearer: ES_KEY }]) {
  client = new Client({ node: ES_URL, auth });
  assert.equal(await client.ping(), true);
  assert.match((await client.info()).version.number, /^8\./);
}

assert.equal((await client.cluster.health()).status, "green");
assert.equal(await client.indices.exists({ index }), true);
assert.equal(await client.indices.exists({ index: "nowhere" }), false);
assert.equal((await client.count({ index, query })).count, expected);

const found = await client.search({
  index, query, size: 3, aggs: { actions: { terms: { field: "action" }, aggs: { targets: { cardinality: { field: "target.id" } } } } },
});
assert.equal(found.hits.total.value, expected);
assert.deepEqual(found.aggregations.actions.buckets.map((bucket) => bucket.key), ["read", "delete"]);
assert.equal(found.aggregations.actions.buckets[0].targets.value, 7);

for (const direction of ["asc", "desc"]) {
  const seen = [];
  let search_after;
  for (;;) {
    const page = await client.search({ index, query, size: 17, search_after, sort: [{ eventTime: direction }, { _doc: "asc" }] });
    if (page.hits.hits.length === 0) break;
    seen.push(...page.hits.hits.map((hit) => hit._id));
    search_after = page.hits.hits.at(-1).sort;
  }
  assert.equal(seen.length, expected);
  assert.equal(new Set(seen).size, expected);
}

const { responses } = await client.msearch({ searches: [{ index }, { query, size: 0 }, {}, { query: { fuzzy: { action: "x" } } }] });
assert.equal(responses[0].hits.total.value, expected);
assert.match(responses[1].error.reason, /\[fuzzy\]/);
await assert.rejects(client.search({ index: "nowhere" }), (error) => error instanceof errors.ResponseError && error.statusCode === 404);
