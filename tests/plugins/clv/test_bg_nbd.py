"""BG/NBD: published figures, high-precision arithmetic, derivatives, recovery, refusals."""

import itertools

import mpmath as mp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.integrate import quad

from ckm.clv import bg_nbd, rows
from ckm.clv.bg_nbd import BgNbdParameters

from .cdnow import customers

NAMES = ("r", "alpha", "a", "b")
PUBLISHED = BgNbdParameters(0.24259, 4.41353, 0.79289, 2.42575)


def simulate(parameters, ages, seed):
    """Frequency and recency of customers observed for `ages`, drawn from the model."""
    rng = np.random.default_rng(seed)
    rate = rng.gamma(parameters.r, 1 / parameters.alpha, ages.size)
    leaving = rng.beta(parameters.a, parameters.b, ages.size)
    frequency, recency = np.zeros(ages.size), np.zeros(ages.size)
    active = np.arange(ages.size)
    while active.size:
        following = recency[active] + rng.exponential(1, active.size) / np.maximum(rate[active], 1e-300)
        inside = following <= ages[active]
        active = active[inside]
        recency[active] = following[inside]
        frequency[active] += 1
        active = active[rng.random(active.size) >= leaving[active]]
    return frequency, recency


def states():
    """A few hundred distinct states with weights, enough to fit."""
    ages = np.repeat([10.0, 20.0, 35.0, 50.0], 200)
    x, t_x = simulate(BgNbdParameters(0.8, 6.0, 0.9, 2.5), ages, 3)
    weight = np.random.default_rng(4).integers(1, 5, ages.size).astype(float)
    return x, np.round(t_x, 1), ages, weight


def exact_orders(parameters, x, t_x, T, t):
    """FHL equation 10 as printed, in as many digits as it takes until more digits change nothing.

    The removable poles at a = 1 and a + b + x = 1 are stepped around by 1e-25.
    """
    before = None
    for digits in (60, 120, 240, 480, 3000):
        with mp.workdps(digits):
            r, alpha, a, b, x, t_x, T, t = (
                mp.mpf(float(v)) for v in (*(getattr(parameters, n) for n in NAMES), x, t_x, T, t)
            )
            a += mp.mpf(10) ** -25 if a == 1 else 0
            b += mp.mpf(10) ** -25 if abs(a + b + x - 1) < 1e-14 else 0
            z = t / (alpha + T + t)
            series = mp.hyp2f1(r + x, b + x, a + b + x - 1, z, maxterms=10**6)
            count = (a + b + x - 1) / (a - 1) * (1 - (1 - z) ** (r + x) * series)
            left = a / (b + x - 1) * ((alpha + T) / (alpha + t_x)) ** (r + x) if x > 0 else 0
            value = count / (1 + left)
            if before is not None and abs(value / before - 1) < 1e-15:
                return value
            before = value
    raise AssertionError("the reference did not settle")


