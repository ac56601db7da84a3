"""The raw gate: what is loaded, unchanged, duplicate or set aside, and that it adds up."""

import json
import sqlite3
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.plugins.extract.api import Answer, Api, serving
from tests.plugins.gate.loading import Gate

from ckm import warehouse
from ckm.audit import LedgerRow
from ckm.errors import ConfigurationError, GateFailed

Night = Callable[..., LedgerRow]
PRODUCTS = {
    "file": "products.csv",
    "columns": {"product_id": "SKU", "product_name": "Name", "list_price": "Price"},
}
DATED = {"file": "products.csv", "columns": {**PRODUCTS["columns"], "updated_at": "Changed"}}


def test_text_in_a_number_is_set_aside_with_content_rule_and_pointer(gate: Gate, write_sources: Any) -> None:
    ledger = gate.load(
        write_sources({"products": PRODUCTS}), "2025-01-01",
        {"products.csv": "SKU,Name,Price,Colour\nA1,Lamp,12.50,red\nA2,Chair,twelve,blue\nA3,Desk,,\n"},
    )  # fmt: skip
    assert ledger["products"] == LedgerRow(
        "crm", "products", extracted=3, loaded=2, quarantined=1, is_whole=True
    )
    ((rule, content, pointer, key),) = gate.rows(
        "select rule, content, source_pointer, row_key from quarantine.rows"
    )
    assert (rule, pointer, key) == ("list_price_is_readable", "products.csv line 3", "A2")
    assert json.loads(content) == {"SKU": "A2", "Name": "Chair", "Price": "twelve", "Colour": "blue"}
    assert gate.rows("select product_id, list_price from raw_crm.products order by 1") == [
        ("A1", 12.5),
        ("A3", None),
    ]


def test_row_that_breaks_several_rules_is_set_aside_once(gate: Gate, write_sources: Any) -> None:
    columns = {"columns": {**PRODUCTS["columns"], "unit_cost": "Cost"}}
    gate.load(
        write_sources({"products": PRODUCTS | columns}), "2025-01-01",
        {"products.csv": "SKU,Name,Price,Cost\n,Chair,-1,x\nA1,Lamp,1,1\n"},
    )  # fmt: skip
    ((rule, others),) = gate.rows("select rule, other_rules from quarantine.rows")
    assert [rule, *others.split(", ")] == [
        "unit_cost_is_readable",
        "product_id_is_present",
        "list_price_is_not_negative",
    ]


