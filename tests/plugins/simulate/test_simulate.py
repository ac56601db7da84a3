"""The simulated company: same seed same files, a past that stays, and a truth that the files bear out."""

import csv
import json
from collections import Counter
from datetime import date
from functools import cache
from itertools import pairwise
from pathlib import Path

import duckdb
import pytest
import yaml

from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError
from ckm.simulate import simulate
from ckm.simulate.crm import CRM
from ckm.simulate.defects import BAD_DATES, BAD_NUMBERS, DEFECTS, FUTURE_DATES, UNKNOWN_PRODUCTS

CONTRACT = source_contracts()["crm"].objects
CUSTOMERS, SEED, UNTIL = 400, 7, date(2025, 12, 31)
EARLIER = (date(2024, 2, 29), date(2025, 7, 13), date(2025, 12, 30))


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The files as they stand at the end of UNTIL."""
    return _simulated(tmp_path_factory.mktemp("company"), UNTIL)


def _simulated(folder: Path, until: date, seed: int = SEED, customers: int = CUSTOMERS) -> Path:
    simulate(folder, customers=customers, seed=seed, until=until)
    return folder


@cache
def _rows(folder: Path, name: str) -> list[dict[str, str]]:
    """The rows of an object's file by canonical column, as text."""
    described = CRM[name]
    with (folder / "crm" / described.file).open(newline="", encoding="utf-8") as lines:
        return [{c: row[own] for c, own in described.columns.items()} for row in csv.DictReader(lines)]


@cache
def _typed(folder: Path) -> duckdb.DuckDBPyConnection:
    """A database with the typed files: defective cells are null and duplicates gone."""
    connection = duckdb.connect()
    for name, described in CRM.items():
        columns = ", ".join(
            f'try_cast("{own}" as {CONTRACT[name].columns[c].duckdb_type}) as {c}'
            for c, own in described.columns.items()
        )
        source = (folder / "crm" / described.file).as_posix()
        connection.execute(
            f"create table {name} as select distinct {columns} "
            f"from read_csv('{source}', all_varchar = true, header = true)"
        )
    return connection


def _query(folder: Path, sql: str) -> list[tuple]:
    """Rows of a query over the typed files."""
    return _typed(folder).execute(sql).fetchall()


def _defects(folder: Path) -> list[dict]:
    file = (folder / "truth" / "defects.parquet").as_posix()
    names = ("object", "native_key", "kind", "file", "line")
    rows = duckdb.sql(f"select {', '.join(names)} from '{file}'").fetchall()
    return [dict(zip(names, row, strict=True)) for row in rows]


def test_same_seed_gives_the_same_files(company: Path, tmp_path: Path) -> None:
    again = _simulated(tmp_path / "again", UNTIL)
    files = sorted(p.relative_to(company) for p in company.rglob("*") if p.is_file())
    assert files == sorted(p.relative_to(again) for p in again.rglob("*") if p.is_file())
    assert [f for f in files if (company / f).read_bytes() != (again / f).read_bytes()] == []


def test_another_seed_gives_another_company(company: Path, tmp_path: Path) -> None:
    other = _simulated(tmp_path / "other", UNTIL, seed=SEED + 1)
    assert _rows(other, "orders") != _rows(company, "orders")


@pytest.mark.parametrize("until", EARLIER, ids=str)
def test_past_is_unchanged_when_until_moves_on(company: Path, tmp_path: Path, until: date) -> None:
    before, night = _simulated(tmp_path / "before", until), f"{until} 23:59:59"
    for name in CRM:
        cursor, key = CONTRACT[name].cursor, [c for c in CONTRACT[name].key if c in CRM[name].columns]
        then, now = _rows(before, name), _rows(company, name)
        assert all(row[cursor] <= night for row in then), f"{name}: a row of the future"
        unchanged = Counter(tuple(row.values()) for row in now if row[cursor] <= night)
        shown = Counter(tuple(row.values()) for row in then)
        assert not unchanged - shown, f"{name}: rows of the past that {until} did not show"
        keys = {tuple(row[c] for c in key) for row in now if row[cursor] > night}
        changed = [row for row in then if tuple(row.values()) not in unchanged]
        assert all(tuple(row[c] for c in key) in keys for row in changed), f"{name}: a row is gone"


def test_larger_company_has_the_same_past(tmp_path: Path) -> None:
    """Vector lengths differ between the two dates; no draw may depend on them."""
    first, later = date(2024, 6, 30), date(2024, 12, 31)
    before = _simulated(tmp_path / "before", first, customers=4000)
    after = _simulated(tmp_path / "after", later, customers=4000)
    lines = (before / "crm" / CRM["order_lines"].file).read_bytes()
    assert (after / "crm" / CRM["order_lines"].file).read_bytes().startswith(lines)