class TestPublished:
    def test_fit_of_the_cdnow_sample(self):
        data = customers("sample")
        assert data.age.size == 2357
        assert (data.frequency > 0).sum() == 946
        fit = bg_nbd.fit(data.frequency, data.recency, data.age)
        for name in NAMES:
            assert getattr(fit.parameters, name) == pytest.approx(getattr(PUBLISHED, name), abs=1e-3)
        assert fit.log_likelihood == pytest.approx(-9582.43, abs=0.01)
        assert fit.converged and fit.identified and fit.note == "" and fit.customers == 2357
        assert 0.01 < fit.standard_errors.r < 0.015

    def test_expectations_of_the_cdnow_sample(self):
        data = customers("sample")
        fitted = bg_nbd.fit(data.frequency, data.recency, data.age).parameters
        assert f"{bg_nbd.expected_orders(fitted, 26, 30.857, 31, 52):.3f}" == "25.757"
        assert f"{bg_nbd.probability_alive(fitted, 26, 30.857, 31):.5f}" == "0.96885"
        assert f"{bg_nbd.expected_orders(fitted, 2, 30.43, 38.86, 39):.3f}" == "1.226"
        assert f"{bg_nbd.expected_orders_new(fitted, 52):.4f}" == "1.4440"

    def test_expectations_of_the_printed_parameters(self):
        # 25.7576 here against 25.7573 at the fit: five printed digits move the fourth decimal.
        assert bg_nbd.expected_orders(PUBLISHED, 26, 30.857, 31, 52) == pytest.approx(25.757, abs=1e-3)
        assert f"{bg_nbd.probability_alive(PUBLISHED, 26, 30.857, 31):.5f}" == "0.96885"
        assert f"{bg_nbd.expected_orders(PUBLISHED, 2, 30.43, 38.86, 39):.3f}" == "1.226"
        assert f"{bg_nbd.expected_orders_new(PUBLISHED, 52):.4f}" == "1.4440"

    def test_full_cdnow_fit_and_holdout(self):
        data = customers("master")
        assert data.age.size == 23570
        fit = bg_nbd.fit(data.frequency, data.recency, data.age)
        published = BgNbdParameters(0.25162, 4.78894, 0.72343, 2.16109)
        for name in NAMES:
            assert getattr(fit.parameters, name) == pytest.approx(getattr(published, name), abs=1e-3)
        assert fit.log_likelihood == pytest.approx(-95368.44, abs=0.01)
        expected = bg_nbd.expected_orders(fit.parameters, data.frequency, data.recency, data.age, 39)
        error = expected - data.holdout
        assert f"{np.abs(error).mean():.3f}" == "0.819"
        assert f"{np.sqrt((error**2).mean()):.3f}" == "1.733"
        assert f"{error.sum() / data.holdout.sum():.0%}" == "-14%"

    def test_the_unit_of_time_does_not_matter(self):
        data = customers("sample")
        weeks = bg_nbd.fit(data.frequency, data.recency, data.age).parameters
        days = bg_nbd.fit(data.frequency, data.recency * 7, data.age * 7).parameters
        assert days.alpha == pytest.approx(7 * weeks.alpha, rel=1e-7)
        assert (days.r, days.a, days.b) == pytest.approx((weeks.r, weeks.a, weeks.b), rel=1e-7)

    def test_leaving_out_zero_value_days_is_another_fit(self):
        data = customers("sample", zero_value_orders=False)
        assert data.age.size == 2349
        fit = bg_nbd.fit(data.frequency, data.recency, data.age)
        assert fit.parameters.r == pytest.approx(0.2439, abs=1e-4)
        assert fit.log_likelihood == pytest.approx(-9578.20, abs=0.01)


