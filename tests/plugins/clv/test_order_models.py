"""MBG/NBD and Pareto/NBD: published figures, high-precision arithmetic, derivatives, weights, recovery, edges."""

import itertools
from dataclasses import fields

import mpmath as mp
import numpy as np
import pytest

from ckm.clv import mbg_nbd, pareto_nbd
from ckm.clv.mbg_nbd import MbgNbdParameters
from ckm.clv.orders import MODELS, PARAMETERS, model_of
from ckm.clv.pareto_nbd import ParetoNbdParameters

from .cdnow import customers

# Fader, Hardie and Lee (2005), table 2, and the BTYDplus package's vignette for MBG/NBD; weeks.
PUBLISHED = {
    "mbg_nbd": (MbgNbdParameters(0.525, 6.183, 0.891, 1.614), -9582.14),
    "pareto_nbd": (ParetoNbdParameters(0.553, 10.578, 0.606, 11.669), -9594.98),
}
TRUTH = {"mbg_nbd": (0.8, 30.0, 0.9, 2.5), "pareto_nbd": (0.8, 30.0, 0.7, 60.0)}
RIVALS = ("mbg_nbd", "pareto_nbd")


def names(parameters):
    return tuple(field.name for field in fields(parameters))


def simulate(parameters, ages, seed, horizon=0.0):
    """Frequency and recency until `ages`, orders in the horizon after it, and who is still there at `ages`."""
    rng = np.random.default_rng(seed)
    rate = np.maximum(rng.gamma(parameters.r, 1 / parameters.alpha, ages.size), 1e-300)
    frequency, recency, later = np.zeros(ages.size), np.zeros(ages.size), np.zeros(ages.size)
    if parameters.model == "pareto_nbd":
        leaving = np.zeros(ages.size)
        gone = rng.exponential(size=ages.size) / np.maximum(
            rng.gamma(parameters.s, 1 / parameters.beta, ages.size), 1e-300
        )
        active = np.arange(ages.size)
    else:
        leaving = rng.beta(parameters.a, parameters.b, ages.size)
        gone = np.where(rng.random(ages.size) < leaving, 0.0, np.inf)
        active = np.flatnonzero(gone > 0)
    time = np.zeros(ages.size)
    while active.size:
        time[active] += rng.exponential(size=active.size) / rate[active]
        active = active[time[active] <= np.minimum(gone[active], ages[active] + horizon)]
        seen = active[time[active] <= ages[active]]
        frequency[seen] += 1
        recency[seen] = time[seen]
        later[active[time[active] > ages[active]]] += 1
        leaves = rng.random(active.size) < leaving[active]
        gone[active[leaves]] = time[active[leaves]]
        active = active[~leaves]
    return frequency, recency, later, gone > ages


def states(model):
    ages = np.repeat([10.0, 20.0, 35.0, 50.0, 80.0], 160)
    x, t_x, _, _ = simulate(PARAMETERS[model](*TRUTH[model]), ages, 3)
    return x, np.round(t_x, 1), ages, np.random.default_rng(4).integers(1, 5, ages.size).astype(float)


@pytest.mark.parametrize("model", RIVALS)
def test_fit_of_the_cdnow_sample(model):
    data = customers("sample")
    fit = MODELS[model].fit(data.frequency, data.recency, data.age)
    published, log_likelihood = PUBLISHED[model]
    for name in names(published):
        assert getattr(fit.parameters, name) == pytest.approx(getattr(published, name), abs=1e-3)
    assert fit.log_likelihood == pytest.approx(log_likelihood, abs=0.01)
    assert fit.converged and fit.identified and fit.note == "" and model_of(fit.parameters) is MODELS[model]


def exact_mbg(parameters, x, t_x, T, t):
    """P(alive) and expected orders of Batislam et al. (2007), in 60 digits and more where they cancel."""
    before = None
    for digits in (40, 250, 1200):
        with mp.workdps(digits):
            r, alpha, a, b, x, t_x, T, t = (
                mp.mpf(float(v)) for v in (*vars(parameters).values(), x, t_x, T, t)
            )
            a += mp.mpf(10) ** -25 if a == 1 else 0
            alive = 1 / (1 + a / (b + x) * ((alpha + T) / (alpha + t_x)) ** (r + x))
            z = t / (alpha + T + t)
            series = mp.hyp2f1(r + x, b + x + 1, a + b + x, z, maxterms=10**6)
            count = (a + b + x) / (a - 1) * (1 - (1 - z) ** (r + x) * series)
            result = alive, alive * count
            if before is not None and abs(result[1] / before - 1) < 1e-15:
                return result
            before = result[1]
    raise AssertionError("the reference did not settle")


