"""On which days models are judged, and what a night would have said on each: rules that look at no result."""

from collections.abc import Iterator, Sequence
from datetime import date, timedelta

import duckdb
import numpy as np

from ckm.churn import backtest, population
from ckm.churn.frame import Floats
from ckm.churn.population import HORIZON_DAYS, Rows
from ckm.months import month_ends

JUDGED = 4


def rows_of(connection: duckdb.DuckDBPyConnection, night: date, most_rows: int | None = 100_000) -> Rows:
    """All month-ends of a star as rows to learn from and be judged on, BG/NBD's log-odds in front."""
    first = population.first_purchase(connection)
    assert first is not None
    population.build(connection, month_ends(first, night), night, most_rows=most_rows)
    rows, _ = backtest.with_rhythm(
        population.read(connection), lambda cut: population.states(connection, cut)
    )
    return rows


def spread(usable: Sequence[date], count: int = JUDGED) -> list[date]:
    """The first, the last, and those that lie evenly between them."""
    places = np.linspace(0, len(usable) - 1, min(count, len(usable))).round().astype(int)
    return [usable[place] for place in places]


def as_chosen(
    rows: Rows, cuts: Sequence[date], tried: Sequence[backtest.Trial] | None = None
) -> Iterator[tuple[backtest.Trial, Floats, str]]:
    """Trial, probabilities and kind that a night on each cut would have used.

    It chooses by the cuts whose windows were over by then, of all cuts on which models can be tried; where there is
    none yet, BG/NBD alone speaks.
    """
    if tried is None:
        tried = backtest.trials(rows, backtest.trial_cuts(rows, most=len(np.unique(rows.cut))))
    for cut in cuts:
        earlier = [trial for trial in tried if trial.cut <= cut - timedelta(days=HORIZON_DAYS)]
        choice = backtest.choose(earlier)
        kind, is_calibrated = (choice.kind, choice.is_calibrated) if choice else ("rhythm", False)
        trial = next(trial for trial in tried if trial.cut == cut and trial.kind == kind)
        said = backtest.said(trial, tried, is_calibrated)
        assert said is not None
        yield trial, said, kind + (", calibrated" if is_calibrated else "")
