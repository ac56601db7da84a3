"""Gamma-Gamma model of order value.

Source: Fader and Hardie (2013), "The Gamma-Gamma Model of Monetary Value" (brucehardie.com, note 025); the
model is that of Colombo and Jiang (1999). Called FH below.

The model: the values of a customer's orders follow Gamma(p, rate nu), and nu varies between customers as
Gamma(q, rate gamma). Order value is taken to be independent of order frequency.

A customer is described by `transactions` n, the number of orders averaged, and `mean_value` m, their mean
value in one currency. Only orders with a value above 0 belong into either. Which orders are averaged is the
caller's choice (the published CDNOW figures average the repeat orders without the first); pass the same
choice to `fit` and to `expected_value`.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import gammaln, polygamma, psi

from ckm.clv.maximum import Evaluation, dot, maximise
from ckm.clv.rows import Floats, check_weight, distinct_rows

MIN_CUSTOMERS = 30
"""Fewer customers than this are never called identified."""
SHAPE_BOUNDS = (1e-4, 1e5)
"""Bounds of p and q."""
SCALE_BOUNDS = (1e-6, 1e7)
"""Bounds of gamma, in multiples of the mean order value."""

_COARSE_ABOVE = 20_000
_COARSE_WIDTH = 0.1


@dataclass(frozen=True)
class GammaGammaParameters:
    """Parameters of the Gamma-Gamma model, all positive.

    `p`: shape of the values of one customer's orders; `q` and `gamma` (a value): shape and rate of the Gamma
    law of their rate nu. The population's mean order value is p gamma / (q - 1), and infinite for q <= 1.
    """

    p: float
    q: float
    gamma: float

    def __post_init__(self) -> None:
        for name in ("p", "q", "gamma"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"The Gamma-Gamma parameter {name} must be a finite number above 0, not {value}."
                )


@dataclass(frozen=True)
class GammaGammaFit:
    """Result of `fit`.

    `customers` is the sum of the weights. `identified` is False where the data do not determine the
    parameters or the population mean is not finite (q <= 1); `note` then says why in one sentence, and is
    empty otherwise. `standard_errors` come from the observed information (delta method) and are None where
    the fit is not identified, as is `log_covariance`, the covariance (3, 3) of the parameters' logarithms.
    """

    parameters: GammaGammaParameters
    log_likelihood: float
    customers: float
    iterations: int
    converged: bool
    identified: bool
    note: str
    standard_errors: GammaGammaParameters | None
    log_covariance: tuple[tuple[float, ...], ...] | None


@dataclass(frozen=True)
class _Values:
    """Checked rows, with the distinct numbers of transactions and each row's place among them."""

    transactions: Floats
    mean_value: Floats
    weight: Floats
    distinct: Floats
    place: np.ndarray


def log_likelihood(
    parameters: GammaGammaParameters,
    transactions: ArrayLike,
    mean_value: ArrayLike,
    weight: ArrayLike | None = None,
) -> float:
    """Log-likelihood of all customers' mean order values (FH equation 1a), each with its weight.

    Shapes broadcast together. Raises ValueError for impossible input (see `fit`).
    """
    return _evaluate(parameters, _prepare(transactions, mean_value, weight), order=0)[0]


def gradient(
    parameters: GammaGammaParameters,
    transactions: ArrayLike,
    mean_value: ArrayLike,
    weight: ArrayLike | None = None,
) -> Floats:
    """Analytic gradient of `log_likelihood`, shape (3,), with respect to log p, log q, log gamma.

    Raises ValueError for impossible input (see `fit`).
    """
    return _evaluate(parameters, _prepare(transactions, mean_value, weight), order=1)[1]


def fit(transactions: ArrayLike, mean_value: ArrayLike, weight: ArrayLike | None = None) -> GammaGammaFit:
    """Maximum likelihood fit; deterministic.

    L-BFGS-B on the logarithms of the parameters from fixed starts, then Newton steps (see
    `ckm.clv.maximum.maximise`). Not identified: a parameter at a bound, a Hessian that is not negative
    definite or all but flat, too few customers, or q <= 1.

    Raises ValueError for empty input, values that are not finite, a row without transactions or with a mean
    value of 0 or less, transactions that are not whole numbers, a weight below 0, or weights that are all 0.
    """
    values = _prepare(transactions, mean_value, weight)
    customers = float(values.weight.sum())
    scale = dot(values.weight, values.mean_value) / customers
    unit = np.array([1.0, 1.0, scale])
    lower = np.log([SHAPE_BOUNDS[0], SHAPE_BOUNDS[0], SCALE_BOUNDS[0]])
    upper = np.log([SHAPE_BOUNDS[1], SHAPE_BOUNDS[1], SCALE_BOUNDS[1]])
    starts = [np.log([p, q, max(q - 1, 0.5) / p]) for p, q in ((5.0, 4.0), (1.0, 2.0), (50.0, 10.0))]
    coarse = _coarse(values)

    def at(theta: Floats) -> GammaGammaParameters:
        return GammaGammaParameters(*(np.exp(theta) * unit))

    optimum = maximise(
        lambda theta: _evaluate(at(theta), values, order=2),
        lambda theta: _evaluate(at(theta), coarse, order=1),
        starts,
        lower,
        upper,
        customers,
    )
    parameters = GammaGammaParameters(*(np.exp(optimum.theta) * unit).tolist())
    note = ""
    if customers < MIN_CUSTOMERS:
        note = f"{customers:.0f} customers are too few; at least {MIN_CUSTOMERS} are needed."
    note = note or optimum.doubt(("p", "q", "gamma"))
    if not note and parameters.q <= 1:
        note = "The mean order value of the population is not finite (q is 1 or less)."
    errors = np.exp(optimum.theta) * unit * optimum.log_errors
    return GammaGammaFit(
        parameters=parameters,
        log_likelihood=optimum.value,
        customers=customers,
        iterations=optimum.iterations,
        converged=optimum.converged,
        identified=not note,
        note=note,
        standard_errors=None if note else GammaGammaParameters(*errors.tolist()),
        log_covariance=None if note else optimum.log_covariance,
    )