def test_a_to_b_to_a_is_three_versions(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    for night, name in (("2025-01-01", "A"), ("2025-01-02", "B"), ("2025-01-03", "A"), ("2025-01-04", "A")):
        gate.load(sources, night, {"products.csv": f"SKU,Name,Price\n1,{name},1\n"})
    assert gate.rows("select version_number, product_name, known_on::varchar from raw_crm.products order by 1") == [
        (1, "A", "2025-01-01"), (2, "B", "2025-01-02"), (3, "A", "2025-01-03"),
    ]  # fmt: skip


def test_a_to_b_to_a_under_an_unmoved_timestamp_is_three_versions(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": DATED})
    for night, name in (("2025-01-01", "A"), ("2025-01-02", "B"), ("2025-01-03", "A")):
        gate.load(
            sources, night, {"products.csv": f"SKU,Name,Price,Changed\n1,{name},1,2025-01-01 10:00:00\n"}
        )
    assert [n for (n,) in gate.rows("select product_name from raw_crm.products order by version_number")] == [
        "A",
        "B",
        "A",
    ]


def test_change_log_read_again_by_the_lag_adds_no_versions(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": DATED})
    log = "SKU,Name,Price,Changed\n1,old,1,2025-01-01 08:00:00\n1,new,1,2025-01-01 09:00:00\n"
    assert gate.load(sources, "2025-01-01", {"products.csv": log})["products"].loaded == 2
    again = gate.load(sources, "2025-01-02", {})["products"]
    assert (again.loaded, again.unchanged) == (0, 2)
    assert gate.rows("select product_name from raw_crm.products order by version_number") == [
        ("old",),
        ("new",),
    ]


def test_late_commit_under_an_older_cursor_is_found_within_the_lag(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": DATED}, lag_days=3)
    first = "SKU,Name,Price,Changed\n1,x,1,2025-01-05 08:00:00\n"
    gate.load(sources, "2025-01-05", {"products.csv": first})
    late = gate.load(sources, "2025-01-06", {"products.csv": first + "2,late,1,2025-01-03 08:00:00\n"})[
        "products"
    ]
    assert (late.loaded, late.unchanged) == (1, 1)


def test_night_reads_no_further_than_its_own_local_day(gate: Gate, write_sources: Any) -> None:
    rows = "SKU,Name,Price,Changed\n1,in,1,2025-07-01 23:59:59\n2,out,1,2025-07-02 00:00:00\n"
    sources = write_sources({"products": DATED})
    assert gate.load(sources, "2025-07-01", {"products.csv": rows})["products"].extracted == 1
    assert gate.load(sources, "2025-07-02", {})["products"].loaded == 1


def test_times_become_utc_from_the_sources_zone_or_their_own_offset(gate: Gate, write_sources: Any) -> None:
    rows = (
        "SKU,Name,Price,Changed\n1,local,1,2025-07-01 10:00:00\n2,zulu,1,2025-07-01T10:00:00Z\n"
        "3,offset,1,2025-07-01 10:00:00+05:30\n4,named,1,2025-07-01 10:00:00 UTC\n5,trimmed,1,2025-07-01T10:00:00.5Z\n"
    )
    gate.load(write_sources({"products": DATED}), "2025-07-02", {"products.csv": rows})
    assert gate.rows("select product_id, updated_at::varchar from raw_crm.products order by 1") == [
        ("1", "2025-07-01 08:00:00"), ("2", "2025-07-01 10:00:00"), ("3", "2025-07-01 04:30:00"),
        ("4", "2025-07-01 10:00:00"), ("5", "2025-07-01 10:00:00.5"),
    ]  # fmt: skip


def test_identical_lines_without_a_key_stay_as_many_as_they_are(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"order_lines": {"file": "lines.csv"}})
    lines = "order_id,product_id,quantity,unit_price\nO1,A,1,2\nO1,A,1,2\nO1,B,1,2\n"
    assert gate.load(sources, "2025-01-01", {"lines.csv": lines})["order_lines"].loaded == 3
    again = gate.load(sources, "2025-01-02", {"lines.csv": lines + "O1,A,1,2\n"})["order_lines"]
    assert (again.loaded, again.unchanged) == (1, 3)


def test_same_row_twice_under_a_key_is_a_duplicate(gate: Gate, write_sources: Any) -> None:
    row = gate.load(
        write_sources({"products": PRODUCTS}),
        "2025-01-01",
        {"products.csv": "SKU,Name,Price\n1,x,1\n1,x,1\n2,y,1\n"},
    )["products"]
    assert (row.loaded, row.duplicate) == (2, 1)


def test_two_contents_under_one_key_are_both_set_aside(gate: Gate, write_sources: Any) -> None:
    row = gate.load(
        write_sources({"products": PRODUCTS}),
        "2025-01-01",
        {"products.csv": "SKU,Name,Price\n1,x,1\n1,y,1\n2,z,1\n"},
    )["products"]
    assert (row.loaded, row.quarantined) == (1, 2)
    assert gate.rows("select distinct rule from quarantine.rows") == [("one_content_per_key",)]


def test_row_already_in_quarantine_is_counted_again_and_kept_once(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    bad = {"products.csv": "SKU,Name,Price\n1,x,-1\n2,y,1\n"}
    gate.load(sources, "2025-01-01", bad)
    again = gate.load(sources, "2025-01-02", bad)["products"]
    assert (again.unchanged, again.quarantined) == (1, 1)
    assert gate.rows("select first_seen_on::varchar, last_seen_on::varchar from quarantine.rows") == [
        ("2025-01-01", "2025-01-02")
    ]


def test_row_set_aside_for_its_neighbour_is_taken_in_when_that_is_gone(
    gate: Gate, write_sources: Any
) -> None:
    sources = write_sources({"products": PRODUCTS})
    gate.load(sources, "2025-01-01", {"products.csv": "SKU,Name,Price\n1,x,1\n1,y,1\n"})
    again = gate.load(sources, "2025-01-02", {})["products"]
    assert (again.loaded, again.quarantined) == (0, 2)
    assert gate.rows("select count(*), min(last_seen_on)::varchar from quarantine.rows") == [
        (2, "2025-01-02")
    ]
    assert (
        gate.load(sources, "2025-01-03", {"products.csv": "SKU,Name,Price\n1,y,1\n"})["products"].loaded == 1
    )
    assert gate.rows("select status from quarantine.rows where content like '%y%'") == [("released",)]


def test_row_set_aside_as_too_early_is_taken_in_when_its_night_has_come(
    gate: Gate, write_sources: Any
) -> None:
    sources = write_sources({"orders": {"file": "orders.csv"}})
    files = {"orders.csv": "order_id,ordered_at\nO1,2025-01-01 10:00:00\nO2,2025-01-02 01:00:00\n"}
    first = gate.load(sources, "2025-01-01", files)["orders"]
    assert (first.loaded, first.quarantined) == (1, 1)
    second = gate.load(sources, "2025-01-02", {})["orders"]
    assert (second.loaded, second.unchanged, second.quarantined) == (1, 1, 0)


def test_snapshot_object_records_what_disappears_and_comes_back(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"snapshot": True}})
    both, one = "SKU,Name,Price\n1,x,1\n2,y,1\n", "SKU,Name,Price\n1,x,1\n"
    gate.load(sources, "2025-01-01", {"products.csv": both})
    assert gate.load(sources, "2025-01-02", {"products.csv": one})["products"].deleted == 1
    assert gate.load(sources, "2025-01-03", {"products.csv": one})["products"].deleted == 0
    assert gate.load(sources, "2025-01-04", {"products.csv": both})["products"].loaded == 1
    assert gate.rows("select version_number, is_deleted from raw_crm.products where product_id = '2' order by 1") == [
        (1, False), (2, True), (3, False),
    ]  # fmt: skip


def test_empty_snapshot_fails_its_object_and_deletes_nothing(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"snapshot": True}})
    many = "SKU,Name,Price\n" + "".join(f"{n},x,1\n" for n in range(100))
    gate.load(sources, "2025-01-01", {"products.csv": many})
    empty = gate.load(sources, "2025-01-02", {"products.csv": "SKU,Name,Price\n"})["products"]
    assert (empty.status, empty.deleted) == ("failed", 0)
    assert "lacks 100 of 100 known rows" in (empty.message or "")


