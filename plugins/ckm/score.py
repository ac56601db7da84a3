"""Score: customer lifetime value and the chance of staying away, from compressed purchase states.

    scores.rfm_state → distinct states with weights → BG/NBD and Gamma-Gamma → scores.clv, scores.churn

The models are fitted and evaluated once per distinct purchase state; DuckDB joins
the results back, so Python's work does not grow with the number of customers.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ckm.clv import bg_nbd, gamma_gamma, value

DAYS_90, DAYS_365 = 90.0, 365.0
LIFETIME_DAYS = 3650.0
INTERVAL = 0.90


@dataclass(frozen=True)
class Scored:
    """What scoring did: customers, distinct states, and the fitted models for the record."""

    customers: int
    states: int
    bg: bg_nbd.BgNbdFit | None
    gg: gamma_gamma.GammaGammaFit | None
    note: str | None = None


def score(
    connection: duckdb.DuckDBPyConnection,
    *,
    night: date,
    run_id: str,
    reporting_currency: str,
    annual_discount_rate: float,
) -> Scored:
    """Fit on everybody who has not opted out, score them, and write `scores.clv` and `scores.churn`.

    With too little to fit (no customer came back, say) the score tables stay as they are, empty or with the
    last good scores under their own date, and the note says why.
    """
    states = _states(connection)
    model_run_id = f"bg_nbd.{night}"
    try:
        bg = bg_nbd.fit(states.frequency, states.recency, states.age, states.weight)
        gg, order_value = _fit_order_value(connection)
    except ValueError as error:
        return Scored(int(states.weight.sum()), len(states.weight), None, None, f"not scored: {error}")
    _register_state_scores(connection, states, bg.parameters, gg, annual_discount_rate)
    connection.begin()
    try:
        _clear(connection)
        connection.execute(
            f"""
            insert into scores.clv
            select rfm.customer_key, state.p_alive, state.expected_orders_90d, state.expected_orders_365d,
                {order_value.sql} as expected_order_value,
                state.discounted_orders_365d * {order_value.sql} as clv_365d,
                state.low_factor * {order_value.sql} as clv_365d_low,
                state.high_factor * {order_value.sql} as clv_365d_high,
                state.discounted_orders_lifetime * {order_value.sql} as clv_lifetime,
                'revenue' as value_basis, ? as currency_code, ? as scored_as_of_date, ? as model_run_id
            from scores.rfm_state as rfm
            join state_scores as state using (frequency, first_to_last_order_days, age_days, valued_repeats)
            where rfm.is_profiling_allowed
            order by rfm.customer_key
            """,
            [*order_value.arguments * 5, reporting_currency, night, model_run_id],
        )
        connection.execute(
            """
            insert into scores.churn
            select rfm.customer_key, state.p_no_order_90d, ?, ?
            from scores.rfm_state as rfm
            join state_scores as state using (frequency, first_to_last_order_days, age_days, valued_repeats)
            where rfm.is_profiling_allowed
            order by rfm.customer_key
            """,
            [night, model_run_id],
        )
        _record(connection, model_run_id, run_id, night, bg, gg, len(states.weight))
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.unregister("state_scores")
    return Scored(int(states.weight.sum()), len(states.weight), bg, gg)


@dataclass(frozen=True)
class _States:
    """Distinct purchase states: repeat purchases, days from first to last, days of age, repeat purchases that
    are worth something, customers each."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    valued_repeats: np.ndarray
    weight: np.ndarray


@dataclass(frozen=True)
class _OrderValue:
    """A customer's expected value of one order, as SQL over `rfm` with bound parameters."""

    sql: str
    arguments: tuple[float, ...]


def _states(connection: duckdb.DuckDBPyConnection) -> _States:
    columns = connection.execute(
        """
        select frequency, first_to_last_order_days, age_days, valued_repeats, count(*) as customers
        from scores.rfm_state where is_profiling_allowed
        group by all order by all
        """
    ).fetchnumpy()
    return _States(*(np.asarray(column, dtype=float) for column in columns.values()))


