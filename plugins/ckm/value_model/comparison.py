"""Models and simple rules against what happened: which of them did best, and how near it came.

histories before a cut → three models of repeat buying, two of order value, four simple rules → losses, metrics,
calibration, tracking, coverage → `scores.backtest`, `scores.calibration`
"""

from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ckm.bulk import insert_rows
from ckm.clv import backtest, value
from ckm.clv.orders import MODELS
from ckm.value_model.decision import ValueModel
from ckm.value_model.fitting import distinct, fit_order_value, histories
from ckm.value_model.level import level_error

MIN_HOLDOUT_CUSTOMERS = 100
"""With fewer customers before the cut there is no backtest, and the simplest model is taken."""
BASELINES = ("last_period", "rate", "mean", "rfm")
JUDGED_CUSTOMERS = 4000
"""Intervals are judged on so many customers, the first by key."""
BACKTEST_COLUMNS = (
    "data_until", "model", "cut_date", "horizon_days", "is_chosen", "metric", "metric_value", "baseline",
    "baseline_value",
)  # fmt: skip
CALIBRATION_COLUMNS = (
    "data_until", "model", "cut_date", "kind", "bin", "bin_date", "customers", "predicted", "actual",
)  # fmt: skip
_PIT_DRAWS, _GROUP, _SEED = 200, 100, 20
_LEVEL = 0.90


@dataclass(frozen=True)
class Choice:
    """What a backtest prefers: a model of repeat buying, one of order value, and the former from best to worst."""

    order_model: str
    value_model: str
    ranking: list[str]
    note: str


def compare(
    connection: duckdb.DuckDBPyConnection, data_until: date, horizon: int, judged: int = JUDGED_CUSTOMERS
) -> Choice | None:
    """Fit all models before a cut and hold them, and four simple rules, against what happened after it.

    The cut lies `horizon` days before `data_until`; `judged` customers are enough to judge intervals. What is found
    goes to `scores.backtest` and `scores.calibration`. None where there is too little to compare.
    """
    cut = data_until - timedelta(days=horizon)
    histories(connection, "holdout", cut, horizon)
    states = distinct(connection, "holdout")
    if not states["weight"].size or states["weight"].sum() < MIN_HOLDOUT_CUSTOMERS:
        return None
    fits = {name: module.fit(*states.values()) for name, module in MODELS.items()}
    try:
        gg, shrunken, typical = fit_order_value(connection, "holdout")
    except ValueError:
        return None
    if not fits["bg_nbd"].enough:
        return None
    x, t_x, age, _ = states.values()
    predictions = {
        name: MODELS[name].expected_orders(fit.parameters, x, t_x, age, float(horizon))
        for name, fit in fits.items()
    }
    losses, weight = _losses(connection, predictions)
    able = {name: loss for name, loss in losses.items() if fits[name].identified} or losses
    order_model = backtest.preferred(able, weight)
    ranking = sorted(
        MODELS, key=lambda name: (name != order_model, name not in able, float((losses[name] * weight).sum()))
    )
    at_cut = ValueModel(cut, fits[order_model], gg, shrunken, "gamma_gamma", 1.0, None, typical, "")
    value_model = _value_rivals(connection, at_cut)
    at_cut = replace(at_cut, value_model=value_model, level_error=level_error(connection, order_model, cut))
    _predict(connection, states, predictions, at_cut, cut, horizon)
    _measure(connection, data_until, cut, horizon, tuple(fits), losses, weight, order_model)
    _calibrate(connection, data_until, cut, horizon, at_cut, judged)
    note = f"chosen on {int(weight.sum()):,} customers over {horizon} days after {cut}"
    return Choice(order_model, value_model, ranking, note)


