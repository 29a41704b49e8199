"""What a client of resift's tests saw, as lines of JSON: {"step": name, "got": value, "reranked": searches that a rule covers}."""

import json
import sys


def arguments(client, version):
    """URL of the engine or the proxy, the documents to index, and whether bodies are to be compressed."""
    print(json.dumps({"client": f"{client} {version}"}))
    url, file, compress = sys.argv[1:]
    with open(file, encoding="utf-8") as lines:
        documents = [json.loads(line) for line in lines]
    return url, documents, compress == "gzip"


def record(step, got, reranked=0):
    print(json.dumps({"step": step, "got": got, "reranked": reranked}, sort_keys=True), flush=True)


def expect_error(step, kind, call, status, error, reranked=0):
    """Records the error that call() must raise: of exactly this class and with this status."""
    try:
        call()
    except kind as e:
        seen, detail = error(e)
        if type(e) is not kind or seen != status:
            raise AssertionError(f"{step}: {type(e).__name__} {seen}, want {kind.__name__} {status}") from e
        record(step, {"class": type(e).__name__, "status": seen, "detail": detail}, reranked)
        return
    raise AssertionError(f"{step}: no error, want {kind.__name__}")


def check(condition, what):
    if not condition:
        raise AssertionError(what)