def expected_value(
    parameters: GammaGammaParameters, transactions: ArrayLike, mean_value: ArrayLike
) -> Floats:
    """Expected mean order value of a customer given n past orders of mean m (FH equation 5).

    p (gamma + n m) / (p n + q - 1), a weighted mean of m and the population mean p gamma / (q - 1). For
    n = 0 it is the population mean, whatever `mean_value` holds there (it may be missing). Where p n + q <= 1
    the expectation is infinite and NaN is returned, which can happen only with a fit that is not identified.

    Returns the broadcast shape. Raises ValueError for transactions that are negative, not whole or missing,
    or for a mean value that is not finite or not above 0 where there are transactions.
    """
    n, m = _numbers(transactions, mean_value)
    if not np.isfinite(n).all() or (n < 0).any() or (n != np.floor(n)).any():
        raise ValueError("Transactions must be whole numbers of 0 or more.")
    known = n > 0
    if not (np.isfinite(m[known]).all() and (m[known] > 0).all()):
        raise ValueError("The mean value must be above 0 where there are transactions.")
    spent = n * np.where(known, m, 0.0)
    shape = parameters.p * n + parameters.q - 1
    mean = parameters.p * (parameters.gamma + spent) / np.where(shape > 0, shape, 1.0)
    return np.where(shape > 0, mean, np.nan)


def _numbers(transactions: ArrayLike, mean_value: ArrayLike) -> tuple[Floats, Floats]:
    try:
        n, m = np.broadcast_arrays(np.asarray(transactions, dtype=float), np.asarray(mean_value, dtype=float))
    except (TypeError, ValueError) as error:
        raise ValueError("Transactions and mean values must be numbers of matching shapes.") from error
    return n, m


def _prepare(transactions: ArrayLike, mean_value: ArrayLike, weight: ArrayLike | None) -> _Values:
    n, m = (np.atleast_1d(column).ravel() for column in _numbers(transactions, mean_value))
    if n.size == 0:
        raise ValueError("There are no customers to fit.")
    if not (np.isfinite(n).all() and np.isfinite(m).all()):
        raise ValueError("Transactions and mean values must be finite; a missing value was found.")
    if (n <= 0).any() or (n != np.floor(n)).any():
        raise ValueError("Transactions must be whole numbers above 0.")
    if (m <= 0).any():
        raise ValueError("Mean values must be above 0.")
    distinct, place = np.unique(n, return_inverse=True)
    return _Values(n, m, check_weight(weight, n.shape), distinct, place)


def _coarse(values: _Values) -> _Values:
    """Rows binned by value within equal n, where there are many; for the first search only."""
    if values.transactions.size <= _COARSE_ABOVE:
        return values
    log_value = np.log(values.mean_value)
    first, number = distinct_rows(values.transactions, np.floor(log_value / _COARSE_WIDTH))
    weight = np.bincount(number, weights=values.weight)
    keep = weight > 0
    mean = np.exp(np.bincount(number, weights=values.weight * log_value)[keep] / weight[keep])
    return _prepare(values.transactions[first][keep], mean, weight[keep])


def _evaluate(parameters: GammaGammaParameters, values: _Values, order: int) -> Evaluation:
    """Log-likelihood, gradient (3,) and Hessian (3, 3) in the logarithms of p, q, gamma, up to `order`.

    FH equation 1a, written with u = log(n m / (gamma + n m)) and v = log(gamma / (gamma + n m)):
    log Gamma(pn + q) - log Gamma(pn) - log Gamma(q) + pn u + q v - log m.
    """
    p, q, gamma = parameters.p, parameters.q, parameters.gamma
    n, m, w = values.transactions, values.mean_value, values.weight
    k = values.distinct
    spent = n * m
    u, v = -np.log1p(gamma / spent), -np.log1p(spent / gamma)
    weight_of_k = np.bincount(values.place, weights=w)
    value = dot(weight_of_k, gammaln(p * k + q) - gammaln(p * k) - gammaln(q))
    value += dot(w, p * n * u + q * v - np.log(m))
    if order == 0:
        return value, np.empty(0), np.empty((0, 0))

    total = gamma + spent
    slope = np.array(
        [
            dot(weight_of_k, k * (psi(p * k + q) - psi(p * k))) + dot(w * n, u),
            dot(weight_of_k, psi(p * k + q) - psi(q)) + dot(w, v),
            dot(w, (q * spent / gamma - p * n) / total),
        ]
    )
    theta = np.array([p, q, gamma])
    if order == 1:
        return value, slope * theta, np.empty((0, 0))

    both = polygamma(1, p * k + q)
    curvature = np.empty((3, 3))
    curvature[0, 0] = dot(weight_of_k, k**2 * (both - polygamma(1, p * k)))
    curvature[0, 1] = curvature[1, 0] = dot(weight_of_k, k * both)
    curvature[1, 1] = dot(weight_of_k, both - polygamma(1, q))
    curvature[0, 2] = curvature[2, 0] = -dot(w * n, 1 / total)
    curvature[1, 2] = curvature[2, 1] = dot(w, spent / (gamma * total))
    curvature[2, 2] = dot(w, (p * n + q) / total**2) - w.sum() * q / gamma**2
    slope = slope * theta
    return value, slope, curvature * np.outer(theta, theta) + np.diag(slope)