def test_home_refuses_another_key(gate: Gate) -> None:
    warehouse.prepare(gate.connection, ("aa", "bb"))
    warehouse.prepare(gate.connection, ("aa", "bb"))
    with pytest.raises(ConfigurationError, match="CKM_SECRET"):
        warehouse.prepare(gate.connection, ("cc", "dd"))


def test_retyped_column_fails_its_object_and_the_rest_is_loaded(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS, "employees": {"file": "staff.csv"}})
    many = "SKU,Name,Price\n" + "".join(f"{n},x,n/a\n" for n in range(20))
    ledger = gate.load(sources, "2025-01-01", {"products.csv": many, "staff.csv": "employee_id\nE1\n"})
    assert ledger["products"].status == "failed"
    assert (ledger["products"].extracted, ledger["products"].quarantined, ledger["products"].loaded) == (
        20,
        20,
        0,
    )
    assert "list_price_is_readable" in (ledger["products"].message or "")
    assert ledger["employees"].loaded == 1
    assert gate.rows("select object, status from audit.source_freshness order by 1") == [
        ("employees", "fresh"), ("products", "stale"),
    ]  # fmt: skip


def test_retyped_column_that_is_required_fails_its_object_only(gate: Gate, write_sources: Any) -> None:
    """Its cells are then missing, too, which would stop the load if anything of the object were taken in."""
    sources = write_sources({"service_costs": {"file": "costs.csv"}})
    header = "customer_id,month,cost_kind,amount,currency_code\n"
    costs = header + "".join(f"K{n},2025-01-01,logistics,see note,EUR\n" for n in range(60))
    ledger = gate.load(sources, "2025-01-01", {"costs.csv": costs})["service_costs"]
    assert (ledger.status, ledger.extracted, ledger.quarantined) == ("failed", 60, 60)
    assert "amount_is_readable" in (ledger.message or "")


