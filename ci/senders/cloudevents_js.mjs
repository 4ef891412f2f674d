// The JavaScript SDK of CloudEvents, in both modes and in batches.
import { createRequire } from 'node:module'
import { KEY, URL_, document, insist, pieces } from './common.mjs'

const { CloudEvent, HTTP } = createRequire(import.meta.url)('cloudevents')
const made = number => new CloudEvent({
  id: `e-${number}`, type: 'com.example.opened', source: '/ledger', subject: `ledger-${number}-end`, data: document(number)
})
async function send (message) {
  const answer = await fetch(`${URL_}/cloudevents?access_token=${KEY}`, { method: 'POST', headers: message.headers, body: message.body })
  if (!answer.ok) throw new Error(await answer.text())
}
for await (const piece of pieces()) {
  for (const number of piece.slice(0, 10)) {
    const message = number % 2 ? HTTP.binary(made(number)) : HTTP.structured(made(number))
    await insist(() => send(message))
  }
  const several = JSON.stringify(piece.slice(10).map(made))
  await insist(() => send({ headers: { 'content-type': 'application/cloudevents-batch+json' }, body: several }))
}
