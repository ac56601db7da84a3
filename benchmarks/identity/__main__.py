"""Measure the identity layer on simulated companies against their truth, and write docs/identity.md.

    python -m benchmarks.identity [--customers 10000] [--seeds 201,202,203,204,205] [--no-write]
    python -m benchmarks.identity --customers 100000 --seeds 201 --no-curve

The seeds are those of no company on which the engine or its model was made.
"""

from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import duckdb
import typer
from rich.console import Console

from benchmarks.identity import measure
from benchmarks.identity.records import load, load_truth
from benchmarks.identity.report import Measured, added, show, write
from ckm.identity import links, resolve
from ckm.identity.model import default
from ckm.simulate import simulate

UNTIL = date(2025, 12, 31)
THRESHOLDS = (0.5, 0.6, 0.7, 0.8, 0.9, 0.95, 0.98, 0.99, 0.999)


def company(connection: duckdb.DuckDBPyConnection, *, customers: int, seed: int, curve: bool) -> Measured:
    """Simulate a company, resolve it and judge it; then again at fixed thresholds if a curve is wanted."""
    with TemporaryDirectory() as folder:
        systems = Path(folder) / "company"
        simulate(systems, customers=customers, seed=seed, until=UNTIL)
        load(connection, systems)
        load_truth(connection, systems)
    start = perf_counter()
    resolve(connection, default(), night=UNTIL, home_country="DE")
    seconds = perf_counter() - start
    measure.judge(connection)
    counts = measure.counts(connection)
    (records,) = connection.execute("select count(*) from identity.normal").fetchone()
    by_threshold = {}
    for threshold in THRESHOLDS if curve else ():
        links.gather(connection, default(), threshold=threshold)
        measure.judge(connection)
        by_threshold[threshold] = measure.counts(connection)[measure.ALL]
    return Measured(seed, records, seconds, counts, by_threshold)


def main(
    customers: Annotated[int, typer.Option(min=200, help="Customers of each company.")] = 10_000,
    seeds: Annotated[
        str, typer.Option(help="Seeds of the companies, between commas.")
    ] = "201,202,203,204,205",
    no_curve: Annotated[
        bool, typer.Option("--no-curve", help="No chart by threshold; the table goes to the large companies.")
    ] = False,
    no_write: Annotated[bool, typer.Option("--no-write", help="Leave docs/identity.md as it is.")] = False,
) -> None:
    screen = Console()
    measured = []
    for seed in seeds.split(","):
        with duckdb.connect() as connection:
            measured.append(company(connection, customers=customers, seed=int(seed), curve=not no_curve))
        done = measured[-1]
        screen.print(f"seed {seed}: {done.records:,} records in {done.seconds:.1f} s", highlight=False)
    show(screen, added(measured))
    if not no_write:
        write(measured, customers)


if __name__ == "__main__":
    typer.run(main)
