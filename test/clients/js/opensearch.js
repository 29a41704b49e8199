// @opensearch-project/opensearch: what a search app does with it.

import assert from 'node:assert/strict'
import { Client, errors } from '@opensearch-project/opensearch'
import { begin, compress, documents, expectError, index, mappings, match, record, settings, shapes, sorted, url, words } from './record.js'

begin('@opensearch-project/opensearch')
const client = new Client({ node: url, compression: compress ? 'gzip' : undefined, maxRetries: 0 })
const body = async (promise) => (await promise).body

await client.indices.delete({ index, ignore_unavailable: true })
record('info', (await body(client.info())).version.number)
record('create', await body(client.indices.create({ index, body: { settings, mappings } })))
record('exists', [await body(client.indices.exists({ index })), await body(client.indices.exists({ index: 'clients-missing' }))])
const bulk = await client.helpers.bulk({
  datasource: documents, flushBytes: 20000, concurrency: 1, refreshOnCompletion: true,
  onDocument: (d) => ({ index: { _index: index, _id: d.id } })
})
assert.equal(bulk.successful, documents.length)
record('bulk', [bulk.total, bulk.successful, bulk.failed, bulk.aborted])
record('index', await body(client.index({ index, id: 'own', body: { title: 'memory palace', text: 'a memory of memory', key: 'own' }, refresh: true })))
record('get', await body(client.get({ index, id: 'own' })))
record('mget', await body(client.mget({ index, body: { ids: ['own', documents[0].id, 'none'] } })))
record('update', await body(client.update({ index, id: 'own', body: { doc: { length: 7 } }, refresh: true })))
record('count', await body(client.count({ index, body: { query: match } })))
record('mapping', await body(client.indices.getMapping({ index })))

for (const [step, search] of Object.entries(shapes)) {
  const got = await body(client.search({ index, body: search }))
  assert.ok(got.hits.hits.length > 0, step)
  record(step, got, 1)
}
for (const [step, search] of Object.entries(sorted)) record(step, await body(client.search({ index, body: search })))
record('q', await body(client.search({ index, q: 'text:memory', filter_path: 'hits' })), 1)
record('msearch', await body(client.msearch({ index, body: [{}, { query: match }, {}, { query: words, size: 2 }, { index: 'clients-missing' }, { query: match }] })))
const batch = client.helpers.msearch({ concurrency: 1 })
record('msearch helper', await Promise.all([match, words].map(async (query) => (await batch.search({ index }, { query })).body.hits)))
batch.stop()

const scanned = []
for await (const d of client.helpers.scrollDocuments({ index, body: { query: { match_all: {} } }, size: 40 })) scanned.push(d.key)
assert.equal(scanned.length, documents.length + 1)
record('scroll documents', scanned.sort())
const pages = []
for await (const { body } of client.helpers.scrollSearch({ index, body: { query: match }, size: 7 })) pages.push(body.hits)
assert.ok(pages.length > 2)
record('scroll', pages)
const { pit_id: id } = await body(client.createPit({ index, keep_alive: '1m' }))
const walked = []
for (let after; ;) {
  const { hits } = await body(client.search({ body: { pit: { id, keep_alive: '1m' }, query: match, sort: [{ length: 'desc' }, { key: 'asc' }], size: 9, search_after: after } }))
  walked.push(hits)
  if (hits.hits.length === 0) break
  after = hits.hits.at(-1).sort
}
assert.ok(walked.length > 2)
record('point in time', walked)
record('point in time, by score', (await body(client.search({ body: { pit: { id }, query: match } }))).hits, 1)
record('close point in time', (await body(client.deletePit({ body: { pit_id: [id] } }))).pits.length)

const texts = ['memory', 'language', 'network', 'protocol', 'disk', 'unix']
const answers = await Promise.all(texts.map((text) => body(client.search({ index, body: { query: { match: { text } } } }))))
record('at the same time', answers.map((a) => a.hits), texts.length)

const { ResponseError } = errors
await expectError('missing index', ResponseError, 404, client.search({ index: 'clients-missing', body: { query: match } }))
await expectError('missing document', ResponseError, 404, client.get({ index, id: 'none' }))
await expectError('unknown query', ResponseError, 400, client.search({ index, body: { query: { mach: { text: 'memory' } } } }))
await expectError('window too large', ResponseError, 400, client.search({ index, body: { query: match, size: 20000 } }))
await expectError('conflict', ResponseError, 409, client.create({ index, id: 'own', body: {} }))
await expectError('no such API', ResponseError, 405, client.transport.request({ method: 'PATCH', path: '/_nothing' }))

record('delete', await body(client.delete({ index, id: 'own', refresh: true })))
record('delete index', await body(client.indices.delete({ index })))
await client.close()
