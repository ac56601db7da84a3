"""Customer lifetime value: discounted orders, and an interval for the spend of a horizon.

The time unit of all parameters here is the day. Money is the orders of BG/NBD, MBG/NBD or Pareto/NBD times
the order value: the point estimate of a customer's value is `discounted_orders` times
`gamma_gamma.expected_value` (or its rival, `shrunken_mean.expected_value`).
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import fields

import numpy as np
from numpy.typing import ArrayLike
from scipy.special import betainc, betaincinv, expit

from ckm.clv.gamma_gamma import GammaGammaFit, GammaGammaParameters
from ckm.clv.orders import OrderFit, OrderParameters, model_of
from ckm.clv.rows import Floats, check_states, distinct_rows

DAYS_PER_YEAR = 365.0

MAX_LEVEL = 0.999
"""Wider intervals are refused: the law is truncated where its tail falls below 1e-7."""

NEGLIGIBLE_ERROR = 0.03
"""Standard errors of the logarithms below which no interval takes notice of them: where a customer's spend has a
coefficient of variation of one half or more, they widen it by less than 0.2 %."""
LATER_STEP_DAYS = 182.5
"""Steps of discounting after the first year; at 10 % a year they cost less than 1e-3 of the value."""

_CHEBYSHEV = 40
_CHUNK = 2_000_000
_NEGLIGIBLE = 1e-7


def discounted_orders(
    parameters: OrderParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    horizon_days: float,
    annual_discount_rate: float,
    step_days: float = 30.0,
) -> Floats:
    """Expected orders in (T, T + horizon_days], each discounted to T.

    Sum over steps k of (E[X(t_k)] - E[X(t_k-1)]) / (1 + d)^(middle of the step / 365), with t_k multiples of
    `step_days` and the last step cut at the horizon. States are (x, t_x, T) in days, any broadcasting shape,
    which is returned. With d = 0 it equals `expected_orders`.

    Raises ValueError for impossible states (see `bg_nbd.fit`), a horizon or rate that is negative or not
    finite, or a step that is not above 0.
    """
    x, t_x, T = check_states(frequency, recency, age)
    first, inverse = distinct_rows(x, T)
    times, factors = _discount_steps(horizon_days, annual_discount_rate, step_days)
    count = _discounted(parameters, x.ravel()[first], T.ravel()[first], times, factors)
    return model_of(parameters).probability_alive(parameters, x, t_x, T) * count[inverse].reshape(x.shape)


def outlook(
    parameters: OrderParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    horizons_days: Sequence[float],
    annual_discount_rate: float,
) -> tuple[Floats, Floats]:
    """Expected and discounted orders of several horizons at once, each of shape (horizons, states).

    As `expected_orders` and `discounted_orders`, but the law of a state is worked out once for all of them, and
    after a year the steps of discounting are `LATER_STEP_DAYS` long. Raises ValueError as these do.
    """
    x, t_x, T = (column.ravel() for column in check_states(frequency, recency, age))
    first, inverse = distinct_rows(x, T)
    ends = {horizon: _step_ends(horizon) for horizon in horizons_days}
    times = sorted({end for each in ends.values() for end in each})
    count = _orders_if_alive(parameters, x[first], T[first], times)
    alive = model_of(parameters).probability_alive(parameters, x, t_x, T)
    expected, discounted = np.empty((len(ends), x.size)), np.empty((len(ends), x.size))
    for row, horizon in enumerate(horizons_days):
        columns = [times.index(end) for end in ends[horizon]]
        edges = np.array([0.0, *ends[horizon]])
        factors = (1 + annual_discount_rate) ** (-(edges[1:] + edges[:-1]) / 2 / DAYS_PER_YEAR)
        upto = count[:, columns]
        expected[row] = alive * upto[inverse, -1]
        discounted[row] = alive * (upto @ (factors - np.append(factors[1:], 0.0)))[inverse]
    return expected, discounted


def value_interval_factors(
    order_law: OrderParameters,
    gg: GammaGammaParameters,
    frequency: ArrayLike,
    recency: ArrayLike,
    age: ArrayLike,
    transactions: ArrayLike,
    horizon_days: float,
    annual_discount_rate: float = 0.0,
    level: float = 0.90,
    step_days: float = 30.0,
    spread: Sequence[tuple[OrderParameters, GammaGammaParameters]] = (),
) -> tuple[Floats, Floats]:
    """Interval of the spend in (T, T + horizon_days], as factors (low, high) of the expected order value.

    With E[Z] = `gamma_gamma.expected_value(gg, transactions, mean_value)`, a customer's spend lies between
    low * E[Z] and high * E[Z] with probability `level` (or more: low is 0 where no order at all is likelier
    than the lower tail). The tails are equal. The factors depend on (x, t_x, T, n) only, not on the mean
    value, so compute them for distinct states.

    Nothing is drawn at random; the law of the spend V is a mixture in closed form. Given the past:

    * the customer is alive with P(alive), and then makes X orders, P(X >= k) being the model's `order_tail`;
    * for k orders V ~ Gamma(p k, nu) with nu ~ Gamma(p n + q, gamma + n m), so R = V / (gamma + n m) is beta
      prime: P(R <= v | k) = I_{v / (1 + v)}(p k, p n + q). Since E[Z] = p (gamma + n m) / (p n + q - 1), a
      quantile of R becomes a factor by (p n + q - 1) / p.

    Approximations: quantiles are interpolated in log v on a fixed lattice (error below 0.3 %; more only where
    the quantile itself is negligible), order counts above 100 are grouped in blocks of 1 % width. A state's
    factors do not depend on the other states passed along, but for 1e-6 of their size.
    Discounting scales the quantiles by `discounted_orders` over expected orders, which is exact for the mean
    and neglects that spending earlier or later within the horizon is discounted differently.

    The uncertainty of the parameters enters by `spread` (see there): the law is then the mean of the laws at
    its points, and the interval that of a customer whose own mean value is the population's. Without it the
    interval is a little narrow for small fits.

    `transactions` n is what gamma_gamma averaged, 0 allowed. All inputs broadcast together; both results have
    that shape. Both are NaN where p n + q <= 1 (no finite expected order value). Memory: some ten floats per
    state and about 100 MB of work space, independent of the number of states.

    Raises ValueError for impossible states (see `bg_nbd.fit`), transactions that are not whole numbers of 0
    or more, a horizon or rate that is negative or not finite, a step that is not above 0, or a level that
    is not above 0 or exceeds `MAX_LEVEL`.
    """
    if not 0 < level <= MAX_LEVEL:
        raise ValueError(f"The level must be above 0 and at most {MAX_LEVEL}.")
    x, t_x, T = check_states(frequency, recency, age)
    try:
        x, t_x, T, n = np.broadcast_arrays(x, t_x, T, np.asarray(transactions, dtype=float))
    except (TypeError, ValueError) as error:
        raise ValueError("Transactions must be numbers, one for each state.") from error
    if not np.isfinite(n).all() or (n < 0).any() or (n != np.floor(n)).any():
        raise ValueError("Transactions must be whole numbers of 0 or more.")
    times, discount = _discount_steps(horizon_days, annual_discount_rate, step_days)
    shape = x.shape
    first, inverse = distinct_rows(x, T, n)
    pair_x, pair_T, pair_n = x.ravel()[first], T.ravel()[first], n.ravel()[first]
    scale = np.where(gg.p * pair_n + gg.q > 1, (gg.p * pair_n + gg.q - 1) / gg.p, np.nan)
    if annual_discount_rate > 0 and horizon_days > 0:
        plain = _orders_if_alive(order_law, pair_x, pair_T, [horizon_days])[:, 0]
        scale = scale * _discounted(order_law, pair_x, pair_T, times, discount) / plain
    points = list(spread) or [(order_law, gg)]
    alive = np.stack(
        [model_of(at).probability_alive(at, x, t_x, T).ravel() for at, _ in points]
    )  # (points, states)
    tail = (1 - level) / 2
    order = np.argsort(inverse, kind="stable")
    starts = np.searchsorted(inverse[order], np.arange(len(first) + 1))
    quantiles = [np.zeros(alive.shape[1]), np.zeros(alive.shape[1])]
    for count in np.unique(pair_n) if horizon_days > 0 else ():
        pairs = np.flatnonzero(pair_n == count)
        pairs = pairs[np.lexsort((pair_T[pairs], pair_x[pairs]))]
        reach = np.max([_order_reach(at, pair_x[pairs], pair_T[pairs], horizon_days) for at, _ in points])
        edges = _block_edges(float(reach))
        rows = max(1, _CHUNK // max(edges.size, 1000))
        for begin in range(0, pairs.size, rows):
            part = pairs[begin : begin + rows]
            log_grid, laws = _spend_laws(
                points, gg, pair_x[part], pair_T[part], float(count), horizon_days, tail, edges
            )
            lengths = starts[part + 1] - starts[part]
            members = order[
                np.repeat(starts[part] - np.cumsum(lengths) + lengths, lengths) + np.arange(lengths.sum())
            ]
            row = np.repeat(np.arange(part.size), lengths)
            if len(points) == 1:
                # Levels within the law of a customer who is alive; below 0 the quantile is 0.
                with np.errstate(divide="ignore"):
                    gone = (1 - alive[0, members]) / alive[0, members]
                quantiles[0][members] = _invert(log_grid, laws[0], row, tail - (1 - tail) * gone)
                quantiles[1][members] = _invert(log_grid, laws[0], row, (1 - tail) - tail * gone)
                continue
            size = max(1, _CHUNK // laws.shape[2])
            for at in range(0, members.size, size):
                some, their = members[at : at + size], row[at : at + size]
                mixed = np.zeros((some.size, laws.shape[2]))
                for law, there in zip(laws, alive[:, some], strict=True):
                    mixed += ((1 - there)[:, None] + there[:, None] * law[their]) / len(points)
                own = np.arange(some.size)
                quantiles[0][some] = _invert(log_grid, mixed, own, np.full(some.size, tail))
                quantiles[1][some] = _invert(log_grid, mixed, own, np.full(some.size, 1 - tail))
    low, high = (quantile * scale[inverse] for quantile in quantiles)
    return low.reshape(shape), high.reshape(shape)


def spread(
    orders: OrderFit, order_value: GammaGammaFit
) -> list[tuple[OrderParameters, GammaGammaParameters]]:
    """Parameter sets of equal weight that stand for the uncertainty of two fits.

    The logarithms of the parameters are about normal around the maximum with the inverse of the observed
    information as covariance; the 2 d points at sqrt(d) times the columns of its root have that mean and
    covariance (third-degree spherical cubature). A fit that is not identified is taken as it is. Empty where
    neither is, or where no logarithm has an error above `NEGLIGIBLE_ERROR`.
    """
    fits = (orders, order_value)
    roots = [
        np.zeros((0, 0)) if fit.log_covariance is None else np.linalg.cholesky(np.array(fit.log_covariance))
        for fit in fits
    ]
    dimension = sum(len(root) for root in roots)
    if (
        not dimension
        or max(np.linalg.norm(root, axis=1).max() for root in roots if len(root)) < NEGLIGIBLE_ERROR
    ):
        return []
    points: list[tuple[OrderParameters, GammaGammaParameters]] = []
    for which, root in enumerate(roots):
        for column in root.T * np.sqrt(dimension):
            for sign in (1.0, -1.0):
                moved = [fit.parameters for fit in fits]
                moved[which] = _moved(moved[which], sign * column)
                points.append((moved[0], moved[1]))
    return points


def draw_spend(
    orders: OrderFit,
    order_value: GammaGammaFit,
    frequency: Floats,
    recency: Floats,
    age: Floats,
    transactions: Floats,
    mean_value: Floats,
    horizon_days: float,
    draws: int,
    seed: int,
    level_error: float = 0.0,
) -> tuple[Floats, Floats]:
    """Orders and undiscounted spend of each customer in the horizon, drawn from the predictive law.

    Each draw takes parameters from the fits' uncertainty and, for each customer, orders and their values given
    the past: both results have the shape (draws, customers). Where all customers together may order more or less than
    expected, `level_error` is the standard deviation of the logarithm of that level, of which each draw has one: time
    runs so much faster for everybody. For totals of groups and for probability integral transforms; a customer's own
    interval needs no draws (`value_interval_factors`).
    """
    rng = np.random.default_rng(seed)
    counts, spends = np.empty((draws, frequency.size)), np.empty((draws, frequency.size))
    known = np.where(transactions > 0, mean_value, 0.0) * transactions
    for draw in range(draws):
        law, gg = (
            fit.parameters
            if fit.log_covariance is None
            else _moved(
                fit.parameters,
                np.linalg.cholesky(np.array(fit.log_covariance))
                @ rng.standard_normal(len(fit.log_covariance)),
            )
            for fit in (orders, order_value)
        )
        level = np.exp(level_error * rng.standard_normal())
        count = model_of(law).draw_orders(law, frequency, recency, age, horizon_days * level, rng)
        rate = rng.gamma(gg.p * transactions + gg.q) / (gg.gamma + known)
        value = rng.gamma(np.maximum(gg.p * count, 1e-12)) / rate
        counts[draw], spends[draw] = count, np.where(count > 0, value, 0.0)
    return counts, spends


def _moved(parameters, log_step: Floats):  # type: ignore[no-untyped-def]
    """Parameters with their logarithms moved by a step."""
    values = [getattr(parameters, field.name) for field in fields(parameters)]
    return type(parameters)(*(np.array(values) * np.exp(np.clip(log_step, -20, 20))).tolist())


def _orders_if_alive(law: OrderParameters, x: Floats, T: Floats, times: Sequence[float]) -> Floats:
    """`orders_if_alive` of many pairs (x, T), shape (pairs, times), to a relative 1e-10.

    For one x it is analytic in log(alpha + T), so where an x has many ages it is worked out at Chebyshev points
    between the youngest and the oldest and interpolated to the others in barycentric form.
    """
    module = model_of(law)
    result = np.empty((x.size, len(times)))
    order = np.argsort(x, kind="stable")
    bounds = np.flatnonzero(np.diff(x[order])) + 1
    alone = []
    angle = np.pi * np.arange(_CHEBYSHEV) / (_CHEBYSHEV - 1)
    weights = np.where((np.arange(_CHEBYSHEV) % (_CHEBYSHEV - 1)) == 0, 0.5, 1.0) * (-1.0) ** np.arange(
        _CHEBYSHEV
    )
    for rows in np.split(order, bounds):
        if rows.size <= 2 * _CHEBYSHEV:
            alone.append(rows)
            continue
        place = np.log(law.alpha + T[rows])
        low, high = place.min(), place.max()
        nodes = (low + high) / 2 + (high - low) / 2 * np.cos(angle)
        ages = np.maximum(np.exp(nodes) - law.alpha, 0.0)
        known = module.orders_if_alive(law, np.full(_CHEBYSHEV, x[rows[0]]), ages, times)
        with np.errstate(divide="ignore", invalid="ignore"):
            share = weights / (place[:, None] - nodes)
            share /= share.sum(axis=1, keepdims=True)
        hit = ~np.isfinite(share).all(axis=1)
        share[hit] = np.isclose(place[hit, None], nodes, rtol=1e-14, atol=1e-14)
        result[rows] = share @ known
    if alone:
        few = np.concatenate(alone)
        result[few] = module.orders_if_alive(law, x[few], T[few], times)
    return result


def _step_ends(horizon_days: float) -> list[float]:
    """Ends of steps of 30 days up to a year and of half a year after it, the last cut at the horizon."""
    early = _discount_steps(min(horizon_days, DAYS_PER_YEAR), 0.0, 30.0)[0].tolist()
    if horizon_days <= DAYS_PER_YEAR:
        return early
    later = _discount_steps(horizon_days - DAYS_PER_YEAR, 0.0, LATER_STEP_DAYS)[0]
    return early + (DAYS_PER_YEAR + later).tolist()


def _discount_steps(
    horizon_days: float, annual_discount_rate: float, step_days: float
) -> tuple[Floats, Floats]:
    """Ends of the steps, and the discount factor at the middle of each."""
    if not (np.isfinite(horizon_days) and horizon_days >= 0):
        raise ValueError("The horizon must be finite and not negative.")
    if not (np.isfinite(annual_discount_rate) and annual_discount_rate >= 0):
        raise ValueError("The annual discount rate must be finite and not negative.")
    if not (np.isfinite(step_days) and step_days > 0):
        raise ValueError("The step must be above 0.")
    steps = max(1, int(np.ceil(horizon_days / step_days - 1e-9)))
    edges = np.append(step_days * np.arange(steps), horizon_days)
    middle = (edges[1:] + edges[:-1]) / 2
    return edges[1:], (1 + annual_discount_rate) ** (-middle / DAYS_PER_YEAR)


def _discounted(law: OrderParameters, x: Floats, T: Floats, times: Floats, factors: Floats) -> Floats:
    """Discounted orders of a customer alive at T; `x` and `T` of shape (n,), which is returned."""
    # Summed by parts: E[X(t_k)] enters with its own factor and leaves with that of the next step.
    return _orders_if_alive(law, x, T, times) @ (factors - np.append(factors[1:], 0.0))


def _order_reach(law: OrderParameters, x: Floats, T: Floats, horizon: float) -> Floats:
    """A number of orders hardly ever exceeded within the horizon: mean, deviations and geometric tail."""
    tau = horizon / (law.alpha + T)
    mean = (law.r + x) * tau
    return 10 + mean + 8 * np.sqrt(mean * (1 + tau)) + 16 * (1 + tau)


def _block_edges(reach: float) -> Floats:
    """First order count of each block: 1, 2, ... up to 100, then blocks of 1 %."""
    edges = [float(k) for k in range(1, int(min(reach, 100.0)) + 2)]
    while edges[-1] <= reach:
        edges.append(edges[-1] + np.floor(edges[-1] / 100))
    return np.array(edges)


def _spend_laws(
    points: Sequence[tuple[OrderParameters, GammaGammaParameters]],
    centre: GammaGammaParameters,
    x: Floats,
    T: Floats,
    n: float,
    horizon: float,
    tail: float,
    edges: Floats,
) -> tuple[Floats, Floats]:
    """Law of R of customers alive at T who all have n transactions, at each point; `x` and `T` of shape (m,).

    Returns log v of a common grid in units of gamma + n m of the `centre`, shape (g,), and P(R <= v), shape
    (points, m, g + 1), whose first column is P(R = 0). An m of the population stands for those of customers.
    """
    tails = {law: model_of(law).order_tail(law, x, T, horizon, edges) for law in {law for law, _ in points}}
    reaches = np.stack([tails[law] for law, _ in points])
    blocks = max(2, int((reaches.max(axis=(0, 1)) > _NEGLIGIBLE).sum()) + 1)
    reaches, edges = reaches[:, :, :blocks], edges[:blocks]
    mass = -np.diff(reaches, axis=2)
    mass[:, :, -1] += reaches[:, :, -1]
    middle = (edges[:-1] + edges[1:] - 1) / 2
    most = edges[min(int((reaches.max(axis=(0, 1)) > 0.4 * tail).sum()), blocks - 1)]

    # Lattice points are multiples of a step that depends on n only. They start where even a single order
    # hardly ever is worth less, and end where at most 0.8 of the upper tail is left.
    mean = centre.p * centre.gamma / max(centre.q - 1, 0.1)
    shifts, bottoms, tops = {}, [], []
    for _, gg in points:
        shape = gg.p * n + gg.q
        shifts[gg] = np.log((gg.gamma + n * mean) / (centre.gamma + n * mean))
        bottoms.append(max(_logit(betaincinv(gg.p, shape, 1e-4)), np.log(gg.p / shape) - 14.0) + shifts[gg])
        tops.append(-_logit(betaincinv(shape, gg.p * most, 0.4 * tail)) + shifts[gg])
    step = float(np.clip(0.6 / np.sqrt(centre.p * n + centre.q), 0.005, 0.03)) * (
        1 if len(points) == 1 else 2
    )
    bottom, top = min(bottoms), max(max(tops), min(bottoms) + step)
    log_grid = step * np.arange(np.floor(bottom / step), np.ceil(top / step) + 1)
    tables = {
        gg: betainc(gg.p * middle[:, None], gg.p * n + gg.q, expit(log_grid - shift))
        for gg, shift in shifts.items()
    }
    laws = np.empty((len(points), x.size, log_grid.size + 1))
    laws[:, :, 0] = 1 - reaches[:, :, 0]
    for place, (_, gg) in enumerate(points):
        laws[place, :, 1:] = mass[place] @ tables[gg] + laws[place, :, :1]
    return log_grid, laws


def _logit(y: float) -> float:
    """log(v) of the beta prime value v = y / (1 - y)."""
    return float(np.log(y) - np.log1p(-y)) if y > 0 else -np.inf


def _invert(log_grid: Floats, law: Floats, row: np.ndarray, wanted: Floats) -> Floats:
    """Quantiles v of rows of `law` at levels `wanted`, 0 at or below P(R = 0); shape of `row`."""
    width = law.shape[1]
    # Rows are put end to end with an offset, so one search serves all of them.
    line = (np.maximum.accumulate(law, axis=1) + 2.0 * np.arange(law.shape[0])[:, None]).ravel()
    wanted = np.clip(wanted, -0.5, 1.0)
    place = np.searchsorted(line, wanted + 2.0 * row, side="left") - row * width
    right = np.clip(place, 1, width - 1)
    below, above = law[row, right - 1], law[row, right]
    share = np.clip((wanted - below) / np.maximum(above - below, 1e-300), 0.0, 1.0)
    grid = np.exp(log_grid)
    inner = np.exp(log_grid[np.maximum(right - 2, 0)] * (1 - share) + log_grid[right - 1] * share)
    return np.where(wanted <= law[row, 0], 0.0, np.where(right == 1, grid[0] * share, inner))
