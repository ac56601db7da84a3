"""What is usual after the last accepted nights, and how a night is told from it."""

from datetime import date, timedelta

import duckdb
import numpy as np
import pytest

from ckm import audit, warehouse
from ckm.audit import LedgerRow
from ckm.gate import profiles, usual
from ckm.gate.profiles import Profile
from ckm.gate.usual import usual_flow, usual_level

ROWS = {"rows_low", "rows_high", "rows_lowest", "rows_highest"}


def nights(*rows: int, days: int = 1) -> list[Profile]:
    return [Profile(rows=n, days=days) for n in rows]


def priced(rows: int, mean: float, deviation: float = 5.0) -> Profile:
    return Profile(rows=rows, days=1, means={"price": (mean, deviation, rows)}, filled={"price": rows})


def coded(days: int = 1, **counts: int) -> Profile:
    return Profile(rows=sum(counts.values()), days=days, counts={"code": counts})


def test_too_few_accepted_nights_give_no_range_but_a_reason() -> None:
    found = usual_flow(ROWS, nights(*[100] * 6), Profile(rows=0, days=1))
    assert found.parameters == {}
    assert set(found.missing) == ROWS
    assert "6 of the 7" in found.missing["rows_low"]


def test_first_load_is_not_among_the_nights_compared_with() -> None:
    history = Profile(rows=50_000, days=None)
    found = usual_flow(ROWS, [history, *nights(*[100] * 7)], Profile(rows=100, days=1))
    assert found.parameters["rows_high"] < 150


def test_half_and_double_of_a_steady_flow_are_unusual_and_its_own_scatter_is_not() -> None:
    before = nights(95, 105, 88, 112, 101, 97, 104)
    given = usual_flow(ROWS, before, Profile(rows=100, days=1)).parameters
    assert 44 < given["rows_low"] <= 75
    assert 125 <= given["rows_high"] < 200
    assert given["rows_lowest"] < given["rows_low"] < given["rows_high"] < given["rows_highest"]


def test_night_after_an_outage_of_three_days_may_bring_the_rows_of_three_days() -> None:
    one = usual_flow(ROWS, nights(*[100] * 7), Profile(days=1)).parameters
    three = usual_flow(ROWS, nights(*[100] * 7), Profile(days=3)).parameters
    assert one["rows_high"] < 300 <= three["rows_high"]
    assert three["rows_low"] > one["rows_high"]


def test_rows_taken_in_by_an_earlier_run_of_the_night_are_not_expected_again() -> None:
    given = usual_flow(ROWS, nights(*[100] * 7), Profile(rows=0, days=1), taken_in=100).parameters
    assert given["rows_low"] == 0


def test_silence_is_unusual_once_it_is_thrice_the_longest_pause() -> None:
    quiet = nights(3, 0, 2, 0, 4, 0, 1, 0, 2)  # a pause of two days between rows
    assert usual_flow(ROWS, quiet, Profile(days=1)).parameters["rows_low"] == 0
    silent = [*quiet, *nights(*[0] * 6)]
    assert usual_flow(ROWS, silent, Profile(days=1)).parameters["rows_low"] == 1


def test_object_that_never_brings_rows_is_never_missed() -> None:
    assert usual_flow(ROWS, nights(*[0] * 28), Profile(days=1)).parameters["rows_low"] == 0


def test_switched_currency_is_impossible_and_an_ordinary_week_is_usual() -> None:
    asked = {f"mean_of_price_{bound}" for bound in ("low", "high", "lowest", "highest")}
    before = [priced(200, mean) for mean in (20.1, 19.8, 20.3, 20.0, 19.6, 20.2, 20.4)]
    given = usual_flow(asked, before, priced(200, 20)).parameters
    assert given["mean_of_price_low"] < 19.5 < 20.5 < given["mean_of_price_high"]
    assert given["mean_of_price_highest"] < 20 * 1.5


def test_mean_of_few_rows_is_not_judged() -> None:
    found = usual_flow({"mean_of_price_low"}, [priced(200, 20)] * 7, priced(29, 500))
    assert found.parameters.keys() <= ROWS
    assert "fewer than 30 rows" in found.missing["mean_of_price_low"]


def test_false_alarms_of_a_long_tailed_mean_are_rare() -> None:
    """2,000 weeks of log-normal prices: the range of six standard errors leaves out fewer than one in 500 nights."""
    draw = np.random.default_rng(1)
    alarms = 0
    for _ in range(2000):
        week = draw.lognormal(3, 0.8, (8, 120))
        profiles = [priced(120, prices.mean(), prices.std(ddof=1)) for prices in week]
        given = usual_flow({"mean_of_price_low"}, profiles[:7], profiles[7]).parameters
        mean = profiles[7].means["price"][0]
        alarms += not given["mean_of_price_low"] <= mean <= given["mean_of_price_high"]
    assert alarms < 4