class TestExpectedOrders:
    @pytest.mark.parametrize("r", [0.01, 0.24, 3.0, 50.0])
    def test_against_many_digits_over_a_grid(self, r):
        x = np.array([0, 0, 1, 3, 26, 300, 1500], dtype=float)
        t_x = np.array([0, 0, 2, 38.86, 30.9, 31, 399.9])
        T = np.array([0, 38.86, 2, 38.86, 31, 31, 400])
        rng = np.random.default_rng(1)
        compared = 0
        alphas, many_a = (0.1, 4.4, 300.0), (0.02, 0.3, 0.8, 1 - 1e-9, 1.0, 1 + 1e-6, 8.0, 300.0)
        for alpha, a, b in itertools.product(alphas, many_a, (0.03, 0.2, 2.4, 1000.0)):
            parameters = BgNbdParameters(r, alpha, a, b)
            for t in (1e-3, 39.0, 3000.0):
                result = bg_nbd.expected_orders(parameters, x, t_x, T, t)
                i = rng.integers(x.size)
                exact = exact_orders(parameters, x[i], t_x[i], T[i], t)
                if exact > 1e-280:
                    assert abs(result[i] / exact - 1) < 1e-10, (parameters, x[i], T[i], t)
                    compared += 1
        assert compared > 200

    @pytest.mark.parametrize(
        ("parameters", "x", "T", "t"),
        [
            ((1e4, 1e6, 0.8, 2.4), 3, 100, 365),
            ((0.2, 30, 1e4, 1e4), 0, 100, 365),
            ((0.2, 30, 1e3, 1e3), 50, 100, 365),
            ((0.2, 30, 1e-5, 1e-5), 5, 100, 365),
            ((0.2, 30, 1e4, 1e-5), 5, 100, 365),
            ((0.2, 30, 0.4, 0.6), 0, 0, 365),
            ((0.5, 1e-3, 0.8, 2.4), 200, 10, 1e6),
            ((0.24, 4.4, 0.8, 2.4), 100_000, 500, 52),
            ((0.24, 4.4, 1.0, 2.4), 5000, 500, 520),
        ],
    )
    def test_extremes_against_many_digits(self, parameters, x, T, t):
        parameters = BgNbdParameters(*parameters)
        t_x = T if x else 0
        exact = exact_orders(parameters, x, t_x, T, t)
        assert abs(bg_nbd.expected_orders(parameters, x, t_x, T, t) / exact - 1) < 1e-10

    def test_new_customer_is_the_integral_of_the_surviving_rate(self):
        # E[X(t)] is the integral over u of E[lambda exp(-lambda p u)], here by quadrature over p and u.
        r, alpha, a, b = 0.6, 9.0, 1.2, 2.4
        beta = float(mp.beta(a, b))

        def intensity(u):
            return quad(
                lambda p: (
                    p ** (a - 1) * (1 - p) ** (b - 1) * r * alpha**r / (alpha + p * u) ** (r + 1) / beta
                ),
                0,
                1,
            )[0]

        expected = quad(intensity, 0, 30)[0]
        assert bg_nbd.expected_orders_new(BgNbdParameters(r, alpha, a, b), 30) == pytest.approx(
            expected, rel=1e-7
        )

    def test_shapes_and_repeated_states(self):
        x, t_x, T, _ = states()
        once = bg_nbd.expected_orders(PUBLISHED, x, t_x, T, 39)
        assert once.shape == x.shape
        twice = bg_nbd.expected_orders(PUBLISHED, np.tile(x, (2, 1)), t_x, T, 39)
        assert twice.shape == (2, x.size)
        np.testing.assert_array_equal(twice[0], twice[1])
        np.testing.assert_allclose(twice[0], once, rtol=1e-13)
        alone = [
            float(bg_nbd.expected_orders(PUBLISHED, *state, 39)) for state in zip(x, t_x, T, strict=True)
        ]
        np.testing.assert_allclose(once, alone, rtol=1e-12)
        spans = bg_nbd.expected_orders(PUBLISHED, x[:, None], t_x[:, None], T[:, None], [0.0, 1.0, 39.0])
        np.testing.assert_allclose(spans[:, 2], once, rtol=1e-12)
        assert (spans[:, 0] == 0).all() and bg_nbd.expected_orders_new(PUBLISHED, 0.0) == 0

    @settings(max_examples=60, deadline=None, derandomize=True)
    @given(
        st.tuples(*[st.floats(-3, 3)] * 4),
        st.integers(0, 3000),
        st.floats(0, 1000),
        st.floats(0, 1),
        st.floats(0.001, 5000),
    )
    def test_bounds_hold_everywhere(self, logs, x, T, share, t):
        parameters = BgNbdParameters(*(10**value for value in logs))
        t_x = T * share if x else 0.0
        alive = float(bg_nbd.probability_alive(parameters, x, t_x, T))
        orders = float(bg_nbd.expected_orders(parameters, x, t_x, T, t))
        silent = float(bg_nbd.probability_no_order(parameters, x, t_x, T, t))
        assert 0 <= alive <= 1 and 0 <= silent <= 1
        # At least the chance of one order, at most what a customer who never leaves would order.
        assert orders >= (1 - silent) * (1 - 1e-9) - 1e-15
        assert orders <= alive * (parameters.r + x) * t / (parameters.alpha + T) * (1 + 1e-9)


