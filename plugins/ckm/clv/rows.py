"""Rows of purchase states as arrays: what may not be in them, and which are the same."""

from __future__ import annotations

import numpy as np
from numpy.typing import ArrayLike, NDArray

Floats = NDArray[np.float64]


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
