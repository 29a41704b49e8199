"""What a student is told: Margin-MSE over pairs (https://arxiv.org/abs/2010.02666), and its listwise form."""

import torch

PLAIN = 0.05  # of the plain squared error, so that scores of different queries stay comparable


def centred(x, lists, count):
    """x less its mean within each list. x float [B], lists int64 [B] tells the list of each, below count."""
    size = torch.zeros(count, device=x.device).index_add(0, lists, torch.ones_like(x))
    mean = torch.zeros(count, device=x.device).index_add(0, lists, x) / size
    return x - mean[lists]


def listwise(student, teacher, lists, count):
    """The mean squared error of scores centred within each list, plus PLAIN of that of the scores themselves. A list of n
    passages has Σ (centred error)² = Σ over its pairs of (margin error)² / n: every margin counts, not only the best passage's."""
    error = student - teacher
    return centred(error, lists, count).square().mean() + PLAIN * error.square().mean()


def pairs(student, teacher, lists, count):
    """Margin-MSE: the mean squared error of the margins between each list's passage that the teacher likes best and its others."""
    top = torch.full((count,), -torch.inf, device=teacher.device).scatter_reduce(0, lists, teacher, "amax")
    place = torch.arange(len(lists), device=lists.device)
    best = torch.full((count,), len(lists), device=lists.device)
    best = best.scatter_reduce(0, lists, torch.where(teacher == top[lists], place, len(lists)), "amin")[lists]
    error = (student[best] - student) - (teacher[best] - teacher)
    others = place != best
    return error[others].square().mean() if others.any() else error.sum() * 0


LOSSES = {"list": listwise, "pair": pairs}
