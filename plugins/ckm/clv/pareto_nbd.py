"""Pareto/NBD model of repeat buying.

Sources: Schmittlein, Morrison and Colombo (1987), "Counting Your Customers: Who Are They and What Will They
Do Next?", Management Science 33(1), 1-24; Fader and Hardie (2005), "A Note on Deriving the Pareto/NBD Model
and Related Expressions" (brucehardie.com, note 009), called FH below.

The model: while alive, a customer orders as a Poisson process of rate lambda; the lifetime is exponential of
rate mu; lambda varies between customers as Gamma(r, rate alpha), mu as Gamma(s, rate beta), independently.

A customer is described by (x, t_x, T) as in `ckm.clv.bg_nbd`. With

    J = integral over tau in (t_x, T) of s / (beta + tau) ((alpha + t_x) / (alpha + tau))^(r + x)
        ((beta + t_x) / (beta + tau))^s,
    exp(-D) = ((alpha + t_x) / (alpha + T))^(r + x) ((beta + t_x) / (beta + T))^s,

the likelihood is Gamma(r + x) / Gamma(r) alpha^r beta^s (alpha + t_x)^-(r + x) (beta + t_x)^-s (exp(-D) + J),
and P(alive) = exp(-D) / (exp(-D) + J). FH write J with two hypergeometric functions whose difference loses all
digits for many orders; here the integral is taken, whose terms are all positive, by Gauss-Legendre in the
logarithm of tau - t_x. Relative error below 1e-11 wherever it was compared.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import expit, exprel, gammaln, polygamma, psi

from ckm.clv.arrivals import arrivals_tail
from ckm.clv.maximum import Evaluation, dot
from ckm.clv.order_fit import OrderFit, fit_orders
from ckm.clv.rows import Floats, States, check_horizon, check_states, states_of

_NODES, _WEIGHTS = np.polynomial.legendre.leggauss(32)
_PANEL = 3.5
_NEGLIGIBLE = 42.0
_CHUNK = 500_000


@dataclass(frozen=True)
class ParetoNbdParameters:
    """Parameters of the Pareto/NBD model, all positive.

    `r` and `alpha` (a time): shape and rate of the Gamma law of the order rate, whose mean is r / alpha.
    `s` and `beta` (a time): shape and rate of the Gamma law of the rate of leaving, whose mean is s / beta.
    """

    model: ClassVar[str] = "pareto_nbd"

    r: float
    alpha: float
    s: float
    beta: float

    def __post_init__(self) -> None:
        for name in ("r", "alpha", "s", "beta"):
            value = getattr(self, name)
            if not (np.isfinite(value) and value > 0):
                raise ValueError(
                    f"The Pareto/NBD parameter {name} must be a finite number above 0, not {value}."
                )


ParetoNbdFit = OrderFit[ParetoNbdParameters]


def log_likelihood(
    parameters: ParetoNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> float:
    """Log-likelihood of all customers, the sum over states of weight times log L (FH equation 18).

    Raises ValueError for impossible input (see `ckm.clv.rows.states_of`).
    """
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 0)[0]


def gradient(
    parameters: ParetoNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> Floats:
    """Analytic gradient of `log_likelihood`, shape (4,), with respect to log r, log alpha, log s, log beta.

    Raises ValueError for impossible input (see `ckm.clv.rows.states_of`).
    """
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 1)[1]


def hessian(
    parameters: ParetoNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    weight: ArrayLike | None = None,
) -> Floats:
    """Analytic second derivatives of `log_likelihood`, shape (4, 4), in the coordinates of `gradient`.

    Raises ValueError for impossible input (see `ckm.clv.rows.states_of`).
    """
    return _evaluate(parameters, states_of(frequency, recency, age, weight), 2)[2]


def fit(
    frequency: ArrayLike, recency: ArrayLike, age: ArrayLike, weight: ArrayLike | None = None
) -> ParetoNbdFit:
    """Maximum likelihood fit on distinct weighted states; deterministic. See `ckm.clv.bg_nbd.fit`.

    Raises ValueError for impossible input (see `ckm.clv.rows.states_of`).
    """
    return fit_orders(
        states_of(frequency, recency, age, weight),
        ParetoNbdParameters,
        times=(False, True, False, True),
        starts=[
            lambda orders, r=r, s=s, beta=beta: (r, r / orders, s, beta)
            for r, s, beta in ((0.5, 0.6, 0.4), (1.0, 2.0, 3.0), (5.0, 0.3, 0.3))
        ],
        evaluate=_evaluate,
    )


def probability_alive(
    parameters: ParetoNbdParameters, frequency: ArrayLike, recency: ArrayLike, age: ArrayLike
) -> Floats:
    """Probability that the customer has not left by T (FH equation 33). Returns the broadcast shape.

    Raises ValueError for impossible input (see `ckm.clv.rows.states_of`).
    """
    x, t_x, T = check_states(frequency, recency, age)
    return expit(-_log_odds_left(parameters, x, t_x, T))


def expected_orders(
    parameters: ParetoNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    horizon: ArrayLike,
) -> Floats:
    """Expected number of orders in (T, T + horizon] given the customer's past (FH equation 41).

    Returns the broadcast shape. Raises ValueError for impossible input (see `ckm.clv.rows.states_of`) or a
    horizon that is negative or not finite.
    """
    x, t_x, T = check_states(frequency, recency, age)
    span = check_horizon(horizon)
    return expit(-_log_odds_left(parameters, x, t_x, T)) * _orders_if_alive(parameters, x, T, span)


def expected_orders_new(parameters: ParetoNbdParameters, horizon: ArrayLike) -> Floats:
    """Expected repeat orders of a customer in the `horizon` after the first order (FH equation 27).

    Returns the shape of `horizon`. Raises ValueError for a horizon that is negative or not finite.
    """
    return _orders_if_alive(parameters, np.float64(0), np.float64(0), check_horizon(horizon))


def probability_no_order(
    parameters: ParetoNbdParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    horizon: ArrayLike,
) -> Floats:
    """Probability of no order in (T, T + horizon]: gone already, gone before the next order, or silent.

    Returns the broadcast shape. Raises ValueError for impossible input (see `ckm.clv.rows.states_of`) or a
    horizon that is negative or not finite.
    """
    x, t_x, T = check_states(frequency, recency, age)
    x, t_x, T, span = np.broadcast_arrays(x, t_x, T, check_horizon(horizon))
    comes = np.exp(_log_integral(parameters, x.ravel(), T.ravel(), (T + span).ravel(), of_orders=True))
    return 1.0 - expit(-_log_odds_left(parameters, x, t_x, T)) * np.minimum(comes, 1.0).reshape(x.shape)


def orders_if_alive(
    parameters: ParetoNbdParameters, frequency: ArrayLike, age: ArrayLike, horizons: ArrayLike
) -> Floats:
    """Expected orders in (T, T + t] of a customer alive at T, for n pairs (x, T) and k horizons t.

    (r + x) (beta + T) / ((alpha + T) (s - 1)) [1 - ((beta + T) / (beta + T + t))^(s - 1)], whose removable pole
    at s = 1 is taken by exprel. Shapes: `frequency` and `age` (n,), `horizons` (k,), result (n, k).
    """
    x, T, spans = (np.asarray(values, dtype=float) for values in (frequency, age, horizons))
    return _orders_if_alive(parameters, x[:, None], T[:, None], spans)


def order_tail(
    parameters: ParetoNbdParameters, frequency: Floats, age: Floats, horizon: float, counts: Floats
) -> Floats:
    """P(at least k orders in (T, T + horizon]) of a customer alive at T; shape (states, counts).

    The k-th arrival comes by u with probability F(u) = I_{u / (alpha + T + u)}(k, r + x), and the customer is
    there until then: S(t) F(t) plus the mean of F over the times of leaving before t. Error below 1e-6.
    `frequency` and `age` of shape (states,), `counts` k >= 1.
    """
    shape, alpha, beta = parameters.r + frequency, parameters.alpha + age, parameters.beta + age
    gone_by = -np.expm1(-parameters.s * np.log1p(horizon / beta))
    result = (1 - gone_by)[:, None] * arrivals_tail(shape, horizon / (alpha + horizon), counts)
    for node, weight in zip(_NODES, _WEIGHTS, strict=True):
        u = beta * np.expm1(-np.log1p(-gone_by * (node + 1) / 2) / parameters.s)
        result += (gone_by * weight / 2)[:, None] * arrivals_tail(shape, u / (alpha + u), counts)
    return result


def draw_orders(
    parameters: ParetoNbdParameters,
    frequency: Floats,
    recency: Floats,
    age: Floats,
    horizon: float,
    rng: np.random.Generator,
) -> Floats:
    """One draw of the number of orders in (T, T + horizon] per state, given its past; shape of `frequency`."""
    rate = rng.gamma(parameters.r + frequency) / (parameters.alpha + age)
    leaving = rng.gamma(parameters.s, size=frequency.shape) / (parameters.beta + age)
    alive = rng.random(frequency.shape) < expit(-_log_odds_left(parameters, frequency, recency, age))
    there = np.minimum(horizon, rng.exponential(size=frequency.shape) / np.maximum(leaving, 1e-300))
    return np.where(alive, rng.poisson(rate * there), 0.0)


def _orders_if_alive(parameters: ParetoNbdParameters, x: Floats, T: Floats, span: Floats) -> Floats:
    beta = parameters.beta + T
    length = np.log1p(span / beta)
    return (parameters.r + x) / (parameters.alpha + T) * beta * length * exprel(-(parameters.s - 1) * length)


def _log_odds_left(parameters: ParetoNbdParameters, x: Floats, t_x: Floats, T: Floats) -> Floats:
    """Logarithm of P(left) / P(alive), log J + D; minus infinity where t_x = T."""
    shape = x.shape
    x, t_x, T = x.ravel(), t_x.ravel(), T.ravel()
    log_j = _log_integral(parameters, x, t_x, T, of_orders=False)
    return (log_j + _decay(parameters, x, t_x, T - t_x)).reshape(shape)


def _decay(parameters: ParetoNbdParameters, x: Floats, begin: Floats, after: Floats) -> Floats:
    """-log of the chance of neither order nor leaving for a while `after` time `begin`."""
    u = np.log1p(after / (parameters.alpha + begin))
    return (parameters.r + x) * u + parameters.s * np.log1p(after / (parameters.beta + begin))


def _log_integral(
    parameters: ParetoNbdParameters, x: Floats, begin: Floats, end: Floats, *, of_orders: bool
) -> Floats:
    """Logarithm of the chance that an order (or leaving) ends the silence between two times; shape (n,)."""
    result = np.full(x.shape, -np.inf)
    shape = (parameters.r + x) if of_orders else np.full(x.shape, parameters.s)
    scale = parameters.alpha if of_orders else parameters.beta
    for rows, after, log_weight in _quadrature(parameters, x, begin, end):
        rate = shape[rows, None] / (scale + begin[rows, None] + after)
        total = np.exp(log_weight - _decay(parameters, x[rows, None], begin[rows, None], after)) * rate
        with np.errstate(divide="ignore"):
            result[rows] = np.log(total.sum(axis=1))
    return result


def _quadrature(
    parameters: ParetoNbdParameters, x: Floats, begin: Floats, end: Floats
) -> Iterator[tuple[np.ndarray, Floats, Floats]]:
    """Blocks of rows with their nodes, as times after `begin`, and the logarithms of the weights, (rows, nodes).

    In y = log(1 + time / h), with h the time in which the integrand falls first, it is analytic in a strip about
    the axis, so panels of fixed width converge alike for all states.
    """
    a, b = parameters.alpha + begin, parameters.beta + begin
    fall = 1 / ((parameters.r + x) / a + (parameters.s + 1) / b)
    reach = a * np.expm1(np.minimum(_NEGLIGIBLE / (parameters.r + x), 700.0))
    log_reach = np.log1p(np.minimum(end - begin, reach) / fall)
    panels = np.ceil(log_reach / _PANEL).astype(int)
    for count in np.unique(panels[panels > 0]):
        rows = np.flatnonzero(panels == count)
        places = (np.arange(count)[:, None] + (_NODES + 1) / 2).ravel() / count
        weights = np.tile(_WEIGHTS / 2, count) / count
        size = max(1, _CHUNK // places.size)
        for first in range(0, rows.size, size):
            part = rows[first : first + size]
            length, h = log_reach[part, None], fall[part, None]
            y = length * places
            yield part, h * np.expm1(y), np.log(weights * length * h) + y


def _evaluate(parameters: ParetoNbdParameters, states: States, order: int) -> Evaluation:
    """Log-likelihood, gradient (4,) and Hessian (4, 4) in the logarithms of the parameters, up to `order`.

    log(exp(-D) + J) is the logarithm of a sum over the nodes of J and one more term; its derivatives are means
    and covariances of the terms' derivatives, weighted by the terms.
    """
    r, alpha, s, beta = parameters.r, parameters.alpha, parameters.s, parameters.beta
    x, t_x, T, w = states.frequency, states.recency, states.age, states.weight
    k, n = states.distinct, states.distinct_weight
    alpha_silence, beta_silence = np.log1p(t_x / alpha), np.log1p(t_x / beta)
    value = dot(n, gammaln(r + k) - gammaln(r) - k * np.log(alpha))
    value -= dot(w, (r + x) * alpha_silence + s * beta_silence)
    survival = -_decay(parameters, x, t_x, T - t_x)
    log_j = _log_integral(parameters, x, t_x, T, of_orders=False)
    log_sum = np.logaddexp(survival, log_j)
    value += dot(w, log_sum)
    if order == 0:
        return value, np.empty(0), np.empty((0, 0))

    still = np.exp(survival - log_sum)
    first = _slopes(parameters, x, t_x, T - t_x) * still
    second = np.zeros((4, 4, x.size)) if order == 2 else None
    if second is not None:
        _add_second(second, slice(None), parameters, x, t_x, T - t_x, still)
    for rows, after, log_weight in _quadrature(parameters, x, t_x, T):
        px, pt = x[rows, None], t_x[rows, None]
        share = np.exp(log_weight - _decay(parameters, px, pt, after) - log_sum[rows, None])
        share *= s / (beta + pt + after)
        slopes = _slopes(parameters, px, pt, after)
        slopes[2] += 1 / s
        slopes[3] -= 1 / (beta + pt + after)
        for i in range(4):
            first[i, rows] += (share * slopes[i]).sum(axis=1)
        if second is not None:
            _add_second(second, rows, parameters, px, pt, after, share, leaves=True)
    theta = np.array([r, alpha, s, beta])
    slope = np.array(
        [
            dot(n, psi(r + k) - psi(r)) - dot(w, alpha_silence),
            (dot(w * (r + x), t_x / (alpha + t_x)) - dot(n, k)) / alpha,
            -dot(w, beta_silence),
            s * dot(w, t_x / (beta + t_x)) / beta,
        ]
    ) + np.array([dot(w, one) for one in first])
    if second is None:
        return value, slope * theta, np.empty((0, 0))

    curvature = np.array([[dot(w, second[i, j] - first[i] * first[j]) for j in range(4)] for i in range(4)])
    aged, later = t_x / (alpha + t_x), t_x / (beta + t_x)
    curvature[0, 0] += dot(n, polygamma(1, r + k) - polygamma(1, r))
    curvature[0, 1] += dot(w, aged) / alpha
    curvature[1, 0] += dot(w, aged) / alpha
    curvature[1, 1] += (dot(n, k) - dot(w * (r + x), aged * (2 - aged))) / alpha**2
    curvature[2, 3] += dot(w, later) / beta
    curvature[3, 2] += dot(w, later) / beta
    curvature[3, 3] -= s * dot(w, later * (2 - later)) / beta**2
    slope = slope * theta
    return value, slope, curvature * np.outer(theta, theta) + np.diag(slope)


def _slopes(parameters: ParetoNbdParameters, x: Floats, begin: Floats, after: Floats) -> Floats:
    """Derivatives of -`_decay` in r, alpha, s, beta, one on the first axis each."""
    a, b = parameters.alpha + begin, parameters.beta + begin
    return np.stack(
        np.broadcast_arrays(
            -np.log1p(after / a),
            (parameters.r + x) * after / (a * (a + after)),
            -np.log1p(after / b),
            parameters.s * after / (b * (b + after)),
        )
    )


def _add_second(
    second: Floats,
    rows: np.ndarray | slice,
    parameters: ParetoNbdParameters,
    x: Floats,
    begin: Floats,
    after: Floats,
    share: Floats,
    *,
    leaves: bool = False,
) -> None:
    """Add share times (second derivative + product of first derivatives) of each term to `second`."""
    a, b = parameters.alpha + begin, parameters.beta + begin
    slopes = _slopes(parameters, x, begin, after)
    mixed_a, mixed_b = after / (a * (a + after)), after / (b * (b + after))
    square_a = -(parameters.r + x) * after * (2 * a + after) / (a * (a + after)) ** 2
    square_b = -parameters.s * after * (2 * b + after) / (b * (b + after)) ** 2
    zero = np.zeros_like(after)
    own = {(0, 1): mixed_a, (1, 1): square_a, (2, 3): mixed_b, (3, 3): square_b}
    if leaves:
        slopes[2] += 1 / parameters.s
        slopes[3] -= 1 / (b + after)
        own[2, 2] = zero - 1 / parameters.s**2
        own[3, 3] = square_b + 1 / (b + after) ** 2
    for i in range(4):
        for j in range(i, 4):
            term = share * (slopes[i] * slopes[j] + own.get((i, j), zero))
            total = term.sum(axis=1) if term.ndim == 2 else term
            second[i, j, rows] += total
            if i != j:
                second[j, i, rows] += total
