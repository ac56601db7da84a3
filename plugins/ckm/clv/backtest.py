"""How well predictions met what happened: pure functions over arrays, one entry per state or customer."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np

from ckm.clv.maximum import dot
from ckm.clv.rows import Floats

LEAST_EXPECTED = 1e-9
"""Below this an expectation counts as this in a deviance, or one order too many would rule a model out."""


def poisson_deviance(expected: Floats, happened: Floats) -> Floats:
    """Deviance of counts from their expectations, elementwise: 2 (y log(y / mu) - (y - mu)).

    It is strictly consistent for the mean (Gneiting 2011, "Making and Evaluating Point Forecasts"): on average
    the true expectation, and no other, makes it smallest, which neither the absolute error (whose best forecast
    is the median, 0 for most customers) nor a correlation does.
    """
    mu = np.maximum(expected, LEAST_EXPECTED)
    log_ratio = np.log(np.where(happened > 0, happened, 1.0) / np.where(happened > 0, mu, 1.0))
    return 2 * (happened * log_ratio - (happened - mu))


def gamma_deviance(expected: Floats, happened: Floats) -> Floats:
    """Deviance of values above 0 from their expectations, elementwise: 2 (y / mu - 1 - log(y / mu))."""
    ratio = happened / np.maximum(expected, LEAST_EXPECTED)
    return 2 * (ratio - 1 - np.log(ratio))


def preferred(losses: Mapping[str, Floats], weight: Floats) -> str:
    """The first of the models, in their order, whose mean loss is not clearly above the smallest.

    Clearly is more than one standard error of the mean of the paired differences. `losses` has for each model
    an entry per state, `weight` how often the state occurs.
    """
    total = float(weight.sum())
    best = min(losses, key=lambda name: dot(weight, losses[name]))
    for name, loss in losses.items():
        gap = loss - losses[best]
        mean = dot(weight, gap) / total
        error = np.sqrt(max(dot(weight, (gap - mean) ** 2), 0.0) / total / total)
        if mean <= error:
            return name
    return best


def group_coverage(totals: Floats, happened: Floats, level: float) -> float:
    """Share of groups whose total fell into the central interval of its draws.

    `totals` of shape (draws, groups), `happened` (groups,).
    """
    tail = (1 - level) / 2
    low, high = np.quantile(totals, [tail, 1 - tail], axis=0)
    return float(((happened >= low) & (happened <= high)).mean())


def randomised_pit(drawn: Floats, happened: Floats, seed: int) -> Floats:
    """Randomised probability integral transform, uniform on 0 to 1 where the predictive laws are right.

    Czado, Gneiting and Held (2009), "Predictive Model Assessment for Count Data": u = F(y - 1) + v (F(y) -
    F(y - 1)) with v uniform, F by the draws of shape (draws, customers). `happened` is (customers,).
    """
    below, upto = (drawn < happened).mean(axis=0), (drawn <= happened).mean(axis=0)
    return below + np.random.default_rng(seed).random(happened.shape) * (upto - below)


def distance_from_uniform(values: Floats) -> float:
    """Largest distance of the empirical distribution function from that of the uniform law (Kolmogorov)."""
    ordered = np.sort(values)
    steps = np.arange(ordered.size + 1) / ordered.size
    return float(np.maximum(steps[1:] - ordered, ordered - steps[:-1]).max())


def calibration(
    expected: Floats, happened: Floats, weight: Floats, bins: int = 10
) -> Sequence[tuple[int, float, float, float]]:
    """Bins of about as many customers each, from the least to the most expected.

    One row per bin that holds anybody: its number from 1, customers, mean expected, mean happened.
    """
    order = np.argsort(expected, kind="stable")
    before = np.cumsum(weight[order]) - weight[order] / 2
    number = np.minimum((before / weight.sum() * bins).astype(int), bins - 1)
    found = []
    for one in np.unique(number):
        rows = order[number == one]
        size = float(weight[rows].sum())
        found.append(
            (
                int(one) + 1,
                size,
                dot(weight[rows], expected[rows]) / size,
                dot(weight[rows], happened[rows]) / size,
            )
        )
    return found
