import itertools

import torch

from resift_training import losses

LISTS = torch.tensor([0, 0, 0, 1, 1, 2])
STUDENT = torch.tensor([1.0, -2.0, 0.5, 3.0, 3.5, 7.0])
TEACHER = torch.tensor([2.0, 2.0, -1.0, 0.0, 4.0, 6.0])


def test_listwise_counts_every_margin():
    margins = 0.0
    for i in range(3):
        places = [n for n in range(6) if LISTS[n] == i]
        for a, b in itertools.combinations(places, 2):
            margins += float((STUDENT[a] - STUDENT[b]) - (TEACHER[a] - TEACHER[b])) ** 2 / len(places)
    plain = float((STUDENT - TEACHER).square().mean())
    got = losses.listwise(STUDENT, TEACHER, LISTS, 3)
    torch.testing.assert_close(got, torch.tensor(margins / 6 + losses.PLAIN * plain))


def test_pairs_are_the_best_passage_against_each_other():
    # List 0: the first of the two best; list 1: its second; list 2 has no other.
    want = [((1 + 2) - (2 - 2)) ** 2, ((1 - 0.5) - (2 + 1)) ** 2, ((3.5 - 3) - (4 - 0)) ** 2]
    torch.testing.assert_close(losses.pairs(STUDENT, TEACHER, LISTS, 3), torch.tensor(sum(want) / 3))


def test_a_list_of_one_has_no_margin():
    one = torch.tensor([1.0], requires_grad=True)
    loss = losses.pairs(one, torch.tensor([5.0]), torch.tensor([0]), 1)
    loss.backward()
    assert loss == 0 and one.grad == 0