def measure_since(connection: duckdb.DuckDBPyConnection, model: ValueModel, night: date) -> None:
    """Hold what the model expected since it was made against what has happened by tonight, in `scores.backtest`.

    Its parameters have seen nothing of it. What each customer ordered in as many days before stands beside it.
    """
    connection.execute(
        "delete from scores.backtest where data_until = ? and cut_date = data_until", [model.data_until]
    )
    horizon = (night - model.data_until).days
    if horizon < 1:
        return
    histories(connection, "since", model.data_until, horizon)
    states = distinct(connection, "since")
    law = model.orders.parameters
    x, t_x, age, _ = states.values()
    _show_predictions(
        connection, states, {law.model: MODELS[law.model].expected_orders(law, x, t_x, age, float(horizon))}
    )
    expected = f"{law.model}_orders"
    figures = connection.execute(
        f"""
        select avg(abs({expected} - orders)), avg(abs(last_orders - orders)),
            sqrt(avg(({expected} - orders) ** 2)), sqrt(avg((last_orders - orders) ** 2)),
            sum({expected} - orders) / nullif(sum(orders), 0),
            sum(last_orders - orders)::double / nullif(sum(orders), 0)
        from since join state_predictions using (frequency, first_to_last_order_days, age_days)
        """
    ).fetchone()
    connection.unregister("state_predictions")
    pairs = zip(("mae", "rmse", "total_error"), figures[::2], figures[1::2], strict=True)
    insert_rows(
        connection,
        "scores.backtest",
        BACKTEST_COLUMNS,
        [
            [model.data_until, law.model, model.data_until, horizon, True, metric, found, "last_period", rule]
            for metric, found, rule in pairs
            if found is not None
        ],
    )


def _show_predictions(
    connection: duckdb.DuckDBPyConnection, states: dict[str, np.ndarray], predictions: dict[str, np.ndarray]
) -> None:
    """Make `state_predictions` visible to SQL: the expected orders of each model per distinct state."""
    keys = ("frequency", "first_to_last_order_days", "age_days")
    columns = {name: pa.array(states[name].astype("int64")) for name in keys}
    columns |= {f"{name}_orders": pa.array(expected) for name, expected in predictions.items()}
    connection.register("state_predictions", pa.table(columns))


def _losses(
    connection: duckdb.DuckDBPyConnection, predictions: dict[str, np.ndarray]
) -> tuple[dict[str, np.ndarray], np.ndarray]:
    """Deviance of each model's expectation per distinct state and number of orders, and the customers in each."""
    outcomes = distinct(connection, "holdout", "orders")
    keys = np.stack([outcomes[name] for name in ("frequency", "first_to_last_order_days", "age_days")])
    # Both are in the order of the states, so the n-th change of state among the outcomes is the n-th state.
    at = np.append(0, np.cumsum((np.diff(keys) != 0).any(axis=0)))
    return {
        name: backtest.poisson_deviance(expected[at], outcomes["orders"])
        for name, expected in predictions.items()
    }, outcomes["weight"]


def _value_rivals(connection: duckdb.DuckDBPyConnection, at_cut: ValueModel) -> str:
    """Gamma-Gamma or the shrunken mean, by the deviance of what an order was worth after the cut."""
    rivals = {"gamma_gamma": at_cut} if at_cut.order_value.parameters.q > 1 else {}
    rivals["shrunken_mean"] = ValueModel(
        at_cut.data_until, at_cut.orders, at_cut.order_value, at_cut.shrunken, "shrunken_mean", 1.0, None,
        at_cut.typical_value, "",
    )  # fmt: skip
    columns = ", ".join(f"{model.value_sql()} as {name}" for name, model in rivals.items())
    found = connection.execute(
        f"""select orders, spend / orders as value, {columns} from holdout
        where orders > 0 and spend > 0 order by customer_key limit 200000"""
    ).fetchnumpy()
    if not len(found["orders"]):
        return "gamma_gamma" if "gamma_gamma" in rivals else "shrunken_mean"
    value_seen, weight = (np.asarray(found[name], dtype=float) for name in ("value", "orders"))
    return backtest.preferred(
        {name: backtest.gamma_deviance(np.asarray(found[name], dtype=float), value_seen) for name in rivals},
        weight,
    )


