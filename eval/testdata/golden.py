"""Writes qrels.txt, run.txt and golden.tsv: a random judged run with ties, and what trec_eval says of it.

    pip install pytrec_eval-terrier==0.5.11 && python golden.py
"""

import random

import pytrec_eval

random.seed(11)
qrels, run = {}, {}
for q in range(40):
    docs = [f"d{random.randrange(10**6)}" for _ in range(200)]
    qrels[f"q{q}"] = {d: random.choice([-1, 0, 0, 0, 1, 1, 2, 3]) for d in random.sample(docs, random.choice([1, 5, 60, 120]))}
    if q == 7:
        continue  # judged, not in the run
    run[f"q{q}"] = {d: round(random.gauss(3, 2), random.choice([0, 1, 6])) for d in random.sample(docs, random.choice([3, 50, 150]))}
qrels["q8"] = {d: 0 for d in qrels["q8"]}  # nothing relevant
with open("qrels.txt", "w") as f:
    for q, docs in qrels.items():
        for d, g in docs.items():
            f.write(f"{q} 0 {d} {g}\n")
with open("run.txt", "w") as f:
    for q, docs in run.items():
        for i, (d, s) in enumerate(docs.items()):
            f.write(f"{q} Q0 {d} {i + 1} {s!r} golden\n")


def measure(level):
    e = pytrec_eval.RelevanceEvaluator(qrels, {"map", "recall.20,100", "ndcg_cut.5,10"}, relevance_level=level)
    # recip_rank has no cut: cut the run, ranked as trec_eval ranks it.
    def cut(k):
        return {q: dict(sorted(r.items(), key=lambda x: (x[1], x[0]), reverse=True)[:k]) for q, r in run.items()}
    rr = {k: pytrec_eval.RelevanceEvaluator(qrels, {"recip_rank"}, relevance_level=level).evaluate(cut(k)) for k in (5, 10)}
    return e.evaluate(run), rr


with open("golden.tsv", "w") as f:
    for level in (1, 2):
        full, rr = measure(level)
        for q in sorted(full):
            m = full[q]
            for k, depth in ((10, 100), (5, 20)):
                f.write(f"{q}\t{level}\t{k}\t{depth}\t{m[f'ndcg_cut_{k}']:.9f}\t{rr[k][q]['recip_rank']:.9f}\t{m['map']:.9f}\t{m[f'recall_{depth}']:.9f}\n")
