"""What purchase states cost: all made anew, and on nights on which few or no customers' lines have changed.

    python -m benchmarks.states [--customers 1000000]

The product's own models run on the orders of `benchmarks.clv`, one line each. Seconds are dbt's, of each model, on two
threads.
"""

import tempfile
from collections.abc import Iterator
from datetime import timedelta
from decimal import Decimal
from pathlib import Path
from typing import Annotated

import duckdb
import typer
from rich.console import Console

from benchmarks.clv import FOLDER, LAST, orders
from ckm import transform
from ckm.console import table
from ckm.home import Home
from ckm.settings import load_settings, set_tool_defaults
from ckm.sources import Company
from ckm.warehouse import connect, limit, prepare

set_tool_defaults()

MODELS = ("history_change", "purchase", "rfm_history", "rfm_state")
LINES = """select customer as customer_key, day as order_date, 'sale' as line_kind, false as is_cancelled,
    value::decimal(18, 4) as net_revenue, (.6 * value)::decimal(18, 4) as net_cost from '{file}'"""


def nights(folder: Path, customers: int) -> Iterator[tuple[str, int, dict[str, float]]]:
    """What a night is like, customers made anew, and model → seconds."""
    home = Home(folder)
    home.folder.mkdir(parents=True, exist_ok=True)
    with connect(home.warehouse) as connection:
        limit(connection)
        prepare(connection)
        connection.execute(
            f"""create schema if not exists about_customers;
            create table about_customers.fct_order_line as {LINES.format(file=orders(customers))};
            create schema if not exists core;
            create table core.dim_customer_current as select distinct customer_key, true as is_profiling_allowed
            from about_customers.fct_order_line"""
        )
    yield _night(home, "the first: all anew")
    yield _night(home, "nothing has changed", days=1)
    _buy(home, 100, days=2)
    yield _night(home, "1 % have bought", days=2)
    _buy(home, 10, days=3)
    yield _night(home, "10 % have bought", days=3)
    yield _night(home, "all anew again", days=3, full_refresh=True)


def _buy(home: Home, every: int, days: int) -> None:
    """A line for one customer in so many, on a later day."""
    with connect(home.warehouse) as connection:
        connection.execute(
            f"""insert into about_customers.fct_order_line by name
            select customer_key, date '{LAST + timedelta(days)}' as order_date, 'sale' as line_kind,
                false as is_cancelled, 10 as net_revenue, 6 as net_cost
            from (select distinct customer_key from about_customers.fct_order_line)
            where ('0x' || left(md5(customer_key), 6))::int % {every} = 0"""
        )


def _night(
    home: Home, name: str, days: int = 0, *, full_refresh: bool = False
) -> tuple[str, int, dict[str, float]]:
    told = transform.dbt_vars(Company(name="Shop"), LAST + timedelta(days))
    project = load_settings().dbt_project
    results = transform.build(home, project, told, MODELS, name, full_refresh=full_refresh)
    with duckdb.connect(str(home.warehouse), read_only=True) as connection:
        (changed,) = connection.execute("select count(*) from scores.history_change").fetchone()
    seconds = {r.node.rsplit(".", 1)[-1]: r.duration_seconds for r in results if r.resource_type == "model"}
    return name, changed, {model: seconds[model] for model in MODELS}


def main(
    customers: Annotated[int, typer.Option(min=1000, help="Customers of the shop.")] = 1_000_000,
) -> None:
    FOLDER.mkdir(parents=True, exist_ok=True)
    with tempfile.TemporaryDirectory(dir=FOLDER) as folder:
        rows = [
            (name, changed, *(Decimal(f"{part:.2f}") for part in (*seconds.values(), sum(seconds.values()))))
            for name, changed, seconds in nights(Path(folder), customers)
        ]
    title = f"{customers:,} customers, seconds"
    Console(width=110).print(table(title, ("night", "made anew", *MODELS, "all"), rows))


if __name__ == "__main__":
    typer.run(main)
