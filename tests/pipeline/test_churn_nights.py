"""No look-ahead: what is said of a night is the same, whether it is said on it or a season later from the log."""

from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from tests.conftest import Finished
from tests.pipeline.conftest import Company, served

from ckm.warehouse import connect

pytestmark = pytest.mark.prove

FIRST, NIGHT, LATER = "2025-06-29", "2025-06-30", "2025-09-30"
SAID = {
    "churn": "select * from scores.churn order by all",
    "reasons": "select * from scores.churn_driver order by all",
    "prediction": f"select * from scores.churn_prediction where cut_date = '{NIGHT}' order by all",
    "model": f"select * from scores.churn_model where fitted_on = '{NIGHT}'",
    "backtests": f"select * from scores.churn_backtest where model_run_id = 'churn.{NIGHT}' order by all",
}


@pytest.fixture(scope="module")
def nights(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> Company:
    folder = tmp_path_factory.mktemp("churn")
    return Company(folder, folder / "home", "", ckm)


def load(company: Company, night: str, *options: str) -> None:
    """A night of the systems as they stand in its evening; of one that is over they are not asked."""
    if not options:
        company.simulate(night)
    with served(company.folder) as api:
        done = replace(company, api=api).run("--date", night, *options)
    assert done.code == 0, done.err


def said(home: Path) -> dict[str, list[tuple]]:
    with connect(home / "warehouse.duckdb", read_only=True) as connection:
        return {name: connection.execute(sql).fetchall() for name, sql in SAID.items()}


@pytest.mark.timeout(1800)
def test_scores_are_equal_on_the_night_and_a_season_later_from_the_log(nights: Company) -> None:
    load(nights, FIRST)
    load(nights, NIGHT)
    then = said(nights.home)
    assert all(then.values()), {name: len(found) for name, found in then.items()}

    load(nights, LATER)  # later orders, corrections, answers, resolved complaints, people found to be one
    with connect(nights.home / "warehouse.duckdb") as connection:
        (late,) = connection.execute(
            f"select count(*) from raw_crm.orders where known_on > '{NIGHT}' and ordered_at::date <= '{NIGHT}'"
        ).fetchone()
        assert late > 0  # there is something to look ahead at
        for table in ("churn", "churn_driver", "churn_model", "churn_backtest", "churn_calibration"):
            connection.execute(f"delete from scores.{table}")
        connection.execute(f"delete from scores.churn_prediction where cut_date = '{NIGHT}'")
    load(nights, NIGHT, "--full-refresh")
    now = said(nights.home)
    assert {name: now[name] == then[name] for name in SAID} == dict.fromkeys(SAID, True)