def test_required_object_that_fails_stops_the_load(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"required": True}})
    with pytest.raises(GateFailed, match=r"crm\.products is required"):
        gate.load(sources, "2025-01-01", {"products.csv": "SKU,Price\n1,1\n"})


def test_object_stale_for_too_long_stops_the_load(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"max_staleness_days": 2}})
    gate.load(sources, "2025-01-01", {"products.csv": "SKU,Name,Price\n1,x,1\n"})
    assert gate.load(sources, "2025-01-03", {"products.csv": "SKU\n1\n"})["products"].status == "failed"
    with pytest.raises(GateFailed, match="3 days ago, more than the 2 allowed"):
        gate.load(sources, "2025-01-04", {})


def test_too_many_broken_rows_stop_the_load_and_are_not_lost(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    wrong = "SKU,Name,Price\n" + "".join(f"{n},x,{-1 if n < 60 else 1}\n" for n in range(100))
    with pytest.raises(GateFailed, match=r"list_price_is_not_negative .* 60 of 100 rows break it"):
        gate.load(sources, "2025-01-01", {"products.csv": wrong})
    assert gate.rows("select count(*) from raw_crm.products") == [(0,)]
    right = wrong.replace("-1", "1")
    assert gate.load(sources, "2025-01-01", {"products.csv": right})["products"].loaded == 100


def test_rule_that_an_operator_accepts_sets_its_rows_aside_and_stops_nothing(
    gate: Gate, write_sources: Any
) -> None:
    sources = write_sources({"products": PRODUCTS})
    wrong = "SKU,Name,Price\n" + "".join(f"{n},x,{-1 if n < 60 else 1}\n" for n in range(100))
    accept = ("crm.products.list_price_is_not_negative",)
    ledger = gate.load(sources, "2025-01-01", {"products.csv": wrong}, accept)["products"]
    assert (ledger.loaded, ledger.quarantined) == (40, 60)
    ((outcome, message),) = gate.rows(
        "select outcome, message from audit.gate_results where rule = 'list_price_is_not_negative'"
    )
    assert (outcome, message) == ("quarantined", "accepted for this night by the operator")


ORDERS = {
    "file": "orders.csv",
    "purged": True,  # each file holds one night's orders
    "columns": {"order_id": "No", "customer_id": "Customer", "ordered_at": "At", "updated_at": "At"},
}


def orders(gate: Gate, sources: Path, day: int, count: int, accept: tuple[str, ...] = ()) -> LedgerRow:
    """A night that brings so many orders of its own day."""
    rows = "".join(f"{day}-{n},C{n},2025-01-{day:02} 12:00:00\n" for n in range(count))
    files = {"orders.csv": f"No,Customer,At\n{rows}"}
    return gate.load(sources, f"2025-01-{day:02}", files, accept)["orders"]


def test_volume_is_judged_after_seven_accepted_nights_and_says_what_it_expected(
    gate: Gate, write_sources: Any
) -> None:
    sources = write_sources({"orders": ORDERS})
    for day, count in enumerate((500, 100, 96, 104, 99, 108, 91, 101), start=1):
        orders(gate, sources, day, count)
    orders(gate, sources, 9, 97)
    orders(gate, sources, 10, 45)
    found = gate.rows(
        """select outcome, observed_value, expected, message from audit.gate_results
        where rule = 'row_count_is_usual' order by as_of_date"""
    )
    assert [row[0] for row in found] == [*["skipped"] * 8, "passed", "warned"]
    assert found[0][3] == "only 0 of the 7 accepted nights that are needed to compare with"
    assert found[9][1:3] == ("45", "62 to 143")


def test_night_far_beyond_the_usual_stops_until_it_is_accepted(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"orders": ORDERS})
    for day in range(1, 9):
        orders(gate, sources, day, 100)
    with pytest.raises(GateFailed, match=r"row_count_is_possible .* observed 2, expected 23 to"):
        orders(gate, sources, 9, 2)
    assert orders(gate, sources, 9, 2, ("crm.orders.row_count_is_possible",)).loaded == 2


