"""Score: customer lifetime value and the chance of staying away, from compressed purchase states.

    scores.rfm_state → distinct states with weights → the company's value model → scores.clv, scores.churn

The model is that of the last month-end (`ckm.value_model`) and is evaluated once per distinct purchase state;
DuckDB joins the results back, so Python's work does not grow with the number of customers. What the gate finds
out of band is not written: the last good scores stay, under their own date.
"""

import math
from dataclasses import dataclass
from datetime import date
from typing import Any

import duckdb
import numpy as np
import pyarrow as pa

from ckm import value_model
from ckm.bulk import insert_rows
from ckm.clv import value
from ckm.clv.orders import model_of
from ckm.months import last_month_ends
from ckm.value_model import ValueModel

DAYS_90, DAYS_365 = 90.0, 365.0
LIFETIME_DAYS = 3650.0
INTERVAL = 0.90
MONTH_ENDS = 3
"""So many month-ends are scored beside the night, for segments that do not flicker."""
MOST_MONEY = 1e13
"""Values above this do not fit where marts keep money; they are null, and the remark says so."""

MIN_JUDGED = 100
"""Fewer scores than this are not judged against those of the night before."""
CUSTOMERS_BAND = (0.8, 1.5)
VALUE_BAND = (1 / 3, 3.0)
"""Tonight's customers, and their mean value, over those of the scores that stand; outside, these stay."""


@dataclass(frozen=True)
class Scored:
    """What scoring did: customers, distinct states, the model, and why nothing was scored where nothing was.

    `held` says that the gate kept earlier scores, `trained` that the model was made tonight.
    """

    customers: int
    states: int
    model: ValueModel | None
    note: str | None = None
    held: bool = False
    trained: bool = False


def score(
    connection: duckdb.DuckDBPyConnection,
    *,
    night: date,
    run_id: str,
    reporting_currency: str,
    annual_discount_rate: float,
) -> Scored:
    """Score everybody who has not opted out with the model of the last month-end, which is made where it lacks.

    With too little to fit (no customer came back, say) the last good scores stay, under their own date; where
    there are none, values are null and their remark says why.
    """
    states = _states(connection, "scores.rfm_state where is_profiling_allowed")
    customers, distinct = int(states.weight.sum()), len(states.weight)
    connection.begin()
    try:
        model, trained = _model(connection, night, run_id)
        note = model if isinstance(model, str) else None
        held = False
        if isinstance(model, ValueModel):
            _register_state_scores(connection, states, model, annual_discount_rate)
            _make_scores(connection, model, night, reporting_currency)
            note = _out_of_band(connection)
            held = note is not None
            _record_gate(connection, run_id, night, note)
            if not held:
                _write(connection)
                _score_month_ends(connection, model, night, annual_discount_rate)
            value_model.measure_since(connection, model, night)
            _record(connection, run_id, night, model, distinct)
        else:
            _leave_unscored(connection, note or "", reporting_currency)
            _record_refusal(connection, run_id, night, note or "", customers, distinct)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    if held:
        _call_stale(connection, run_id, night, note or "")
    found = model if isinstance(model, ValueModel) else None
    return Scored(customers, distinct, found, f"not scored: {note}" if note else None, held, trained)


def _model(connection: duckdb.DuckDBPyConnection, night: date, run_id: str) -> tuple[ValueModel | str, bool]:
    """The model of the last month-end; of tonight where a young company had too little then; else the last one."""
    (month_end,) = last_month_ends(night, 1)
    if known := value_model.recorded(connection, month_end):
        return known, False
    reason = ""
    for day in dict.fromkeys((month_end, night)):
        made = value_model.train(connection, day)
        if isinstance(made, ValueModel):
            value_model.record(connection, made, run_id)
            return made, True
        reason = made
    return value_model.recorded(connection, night, or_before=True) or reason, False


@dataclass(frozen=True)
class _States:
    """Distinct purchase states: repeat purchases, days from first to last, days of age, repeat purchases that
    are worth something, customers each."""

    frequency: np.ndarray
    recency: np.ndarray
    age: np.ndarray
    valued_repeats: np.ndarray
    weight: np.ndarray


def _states(connection: duckdb.DuckDBPyConnection, source: str) -> _States:
    columns = connection.execute(
        f"""
        select frequency, first_to_last_order_days, age_days, valued_repeats, count(*) as customers
        from {source} group by all order by all
        """
    ).fetchnumpy()
    return _States(*(np.asarray(column, dtype=float) for column in columns.values()))


def _keys(states: _States) -> dict[str, np.ndarray]:
    return {
        "frequency": states.frequency.astype("int64"),
        "first_to_last_order_days": states.recency.astype("int64"),
        "age_days": states.age.astype("int64"),
        "valued_repeats": states.valued_repeats.astype("int64"),
    }


def _show(connection: duckdb.DuckDBPyConnection, name: str, columns: dict[str, Any]) -> None:
    arrays = {key: pa.array(column, from_pandas=True) for key, column in columns.items()}  # NaN is null
    connection.register(name, pa.table(arrays))


