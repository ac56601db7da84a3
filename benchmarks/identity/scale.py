"""Measure how long a million records take, all at once and a night with 1 % new ones, and write docs/identity.md.

python -m benchmarks.identity.scale [--records 1000000] [--no-write]
"""

import resource
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from datetime import date
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from time import perf_counter
from typing import Annotated

import duckdb
import typer

from benchmarks.identity.crowd import RECORDS_PER_CUSTOMER, fill
from benchmarks.identity.report import put
from ckm.identity import resolve
from ckm.identity.model import default

CORES, MEMORY = 2, "5GB"
NEW = 0.01
FIRST, SECOND = date(2025, 12, 30), date(2025, 12, 31)


@dataclass(frozen=True)
class Took:
    """What one night of the identity layer took: seconds on the clock and of the processors, peak memory in GB."""

    records: int
    compared: int
    seconds: float
    cpu_seconds: float
    gigabytes: float


def make(file: Path, records: int) -> None:
    """A warehouse file with so many records, and those of the second night in a table of their own."""
    with _connect(file) as connection:
        fill(connection, customers=round(records * (1 + NEW) / RECORDS_PER_CUSTOMER), seed=1)
        connection.execute(
            f"""create table identity.new_record as from identity.person_record
            order by hash(record_ref) limit {round(records * NEW)}"""
        )
        connection.execute(
            "delete from identity.person_record where record_ref in (select record_ref from identity.new_record)"
        )


def night(file: Path, on: date) -> Took:
    """Resolve the records of a file; on the second night the new ones have come."""
    with _connect(file) as connection:
        if on == SECOND:
            connection.execute("insert into identity.person_record from identity.new_record")
            connection.execute("drop table identity.new_record")
        before, start = _cpu(), perf_counter()
        found = resolve(connection, default(), night=on, home_country="DE")
        seconds, cpu = perf_counter() - start, _cpu() - before
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 2**20
    return Took(found.records, found.compared, seconds, cpu, peak)


def _cpu() -> float:
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def _connect(file: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect(str(file), config={"threads": CORES, "memory_limit": MEMORY})
    connection.execute("set enable_progress_bar = false")
    return connection


def _alone(function, *arguments):
    """Run it in a process of its own, so that its peak memory is its own, too."""
    with ProcessPoolExecutor(1, mp_context=get_context("spawn")) as pool:
        return pool.submit(function, *arguments).result()


def main(
    records: Annotated[int, typer.Option(min=1_000, help="Source records.")] = 1_000_000,
    no_write: Annotated[bool, typer.Option("--no-write", help="Leave docs/identity.md as it is.")] = False,
) -> None:
    with TemporaryDirectory() as folder:
        file = Path(folder) / "warehouse.duckdb"
        _alone(make, file, records)
        nights = {"all records": _alone(night, file, FIRST), "1 % new": _alone(night, file, SECOND)}
    lines = [
        "| night | records | compared | seconds | processor seconds | peak memory |",
        "|---|---|---|---|---|---|",
    ]
    lines += [
        f"| {name} | {took.records:,} | {took.compared:,} | {took.seconds:.0f} | {took.cpu_seconds:.0f} "
        f"| {took.gigabytes:.1f} GiB |"
        for name, took in nights.items()
    ]
    typer.echo("\n".join(lines))
    if not no_write:
        put("scale", "\n".join(lines))


if __name__ == "__main__":
    typer.run(main)
