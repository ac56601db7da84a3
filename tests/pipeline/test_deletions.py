"""Rows that a system deletes: history says so, facts leave them out, dimensions keep the customer."""

import sqlite3
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import Finished
from tests.pipeline.conftest import rows

pytestmark = pytest.mark.prove

TABLES = {
    "customers": "customer_id text, country text, updated_at text",
    "orders": "order_id text, customer_id text, ordered_at text, updated_at text",
    "order_lines": "order_id text, line_number text, quantity int, unit_price int, updated_at text",
}
LINES = """
    select order_id, line_number, order_date::varchar, net_revenue::int, customer_key is not null
    from about_customers.fct_order_line order by all
"""
FIRST = "2025-03-01 10:00:00"


@dataclass
class Shop:
    """A shop's database, and what is published of it after each night."""

    folder: Path
    ckm: Callable[..., Finished]

    def change(self, *statements: str) -> None:
        with sqlite3.connect(self.folder / "shop.db") as database:
            for statement in statements:
                database.execute(statement)

    def night(self, day: str, *options: str) -> list[tuple[Any, ...]]:
        """The order lines that are published after a night."""
        done = self.ckm(
            "run",
            "--sources",
            self.folder / "sources.yml",
            "--home",
            self.folder / "home",
            "--date",
            day,
            *options,
        )
        assert done.code == 0, done.err
        return self.rows(LINES)

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return rows(self.folder / "home", sql)


@pytest.fixture
def shop(tmp_path: Path, ckm: Callable[..., Finished]) -> Shop:
    one = Shop(tmp_path, ckm)
    one.change(
        *(f"create table {name} ({columns})" for name, columns in TABLES.items()),
        f"insert into customers values ('C1', 'DE', '{FIRST}'), ('C2', 'DE', '{FIRST}')",
        f"insert into orders values ('O1', 'C1', '2025-01-10 09:00:00', '{FIRST}'), "
        f"('O2', 'C2', '2025-02-10 09:00:00', '{FIRST}')",
        f"insert into order_lines values ('O1', '1', 1, 10, '{FIRST}'), ('O1', '2', 1, 1, '{FIRST}'), "
        f"('O2', '1', 1, 12, '{FIRST}')",
    )
    objects = {name: {"table": name} for name in TABLES}
    crm = {"transport": "sql", "url": "sqlite:///shop.db", "full_comparison_days": 1, "objects": objects}
    document = {"company": {"name": "T"}, "sources": {"crm": crm}}
    (tmp_path / "sources.yml").write_text(yaml.safe_dump(document))
    return one


def test_deleted_rows_leave_the_facts_and_come_back(shop: Shop) -> None:
    first = [
        ("O1", "1", "2025-01-10", 10, True),
        ("O1", "2", "2025-01-10", 1, True),
        ("O2", "1", "2025-02-10", 12, True),
    ]
    assert shop.night("2025-03-01") == first

    shop.change(
        "delete from order_lines where line_number = '2'",
        "delete from orders where order_id = 'O2'",
        "delete from customers where customer_id = 'C2'",
    )
    gone = [first[0], ("O2", "1", "2025-03-01", 12, False)]  # without its header: the day of its last change
    assert shop.night("2025-03-02") == gone
    assert shop.rows(
        "select is_deleted, count(*) from core.dim_customer_current group by all order by all"
    ) == [(False, 1), (True, 1)]
    assert shop.rows("select object, deleted from audit.load_ledger where deleted > 0 order by all") == [
        ("customers", 1), ("order_lines", 1), ("orders", 1),
    ]  # fmt: skip

    shop.change(
        f"insert into order_lines values ('O1', '2', 1, 1, '{FIRST}')",
        f"insert into orders values ('O2', 'C2', '2025-02-10 09:00:00', '{FIRST}')",
        f"insert into customers values ('C2', 'DE', '{FIRST}')",
    )
    assert shop.night("2025-03-03") == first
    assert shop.rows("select count(*) from core.dim_customer_current where is_deleted") == [(0,)]
    assert shop.night("2025-03-03", "--full-refresh") == first
