import gzip
import json
import lzma

import numpy as np
import pytest
from conftest import toy

from resift_training import lists


def test_a_folder_comes_back_as_it_was(tmp_path):
    data = toy()
    lists.write(tmp_path, data)
    back = lists.read(tmp_path)
    assert lists.digest(back) == lists.digest(data) and back.names == data.names
    assert (back.source == data.source).all() and (back.scores == data.scores).all()
    raw = (tmp_path / "queries.jsonl").read_bytes()
    (tmp_path / "queries.jsonl.xz").write_bytes(lzma.compress(raw))
    (tmp_path / "queries.jsonl").unlink()
    raw = (tmp_path / "groups.jsonl").read_bytes()
    (tmp_path / "groups.jsonl.gz").write_bytes(gzip.compress(raw))
    (tmp_path / "groups.jsonl").unlink()
    assert lists.digest(lists.read(tmp_path)) == lists.digest(data)


def test_a_single_file(tmp_path):
    file = tmp_path / "own.jsonl"
    file.write_text("\n".join(map(json.dumps, [
        {"query": "a", "passages": ["x", "y"], "scores": [1, 2]},
        {"query": "b", "passages": ["y", "z"], "scores": [3, -4], "source": "logs"},
    ])))
    data = lists.read(file)
    assert data.passages == ["x", "y", "z"] and data.p.tolist() == [0, 1, 1, 2] and data.names == ["own", "logs"]
    assert data.scores.tolist() == [1, 2, 3, -4] and data.pair_q.tolist() == [0, 0, 1, 1]


def test_joined_lists_keep_their_texts(tmp_path):
    a, b = toy(1, 4), toy(2, 3)
    both = lists.join([a, b])
    for part, first in ((a, 0), (b, 4)):
        for i in range(len(part.q)):
            begin, end = both.start[first + i], both.start[first + i + 1]
            theirs = part.p[part.start[i] : part.start[i + 1]]
            assert both.queries[both.q[first + i]] == part.queries[part.q[i]]
            assert [both.passages[p] for p in both.p[begin:end]] == [part.passages[p] for p in theirs]
            assert both.names[both.source[first + i]] == part.names[part.source[i]]
    assert (both.scores == np.concatenate([a.scores, b.scores])).all()


@pytest.mark.parametrize("files, message", [
    ({"groups.jsonl": '{"q": 0, "p": [0, 7]}\n'}, "an index is wrong"),
    ({"groups.jsonl": '{"q": 5, "p": [0]}\n'}, "an index is wrong"),
    ({"groups.jsonl": '{"q": 0, "p": []}\n'}, "an index is wrong"),
    ({"groups.jsonl": '{"q": 0,\n'}, "line 1"),
    ({}, "groups.jsonl is not there"),
])
def test_damage_is_named(tmp_path, files, message):
    for name, text in ({"queries.jsonl": '"a"\n', "passages.jsonl": '"x"\n'} | files).items():
        (tmp_path / name).write_text(text)
    with pytest.raises(lists.ListsError, match=message):
        lists.read(tmp_path)


def test_scores_of_other_lists_are_refused(tmp_path):
    lists.write(tmp_path, toy())
    np.save(tmp_path / "scores.npy", np.zeros(3, np.float32))
    with pytest.raises(lists.ListsError, match="3 scores for 900 pairs"):
        lists.read(tmp_path)