def test_rows_that_refer_to_nothing_known_warn(gate: Gate, write_sources: Any) -> None:
    sources = write_sources(
        {
            "orders": ORDERS,
            "customers": {"file": "customers.csv", "columns": {"customer_id": "Id"}},
        }
    )
    known = "Id\n" + "".join(f"C{n}\n" for n in range(40))
    (gate.folder / "customers.csv").write_text(known)
    orders(gate, sources, 1, 45)  # five of them by customers who are not there
    orders(gate, sources, 2, 120)
    found = gate.rows(
        """select outcome, observed_value from audit.gate_results
        where rule = 'customer_id_is_known' and object = 'orders' order by as_of_date"""
    )
    assert found == [("passed", "0"), ("warned", "unknown_rows 80, judged_rows 120")]


def test_few_broken_rows_of_a_quiet_night_do_not_stop_the_load(gate: Gate, write_sources: Any) -> None:
    rows = "SKU,Name,Price\n1,x,-1\n2,y,-1\n3,z,1\n"
    assert (
        gate.load(write_sources({"products": PRODUCTS}), "2025-01-01", {"products.csv": rows})[
            "products"
        ].loaded
        == 1
    )
    assert gate.outcomes("list_price_is_not_negative") == ["quarantined"]


def test_a_run_that_is_tried_again_leaves_finished_objects_alone(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    gate.load(sources, "2025-01-01", {"products.csv": "SKU,Name,Price\n1,x,1\n"})
    gate.runs -= 1
    again = gate.load(sources, "2025-01-01", {})["products"]
    assert (again.loaded, again.unchanged) == (1, 0)
    assert gate.rows("select count(*) from audit.load_ledger") == [(1,)]


def test_a_gate_that_failed_fails_again_when_the_run_is_tried_again(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    wrong = "SKU,Name,Price\n" + "".join(f"{n},x,-1\n" for n in range(100))
    for files in ({"products.csv": wrong}, {"products.csv": wrong.replace("-1", "1")}):
        with pytest.raises(GateFailed, match="list_price_is_not_negative"):
            gate.load(sources, "2025-01-01", files)
        gate.runs -= 1


def test_ledger_that_does_not_balance_is_refused(gate: Gate) -> None:
    from ckm.audit import record_ledger

    with pytest.raises(RuntimeError, match="does not balance"):
        record_ledger(
            gate.connection, "run", date(2025, 1, 1), LedgerRow("crm", "products", extracted=2, loaded=1)
        )


UNMAPPED = "select product_id, version_number, unmapped from raw_crm.products order by all"
SEEN = "select column_name, first_run_id, is_new, is_mapped from audit.source_columns order by all"


def test_column_that_nothing_maps_is_carried_and_makes_no_version(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"constants": {"category": "x"}}})
    first = 'SKU,Name,Price,Colour,category\n1,a,1,red,\n2,b,1,,\n3,c,1,"say ""hi""",own\n'
    gate.load(sources, "2025-01-01", {"products.csv": first})
    expected = [
        ("1", 1, {"Colour": "red"}),
        ("2", 1, None),
        ("3", 1, {"Colour": 'say "hi"', "category": "own"}),
    ]
    assert [(k, v, json.loads(u) if u else None) for k, v, u in gate.rows(UNMAPPED)] == expected
    assert gate.rows("select distinct category from raw_crm.products") == [("x",)]
    again = gate.load(sources, "2025-01-02", {"products.csv": first.replace("red", "blue")})["products"]
    assert (again.loaded, again.unchanged) == (0, 3)
    gate.load(sources, "2025-01-03", {"products.csv": first.replace("1,a,1,red", "1,a,2,blue")})
    assert gate.rows(UNMAPPED)[:2] == [("1", 1, '{"Colour":"red"}'), ("1", 2, '{"Colour":"blue"}')]