def _register_state_scores(
    connection: duckdb.DuckDBPyConnection, states: _States, model: ValueModel, annual_discount_rate: float
) -> None:
    """Make `state_scores`, one row per distinct state, visible to SQL."""
    law = model.orders.parameters
    orders = model_of(law)
    x, t_x, age = states.frequency, states.recency, states.age
    low, high = value.value_interval_factors(
        law, model.order_value.parameters, x, t_x, age, states.valued_repeats, DAYS_365, annual_discount_rate,
        level=INTERVAL, spread=value.spread(model.orders, model.order_value),
    )  # fmt: skip
    expected, discounted = value.outlook(
        law, x, t_x, age, (DAYS_90, DAYS_365, LIFETIME_DAYS), annual_discount_rate
    )
    _show(
        connection,
        "state_scores",
        _keys(states)
        | {
            "p_alive": orders.probability_alive(law, x, t_x, age),
            "expected_orders_90d": expected[0],
            "expected_orders_365d": expected[1],
            "discounted_orders_90d": discounted[0],
            "discounted_orders_365d": discounted[1],
            "discounted_orders_lifetime": discounted[2],
            "p_no_order_90d": orders.probability_no_order(law, x, t_x, age, DAYS_90),
            "low_factor": low,
            "high_factor": high,
        },
    )


def _make_scores(
    connection: duckdb.DuckDBPyConnection, model: ValueModel, night: date, reporting_currency: str
) -> None:
    """Make the temporary table `tonight`: a row per customer as in `scores.clv`, and the chance of no order."""
    worth = model.value_sql()
    connection.execute(
        f"""
        create or replace temporary table tonight as
        with valued as (
            select rfm.customer_key, {worth} as worth, state.*
            from scores.rfm_state as rfm
            join state_scores as state using (frequency, first_to_last_order_days, age_days, valued_repeats)
            where rfm.is_profiling_allowed
        )
        select customer_key, p_alive, expected_orders_90d, expected_orders_365d, worth as expected_order_value,
            discounted_orders_90d * worth as clv_90d, discounted_orders_365d * worth as clv_365d,
            low_factor * worth as clv_365d_low, high_factor * worth as clv_365d_high,
            discounted_orders_lifetime * worth as clv_lifetime,
            ? as value_basis, ? as currency_code, ?::date as scored_as_of_date, ? as model_run_id,
            null::varchar as remark, p_no_order_90d
        from valued
        order by customer_key
        """,
        [model.value_basis, reporting_currency, night, model.model_run_id],
    )
    connection.unregister("state_scores")
    money = ("expected_order_value", "clv_90d", "clv_365d", "clv_365d_low", "clv_365d_high", "clv_lifetime")
    too_much = f"greatest({', '.join(f'coalesce({name}, 0)' for name in money)}) > {MOST_MONEY}"
    connection.execute(
        f"""update tonight set remark = 'the value is beyond what a mart keeps as money',
            {", ".join(f"{name} = null" for name in money)} where {too_much}"""
    )


def _out_of_band(connection: duckdb.DuckDBPyConnection) -> str | None:
    """One sentence on what of tonight's scores cannot be, or is far from those that stand; None where all is well."""
    (impossible,) = connection.execute(
        """select count(*) from tonight where not (p_alive between 0 and 1) or not (p_no_order_90d between 0 and 1)
            or expected_orders_365d < 0 or clv_365d < 0 or clv_365d_low > clv_365d_high"""
    ).fetchone()
    if impossible:
        return f"{impossible} scores cannot be: a chance outside 0 to 1, or a value below 0"
    now, mean, unscored = connection.execute(
        "select count(*), avg(clv_365d), count(*) filter (remark is not null) from tonight"
    ).fetchone()
    before, mean_before = connection.execute(
        "select count(*), avg(clv_365d) from scores.clv where remark is null"
    ).fetchone()
    if before < MIN_JUDGED:
        return None
    if not CUSTOMERS_BAND[0] <= now / before <= CUSTOMERS_BAND[1]:
        return f"{now:,} customers were to be scored, {before:,} are; a change of this size is no usual night"
    if unscored > now // 10:
        return f"{unscored:,} of {now:,} values are beyond what a mart keeps as money"
    if mean_before and mean is not None and not VALUE_BAND[0] <= mean / mean_before <= VALUE_BAND[1]:
        return f"the mean value would go from {mean_before:,.2f} to {mean:,.2f} in one night"
    return None


