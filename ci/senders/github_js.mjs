// Deliveries as GitHub makes them, signed by @octokit/webhooks. GitHub repeats none by itself; whoever redelivers what
// failed sends the same GUID.
import { Webhooks } from '@octokit/webhooks'
import { KEY, KEY_ID, URL_, insist, pieces } from './common.mjs'

const webhooks = new Webhooks({ secret: KEY })
for await (const piece of pieces()) {
  for (const number of piece) {
    const body = JSON.stringify({
      action: 'deleted', repository: { full_name: `o/ledger-${number}-end` }, sender: { login: 'ann', id: 7 }
    })
    const headers = {
      'content-type': 'application/json',
      'x-github-event': 'repository',
      'x-github-delivery': `00000000-0000-4000-8000-${String(number).padStart(12, '0')}`,
      'x-hub-signature-256': await webhooks.sign(body)
    }
    await insist(async () => {
      const answer = await fetch(`${URL_}/webhooks/github/${KEY_ID}`, { method: 'POST', headers, body })
      if (!answer.ok) throw new Error(await answer.text())
    })
  }
}
