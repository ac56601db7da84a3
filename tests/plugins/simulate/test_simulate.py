"""The simulated company as a whole: its folder, its hidden truth, and the figures of its CRM."""

import json
from datetime import date
from pathlib import Path

import duckdb
import pytest
from tests.plugins.simulate.lives import SEED, UNTIL, database, lived, one

from ckm.errors import ConfigurationError
from ckm.simulate import simulate

CUSTOMERS, MANY = 400, 6000
TRUTH = {
    "actors.parquet", "complaints.parquet", "customers.parquet", "defects.parquet", "effects.json",
    "employees.parquet", "identity.parquet", "parameters.json", "personal_values.txt", "sales.parquet",
}  # fmt: skip


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The folder as it stands at the end of UNTIL."""
    folder = tmp_path_factory.mktemp("company")
    simulate(folder, customers=CUSTOMERS, seed=SEED, until=UNTIL)
    return folder


def test_same_seed_gives_the_same_truth(company: Path, tmp_path: Path) -> None:
    simulate(tmp_path, customers=CUSTOMERS, seed=SEED, until=UNTIL)
    assert {file.name for file in (company / "truth").iterdir()} == TRUTH
    assert [name for name in TRUTH if _truth(company, name) != _truth(tmp_path, name)] == []


def _truth(folder: Path, name: str) -> bytes:
    return (folder / "truth" / name).read_bytes()


def test_defect_rate_is_between_3_and_7_percent(company: Path) -> None:
    rows = sum(
        columns["_uid"].size for objects in lived(CUSTOMERS).objects.values() for columns in objects.values()
    )
    ((defects, sources),) = duckdb.sql(
        f"select count(*), count(distinct source) from '{company / 'truth' / 'defects.parquet'}'"
    ).fetchall()
    assert 0.03 <= defects / rows <= 0.07 and sources == 5


def test_parameters_and_effects_are_recorded(company: Path) -> None:
    parameters = json.loads(_truth(company, "parameters.json"))
    assert (parameters["customers"], parameters["seed"], parameters["until"]) == (400, SEED, "2025-12-31")
    assert parameters["company"]["bgnbd_r"] == 0.8
    assert parameters["company"]["complaining"]["leave_rate"] == 0.12
    effects = json.loads(_truth(company, "effects.json"))
    assert set(effects[0]) == {
        "name", "cause", "outcome", "unit", "size", "size_in_sd", "is_real", "description"
    }  # fmt: skip


def test_customers_is_the_number_won_in_two_years() -> None:
    assert one(database(CUSTOMERS), "select count(*) from customers") == (CUSTOMERS,)


def test_order_values_follow_gamma_gamma() -> None:
    sql = """
        select count(distinct order_id) as n, sum(quantity * unit_price - discount_amount) / n
        from order_lines join orders using (order_id)
        where lower(trim(order_type)) = 'sale' and trim(upper(currency_code)) = 'EUR'"""
    count, mean = one(database(MANY), sql)
    assert 15_000 < count < 30_000
    assert 76 < mean < 86  # expected: p * gamma / (q - 1) = 80, a little more for members of the community


def test_returns_are_negative_and_never_exceed_their_sale() -> None:
    sql = """
        select count(*), count(*) filter (quantity >= 0), sum(quantity * unit_price)
        from order_lines join orders using (order_id) where lower(trim(order_type)) <> 'sale'"""
    count, positive, value = one(database(MANY), sql)
    assert count > 1000 and positive == 0
    (sales,) = one(database(MANY), "select sum(quantity * unit_price) from order_lines where quantity > 0")
    assert 0.01 < -value / sales < 0.12


SHARES = {
    "company": ("select avg((lower(trim(customer_type)) = 'company')::int) from customers", 0.06, 0.10),
    "guest": ("select avg((customer_id is null)::int) from orders", 0.01, 0.03),
    "cancelled": ("select avg((lower(trim(status)) = 'cancelled')::int) from orders", 0.02, 0.05),
    "failed": ("select avg((failed_attempts > 0)::int) from shipments", 0.05, 0.09),
    "foreign": ("select avg((upper(trim(currency_code)) <> 'EUR')::int) from orders", 0.08, 0.16),
    "untidy": ("select avg((status not in ('open', 'completed', 'cancelled'))::int) from orders", 0.03, 0.06),
    "withdrawn": (
        """select count(*) filter (not is_granted) / count(distinct customer_id)
        from consents where lower(trim(purpose)) = 'profiling'""",
        0.01,
        0.05,
    ),
    "overdue": ("select avg((not is_timely)::int) from complaints", 0.10, 0.25),
    "helpful": ("select avg(is_helpful::int) from deliveries", 0.70, 0.82),
    "adopted": ("select avg((status = 'adopted')::int) from contributions", 0.10, 0.25),
}


@pytest.mark.parametrize("name", SHARES)
def test_shares_are_plausible(name: str) -> None:
    sql, low, high = SHARES[name]
    assert low <= one(database(MANY), sql)[0] <= high


def test_sizes_are_those_of_a_company_of_its_kind() -> None:
    per_1000 = {
        "complaints": (150, 250), "invitations": (1800, 2900), "responses": (500, 900),
        "observations": (50, 70), "deliveries": (1700, 2700), "searches": (2000, 3100), "members": (50, 90),
        "contributions": (250, 550),
    }  # fmt: skip
    for name, (low, high) in per_1000.items():
        (count,) = one(database(MANY), f"select count(*) from {name}")
        assert low <= count / MANY * 1000 <= high, name
    assert one(database(MANY), "select count(distinct style) from initiatives") == (7,)


def test_each_day_brings_new_rows() -> None:
    for name, fewest in {"orders": 1, "order_lines": 1, "shipments": 1, "exchange_rates": 2}.items():
        sql = f"""
            select min(n), count(*) from (
                select count(*) as n from {name} where updated_at >= timestamp '2025-12-01'
                group by updated_at::date)"""
        least, days = one(database(CUSTOMERS), sql)
        assert least >= fewest and days >= 28, name


@pytest.mark.parametrize(("customers", "until"), [(0, UNTIL), (10, date(2023, 12, 31))])
def test_impossible_wishes_are_refused(tmp_path: Path, customers: int, until: date) -> None:
    with pytest.raises(ConfigurationError):
        simulate(tmp_path, customers=customers, seed=1, until=until)


@pytest.mark.parametrize("until", [date(2024, 1, 1), date(2024, 1, 20)])
def test_a_young_and_small_company_has_its_systems_and_its_truth(tmp_path: Path, until: date) -> None:
    simulate(tmp_path, customers=1, seed=SEED, until=until)
    assert {file.name for file in (tmp_path / "truth").iterdir()} == TRUTH
    assert {"crm.db", "sources.yml", "complaints", "surveys", "community"} <= {
        file.name for file in tmp_path.iterdir()
    }
