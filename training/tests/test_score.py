import json

import numpy as np
import pytest
from conftest import toy

from resift_training import bert, folder, lists, score


@pytest.fixture
def second(start, tmp_path):
    """Another teacher."""
    folder.write(tmp_path / "second", bert.fresh(folder.read(start).shape, 9), start)
    return tmp_path / "second"


def run(options, silent, path, *teachers):
    words = [w for t in teachers for w in ("--teacher", t)]
    o = options("score", path, *words, "--device", "cpu", "--batch-tokens", 512)
    o.act(o, silent)
    return lists.read(path).scores


def test_scores_are_the_teachers_mean(start, second, tmp_path, options, silent):
    lists.write(tmp_path / "lists", toy())
    one, two = (run(options, silent, tmp_path / "lists", t) for t in (start, second))
    both = run(options, silent, tmp_path / "lists", start, second)
    np.testing.assert_allclose(both, (one + two) / 2, atol=1e-6)
    assert np.abs(one - two).max() > 1e-3
    assert not list((tmp_path / "lists").glob("scores.part*"))


def test_a_stopped_run_goes_on_where_it_was(start, second, tmp_path, options, silent, monkeypatch):
    lists.write(tmp_path / "lists", toy())
    whole = run(options, silent, tmp_path / "lists", start, second)
    (tmp_path / "lists" / "scores.npy").unlink()
    monkeypatch.setattr(score, "CHUNK", 250)
    real, calls = score.scores, []

    def breaks(model, pairs, q, p, budget, half):
        if len(calls) == 5:
            raise KeyboardInterrupt
        calls.append(len(q))
        return real(model, pairs, q, p, budget, half)

    monkeypatch.setattr(score, "scores", breaks)
    with pytest.raises(KeyboardInterrupt):
        run(options, silent, tmp_path / "lists", start, second)
    assert sum(calls) == 900 + 250
    calls.clear()
    again = run(options, silent, tmp_path / "lists", start, second)
    assert sum(calls) == 650
    np.testing.assert_allclose(again, whole, atol=1e-5)


def test_progress_of_other_lists_is_not_taken(start, tmp_path, options, silent):
    lists.write(tmp_path / "lists", toy())
    progress = score.Progress(tmp_path / "lists", [str(start)], toy(seed=5), {"max_tokens": 256, "half": False})
    progress.scores[:] = 1000
    assert json.loads((tmp_path / "lists" / "scores.part.json").read_text())["teachers"] == [str(start)]
    assert run(options, silent, tmp_path / "lists", start).max() < 1000