def exact_pareto(parameters, x, t_x, T, t):
    """P(alive) and expected orders by FH equations 20 to 22 and 41, with the two hypergeometric functions."""
    before = None
    for digits in (40, 250, 1200):
        with mp.workdps(digits):
            r, alpha, s, beta, x, t_x, T, t = (
                mp.mpf(float(v)) for v in (*vars(parameters).values(), x, t_x, T, t)
            )
            s += mp.mpf(10) ** -25 if s == 1 else 0

            def piece(time, r=r, alpha=alpha, s=s, beta=beta, x=x):
                high, low = max(alpha, beta), min(alpha, beta)
                second = s + 1 if alpha >= beta else r + x
                z = (high - low) / (high + time)
                return mp.hyp2f1(r + s + x, second, r + s + x + 1, z, maxterms=10**6) / (high + time) ** (
                    r + s + x
                )

            a_0 = piece(t_x) - piece(T)
            left = s / (r + s + x) * (alpha + T) ** (r + x) * (beta + T) ** s * a_0
            alive = 1 / (1 + left)
            count = (
                (r + x)
                * (beta + T)
                / ((alpha + T) * (s - 1))
                * (1 - ((beta + T) / (beta + T + t)) ** (s - 1))
            )
            result = alive, alive * count
            if before is not None and abs(result[0] / before - 1) < 1e-15:
                return result
            before = result[0]
    raise AssertionError("the reference did not settle")


STATES = [
    (0, 0, 0), (0, 0, 38.86), (0, 0, 3650), (1, 2, 2), (1, 0.5, 400), (3, 38.86, 38.86), (26, 30.9, 31), (300, 31, 31),
    (300, 31, 60), (1500, 399.9, 400), (1500, 400, 400),
]  # fmt: skip


@pytest.mark.parametrize("r", [0.01, 0.24, 3.0, 50.0])
@pytest.mark.parametrize("model", RIVALS)
def test_scoring_against_many_digits_over_a_grid(model, r):
    exact = {"mbg_nbd": exact_mbg, "pareto_nbd": exact_pareto}[model]
    thirds, fourths = {
        "mbg_nbd": ((0.02, 0.8, 1 - 1e-9, 1.0, 1 + 1e-6, 8.0), (0.03, 2.4, 1000.0)),
        "pareto_nbd": ((0.02, 0.6, 1 - 1e-9, 1.0, 1 + 1e-6, 8.0), (0.5, 11.7, 3000.0)),
    }[model]
    rng, compared = np.random.default_rng(1), 0
    for alpha, third, fourth in itertools.product((0.1, 4.4, 300.0), thirds, fourths):
        parameters = PARAMETERS[model](r, alpha, third, fourth)
        for t in rng.choice([1e-3, 39.0, 3000.0], 1):
            x, t_x, T = STATES[rng.integers(len(STATES))]
            alive, orders = exact(parameters, x, t_x, T, t)
            if orders > 1e-280:
                assert abs(float(MODELS[model].probability_alive(parameters, x, t_x, T)) / alive - 1) < 1e-10
                assert (
                    abs(float(MODELS[model].expected_orders(parameters, x, t_x, T, t)) / orders - 1) < 1e-10
                )
                compared += 1
    assert compared > 40


@pytest.mark.parametrize("model", RIVALS)
def test_derivatives_against_finite_differences(model):
    x, t_x, T, weight = states(model)
    kind, module = PARAMETERS[model], MODELS[model]
    theta = np.log(TRUTH[model]) + 0.2

    def shifted(i, h):
        moved = theta.copy()
        moved[i] += h
        return kind(*np.exp(moved))

    gradient, hessian = (f(shifted(0, 0), x, t_x, T, weight) for f in (module.gradient, module.hessian))
    for i in range(4):
        up, down = (module.log_likelihood(shifted(i, h), x, t_x, T, weight) for h in (1e-5, -1e-5))
        assert gradient[i] == pytest.approx((up - down) / 2e-5, rel=1e-6, abs=1e-5)
        up, down = (module.gradient(shifted(i, h), x, t_x, T, weight) for h in (1e-5, -1e-5))
        np.testing.assert_allclose(hessian[i], (up - down) / 2e-5, rtol=1e-5, atol=1e-3)


@pytest.mark.parametrize("model", RIVALS)
def test_weights_are_counts(model):
    x, t_x, T, weight = states(model)
    rows = np.repeat(np.arange(x.size), weight.astype(int))
    weighted = MODELS[model].fit(x, t_x, T, weight)
    repeated = MODELS[model].fit(x[rows], t_x[rows], T[rows])
    assert weighted.customers == repeated.customers == weight.sum()
    assert weighted.log_likelihood == pytest.approx(repeated.log_likelihood, rel=1e-12)
    for name in names(weighted.parameters):
        assert getattr(weighted.parameters, name) == pytest.approx(
            getattr(repeated.parameters, name), rel=1e-5
        )


@pytest.mark.parametrize("model", RIVALS)
def test_simulated_parameters_come_back(model):
    ages = np.random.default_rng(5).integers(5, 500, 30_000).astype(float)
    x, t_x, _, _ = simulate(PARAMETERS[model](*TRUTH[model]), ages, 6)
    fit = MODELS[model].fit(x, t_x, ages)
    assert fit.converged and fit.identified
    for name, value in zip(names(fit.parameters), TRUTH[model], strict=True):
        error = getattr(fit.standard_errors, name)
        assert abs(getattr(fit.parameters, name) - value) < 3.5 * error < 0.6 * value


