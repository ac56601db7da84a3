"""Discounted orders and spend intervals: identities, exact quantiles, coverage."""

import numpy as np
import pytest
from scipy.optimize import brentq
from scipy.special import betainc, betaln, expit

from ckm.clv import bg_nbd, gamma_gamma, value
from ckm.clv.bg_nbd import BgNbdParameters
from ckm.clv.gamma_gamma import GammaGammaParameters
from ckm.clv.orders import model_of
from ckm.clv.pareto_nbd import ParetoNbdParameters

from .cdnow import customers

BG = BgNbdParameters(0.6, 40.0, 0.8, 2.4)
GG = GammaGammaParameters(6.25, 3.744, 15.44)
X = np.array([0, 0, 0, 1, 1, 3, 10, 26, 26, 80, 200, 1000], dtype=float)
T_X = np.array([0, 0, 0, 1, 300, 380, 390, 200, 100, 300, 700, 720], dtype=float)
T = np.array([0, 30, 700, 2, 700, 400, 400, 210, 210, 301, 701, 725], dtype=float)


def exact_factor(bg, gg, x, t_x, age, n, t, level):
    """Quantile of the spend law term by term, without blocks, grid or interpolation."""
    alive = float(bg_nbd.probability_alive(bg, x, t_x, age))
    s, tau, b = bg.r + x, t / (bg.alpha + age), bg.b + x
    reach = int(20 + s * tau + 12 * np.sqrt(s * tau * (1 + tau)) + 40 * (1 + tau))
    k = np.arange(1.0, reach + 2)
    reaches = betainc(k, s, tau / (1 + tau)) * np.exp(betaln(bg.a, b + k - 1) - betaln(bg.a, b))
    mass, k = -np.diff(reaches), k[:-1]
    if level <= 1 - alive * reaches[0]:
        return 0.0

    def law(log_v):
        more = mass @ betainc(gg.p * k, gg.p * n + gg.q, expit(log_v))
        return 1 - alive + alive * (1 - reaches[0] + more) - level

    return np.exp(brentq(law, -60, 40, xtol=1e-12)) * (gg.p * n + gg.q - 1) / gg.p


class TestDiscountedOrders:
    def test_no_discount_is_the_expectation(self):
        plain = bg_nbd.expected_orders(BG, X, T_X, T, 365)
        np.testing.assert_allclose(value.discounted_orders(BG, X, T_X, T, 365, 0.0), plain, rtol=1e-12)

    @pytest.mark.parametrize(("horizon", "ends"), [(90, [30, 60, 90]), (100, [30, 60, 90, 100]), (20, [20])])
    def test_sum_over_steps(self, horizon, ends):
        expected, before, last = np.zeros(X.size), np.zeros(X.size), 0.0
        for end in ends:
            upto = bg_nbd.expected_orders(BG, X, T_X, T, end)
            expected += (upto - before) / 1.1 ** ((last + end) / 2 / 365)
            before, last = upto, end
        result = value.discounted_orders(BG, X, T_X, T, horizon, 0.10)
        np.testing.assert_allclose(result, expected, rtol=1e-12)

    def test_finer_steps_hardly_matter(self):
        coarse = value.discounted_orders(BG, X, T_X, T, 365, 0.15)
        fine = value.discounted_orders(BG, X, T_X, T, 365, 0.15, step_days=1)
        np.testing.assert_allclose(coarse, fine, rtol=1e-3)
        assert (coarse < bg_nbd.expected_orders(BG, X, T_X, T, 365)).all()

    def test_several_horizons_at_once(self):
        expected, discounted = value.outlook(BG, X, T_X, T, (90, 365, 3650), 0.1)
        for row, horizon in enumerate((90, 365, 3650)):
            np.testing.assert_allclose(
                expected[row], bg_nbd.expected_orders(BG, X, T_X, T, horizon), rtol=1e-12
            )
            single = value.discounted_orders(BG, X, T_X, T, horizon, 0.1)
            np.testing.assert_allclose(discounted[row], single, rtol=1e-12 if horizon < 3650 else 1e-3)

    @pytest.mark.parametrize(
        "law", [BG, BgNbdParameters(0.24, 0.5, 1.0, 2.4), ParetoNbdParameters(0.5, 30, 0.6, 2000)]
    )
    def test_ages_between_are_interpolated_without_loss(self, law):
        ages = np.arange(0.0, 3000.0)
        for x in (0.0, 7.0, 900.0):
            expected, _ = value.outlook(law, np.full(ages.size, x), ages * (x > 0), ages, (30, 3650), 0.0)
            some = ages[::97]
            for row, horizon in enumerate((30.0, 3650.0)):
                exact = model_of(law).expected_orders(law, x, some * (x > 0), some, horizon)
                np.testing.assert_allclose(expected[row, ::97], exact, rtol=1e-10)

    def test_shape_and_zero_horizon(self):
        assert value.discounted_orders(
            BG, X.reshape(3, 4), T_X.reshape(3, 4), T.reshape(3, 4), 365, 0.1
        ).shape == (3, 4)
        assert (value.discounted_orders(BG, X, T_X, T, 0, 0.1) == 0).all()

    def test_impossible_input_is_refused(self):
        for horizon, rate, step, message in [
            (-1, 0.1, 30, "horizon"),
            (np.nan, 0.1, 30, "horizon"),
            (365, -0.1, 30, "rate"),
            (365, np.nan, 30, "rate"),
            (365, 0.1, 0, "step"),
        ]:
            with pytest.raises(ValueError, match=message):
                value.discounted_orders(BG, X, T_X, T, horizon, rate, step)
        with pytest.raises(ValueError, match="exceed"):
            value.discounted_orders(BG, 1, 3, 2, 365, 0.1)


