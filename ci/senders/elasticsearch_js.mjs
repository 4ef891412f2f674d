// @elastic/elasticsearch's bulk helper.
import { Client } from '@elastic/elasticsearch'
import { bulk } from './bulk.mjs'
import { KEY, URL_ } from './common.mjs'

await bulk(new Client({ node: `${URL_}/es`, auth: { apiKey: KEY }, maxRetries: 200, requestTimeout: 30000 }), 'create')
