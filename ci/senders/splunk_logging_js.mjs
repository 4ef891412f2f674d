// splunk-logging: it repeats a batch after network errors; one that it gives up, or that is answered with an error, is
// sent again.
import { createRequire } from 'node:module'
import { KEY, URL_, insist, pieces } from './common.mjs'

const { Logger } = createRequire(import.meta.url)('splunk-logging')
for await (const piece of pieces()) {
  // The time is the event's: it is stated once, and not at each attempt.
  const time = Date.now()
  await insist(() => new Promise((resolve, reject) => {
    const logger = new Logger({ token: KEY, url: URL_, maxRetries: 10, batchInterval: 0, maxBatchCount: 0 })
    logger.error = reject
    for (const number of piece) {
      logger.send({ message: `ledger-${number}-end`, metadata: { time: time + number % 50, host: 'ledger' } })
    }
    logger.flush((error, _, body) => error ? reject(error) : body.code === 0 ? resolve() : reject(new Error(body.text)))
  }))
}
