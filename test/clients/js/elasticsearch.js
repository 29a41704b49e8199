// @elastic/elasticsearch: what a search app does with it.

import assert from 'node:assert/strict'
import { Client, errors } from '@elastic/elasticsearch'
import { begin, compress, documents, expectError, index, mappings, match, record, settings, shapes, sorted, url, words } from './record.js'

begin('@elastic/elasticsearch')
const client = new Client({ node: url, compression: compress, maxRetries: 0 })

await client.indices.delete({ index, ignore_unavailable: true })
record('create', await client.indices.create({ index, settings, mappings }))
record('exists', [await client.indices.exists({ index }), await client.indices.exists({ index: 'clients-missing' })])
const bulk = await client.helpers.bulk({
  datasource: documents, flushBytes: 20000, concurrency: 1, refreshOnCompletion: true,
  onDocument: (d) => ({ index: { _index: index, _id: d.id } })
})
assert.equal(bulk.successful, documents.length)
record('bulk', [bulk.total, bulk.successful, bulk.failed, bulk.aborted])
record('index', await client.index({ index, id: 'own', document: { title: 'memory palace', text: 'a memory of memory', key: 'own' }, refresh: true }))
record('get', await client.get({ index, id: 'own' }))
record('mget', await client.mget({ index, ids: ['own', documents[0].id, 'none'] }))
record('update', await client.update({ index, id: 'own', doc: { length: 7 }, refresh: true }))
record('count', await client.count({ index, query: match }))
record('mapping', await client.indices.getMapping({ index }))

for (const [step, body] of Object.entries(shapes)) {
  const { body: got, headers } = await client.search({ index, ...body }, { meta: true })
  assert.ok(got.hits.hits.length > 0, step)
  assert.equal(headers['x-elastic-product'], 'Elasticsearch')
  record(step, got, 1)
}
for (const [step, body] of Object.entries(sorted)) record(step, await client.search({ index, ...body }))
record('q', await client.search({ index, q: 'text:memory', filter_path: 'hits' }), 1)
record('msearch', await client.msearch({ index, searches: [{}, { query: match }, {}, { query: words, size: 2 }, { index: 'clients-missing' }, { query: match }] }))
const batch = client.helpers.msearch({ concurrency: 1 })
record('msearch helper', await Promise.all([match, words].map(async (query) => (await batch.search({ index }, { query })).body.hits)))
batch.stop()

const scanned = []
for await (const d of client.helpers.scrollDocuments({ index, query: { match_all: {} }, size: 40 })) scanned.push(d.key)
assert.equal(scanned.length, documents.length + 1)
record('scroll documents', scanned.sort())
const pages = []
for await (const { body } of client.helpers.scrollSearch({ index, query: match, size: 7 })) pages.push(body.hits)
assert.ok(pages.length > 2)
record('scroll', pages)
const { id } = await client.openPointInTime({ index, keep_alive: '1m' })
const walked = []
for (let after; ;) {
  const { hits } = await client.search({ pit: { id, keep_alive: '1m' }, query: match, sort: [{ length: 'desc' }], size: 9, search_after: after })
  walked.push(hits)
  if (hits.hits.length === 0) break
  after = hits.hits.at(-1).sort
}
assert.ok(walked.length > 2)
record('point in time', walked)
record('point in time, by score', (await client.search({ pit: { id }, query: match })).hits, 1)
record('close point in time', await client.closePointInTime({ id }))

const texts = ['memory', 'language', 'network', 'protocol', 'disk', 'unix']
const answers = await Promise.all(texts.map((text) => client.search({ index, query: { match: { text } } })))
record('at the same time', answers.map((a) => a.hits), texts.length)

const { ResponseError } = errors
await expectError('missing index', ResponseError, 404, client.search({ index: 'clients-missing', query: match }))
await expectError('missing document', ResponseError, 404, client.get({ index, id: 'none' }))
await expectError('unknown query', ResponseError, 400, client.search({ index, query: { mach: { text: 'memory' } } }))
await expectError('window too large', ResponseError, 400, client.search({ index, query: match, size: 20000 }))
await expectError('conflict', ResponseError, 409, client.create({ index, id: 'own', document: {} }))
await expectError('no such API', ResponseError, 405, client.transport.request({ method: 'PATCH', path: '/_nothing' }))

record('delete', await client.delete({ index, id: 'own', refresh: true }))
record('delete index', await client.indices.delete({ index }))
await client.close()