def test_without_unmapped_columns_nothing_is_carried(gate: Gate, write_sources: Any) -> None:
    gate.load(
        write_sources({"products": PRODUCTS}), "2025-01-01", {"products.csv": "SKU,Name,Price\n1,a,1\n"}
    )
    assert gate.rows(UNMAPPED) == [("1", 1, None)]


def test_deleted_version_keeps_what_was_carried(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS | {"snapshot": True}})
    rows = "SKU,Name,Price,Colour\n1,a,1,red\n2,b,1,blue\n"
    gate.load(sources, "2025-01-01", {"products.csv": rows})
    gate.load(sources, "2025-01-02", {"products.csv": rows.replace("2,b,1,blue\n", "")})
    assert gate.rows(UNMAPPED)[1:] == [("2", 1, '{"Colour":"blue"}'), ("2", 2, '{"Colour":"blue"}')]


def test_column_that_a_loaded_object_did_not_have_is_reported_once(gate: Gate, write_sources: Any) -> None:
    sources = write_sources({"products": PRODUCTS})
    gate.load(sources, "2025-01-01", {"products.csv": "SKU,Name,Price\n1,a,1\n"})
    assert gate.new_columns == []
    gate.load(sources, "2025-01-02", {"products.csv": "SKU,Name,Price,Colour\n1,a,1,red\n"})
    assert gate.new_columns == [("crm.products", "Colour", False)]
    gate.load(sources, "2025-01-03", {})
    assert gate.new_columns == []
    assert gate.rows(SEEN) == [
        ("Colour", "run-2", True, False), ("Name", "run-1", False, True),
        ("Price", "run-1", False, True), ("SKU", "run-1", False, True),
    ]  # fmt: skip
    mapped = {"columns": {**PRODUCTS["columns"], "category": "Colour"}}
    gate.load(write_sources({"products": PRODUCTS | mapped}), "2025-01-04", {})
    assert gate.rows(SEEN)[0] == ("Colour", "run-2", True, True)
    assert gate.rows(UNMAPPED)[-1] == ("1", 2, None)


def test_object_that_failed_shows_no_columns(gate: Gate, write_sources: Any) -> None:
    gate.load(write_sources({"products": PRODUCTS}), "2025-01-01", {"products.csv": "SKU,Name\n1,a\n"})
    assert gate.rows(SEEN) == []


