"""Rows of purchase states as arrays: what may not be in them, which are the same, and how to have fewer."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]

_COARSE_ABOVE = 20_000
_COARSE_BINS = 50


@dataclass(frozen=True)
class States:
    """Checked states, and what depends on the frequency alone: its distinct values and their weights."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    distinct: Floats
    distinct_weight: Floats


def states_of(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weight: ArrayLike | None = None
) -> States:
    """Checked states, each with the number of customers in it, to fit on.

    Raises ValueError for empty input, values that are not finite, negative values, a frequency that is not a
    whole number, a recency after the age, a recency above 0 where the frequency is 0, a weight below 0, or
    weights that are all 0.
    """
    x, t_x, T = (np.atleast_1d(column).ravel() for column in check_states(frequency, recency, age))
    if x.size == 0:
        raise ValueError("There are no customers to fit.")
    w = check_weight(weight, x.shape)
    distinct, inverse = np.unique(x, return_inverse=True)
    return States(x, t_x, T, w, distinct, np.bincount(inverse, weights=w))


def coarser(states: States) -> States:
    """States binned in time with the means within a bin, where there are many; for a first search only."""
    if states.age.size <= _COARSE_ABOVE:
        return states
    width = states.age.max() / _COARSE_BINS
    _, number = distinct_rows(states.frequency, states.recency // width, states.age // width)
    weight = np.bincount(number, weights=states.weight)
    keep = weight > 0
    mean_x, mean_t_x, mean_T = (
        np.bincount(number, weights=states.weight * column)[keep] / weight[keep]
        for column in (states.frequency, states.recency, states.age)
    )
    mean_x = np.rint(mean_x)
    return states_of(mean_x, np.where(mean_x > 0, np.minimum(mean_t_x, mean_T), 0), mean_T, weight[keep])


def check_states(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike) -> tuple[Floats, Floats, Floats]:
    """The three arrays as floats of one shape. Raises ValueError for impossible input (see `fit`)."""
    try:
        x, t_x, T = np.broadcast_arrays(
            np.asarray(frequency, dtype=float), np.asarray(recency, dtype=float), np.asarray(age, dtype=float)
        )
    except (TypeError, ValueError) as error:
        raise ValueError("Frequency, recency and age must be numbers of matching shapes.") from error
    if not (np.isfinite(x).all() and np.isfinite(t_x).all() and np.isfinite(T).all()):
        raise ValueError("Frequency, recency and age must be finite; a missing value was found.")
    if (x < 0).any() or (t_x < 0).any() or (T < 0).any():
        raise ValueError("Frequency, recency and age must not be negative.")
    if (x != np.floor(x)).any():
        raise ValueError("Frequency must hold whole numbers.")
    if (t_x > T).any():
        raise ValueError("Recency must not exceed age: an order lies after the end of observation.")
    if ((x == 0) & (t_x > 0)).any():
        raise ValueError("Recency must be 0 where frequency is 0: there is no repeat order to date.")
    return x, t_x, T


def check_weight(weight: ArrayLike | None, shape: tuple[int, ...]) -> Floats:
    """Weights as floats of `shape`, ones for None. Raises ValueError where one is below 0 or all are 0."""
    if weight is None:
        return np.ones(shape)
    try:
        w = np.broadcast_to(np.asarray(weight, dtype=float), shape)
    except (TypeError, ValueError) as error:
        raise ValueError("Weights must be numbers, one for each row.") from error
    if not np.isfinite(w).all() or (w < 0).any():
        raise ValueError("Weights must be finite and not negative.")
    if not (w > 0).any():
        raise ValueError("At least one weight must be above 0.")
    return w


def distinct_rows(*columns: Floats) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Distinct rows of columns of one shape: the first position of each, and each row's distinct number."""
    code = np.zeros(columns[0].size, dtype=np.int64)
    for column in columns:
        values, number = np.unique(column.ravel(), return_inverse=True)
        # Renumbered after each column, the code stays below rows times distinct values and cannot overflow.
        code = np.unique(code * len(values) + number, return_inverse=True)[1]
    _, first, inverse = np.unique(code, return_index=True, return_inverse=True)
    return first, inverse


def check_horizon(horizon: ArrayLike) -> Floats:
    """The horizon as floats. Raises ValueError where it is negative or not finite."""
    span = np.asarray(horizon, dtype=float)
    if not np.isfinite(span).all() or (span < 0).any():
        raise ValueError("The horizon must be finite and not negative.")
    return span