def test_share_of_filled_cells_stays_between_nothing_and_all() -> None:
    before = [Profile(rows=100, days=1, filled={"customer_id": 97}) for _ in range(7)]
    tonight = Profile(rows=100, days=1, filled={"customer_id": 0})
    given = usual_flow({"filled_of_customer_id_low"}, before, tonight).parameters
    assert 0.75 < given["filled_of_customer_id_low"] < 0.97
    assert given["filled_of_customer_id_high"] == 1.0


def test_mix_of_codes_diverges_when_one_takes_over_but_not_by_chance() -> None:
    asked = {"partition_of_code", "divergence_of_code"}
    draw, alarms = np.random.default_rng(2), 0
    for _ in range(500):
        week = draw.multinomial(100, [0.5, 0.3, 0.2], 8)
        profiles = [coded(a=int(a), b=int(b), c=int(c)) for a, b, c in week]
        given = usual_flow(asked, profiles[:7], profiles[7]).parameters
        weights = dict(zip(*given["partition_of_code"].values(), strict=True))
        alarms += usual.divergence(profiles[7].counts["code"], weights) > given["divergence_of_code"]
        assert usual.divergence({"c": 100}, weights) > given["divergence_of_code"]
    assert alarms == 0


def test_partition_adds_up_to_one() -> None:
    given = usual_flow({"partition_of_code"}, [coded(a=60, b=40)] * 7, coded(a=50, b=50)).parameters
    assert sum(given["partition_of_code"]["weights"]) == pytest.approx(1)


def test_mart_is_compared_with_the_last_accepted_night_alone() -> None:
    given = usual_level(ROWS, Profile(rows=1000), Profile(rows=1010)).parameters
    assert (given["rows_low"], given["rows_high"]) == (790, 1210)
    assert (given["rows_lowest"], given["rows_highest"]) == (370, 1630)
    assert usual_level(ROWS, None, Profile(rows=5)).missing.keys() == ROWS


@pytest.fixture
def connection() -> duckdb.DuckDBPyConnection:
    with duckdb.connect() as connection:
        warehouse.prepare(connection)
        connection.execute("create table gate.candidates (price decimal(18,4), code varchar)")
        yield connection


def run_of(connection: duckdb.DuckDBPyConnection, run_id: str, night: date, rows: int, status: str) -> None:
    record = LedgerRow("crm", "orders", extracted=rows, quarantined=rows, status=status)
    if status == "loaded":
        record = LedgerRow("crm", "orders", extracted=rows, loaded=rows)
    audit.record_ledger(connection, run_id, night, record)
    profiles.record(connection, run_id, night, "raw", "crm", "orders", Profile(rows=rows, days=1))


def test_profile_is_read_back_as_it_was_recorded(connection: duckdb.DuckDBPyConnection) -> None:
    connection.execute("insert into gate.candidates values (1, 'a'), (3, 'a'), (null, 'b'), (5.5, null)")
    asked = {"mean_of_price_low", "filled_of_code_low", "partition_of_code"}
    tonight = profiles.profile(connection, "gate.candidates", usual.figures_asked(asked), days=1)
    assert tonight.rows == 4
    assert tonight.filled == {"price": 3, "code": 3}
    assert tonight.means["price"] == (pytest.approx(9.5 / 3), pytest.approx(2.2546, abs=1e-4), 3)
    assert tonight.counts == {"code": {"a": 2, "b": 1}}
    run_of(connection, "r1", date(2025, 1, 1), 4, "loaded")
    connection.execute("delete from audit.gate_profiles")
    profiles.record(connection, "r1", date(2025, 1, 1), "raw", "crm", "orders", tonight)
    assert profiles.nights_before(connection, "raw", "crm", "orders", date(2025, 1, 2)) == [tonight]


def test_only_accepted_nights_before_this_one_count_and_each_once(
    connection: duckdb.DuckDBPyConnection,
) -> None:
    first = date(2025, 1, 1)
    run_of(connection, "r1", first, 10, "loaded")
    run_of(connection, "r2", first, 0, "loaded")  # the same night again, which found nothing new
    run_of(connection, "r3", first + timedelta(days=1), 99, "failed")
    run_of(connection, "r4", first + timedelta(days=2), 12, "loaded")
    run_of(connection, "r5", first + timedelta(days=3), 14, "loaded")
    found = profiles.nights_before(connection, "raw", "crm", "orders", first + timedelta(days=3))
    assert [night.rows for night in found] == [10, 12]
    assert profiles.taken_in(connection, "crm", "orders", first) == 10
