// WorkOS's SDK; what it gives up is sent again with the same idempotency key.
import { WorkOS } from '@workos-inc/node'
import { KEY, URL_, document, insist, pieces } from './common.mjs'

const { hostname, port } = new URL(URL_)
const client = new WorkOS(KEY, { apiHostname: hostname, port: Number(port), https: false })
for await (const piece of pieces()) {
  for (const number of piece) {
    const event = {
      action: 'document.opened',
      occurredAt: new Date(document(number)['@timestamp']),
      actor: { type: 'user', id: 'ann' },
      targets: [{ type: 'document', id: `ledger-${number}-end` }],
      context: { location: '192.0.2.1' }
    }
    await insist(() => client.auditLogs.createEvent('org_ledger', event, { idempotencyKey: `ledger-${number}` }))
  }
}
