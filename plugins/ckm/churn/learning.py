"""Learning: the model of a month, chosen by backtests, and how it is kept in `scores.churn_model`."""

from __future__ import annotations

import json
from dataclasses import dataclass
from datetime import date

import duckdb
import numpy as np

from ckm.bulk import insert_rows
from ckm.churn import backtest, population
from ckm.churn.blend import Model, hyperparameters
from ckm.churn.features import FEATURES
from ckm.churn.measures import Bin, Shares, spread
from ckm.clv.bg_nbd import BgNbdParameters
from ckm.months import month_ends

CUTS_LEARNED_FROM = 24
_OF_A_MODEL = (
    "model_run_id", "fitted_on", "kind", "is_calibrated", "model", "rhythm", "spreads", "base", "intercept", "slope",
    "rows_learned",
)  # fmt: skip


@dataclass(frozen=True)
class Kept:
    """A model as it is kept: with BG/NBD's parameters and how inputs and scores spread on the newest cut that it was
    learned from."""

    model_run_id: str
    fitted_on: date
    model: Model
    rhythm: BgNbdParameters | None
    spreads: dict[str, Shares]


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
