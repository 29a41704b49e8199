"""What a model makes of a first stage's order: nDCG@10 and MRR@10 of a re-ranked TREC run.

A set is a folder with corpus.jsonl ({"id", "title", "text"}), queries.tsv (id, tab, text) and qrels.txt (TREC: query, 0, document,
grade), each maybe compressed. `bm25` makes the run by the user's engine. `resift eval` measures the same through the proxy, with
a significance test; this is for use while training.
"""

import dataclasses
import math
import pathlib

import numpy as np

from . import engine as engines
from . import folder, lists
from .score import device_of, scores
from .tokens import Pairs


@dataclasses.dataclass
class Set:
    """A run to re-rank: of[i] is a query's place in queries, docs[i] its documents' places in texts, best first."""

    name: str
    ids: list  # of the queries
    queries: list
    documents: list  # their ids
    texts: list
    of: list
    docs: list
    grades: dict  # query id → {document id: grade}
    relevant: int  # least grade that MRR counts


def ndcg(grades, ranked, k=10):
    """nDCG@k as trec_eval has it: linear gains, the ideal over all judged documents."""
    def dcg(gains):
        return sum(g / math.log2(i + 2) for i, g in enumerate(gains[:k]))

    ideal = dcg(sorted((g for g in grades.values() if g > 0), reverse=True))
    return dcg([max(grades.get(d, 0), 0) for d in ranked]) / ideal if ideal else 0.0


def reciprocal(grades, ranked, relevant, k=10):
    """1 / rank of the first document of at least the grade relevant within k, else 0."""
    return next((1 / (i + 1) for i, d in enumerate(ranked[:k]) if grades.get(d, 0) >= relevant), 0.0)


def text_of(row):
    """A document's text as resift reads it: title, newline, text."""
    return "\n".join(t for t in (row.get("title", ""), row["text"]) if t)


def parse_run(path, depth):
    """A TREC run: {query id: [document ids by rank]}."""
    found = {}
    with lists.open_text(path) as f:
        for number, line in enumerate(f, 1):
            fields = line.split()
            if len(fields) != 6:
                raise lists.ListsError(f"{path}, line {number}: want six fields of a TREC run, found {len(fields)}")
            found.setdefault(fields[0], []).append((int(fields[3]), fields[2]))
    return {q: [d for _, d in sorted(hits)[:depth]] for q, hits in found.items()}


def queries_of(path):
    with lists.open_text(pathlib.Path(path) / "queries.tsv") as f:
        return dict(line.rstrip("\n").split("\t", 1) for line in f if line.strip())


def read_set(path, run=None, depth=100, relevant=1):
    """The Set of a folder; run is its run.trec where nothing else is named. Queries without a relevant document don't count."""
    path = pathlib.Path(path)
    grades = {}
    with lists.open_text(path / "qrels.txt") as f:
        for line in f:
            q, _, d, g = line.split()
            grades.setdefault(q, {})[d] = int(g)
    queries = queries_of(path)
    found = parse_run(run or path / "run.trec", depth)
    ids = [q for q in queries if any(g >= 1 for g in grades.get(q, {}).values())]
    wanted = {d for q in ids for d in found.get(q, [])}
    texts = {row["id"]: text_of(row) for row in lists.rows(path / "corpus.jsonl") if row["id"] in wanted}
    if missing := wanted - texts.keys():
        raise lists.ListsError(f"{path}: the run names {len(missing)} documents that the corpus has not, such as {min(missing)}")
    documents = list(texts)
    place = {d: i for i, d in enumerate(documents)}
    return Set(
        path.name, ids, [queries[q] for q in ids], documents, list(texts.values()), list(range(len(ids))),
        [[place[d] for d in found.get(q, [])] for q in ids], grades, relevant,
    )


def measure(s, order):
    """Mean nDCG@10 and MRR@10 of rankings of document ids, one a query."""
    n = [ndcg(s.grades[q], r) for q, r in zip(s.ids, order)]
    m = [reciprocal(s.grades[q], r, s.relevant) for q, r in zip(s.ids, order)]
    return float(np.mean(n)), float(np.mean(m))


def first(s):
    """The run's own rankings."""
    return [[s.documents[d] for d in docs] for docs in s.docs]


def rerank(model, pairs, s, budget, half=False):
    """The rankings by the model's score, ties in the run's order, and the scores [pairs] in the run's order."""
    q = np.repeat(np.array(s.of, np.int64), [len(d) for d in s.docs])
    p = np.array([d for docs in s.docs for d in docs], np.int64)
    all_scores = scores(model, pairs, q, p, budget, half)
    order, at = [], 0
    for docs in s.docs:
        ranked = np.argsort(-all_scores[at : at + len(docs)], kind="stable")
        order.append([s.documents[docs[i]] for i in ranked])
        at += len(docs)
    return order, all_scores


def write_run(path, ids, order, values, tag):
    with open(path, "w", encoding="utf-8") as f:
        for q, ranked, some in zip(ids, order, values):
            f.writelines(f"{q} Q0 {d} {i} {v} {tag}\n" for i, (d, v) in enumerate(zip(ranked, some), 1))


def run(options, say):
    """The command: prints the measures before and after, for each set."""
    device = device_of(options.device)
    model = folder.read(options.model).to(device)
    for path in options.set:
        s = read_set(path, options.run, options.depth, options.relevant)
        pairs = Pairs(options.model, s.queries, s.texts, options.max_tokens, device)
        order, values = rerank(model, pairs, s, options.batch_tokens)
        if options.out:
            at = np.cumsum([0] + [len(d) for d in s.docs])
            ranked = [np.sort(values[a:b])[::-1] for a, b in zip(at, at[1:])]
            write_run(options.out, s.ids, order, ranked, pathlib.Path(options.model).name)
        for name, ranking in (("first stage", first(s)), ("re-ranked", order)):
            n, m = measure(s, ranking)
            say(f"{s.name:16} {name:12} {len(s.ids):5} queries  nDCG@10 {n:.4f}  MRR@10 {m:.4f}")


def run_bm25(options, say):
    """The command bm25: a set's run by the engine, from an index that it fills with the corpus and deletes again."""
    documents = [(row["id"], text_of(row)) for row in lists.rows(pathlib.Path(options.set) / "corpus.jsonl")]
    queries = queries_of(options.set)
    engine = engines.of(options)
    engine.fill([t for _, t in documents])
    try:
        hits = list(engine.search(list(queries.values()), options.depth))
    finally:
        engine.delete()
    order = [[documents[int(id)][0] for id, _, _ in h] for h in hits]
    write_run(options.out, queries, order, [[v for _, v, _ in h] for h in hits], "BM25")
    say(f"{options.out}: {len(queries)} queries among {len(documents)} documents")
