import random

import numpy as np
import pytest
from conftest import sentence
from tokenizers import Tokenizer

from resift_training.tokens import Pairs, by_tokens


@pytest.mark.parametrize("most", [16, 64])
def test_pairs_are_those_of_the_tokenizers_library(start, most):
    chance = random.Random(4)
    queries = [sentence(chance, 1, 6) for _ in range(30)] + [""]
    passages = [sentence(chance, 1, 40) for _ in range(30)] + [""]
    pairs = Pairs(start, queries, passages, most)
    q, p = np.arange(31), np.arange(31)
    batch = pairs.batch(q, p)
    reference = Tokenizer.from_file(str(start / "tokenizer.json"))
    reference.no_padding()
    reference.enable_truncation(most, strategy="only_second")
    longest = pairs.lengths(q, p).max()
    assert longest <= batch.ids.shape[1] <= min(longest + 15, most)
    for i in range(31):
        e = reference.encode(queries[i], passages[i])
        n = len(e.ids)
        assert pairs.lengths(q, p)[i] == n == batch.mask[i].sum()
        assert batch.ids[i].tolist() == e.ids + [0] * (batch.ids.shape[1] - n)
        assert batch.types[i].tolist() == e.type_ids + [0] * (batch.ids.shape[1] - n)


def test_a_query_that_fills_the_pair_leaves_the_passage_half(start):
    pairs = Pairs(start, ["ba " * 50], ["de di", "de " * 50], 23)
    assert [x.tolist() for x in pairs.parts(np.array([0, 0]), np.array([0, 1]))] == [[18, 10], [2, 10]]
    assert pairs.batch(np.array([0, 0]), np.array([0, 1])).mask.sum(1).tolist() == [23, 23]


def test_batches_stay_within_the_budget():
    lengths = np.array([1, 2, 2, 3, 5, 9, 30])
    ranges = list(by_tokens(lengths, 12))
    assert ranges == [(0, 4), (4, 5), (5, 6), (6, 7)]
    assert list(by_tokens(lengths[:0], 12)) == []
