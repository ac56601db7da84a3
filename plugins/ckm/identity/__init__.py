"""Who is who: which records of all sources stand for one person or company.

The way of a night: normalise → guards → deterministic → probabilistic (score, then matching) → links → clusters →
history.
What lasts are tables of the schema `identity` of the home's private file.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb
import phonenumbers

from ckm import __version__
from ckm.identity import (
    decisions,
    deterministic,
    guards,
    history,
    links,
    matching,
    normalise,
    probabilistic,
    tables,
)
from ckm.identity.model import Model, default, read

MOVED = "select record_ref from differing union from changed"
"""SQL of the records that a night's steps left in another component, or of which they read something else."""


@dataclass(frozen=True)
class Matched:
    """What a night's matching found: records, those compared anew, links made and doubtful, records by customer."""

    records: int
    compared: int
    links: int
    doubtful: int
    with_customer: int


def read_model(file: Path | None) -> Model:
    """The model of a file, or the one that comes with the package.

    Raises:
        ConfigurationError: the file is none that this release can read.
    """
    return default() if file is None else read(file)


def resolve(
    connection: duckdb.DuckDBPyConnection,
    model: Model,
    *,
    night: date,
    run_id: str = "",
    decided: Path | None = None,
    home_country: str | None = None,
    precision: float = links.PRECISION,
    whole: bool = False,
) -> Matched:
    """Bring links and clusters to the state of a night, from `identity.person_record` and `identity.stated_pair`.

    Where all that the links follow from is as it was when they were made last, they are not made again.

    Args:
        decided: CSV file of decisions.
        home_country: ISO 3166 alpha-2 code of the company's own country, in which phone numbers are read.
        precision: share of the links made that shall be right.
        whole: make all again, not only what changed records can change; the result is the same.
    """
    decisions.load(connection, decided)
    taken_on = probabilistic.taken_on(connection, model, night)
    rules = _rules(home_country)
    fingerprint = f"{rules} {_fingerprint(connection, model, taken_on, precision)}"
    known = connection.execute("select fingerprint from identity.match_state").fetchone() or ("",)
    compared, moved = 0, "select record_ref from identity.component limit 0"
    if whole or known != (fingerprint,):
        connection.execute("delete from identity.match_state")
        if whole or not known[0].startswith(rules):  # other rules, or a night that was cut off
            tables.forget(connection)
        normalise.normalise(connection, home_country)
        guards.watch(connection)
        deterministic.link(connection)
        probabilistic.comparable(connection)
        probabilistic.take_frequencies(connection, model, taken_on, anew=taken_on == night)
        compared = probabilistic.score(connection, model)
        matching.match(connection)
        links.gather(connection, model, precision=precision, run_id=run_id)
        moved = MOVED
    history.renew(connection, night, moved)
    connection.execute(
        "insert into identity.match_state select ? where not exists (from identity.match_state)",
        [fingerprint],
    )
    return _matched(connection, compared)


def _rules(home_country: str | None) -> str:
    """Fingerprint of what records are read and judged by: this code, what it calls, and the company's country."""
    code = b"".join(file.read_bytes() for file in sorted(Path(__file__).parent.glob("*.py")))
    told = (code, __version__, duckdb.__version__, phonenumbers.__version__, home_country)
    return hashlib.sha256(repr(told).encode()).hexdigest()


def _fingerprint(connection: duckdb.DuckDBPyConnection, *told: object) -> str:
    """Of all else that links follow from."""
    hashes = [
        connection.execute(f"select count(*), sum(hash(t)) from identity.{table} as t").fetchone()
        for table in ("person_record", "stated_pair", "decision")
    ]
    return hashlib.sha256(repr((hashes, told)).encode()).hexdigest()


def _matched(connection: duckdb.DuckDBPyConnection, compared: int) -> Matched:
    records, with_customer = connection.execute(
        "select count(*), count(customer_ref) from identity.cluster where valid_to is null"
    ).fetchone()
    links_made, doubtful = connection.execute(
        "select count(*) filter (status = 'made'), count(*) filter (status = 'doubtful') from identity.link"
    ).fetchone()
    return Matched(records, compared, links_made, doubtful, with_customer)
