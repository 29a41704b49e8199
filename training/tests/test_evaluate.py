import math

import pytest

from resift_training import evaluate, lists


def test_measures_by_hand():
    grades = {"a": 3, "b": 1, "c": 0, "d": 2}
    ideal = 3 + 2 / math.log2(3) + 1 / 2
    assert evaluate.ndcg(grades, ["a", "d", "b"]) == pytest.approx(1)
    assert evaluate.ndcg(grades, ["x", "b", "a"]) == pytest.approx((1 / math.log2(3) + 3 / 2) / ideal)
    assert evaluate.ndcg({"a": 0}, ["a"]) == 0
    assert evaluate.reciprocal(grades, ["c", "b", "d"], 1) == 1 / 2
    assert evaluate.reciprocal(grades, ["c", "b", "d"], 2) == 1 / 3
    assert evaluate.reciprocal(grades, list("cccccccccca"), 1) == 0, "below the tenth"


def test_a_set_is_reranked(start, toy_set, tmp_path, options):
    said = []
    o = options("evaluate", start, toy_set, "--device", "cpu", "--max-tokens", 64, "--out", tmp_path / "out.trec")
    o.act(o, said.append)
    assert "first stage" in said[0] and "re-ranked" in said[1] and "25 queries" in said[0]
    before, after = evaluate.parse_run(toy_set / "run.trec", 100), evaluate.parse_run(tmp_path / "out.trec", 100)
    assert before.keys() == after.keys() and before != after
    assert all(sorted(before[q]) == sorted(after[q]) for q in before), "hits were lost or added"
    scores = {}
    for line in (tmp_path / "out.trec").read_text().splitlines():
        q, _, _, _, s, _ = line.split()
        scores.setdefault(q, []).append(float(s))
    assert all(s == sorted(s, reverse=True) for s in scores.values())


def test_a_run_of_another_corpus_is_refused(toy_set, tmp_path):
    run = tmp_path / "run"
    run.write_text("q1 Q0 elsewhere 1 1.0 x\n")
    with pytest.raises(lists.ListsError, match="elsewhere"):
        evaluate.read_set(toy_set, run)
    run.write_text("q1 elsewhere 1\n")
    with pytest.raises(lists.ListsError, match="line 1: want six fields"):
        evaluate.read_set(toy_set, run)
