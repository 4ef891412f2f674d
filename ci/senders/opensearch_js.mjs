// @opensearch-project/opensearch's bulk helper.
import { Client } from '@opensearch-project/opensearch'
import { bulk } from './bulk.mjs'
import { KEY, URL_ } from './common.mjs'

const node = `${URL_.replace('//', `//ledger:${KEY}@`)}/es`
// It repeats at once, without a pause.
await bulk(new Client({ node, maxRetries: 100000, requestTimeout: 30000 }), 'index')
