"""What chance allows: every tolerance of a simulation comes from the statistics of the experiment.

- a mean of S draws may be off by Z = 5 standard errors (false alarm 6e-7, if the seeds were drawn again; where the
  error is itself measured on 16 networks, below 2e-4, by Student's t);
- a distribution function from S draws may be off by sqrt(log(2/ALARM) / 2S) anywhere, ALARM = 1e-6 (the inequality of
  Dvoretzky, Kiefer, Wolfowitz with Massart's constant: no approximation);
- a share of S draws has the exact binomial limits at ALARM.
"""

import math
from collections import Counter
from functools import cache

import numpy as np
from scipy import stats

Z, ALARM = 5, 1e-6


def assert_mean(draws, want):
    """The mean of the draws is the wanted one, within Z of its standard errors."""
    mean, error = np.mean(draws, axis=0), stats.sem(draws)
    assert np.all(np.abs(mean - want) <= Z * error), (mean, want, error)


def distance(draws, below):
    """The largest difference of two distribution functions, and what chance allows for it."""
    found = stats.kstest(draws, below).statistic
    return found, math.sqrt(math.log(2 / ALARM) / 2 / len(draws))


def share_limits(successes, draws):
    limits = stats.binomtest(int(successes), draws).proportion_ci(1 - ALARM, "exact")
    return limits.low, limits.high


# --- the mean of a repeated Gaussian matrix ---

MOST_STEPS = 6  # 1 * 3 * .. * 11 = 10395 pairings


def wick_mean(n, k):
    """E |W^k v|^2 / (g^2k |v|^2) for ONE n x n matrix W with entries N(0, g^2/n), repeated k times, by Wick's theorem.

    |W^k v|^2 is a sum over two paths of k arrows that begin together and end together, where an arrow from i to j
    stands for W_ji. The mean of a product of Gaussian entries is the sum over all ways to pair the arrows so that the
    two of a pair have the same ends; a pairing that leaves f vertices free contributes n^f.
    """
    return sum(count * n**free for free, count in pairings(k).items()) / n ** (k + 1) if k else 1.0


@cache
def pairings(k):
    """Return how many pairings of the 2k arrows leave how many vertices free."""
    paths = [0, *range(2, k + 1), 1], [0, *range(k + 1, 2 * k), 1]  # from vertex 0 to vertex 1
    found = Counter()

    def pair(arrows, free):
        if not arrows:
            found[free] += 1
        for i in range(1, len(arrows)):
            left, group = free, [arrows[0], arrows[i], *arrows[1:i], *arrows[i + 1 :]]
            for end in (0, 1):
                kept, lost = group[0][end], group[1][end]
                if kept != lost:
                    left -= 1
                    group = [tuple(kept if vertex == lost else vertex for vertex in arrow) for arrow in group]
            pair(group[2:], left)

    pair([(path[t], path[t + 1]) for path in paths for t in range(k)], 2 * k)
    return found