def test_probability_of_no_order_and_alive_agree_with_simulation():
    parameters, age, span = BgNbdParameters(0.8, 6.0, 0.9, 2.5), 20.0, 10.0
    count = 400_000
    rng = np.random.default_rng(11)
    rate, leaving = rng.gamma(0.8, 1 / 6.0, count), rng.beta(0.9, 2.5, count)
    time, x, t_x, later = np.zeros(count), np.zeros(count), np.zeros(count), np.zeros(count)
    alive_at_age = np.ones(count, dtype=bool)
    active = np.arange(count)
    while active.size:
        time[active] += rng.exponential(1, active.size) / rate[active]
        active = active[time[active] <= age + span]
        seen = time[active] <= age
        x[active[seen]] += 1
        t_x[active[seen]] = time[active[seen]]
        later[active[~seen]] += 1
        leaves = rng.random(active.size) < leaving[active]
        alive_at_age[active[leaves & seen]] = False
        active = active[~leaves]
    silent = bg_nbd.probability_no_order(parameters, x, t_x, age, span)
    alive = bg_nbd.probability_alive(parameters, x, t_x, age)
    orders = bg_nbd.expected_orders(parameters, x, t_x, age, span)
    groups = [x == 0, x == 1, (x == 2) & (t_x < 10), (x == 2) & (t_x >= 10), (x > 2) & (t_x < 15), x > 4]
    for group in groups:
        error = 1 / np.sqrt(group.sum())
        assert silent[group].mean() == pytest.approx((later[group] == 0).mean(), abs=2 * error)
        assert alive[group].mean() == pytest.approx(alive_at_age[group].mean(), abs=2 * error)
        assert orders[group].mean() == pytest.approx(later[group].mean(), abs=4 * later[group].std() * error)


class TestLikelihood:
    def test_derivatives_against_finite_differences(self):
        x, t_x, T, weight = states()
        theta = np.log([0.5, 7.0, 0.8, 2.0])

        def shifted(i, h):
            moved = theta.copy()
            moved[i] += h
            return BgNbdParameters(*np.exp(moved))

        gradient = bg_nbd.gradient(shifted(0, 0), x, t_x, T, weight)
        hessian = bg_nbd.hessian(shifted(0, 0), x, t_x, T, weight)
        for i in range(4):
            up, down = (bg_nbd.log_likelihood(shifted(i, h), x, t_x, T, weight) for h in (1e-5, -1e-5))
            assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6)
            up, down = (bg_nbd.gradient(shifted(i, h), x, t_x, T, weight) for h in (1e-5, -1e-5))
            np.testing.assert_allclose(hessian[i], (up - down) / 2e-5, rtol=1e-5, atol=1e-4)

    def test_likelihood_of_one_customer_by_integration(self):
        # FHL equation 5 integrated over rate and drop-out chance (their equation 6).
        parameters, x, t_x, T = BgNbdParameters(0.9, 3.0, 1.5, 2.5), 2, 4.0, 7.0
        with mp.workdps(20):
            r, alpha, a, b = (mp.mpf(getattr(parameters, name)) for name in NAMES)

            def density(rate, p):
                individual = (1 - p) ** x * rate**x * mp.exp(-rate * T) + p * (1 - p) ** (
                    x - 1
                ) * rate**x * mp.exp(-rate * t_x)
                gamma = alpha**r * rate ** (r - 1) * mp.exp(-rate * alpha) / mp.gamma(r)
                return individual * gamma * p ** (a - 1) * (1 - p) ** (b - 1) / mp.beta(a, b)

            expected = float(mp.log(mp.quad(density, [0, 0.5, 2, 12], [0, 1], maxdegree=5)))
        assert bg_nbd.log_likelihood(parameters, x, t_x, T) == pytest.approx(expected, abs=1e-5)

    def test_weights_are_counts(self):
        x, t_x, T, weight = states()
        rows = np.repeat(np.arange(x.size), weight.astype(int))
        assert bg_nbd.log_likelihood(PUBLISHED, x, t_x, T, weight) == pytest.approx(
            bg_nbd.log_likelihood(PUBLISHED, x[rows], t_x[rows], T[rows]), rel=1e-13
        )
        weighted = bg_nbd.fit(x, t_x, T, weight)
        repeated = bg_nbd.fit(x[rows], t_x[rows], T[rows])
        assert weighted.customers == repeated.customers == weight.sum()
        for name in NAMES:
            for pair in ("parameters", "standard_errors"):
                assert getattr(getattr(weighted, pair), name) == pytest.approx(
                    getattr(getattr(repeated, pair), name), rel=1e-6
                )

    def test_large_homogeneous_parameters_keep_their_digits(self):
        # r and alpha to infinity at a fixed rate of 0.1: a Poisson customer, log L known in closed form.
        parameters = BgNbdParameters(1e9, 1e10, 1.0, 3.0)
        assert bg_nbd.log_likelihood(parameters, 0, 0, 20) == pytest.approx(-2.0, abs=1e-6)