def test_every_object_of_the_contract_is_declared_and_written(company: Path) -> None:
    document = yaml.safe_load((company / "sources.yml").read_text("utf-8"))
    crm = document["sources"]["crm"]
    assert set(crm["objects"]) == set(CONTRACT)
    for name, mapping in crm["objects"].items():
        with (company / crm["path"] / mapping["file"]).open(newline="", encoding="utf-8") as lines:
            header = next(csv.reader(lines))
        declared = mapping["columns"] | mapping.get("constants", {})
        assert set(declared) <= set(CONTRACT[name].columns), name
        assert set(mapping["columns"].values()) <= set(header), name
        assert len(header) == len(set(header)), name
        required = {c for c, column in CONTRACT[name].columns.items() if column.required}
        assert required | set(CONTRACT[name].key) <= set(declared), name
        assert not {c for c, own in mapping["columns"].items() if c == own}, f"{name}: nothing to map"


def test_recorded_defects_are_in_the_files(company: Path) -> None:
    shown = {
        "missing_key": lambda value, line, rows: value == "",
        "impossible_date": lambda value, line, rows: value[:10] in BAD_DATES,
        "future_date": lambda value, line, rows: value in FUTURE_DATES,
        "text_in_number": lambda value, line, rows: value in BAD_NUMBERS,
        "unknown_product": lambda value, line, rows: value in UNKNOWN_PRODUCTS,
        "negative_price": lambda value, line, rows: value.startswith("-"),
        "duplicate_row": lambda value, line, rows: rows[line - 2] == rows[line - 3],
    }
    defects = _defects(company)
    for defect in defects:
        name, line = defect["object"], defect["line"]
        assert defect["file"] == f"crm/{CRM[name].file}"
        rows = _rows(company, name)
        columns = [d.column for d in DEFECTS[name] if d.kind == defect["kind"]]
        values = [rows[line - 2][column] if column else "" for column in columns]
        assert any(shown[defect["kind"]](value, line, rows) for value in values), defect
        if defect["kind"] != "missing_key":
            key = [rows[line - 2][c] for c in CONTRACT[name].key if c in CRM[name].columns]
            spoilt = set(columns) & set(CONTRACT[name].key)
            assert spoilt or "|".join(key) == defect["native_key"], defect
    assert {d["kind"] for d in defects} == set(shown)


def test_defects_in_the_files_are_recorded(company: Path) -> None:
    found: Counter[tuple[str, str]] = Counter()
    for name in CRM:
        rows = _rows(company, name)
        key = next(c for c in CONTRACT[name].key if c in CRM[name].columns)
        found[name, "duplicate_row"] = sum(a == b for a, b in pairwise(rows))
        for row in rows:
            found[name, "missing_key"] += row[key] == ""
            found[name, "impossible_date"] += any(v[:10] in BAD_DATES for v in row.values())
            found[name, "future_date"] += any(v in FUTURE_DATES for v in row.values())
            found[name, "text_in_number"] += any(v in BAD_NUMBERS for v in row.values())
            found[name, "unknown_product"] += row.get("product_id") in UNKNOWN_PRODUCTS
            found[name, "negative_price"] += row.get("unit_price", "").startswith("-")
    recorded = Counter((d["object"], d["kind"]) for d in _defects(company))
    assert {k: n for k, n in found.items() if n} == recorded


def test_defect_rate_is_between_3_and_6_percent(company: Path) -> None:
    rows = sum(len(_rows(company, name)) for name in CRM)
    assert 0.03 <= len(_defects(company)) / rows <= 0.06


def test_personal_values_hold_every_direct_identifier(company: Path) -> None:
    personal = set((company / "truth" / "personal_values.txt").read_text("utf-8").splitlines())
    for name in CRM:
        for row in _rows(company, name):
            for column, declared in CONTRACT[name].columns.items():
                names_part = column in ("first_name", "last_name")
                if declared.privacy in ("direct_identifier", "free_text") and not names_part:
                    assert row.get(column, "") in personal | {""}, (name, column)
            if row.get("first_name"):
                assert f"{row['first_name']} {row['last_name']}" in personal
    assert "" not in personal


def test_parameters_are_recorded(company: Path) -> None:
    parameters = json.loads((company / "truth" / "parameters.json").read_text("utf-8"))
    assert (parameters["customers"], parameters["seed"], parameters["until"]) == (400, SEED, "2025-12-31")
    assert parameters["company"]["bgnbd_r"] == 0.8
    assert set(parameters["defect_shares"]) == set(DEFECTS)