class TestSql:
    """A database whose columns change under the load."""

    ROWS = [(f"A{n}", "Lamp", str(n)) for n in range(1, 21)]  # noqa: RUF012 - not changed

    @pytest.fixture
    def sources(self, tmp_path: Path) -> Path:
        self.database = tmp_path / "crm.db"
        self.make("create table items (SKU text, Name text, Price text)")
        document = {
            "company": {"name": "T"},
            "sources": {
                "crm": {
                    "transport": "sql", "url": "sqlite:///crm.db",
                    "objects": {"products": {"table": "items", "columns": PRODUCTS["columns"]}},
                }
            },
        }  # fmt: skip
        file = tmp_path / "sources.yml"
        file.write_text(yaml.safe_dump(document))
        return file

    def make(self, statement: str, rows: list[tuple[str, ...]] = ROWS) -> None:
        with sqlite3.connect(self.database) as database:
            database.execute("drop table if exists items")
            database.execute(statement)
            database.executemany(f"insert into items values ({', '.join('?' * len(rows[0]))})", rows)

    def test_retyped_column_leaves_the_object_stale(self, gate: Gate, sources: Path) -> None:
        gate.load(sources, "2025-01-01", {})
        self.make(
            "create table items (SKU text, Name text, Price text)", [(*r[:2], "dear") for r in self.ROWS]
        )
        row = gate.load(sources, "2025-01-02", {})["products"]
        assert (row.status, row.quarantined, row.loaded) == ("failed", 20, 0)
        assert gate.rows("select status, stale_days from audit.source_freshness order by run_id") == [
            ("fresh", 0), ("stale", 1),
        ]  # fmt: skip

    def test_one_text_in_a_number_is_set_aside(self, gate: Gate, sources: Path) -> None:
        self.make(
            "create table items (SKU text, Name text, Price text)", [*self.ROWS[:-1], ("A20", "x", "dear")]
        )
        row = gate.load(sources, "2025-01-01", {})["products"]
        assert (row.loaded, row.quarantined) == (19, 1)

    def test_dropped_column_leaves_the_object_stale_and_a_new_one_is_carried(
        self, gate: Gate, sources: Path
    ) -> None:
        gate.load(sources, "2025-01-01", {})
        self.make("create table items (SKU text, Name text)", [r[:2] for r in self.ROWS])
        row = gate.load(sources, "2025-01-02", {})["products"]
        assert (row.status, row.message) == (
            "failed", "crm.products: column Price (mapped to list_price) is not in table items.",
        )  # fmt: skip
        self.make(
            "create table items (SKU text, Name text, Price text, Size text)",
            [(*r, "XL") for r in [*self.ROWS, ("A21", "y", "1")]],
        )
        assert gate.load(sources, "2025-01-03", {})["products"].loaded == 1
        assert gate.rows(UNMAPPED)[-1] == ("A9", 1, None)
        assert ("A21", 1, '{"Size":"XL"}') in gate.rows(UNMAPPED)
        assert gate.new_columns == [("crm.products", "Size", False)]