def _write(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("delete from scores.clv")
    connection.execute("delete from scores.churn")
    connection.execute("insert into scores.clv by name select * exclude (p_no_order_90d) from tonight")
    connection.execute(
        """insert into scores.churn by name select customer_key, p_no_order_90d as churn_probability_90d,
            scored_as_of_date, model_run_id from tonight"""
    )


def _score_month_ends(
    connection: duckdb.DuckDBPyConnection, model: ValueModel, night: date, annual_discount_rate: float
) -> None:
    """Write `scores.month_end`: what tonight's model says of each customer as of the last month-ends.

    It is made anew each night from the purchases, so that it depends on what is known and on nothing that
    an earlier night has left.
    """
    law = model.orders.parameters
    orders = model_of(law)
    connection.execute("delete from scores.month_end")
    for day in last_month_ends(night, MONTH_ENDS):
        value_model.histories(connection, "month_end_history", day)
        states = _states(connection, "month_end_history")
        if not states.weight.size:
            continue
        x, t_x, age = states.frequency, states.recency, states.age
        _show(
            connection,
            "month_end_scores",
            _keys(states)
            | {
                "discounted": value.outlook(law, x, t_x, age, (DAYS_365,), annual_discount_rate)[1][0],
                "silent": orders.probability_no_order(law, x, t_x, age, DAYS_90),
            },
        )
        connection.execute(
            f"""
            insert into scores.month_end
            select ?, history.customer_key, least(state.discounted * {model.value_sql()}, {MOST_MONEY}), state.silent
            from month_end_history as history
            join month_end_scores as state using (frequency, first_to_last_order_days, age_days, valued_repeats)
            order by history.customer_key
            """,
            [day],
        )
        connection.unregister("month_end_scores")


def _leave_unscored(connection: duckdb.DuckDBPyConnection, reason: str, reporting_currency: str) -> None:
    """Where nobody has ever been scored: a row per customer without values, and why."""
    (scored,) = connection.execute("select count(*) from scores.clv where remark is null").fetchone()
    if scored:
        return
    connection.execute("delete from scores.clv")
    connection.execute(
        """insert into scores.clv by name
        select customer_key, ? as remark, ? as currency_code from scores.rfm_state where is_profiling_allowed
        order by customer_key""",
        [reason, reporting_currency],
    )


def _record(
    connection: duckdb.DuckDBPyConnection, run_id: str, night: date, model: ValueModel, distinct_states: int
) -> None:
    """One row per parameter in use; times are in days, values in the reporting currency."""
    rows: list[list[Any]] = []
    for name, parameter, number, error, fit in value_model.parameters_of(model):
        known = error if error is not None and math.isfinite(error) else None
        rows.append(
            [
                model.model_run_id, run_id, night, name, parameter, number, known, fit.identified,
                fit.log_likelihood, int(fit.customers), distinct_states, fit.note or model.note or None,
            ]
        )  # fmt: skip
    _insert_model_runs(connection, run_id, rows)


def _record_refusal(
    connection: duckdb.DuckDBPyConnection, run_id: str, night: date, reason: str, customers: int, states: int
) -> None:
    row = [f"none.{night}", run_id, night, "none", None, None, None, False, None, customers, states, reason]
    _insert_model_runs(connection, run_id, [row])


def _insert_model_runs(connection: duckdb.DuckDBPyConnection, run_id: str, rows: list[list[Any]]) -> None:
    # what is on record of churn models, learned in the same step, stays
    connection.execute(
        "delete from audit.model_runs where run_id = ? and not starts_with(model_run_id, 'churn.')", [run_id]
    )
    columns = (
        "model_run_id", "run_id", "as_of_date", "model", "parameter", "parameter_value", "standard_error",
        "is_identified", "log_likelihood", "customers", "distinct_states", "remark",
    )  # fmt: skip
    insert_rows(connection, "audit.model_runs", columns, rows)


def _record_gate(connection: duckdb.DuckDBPyConnection, run_id: str, night: date, note: str | None) -> None:
    """The verdict of the score gate beside those of the other gates: held scores are a warning, the marts stand."""
    connection.execute(
        "delete from audit.gate_results where run_id = ? and boundary = 'scores' and object = 'clv'", [run_id]
    )
    connection.execute(
        """insert into audit.gate_results by name select ? as run_id, ?::date as as_of_date, 'scores' as boundary,
            'scores' as source, 'clv' as object, 'scores_are_usual' as rule, 'drift' as aspect,
            'Scores are possible, and near those of the night before.' as description, 'warning' as severity,
            ? as outcome, (select count(*) from tonight) as evaluated_rows, ? as message, false as quarantines""",
        [run_id, night, "warned" if note else "passed", note],
    )


def _call_stale(connection: duckdb.DuckDBPyConnection, run_id: str, night: date, note: str) -> None:
    """Scores that were kept are stale, and a night with stale objects says so."""
    connection.execute(
        "delete from audit.source_freshness where run_id = ? and source = 'scores' and object = 'clv'",
        [run_id],
    )
    connection.execute(
        """insert into audit.source_freshness by name
        select ? as run_id, ?::date as as_of_date, 'scores' as source, 'clv' as object, 'stale' as status,
            max(scored_as_of_date) as last_loaded_on, date_diff('day', max(scored_as_of_date), ?::date) as stale_days,
            ? as message from scores.clv""",
        [run_id, night, night, note],
    )
