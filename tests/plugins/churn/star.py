"""A star by hand: as much of it as churn needs, with the day on which each row came to be known."""

from datetime import date, timedelta
from typing import Any

import duckdb

FIRST_LOAD = date(2024, 1, 1)
TABLES = {
    "about_customers.fct_order_line": "customer_key varchar, order_date date, line_kind varchar, "
    "is_cancelled boolean, net_revenue decimal(18, 4), known_on date",
    "about_customers.fct_subscription": "customer_key varchar, subscription_key varchar, "
    "started_on date, ends_on date, cancelled_on date, "
    "status varchar, known_on date",
    "from_customers.fct_complaint": "customer_key varchar, complaint_key varchar, received_date date, "
    "due_at timestamp, due_date date, first_action_date date, minutes_to_first_action double, is_sla_breached boolean, "
    "is_disputed boolean, is_open boolean, resolved_date date, closed_date date, known_on date",
    "from_customers.fct_complaint_event": "customer_key varchar, complaint_key varchar, event_type varchar, "
    "occurred_at timestamp, occurred_date date, known_on date",
}


class Star:
    """Rows of facts; a row that does not say when it came to be known came with the first load."""

    def __init__(self) -> None:
        self.connection = duckdb.connect()
        for name, columns in TABLES.items():
            self.connection.execute(f"create schema if not exists {name.split('.')[0]}")
            self.connection.execute(f"create table {name} ({columns})")

    def add(self, table: str, **row: Any) -> None:
        row = {"known_on": FIRST_LOAD, **row}
        self.connection.execute(
            f"insert into {table} ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )

    def order(self, customer: str, day: date, value: float = 10, **more: Any) -> None:
        self.add(
            "about_customers.fct_order_line",
            **{"customer_key": customer, "order_date": day, "line_kind": "sale", "is_cancelled": False,
               "net_revenue": value, **more},
        )  # fmt: skip

    def row(self, cut: date, customer: str) -> dict[str, Any] | None:
        """A customer's row of `churn_frame`; None where there is none."""
        found = self.connection.execute(
            "from churn_frame where cut_date = ? and customer_key = ?", [cut, customer]
        )
        names, row = [column[0] for column in found.description], found.fetchone()
        return dict(zip(names, row, strict=True)) if row else None


def days(start: date, *after: int) -> list[date]:
    return [start + timedelta(days=number) for number in after]
