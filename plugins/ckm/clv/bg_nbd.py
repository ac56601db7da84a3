"""BG/NBD model of repeat buying.

Source: Fader, Hardie and Lee (2005), "Counting Your Customers" the Easy Way: An Alternative to the
Pareto/NBD Model, Marketing Science 24(2), 275-284; called FHL below.

The model: while alive, a customer orders as a Poisson process of rate lambda; after each order the customer
leaves for good with probability p; lambda varies between customers as Gamma(r, rate alpha), p as Beta(a, b).

A customer is described by three numbers, all in one time unit (the unit of `alpha`):

* `frequency` x: distinct days with an order after the day of the first order (same-day orders count once),
* `recency` t_x: time from the first to the last order, 0 where x = 0 (above 0 elsewhere, if same-day orders
  are counted once),
* `age` T: time from the first order to the end of observation.

Every function takes arrays (or scalars) that broadcast together. Fit on distinct (x, t_x, T) states with the
number of customers in each as `weight`; a weight is a count, so a state of weight 3 equals three rows.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln, polygamma, psi

from ckm.clv.maximum import Evaluation, dot, maximise
from ckm.clv.rows import Floats, check_states, check_weight, distinct_rows

MIN_CUSTOMERS = 50
"""Fewer customers than this are never called identified."""
MIN_REPEATERS = 10
"""Fewer customers with a second order than this are never called identified."""
SHAPE_BOUNDS = (1e-5, 1e4)
"""Bounds of r, a and b."""
SCALE_BOUNDS = (1e-6, 1e8)
"""Bounds of alpha, in multiples of the mean age."""

_COARSE_ABOVE = 20_000
_COARSE_BINS = 50
_CHUNK = 2_000_000


@dataclass(frozen=True)
class BgNbdParameters:
    """Parameters of the BG/NBD model, all positive.

    `r` and `alpha` (a time): shape and rate of the Gamma law of the order rate, whose mean is r / alpha.
    `a` and `b`: the Beta law of the chance to leave after an order, whose mean is a / (a + b).
    """

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        for name in ("r", "alpha", "a", "b"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"The BG/NBD parameter {name} must be a finite number above 0, not {value}.")


@dataclass(frozen=True)
class BgNbdFit:
    """Result of `fit`.

    `customers` is the sum of the weights. `identified` is False where the data do not determine the
    parameters; `note` then says why in one sentence, and is empty otherwise. `standard_errors` come from the
    observed information (delta method) and are None where the fit is not identified.
    """

    parameters: BgNbdParameters
    log_likelihood: float
    customers: float
    iterations: int
    converged: bool
    identified: bool
    note: str
    standard_errors: BgNbdParameters | None


@dataclass(frozen=True)
class _States:
    """Checked states, and what depends on the frequency alone: its distinct values and their weights."""

    frequency: Floats
    recency: Floats
    age: Floats
    weight: Floats
    distinct: Floats
    distinct_weight: Floats


def log_likelihood(
    parameters: BgNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> float:
    """Log-likelihood of all customers, the sum over states of weight times log L (FHL equation 6).

    Raises ValueError for impossible input (see `fit`).
    """
    return _evaluate(parameters, _prepare(frequency, recency, age, weight), order=0)[0]


def gradient(
    parameters: BgNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> Floats:
    """Analytic gradient of `log_likelihood`, shape (4,), with respect to log r, log alpha, log a, log b.

    Raises ValueError for impossible input (see `fit`).
    """
    return _evaluate(parameters, _prepare(frequency, recency, age, weight), order=1)[1]


def hessian(
    parameters: BgNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> Floats:
    """Analytic second derivatives of `log_likelihood`, shape (4, 4), in the coordinates of `gradient`.

    Raises ValueError for impossible input (see `fit`).
    """
    return _evaluate(parameters, _prepare(frequency, recency, age, weight), order=2)[2]


def fit(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weight: ArrayLike | None = None
) -> BgNbdFit:
    """Maximum likelihood fit on distinct weighted states; deterministic.

    L-BFGS-B on the logarithms of the parameters from three fixed starts (on states binned in time where there
    are many), then Newton steps on the exact likelihood until nothing is left to gain. Bounds stop the walk
    along a flat ridge. The fit is marked as not identified when a parameter ends at a bound, the Hessian is
    not negative definite or all but flat, nobody has ordered twice, or there are too few customers.

    Raises ValueError for empty input, values that are not finite, negative values, a frequency that is not a
    whole number, a recency after the age, a recency above 0 where the frequency is 0, a weight below 0, or
    weights that are all 0.
    """
    states = _prepare(frequency, recency, age, weight)
    customers = float(states.weight.sum())
    mean_age = dot(states.weight, states.age) / customers
    repeaters = float(states.weight[states.frequency > 0].sum())
    if repeaters == 0:
        parameters = BgNbdParameters(SHAPE_BOUNDS[0], mean_age or 1.0, 1.0, 1.0)
        return BgNbdFit(
            parameters=parameters,
            log_likelihood=_evaluate(parameters, states, order=0)[0],
            customers=customers,
            iterations=0,
            converged=False,
            identified=False,
            note="No customer has ordered a second time, so rates and drop-out cannot be told apart.",
            standard_errors=None,
        )

    orders = dot(states.weight, states.frequency) / customers
    scale = mean_age if mean_age > 0 else 1.0
    unit = np.array([1.0, scale, 1.0, 1.0])
    lower = np.log([SHAPE_BOUNDS[0], SCALE_BOUNDS[0], SHAPE_BOUNDS[0], SHAPE_BOUNDS[0]])
    upper = np.log([SHAPE_BOUNDS[1], SCALE_BOUNDS[1], SHAPE_BOUNDS[1], SHAPE_BOUNDS[1]])
    starts = [
        np.log([r, r / orders, a, b]) for r, a, b in ((1.0, 1.0, 3.0), (0.3, 0.7, 2.5), (5.0, 0.2, 5.0))
    ]

    coarse = _coarse(states)

    def at(theta: Floats) -> BgNbdParameters:
        return BgNbdParameters(*(np.exp(theta) * unit))

    optimum = maximise(
        lambda theta: _evaluate(at(theta), states, order=2),
        lambda theta: _evaluate(at(theta), coarse, order=1),
        starts,
        lower,
        upper,
        customers,
    )
    names = ("r", "alpha", "a", "b")
    values = np.exp(optimum.theta) * unit
    note = ""
    if customers < MIN_CUSTOMERS:
        note = f"{customers:.0f} customers are too few; at least {MIN_CUSTOMERS} are needed."
    elif repeaters < MIN_REPEATERS:
        note = f"{repeaters:.0f} customers ordered a second time; at least {MIN_REPEATERS} are needed."
    note = note or optimum.doubt(names)
    errors = None if note else BgNbdParameters(*(values * optimum.log_errors).tolist())
    return BgNbdFit(
        parameters=BgNbdParameters(*values.tolist()),
        log_likelihood=optimum.value,
        customers=customers,
        iterations=optimum.iterations,
        converged=optimum.converged,
        identified=not note,
        note=note,
        standard_errors=errors,
    )


def probability_alive(
    parameters: BgNbdParameters, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
) -> Floats:
    """Probability that the customer has not left by T; 1 where x = 0.

    Source: Fader, Hardie and Lee (2008), "Computing P(alive) Using the BG/NBD Model", the denominator of FHL
    equation 10. Returns the broadcast shape. Raises ValueError for impossible input (see `fit`).
    """
    x, t_x, T = check_states(frequency, recency, age)
    return expit(-_log_odds_left(parameters, x, t_x, T))


def expected_orders(
    parameters: BgNbdParameters, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike
) -> Floats:
    """Expected number of orders in (T, T + horizon] given the customer's past (FHL equation 10).

    It is `probability_alive` times `orders_if_alive`, and the second depends on (x, T) only, so the costly
    part is evaluated once per distinct (x, T, horizon) however many states share it.

    `horizon` is in the time unit of the parameters. Returns the broadcast shape. Raises ValueError for
    impossible input (see `fit`) or a horizon that is negative or not finite.
    """
    x, t_x, T = check_states(frequency, recency, age)
    x, t_x, T, horizons = np.broadcast_arrays(x, t_x, T, _check_horizon(horizon))
    alive = expit(-_log_odds_left(parameters, x, t_x, T))
    first, inverse = distinct_rows(x, T, horizons)
    count = np.empty(len(first))
    flat_x, flat_T, flat_t = x.ravel()[first], T.ravel()[first], horizons.ravel()[first]
    for span in np.unique(flat_t):
        rows = flat_t == span
        count[rows] = orders_if_alive(parameters, flat_x[rows], flat_T[rows], [span])[:, 0]
    return alive * count[inverse].reshape(x.shape)


def expected_orders_new(parameters: BgNbdParameters, horizon: ArrayLike) -> Floats:
    """Expected repeat orders of a customer in the `horizon` after the first order (FHL equation 9).

    Returns the shape of `horizon`. Raises ValueError for a horizon that is negative or not finite.
    """
    span = _check_horizon(horizon)
    return orders_if_alive(parameters, [0.0], [0.0], span.ravel())[0].reshape(span.shape)


def probability_no_order(
    parameters: BgNbdParameters, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, horizon: ArrayLike
) -> Floats:
    """Probability of no order in (T, T + horizon]: gone already, or alive but silent.

    1 - P(alive) (1 - ((alpha + T) / (alpha + T + horizon))^(r + x)), because the rate of a customer who is
    alive at T follows Gamma(r + x, alpha + T). Returns the broadcast shape. Raises ValueError for impossible
    input (see `fit`) or a horizon that is negative or not finite.
    """
    x, t_x, T = check_states(frequency, recency, age)
    span = _check_horizon(horizon)
    order_if_alive = -np.expm1(-(parameters.r + x) * np.log1p(span / (parameters.alpha + T)))
    return 1.0 - expit(-_log_odds_left(parameters, x, t_x, T)) * order_if_alive


def orders_if_alive(
    parameters: BgNbdParameters, frequency: ArrayLike, age: ArrayLike, horizons: ArrayLike
) -> Floats:
    """Expected orders in (T, T + t] of a customer alive at T, for n pairs (x, T) and k horizons t.

    Shapes: `frequency` and `age` (n,), `horizons` (k,), result (n, k). Equals, after Euler's transformation
    of FHL equation 10 and with z = t / (alpha + T + t),

        (a + b + x - 1) / (a - 1) * [1 - (1 - z)^(a - 1) 2F1(a + b - 1 - r, a - 1; a + b + x - 1; z)],

    but the hypergeometric function loses all digits or overflows for a close to 1, many orders, or z close to
    1. So its Euler integral is taken instead: with tau = t / (alpha + T), the mean over p ~ Beta(a, b + x) of
    h(p) = [1 - (1 + p tau)^-(r + x)] / p. Every term is positive, nothing cancels. In y = logit(p) the
    integrand is analytic in a strip, so the trapezoidal rule converges geometrically; its tails are geometric
    series and are added in closed form. Relative error below 1e-11 wherever it was compared.
    """
    x = np.asarray(frequency, dtype=float)
    T = np.asarray(age, dtype=float)
    spans = np.asarray(horizons, dtype=float)
    result = np.zeros((x.size, spans.size))
    if not x.size or not spans.size or spans.max() == 0:
        return result
    a, s, b = parameters.a, parameters.r + x, parameters.b + x
    tau = spans / (parameters.alpha + T)[:, None]

    # Logarithm of the weight in y: a y - (a + b) log(1 + exp y), at most `peak`, at most a y and -b y.
    concentration = a * b / (a + b)
    peak = a * np.log(a / (a + b)) + b * np.log(b / (a + b))
    reach = np.log(np.maximum.reduce([np.ones_like(s), (s + 1) * tau.max(axis=1), tau.max(axis=1)]))
    step = 0.28 / np.sqrt(1 + concentration / 4)
    left = np.maximum((peak - 40 - reach) / a, -40 - np.maximum(reach, np.log(a + b)))
    right = np.minimum((40 + reach - peak) / b, 40.0)
    nodes = np.ceil((right - left) / step).astype(int) + 1

    order = np.argsort(nodes, kind="stable")
    begin = 0
    while begin < x.size:
        end = begin + max(1, min(_CHUNK // int(nodes[order[begin]]), x.size - begin))
        while end > begin + 1 and (end - begin) * int(nodes[order[end - 1]]) > 2 * _CHUNK:
            end = begin + (end - begin) // 2
        rows = order[begin:end]
        result[rows] = _beta_mean(
            a, b[rows], s[rows], tau[rows], left[rows], step[rows], peak[rows], int(nodes[rows].max())
        )
        begin = end
    return result


def _beta_mean(
    a: float, b: Floats, s: Floats, tau: Floats, left: Floats, step: Floats, peak: Floats, nodes: int
) -> Floats:
    """Mean of h(p) over Beta(a, b), shape of `tau`, by the trapezoidal rule; see `orders_if_alive`."""
    y = left[:, None] + step[:, None] * np.arange(nodes)
    weight = np.exp(a * y - (a + b)[:, None] * np.logaddexp(0.0, y) - peak[:, None])
    # Beyond the ends h is constant and the weight falls by a constant factor per node.
    weight[:, 0] /= -np.expm1(-a * step)
    weight[:, -1] /= -np.expm1(-b * step)
    total = weight.sum(axis=1)
    p = expit(y)
    weight /= p
    result = np.empty(tau.shape)
    for column in range(tau.shape[1]):
        h = -np.expm1(-s[:, None] * np.log1p(p * tau[:, column, None]))
        result[:, column] = np.einsum("ij,ij->i", weight, h) / total
    return result


def _prepare(frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weight: ArrayLike | None) -> _States:
    x, t_x, T = (np.atleast_1d(column).ravel() for column in check_states(frequency, recency, age))
    if x.size == 0:
        raise ValueError("There are no customers to fit.")
    w = check_weight(weight, x.shape)
    distinct, inverse = np.unique(x, return_inverse=True)
    return _States(x, t_x, T, w, distinct, np.bincount(inverse, weights=w))


def _coarse(states: _States) -> _States:
    """States binned in time with the means within a bin, where there are many; for the first search only."""
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
    return _prepare(mean_x, np.where(mean_x > 0, np.minimum(mean_t_x, mean_T), 0), mean_T, weight[keep])


def _log_odds_left(parameters: BgNbdParameters, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Logarithm of P(left) / P(alive), minus infinity where x = 0."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    odds = np.log(a) - np.log(b + np.maximum(x, 1) - 1) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    return np.where(x > 0, odds, -np.inf)


def _evaluate(parameters: BgNbdParameters, states: _States, order: int) -> Evaluation:
    """Log-likelihood, gradient (4,) and Hessian (4, 4) in the logarithms of r, alpha, a, b, up to `order`.

    FHL equation 6 written as log L = log Gamma(r + x) / Gamma(r) - x log alpha + log B(a, b + x) / B(a, b)
    - (r + x) log(1 + T / alpha) + log(1 + P(left) / P(alive)), which stays exact for large r and alpha.
    """
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    x, t_x, T, w = states.frequency, states.recency, states.age, states.weight
    k, n = states.distinct, states.distinct_weight
    odds = _log_odds_left(parameters, x, t_x, T)
    silence = np.log1p(T / alpha)
    value = dot(n, gammaln(r + k) - gammaln(r) - k * np.log(alpha) + betaln(a, b + k) - betaln(a, b))
    value += dot(w, np.logaddexp(0.0, odds) - (r + x) * silence)
    if order == 0:
        return value, np.empty(0), np.empty((0, 0))

    left = expit(odds)
    wl = w * left
    shape = r + x
    aged = T / (alpha + T)
    after = 1 / (alpha + T) - 1 / (alpha + t_x)
    before = np.maximum(b + x - 1, b)
    log_ratio = np.log1p((T - t_x) / (alpha + t_x))
    slope = np.array(
        [
            dot(n, psi(r + k) - psi(r)) - dot(w, silence) + dot(wl, log_ratio),
            (dot(w * shape, aged) - dot(n, k)) / alpha + dot(wl * shape, after),
            dot(n, psi(a + b) - psi(a + b + k)) + wl.sum() / a,
            dot(n, psi(b + k) - psi(b) + psi(a + b) - psi(a + b + k)) - dot(wl, 1 / before),
        ]
    )
    theta = np.array([r, alpha, a, b])
    if order == 1:
        return value, slope * theta, np.empty((0, 0))

    odds_slope = (log_ratio, shape * after, np.full_like(x, 1 / a), -1 / before)
    spread = wl * (1 - left)
    curvature = np.array([[dot(spread * one, other) for other in odds_slope] for one in odds_slope])
    both = dot(n, polygamma(1, a + b) - polygamma(1, a + b + k))
    mixed = dot(w, aged) / alpha + dot(wl, after)
    curvature[0, 0] += dot(n, polygamma(1, r + k) - polygamma(1, r))
    curvature[0, 1] += mixed
    curvature[1, 0] += mixed
    curvature[1, 1] += (dot(n, k) - dot(w * shape, aged * (2 - aged))) / alpha**2
    curvature[1, 1] += dot(wl * shape, 1 / (alpha + t_x) ** 2 - 1 / (alpha + T) ** 2)
    curvature[2, 2] += both - wl.sum() / a**2
    curvature[2, 3] += both
    curvature[3, 2] += both
    curvature[3, 3] += both + dot(n, polygamma(1, b + k) - polygamma(1, b)) + dot(wl, 1 / before**2)
    slope = slope * theta
    return value, slope, curvature * np.outer(theta, theta) + np.diag(slope)


def _check_horizon(horizon: ArrayLike) -> Floats:
    span = np.asarray(horizon, dtype=float)
    if not np.isfinite(span).all() or (span < 0).any():
        raise ValueError("The horizon must be finite and not negative.")
    return span
