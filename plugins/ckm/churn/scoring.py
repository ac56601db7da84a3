"""Churn in the night: learn once a month, score every night, keep what was said, and watch whether it holds.

    star → churn_frame → scores.churn, scores.churn_driver, scores.churn_prediction, scores.model_drift

A model is learned as of the last day of a month, from what was known then, on its night or the first after it; it is
kept in `scores.churn_model` with its backtests, and a night uses the newest one that is not younger than itself. So a
night that runs again, or a year later, says what it said.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from dataclasses import dataclass, replace
from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa

from ckm.bulk import insert_rows
from ckm.churn import backtest, gate, population, trees
from ckm.churn.blend import RHYTHM, Model, hyperparameters
from ckm.churn.features import FEATURES
from ckm.churn.frame import Floats
from ckm.churn.measures import (
    Bin,
    Shares,
    auc,
    brier,
    calibration_error,
    probability_of,
    spread,
    stability_index,
)
from ckm.churn.population import HORIZON_DAYS, Rows
from ckm.churn.reasons import kept as still_said
from ckm.churn.reasons import of, reasons
from ckm.clv.bg_nbd import BgNbdParameters
from ckm.months import month_ends

CUTS_LEARNED_FROM = 24
MOVED_A_LOT = 0.25
"""Population stability index from which inputs or scores have moved so far that it is an alarm."""
WORST_CALIBRATION_ERROR = 0.1
CUSTOMERS_COMPARED = 20_000
"""Of so many customers at most are the reasons compared with those of the day before."""
_CHUNK = 200_000
_OF_A_MODEL = (
    "model_run_id", "fitted_on", "kind", "is_calibrated", "model", "rhythm", "spreads", "base", "intercept", "slope",
    "rows_learned",
)  # fmt: skip


Watched = tuple[str, str, str, float, float | None, int]
"""Subject, name, measure, its value, from where on it is an alarm, customers."""


@dataclass(frozen=True)
class Kept:
    """A model as it is kept: with BG/NBD's parameters and how inputs and scores spread on the newest cut that it was
    learned from."""

    model_run_id: str
    fitted_on: date
    model: Model
    rhythm: BgNbdParameters | None
    spreads: dict[str, Shares]


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
    if (
        kept is None
    ):  # nor do chances that no model of this release has said judge tonight's, or stay in their place
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
            _record_change(connection, old, kept, rows, night, run_id)
        gate.record(connection, run_id, night, held, len(probability))
        alarms = _watch(connection, kept, rows, probability, night, zero_value_orders)
        connection.commit()
    except BaseException:
        connection.rollback()
        raise
    finally:
        connection.execute("drop table if exists temp.churn_standing")
    note = f"not shown: {held}; the last good chances stay" if held else note
    return ChurnScored(len(rows.label), kept.model_run_id, kept.model.kind, is_new, tuple(alarms), note)


def learn(
    connection: duckdb.DuckDBPyConnection,
    month_end: date,
    night: date,
    run_id: str,
    zero_value_orders: str = "ignored",
) -> Kept | str:
    """Choose a kind by backtests, fit it on what was known by the end of the month, and keep it.

    Returns:
        The model, or why there is none in words that follow a colon.
    """
    first = population.first_purchase(connection)
    if first is None or first > month_end:
        return "there are no orders yet"
    cuts = month_ends(first, month_end)[-CUTS_LEARNED_FROM:]
    if not cuts:
        return "there is no whole month of orders yet"
    population.build(
        connection, cuts, night, zero_value_orders=zero_value_orders,
        most_rows=population.ROWS_TO_LEARN_FROM, known_by=month_end,
    )  # fmt: skip
    rows, parameters = backtest.with_rhythm(
        population.read(connection), lambda cut: population.states(connection, cut)
    )
    tried = backtest.trials(rows, backtest.trial_cuts(rows))
    choice = backtest.choose(tried)
    if choice is None:
        return "too few outcomes are known to learn from"
    model = backtest.fit_chosen(rows, choice, month_end)
    learned = backtest.learnable(rows, month_end)
    # what grows with the company's age has moved against all of the past, and is not what an alarm is for
    latest = rows.frame.rows(learned & (rows.cut == rows.cut[learned].max()))
    spreads = {name: spread(latest.values[:, latest.names.index(name)]) for name in model.names}
    spreads["score"] = spread(model.probability(latest))
    kept = Kept(f"churn.{month_end}", month_end, model, parameters, spreads)
    span = f"cuts {rows.cut[learned].min()} to {rows.cut[learned].max()}"
    bins = backtest.come_true(tried, choice)
    _keep(connection, kept, choice, bins, int(learned.sum()), span, night, run_id)
    return kept


def newest(connection: duckdb.DuckDBPyConnection, by: date) -> Kept | None:
    """The newest model that was learned as of a day or before.

    None where there is none, and where it looks at a feature that an earlier release had and this one has not.
    """
    row = connection.execute(
        """select model_run_id, fitted_on, model, rhythm, spreads from scores.churn_model
        where fitted_on <= ? order by fitted_on desc limit 1""",
        [by],
    ).fetchone()
    if row is None:
        return None
    model_run_id, fitted_on, text, rhythm, spreads = row
    model = Model.from_json(text)
    if not set(model.names) <= set(FEATURES):
        return None
    return Kept(
        model_run_id, fitted_on, model,
        BgNbdParameters(**json.loads(rhythm)) if rhythm else None,
        {name: Shares(tuple(e), tuple(s)) for name, (e, s) in json.loads(spreads).items()},
    )  # fmt: skip


def _keep(
    connection: duckdb.DuckDBPyConnection,
    kept: Kept,
    choice: backtest.Choice,
    bins: list[Bin],
    rows: int,
    span: str,
    night: date,
    run_id: str,
) -> None:
    """Put a model, its backtests and its parameters on record; of one learned before for the month, nothing stays."""
    model, at = kept.model, kept.model_run_id
    base = float(np.mean([member.base for member in model.members.values()]))
    connection.begin()
    try:
        for table in ("scores.churn_model", "scores.churn_backtest", "scores.churn_calibration"):
            connection.execute(f"delete from {table} where model_run_id = ?", [at])
        insert_rows(
            connection, "scores.churn_model", _OF_A_MODEL,
            [[
                at, kept.fitted_on, choice.kind, choice.is_calibrated, model.to_json(),
                json.dumps(vars(kept.rhythm)) if kept.rhythm else None,
                json.dumps({name: [s.edges, s.shares] for name, s in kept.spreads.items()}),
                base, model.calibration.intercept, model.calibration.slope, rows,
            ]],
        )  # fmt: skip
        insert_rows(
            connection, "scores.churn_backtest",
            ("model_run_id", "model", "is_calibrated", "cut_date", "rows", "rows_learned", "metric", "metric_value"),
            [
                [at, s.kind, s.is_calibrated, s.cut, s.rows, s.rows_learned, metric, value]
                for s in choice.scores for metric, value in s.measures.items()
            ],
        )  # fmt: skip
        insert_rows(
            connection, "scores.churn_calibration", ("model_run_id", "bin", "rows", "said", "happened"),
            [[at, number, part.rows, part.said, part.happened] for number, part in enumerate(bins, 1)],
        )  # fmt: skip
        connection.execute("delete from audit.model_runs where model_run_id = ?", [at])
        judged = [
            s for s in choice.scores if (s.kind, s.is_calibrated) == (choice.kind, choice.is_calibrated)
        ]
        figures = {
            "base": base,
            "calibration_intercept": model.calibration.intercept,
            "calibration_slope": model.calibration.slope,
            "features": float(len(model.names)),
            **hyperparameters(choice.kind),
            **{
                f"backtest_{metric}": float(np.mean([s.measures[metric] for s in judged]))
                for metric in (judged[0].measures if judged else ())
            },
        }
        features = f"learned as of {kept.fitted_on} from {rows:,} rows of {span}, on {', '.join(model.names)}"
        insert_rows(
            connection, "audit.model_runs",
            ("model_run_id", "run_id", "as_of_date", "model", "parameter", "parameter_value", "is_identified",
             "customers", "remark"),
            [
                [at, run_id, night, f"churn: {choice.kind}", name, value, True, rows,
                 features if name == "features" else f"learned as of {kept.fitted_on}, judged on {len(judged)} cuts"]
                for name, value in figures.items()
            ],
        )  # fmt: skip
        connection.commit()
    except BaseException:
        connection.rollback()
        raise


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


def _watch(
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


def _record_change(
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


def _last_month_end(night: date) -> date:
    """The night itself where it ends a month, else the end of the month before."""
    return night if _ends_month(night) else night.replace(day=1) - timedelta(days=1)


def _ends_month(night: date) -> bool:
    return (night + timedelta(days=1)).day == 1


def _chunks(rows: int) -> Iterator[np.ndarray]:
    for start in range(0, rows, _CHUNK):
        yield np.arange(start, min(rows, start + _CHUNK))
