"""Churn in the night: learn once a month, score every night, keep what was said, and watch whether it holds.

    star → churn_frame → scores.churn, scores.churn_driver, scores.churn_prediction, scores.model_drift

A model is learned as of the last day of a month, from what was known then, on its night or the first after it; it is
kept in `scores.churn_model` with its backtests, and a night uses the newest one that is not younger than itself. So a
night that runs again, or a year later, says what it said.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ckm.churn import backtest, drift, gate, population, trees
from ckm.churn.blend import RHYTHM
from ckm.churn.frame import Floats
from ckm.churn.learning import Kept, learn, newest
from ckm.churn.measures import probability_of
from ckm.churn.population import Rows

_CHUNK = 200_000


@dataclass(frozen=True)
class ChurnScored:
    """What was done: customers scored, the model, its kind, whether it was learned tonight, alarms on drift."""

    customers: int
    model_run_id: str | None
    kind: str | None
    is_new: bool
    alarms: tuple[str, ...] = ()
    note: str | None = None


def score(
    connection: duckdb.DuckDBPyConnection, *, night: date, run_id: str, zero_value_orders: str = "ignored"
) -> ChurnScored:
    """Score every active customer with the month's model, learning it first where it is due.

    Where nothing can be learned yet, the chances of BG/NBD that are in `scores.churn` stay, and the note says why.
    Chances that the gate finds out of band are not shown: the last good ones and their reasons stay.
    """
    gate.keep_standing(connection)
    month_end = _last_month_end(night)
    kept, note = newest(connection, month_end), None
    if kept is None:
        # nor do chances that no model of this release has said judge tonight's, or stay in their place
        connection.execute("delete from churn_standing")
    old, is_new = kept, False
    if kept is None or kept.fitted_on < month_end:
        learned = learn(connection, month_end, night, run_id, zero_value_orders)
        if isinstance(learned, Kept):
            kept, is_new = learned, True
            note = None if trees.available() else f"learned without trees: {trees.LACKING}"
        else:
            note = learned
    connection.begin()
    try:
        if kept is None:
            connection.execute("delete from scores.churn_driver")
            connection.commit()
            return ChurnScored(0, None, None, False, note=f"chances are those of BG/NBD alone: {note}")
        population.build(connection, [night], night, zero_value_orders=zero_value_orders)
        rows = backtest.put_rhythm(population.read(connection), kept.rhythm)
        probability = kept.model.probability(rows.frame)
        held = gate.out_of_band(connection, probability, night)
        if held:
            gate.stand(connection)
        else:
            probability = _write_scores(connection, kept, rows, night)
            _score_month_ends(connection, kept, night, zero_value_orders)
        if is_new:
            drift.record_change(connection, old, kept, rows, night, run_id)
        gate.record(connection, run_id, night, held, len(probability))
        alarms = drift.watch(connection, kept, rows, probability, night, zero_value_orders)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute("drop table if exists temp.churn_standing")
    note = f"not shown: {held}; the last good chances stay" if held else note
    return ChurnScored(len(rows.label), kept.model_run_id, kept.model.kind, is_new, tuple(alarms), note)


def _write_scores(connection: duckdb.DuckDBPyConnection, kept: Kept, rows: Rows, night: date) -> Floats:
    """Write the chances and every contribution in place of those of the night before; returns the chances."""
    connection.execute("delete from scores.churn_driver")
    probability = np.empty(len(rows.label))
    for part in _chunks(len(rows.label)):
        frame = rows.frame.rows(part)
        base, shares = kept.model.explain(frame)
        probability[part] = probability_of(kept.model.calibration(base + shares.sum(axis=1)))
        _write_drivers(connection, rows.key[part], frame.only(kept.model.names).values, shares, kept, base)
    connection.register(
        "churn_scored",
        pa.table({"customer_key": pa.array(rows.key), "probability": pa.array(probability)}),
    )
    try:
        connection.execute(
            "delete from scores.churn where customer_key in (select customer_key from churn_scored)"
        )
        connection.execute(
            "insert into scores.churn by name select customer_key, probability as churn_probability_90d, "
            "?::date as scored_as_of_date, ? as model_run_id from churn_scored order by customer_key",
            [night, kept.model_run_id],
        )
        if _ends_month(night):  # what is said on the last of a month is kept, as it was first said
            connection.execute(
                "insert into scores.churn_prediction by name select ?::date as cut_date, customer_key, "
                "probability, ? as model_run_id from churn_scored "
                "where not exists (from scores.churn_prediction where cut_date = ?) order by customer_key",
                [night, kept.model_run_id, night],
            )
    finally:
        connection.unregister("churn_scored")
    return probability


def _score_month_ends(
    connection: duckdb.DuckDBPyConnection, kept: Kept, night: date, zero_value_orders: str
) -> None:
    """Let tonight's model say what it would have said on the month-ends that the value model scores, too."""
    days = connection.execute(
        "select distinct as_of_date from scores.month_end where as_of_date < ? order by 1", [night]
    ).fetchall()
    if not days:
        return
    population.build(connection, [day for (day,) in days], night, zero_value_orders=zero_value_orders)
    rows = backtest.put_rhythm(population.read(connection), kept.rhythm)
    told = {
        "as_of_date": rows.cut,
        "customer_key": rows.key,
        "probability": kept.model.probability(rows.frame),
    }
    connection.register("churn_told", pa.table({name: pa.array(column) for name, column in told.items()}))
    try:
        connection.execute(
            """update scores.month_end set churn_probability_90d = told.probability from churn_told as told
            where month_end.as_of_date = told.as_of_date and month_end.customer_key = told.customer_key"""
        )
    finally:
        connection.unregister("churn_told")


def _write_drivers(
    connection: duckdb.DuckDBPyConnection,
    keys: np.ndarray,
    values: Floats,
    shares: Floats,
    kept: Kept,
    base: float,
) -> None:
    """One row per customer and driver, and one for the base; of the rhythm the value is a per cent, not log-odds."""
    for column, name in enumerate(("base", *kept.model.names)):
        contribution = np.full(len(keys), base) if name == "base" else shares[:, column - 1]
        value = np.full(len(keys), np.nan) if name == "base" else values[:, column - 1]
        if name == RHYTHM:
            value = 100 * probability_of(value)
        connection.register(
            "one_driver",
            pa.table(
                {
                    "customer_key": pa.array(keys),
                    "contribution": pa.array(contribution),
                    "value": pa.array(value, from_pandas=True),
                }
            ),
        )
        try:
            connection.execute(
                "insert into scores.churn_driver by name select customer_key, ? as driver, contribution, value "
                "from one_driver",
                [name],
            )
        finally:
            connection.unregister("one_driver")


def _last_month_end(night: date) -> date:
    """The night itself where it ends a month, else the end of the month before."""
    return night if _ends_month(night) else night.replace(day=1) - timedelta(days=1)


def _ends_month(night: date) -> bool:
    return (night + timedelta(days=1)).day == 1


def _chunks(rows: int) -> Iterator[np.ndarray]:
    for start in range(0, rows, _CHUNK):
        yield np.arange(start, min(rows, start + _CHUNK))