def test_customers_is_the_number_won_in_two_years(company: Path) -> None:
    ((count,),) = _query(company, "select count(distinct customer_id) from customers")
    assert 390 <= count <= 400  # some keys are missing


def test_order_values_follow_gamma_gamma(company: Path) -> None:
    sql = """
        select count(distinct order_id) as n, sum(quantity * unit_price - discount_amount) / n
        from order_lines join orders using (order_id)
        where lower(trim(order_type)) = 'sale' and trim(upper(currency_code)) = 'EUR' and unit_price > 0
    """
    ((count, mean),) = _query(company, sql)
    assert 1000 < count < 2500
    assert 60 < mean < 100  # expected: p * gamma / (q - 1) = 80


def test_returns_are_negative_and_never_exceed_their_sale(company: Path) -> None:
    sql = """
        select count(*), count(*) filter (quantity >= 0), sum(quantity * abs(unit_price))
        from order_lines join orders using (order_id) where lower(trim(order_type)) <> 'sale'
    """
    ((count, positive, value),) = _query(company, sql)
    assert count > 50 and positive == 0
    ((sales,),) = _query(company, "select sum(quantity * unit_price) from order_lines where quantity > 0")
    assert 0.01 < -value / sales < 0.12


def test_shares_are_plausible(company: Path) -> None:
    shares = {
        "company": "select avg((lower(trim(customer_type)) = 'company')::int) from customers",
        "guest": "select avg((customer_id is null)::int) from orders",
        "cancelled": "select avg((lower(trim(status)) = 'cancelled')::int) from orders",
        "failed": "select avg((failed_attempts > 0)::int) from shipments",
        "foreign": "select avg((upper(trim(currency_code)) <> 'EUR')::int) from orders",
        "untidy": "select avg((status not in ('open', 'completed', 'cancelled'))::int) from orders",
        "withdrawn": """select count(*) filter (not is_granted) / count(distinct customer_id)
                        from consents where lower(trim(purpose)) = 'profiling'""",
    }
    low_high = {
        "company": (0.04, 0.13),
        "guest": (0.005, 0.04),
        "cancelled": (0.01, 0.06),
        "failed": (0.04, 0.11),
        "foreign": (0.05, 0.25),
        "untidy": (0.02, 0.08),
        "withdrawn": (0.01, 0.06),
    }
    for name, sql in shares.items():
        ((share,),) = _query(company, sql)
        assert low_high[name][0] <= share <= low_high[name][1], (name, share)


def test_each_day_brings_new_rows(company: Path) -> None:
    for name, fewest in {"orders": 1, "order_lines": 1, "shipments": 1, "exchange_rates": 2}.items():
        sql = f"""
            select min(n) from (
                select count(*) as n from {name} where updated_at >= timestamp '2025-12-27'
                group by updated_at::date) """
        ((count,),) = _query(company, sql)
        assert count >= fewest, name
    sql = "select count(distinct updated_at::date) from orders where updated_at >= timestamp '2025-12-01'"
    assert _query(company, sql) == [(31,)]


def test_references_hold_but_for_defects(company: Path) -> None:
    pairs = {
        "order_lines.order_id": "orders.order_id",
        "shipments.order_id": "orders.order_id",
        "orders.customer_id": "customers.customer_id",
        "orders.employee_id": "employees.employee_id",
        "order_lines.product_id": "products.product_id",
        "interactions.contact_id": "contacts.contact_id",
        "interactions.employee_id": "employees.employee_id",
        "customers.account_manager_id": "employees.employee_id",
        "subscriptions.product_id": "products.product_id",
    }
    for child, parent in pairs.items():
        (table, column), (other, key) = child.split("."), parent.split(".")
        sql = f"""
            select avg(({column} not in (select {key} from {other} where {key} is not null))::int)
            from {table} where {column} is not null """
        ((orphans,),) = _query(company, sql)
        assert orphans <= 0.03, child


@pytest.mark.parametrize(("customers", "until"), [(0, UNTIL), (10, date(2023, 12, 31))])
def test_impossible_wishes_are_refused(tmp_path: Path, customers: int, until: date) -> None:
    with pytest.raises(ConfigurationError):
        simulate(tmp_path, customers=customers, seed=1, until=until)


@pytest.mark.parametrize("until", [date(2024, 1, 1), date(2024, 1, 20)])
def test_a_young_and_small_company_has_all_its_files(tmp_path: Path, until: date) -> None:
    _simulated(tmp_path, until, customers=1)
    assert {p.name for p in (tmp_path / "crm").iterdir()} == {described.file for described in CRM.values()}
