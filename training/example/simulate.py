"""Simulated searches and clicks, in the shape in which resift records them.

    python simulate.py --engine URL --corpus corpus.jsonl --out FOLDER

Each search is somebody's who has one document in mind, remembers a phrase of it with words missing, and gets the engine's ten first.
They look at rank r with the chance 1/r; they click on their document if they see it, and now and then on another. So most clicks are on
what stood first, whatever it is worth. FOLDER gets ubi_queries.jsonl and ubi_events.jsonl with --clicks clicks, and held, a set of later
searches with the documents that were meant, to measure on.
"""

import argparse
import json
import pathlib
import random
import sys

sys.path.insert(0, str(pathlib.Path(__file__).parents[1]))

from resift_training import engine, lists, mine  # noqa: E402
from resift_training.evaluate import text_of  # noqa: E402

SHOWN = 10
FORGOTTEN = 0.3  # of a phrase's words
FOUND, ASTRAY = 0.9, 0.1  # chance of a click on the document that is meant, and on another, when it is seen


def remembered(phrase, chance):
    """A phrase with words missing; at least one stays."""
    words = phrase.split()
    return " ".join([w for w in words if chance.random() > FORGOTTEN] or [max(words, key=len)])


def write_set(out, held, rows):
    """The set of searches (query, document that was meant, documents found), by places in rows."""
    out.mkdir(exist_ok=True)
    documents = {d for _, _, found in held for d in found}
    (out / "corpus.jsonl").write_text("".join(json.dumps(rows[d]) + "\n" for d in sorted(documents)))
    (out / "queries.tsv").write_text("".join(f"h{n}\t{q}\n" for n, (q, _, _) in enumerate(held)))
    (out / "qrels.txt").write_text("".join(f"h{n} 0 {rows[meant]['id']} 1\n" for n, (_, meant, _) in enumerate(held)))
    (out / "run.trec").write_text("".join(
        f"h{n} Q0 {rows[d]['id']} {r} {-r} BM25\n" for n, (_, _, found) in enumerate(held) for r, d in enumerate(found, 1)))


def main():
    p = argparse.ArgumentParser()
    for name in ("engine", "corpus", "out"):
        p.add_argument("--" + name, required=True)
    p.add_argument("--index", default="resift-training-example")
    p.add_argument("--clicks", type=int, default=1000)
    p.add_argument("--held", type=int, default=200, help="searches to measure on")
    p.add_argument("--seed", type=int, default=7)
    o = p.parse_args()
    chance = random.Random(o.seed)
    rows = list(lists.rows(o.corpus))
    texts = [text_of(r) for r in rows]
    searches = [(remembered(q, chance), meant) for q, meant in mine.spans(texts, 4 * o.clicks, o.seed)]
    e = engine.Engine(o.engine, o.index, ["text"])
    e.fill(texts)
    try:
        shown = [[int(id) for id, _, _ in hits] for hits in e.search([q for q, _ in searches], SHOWN)]
    finally:
        e.delete()

    out, clicks, meant_clicks, first = pathlib.Path(o.out), 0, 0, 0
    out.mkdir(parents=True, exist_ok=True)
    with open(out / "ubi_queries.jsonl", "w") as asked, open(out / "ubi_events.jsonl", "w") as events:
        for n, ((query, meant), found) in enumerate(zip(searches, shown)):
            if clicks == o.clicks:
                break
            ids = [rows[d]["id"] for d in found]
            asked.write(json.dumps({"query_id": f"search-{n}", "user_query": query, "query_response_object_ids": ids}) + "\n")
            for r, d in enumerate(found):
                if clicks < o.clicks and chance.random() < 1 / (r + 1) and chance.random() < (FOUND if d == meant else ASTRAY):
                    clicks, meant_clicks, first = clicks + 1, meant_clicks + (d == meant), first + (r == 0)
                    events.write(json.dumps({"query_id": f"search-{n}", "action_name": "click", "object_id": ids[r], "position": r + 1}) + "\n")
    held = [(q, meant, found) for (q, meant), found in zip(searches[n:], shown[n:]) if meant in found][: o.held]
    write_set(out / "held", held, rows)
    print(f"{n} searches, {clicks} clicks: {meant_clicks} on what was meant, {first} on the first result", file=sys.stderr)


if __name__ == "__main__":
    main()