class TestFit:
    def test_the_gradient_vanishes_at_the_fit(self):
        x, t_x, T, weight = states()
        fit = bg_nbd.fit(x, t_x, T, weight)
        assert fit.converged and fit.identified
        assert np.abs(bg_nbd.gradient(fit.parameters, x, t_x, T, weight)).max() < 1e-5 * weight.sum()
        assert fit.log_likelihood == bg_nbd.log_likelihood(fit.parameters, x, t_x, T, weight)
        assert fit == bg_nbd.fit(x, t_x, T, weight)

    @pytest.mark.parametrize(
        "truth",
        [(0.25, 4.5, 0.8, 2.4), (1.5, 60.0, 0.3, 1.2), (0.6, 40.0, 1.0, 6.0)],
    )
    def test_simulated_parameters_come_back(self, truth):
        ages = np.random.default_rng(5).uniform(5, 300, 40_000)
        x, t_x = simulate(BgNbdParameters(*truth), ages, 6)
        fit = bg_nbd.fit(x, t_x, ages)
        assert fit.converged and fit.identified
        for name, value in zip(NAMES, truth, strict=True):
            error = getattr(fit.standard_errors, name)
            assert abs(getattr(fit.parameters, name) - value) < 3.5 * error
            assert error < 0.15 * value

    def test_binning_of_the_first_search_does_not_move_the_fit(self, monkeypatch):
        ages = np.random.default_rng(7).uniform(5, 300, 25_000)
        x, t_x = simulate(BgNbdParameters(0.6, 40.0, 1.0, 6.0), ages, 8)
        binned = bg_nbd.fit(x, t_x, ages)
        monkeypatch.setattr(rows, "_COARSE_ABOVE", 10**9)
        direct = bg_nbd.fit(x, t_x, ages)
        for name in NAMES:
            assert getattr(binned.parameters, name) == pytest.approx(
                getattr(direct.parameters, name), rel=1e-6
            )

    def test_nobody_orders_twice(self):
        fit = bg_nbd.fit([0, 0], [0, 0], [10, 20], [500, 500])
        assert not fit.identified and "second time" in fit.note and fit.standard_errors is None
        assert bg_nbd.expected_orders_new(fit.parameters, 365) < 1e-3

    def test_too_few(self):
        x, t_x, T, _ = states()
        assert "too few" in bg_nbd.fit(x[:40], t_x[:40], T[:40]).note
        x, t_x = np.zeros(1000), np.zeros(1000)
        x[:5], t_x[:5] = 1, 3
        fit = bg_nbd.fit(x, t_x, np.full(1000, 30.0))
        assert not fit.identified and "second time" in fit.note

    def test_a_flat_ridge_stops_at_a_bound(self):
        # All customers share one rate and none leaves: r, alpha and b / a grow without limit.
        rng = np.random.default_rng(9)
        x = rng.poisson(0.2 * 100, 3000).astype(float)
        t_x = np.where(x > 0, 100 * rng.beta(np.maximum(x, 1), 1), 0)
        fit = bg_nbd.fit(x, t_x, np.full(3000, 100.0))
        assert not fit.identified and fit.note and fit.standard_errors is None
        assert bg_nbd.expected_orders_new(fit.parameters, 50) == pytest.approx(10, rel=0.02)

    def test_customers_of_age_zero(self):
        x, t_x, T, weight = states()
        fit = bg_nbd.fit(np.append(x, 0), np.append(t_x, 0), np.append(T, 0), np.append(weight, 50))
        plain = bg_nbd.fit(x, t_x, T, weight)
        assert fit.parameters.alpha == pytest.approx(plain.parameters.alpha, rel=1e-7)
        only = bg_nbd.fit([0], [0], [0], [100])
        assert not only.identified

    @settings(max_examples=25, deadline=None, derandomize=True)
    @given(
        st.lists(st.tuples(st.integers(0, 60), st.floats(0, 1), st.integers(1, 400)), min_size=1, max_size=9)
    )
    def test_any_possible_input_yields_a_fit(self, rows):
        x, share, T = np.array(rows, dtype=float).T
        fit = bg_nbd.fit(x, np.where(x > 0, share * T, 0), T, np.full(x.size, 30.0))
        assert np.isfinite(fit.log_likelihood)
        assert fit.identified == (fit.note == "") == (fit.standard_errors is not None)


