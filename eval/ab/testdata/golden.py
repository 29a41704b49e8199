"""Writes golden.json: what numpy and scipy say of the statistics in stats.go.

    pip install numpy==2.4.6 scipy==1.17.1 && python golden.py
"""

import json

import numpy as np
from scipy import stats

rng = np.random.default_rng(7)


def jackknife(y, groups):
    """The mean of y, its standard error by leaving out one user after the other, and the degrees of freedom of the correction CR3 by the
    definition in Bell and McCaffrey (2002): matrices, no formula that is particular to a mean."""
    names = np.unique(groups)
    without = np.array([y[groups != u].mean() for u in names])
    x = np.ones((len(y), 1))
    bread = np.linalg.inv(x.T @ x)
    hat = x @ bread @ x.T
    g = []
    for u in names:
        at = groups == u
        row = bread @ x[at].T @ np.linalg.inv(np.eye(at.sum()) - hat[np.ix_(at, at)])
        g.append((row @ (np.eye(len(y)) - hat)[at]).ravel())
    eigenvalues = np.linalg.eigvalsh(np.array(g) @ np.array(g).T)
    k = len(names)
    return y.mean(), np.sqrt((k - 1) / k * np.square(without - y.mean()).sum()), eigenvalues.sum() ** 2 / np.square(eigenvalues).sum()


means = []
for _ in range(8):
    users = []
    for _ in range(int(rng.integers(2, 60))):
        taste = rng.beta(1, 3)
        users.append([float(x) for x in rng.binomial(1, taste, int(rng.integers(1, 30)))])
    y = np.concatenate([np.array(u) for u in users])
    groups = np.concatenate([[i] * len(u) for i, u in enumerate(users)])
    mean, se, df = jackknife(y, groups)
    means.append({"users": users, "mean": float(mean), "se": float(se), "df": float(df)})

# Users who search once: Welch's t.
welch = []
for a, b in [(12, 12), (10, 40), (300, 500)]:
    control, treatment = [[float(v) for v in rng.normal(mean, scale, n)] for mean, scale, n in [(.3, .2, a), (.4, .5, b)]]
    test = stats.ttest_ind(treatment, control, equal_var=False)
    low, high = test.confidence_interval(.95)
    welch.append({"control": control, "treatment": treatment, "p": float(test.pvalue), "df": float(test.df), "low": float(low), "high": float(high)})

chi = [{"observed": o, "shares": s, "p": float(stats.chisquare(o, np.array(s) * sum(o)).pvalue)}
       for o, s in [([500, 500], [.5, .5]), ([530, 470], [.5, .5]), ([900, 100, 0], [.8, .1, .1]), ([10, 30, 60], [.1, .3, .6]), ([5210, 4790], [.5, .5])]]
sign = [{"wins": w, "losses": l, "p": float(stats.binomtest(w, w + l).pvalue)} for w, l in [(7, 3), (3, 7), (50, 50), (80, 40), (1, 0), (0, 12), (1000, 900)]]
json.dump({"means": means, "welch": welch, "chi": chi, "sign": sign}, open("golden.json", "w"))