@pytest.mark.parametrize("model", ["mbg_nbd", "pareto_nbd"])
def test_predictions_agree_with_simulation(model):
    parameters, span = PARAMETERS[model](*TRUTH[model]), 60.0
    ages = np.full(300_000, 150.0)
    x, t_x, later, there = simulate(parameters, ages, 11, span)
    module, rng = MODELS[model], np.random.default_rng(12)
    alive = module.probability_alive(parameters, x, t_x, ages)
    orders = module.expected_orders(parameters, x, t_x, ages, span)
    silent = module.probability_no_order(parameters, x, t_x, ages, span)
    at_least = module.order_tail(parameters, x, ages, span, np.array([1.0, 2.0, 5.0])) * alive[:, None]
    drawn = module.draw_orders(parameters, x, t_x, ages, span, rng)
    for group in (x == 0, x == 1, (x > 1) & (t_x < 75), (x > 1) & (x < 5) & (t_x >= 75), x >= 5):
        size = group.sum()
        assert alive[group].mean() == pytest.approx(there[group].mean(), abs=2 / np.sqrt(size))
        assert silent[group].mean() == pytest.approx((later[group] == 0).mean(), abs=2 / np.sqrt(size))
        assert orders[group].mean() == pytest.approx(
            later[group].mean(), abs=4 * later[group].std() / np.sqrt(size)
        )
        assert drawn[group].mean() == pytest.approx(
            orders[group].mean(), abs=4 * later[group].std() / np.sqrt(size)
        )
        for place, count in enumerate((1, 2, 5)):
            share = (later[group] >= count).mean()
            assert at_least[group, place].mean() == pytest.approx(share, abs=2 / np.sqrt(size))
    np.testing.assert_allclose(at_least[:, 0], 1 - silent, atol=1e-6)


@pytest.mark.parametrize("model", RIVALS)
def test_the_order_law_has_the_expected_mean(model):
    parameters = PARAMETERS[model](*TRUTH[model])
    counts = np.arange(1.0, 3000)
    x, T = np.array([0.0, 4.0, 40.0]), np.array([0.0, 100.0, 300.0])
    law = MODELS[model].order_tail(parameters, x, T, 90.0, counts).sum(axis=1)
    expected = MODELS[model].orders_if_alive(parameters, x, T, [90.0])[:, 0]
    np.testing.assert_allclose(law, expected, rtol=1e-5)


@pytest.mark.parametrize("model", RIVALS)
def test_new_customers_horizons_of_zero_and_shapes(model):
    parameters, module = PARAMETERS[model](*TRUTH[model]), MODELS[model]
    assert module.expected_orders_new(parameters, 0.0) == 0
    assert module.expected_orders_new(parameters, 90.0) == pytest.approx(
        float(module.expected_orders(parameters, 0, 0, 0, 90.0)), rel=1e-12
    )
    assert module.probability_no_order(parameters, 3, 5.0, 9.0, 0.0) == pytest.approx(1.0)
    assert module.expected_orders(parameters, [[0], [3]], 0 * np.ones((2, 1)), 9.0, [1.0, 2.0]).shape == (
        2,
        2,
    )
    with pytest.raises(ValueError, match="horizon"):
        module.expected_orders(parameters, 1, 1, 2, -1)
    with pytest.raises(ValueError, match="alpha"):
        PARAMETERS[model](1, 0, 1, 1)


@pytest.mark.parametrize("model", RIVALS)
def test_what_the_data_do_not_tell_is_flagged(model):
    module = MODELS[model]
    nobody = module.fit([0, 0], [0, 0], [10, 20], [500, 500])
    assert not nobody.identified and not nobody.enough and "second time" in nobody.note
    x, t_x, T, _ = states(model)
    few = module.fit(x[:40], t_x[:40], T[:40])
    assert not few.enough and "too few" in few.note and few.standard_errors is None
    rng = np.random.default_rng(9)  # all share one rate and none leaves
    x = rng.poisson(20, 2000).astype(float)
    t_x = np.where(x > 0, 100 * rng.beta(np.maximum(x, 1), 1), 0)
    ridge = module.fit(x, t_x, np.full(2000, 100.0))
    assert ridge.enough and not ridge.identified and ridge.note and ridge.log_covariance is None
    assert module.expected_orders_new(ridge.parameters, 50) == pytest.approx(10, rel=0.03)


def test_mbg_is_bg_with_one_chance_more():
    assert mbg_nbd.probability_alive(MbgNbdParameters(1, 5, 2, 3), 0, 0, 0) == pytest.approx(3 / 5)


def test_a_pareto_customer_who_has_just_ordered_is_there():
    assert pareto_nbd.probability_alive(ParetoNbdParameters(0.5, 10, 0.6, 12), 7, 31, 31) == 1
