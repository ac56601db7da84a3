"""How near the value model comes to what customers did: hold-outs of public data and of a simulated company.

    python -m benchmarks.clv_holdout --data ../data       table and pictures of docs/clv.md

Every data set goes through `ckm.value_model.compare`, the backtest that a warehouse makes of itself at a month-end;
nothing is chosen after looking. `--data` names the folder of the CDNOW log and of the online shop's invoice lines.
"""

import argparse
from collections.abc import Callable, Iterator
from datetime import date
from pathlib import Path

import duckdb
import pyarrow as pa
from rich.console import Console

from ckm import value_model
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.life import live
from ckm.site import value as pictures
from ckm.warehouse import SCORE_TABLES

DOCS = Path(__file__).resolve().parents[1] / "docs"
BEGIN, END = "<!-- measured: hold-outs -->", "<!-- until here: hold-outs -->"
METRICS = {
    "mae": "MAE", "rmse": "RMSE", "total_error": "total", "spend_mae": "MAE of spend",
    "spend_total_error": "total of spend", "spend_rank_correlation": "rank correlation of spend",
}  # fmt: skip
LAWS = {
    "pit_distance_orders": "distance from uniform, orders", "pit_distance_spend": "the same, spend",
    "coverage_of_customers": "intervals that held, customers", "coverage_of_hundreds": "the same, hundreds",
    "level_error": "level of all customers, root mean square of months before the cut",
}  # fmt: skip


def cdnow(folder: Path) -> str:
    """CDNOW's whole cohort, whose days of zero dollars are purchases in the published figures, too."""
    return f"""
        select part[1] as customer, strptime(part[2], '%Y%m%d')::date as day, part[4]::decimal(18, 4) as value
        from (
            select regexp_split_to_array(trim(line, chr(13) || ' '), ' +') as part
            from read_csv('{folder / "cdnow_master.txt"}', header = false, skip = 1, delim = '|', quote = '',
                columns = {{'line': 'varchar'}})
        )
    """


def shop(folder: Path) -> str:
    """The online shop's sales to known customers; a day that earned nothing is none."""
    return f"""
        select "Customer ID" as customer, InvoiceDate::date as day, (Quantity * Price)::decimal(18, 4) as value
        from '{folder / "online_retail_2009_2010.parquet"}'
        where "Customer ID" is not null and Quantity > 0 and Price > 0
    """


def company(_: Path) -> str:
    """A simulated company of 10,000 customers in its second year, before its systems spoil what they record."""
    crm = live(COMPANY, Draws(31), customers=10_000, until=date(2025, 12, 31)).objects["crm"]
    for name in ("orders", "order_lines"):
        duckdb.register(name, pa.table({key: pa.array(rows) for key, rows in crm[name].items()}))
    duckdb.execute(
        """create or replace table simulated as
        select customer_id as customer, ordered_at::date as day,
            (quantity * unit_price - discount_amount)::decimal(18, 4) as value
        from orders join order_lines using (order_id)
        where order_type = 'sale' and status <> 'cancelled' and quantity > 0"""
    )
    return "from simulated"


DATA: dict[str, tuple[Callable[[Path], str], date, int, bool]] = {
    "CDNOW, 39 + 39 weeks": (cdnow, date(1998, 6, 30), 273, True),
    "online shop, 9 + 3 months": (shop, date(2010, 11, 30), 91, False),
    "simulated company, 21 + 3 months": (company, date(2025, 12, 31), 92, False),
}


def compared(source: str, data_until: date, horizon: int, zero_counts: bool) -> duckdb.DuckDBPyConnection:
    """A warehouse of purchases after the backtest, whose marts are those of its one night."""
    connection = duckdb.connect()
    lines = duckdb.sql(source).arrow()
    connection.register("lines", lines)
    for schema in ("scores", "marts"):
        connection.execute(f"create schema {schema}")
    for name in ("backtest", "calibration"):
        connection.execute(f"create table scores.{name} ({SCORE_TABLES[name]})")
        connection.execute(f"create view marts.model_{name} as from scores.{name}")
    connection.execute(
        f"""create table scores.purchase as select customer::varchar as customer_key, day as order_date,
            sum(value)::decimal(18, 4) as purchase_value
        from lines group by all having {zero_counts} or sum(value) > 0"""
    )
    connection.execute(
        "create table scores.rfm_state as select distinct customer_key, true as is_profiling_allowed "
        "from scores.purchase"
    )
    if value_model.compare(connection, data_until, horizon, judged=1_000_000) is None:
        raise SystemExit("there is too little to compare")
    return connection


def table(connection: duckdb.DuckDBPyConnection, name: str) -> Iterator[str]:
    """Markdown of one data set: models and rules in rows, the model that is chosen in bold."""
    found: dict[str, dict[str, float]] = {}
    chosen = ""
    for model, is_chosen, metric, measured in connection.execute(
        "select model, is_chosen, metric, metric_value from scores.backtest"
    ).fetchall():
        found.setdefault(model, {})[metric] = measured
        chosen = model if is_chosen else chosen
    (customers,) = connection.execute(
        "select sum(customers)::bigint from scores.calibration where kind = 'calibration'"
    ).fetchone()
    yield f"**{name}**, {customers:,} customers\n"
    yield f"| model or rule | {' | '.join(METRICS.values())} |"
    yield f"|---|{'---|' * len(METRICS)}"
    for model, figures in found.items():
        cells = [_cell(metric, figures.get(metric)) for metric in METRICS]
        yield f"| {f'**{model}**' if model == chosen else model} | {' | '.join(cells)} |"
    laws = ", ".join(f"{words} {found[chosen][law]:.3f}" for law, words in LAWS.items())
    yield f"\nPredictive laws of {chosen}: {laws}.\n"


def _cell(metric: str, figure: float | None) -> str:
    if figure is None:
        return ""
    if metric.endswith("total_error"):
        return f"{figure:+.1%}"
    return f"{figure:.2f}" if metric in ("spend_mae", "spend_rank_correlation") else f"{figure:.3f}"


def main() -> None:
    """Print the tables, and put them and the pictures of the CDNOW hold-out into docs/clv.md."""
    parser = argparse.ArgumentParser(
        description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("--data", type=Path, required=True)
    options = parser.parse_args()
    lines: list[str] = []
    for name, (source, data_until, horizon, zero_counts) in DATA.items():
        connection = compared(source(options.data), data_until, horizon, zero_counts)
        lines += table(connection, name)
        if source is cdnow:
            connection.execute("create table marts.clv (customer_key varchar, clv_365d double)")
            for picture in pictures.pictures(connection):
                file = f"clv_{picture.title.split()[0].lower()}.svg"
                (DOCS / "images" / file).write_text(picture.svg + "\n", "utf-8")
        Console().print("\n".join(lines[-12:]), markup=False)
    document = DOCS / "clv.md"
    before, _, rest = document.read_text("utf-8").partition(BEGIN)
    _, _, after = rest.partition(END)
    document.write_text(f"{before}{BEGIN}\n" + "\n".join(lines) + f"\n{END}{after}", "utf-8")


if __name__ == "__main__":
    main()
