import json
import math
import random

import numpy as np
import pytest

from resift_training import clicks, lists


def log(tmp_path, asked, events):
    for name, all_rows in (("queries", asked), ("events", events)):
        (tmp_path / f"{name}.jsonl").write_text("".join(json.dumps(r) + "\n" for r in all_rows))
    return tmp_path / "queries.jsonl", tmp_path / "events.jsonl"


def test_both_forms_of_events_are_read(tmp_path):
    shown = ["a", "b", "c", "b"]
    asked = [{"query_id": str(i), "user_query": " two  words ", "query_response_object_ids": shown} for i in range(5)]
    asked.append({"query_id": "none", "user_query": "nothing", "query_response_object_ids": []})
    events = [
        {"query_id": "0", "action_name": "click", "object_id": "c", "position": 3},
        {"query_id": "1", "action_name": "click", "event_attributes": {"object": {"object_id": "b"}, "position": {"ordinal": 4}}},
        {"query_id": "2", "action_name": "click", "object_id": "b", "position": 1},  # contradicts the list: b stood at 2 first
        {"query_id": "3", "action_name": "impression", "object_id": "a"},
        {"query_id": "4", "action_name": "click", "object_id": "z", "position": 1},  # was not shown
        {"query_id": "9", "action_name": "click", "object_id": "a", "position": 1},  # belongs to no search
        {"query_id": "0", "action_name": "click", "object_id": "c", "position": 3},  # again
    ]
    showings, strays = clicks.read(*log(tmp_path, asked, events))
    assert [s.clicked for s in showings] == [{2}, {3}, {1}, set(), set()] and strays == 2
    assert showings[0].text == "two words"


def simulate(seen, searches, chance, appeal, shuffled):
    """Showings of one query's documents; without shuffled the worst document always comes first."""
    documents = sorted(appeal, key=appeal.get)
    out = []
    for n in range(searches):
        order = chance.sample(documents, len(documents)) if shuffled else documents
        s = clicks.Showing(f"query {n % 5}", order)
        s.clicked = {r for r, d in enumerate(order) if chance.random() < seen[r] * appeal[d]}
        out.append(s)
    return out


APPEAL = {f"d{i}": 0.1 + 0.1 * i for i in range(8)}


def test_position_is_taken_out():
    seen = clicks.power(1, 8)
    showings = simulate(seen, 20000, random.Random(5), APPEAL, shuffled=False)
    found, _ = clicks.appeals(showings, seen)
    for of in found.values():
        assert sorted(of, key=of.get) == sorted(APPEAL, key=APPEAL.get)
        assert all(abs(of[d] - a) < 0.12 for d, a in APPEAL.items())
    # Counted as they are, clicks say the opposite of what people like: the best document is clicked less than the fifth.
    raw = {d: sum(s.documents[r] == d for s in showings for r in s.clicked) for d in APPEAL}
    assert raw["d7"] < raw["d0"] * 1.5 and raw["d7"] < 0.2 * 20000


def test_what_is_seen_can_be_estimated():
    seen = np.array([1, 0.7, 0.5, 0.3, 0.2, 0.15, 0.1, 0.08])
    got = clicks.estimate(simulate(seen, 20000, random.Random(5), APPEAL, shuffled=True), 8)
    assert np.abs(got - seen).max() < 0.06, got
    with pytest.raises(lists.ListsError, match="name --seen power"):
        clicks.estimate(simulate(seen, 100, random.Random(5), APPEAL, shuffled=False), 8)


def test_lists_have_logits_and_only_texts_that_are_known(tmp_path, options, silent):
    asked = [{"query_id": "1", "user_query": "x", "query_response_object_ids": ["a", "b", "gone"]},
             {"query_id": "2", "user_query": "unclicked", "query_response_object_ids": ["a", "b"]},
             {"query_id": "3", "user_query": "only one left", "query_response_object_ids": ["a", "gone"]}]
    events = [{"query_id": "1", "action_name": "click", "object_id": "b", "position": 2},
              {"query_id": "3", "action_name": "click", "object_id": "a", "position": 1}]
    queries, events = log(tmp_path, asked, events)
    (tmp_path / "corpus.jsonl").write_text('{"id": "a", "title": "A", "text": "first"}\n{"id": "b", "text": "second"}\n')
    o = options("clicks", "--queries", queries, "--events", events, "--corpus", tmp_path / "corpus.jsonl", "--out", tmp_path / "out")
    o.act(o, silent)
    data = lists.read(tmp_path / "out")
    assert data.queries == ["x"] and data.passages == ["A\nfirst", "second"] and data.names == ["clicks"]
    looks = (1 + 1 / 2 + 1 / 3) + (1 + 1 / 2) + (1 + 1 / 2)
    prior = 2 / looks
    want = [prior / (1 + 1), min((1 + prior) / (1 / 2 + 1), 0.99)]
    np.testing.assert_allclose(data.scores, [math.log(a / (1 - a)) for a in want], rtol=1e-5)


def test_a_log_without_clicks_is_refused(tmp_path, options, silent):
    queries, events = log(tmp_path, [{"query_id": "1", "user_query": "x", "query_response_object_ids": ["a"]}], [])
    o = options("clicks", "--queries", queries, "--events", events, "--corpus", queries, "--out", tmp_path / "out")
    with pytest.raises(lists.ListsError, match="no click"):
        o.act(o, silent)
