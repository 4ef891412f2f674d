// OpenTelemetry's SDK with its log exporters over HTTP, in protobuf and in JSON. A batch that the exporter gives up is
// exported again.
import { createRequire } from 'node:module'
import { KEY, URL_, pieces, sleep } from './common.mjs'

const require = createRequire(import.meta.url)
const { BatchLogRecordProcessor, LoggerProvider } = require('@opentelemetry/sdk-logs')
const { OTLPLogExporter } = require(`@opentelemetry/exporter-logs-otlp-${process.argv[2]}`)

const exporter = new OTLPLogExporter({
  url: `${URL_}/v1/logs`, headers: { authorization: `Bearer ${KEY}` }, compression: 'gzip', timeoutMillis: 30000
})
let givenUp = 0
const insisting = {
  export (batch, done) {
    exporter.export(batch, result => {
      if (result.code === 0) return done(result)
      givenUp++
      setTimeout(() => this.export(batch, done), 500)
    })
  },
  shutdown: () => exporter.shutdown(),
  forceFlush: () => exporter.forceFlush()
}
const processor = new BatchLogRecordProcessor({
  exporter: insisting, scheduledDelayMillis: 200, maxExportBatchSize: 50, maxQueueSize: 100000, exportTimeoutMillis: 600000
})
const provider = new LoggerProvider({ processors: [processor] })
const logger = provider.getLogger('ledger')
for await (const piece of pieces()) {
  for (const number of piece) {
    logger.emit({ timestamp: Date.now(), eventName: 'document.open', body: `ledger-${number}-end`, attributes: { 'user.id': 'ann' } })
  }
  await sleep(0)
}
await provider.forceFlush()
await provider.shutdown()
console.log(`${givenUp} exports were given up`)
