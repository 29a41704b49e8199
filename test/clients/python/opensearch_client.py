"""opensearch-py: what a search app does with it."""

import asyncio

from opensearchpy import AsyncOpenSearch, ConflictError, NotFoundError, OpenSearch, RequestError, TransportError, __versionstr__, helpers
from record import arguments, check, expect_error, record

INDEX = "clients-docs"
BODY = {
    "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": -1},
    "mappings": {
        "properties": {
            "title": {"type": "text"}, "text": {"type": "text"}, "key": {"type": "keyword"},
            "topic": {"type": "keyword"}, "length": {"type": "integer"},
        }
    },
}
MATCH = {"match": {"text": "memory"}}
WORDS = {"multi_match": {"query": "programming language", "fields": ["title^2", "text"]}}


def actions(documents):
    for d in documents:
        yield {"_index": INDEX, "_id": d["id"], "_source": d}


def detail(e):
    return e.status_code, e.info


def writes(client, documents):
    client.indices.delete(index=INDEX, ignore=[404])
    record("info", client.info()["version"]["number"])
    record("create", client.indices.create(index=INDEX, body=BODY))
    record("exists", [client.indices.exists(index=INDEX), client.indices.exists(index="clients-missing")])
    done, errors = helpers.bulk(client, actions(documents), chunk_size=50)
    check(done == len(documents) and not errors, "bulk")
    record("bulk", [done, errors])
    record("index", client.index(index=INDEX, id="own", body={"title": "memory palace", "text": "a memory of memory", "key": "own"}, refresh=True))
    record("get", client.get(index=INDEX, id="own"))
    record("get source", client.get_source(index=INDEX, id="own"))
    record("mget", client.mget(index=INDEX, body={"ids": ["own", documents[0]["id"], "none"]}))
    record("update", client.update(index=INDEX, id="own", body={"doc": {"length": 7}}, refresh=True))
    record("count", client.count(index=INDEX, body={"query": MATCH}))
    record("analyze", client.indices.analyze(index=INDEX, body={"field": "text", "text": "Quick foxes"}))
    record("mapping", client.indices.get_mapping(index=INDEX))
    record("health", client.cluster.health(index=INDEX, params={"filter_path": "status,timed_out"}))
    record("cat", client.cat.count(index=INDEX, h="count", format="json"))


def searches(client):
    def search(step, reranked=1, params=None, **body):
        got = client.search(index=INDEX, body=body, params=params or {})
        check(got["hits"]["hits"] or body.get("size") == 0, step + ": no hits")
        record(step, got, reranked)

    search("match", query=MATCH)
    search("page", query=MATCH, params={"from": 5, "size": 5})
    search("multi_match", query=WORDS, size=3, _source=["title", "topic"])
    search("no source", query=WORDS, _source=False)
    search("highlight", query=WORDS, highlight={"fields": {"text": {}}})
    search("bool", query={"bool": {"must": MATCH, "filter": {"range": {"length": {"gte": 100}}}, "must_not": {"term": {"key": "own"}}}})
    search("query_string", query={"query_string": {"query": "memory AND (computer OR disk)", "default_field": "text"}})
    search("q", params={"q": "text:memory"})
    search("function_score", query={"function_score": {"query": MATCH, "field_value_factor": {"field": "length", "modifier": "log1p", "missing": 1}}})
    search("aggregations", query=MATCH, size=2, aggregations={"topics": {"terms": {"field": "topic"}}, "length": {"stats": {"field": "length"}}})
    search("collapse", query=MATCH, collapse={"field": "topic", "inner_hits": {"name": "more", "size": 2}})
    search("rescore", query=MATCH, rescore={"window_size": 20, "query": {"rescore_query": {"match_phrase": {"text": "main memory"}}}})
    search("fields", query=MATCH, fields=["title", "len*"], _source=False)
    search("filter_path", query=MATCH, params={"filter_path": "hits.total,hits.hits._id,hits.hits._score"})
    search("post_filter", query=MATCH, post_filter={"exists": {"field": "topic"}}, track_total_hits=True)
    search("min_score", query=MATCH, min_score=1.0, explain=True, version=True)
    search("suggest", query=MATCH, suggest={"s": {"text": "memry", "term": {"field": "text"}}})
    search("sort", reranked=0, query=MATCH, sort=[{"length": "desc"}, {"key": "asc"}])
    search("match_all", reranked=0, query={"match_all": {}}, size=3, sort="key")
    search("size 0", reranked=0, query=MATCH, size=0, aggs={"topics": {"terms": {"field": "topic"}}})
    record("msearch", client.msearch(index=INDEX, body=[{}, {"query": MATCH}, {}, {"query": WORDS, "size": 2}, {"index": "clients-missing"}, {"query": MATCH}]))