class TestIntervalFactors:
    @pytest.mark.parametrize(
        "gg", [GG, GammaGammaParameters(0.8, 2.0, 30.0), GammaGammaParameters(100, 20, 30)]
    )
    @pytest.mark.parametrize("horizon", [30.0, 365.0])
    def test_against_exact_quantiles(self, gg, horizon):
        for level in (0.5, 0.90, 0.99):
            low, high = value.value_interval_factors(BG, gg, X, T_X, T, X + 1, horizon, level=level)
            tail = (1 - level) / 2
            for i in range(X.size):
                state = (X[i], T_X[i], T[i], X[i] + 1, horizon)
                assert low[i] == pytest.approx(exact_factor(BG, gg, *state, tail), rel=3e-3, abs=1e-3)
                assert high[i] == pytest.approx(exact_factor(BG, gg, *state, 1 - tail), rel=3e-3, abs=1e-3)

    def test_the_order_law_has_the_expected_mean(self):
        # Sum of P(X >= k) over the blocks, and over the horizon's expected orders.
        for x, age in [(0.0, 0.0), (3.0, 40.0), (150.0, 300.0)]:
            edges = value._block_edges(
                float(value._order_reach(BG, np.array([x]), np.array([age]), 365.0)[0])
            )
            tau = 365.0 / (BG.alpha + age)
            reaches = betainc(edges, BG.r + x, tau / (1 + tau))
            reaches *= np.exp(betaln(BG.a, BG.b + x + edges - 1) - betaln(BG.a, BG.b + x))
            middle = (edges[:-1] + edges[1:] - 1) / 2
            assert -np.diff(reaches) @ middle == pytest.approx(
                bg_nbd.orders_if_alive(BG, [x], [age], [365.0])[0, 0], rel=1e-5
            )

    def test_a_state_does_not_depend_on_its_company(self):
        low, high = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 365, 0.1)
        for i in range(X.size):
            one = value.value_interval_factors(BG, GG, X[i], T_X[i], T[i], X[i] + 1, 365, 0.1)
            assert one[0] == pytest.approx(low[i], rel=1e-5)
            assert one[1] == pytest.approx(high[i], rel=1e-5)
        again = value.value_interval_factors(BG, GG, X[::-1], T_X[::-1], T[::-1], X[::-1] + 1, 365, 0.1)
        np.testing.assert_array_equal(again[0][::-1], low)
        np.testing.assert_array_equal(again[1][::-1], high)

    def test_small_chunks_change_nothing(self, monkeypatch):
        ages = np.arange(1.0, 400.0)
        x = np.where(ages % 3 == 0, 2.0, 0.0)
        whole = value.value_interval_factors(BG, GG, x, x * ages / 4, ages, x, 365)
        monkeypatch.setattr(value, "_CHUNK", 20_000)
        monkeypatch.setattr(bg_nbd, "_CHUNK", 20_000)
        parts = value.value_interval_factors(BG, GG, x, x * ages / 4, ages, x, 365)
        np.testing.assert_allclose(parts, whole, rtol=1e-5)

    def test_discounting_scales_by_the_discounted_share(self):
        plain = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 365)
        less = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 365, 0.10)
        share = value.discounted_orders(BG, X, T_X, T, 365, 0.10) / bg_nbd.expected_orders(BG, X, T_X, T, 365)
        np.testing.assert_allclose(less, np.array(plain) * share, rtol=1e-10)

    def test_order_and_limits(self):
        low, high = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 365)
        wide = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 365, level=0.99)
        assert (low >= 0).all() and (low <= high).all()
        assert (wide[0] <= low).all() and (wide[1] >= high).all()
        none = value.value_interval_factors(BG, GG, X, T_X, T, X + 1, 0)
        assert (none[0] == 0).all() and (none[1] == 0).all()
        gone = value.value_interval_factors(BG, GG, 50.0, 60.0, 3000.0, 51.0, 365)
        assert gone == (0.0, 0.0)
        heavy = GammaGammaParameters(2.0, 0.8, 10.0)
        low, high = value.value_interval_factors(BG, heavy, [0, 1], [0, 5], [9, 9], [0, 1], 365)
        assert np.isnan(low[0]) and np.isnan(high[0]) and np.isfinite(high[1])

    def test_impossible_input_is_refused(self):
        for level in (0, 1, 0.9999, -1):
            with pytest.raises(ValueError, match="level"):
                value.value_interval_factors(BG, GG, X, T_X, T, X, 365, level=level)
        for transactions in (-1, 0.5, np.nan):
            with pytest.raises(ValueError, match="Transactions"):
                value.value_interval_factors(BG, GG, X, T_X, T, transactions, 365)
        with pytest.raises(ValueError, match="one for each"):
            value.value_interval_factors(BG, GG, X, T_X, T, [1, 2], 365)


