// Retraced's client, which fails when the hash of an answer is not its own.
import { createRequire } from 'node:module'
import { KEY, URL_, document, insist, pieces } from './common.mjs'

const Retraced = createRequire(import.meta.url)('@retracedhq/retraced')
const client = new Retraced.Client({ apiKey: KEY, projectId: 'ledger', endpoint: URL_ })
const made = number => ({
  action: 'document.open',
  crud: 'r',
  created: new Date(document(number)['@timestamp']),
  group: { id: 'g:1', name: 'Group %' },
  actor: { id: 'ann', name: 'Ann' },
  target: { id: `ledger-${number}-end`, type: 'document' },
  source_ip: '192.0.2.1',
  fields: { 'k;': 'v=:' }
})
for await (const piece of pieces()) {
  for (const number of piece.slice(0, 10)) {
    const event = made(number)
    await insist(() => client.reportEvent(event))
  }
  const several = piece.slice(10).map(made)
  await insist(() => client.reportEvents(several))
}
