// What a client of resift's tests saw, as lines of JSON: {"step": name, "got": value, "reranked": searches that a rule covers}.

import assert from 'node:assert/strict'
import { readFileSync } from 'node:fs'
import { createRequire } from 'node:module'

// URL of the engine or the proxy, the documents to index, and whether bodies are to be compressed.
const [url, file, encoding] = process.argv.slice(2)
export const documents = readFileSync(file, 'utf8').trim().split('\n').map((line) => JSON.parse(line))
export const compress = encoding === 'gzip'
export { url }

// begin tells the library and its version.
export function begin (name) {
  const { version } = createRequire(import.meta.url)(`${name}/package.json`)
  console.log(JSON.stringify({ client: `${name} ${version}` }))
}

export function record (step, got, reranked = 0) {
  console.log(JSON.stringify({ step, got, reranked }))
}

// expectError records the error that the promise must reject with: of exactly this class and with this status.
export async function expectError (step, kind, status, promise) {
  const error = await promise.then(() => assert.fail(`${step}: no error`), (e) => e)
  assert.equal(error.constructor, kind, `${step}: ${error}`)
  assert.equal(error.statusCode, status, step)
  record(step, { class: error.name, status, body: error.body, message: error.message })
}

export const index = 'clients-docs'
export const match = { match: { text: 'memory' } }
export const words = { multi_match: { query: 'programming language', fields: ['title^2', 'text'] } }
// Refreshed when told alone: the engine's document numbers are then the same each time.
export const settings = { number_of_shards: 1, number_of_replicas: 0, refresh_interval: -1 }
export const mappings = {
  properties: {
    title: { type: 'text' }, text: { type: 'text' }, key: { type: 'keyword' }, topic: { type: 'keyword' }, length: { type: 'integer' }
  }
}

// shapes are searches with a query text, by name; those of sorted are not re-ranked.
export const shapes = {
  match: { query: match },
  page: { query: match, from: 5, size: 5 },
  multi_match: { query: words, size: 3, _source: ['title', 'topic'] },
  'no source': { query: words, _source: false },
  highlight: { query: words, highlight: { fields: { text: {} } } },
  bool: { query: { bool: { must: match, filter: { range: { length: { gte: 100 } } } } } },
  query_string: { query: { query_string: { query: 'memory AND (computer OR disk)', default_field: 'text' } } },
  aggregations: { query: match, size: 2, aggregations: { topics: { terms: { field: 'topic' } }, length: { stats: { field: 'length' } } } },
  collapse: { query: match, collapse: { field: 'topic', inner_hits: { name: 'more', size: 2 } } },
  rescore: { query: match, rescore: { window_size: 20, query: { rescore_query: { match_phrase: { text: 'main memory' } } } } },
  fields: { query: match, fields: ['title', 'len*'], _source: false },
  explain: { query: match, explain: true, version: true, track_total_hits: true }
}
export const sorted = {
  sort: { query: match, sort: [{ length: 'desc' }, { key: 'asc' }] },
  match_all: { query: { match_all: {} }, size: 3, sort: 'key' },
  'size 0': { query: match, size: 0, aggs: { topics: { terms: { field: 'topic' } } } }
}