def _predict(
    connection: duckdb.DuckDBPyConnection,
    states: dict[str, np.ndarray],
    predictions: dict[str, np.ndarray],
    at_cut: ValueModel,
    cut: date,
    horizon: int,
) -> None:
    """Make `predicted`: per customer of `holdout`, orders and spend as each model and rule expected them."""
    _show_predictions(connection, states, predictions)
    histories(connection, "before", cut - timedelta(days=horizon), horizon)
    spend = ", ".join(f"{name}_orders * {at_cut.value_sql()} as {name}_spend" for name in predictions)
    cells = """least(frequency, 4) as f,
        ntile(5) over (order by age_days - first_to_last_order_days, customer_key) as r,
        ntile(5) over (order by mean_value, customer_key) as m"""
    connection.execute(
        f"""
        create or replace temporary table predicted as
        with cell as (
            select r, f, m, avg(orders) as orders, avg(spend) as spend from (select *, {cells} from before) group by all
        ),
        overall as (
            select avg(last_orders) as orders, avg(last_spend) as spend from holdout
        )
        select customers.customer_key, customers.orders, customers.spend, state.* like '%_orders', {spend},
            last_orders::double as last_period_orders, last_spend as last_period_spend,
            customers.frequency * {horizon}::double / greatest(age_days, {horizon}) as rate_orders,
            customers.frequency * {horizon}::double / greatest(age_days, {horizon}) * mean_value as rate_spend,
            overall.orders as mean_orders, overall.spend as mean_spend,
            coalesce(cell.orders, overall.orders) as rfm_orders, coalesce(cell.spend, overall.spend) as rfm_spend
        from (select *, {cells} from holdout) as customers
        join state_predictions as state using (frequency, first_to_last_order_days, age_days)
        left join cell using (r, f, m)
        cross join overall
        """
    )
    connection.unregister("state_predictions")


def _measure(
    connection: duckdb.DuckDBPyConnection,
    data_until: date,
    cut: date,
    horizon: int,
    models: tuple[str, ...],
    losses: dict[str, np.ndarray],
    weight: np.ndarray,
    chosen: str,
) -> None:
    """Each metric of each model beside the best of the simple rules, and of the rules, into `scores.backtest`."""
    metrics: dict[str, dict[str, float]] = {}
    for name in (*models, *BASELINES):
        orders, spend = f"{name}_orders", f"{name}_spend"
        (row,) = connection.execute(
            f"""
            with ranked as (
                select *,
                    rank() over (order by {spend}) + (count(*) over (partition by {spend}) - 1) / 2.0 as expected_rank,
                    rank() over (order by spend) + (count(*) over (partition by spend) - 1) / 2.0 as actual_rank
                from predicted
            )
            select avg(abs({orders} - orders)) as mae, sqrt(avg(({orders} - orders) ** 2)) as rmse,
                sum({orders} - orders) / nullif(sum(orders), 0) as total_error,
                case when stddev_pop(expected_rank) > 0 and stddev_pop(actual_rank) > 0
                    then corr(expected_rank, actual_rank) end as spend_rank_correlation,
                sum({spend} - spend) / nullif(sum(spend), 0) as spend_total_error,
                avg(abs({spend} - spend)) as spend_mae
            from ranked
            """
        ).fetchall()
        names = ("mae", "rmse", "total_error", "spend_rank_correlation", "spend_total_error", "spend_mae")
        metrics[name] = {metric: found for metric, found in zip(names, row, strict=True) if found is not None}
        if name in losses:
            metrics[name]["deviance"] = float((losses[name] * weight).sum() / weight.sum())

    def better(metric: str, name: str) -> float:
        found = metrics[name][metric]
        return -found if metric == "spend_rank_correlation" else abs(found)

    rows = []
    for name, found in metrics.items():
        for metric, measured in found.items():
            rivals = [rule for rule in BASELINES if metric in metrics[rule]]
            best = min(rivals, key=lambda rule: better(metric, rule)) if rivals else None
            rows.append(
                [
                    data_until, name, cut, horizon, name == chosen, metric, measured, best,
                    metrics[best][metric] if best else None,
                ]
            )  # fmt: skip
    insert_rows(connection, "scores.backtest", BACKTEST_COLUMNS, rows)


