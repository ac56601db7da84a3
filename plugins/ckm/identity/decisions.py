"""What people have decided: two records are one (`merge`) or are not (`apart`), whatever the engine thinks."""

import csv
from datetime import date
from pathlib import Path

import duckdb

from ckm.errors import ConfigurationError, safe_reason

COLUMNS = ("left_ref", "right_ref", "decision", "reason", "decided_on")
KINDS = ("merge", "apart")


def load(connection: duckdb.DuckDBPyConnection, file: Path | None) -> None:
    """Make `identity.decision` from a CSV file, one row per pair: the latest decision on it, in any order of the two.

    Raises:
        ConfigurationError: the file has other columns, or a row is no decision.
    """
    connection.execute(
        "create or replace table identity.decision (left_ref varchar, right_ref varchar, decision varchar, "
        "reason varchar, decided_on date)"
    )
    if file is None or not file.exists():
        return
    _read(connection, file)
    connection.execute(
        """insert into identity.decision
        select least(left_ref, right_ref) as one, greatest(left_ref, right_ref) as other, decision, reason,
            decided_on::date
        from read_decision
        qualify row_number() over (partition by one, other order by decided_on::date desc, decision) = 1
        order by one, other"""
    )


def add(file: Path, left: str, right: str, decision: str, reason: str, decided_on: date) -> None:
    """Write one decision to the end of a CSV file of decisions.

    Raises:
        ConfigurationError: the file has other columns, or a row in it or this one is no decision.
    """
    if decision not in KINDS or left == right:
        raise ConfigurationError("a decision is merge or apart, between two different references.")
    read(file)
    is_ended = file.read_bytes().endswith(b"\n")
    with file.open("a", encoding="utf-8", newline="") as opened:
        opened.write("" if is_ended else "\n")
        csv.writer(opened, lineterminator="\n").writerow(
            (left, right, decision, reason, decided_on.isoformat())
        )


def read(file: Path) -> None:
    """Look whether a CSV file holds decisions and nothing else.

    Raises:
        ConfigurationError: the file has other columns, or a row is no decision.
    """
    with duckdb.connect() as connection:
        _read(connection, file)


def _read(connection: duckdb.DuckDBPyConnection, file: Path) -> None:
    """Make the temporary table `read_decision`, of the rows as they stand in the file."""
    try:
        connection.execute(
            """create or replace temp table read_decision as
            select * from read_csv(?, header = true, delim = ',', quote = '"', all_varchar = true)""",
            [str(file)],
        )
    except duckdb.Error as error:
        raise ConfigurationError(
            f"{file} is no CSV file of decisions ({safe_reason(error)}): it needs {', '.join(COLUMNS)}."
        ) from error
    found = tuple(connection.table("read_decision").columns)
    if found != COLUMNS:
        raise ConfigurationError(f"{file} has the columns {', '.join(found)}: it needs {', '.join(COLUMNS)}.")
    wrong = connection.execute(
        f"""select row, decision, decided_on from (select row_number() over () + 1 as row, * from read_decision)
        where decision is null or decision not in {KINDS} or try_cast(decided_on as date) is null
            or left_ref is null or right_ref is null or left_ref = right_ref
        order by row limit 1"""
    ).fetchone()
    if wrong:
        row, decision, decided_on = wrong
        raise ConfigurationError(
            f"{file}, line {row}: decision {decision!r} on {decided_on!r} is none: write two different references, "
            "merge or apart, and a date such as 2025-12-31."
        )
