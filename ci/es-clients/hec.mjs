// splunk-logging and winston-splunk-httplogger send events: see ci/es-clients.sh. The first argument is the module.
import assert from 'node:assert/strict'
import { createRequire } from 'node:module'

const require = createRequire(import.meta.url)
const { HEC_URL, HEC_KEY, ES_KEY, ES_INDEX, ES_EXPECTED = '250' } = process.env
const [, , name] = process.argv
const config = { token: HEC_KEY, url: HEC_URL, maxRetries: 5, batchInterval: 50, maxBatchCount: 20 }
const message = number => ({ action: name, number })

if (name === 'splunk-logging') {
  const { Logger } = require('splunk-logging')
  const logger = new Logger(config)
  logger.error = error => assert.fail(String(error))
  for (let number = 0; number < 250; number++) logger.send({ message: message(number), severity: 'info' })
  // It flushes by itself; a flush of nothing is an error, as at Splunk.
} else {
  const winston = require('winston')
  const SplunkStreamEvent = require('winston-splunk-httplogger')
  const logger = winston.createLogger({ transports: [new SplunkStreamEvent({ splunk: config })] })
  for (let number = 0; number < 250; number++) logger.info(message(number))
}

const query = JSON.stringify({ query: `"${name}" NOT observer.name:ActivityTracker`, start: '1970-01-01' })
const headers = { Authorization: `Bearer ${ES_KEY}`, 'X-Auth-Project-Id': ES_INDEX }
let count = 0
for (let round = 0; round < 50 && count < 250; round++) {
  await new Promise(resolve => setTimeout(resolve, 100))
  const answer = await fetch(`${HEC_URL}/v3/aggregate`, { method: 'POST', headers, body: query })
  count = (await answer.json()).total
}
assert.equal(count, Number(ES_EXPECTED))
process.exit(0)
