import json
import os
import random
import uuid

import pytest
from conftest import command

from resift_training import engine, lists, mine

TEXTS = [
    "The Standard Model of particle physics, which describes three of the four forces.",
    "A quick brown fox: it jumps over the lazy dog.",
    "One; two; three; four.",
    "In 1969 the first message was sent over the ARPANET, from Los Angeles to Menlo Park.",
]
# The address of a running engine, whose indices resift-training-test-* are made and deleted.
ADDRESSES = [a for a in (os.environ.get("RESIFT_TEST_OPENSEARCH"), os.environ.get("RESIFT_TEST_ELASTICSEARCH")) if a]


def test_spans_read_like_titles():
    made = mine.spans(TEXTS, 8, 3)
    assert made == mine.spans(TEXTS, 8, 3) != mine.spans(TEXTS, 8, 4)
    assert len({q.lower() for q, _ in made}) == len(made) > 4
    for query, i in made:
        words = query.split()
        assert query in TEXTS[i] and mine.SPAN[0] <= len(words) <= mine.SPAN[1] and i != 2
        assert words[0].lower() not in mine.STOP and words[-1].lower() not in mine.STOP


def test_spans_end_where_there_are_no_more():
    assert mine.spans(["One; two."], 5, 0) == []


def test_a_share_of_the_spans_asks():
    made = [(f"span {i}", i) for i in range(2000)]
    asked = mine.questions(made, 0.3, 5)
    assert mine.questions(made, 0, 5) == made and asked == mine.questions(made, 0.3, 5)
    assert [i for _, i in asked] == [i for _, i in made] and all(s in a for (a, _), (s, _) in zip(asked, made))
    assert 500 < sum(a != m for a, m in zip(asked, made)) < 700
    assert len({a.replace(s, "{}") for (a, _), (s, _) in zip(asked, made)}) == len(mine.FORMS) + 1


def test_a_list_is_its_own_the_top_and_a_sample():
    found = list(range(100, 200))
    got = mine.choose(found, 102, 3, 5, 50, random.Random(1))
    assert got[:4] == [102, 100, 101, 103] and len(got) == 9 == len(set(got))
    assert all(104 <= p < 150 for p in got[4:])
    assert mine.choose(found[:3], None, 4, 12, 100, random.Random(1)) == [100, 101, 102]


def test_addresses():
    e = engine.Engine("https://me:s%40cret@host:9200/path/", "i", ["text"], ["X-Own: 1"])
    assert e.base == "https://host:9200/path" and e.headers == {"X-Own": "1", "Authorization": "Basic bWU6c0BjcmV0"}
    with pytest.raises(engine.EngineError, match="such as http"):
        engine.Engine("localhost:9200", "i", ["text"])


def test_an_engine_that_is_not_there_is_one_line(tmp_path, capsys):
    (tmp_path / "passages.jsonl").write_text("\n".join(map(json.dumps, TEXTS)))
    code = command.main(["mine", str(tmp_path / "passages.jsonl"), "--engine", "http://127.0.0.1:1", "--out", str(tmp_path / "out")])
    assert code == 1 and "resift_training: GET http://127.0.0.1:1/resift-training: " in capsys.readouterr().err


@pytest.mark.skipif(not ADDRESSES, reason="RESIFT_TEST_OPENSEARCH and RESIFT_TEST_ELASTICSEARCH name no engine")
@pytest.mark.parametrize("address", ADDRESSES)
def test_lists_from_a_real_engine(address, tmp_path, options, silent):
    index = f"resift-training-test-{uuid.uuid4().hex[:8]}"
    words = "search engine index shard replica query filter score rank cluster node master".split()
    chance = random.Random(0)
    passages = [{"title": f"{w} {n}", "text": " ".join([w] * 3 + chance.sample(words, 6))} for n, w in enumerate(words * 20)]
    (tmp_path / "passages.jsonl").write_text("\n".join(map(json.dumps, passages)))
    (tmp_path / "queries.jsonl").write_text('"shard"\n{"query": "master node", "passage": 7, "source": "own"}\n"nothingness"\n')
    o = options("mine", tmp_path / "passages.jsonl", "--queries", tmp_path / "queries.jsonl", "--out", tmp_path / "out", "--engine", address,
                "--index", index, "--synthetic", 30, "--questions", 0.5, "--top", 2, "--sampled", 5, "--depth", 40)
    o.act(o, silent)
    data = lists.read(tmp_path / "out")
    assert data.names == ["bm25", "own", "synthetic"] and len(data.q) == 32, "the query that finds nothing has no list"
    assert data.passages[0] == "search 0\n" + passages[0]["text"]
    many = [data.p[a:b].tolist() for a, b in zip(data.start, data.start[1:])]
    assert len(many[0]) == 7 and many[1][0] == 7 and len(many[1]) == 8
    assert all("shard" in data.passages[p] for p in many[0])
    assert all(len(set(m)) == len(m) for m in many)
    e = engine.Engine(address, index, ["text"])
    assert not e.exists(), "the index stays behind"
    e.fill(["a", "b"])
    try:
        with pytest.raises(engine.EngineError, match="is there already"):
            e.fill(["a"])
    finally:
        e.delete()
    with pytest.raises(engine.EngineError, match="_msearch: .*index_not_found"):
        list(e.search(["x"], 1))