def cursors(client, documents):
    found = [hit["_id"] for hit in helpers.scan(client, index=INDEX, query={"query": {"match_all": {}}}, size=40)]
    check(len(found) == len(documents) + 1, "scan")
    record("scan", sorted(found))
    page = client.search(index=INDEX, body={"query": MATCH}, scroll="1m", size=7)
    pages = [page["hits"]]
    while page["hits"]["hits"]:
        page = client.scroll(scroll_id=page["_scroll_id"], scroll="1m")
        pages.append(page["hits"])
    record("scroll", pages)
    record("clear scroll", client.clear_scroll(scroll_id=page["_scroll_id"]))
    pit = client.create_pit(index=INDEX, params={"keep_alive": "1m"})["pit_id"]
    pages, after = [], {}
    while True:
        page = client.search(body={"pit": {"id": pit, "keep_alive": "1m"}, "query": MATCH, "sort": [{"length": "desc"}, {"key": "asc"}], "size": 9, **after})
        pages.append(page["hits"])
        if not page["hits"]["hits"]:
            break
        after = {"search_after": page["hits"]["hits"][-1]["sort"]}
    check(len(pages) > 2, "point in time")
    record("point in time", pages)
    record("point in time, by score", client.search(body={"pit": {"id": pit}, "query": MATCH})["hits"], reranked=1)
    record("close point in time", len(client.delete_pit(body={"pit_id": [pit]})["pits"]))


def errors(client):
    expect_error("missing index", NotFoundError, lambda: client.search(index="clients-missing", body={"query": MATCH}), 404, detail)
    expect_error("missing document", NotFoundError, lambda: client.get(index=INDEX, id="none"), 404, detail)
    expect_error("unknown query", RequestError, lambda: client.search(index=INDEX, body={"query": {"mach": {"text": "memory"}}}), 400, detail)
    expect_error("query of no sense", RequestError, lambda: client.search(index=INDEX, body={"query": {"query_string": {"query": "text:(memory", "default_field": "text"}}}), 400, detail)
    expect_error("window too large", RequestError, lambda: client.search(index=INDEX, body={"query": MATCH, "size": 20000}), 400, detail)
    expect_error("conflict", ConflictError, lambda: client.create(index=INDEX, id="own", body={}), 409, detail)
    expect_error("index exists", RequestError, lambda: client.indices.create(index=INDEX), 400, lambda e: (e.status_code, e.error))
    expect_error("no such API", TransportError, lambda: client.transport.perform_request("PATCH", "/_nothing"), 405, detail)
    try:
        helpers.bulk(client, [{"_op_type": "create", "_index": INDEX, "_id": "own", "_source": {}}])
        raise AssertionError("bulk: no error")
    except helpers.BulkIndexError as e:
        record("bulk error", [len(e.errors), e.errors[0]["create"]["status"], e.errors[0]["create"]["error"]["type"]])


async def concurrently(url, documents, compress):
    async with AsyncOpenSearch(url, http_compress=compress) as client:
        texts = ["memory", "language", "network", "protocol", "disk", "unix"]
        answers = await asyncio.gather(*(client.search(index=INDEX, body={"query": {"match": {"text": t}}}) for t in texts))
        record("async searches", [a["hits"] for a in answers], reranked=len(texts))
        found = [hit["_id"] async for hit in helpers.async_scan(client, index=INDEX, query={"query": MATCH}, size=10)]
        check(found, "async scan")
        record("async scan", sorted(found))
        record("async bulk", await helpers.async_bulk(client, actions(documents[:20]), refresh=True))
        try:
            await client.search(index="clients-missing", body={"query": MATCH})
            raise AssertionError("async: no error")
        except NotFoundError as e:
            record("async missing index", detail(e))


def main():
    url, documents, compress = arguments("opensearch-py", __versionstr__)
    client = OpenSearch(url, http_compress=compress, max_retries=0)
    try:
        writes(client, documents)
        searches(client)
        cursors(client, documents)
        errors(client)
        asyncio.run(concurrently(url, documents, compress))
        record("delete", client.delete(index=INDEX, id="own", refresh=True))
        record("delete index", client.indices.delete(index=INDEX))
    finally:
        client.close()


main()