class TestRest:
    """An API whose answers change under the load."""

    @pytest.fixture
    def api(self) -> Iterator[Api]:
        with serving(Api(self.records(), size=20)) as served:
            yield served

    @staticmethod
    def records(**changes: Any) -> list[dict[str, Any]]:
        return [{"id": f"A{n}", "name": "Lamp", "price": {"list": n}} | changes for n in range(1, 21)]

    @staticmethod
    def sources(tmp_path: Path, api: Api, **products: Any) -> Path:
        page = {"style": "number", "parameter": "page"}
        columns = {"product_id": "id", "product_name": "name", "list_price": "price.list"}
        mapping = {"endpoint": "items", "records": "data", "page": page, "columns": columns, **products}
        source = {"transport": "rest", "url": f"{api.url}/api/", "attempts": 2, "backoff_seconds": 0.01}
        document = {"company": {"name": "T"}, "sources": {"crm": source | {"objects": {"products": mapping}}}}
        file = tmp_path / "sources.yml"
        file.write_text(yaml.safe_dump(document))
        return file

    def test_retyped_field_leaves_the_object_stale(self, gate: Gate, tmp_path: Path, api: Api) -> None:
        sources = self.sources(tmp_path, api)
        assert gate.load(sources, "2025-01-01", {})["products"].loaded == 20
        api.records = self.records(price={"list": "dear"})
        row = gate.load(sources, "2025-01-02", {})["products"]
        assert (row.status, row.quarantined, row.loaded) == ("failed", 20, 0)
        assert "list_price_is_readable" in (row.message or "")

    def test_record_that_is_no_object_is_set_aside_and_the_others_are_loaded(
        self, gate: Gate, tmp_path: Path, api: Api
    ) -> None:
        api.records[3] = "Fehler"  # type: ignore[call-overload]
        row = gate.load(self.sources(tmp_path, api), "2025-01-01", {})["products"]
        assert (row.extracted, row.loaded, row.quarantined) == (20, 19, 1)
        ((rule, detail, content, pointer),) = gate.rows(
            "select rule, detail, content, source_pointer from quarantine.rows"
        )
        assert (rule, detail, pointer) == ("line_is_readable", "is no JSON object", "items page 1 record 4")
        assert json.loads(content) == {"_line": '"Fehler"', "_header": '{"format": "json"}'}

    def test_overlapping_pages_count_as_duplicates(self, gate: Gate, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer(
            {"data": api.records[(asked.page - 1) * 8 : (asked.page - 1) * 8 + 10]}
        )
        row = gate.load(self.sources(tmp_path, api), "2025-01-01", {})["products"]
        assert (row.extracted, row.loaded, row.duplicate) == (24, 20, 4)

    def test_broken_page_takes_nothing_in_and_the_next_night_reads_all(
        self, gate: Gate, tmp_path: Path, api: Api
    ) -> None:
        api.size = 5
        api.reply = lambda asked: Answer({}, 500) if asked.page == 3 else None
        sources = self.sources(tmp_path, api)
        row = gate.load(sources, "2025-01-01", {})["products"]
        assert (row.status, row.extracted, row.loaded) == ("failed", 0, 0)
        api.reply = lambda asked: None
        assert gate.load(sources, "2025-01-02", {})["products"].loaded == 20

    def test_field_left_out_everywhere_but_for_few_is_null_and_a_new_one_is_carried(
        self, gate: Gate, tmp_path: Path, api: Api
    ) -> None:
        sources = self.sources(tmp_path, api)
        api.records[0]["colour"] = None
        gate.load(sources, "2025-01-01", {})
        api.records = [{"id": "B1", "name": "Desk", "colour": "red", "size": {"w": 2.50}}]
        assert gate.load(sources, "2025-01-02", {})["products"].loaded == 1
        assert gate.rows("select list_price, unmapped from raw_crm.products where product_id = 'B1'") == [
            (None, '{"colour":"red","size.w":"2.5"}')
        ]
        assert gate.new_columns == [("crm.products", "colour", False), ("crm.products", "size.w", False)]

    def test_dead_source_is_stale_until_its_days_are_over(self, gate: Gate, tmp_path: Path, api: Api) -> None:
        sources = self.sources(tmp_path, api, max_staleness_days=2)
        gate.load(sources, "2025-01-01", {})
        api.stop()
        row = gate.load(sources, "2025-01-03", {})["products"]
        assert (row.status, row.message) == (
            "failed", f"crm.products: {api.url} does not answer, after 2 attempts.",
        )  # fmt: skip
        with pytest.raises(GateFailed, match="3 days ago, more than the 2 allowed"):
            gate.load(sources, "2025-01-04", {})

    def test_dead_required_source_stops_the_load(self, gate: Gate, tmp_path: Path, api: Api) -> None:
        api.stop()
        with pytest.raises(GateFailed, match=r"does not answer, .* crm\.products is required"):
            gate.load(self.sources(tmp_path, api, required=True), "2025-01-01", {})
