"""Watching: whether inputs, scores, reasons and outcomes are what a model was learned on, in `scores.model_drift`."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.bulk import insert_rows
from ckm.churn import backtest, population
from ckm.churn.blend import RHYTHM
from ckm.churn.frame import Floats
from ckm.churn.learning import Kept
from ckm.churn.measures import auc, brier, calibration_error, stability_index
from ckm.churn.population import HORIZON_DAYS, Rows
from ckm.churn.reasons import kept as still_said
from ckm.churn.reasons import of, reasons

MOVED_A_LOT = 0.25
"""Population stability index from which inputs or scores have moved so far that it is an alarm."""
WORST_CALIBRATION_ERROR = 0.1
CUSTOMERS_COMPARED = 20_000
"""Of so many customers at most are the reasons compared with those of the day before."""

Watched = tuple[str, str, str, float, float | None, int]
"""Subject, name, measure, its value, from where on it is an alarm, customers."""


def watch(
    connection: duckdb.DuckDBPyConnection,
    kept: Kept,
    rows: Rows,
    probability: Floats,
    night: date,
    zero_value_orders: str,
) -> list[str]:
    """Write `scores.model_drift` of the night; the sentences of what has moved a lot."""
    found: list[Watched] = []
    for name in kept.model.names:
        moved = stability_index(kept.spreads[name], rows.frame.only((name,)).values[:, 0])
        found.append(("input", name, "stability_index", moved, MOVED_A_LOT, len(rows.label)))
    moved = stability_index(kept.spreads["score"], probability)
    found.append(("score", "churn_probability_90d", "stability_index", moved, MOVED_A_LOT, len(rows.label)))
    found += _same_reasons(connection, kept, rows, night, zero_value_orders)
    found += _arrived(connection, night, zero_value_orders)
    kept_rows = [
        [night, kept.model_run_id, subject, name, measure, value, limit, bool(limit is not None and value > limit), n]
        for subject, name, measure, value, limit, n in found if np.isfinite(value)
    ]  # fmt: skip
    connection.execute("delete from scores.model_drift where as_of_date = ?", [night])
    insert_rows(
        connection, "scores.model_drift",
        ("as_of_date", "model_run_id", "subject", "name", "measure", "value", "alarm_above", "is_alarm", "customers"),
        kept_rows,
    )  # fmt: skip
    return [
        f"{name}: {measure} {value:.2f}" for _, _, _, name, measure, value, _, alarm, _ in kept_rows if alarm
    ]


def _same_reasons(
    connection: duckdb.DuckDBPyConnection, kept: Kept, rows: Rows, night: date, zero_value_orders: str
) -> list[Watched]:
    """How many customers have the reasons that the day before gave them.

    That day is scored anew by tonight's model, of a share of the customers where there are many: which nights were run
    before makes no difference.
    """
    before = night - timedelta(days=1)
    population.build(
        connection, [before], night, zero_value_orders=zero_value_orders, most_rows=CUSTOMERS_COMPARED
    )
    was = reasons(kept.model, backtest.put_rhythm(population.read(connection), kept.rhythm))
    first, shown, customers = still_said(was, reasons(kept.model, of(rows, was)))
    return [
        ("reasons", "first", "kept_share", first, None, customers),
        ("reasons", "shown", "kept_share", shown, None, customers),
    ]


def record_change(
    connection: duckdb.DuckDBPyConnection, old: Kept | None, new: Kept, rows: Rows, night: date, run_id: str
) -> None:
    """Put on record of a new model how many customers have the reasons that the one before gives them tonight."""
    if old is None:
        return
    told = of(rows, dict.fromkeys(rows.key[:CUSTOMERS_COMPARED].tolist()))
    frame = told.frame.only([name for name in told.frame.names if name != RHYTHM])
    was = reasons(old.model, backtest.put_rhythm(replace(told, frame=frame), old.rhythm))
    first, shown, customers = still_said(was, reasons(new.model, told))
    remark = f"of those that {old.model_run_id} gives on {night}"
    insert_rows(
        connection, "audit.model_runs",
        ("model_run_id", "run_id", "as_of_date", "model", "parameter", "parameter_value", "is_identified", "customers",
         "remark"),
        [
            [new.model_run_id, run_id, night, f"churn: {new.model.kind}", name, value, True, customers, remark]
            for name, value in (("first_reasons_kept", first), ("shown_reasons_kept", shown)) if np.isfinite(value)
        ],
    )  # fmt: skip


def _arrived(connection: duckdb.DuckDBPyConnection, night: date, zero_value_orders: str) -> list[Watched]:
    """How what was said on the last of a month has come true, for the newest of them whose 90 days are over."""
    (cut,) = connection.execute(
        "select max(cut_date) from scores.churn_prediction where cut_date <= ?",
        [night - timedelta(days=HORIZON_DAYS)],
    ).fetchone()
    if cut is None:
        return []
    population.build(connection, [cut], night, zero_value_orders=zero_value_orders)
    columns = connection.execute(
        """select probability, label from scores.churn_prediction join churn_frame using (cut_date, customer_key)
        where label is not null order by customer_key"""
    ).fetchnumpy()
    said, label = (np.asarray(columns[name], dtype=float) for name in ("probability", "label"))
    if not len(label):
        return []
    name = f"of {cut}"
    return [
        (
            "outcome",
            name,
            "calibration_error",
            calibration_error(said, label),
            WORST_CALIBRATION_ERROR,
            len(label),
        ),
        ("outcome", name, "auc", auc(said, label), None, len(label)),
        ("outcome", name, "brier", brier(said, label), None, len(label)),
        ("outcome", name, "said", float(said.mean()), None, len(label)),
        ("outcome", name, "happened", float(label.mean()), None, len(label)),
    ]
