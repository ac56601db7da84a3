"""Order lines and customers through several nights, up to the star, beside a recomputation in plain Python."""

import sqlite3
from datetime import timedelta
from pathlib import Path

import pytest
from tests.plugins.gate.loading import Gate
from tests.plugins.gate.sequences import Loaded, cells, sources_of

from ckm import audit, nightly
from ckm.settings import load_settings
from ckm.warehouse import connect

pytestmark = pytest.mark.prove

A, B, C, D = ("A1", "1"), ("A1", "2"), ("A2", "1"), ("A3", "1")
# Days until the next night, what happens before this one, what a person decides before it.
PROGRAM = (
    (1, [("put", A, "1", "5", "10:00:00"), ("put", B, "many", "5", "10:00:00"), ("put", C, "2", "5", "5"),
         ("put", D, "3", "-5", "10:00:00"), ("nameless", True)], []),
    (2, [("put", A, "2", "5", "10:00:00"), ("beside", C, "1", "6", "2"), ("put", D, "1", "6", "none")],
        [("mended", 0), ("mended", 0)]),
    (1, [("restore", A, 1), ("delete", C), ("put", D, "2", "6", "10:00:00"), ("nameless", False)],
        [("mended", 0)]),
    (3, [("restore", C, 2), ("copy", A), ("put", D, "many", "6", "same"), ("put", B, "3", "7", "1")], []),
    (3, [("delete", A), ("put", C, "9", "9", "same")], [("discard", 0)]),
)  # fmt: skip
CUSTOMERS = (  # by night: number → country and day of the last change
    {"C1": ("DE", "2025-07-01"), "C2": ("DE", "2025-06-01")},
    {"C1": ("FR", "2025-07-02"), "C2": ("DE", "2025-06-01"), "C3": ("IT", None)},
    {"C1": ("FR", "2025-07-02"), "C3": ("ES", None)},
    {"C1": ("FR", "2025-07-02"), "C2": ("AT", "2025-07-04"), "C3": ("ES", None)},
    {"C1": ("NL", "2025-07-02"), "C2": ("AT", "2025-07-04")},
)


def test_star_equals_a_recomputation_after_every_night(tmp_path: Path) -> None:
    file = sources_of(
        tmp_path,
        customers=("customer_id", "country", "updated_at"),
        orders=("order_id", "customer_id", "ordered_at", "updated_at"),
    )
    with sqlite3.connect(tmp_path / "crm.db") as crm:
        for order in ("A1", "A2", "A3", "A9"):
            crm.execute("insert into orders values (?, 'C1', '2025-06-30', '2025-06-30')", [order])
    settings = load_settings(home=tmp_path / "home", sources=file)
    warehouse, known = tmp_path / "home" / "warehouse.duckdb", {}
    loaded = Loaded(Gate(tmp_path, None), file)
    for (gap, changes, decisions), customers in zip(PROGRAM, CUSTOMERS, strict=True):
        for change in changes:
            loaded.table.change(loaded.day, *change)
        if decisions:
            with connect(warehouse) as loaded.gate.connection:
                for decision in decisions:
                    loaded.decide(*decision)
        loaded.give()
        with sqlite3.connect(tmp_path / "crm.db") as crm:
            crm.execute("delete from customers")
            crm.executemany("insert into customers values (?, ?, ?)", [(n, *c) for n, c in customers.items()])
        night = nightly.prepare(settings, file, loaded.day)
        nightly.extract(night, "crm")
        nightly.gate_raw(night, "crm")
        nightly.build_records(night)
        nightly.match(night)
        nightly.build_star(night)
        with connect(warehouse) as connection:
            loaded.gate.connection = connection
            ledger = {row.object: row for row in audit.ledger_of(connection, night.run_id, "crm")}
            loaded.compare(ledger["order_lines"], night.run_id)
            assert connection.execute(
                "select order_id, line_number, quantity::int, unit_price::int, net_revenue::int "
                "from about_customers.fct_order_line order by all"
            ).fetchall() == sorted(
                (*key, quantity, price, quantity * price)
                for key, row in loaded.book.standing.items()
                for quantity, price, _ in [cells(row)]
            )
            known |= {number: (country, False) for number, (country, _) in customers.items()}
            if ledger["customers"].is_whole:
                known |= {n: (country, True) for n, (country, _) in known.items() if n not in customers}
            found = connection.execute(
                "select native_id, country, is_deleted from core.dim_customer_current "
                "join identity.customer_identity using (customer_key) where object = 'customers' order by all"
            ).fetchall()
            assert found == [(number, *state) for number, state in sorted(known.items())]
        loaded.day += timedelta(days=gap)
    statuses = {one.status for one in loaded.book.aside}
    assert len(loaded.book.standing) == 3 and {"replayed", "discarded"} <= statuses
