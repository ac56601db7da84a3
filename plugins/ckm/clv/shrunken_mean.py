"""Shrunken mean: a model of order value without a law, the rival of Gamma-Gamma.

Source: Buehlmann (1967), "Experience Rating and Credibility", ASTIN Bulletin 4(3), 199-207.

A customer's expected order value is the best linear predictor from the mean m of n orders,

    (n m + k mu) / (n + k),  k = within / between,

where mu is the population's mean order value, `between` the variance of customers' own means and `within` the
variance of one customer's orders. It assumes two moments and nothing else.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.optimize import nnls

from ckm.clv.rows import Floats, check_weight

STRENGTH_BOUNDS = (0.01, 1000.0)
"""Bounds of k: a customer's own mean counts fully from the first order, or hardly ever."""


@dataclass(frozen=True)
class ShrunkenMeanParameters:
    """`mean` mu of the population, in a currency, and `strength` k, a number of orders."""

    mean: float
    strength: float


def fit(
    transactions: ArrayLike, mean_value: ArrayLike, weight: ArrayLike | None = None
) -> ShrunkenMeanParameters:
    """Moments of the population's order values; deterministic.

    Means in the highest hundredth count as the least of them, or a few would say what the variances are.
    A customer's squared distance from mu is `between` + `within` / n on average, a line in 1 / n, fitted by
    non-negative least squares over the distinct n; mu weighs each customer by the certainty of the mean.

    Raises ValueError for empty input, transactions that are not above 0, mean values that are not finite and
    above 0, or weights as in `ckm.clv.rows.check_weight`.
    """
    n, m = np.broadcast_arrays(np.asarray(transactions, dtype=float), np.asarray(mean_value, dtype=float))
    n, m = np.atleast_1d(n).ravel(), np.atleast_1d(m).ravel()
    if not n.size:
        raise ValueError("There are no customers to fit.")
    if not (np.isfinite(n).all() and (n > 0).all() and np.isfinite(m).all() and (m > 0).all()):
        raise ValueError("Transactions and mean values must be finite and above 0.")
    w = check_weight(weight, n.shape)
    distinct, place = np.unique(n, return_inverse=True)
    customers = np.bincount(place, weights=w)
    upward = np.argsort(m, kind="stable")
    highest = m[upward][np.searchsorted(np.cumsum(w[upward]), 0.99 * w.sum())]
    capped = np.minimum(m, highest)
    strength = 1.0
    for _ in range(20):
        certainty = w * n / (n + strength)
        mean = float((certainty * m).sum() / certainty.sum())
        distance = np.bincount(place, weights=w * (capped - mean) ** 2) / np.maximum(customers, 1e-300)
        root = np.sqrt(customers)
        between, within = nnls(np.column_stack([root, root / distinct]), root * distance / mean**2)[0]
        before, strength = strength, float(np.clip(within / max(between, 1e-300), *STRENGTH_BOUNDS))
        if abs(strength - before) < 1e-9 * strength:
            break
    return ShrunkenMeanParameters(mean, strength)


def expected_value(
    parameters: ShrunkenMeanParameters, transactions: ArrayLike, mean_value: ArrayLike
) -> Floats:
    """Expected order value of a customer with n orders of mean m; mu where n = 0. Returns the broadcast shape."""
    n, m = np.broadcast_arrays(np.asarray(transactions, dtype=float), np.asarray(mean_value, dtype=float))
    spent = n * np.where(n > 0, m, 0.0)
    return (spent + parameters.strength * parameters.mean) / (n + parameters.strength)
