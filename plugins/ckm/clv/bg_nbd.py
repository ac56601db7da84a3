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

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import ArrayLike, NDArray
from scipy.optimize import minimize
from scipy.special import betaln, expit, gammaln, polygamma, psi

Floats = NDArray[np.float64]
Evaluation = tuple[float, Floats, Floats]

MIN_CUSTOMERS = 50
"""Fewer customers than this are never called identified."""
MIN_REPEATERS = 10
"""Fewer customers with a second order than this are never called identified."""
MAX_LOG_ERROR = 3.0
"""A parameter whose logarithm has a larger standard error than this (a factor of 20) lies on a flat ridge."""
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


def dot(left: Floats, right: Floats) -> float:
    """Inner product by pairwise summation.

    Not by BLAS: its threads wait on each other when the machine is busy, and its rounding depends on them.
    """
    return float((left * right).sum())


@dataclass(frozen=True)
class Optimum:
    """Result of `maximise`: point, value, Hessian there, and which coordinates rest on a bound."""

    theta: Floats
    value: float
    hessian: Floats
    at_bound: NDArray[np.bool_]
    iterations: int
    converged: bool

    @property
    def log_errors(self) -> Floats:
        """Standard errors of theta from the observed information; NaN where it is not positive definite."""
        try:
            np.linalg.cholesky(-self.hessian)
            return np.sqrt(np.diag(np.linalg.inv(-self.hessian)))
        except np.linalg.LinAlgError:
            return np.full(len(self.theta), np.nan)

    def doubt(self, names: tuple[str, ...]) -> str:
        """One sentence on why the optimum does not determine the parameters, empty where it does."""
        if self.at_bound.any():
            listed = ", ".join(name for name, bound in zip(names, self.at_bound, strict=True) if bound)
            return f"The likelihood is flat or still rising where {listed} meets its bound."
        errors = self.log_errors
        if not np.isfinite(errors).all():
            return "The likelihood has no strict maximum (its Hessian is not negative definite)."
        if errors.max() > MAX_LOG_ERROR:
            return f"The likelihood is almost flat along {names[int(errors.argmax())]}."
        if not self.converged:
            return "The search for the maximum did not settle."
        return ""


def maximise(
    exact: Callable[[Floats], Evaluation],
    coarse: Callable[[Floats], Evaluation],
    starts: list[Floats],
    lower: Floats,
    upper: Floats,
    total: float,
) -> Optimum:
    """Maximum of a log-likelihood inside bounds: L-BFGS-B on `coarse` from every start, Newton on `exact`.

    `exact` returns value, gradient and Hessian; of `coarse` the first two are used. `total` is the sum of
    weights, by which the coarse search is scaled. Newton steps are damped until they raise the value,
    coordinates pressed against a bound stay there, and the search ends when a step promises less than 1e-11
    in log-likelihood.
    """
    best: Floats | None = None
    best_value, iterations = np.inf, 0

    def negative(theta: Floats) -> tuple[float, Floats]:
        value, slope, _ = coarse(theta)
        return -value / total, -slope / total

    for start in starts:
        found = minimize(
            negative,
            np.clip(start, lower, upper),
            jac=True,
            method="L-BFGS-B",
            bounds=list(zip(lower, upper, strict=True)),
            options={"maxiter": 500, "ftol": 1e-12, "gtol": 1e-7},
        )
        iterations += int(found.nit)
        if best is None or found.fun < best_value - 1e-9:
            best, best_value = found.x, float(found.fun)
    assert best is not None

    theta, converged, damping = np.clip(best, lower, upper), False, 0.0
    value, slope, curvature = exact(theta)
    for _ in range(100):
        pressed = ((theta <= lower + 1e-9) & (slope <= 0)) | ((theta >= upper - 1e-9) & (slope >= 0))
        free = ~pressed
        if not free.any():
            converged = True
            break
        information = -curvature[np.ix_(free, free)]
        spectrum, axes = np.linalg.eigh(information)
        # Negative curvature is turned around and near-zero curvature lifted, so every step climbs.
        lifted = np.maximum(np.abs(spectrum), 1e-12 * total) + damping
        move = axes @ ((axes.T @ slope[free]) / lifted)
        gain = 0.5 * float(slope[free] @ move)
        if gain < 1e-11 and damping == 0:
            converged = True
            break
        proposal = theta.copy()
        proposal[free] += move * min(1.0, 3.0 / float(np.abs(move).max()))
        proposal = np.clip(proposal, lower, upper)
        tried = exact(proposal)
        iterations += 1
        if np.isfinite(tried[0]) and tried[0] >= value - 1e-13 * abs(value):
            theta, (value, slope, curvature) = proposal, tried
            damping = 0.0 if damping < 1e-6 * total else damping / 10
        elif gain < 1e-8:
            converged = True
            break
        else:
            damping = max(10 * damping, 1e-4 * total)
    at_bound = (theta <= lower + 1e-6) | (theta >= upper - 1e-6)
    return Optimum(theta, value, curvature, at_bound, iterations, converged)


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
