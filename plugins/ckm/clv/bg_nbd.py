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
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betaln, expit, gammaln, polygamma, psi

from ckm.clv.arrivals import arrivals_tail
from ckm.clv.maximum import Evaluation, dot
from ckm.clv.order_fit import MIN_CUSTOMERS, MIN_REPEATERS, SCALE_BOUNDS, SHAPE_BOUNDS, OrderFit, fit_orders
from ckm.clv.rows import Floats, States, check_horizon, check_states, distinct_rows, states_of

__all__ = [
    "MIN_CUSTOMERS", "MIN_REPEATERS", "SCALE_BOUNDS", "SHAPE_BOUNDS", "BgNbdFit", "BgNbdParameters", "draw_orders",
    "expected_orders", "expected_orders_new", "fit", "gradient", "hessian", "log_likelihood", "order_tail",
    "orders_if_alive", "probability_alive", "probability_no_order",
]  # fmt: skip

_CHUNK = 2_000_000


@dataclass(frozen=True)
class BgNbdParameters:
    """Parameters of the BG/NBD model, all positive.

    `r` and `alpha` (a time): shape and rate of the Gamma law of the order rate, whose mean is r / alpha.
    `a` and `b`: the Beta law of the chance to leave after an order, whose mean is a / (a + b).
    """

    model: ClassVar[str] = "bg_nbd"
    chances_at_start: ClassVar[int] = 0
    """Chances to leave before the first repeat order: 0 here, 1 in `ckm.clv.mbg_nbd`."""

    r: float
    alpha: float
    a: float
    b: float

    def __post_init__(self) -> None:
        for name in ("r", "alpha", "a", "b"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(f"The BG/NBD parameter {name} must be a finite number above 0, not {value}.")

    def chances(self, frequency: Floats) -> Floats:
        """How often a customer who is still there with x repeat orders could have left."""
        return frequency + self.chances_at_start


BgNbdFit = OrderFit[BgNbdParameters]


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
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 0)[0]


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
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 1)[1]


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
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 2)[2]


