"""Writes golden.json: what statsmodels and scipy say of the statistics in stats.go.

    pip install numpy==2.4.6 scipy==1.17.1 statsmodels==0.15.0 && python golden.py
"""

import json

import numpy as np
import statsmodels.api as sm
from scipy import stats

rng = np.random.default_rng(7)
means = []
for _ in range(8):
    users = []
    for _ in range(int(rng.integers(2, 60))):
        taste = rng.beta(1, 3)
        users.append([float(x) for x in rng.binomial(1, taste, int(rng.integers(1, 30)))])
    y = np.concatenate([np.array(u) for u in users])
    groups = np.concatenate([[i] * len(u) for i, u in enumerate(users)])
    fit = sm.OLS(y, np.ones_like(y)).fit(cov_type="cluster", cov_kwds={"groups": groups})
    means.append({"users": users, "mean": float(fit.params[0]), "se": float(fit.bse[0])})

z = [{"value": v, "se": s, "p": float(2 * stats.norm.sf(abs(v) / s)), "low": float(stats.norm.ppf(.025, v, s)), "high": float(stats.norm.ppf(.975, v, s))}
     for v, s in [(0.1, 0.05), (-0.02, 0.05), (0.0, 1.0), (3.0, 0.4), (1e-6, 1.0)]]
chi = [{"observed": o, "shares": s, "p": float(stats.chisquare(o, np.array(s) * sum(o)).pvalue)}
       for o, s in [([500, 500], [.5, .5]), ([530, 470], [.5, .5]), ([900, 100, 0], [.8, .1, .1]), ([10, 30, 60], [.1, .3, .6]), ([5210, 4790], [.5, .5])]]
sign = [{"wins": w, "losses": l, "p": float(stats.binomtest(w, w + l).pvalue)} for w, l in [(7, 3), (3, 7), (50, 50), (80, 40), (1, 0), (0, 12), (1000, 900)]]
json.dump({"means": means, "z": z, "chi": chi, "sign": sign}, open("golden.json", "w"))
