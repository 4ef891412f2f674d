// winston-splunk-httplogger: each line is a request of its own, which the transport repeats after network errors alone. An
// answer of 503 is the end of a line for it; a program that loses nothing logs such a line again, as the same event.
import { createRequire } from 'node:module'
import { KEY, URL_, insist, pieces } from './common.mjs'

const require = createRequire(import.meta.url)
const winston = require('winston')
const SplunkStreamEvent = require('winston-splunk-httplogger')
for await (const piece of pieces()) {
  await Promise.all(piece.map(number => {
    const line = { level: 'info', message: `ledger-${number}-end`, splunk: { time: Date.now() / 1000, host: 'ledger' } }
    return insist(() => new Promise((resolve, reject) => {
      const transport = new SplunkStreamEvent({ splunk: { token: KEY, url: URL_, maxRetries: 20 } })
      transport.on('error', reject)
      transport.on('logged', resolve)
      transport.server.error = reject
      winston.createLogger({ transports: [transport] }).log(line)
      setTimeout(() => reject(new Error('no answer')), 40000).unref()
    }))
  }))
}
