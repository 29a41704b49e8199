import json

import numpy as np
import pytest
import torch
from conftest import toy

from resift_training import evaluate, folder, lists, train


@pytest.fixture(scope="module")
def data(tmp_path_factory):
    path = tmp_path_factory.mktemp("lists")
    lists.write(path, toy())
    return path


def words(start, data, out, *more):
    return ["train", start, data, "--out", out, "--device", "cpu", "--max-tokens", 40, "--batch-tokens", 1200, "--per-list", 4, "--epochs", 3, "--rate", "1e-3", *more]


def weights(path):
    return folder.read(path).state_dict()


@pytest.mark.parametrize("loss", ["list", "pair"])
def test_a_student_learns(start, data, toy_set, tmp_path, options, silent, loss):
    o = options(*words(start, data, tmp_path, "--epochs", 12, "--rate", "5e-3", "--warmup", 0.1, "--loss", loss, "--evaluate", toy_set))
    o.act(o, silent)
    history = json.loads((tmp_path / "training.json").read_text())["history"]
    before, after = (history[i]["sets"][toy_set.name]["ndcg@10"] for i in (0, -1))
    assert [h["epoch"] for h in history] == list(range(13))
    assert before < 0.9 and after > 0.97, history
    assert history[-1]["loss"] < history[1]["loss"] / 4
    assert not (tmp_path / "checkpoint.pt").exists()


def test_equal_seeds_give_equal_weights_and_a_stop_changes_nothing(start, data, tmp_path, options, silent):
    for name, stops in (("whole", []), ("stopped", [3, 20, 1])):
        o = options(*words(start, data, tmp_path / name))
        for stop in stops:
            train.Trainer(o, silent).run(stop_after=stop)
            assert (tmp_path / name / "checkpoint.pt").exists() and not (tmp_path / name / "model.safetensors").exists()
        train.Trainer(o, silent).run()
    a, b = weights(tmp_path / "whole"), weights(tmp_path / "stopped")
    assert all(torch.equal(a[k], b[k]) for k in a)
    o = options(*words(start, data, tmp_path / "seed", "--seed", 1))
    o.act(o, silent)
    assert not torch.equal(a["classifier.weight"], weights(tmp_path / "seed")["classifier.weight"])


def test_a_checkpoint_of_other_settings_is_refused(start, data, tmp_path, options, silent):
    train.Trainer(options(*words(start, data, tmp_path)), silent).run(stop_after=2)
    with pytest.raises(lists.ListsError, match="other settings .rate"):
        train.Trainer(options(*words(start, data, tmp_path, "--rate", "2e-3")), silent).run()


def test_the_embeddings_have_their_own_rate(start, data, tmp_path, options, silent):
    moved = {}
    for rate in (0, 0.1, 1):
        o = options(*words(start, data, tmp_path / str(rate), "--embedding-rate", rate, "--epochs", 1))
        o.act(o, silent)
        name = "bert.embeddings.word_embeddings.weight"
        moved[rate] = float((weights(tmp_path / str(rate))[name] - weights(start)[name]).abs().mean())
    assert moved[0] == 0 < moved[0.1] < moved[1] / 3


@pytest.mark.parametrize("arguments, message", [
    (["--share", '{"nobody": 1}'], "nobody"),
    (["--share", '{"even": 0, "odd": 0}'], "leaves no list"),
])
def test_shares_refused(start, data, tmp_path, options, silent, arguments, message):
    o = options(*words(start, data, tmp_path, *arguments))
    with pytest.raises(lists.ListsError, match=message):
        o.act(o, silent)


def test_lists_without_scores_are_refused(start, tmp_path, options, silent):
    data = toy()
    data.scores = None
    lists.write(tmp_path / "lists", data)
    with pytest.raises(lists.ListsError, match="no scores"):
        train.Trainer(options(*words(start, tmp_path / "lists", tmp_path / "out")), silent)


def test_an_epochs_plan():
    data = toy()
    lengths = np.arange(len(data.p)) % 37 + 5

    def plan(epoch, seed=0):
        return train.plan(data, lengths, {"even": 2, "odd": 0.2}, 4, 400, seed, epoch)

    e = plan(0)
    names = [data.names[i] for i in data.source[e.order]]
    assert names.count("even") == 150 and names.count("odd") == 15
    assert sorted(n for b in e.batches for n in b) == list(range(165))
    for n, i in enumerate(e.order):
        members = e.pairs[e.start[n] : e.start[n + 1]]
        assert len(set(members)) == 4 and members.min() >= data.start[i] and members.max() < data.start[i + 1]
    for b in e.batches:
        members = np.concatenate([e.pairs[e.start[n] : e.start[n + 1]] for n in b])
        assert lengths[members].max() * len(members) <= 400 or len(b) == 1
    o = train.lay_out(e, lengths, "cpu")
    assert o.bounds[0] == 0 and o.bounds[-1] == len(e.pairs)
    for n, b in enumerate(e.batches):
        place, of = o.place[o.bounds[n] : o.bounds[n + 1]].numpy(), o.of[o.bounds[n] : o.bounds[n + 1]].numpy()
        parts = [e.pairs[e.start[i] : e.start[i + 1]] for i in b]
        assert o.lists[n] == len(b) and (np.diff(lengths[place]) >= 0).all()
        assert sorted(zip(of, place)) == sorted((i, pair) for i, part in enumerate(parts) for pair in part)
        ends = [o.bounds[n], *(end for _, end, _ in o.blocks[n])]
        assert ends[-1] == o.bounds[n + 1] and [begin for begin, _, _ in o.blocks[n]] == ends[:-1]
        assert all(longest == lengths[o.place[end - 1]] for _, end, longest in o.blocks[n])
    same, other = plan(0), plan(1)
    assert (same.pairs == e.pairs).all() and same.batches == e.batches
    picked = {i: frozenset(e.pairs[e.start[n] : e.start[n + 1]]) for n, i in enumerate(e.order)}
    fresh = [picked.get(i) != frozenset(other.pairs[other.start[n] : other.start[n + 1]]) for n, i in enumerate(other.order)]
    assert sum(fresh) > len(fresh) / 2, "an epoch has new negatives"


def test_a_set_is_missed_before_the_training(start, data, tmp_path, options, silent):
    (tmp_path / "queries.tsv").write_text("q\tba\n")
    with pytest.raises(lists.ListsError, match="qrels.txt is not there"):
        train.Trainer(options(*words(start, data, tmp_path / "out", "--evaluate", tmp_path)), silent)
    assert evaluate.queries_of(tmp_path) == {"q": "ba"}
