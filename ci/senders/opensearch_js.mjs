// @opensearch-project/opensearch's bulk helper.
import { Client } from '@opensearch-project/opensearch'
import { KEY, URL_, document, pieces } from './common.mjs'

const node = `${URL_.replace('//', `//ledger:${KEY}@`)}/es`
// It repeats at once, without a pause.
const client = new Client({ node, maxRetries: 100000, requestTimeout: 30000 })
async function * documents () {
  for await (const piece of pieces()) yield * piece.map(document)
}
const result = await client.helpers.bulk({
  datasource: documents(),
  flushBytes: 8000,
  concurrency: 1,
  retries: 50,
  wait: 1000,
  onDocument: () => ({ index: { _index: 'ledger' } }),
  onDrop: drop => { throw new Error(`dropped: ${JSON.stringify(drop)}`) }
})
if (result.failed > 0) throw new Error(JSON.stringify(result))
