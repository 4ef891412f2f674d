// A client for JavaScript sends events in bulk: see ci/es-clients.sh.
import assert from 'node:assert/strict'
import { Client } from '@elastic/elasticsearch'

const { ES_URL, ES_KEY, ES_INDEX, ES_EXPECTED = '250' } = process.env
const client = new Client({ node: ES_URL, auth: { apiKey: ES_KEY }, headers: { 'x-auth-project-id': ES_INDEX } })
const run = `elasticsearch-js-${Date.now()}`
const start = Date.now() - 300_000
const documents = Array.from({ length: 250 }, (_, number) => ({
  '@timestamp': new Date(start + number).toISOString(), action: run, user: { name: 'ann' }, message: `number ${number}`,
}))
for (let round = 0; round < 2; round++) {
  const result = await client.helpers.bulk({
    datasource: documents.map((document, number) => ({ number, document })),
    flushBytes: 9000,
    onDocument: ({ number, document }) => [{ create: { _index: 'logs', _id: `${run}-${number}` } }, document],
    onDrop: dropped => assert.fail(JSON.stringify(dropped)),
  })
  assert.equal(result.successful, 250)
}
const { count } = await client.count({ index: ES_INDEX, query: { term: { action: run } } })
assert.equal(count, Number(ES_EXPECTED))
