"""Measure churn models on real data and print what docs/churn.md shows.

    python -m benchmarks.churn telco shop cdnow     (all three without arguments; --cuts shows each cut)

The folder of the data is CKM_EXAMPLE_DATA. Each line is a mean over cuts, or folds, that the model did not see. The
cuts are four of the month-ends on which models can be tried: the first, the last and those evenly between them.
"""

import os
import sys
from collections.abc import Callable, Iterator
from datetime import date, timedelta
from pathlib import Path

import duckdb
import numpy as np

from benchmarks.churn import data
from benchmarks.churn.cuts import as_chosen, rows_of, spread
from ckm.churn import backtest, measures, population
from ckm.churn.blend import Model, assemble, fit_members
from ckm.churn.population import Rows
from ckm.churn.reasons import kept, reasons

MEASURES = ("auc", "brier", "calibration_error")
AS_CHOSEN = "as chosen on the night"
WITHOUT_ORDERS = ("logistic", "trees", "logistic and trees")
NIGHTS = {"shop": date(2010, 12, 9), "cdnow": date(1998, 6, 30)}
OPENED: dict[str, Callable[[Path], duckdb.DuckDBPyConnection]] = {"shop": data.shop, "cdnow": data.cdnow}


def folds(label: np.ndarray, seed: int, count: int = 5) -> np.ndarray:
    """A fold for each row, both outcomes spread evenly."""
    draws, fold = np.random.default_rng(seed), np.empty(len(label), dtype=int)
    for outcome in (0, 1):
        rows = draws.permutation(np.flatnonzero(label == outcome))
        fold[rows] = np.arange(len(rows)) % count
    return fold


def telco(folder: Path, repeats: int = 3) -> dict[str, np.ndarray]:
    """Kind → mean of `MEASURES` over the folds of the contractual sample."""
    frame, label = data.telco(folder)
    seen: dict[str, list[list[float]]] = {kind: [] for kind in WITHOUT_ORDERS}
    for seed in range(repeats):
        fold = folds(label, seed)
        for number in range(5):
            learn, judge = fold != number, fold == number
            members = fit_members(("logistic", "trees"), frame.rows(learn), label[learn])
            for kind, results in seen.items():
                model = assemble(kind, members)
                assert model is not None
                found = measures.all_measures(model.probability(frame.rows(judge)), label[judge])
                results.append([found[name] for name in MEASURES])
    return {kind: np.mean(results, axis=0) for kind, results in seen.items()}


def judged(rows: Rows, cuts: list[date]) -> Iterator[tuple[str, date, np.ndarray]]:
    """(kind, cut, `MEASURES`) of each kind, calibrated kinds said so, of the one that a night would have chosen on
    the cut, and of recency alone.

    Cuts before those asked for serve calibration and the choice.
    """
    tried = backtest.trials(rows, backtest.trial_cuts(rows, most=len(np.unique(rows.cut))))
    for score in backtest.scores(tried):
        if score.cut in cuts:
            name = score.kind + (", calibrated" if score.is_calibrated else "")
            yield name, score.cut, np.array([score.measures[measure] for measure in MEASURES])
    for trial, said, _ in as_chosen(rows, cuts, tried):
        found = measures.all_measures(said, trial.label)
        yield AS_CHOSEN, trial.cut, np.array([found[measure] for measure in MEASURES])
    for cut in cuts:
        on = (rows.cut == np.datetime64(cut)) & ~np.isnan(rows.label)
        silence = rows.frame.only(("days_since_last_order",)).values[on, 0]
        yield "recency alone", cut, np.array([measures.auc(silence, rows.label[on]), np.nan, np.nan])


def stability(
    connection: duckdb.DuckDBPyConnection, rows: Rows, model: Model, cut: date
) -> tuple[float, float]:
    """How many customers keep their first reason from a night to the next, and how many of the reasons shown stay."""
    last = np.unique(rows.cut)[-1].astype(object)
    parameters = backtest.rhythm_of(population.states(connection, last))
    told = []
    for day in (cut, cut + timedelta(days=1)):
        population.build(connection, [day], day)
        told.append(reasons(model, backtest.put_rhythm(population.read(connection), parameters)))
    first, shown, _ = kept(*told)
    return first, shown


def _table(results: dict[str, np.ndarray]) -> None:
    print("| model | AUC | Brier | calibration error |\n|---|---|---|---|")
    for name, values in results.items():
        shown = " | ".join("" if np.isnan(value) else f"{value:.4f}".lstrip("0") for value in values)
        print(f"| {name} | {shown} |")
    print(flush=True)


def main(names: list[str]) -> None:
    """Measure the data sets named."""
    folder = Path(os.environ["CKM_EXAMPLE_DATA"])
    for name in names:
        if name == "telco":
            print("telco, 3 × 5 folds")
            _table(telco(folder))
            continue
        connection = OPENED[name](folder)
        rows = rows_of(connection, NIGHTS[name])
        cuts = spread(backtest.trial_cuts(rows, most=len(np.unique(rows.cut))))
        found: dict[str, list[np.ndarray]] = {}
        for kind, cut, values in judged(rows, cuts):
            found.setdefault(kind, []).append(values)
            if "--cuts" in sys.argv:
                print(kind, cut, np.round(values, 4))
        print(f"{name}, cuts {', '.join(map(str, cuts))}")
        _table(
            {
                kind + ("" if len(values) == len(cuts) else f" (last {len(values)})"): np.mean(values, axis=0)
                for kind, values in found.items()
            }
        )
        choice = backtest.choose(backtest.trials(rows, backtest.trial_cuts(rows)))
        assert choice is not None
        model = backtest.fit_chosen(rows, choice, NIGHTS[name])
        first, shown = stability(connection, rows, model, cuts[-1])
        print(
            f"chosen: {choice.kind}{', calibrated' if choice.is_calibrated else ''}; from a night to the next "
            f"{100 * first:.1f} % keep their first reason, {100 * shown:.1f} % of the reasons shown stay\n"
        )


if __name__ == "__main__":
    main([name for name in sys.argv[1:] if not name.startswith("-")] or ["telco", "shop", "cdnow"])