def _fit_order_value(
    connection: duckdb.DuckDBPyConnection,
) -> tuple[gamma_gamma.GammaGammaFit, _OrderValue]:
    """Gamma-Gamma on repeat purchases, fitted on mean values binned half a per cent wide within a frequency.

    What customers send back is netted at the company's rate: a return names no order, so it cannot be
    taken off the one it belongs to.
    """
    bins = connection.execute(
        """
        select valued_repeats, avg(repeat_mean_value)::double as mean_value, count(*) as customers
        from scores.rfm_state
        where is_profiling_allowed and valued_repeats > 0
        group by valued_repeats, round(ln(repeat_mean_value) * 200)
        order by valued_repeats, mean_value
        """
    ).fetchnumpy()
    fit = gamma_gamma.fit(*(np.asarray(column, dtype=float) for column in bins.values()))
    kept = connection.execute(
        """
        select greatest(0, 1 - coalesce(sum(returns_value) / nullif(sum(gross_sales), 0), 0))::double
        from scores.rfm_state where is_profiling_allowed
        """
    ).fetchone()[0]
    p, q, gamma = fit.parameters.p, fit.parameters.q, fit.parameters.gamma
    if q <= 1:  # the population's mean is infinite: fall back on what repeat orders brought on average
        mean_value = float(np.average(bins["mean_value"], weights=bins["customers"] * bins["valued_repeats"]))
        return fit, _OrderValue("(?::double * ?::double)", (kept, mean_value))
    sql = """(?::double * ?::double * (?::double + rfm.valued_repeats * coalesce(rfm.repeat_mean_value, 0)::double)
        / (?::double * rfm.valued_repeats + ?::double - 1))"""
    return fit, _OrderValue(sql, (kept, p, gamma, p, q))


def _register_state_scores(
    connection: duckdb.DuckDBPyConnection,
    states: _States,
    bg: bg_nbd.BgNbdParameters,
    gg: gamma_gamma.GammaGammaFit,
    annual_discount_rate: float,
) -> None:
    """Make `state_scores`, one row per distinct state, visible to SQL."""
    x, t_x, age = states.frequency, states.recency, states.age
    low, high = value.value_interval_factors(
        bg, gg.parameters, x, t_x, age, states.valued_repeats, DAYS_365, annual_discount_rate, level=INTERVAL
    )
    columns: dict[str, Any] = {
        "frequency": x.astype("int64"),
        "first_to_last_order_days": t_x.astype("int64"),
        "age_days": age.astype("int64"),
        "valued_repeats": states.valued_repeats.astype("int64"),
        "p_alive": bg_nbd.probability_alive(bg, x, t_x, age),
        "expected_orders_90d": bg_nbd.expected_orders(bg, x, t_x, age, DAYS_90),
        "expected_orders_365d": bg_nbd.expected_orders(bg, x, t_x, age, DAYS_365),
        "discounted_orders_365d": value.discounted_orders(bg, x, t_x, age, DAYS_365, annual_discount_rate),
        "discounted_orders_lifetime": value.discounted_orders(
            bg, x, t_x, age, LIFETIME_DAYS, annual_discount_rate
        ),
        "p_no_order_90d": bg_nbd.probability_no_order(bg, x, t_x, age, DAYS_90),
        "low_factor": low,
        "high_factor": high,
    }
    arrays = {name: pa.array(column, from_pandas=True) for name, column in columns.items()}  # NaN is null
    connection.register("state_scores", pa.table(arrays))


def _clear(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("delete from scores.clv")
    connection.execute("delete from scores.churn")


def _record(
    connection: duckdb.DuckDBPyConnection,
    model_run_id: str,
    run_id: str,
    night: date,
    bg: bg_nbd.BgNbdFit,
    gg: gamma_gamma.GammaGammaFit,
    distinct_states: int,
) -> None:
    """One row per fitted parameter; times are in days, values in the reporting currency."""
    rows = []
    for model, fit, names in (
        ("bg_nbd", bg, ("r", "alpha", "a", "b")),
        ("gamma_gamma", gg, ("p", "q", "gamma")),
    ):
        for name in names:
            error = getattr(fit.standard_errors, name) if fit.standard_errors else None
            rows.append(
                [
                    model_run_id, run_id, night, model, name, getattr(fit.parameters, name),
                    error if error is None or math.isfinite(error) else None,
                    fit.identified, fit.log_likelihood, int(fit.customers), distinct_states, fit.note or None,
                ]
            )  # fmt: skip
    connection.execute("delete from audit.model_runs where run_id = ?", [run_id])
    connection.executemany("insert into audit.model_runs values (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
