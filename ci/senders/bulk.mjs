// The bulk helper that both clients of Elasticsearch's interface have.
import { document, pieces } from './common.mjs'

async function * documents () {
  for await (const piece of pieces()) yield * piece.map(document)
}

export async function bulk (client, operation) {
  const result = await client.helpers.bulk({
    datasource: documents(),
    flushBytes: 8000,
    concurrency: 1,
    retries: 50,
    wait: 1000,
    onDocument: () => ({ [operation]: { _index: 'ledger' } }),
    onDrop: drop => { throw new Error(`dropped: ${JSON.stringify(drop)}`) }
  })
  if (result.failed > 0) throw new Error(JSON.stringify(result))
}