def _calibrate(
    connection: duckdb.DuckDBPyConnection,
    data_until: date,
    cut: date,
    horizon: int,
    at_cut: ValueModel,
    judged: int,
) -> None:
    """Tracking, calibration and gain of the chosen model, and whether its laws are as wide as they should be."""
    name = at_cut.orders.parameters.model
    rows: list[list[Any]] = []
    found = connection.execute(
        f"select {name}_orders as expected, orders, count(*) as weight from predicted group by all order by all"
    ).fetchnumpy()
    bins = backtest.calibration(*(np.asarray(column, dtype=float) for column in found.values()))
    rows += [[data_until, name, cut, "calibration", number, None, int(n), e, a] for number, n, e, a in bins]
    rows += [
        [data_until, name, cut, "gain", *row]
        for row in connection.execute(
            f"""
            with ranked as (
                select ntile(20) over (order by {name}_spend desc, customer_key) as part, {name}_spend, spend
                from predicted
            )
            select part, null, count(*),
                sum(sum({name}_spend)) over (order by part) / nullif(sum(sum({name}_spend)) over (), 0),
                sum(sum(spend)) over (order by part) / nullif(sum(sum(spend)) over (), 0)
            from ranked group by part order by part
            """
        ).fetchall()
    ]
    rows += [
        [data_until, name, cut, "tracking", *row] for row in _tracking(connection, cut, data_until, at_cut)
    ]
    insert_rows(connection, "scores.calibration", CALIBRATION_COLUMNS, rows)
    measured = _intervals(connection, horizon, at_cut, judged)
    insert_rows(
        connection,
        "scores.backtest",
        BACKTEST_COLUMNS,
        [
            [data_until, name, cut, horizon, True, metric, found, None, None]
            for metric, found in measured.items()
        ],
    )


def _tracking(
    connection: duckdb.DuckDBPyConnection, cut: date, data_until: date, at_cut: ValueModel
) -> list[tuple[Any, ...]]:
    """Cumulative repeat purchases, week by week, of the customers known at the cut: expected and actual."""
    births = connection.execute("select age_days, count(*) from holdout group by 1 order by 1").fetchall()
    longest = max(age for age, _ in births) + (data_until - cut).days
    module = MODELS[at_cut.orders.parameters.model]
    curve = np.asarray(module.expected_orders_new(at_cut.orders.parameters, np.arange(longest + 1.0)))
    actual = dict(
        connection.execute(
            """select order_date, count(*) from scores.purchase
            where order_date <= ? and customer_key in (select customer_key from holdout) group by 1""",
            [data_until],
        ).fetchall()
    )
    start = cut - timedelta(days=max(age for age, _ in births))
    found, day, seen, week = [], start, 0, 0
    days = sorted(actual)
    born = sorted((cut - timedelta(days=age), count) for age, count in births)
    position = 0
    while day < data_until:
        day, week = min(day + timedelta(days=7), data_until), week + 1
        while position < len(days) and days[position] <= day:
            seen += actual[days[position]]
            position += 1
        known = [(first, count) for first, count in born if first <= day]
        customers = sum(count for _, count in known)
        expected = sum(count * curve[(day - first).days] for first, count in known)
        found.append((week, day, customers, float(expected), float(seen - customers)))
    return found


def _intervals(
    connection: duckdb.DuckDBPyConnection, horizon: int, at_cut: ValueModel, judged: int
) -> dict[str, float]:
    """Coverage of 90 % intervals of customers and of groups of a hundred, and the distance of the probability
    integral transform from uniform, all of the spend after the cut; on the first customers by key."""
    found = connection.execute(
        f"""select frequency, first_to_last_order_days, age_days, valued_repeats,
            coalesce(repeat_mean_value, 0) as mean_value, orders, spend
        from holdout order by customer_key limit {judged}"""
    ).fetchnumpy()
    x, t_x, age, n, mean, orders, spend = (np.asarray(column, dtype=float) for column in found.values())
    counts, spends = value.draw_spend(
        at_cut.orders, at_cut.order_value, x, t_x, age, n, mean, float(horizon), _PIT_DRAWS, _SEED,
        at_cut.level_error,
    )  # fmt: skip
    measured = {
        "level_error": at_cut.level_error,
        "pit_distance_orders": backtest.distance_from_uniform(backtest.randomised_pit(counts, orders, _SEED)),
        "pit_distance_spend": backtest.distance_from_uniform(backtest.randomised_pit(spends, spend, _SEED)),
        "coverage_of_customers": backtest.group_coverage(spends, spend, _LEVEL),
    }
    groups = x.size // _GROUP
    if groups:
        size = groups * _GROUP
        totals = spends[:, :size].reshape(_PIT_DRAWS, groups, _GROUP).sum(axis=2)
        measured["coverage_of_hundreds"] = backtest.group_coverage(
            totals, spend[:size].reshape(groups, _GROUP).sum(axis=1), _LEVEL
        )
    return measured
