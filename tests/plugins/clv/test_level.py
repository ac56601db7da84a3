"""What all customers share: months in which everybody orders more or less than expected."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pyarrow as pa
import pytest

from ckm import value_model
from ckm.clv import gamma_gamma, value
from ckm.clv.orders import MODELS
from ckm.value_model import level

from .shop import all_known, bought, shop

pytestmark = pytest.mark.slow

LAST = date(2025, 12, 31)
DAYS = 720
SPEEDS = np.exp(0.25 * np.random.default_rng(9).permutation([-1.5, -1, -1, -0.5, 0, 0, 0, 0, 0.5, 1, 1, 1.5]))


def warehouse(purchases: pa.Table) -> duckdb.DuckDBPyConnection:
    connection = shop(purchases)
    all_known(connection)
    return connection


def hurried(purchases: pa.Table) -> pa.Table:
    """The same purchases by a clock that runs faster in some of each 12 months of 30 days than in others."""
    speeds = np.tile(SPEEDS, 2)
    told = np.append(0, np.cumsum(30 * speeds))
    told *= DAYS / told[-1]
    days = np.array([(LAST - day).days for day in purchases["order_date"].to_pylist()])
    moved = np.interp(DAYS - days, told, np.arange(0, DAYS + 1, 30.0)).astype(int)
    dates = pa.array([LAST - timedelta(days=DAYS - int(day)) for day in moved])
    return purchases.set_column(1, "order_date", dates).group_by(["customer_key", "order_date"]).aggregate(
        [("purchase_value", "sum")]
    ).rename_columns(["customer_key", "order_date", "purchase_value"])  # fmt: skip


@pytest.fixture(scope="module")
def seasonal() -> duckdb.DuckDBPyConnection:
    return warehouse(hurried(bought(12_000, LAST, 6, days=DAYS)))


def test_the_level_of_customers_who_share_nothing_does_not_move() -> None:
    assert level.level_error(warehouse(bought(12_000, LAST, 6, days=DAYS)), "bg_nbd", LAST) < 0.04


def test_the_level_of_customers_who_share_their_months_moves_with_these(
    seasonal: duckdb.DuckDBPyConnection,
) -> None:
    found = level.level_error(seasonal, "bg_nbd", LAST)
    assert np.std(np.log(SPEEDS)) == pytest.approx(found, rel=0.25)


def test_a_sample_of_the_customers_shows_the_same_level(
    seasonal: duckdb.DuckDBPyConnection, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = level.level_error(seasonal, "bg_nbd", LAST)
    monkeypatch.setattr(level, "CUSTOMERS", 4_000)
    sampled = level.level_error(seasonal, "bg_nbd", LAST)
    assert sampled == pytest.approx(whole, rel=0.15) and sampled != whole


def test_a_young_company_shows_no_level() -> None:
    assert level.level_error(warehouse(bought(500, LAST, 6, days=120)), "bg_nbd", LAST) == 0.0


def test_a_total_is_as_uncertain_as_the_level() -> None:
    connection = warehouse(bought(6_000, LAST, 7))
    value_model.histories(connection, "history", LAST)
    found = connection.execute(
        """select frequency, first_to_last_order_days, age_days, valued_repeats, coalesce(repeat_mean_value, 0) as m
        from history order by customer_key"""
    ).fetchnumpy()
    x, t_x, age, n, mean = (np.asarray(column, dtype=float) for column in found.values())
    fits = MODELS["bg_nbd"].fit(x, t_x, age), gamma_gamma.fit(n[n > 0], mean[n > 0])
    for told in (0.0, 0.2):
        counts, _ = value.draw_spend(*fits, x, t_x, age, n, mean, 30.0, 300, 8, told)
        assert np.log(counts.sum(axis=1)).std() == pytest.approx(told, rel=0.15, abs=0.05)
