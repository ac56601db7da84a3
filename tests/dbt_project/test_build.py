"""Whole builds: on nothing, in two halves, and what they must never do."""

from datetime import date

import pytest

from .conftest import PUBLISHED_SCHEMAS, SECRET, Nights, Warehouse

pytestmark = pytest.mark.slow


def test_plain_build_on_an_empty_warehouse_gives_empty_marts(empty_build: Warehouse) -> None:
    tables = empty_build.rows("select table_name from duckdb_tables() where schema_name = 'marts'")
    marts = [name for (name,) in tables]
    assert {"customer_360", "clv", "churn_risk"} <= set(marts)
    assert {mart: empty_build.table(f"marts.{mart}") for mart in marts} == {mart: [] for mart in marts}


def test_schemas_are_exactly_the_layers(empty_build: Warehouse) -> None:
    schemas = {m["schema"] for m in empty_build.manifest()["nodes"].values() if m["resource_type"] == "model"}
    assert schemas == {"staging", "identity", "star_base", "scores", *PUBLISHED_SCHEMAS}


def test_first_half_holds_no_test_that_reads_a_mart(nights: Nights) -> None:
    nodes = nights.manifest["nodes"]
    marts = {
        key for key, node in nodes.items() if node["resource_type"] == "model" and node["schema"] == "marts"
    }
    assert marts
    assert [
        node for node in nights.first_half if marts & set(nodes[node]["depends_on"].get("nodes", []))
    ] == []


def test_both_halves_together_run_everything(nights: Nights) -> None:
    nodes = nights.manifest["nodes"]
    everything = {key for key, node in nodes.items() if node["resource_type"] in ("seed", "model", "test")}
    assert set(nights.first_half) | set(nights.second_half) == everything
    assert not set(nights.first_half) & set(nights.second_half)


def test_the_secret_is_in_no_compiled_file(nights: Nights) -> None:
    pads = [pad for row in nights.warehouse.rows("select * from secrets.customer_key_pads") for pad in row]
    files = [path for path in (nights.warehouse.home / "target").rglob("*") if path.is_file()]
    texts = [path.read_text("utf-8", "ignore") for path in files]
    assert len(texts) > 50
    for secret in (SECRET.decode(), SECRET.hex(), *pads):
        assert not any(secret in text for text in texts)


def test_calendar_follows_the_company_s_week_and_fiscal_year(empty_build: Warehouse) -> None:
    conventions = {"week_start": "sunday", "fiscal_year_start_month": 7}
    company = Warehouse(empty_build.home.parent / "calendar", conventions)
    company.dbt("run", date(2024, 3, 31), "--select", "dim_date")
    columns = "week_start_date, fiscal_year, fiscal_quarter, iso_year, iso_week, iso_weekday, weekday_name"
    of_day = {
        day: company.rows(f"select {columns} from core.dim_date where calendar_date = date '{day}'")
        for day in ("2024-06-30", "2024-07-01", "2021-01-03")
    }
    assert of_day == {
        "2024-06-30": [(date(2024, 6, 30), 2024, 4, 2024, 26, 7, "Sunday")],
        "2024-07-01": [(date(2024, 6, 30), 2025, 1, 2024, 27, 1, "Monday")],
        "2021-01-03": [(date(2021, 1, 3), 2021, 3, 2020, 53, 7, "Sunday")],
    }


def test_calendar_agrees_with_python_on_every_day(empty_build: Warehouse) -> None:
    days = empty_build.rows(
        "select calendar_date, date_key, iso_year, iso_week, iso_weekday, week_start_date, quarter_of_year,"
        " fiscal_year, fiscal_quarter, month_name, is_weekend from core.dim_date"
    )
    assert len(days) == (date(2049, 12, 31) - date(1990, 1, 1)).days + 1
    for day, *described in days:
        quarter = (day.month + 2) // 3
        assert described == [
            day.year * 10000 + day.month * 100 + day.day,
            *day.isocalendar(),
            date.fromordinal(day.toordinal() - day.weekday()),
            quarter,
            day.year,
            quarter,
            day.strftime("%B"),
            day.weekday() >= 5,
        ]