@pytest.mark.parametrize(
    ("state", "weight", "message"),
    [
        (([], [], []), None, "no customers"),
        (([1], [2], [1]), None, "exceed"),
        (([0], [1], [2]), None, "frequency is 0"),
        (([-1], [0], [2]), None, "negative"),
        (([1], [-1], [2]), None, "negative"),
        (([np.nan], [1], [2]), None, "missing"),
        (([1], [1], [np.inf]), None, "finite"),
        (([1.5], [1], [2]), None, "whole"),
        (([1, 2], [1, 1, 1], [2]), None, "matching"),
        ((["many"], [1], [2]), None, "numbers"),
        (([1], [1], [2]), [-1], "negative"),
        (([1], [1], [2]), [0], "above 0"),
        (([1], [1], [2]), [np.nan], "finite"),
        (([1], [1], [2]), [1, 2], "one for each"),
    ],
)
def test_impossible_input_is_refused(state, weight, message):
    with pytest.raises(ValueError, match=message):
        bg_nbd.fit(*state, weight)
    with pytest.raises(ValueError, match=message):
        bg_nbd.log_likelihood(PUBLISHED, *state, weight)
    if weight is None and state[0]:
        with pytest.raises(ValueError, match=message):
            bg_nbd.expected_orders(PUBLISHED, *state, 10)


def test_impossible_parameters_and_horizons_are_refused():
    with pytest.raises(ValueError, match="alpha"):
        BgNbdParameters(1, 0, 1, 1)
    with pytest.raises(ValueError, match="parameter b"):
        BgNbdParameters(1, 1, 1, float("nan"))
    for horizon in (-1, np.nan, np.inf):
        with pytest.raises(ValueError, match="horizon"):
            bg_nbd.expected_orders(PUBLISHED, 1, 1, 2, horizon)
        with pytest.raises(ValueError, match="horizon"):
            bg_nbd.probability_no_order(PUBLISHED, 1, 1, 2, horizon)
