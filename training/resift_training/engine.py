"""BM25 by the user's own engine, Elasticsearch or OpenSearch, over HTTP."""

import base64
import json
import urllib.error
import urllib.parse
import urllib.request

TIMEOUT = 120  # seconds for one request
SEARCHES = 100  # of one _msearch
BULK = 2000  # documents of one _bulk


class EngineError(Exception):
    """What the engine refused, in its own words."""


def of(options):
    """The Engine that a command's options name, with an index of texts."""
    return Engine(options.engine, options.index, ["text"], options.header)


class Engine:
    """An index of an engine. url may hold user:password@; headers ("Name: value") go with every request."""

    def __init__(self, url, index, fields, headers=()):
        parts = urllib.parse.urlsplit(url)
        if parts.scheme not in ("http", "https") or not parts.hostname:
            raise EngineError(f"{parts.scheme}://{parts.hostname}: want the engine's address, such as http://127.0.0.1:9200")
        self.base = f"{parts.scheme}://{parts.netloc.rpartition('@')[2]}{parts.path.rstrip('/')}"
        self.index, self.fields = index, fields
        self.headers = dict(h.split(": ", 1) for h in headers)
        if parts.username:
            user = f"{urllib.parse.unquote(parts.username)}:{urllib.parse.unquote(parts.password or '')}"
            self.headers["Authorization"] = "Basic " + base64.b64encode(user.encode()).decode()

    def ask(self, method, path, body=None, kind="application/json"):
        request = urllib.request.Request(f"{self.base}/{path}", body, {"Content-Type": kind, **self.headers}, method=method)
        try:
            with urllib.request.urlopen(request, timeout=TIMEOUT) as answer:
                return json.load(answer)
        except urllib.error.HTTPError as e:
            raise EngineError(f"{method} {path}: {e.code}: {e.read(500).decode('utf-8', 'replace')}") from e
        except (urllib.error.URLError, TimeoutError) as e:
            raise EngineError(f"{method} {self.base}/{path}: {e}") from e

    def lines(self, path, rows):
        body = "".join(json.dumps(r) + "\n" for r in rows).encode()
        return self.ask("POST", path, body, "application/x-ndjson")

    def fill(self, texts):
        """Makes the index anew with a document for each text, named by its number, in the field text."""
        name = urllib.parse.quote(self.index, safe="")
        if self.exists():
            raise EngineError(f"index {self.index} is there already: name another, or delete it")
        self.ask("PUT", name, json.dumps({
            "settings": {"number_of_shards": 1, "number_of_replicas": 0, "refresh_interval": "-1"},
            "mappings": {"dynamic": False, "properties": {"text": {"type": "text"}}},
        }).encode())
        for at in range(0, len(texts), BULK):
            rows = []
            for i, text in enumerate(texts[at : at + BULK], at):
                rows += [{"index": {"_id": str(i)}}, {"text": text}]
            answer = self.lines(f"{name}/_bulk", rows)
            if answer["errors"]:
                first = next(i["index"]["error"] for i in answer["items"] if "error" in i["index"])
                raise EngineError(f"_bulk: {json.dumps(first)[:500]}")
        self.ask("POST", f"{name}/_refresh")

    def exists(self):
        try:
            self.ask("GET", urllib.parse.quote(self.index, safe=""))
        except EngineError as e:
            if ": 404: " in str(e):
                return False
            raise
        return True

    def delete(self):
        self.ask("DELETE", urllib.parse.quote(self.index, safe=""))

    def search(self, queries, size, source=False):
        """The hits of each query, best first: lists of (_id, _score, _source or None). source names fields to bring along."""
        for at in range(0, len(queries), SEARCHES):
            rows = []
            for q in queries[at : at + SEARCHES]:
                match = {"multi_match": {"query": q, "fields": self.fields}} if len(self.fields) > 1 else {"match": {self.fields[0]: q}}
                rows += [{"index": self.index}, {"query": match, "size": size, "_source": source, "track_total_hits": False}]
            for answer in self.lines("_msearch", rows)["responses"]:
                if "error" in answer:
                    raise EngineError(f"_msearch: {json.dumps(answer['error'])[:500]}")
                yield [(h["_id"], h["_score"], h.get("_source")) for h in answer["hits"]["hits"]]
