"""Time features, scoring and reasons of many customers, the fit apart: python -m benchmarks.churn.scale 1000000

The star is made in SQL, orders by hash, so that a million customers need no simulator; it has orders, shipments,
complaints. Scoring includes the two month-ends before and the watch. One JSON line: seconds by clock and of CPU, and
the greatest resident memory in MiB.
"""

import json
import resource
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory

import duckdb

from ckm.churn import learning, scoring
from ckm.warehouse import AUDIT_TABLES, SCORE_TABLES

NIGHT = date(2025, 12, 31)


def make_star(connection: duckdb.DuckDBPyConnection, customers: int) -> None:
    """Customers with 1 to 30 orders over three years, some shipments that failed, complaints and contacts."""
    for schema in ("about_customers", "from_customers", "core", "scores", "audit"):
        connection.execute(f"create schema {schema}")
    for name, columns in SCORE_TABLES.items():
        connection.execute(f"create table scores.{name} ({columns})")
    for name, columns in AUDIT_TABLES.items():
        connection.execute(f"create table audit.{name} ({columns})")
    connection.execute(
        f"""
        create table core.dim_customer_current as
        select md5(i::varchar) as customer_key, true as is_profiling_allowed, false as is_deleted
        from range({customers}) as t(i)
        """
    )
    connection.execute(
        f"""
        create table about_customers.fct_order_line as
        with buyers as (
            select i, md5(i::varchar) as customer_key, hash(i) % 900 as began,
                1 + (hash(i * 7 + 1) % 1000)::int ** 3 // 50000000 as orders, 10 + hash(i * 11) % 120 as gap
            from range({customers}) as t(i)
        )
        select customer_key, date '2023-01-01' + (began + n * gap + hash(i * 31 + n) % gap)::int as order_date,
            'sale' as line_kind, false as is_cancelled, (5 + hash(i * 17 + n) % 200)::decimal(18, 4) as net_revenue,
            date '2023-01-01' as known_on
        from buyers, unnest(range(orders::bigint)) as u(n)
        where began + n * gap + hash(i * 31 + n) % gap <= 1095
        """
    )
    connection.execute(
        """
        create table about_customers.fct_shipment as
        select customer_key, order_date + 3 as delivered_date, order_date + 1 as shipment_date,
            order_date + 4 as promised_on, (hash(customer_key, order_date) % 40 = 0) as is_failed,
            (hash(order_date, customer_key) % 9)::bigint - 3 as days_late, known_on
        from about_customers.fct_order_line
        """
    )
    connection.execute(
        """
        create table from_customers.fct_complaint as
        select customer_key, md5(customer_key || order_date::varchar) as complaint_key,
            order_date + 6 as received_date, (order_date + 16)::timestamp as due_at, order_date + 16 as due_date,
            order_date + 8 as first_action_date,
            600.0 as minutes_to_first_action, hash(customer_key) % 10 > 6 as is_sla_breached,
            false as is_disputed, false as is_open,
            order_date + 10 + (hash(customer_key) % 10)::int as resolved_date, null::date as closed_date, known_on
        from about_customers.fct_order_line where hash(order_date, customer_key) % 25 = 0
        """
    )
    connection.execute(
        "create table from_customers.fct_complaint_event (complaint_key varchar, customer_key varchar, "
        "event_type varchar, occurred_at timestamp, occurred_date date, known_on date)"
    )


@contextmanager
def measured(what: str, result: dict[str, float]) -> Iterator[None]:
    """Seconds by clock and of CPU of a part."""
    clock, cpu = time.monotonic(), time.process_time()
    yield
    result[f"{what}_seconds"] = round(time.monotonic() - clock, 1)
    result[f"{what}_cpu_seconds"] = round(time.process_time() - cpu, 1)


def main(customers: int) -> dict[str, float]:
    """Make, learn, score; the figures."""
    result: dict[str, float] = {"customers": customers}
    with TemporaryDirectory() as folder, duckdb.connect(str(Path(folder) / "warehouse.duckdb")) as connection:
        connection.execute("set memory_limit = '2GB'")
        connection.execute("set threads = 2")
        make_star(connection, customers)
        lines = connection.execute("select count(*) from about_customers.fct_order_line").fetchone()
        result["orders"] = lines[0] if lines else 0
        with measured("learn", result):
            learned = learning.learn(connection, NIGHT, NIGHT, "scale")
        assert isinstance(learned, learning.Kept), learned
        connection.execute(  # as the value model leaves them: of these days tonight's model speaks, too
            """insert into scores.month_end select day, customer_key, 0.0, 0.5 from core.dim_customer_current,
            unnest([date '2025-10-31', date '2025-11-30']) as days(day)"""
        )
        with measured("score", result):
            done = scoring.score(connection, night=NIGHT, run_id="scale")
        result["scored"] = done.customers
        result["kind"] = done.kind  # type: ignore[assignment]
        reasons = connection.execute("select count(*) from scores.churn_driver").fetchone()
        result["reasons"] = reasons[0] if reasons else 0
    result["greatest_memory_mib"] = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
    return result


if __name__ == "__main__":
    print(json.dumps(main(int(sys.argv[1]))))