def fit(
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
    *,
    kind: type[BgNbdParameters] = BgNbdParameters,
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
    return fit_orders(
        states_of(frequency, recency, age, weight),
        kind,
        times=(False, True, False, False),
        starts=[
            lambda orders, r=r, a=a, b=b: (r, r / orders, a, b)
            for r, a, b in ((1.0, 1.0, 3.0), (0.3, 0.7, 2.5), (5.0, 0.2, 5.0))
        ],
        evaluate=_evaluate,
    )


def probability_alive(
    parameters: BgNbdParameters, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
) -> Floats:
    """Probability that the customer has not left by T; 1 without a chance to leave (BG/NBD, x = 0).

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
    x, t_x, T, horizons = np.broadcast_arrays(x, t_x, T, check_horizon(horizon))
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
    span = check_horizon(horizon)
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
    span = check_horizon(horizon)
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

    Under MBG/NBD the customer has outlived one chance more: p ~ Beta(a, b + x + 1).
    """
    x = np.asarray(frequency, dtype=float)
    T = np.asarray(age, dtype=float)
    spans = np.asarray(horizons, dtype=float)
    result = np.zeros((x.size, spans.size))
    if not x.size or not spans.size or spans.max() == 0:
        return result
    a, s, b = parameters.a, parameters.r + x, parameters.b + parameters.chances(x)
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


def order_tail(
    parameters: BgNbdParameters, frequency: Floats, age: Floats, horizon: float, counts: Floats
) -> Floats:
    """P(at least k orders in (T, T + horizon]) of a customer alive at T; shape (states, counts).

    A k-th order needs k arrivals in time and k - 1 chances to leave outlived, and rate and chance are
    independent given the past: I_z(k, r + x) B(a, b' + k - 1) / B(a, b'), with z = t / (alpha + T + t) and b'
    the posterior b. `frequency` and `age` of shape (states,), `counts` k >= 1.
    """
    z = horizon / (parameters.alpha + age + horizon)
    b = (parameters.b + parameters.chances(frequency))[:, None]
    outlived = np.exp(betaln(parameters.a, b + counts - 1) - betaln(parameters.a, b))
    return arrivals_tail(parameters.r + frequency, z, counts) * outlived


def draw_orders(
    parameters: BgNbdParameters,
    frequency: Floats,
    recency: Floats,
    age: Floats,
    horizon: float,
    rng: np.random.Generator,
) -> Floats:
    """One draw of the number of orders in (T, T + horizon] per state, given its past; shape of `frequency`."""
    rate = rng.gamma(parameters.r + frequency) / (parameters.alpha + age)
    leaving = rng.beta(parameters.a, parameters.b + parameters.chances(frequency))
    alive = rng.random(frequency.shape) < expit(-_log_odds_left(parameters, frequency, recency, age))
    arrivals = rng.poisson(rate * horizon)
    until_gone = np.minimum(
        -np.log(rng.random(frequency.shape)) / -np.log1p(-np.minimum(leaving, 1 - 1e-16)), 1e12
    )
    return np.where(alive, np.minimum(arrivals, np.floor(until_gone) + 1), 0.0)


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


def _log_odds_left(parameters: BgNbdParameters, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Logarithm of P(left) / P(alive), minus infinity where there was no chance to leave."""
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    chances = parameters.chances(x)
    odds = np.log(a) - np.log(b + np.maximum(chances, 1) - 1) + (r + x) * np.log1p((T - t_x) / (alpha + t_x))
    return np.where(chances > 0, odds, -np.inf)


def _evaluate(parameters: BgNbdParameters, states: States, order: int) -> Evaluation:
    """Log-likelihood, gradient (4,) and Hessian (4, 4) in the logarithms of r, alpha, a, b, up to `order`.

    FHL equation 6 written as log L = log Gamma(r + x) / Gamma(r) - x log alpha + log B(a, b + x) / B(a, b)
    - (r + x) log(1 + T / alpha) + log(1 + P(left) / P(alive)), which stays exact for large r and alpha.
    """
    r, alpha, a, b = parameters.r, parameters.alpha, parameters.a, parameters.b
    x, t_x, T, w = states.frequency, states.recency, states.age, states.weight
    k, n = states.distinct, states.distinct_weight
    c = parameters.chances(k)
    odds = _log_odds_left(parameters, x, t_x, T)
    silence = np.log1p(T / alpha)
    value = dot(n, gammaln(r + k) - gammaln(r) - k * np.log(alpha) + betaln(a, b + c) - betaln(a, b))
    value += dot(w, np.logaddexp(0.0, odds) - (r + x) * silence)
    if order == 0:
        return value, np.empty(0), np.empty((0, 0))

    left = expit(odds)
    wl = w * left
    shape = r + x
    aged = T / (alpha + T)
    after = 1 / (alpha + T) - 1 / (alpha + t_x)
    before = b + np.maximum(parameters.chances(x), 1) - 1
    log_ratio = np.log1p((T - t_x) / (alpha + t_x))
    slope = np.array(
        [
            dot(n, psi(r + k) - psi(r)) - dot(w, silence) + dot(wl, log_ratio),
            (dot(w * shape, aged) - dot(n, k)) / alpha + dot(wl * shape, after),
            dot(n, psi(a + b) - psi(a + b + c)) + wl.sum() / a,
            dot(n, psi(b + c) - psi(b) + psi(a + b) - psi(a + b + c)) - dot(wl, 1 / before),
        ]
    )
    theta = np.array([r, alpha, a, b])
    if order == 1:
        return value, slope * theta, np.empty((0, 0))

    odds_slope = (log_ratio, shape * after, np.full_like(x, 1 / a), -1 / before)
    spread = wl * (1 - left)
    curvature = np.array([[dot(spread * one, other) for other in odds_slope] for one in odds_slope])
    both = dot(n, polygamma(1, a + b) - polygamma(1, a + b + c))
    mixed = dot(w, aged) / alpha + dot(wl, after)
    curvature[0, 0] += dot(n, polygamma(1, r + k) - polygamma(1, r))
    curvature[0, 1] += mixed
    curvature[1, 0] += mixed
    curvature[1, 1] += (dot(n, k) - dot(w * shape, aged * (2 - aged))) / alpha**2
    curvature[1, 1] += dot(wl * shape, 1 / (alpha + t_x) ** 2 - 1 / (alpha + T) ** 2)
    curvature[2, 2] += both - wl.sum() / a**2
    curvature[2, 3] += both
    curvature[3, 2] += both
    curvature[3, 3] += both + dot(n, polygamma(1, b + c) - polygamma(1, b)) + dot(wl, 1 / before**2)
    slope = slope * theta
    return value, slope, curvature * np.outer(theta, theta) + np.diag(slope)
