"""The scoring step: the model that is chosen and kept, its backtest, the gate, edges, published hold-outs."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from ckm import value_model
from ckm.clv import backtest, gamma_gamma, shrunken_mean, value
from ckm.clv.orders import MODELS
from ckm.months import last_month_ends

from .cdnow import CALIBRATION_END, HOLDOUT_END, folder
from .shop import all_known, bought, night, shop

pytestmark = pytest.mark.slow

LAST = date(2025, 12, 31)


@pytest.fixture(scope="module")
def company() -> duckdb.DuckDBPyConnection:
    """1,500 customers over two years, after the night of a month-end."""
    connection = shop(bought(1500, LAST, 1))
    night(connection, LAST)
    return connection


def test_scores_of_a_night_are_possible_and_complete(company: duckdb.DuckDBPyConnection) -> None:
    assert company.execute("select count(*) from scores.clv").fetchone() == (1500,)
    assert company.execute(
        """select count(*) from scores.clv where p_alive is null or clv_365d is null or remark is not null
            or not (0 <= clv_90d and clv_90d <= clv_365d and clv_365d <= clv_lifetime)
            or not (clv_365d_low <= clv_365d and clv_365d_low <= clv_365d_high)"""
    ).fetchone() == (0,)
    assert company.execute("select distinct as_of_date from scores.month_end order by 1").fetchall() == [
        (date(2025, 10, 31),), (date(2025, 11, 30),), (LAST,),
    ]  # fmt: skip
    worst = company.execute(
        """select max(abs(month_end.clv_365d - clv.clv_365d) / clv.clv_365d)
        from scores.month_end join scores.clv using (customer_key) where as_of_date = ?""",
        [LAST],
    ).fetchone()
    assert worst[0] < 1e-12  # the night is a month-end, scored by two roads


def test_parameters_stay_between_month_ends_and_scores_move() -> None:
    connection = shop(bought(400, date(2026, 2, 10), 2))
    first = night(connection, date(2026, 1, 30))
    values = dict(connection.execute("select customer_key, clv_365d from scores.clv").fetchall())
    again = night(connection, date(2026, 1, 30))
    assert first.trained and not again.trained and first.model == again.model
    assert first.model.data_until == date(2025, 12, 31)
    assert dict(connection.execute("select customer_key, clv_365d from scores.clv").fetchall()) == values
    month_end = night(connection, date(2026, 1, 31))
    after = night(connection, date(2026, 2, 5))
    assert month_end.trained and not after.trained and month_end.model == after.model != first.model
    assert dict(connection.execute("select customer_key, clv_365d from scores.clv").fetchall()) != values
    older = night(connection, date(2026, 1, 30))
    assert not older.trained and older.model == first.model


def test_a_home_that_starts_later_makes_the_same_model() -> None:
    nightly, late = (shop(bought(400, date(2026, 1, 10), 2)) for _ in range(2))
    night(nightly, date(2025, 12, 31))
    for connection in (nightly, late):
        night(connection, date(2026, 1, 7))
    one, other = (
        connection.execute("from scores.clv order by customer_key").fetchall()
        for connection in (nightly, late)
    )
    assert one == other and len(one) > 300


def test_returns_of_who_buys_only_later_are_not_in_the_model_of_a_month_end() -> None:
    """A return of what was bought before the log begins, and a first purchase between the month-end and the night."""
    purchases = bought(400, date(2026, 1, 10), 2)
    first, later = (shop(purchases) for _ in range(2))
    for connection in (first, later):
        connection.execute("insert into all_purchases values ('new', '2026-01-05', 50, 0)")
        connection.execute(
            "insert into about_customers.fct_order_line values ('new', '2025-12-20', 'return', false, -500)"
        )
    one, other = night(first, date(2026, 1, 3)), night(later, date(2026, 1, 7))
    assert one.model is not None and one.model == other.model and one.model.kept == 1.0


def test_a_decision_survives_its_record(company: duckdb.DuckDBPyConnection) -> None:
    model = value_model.recorded(company, LAST)
    assert model is not None and value_model.from_json(model.as_json()) == model
    assert model.orders.log_covariance is not None and model.value_basis == "revenue"


def test_the_backtest_finds_the_model_that_made_the_data() -> None:
    truths = {"bg": bought(12_000, LAST, 3), "mbg": bought(12_000, LAST, 3, model="mbg")}
    for truth, purchases in truths.items():
        connection = shop(purchases)
        all_known(connection)
        made = value_model.train(connection, LAST)
        assert not isinstance(made, str)
        deviance = dict(
            connection.execute(
                "select model, metric_value from scores.backtest where metric = 'deviance'"
            ).fetchall()
        )
        assert set(deviance) == set(MODELS)
        assert deviance[f"{truth}_nbd"] == pytest.approx(min(deviance.values()), rel=2e-3)
        assert made.value_model == "gamma_gamma"
        beaten = connection.execute(
            """select count(*) from scores.backtest where is_chosen and metric in ('mae', 'rmse', 'spend_mae')
                and metric_value > baseline_value"""
        ).fetchone()
        assert beaten == (0,)


def test_intervals_are_as_wide_as_they_should_be() -> None:
    """On data of the model: the transform is uniform, and nine in ten totals of a hundred customers are inside."""
    table = bought(10_000, LAST, 4)
    connection = shop(table)
    cut = LAST - timedelta(days=180)
    all_known(connection)
    value_model.histories(connection, "holdout", cut, 180)
    found = connection.execute(
        """select frequency, first_to_last_order_days, age_days, valued_repeats, coalesce(repeat_mean_value, 0) as m,
            orders, spend from holdout order by customer_key"""
    ).fetchnumpy()
    x, t_x, age, n, mean, orders, spend = (np.asarray(column, dtype=float) for column in found.values())
    fit = MODELS["bg_nbd"].fit(x, t_x, age)
    gg = gamma_gamma.fit(n[n > 0], mean[n > 0])
    counts, spends = value.draw_spend(fit, gg, x, t_x, age, n, mean, 180.0, 200, 7)
    limit = 1.63 / np.sqrt(x.size) + 1 / 200  # Kolmogorov's one per cent, and the grain of 200 draws
    for drawn, happened in ((counts, orders), (spends, spend)):
        assert backtest.distance_from_uniform(backtest.randomised_pit(drawn, happened, 1)) < limit
    groups = x.size // 100
    totals = spends[:, : groups * 100].reshape(200, groups, 100).sum(axis=2)
    inside = backtest.group_coverage(totals, spend[: groups * 100].reshape(groups, 100).sum(axis=1), 0.9)
    assert 0.9 - 3 * np.sqrt(0.09 / groups) < inside < 0.9 + 3 * np.sqrt(0.09 / groups)
    # the closed form says of a customer what the draws say
    some = slice(0, 300)
    low, high = value.value_interval_factors(
        fit.parameters,
        gg.parameters,
        x[some],
        t_x[some],
        age[some],
        n[some],
        180.0,
        spread=value.spread(fit, gg),
    )
    worth = gamma_gamma.expected_value(gg.parameters, n[some], np.where(n[some] > 0, mean[some], 1.0))
    below = (spends[:, some] < low * worth).mean()
    above = (spends[:, some] > high * worth).mean()
    assert above == pytest.approx(0.05, abs=0.012) and below <= 0.06


def test_uncertain_parameters_widen_the_intervals_of_a_small_company() -> None:
    connection = shop(bought(150, LAST, 5))
    model = night(connection, LAST).model
    points = value.spread(model.orders, model.order_value)
    assert len(points) == 14
    logs = np.log([[getattr(p, name) for name in ("r", "alpha", "a", "b")] for p, _ in points])
    centre = np.log([getattr(model.orders.parameters, name) for name in ("r", "alpha", "a", "b")])
    np.testing.assert_allclose(logs.mean(axis=0), centre, atol=1e-9)
    np.testing.assert_allclose(
        (logs - centre).T @ (logs - centre) / 14, model.orders.log_covariance, rtol=1e-6
    )
    state = ([0.0, 3.0, 12.0], [0.0, 200.0, 500.0], [100.0, 300.0, 520.0], [0.0, 3.0, 12.0], 365.0)
    law, gg = model.orders.parameters, model.order_value.parameters
    _, narrow = value.value_interval_factors(law, gg, *state)
    _, wide = value.value_interval_factors(law, gg, *state, spread=points)
    assert (wide > narrow).all() and (wide < 2 * narrow).all()


class TestGate:
    def test_the_last_good_scores_stay_under_their_own_date(self) -> None:
        connection = shop(bought(400, date(2026, 1, 20), 6))
        night(connection, date(2026, 1, 10))
        good = connection.execute("from scores.clv order by 1").fetchall()
        connection.execute("update all_purchases set purchase_value = 50 * purchase_value")
        held = night(connection, date(2026, 1, 11), "second")
        assert held.held and "mean value would go from" in held.note
        assert connection.execute("from scores.clv order by 1").fetchall() == good
        assert connection.execute("select max(scored_as_of_date) from scores.churn").fetchone() == (
            date(2026, 1, 10),
        )
        assert connection.execute(
            "select outcome, message is not null from audit.gate_results where run_id = 'second'"
        ).fetchall() == [("warned", True)]
        assert connection.execute(
            "select source, object, status, last_loaded_on, stale_days from audit.source_freshness"
        ).fetchall() == [("scores", "clv", "stale", date(2026, 1, 10), 1)]
        connection.execute("update all_purchases set purchase_value = purchase_value / 50")
        assert not night(connection, date(2026, 1, 12), "third").held

    def test_customers_that_vanish_hold_the_scores(self) -> None:
        connection = shop(bought(400, LAST, 6))
        night(connection, LAST)
        connection.execute("delete from all_purchases where customer_key > 'c000200'")
        held = night(connection, LAST)
        assert held.held and "no usual night" in held.note

    def test_impossible_scores_are_not_written(self, monkeypatch: pytest.MonkeyPatch) -> None:
        connection = shop(bought(200, LAST, 6))
        monkeypatch.setattr(value_model.ValueModel, "money", -1.0)
        held = night(connection, LAST)
        assert held.held and "cannot be" in held.note
        assert connection.execute("select count(*) from scores.clv").fetchone() == (0,)


def purchases(*rows: tuple[str, date, float]) -> pa.Table:
    names = ("customer_key", "order_date", "purchase_value")
    return pa.table(
        {name: pa.array(column) for name, column in zip(names, zip(*rows, strict=True), strict=True)}
    )


class TestEdges:
    @pytest.mark.parametrize(
        ("rows", "reason"),
        [
            ([("one", LAST, 10.0)], "second time"),
            ([(f"c{n}", LAST - timedelta(days=n), 10.0) for n in range(200)], "second time"),
            ([(f"c{n}", LAST, 10.0) for n in range(200)], "second time"),
            ([("one", LAST - timedelta(days=n), 10.0) for n in range(30)], "1 customers are too few"),
        ],
        ids=["one customer", "nobody comes back", "all today", "one who comes back"],
    )
    def test_too_little_gives_no_value_and_says_why(self, rows: list, reason: str) -> None:
        connection = shop(purchases(*rows))
        done = night(connection, LAST)
        assert done.model is None and reason in done.note
        assert connection.execute(
            "select count(*), count(clv_365d), count(scored_as_of_date), count(remark) from scores.clv"
        ).fetchone() == (len({key for key, *_ in rows}), 0, 0, len({key for key, *_ in rows}))
        assert connection.execute("select model, is_identified from audit.model_runs").fetchall() == [
            ("none", False)
        ]

    def test_nobody_at_all(self) -> None:
        connection = shop(purchases(("one", LAST, 10.0)))
        assert "nobody has bought" in night(connection, LAST - timedelta(days=1)).note

    def test_a_young_company_is_scored_by_its_own_month(self) -> None:
        connection = shop(bought(300, date(2026, 1, 20), 7, days=18))
        done = night(connection, date(2026, 1, 20))
        assert done.model is not None and done.model.data_until == date(2026, 1, 20)
        assert "no backtest" in done.model.note

    def test_ten_years_of_silence(self) -> None:
        connection = shop(bought(400, LAST, 8))
        scored = night(connection, date(2035, 12, 31))
        assert scored.model is not None and not scored.held
        highest, orders, value_left = connection.execute(
            "select max(p_alive), max(expected_orders_365d), max(clv_365d) from scores.clv"
        ).fetchone()
        assert 0 <= highest <= 1 and 0 <= orders < 1 and value_left < 100

    @pytest.mark.parametrize("price", [1e-3, 1e9])
    def test_the_unit_of_money_does_not_matter(self, price: float) -> None:
        usual, other = (shop(bought(300, LAST, 9, days=600)) for _ in range(2))
        for connection, unit in ((usual, 1.0), (other, price)):
            connection.execute(
                "update all_purchases set purchase_value = ceil(purchase_value)::decimal(18, 4) * ?::double",
                [unit],
            )
            night(connection, LAST)
        one, two = (
            c.execute("select sum(clv_365d), count(remark) from scores.clv").fetchone()
            for c in (usual, other)
        )
        assert two[0] == pytest.approx(price * one[0], rel=1e-3) and one[1] == two[1] == 0

    def test_values_beyond_what_a_mart_keeps_are_null_and_say_so(self) -> None:
        table = bought(300, LAST, 9)
        connection = shop(table)
        (richest,) = connection.execute(
            "select customer_key from all_purchases group by 1 order by count(*) desc, 1 limit 1"
        ).fetchone()
        connection.execute("update all_purchases set purchase_value = 9e13 where customer_key = ?", [richest])
        night(connection, LAST)
        assert connection.execute(
            "select customer_key, clv_365d, remark like '%beyond%' from scores.clv where remark is not null"
        ).fetchall() == [(richest, None, True)]

    def test_value_is_margin_where_costs_are_known(self) -> None:
        table = bought(300, LAST, 10)
        costed = table.append_column(
            "purchase_cost", pa.array(np.round(0.6 * np.asarray(table["purchase_value"]), 4))
        )
        plain, margin = shop(table), shop(costed)
        for connection in (plain, margin):
            night(connection, LAST)
        basis = "select distinct value_basis, sum(clv_365d) over () from scores.clv"
        ((one, revenue),), ((other, earned),) = (c.execute(basis).fetchall() for c in (plain, margin))
        assert (one, other) == ("revenue", "margin") and earned == pytest.approx(0.4 * revenue, rel=1e-3)

    def test_all_that_comes_back_is_worth_nothing(self) -> None:
        connection = shop(bought(300, LAST, 11))
        connection.execute(
            """insert into about_customers.fct_order_line
            select customer_key, order_date, 'return', false, -2 * purchase_value from all_purchases"""
        )
        night(connection, LAST)
        assert connection.execute("select max(clv_365d), count(remark) from scores.clv").fetchone() == (
            0.0,
            0,
        )


def test_cdnow_holdout_of_39_weeks_beside_the_simple_rules() -> None:
    """The full CDNOW log through the backtest: no worse than published, and nearer than every simple rule."""
    rows = {}
    for line in (folder() / "cdnow_master.txt").read_text(encoding="ascii").splitlines():
        fields = line.split()
        if fields and fields[0].isdigit():
            day = date(int(fields[1][:4]), int(fields[1][4:6]), int(fields[1][6:]))
            rows[fields[0], day] = rows.get((fields[0], day), 0.0) + float(fields[-1])
    connection = shop(purchases(*((key, day, dollars) for (key, day), dollars in rows.items())))
    all_known(connection)
    value_model.compare(connection, HOLDOUT_END, (HOLDOUT_END - CALIBRATION_END).days, judged=2000)
    found: dict[str, dict[str, float]] = {}
    for model, metric, measured in connection.execute(
        "select model, metric, metric_value from scores.backtest"
    ).fetchall():
        found.setdefault(model, {})[metric] = measured
    assert round(found["bg_nbd"]["mae"], 3) == 0.819 and round(found["bg_nbd"]["rmse"], 3) == 1.733
    assert f"{found['bg_nbd']['total_error']:.0%}" == "-14%"
    ((chosen,),) = connection.execute("select distinct model from scores.backtest where is_chosen").fetchall()
    assert found[chosen]["mae"] <= 0.8195 and found[chosen]["rmse"] <= 1.7335
    for rule in value_model.BASELINES:
        assert found[chosen]["rmse"] < found[rule]["rmse"]
    tracking = connection.execute(
        "select predicted, actual from scores.calibration where kind = 'tracking' order by bin"
    ).fetchall()
    assert len(tracking) == 78 and tracking[38][0] == pytest.approx(tracking[38][1], rel=0.05)


def test_month_ends() -> None:
    assert last_month_ends(date(2024, 3, 31), 3) == [
        date(2024, 3, 31),
        date(2024, 2, 29),
        date(2024, 1, 31),
    ]
    assert last_month_ends(date(2024, 3, 30), 2) == [date(2024, 2, 29), date(2024, 1, 31)]


def test_shrunken_mean_finds_the_variances() -> None:
    rng = np.random.default_rng(12)
    n = rng.integers(1, 12, 40_000).astype(float)
    own = rng.normal(100, 10, n.size)
    fit = shrunken_mean.fit(n, np.maximum(rng.normal(own, 20 / np.sqrt(n)), 1))
    assert fit.mean == pytest.approx(100, abs=0.5) and fit.strength == pytest.approx(4, rel=0.15)
    values = shrunken_mean.expected_value(fit, [0, 4, 10_000], [0, 200, 200])
    assert (
        values[0] == fit.mean
        and values[1] == pytest.approx(150, abs=4)
        and values[2] == pytest.approx(200, abs=0.2)
    )