def simulate_spend(count, horizon, seed):
    """Whole-day states, order counts and values before T, and spend after it, drawn from BG and GG."""
    rng = np.random.default_rng(seed)
    rate, leaving = rng.gamma(BG.r, 1 / BG.alpha, count), rng.beta(BG.a, BG.b, count)
    ages = rng.integers(1, 700, count).astype(float)
    x, t_x, later, time = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    active = np.arange(count)
    while active.size:
        time[active] += rng.exponential(1, active.size) / np.maximum(rate[active], 1e-300)
        active = active[time[active] <= ages[active] + horizon]
        seen = time[active] <= ages[active]
        x[active[seen]] += 1
        t_x[active[seen]] = time[active[seen]]
        later[active[~seen]] += 1
        active = active[rng.random(active.size) >= leaving[active]]
    nu = rng.gamma(GG.q, 1 / GG.gamma, count)
    mean = rng.gamma(GG.p * (x + 1)) / nu / (x + 1)
    spend = np.where(later > 0, rng.gamma(GG.p * np.maximum(later, 1)) / nu, 0.0)
    return x, t_x, ages, mean, spend


def test_coverage_of_simulated_spend():
    x, t_x, ages, mean, spend = simulate_spend(40_000, 365.0, 21)
    worth = gamma_gamma.expected_value(GG, x + 1, mean)
    low, high = value.value_interval_factors(BG, GG, x, t_x, ages, x + 1, 365.0)
    above, below = spend > high * worth, spend < low * worth
    assert not (below & (low == 0)).any()
    assert 0.90 <= 1 - above.mean() - below.mean() < 0.97
    # Where the quantile is not an atom at 0 each tail holds 5 %, whoever the customer is.
    for group in [(x == 0) & (ages < 100), (x > 0) & (x < 4), x >= 4, x >= 20]:
        upper, lower = group & (high > 0), group & (low > 0)
        assert above[upper].mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 / upper.sum()))
        if lower.sum() > 100:
            assert below[lower].mean() == pytest.approx(0.05, abs=4 * np.sqrt(0.05 / lower.sum()))
    point = worth * bg_nbd.expected_orders(BG, x, t_x, ages, 365.0)
    assert point.sum() == pytest.approx(spend.sum(), rel=0.03)


def test_coverage_of_the_cdnow_holdout():
    data = customers("master", zero_value_orders=False)
    bg = bg_nbd.fit(data.frequency, data.recency * 7, data.age * 7).parameters
    repeat = data.frequency > 0
    gg = gamma_gamma.fit(data.frequency[repeat], data.repeat_value[repeat]).parameters
    worth = gamma_gamma.expected_value(gg, data.frequency, data.repeat_value)
    low, high = value.value_interval_factors(
        bg, gg, data.frequency, data.recency * 7, data.age * 7, data.frequency, 273.0
    )
    inside = (data.holdout_value >= low * worth) & (data.holdout_value <= high * worth)
    assert 0.90 < inside.mean() < 0.97
