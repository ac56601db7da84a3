"""Who is who: which records of all sources stand for one person or company.

The way of a night: normalise → guards → deterministic → probabilistic (score, then matching) → links → clusters →
history.
All of it are tables of the schema `identity` of the home's private file.
"""

import hashlib
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import duckdb

from ckm import __version__
from ckm.identity import decisions, deterministic, guards, history, links, matching, normalise, probabilistic
from ckm.identity.model import Model, default, read


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
        whole: score all pairs again, not only those of records that have changed; the result is the same.
    """
    decisions.load(connection, decided)
    taken_on = probabilistic.taken_on(connection, model, night)
    fingerprint = _fingerprint(connection, __version__, model, taken_on, home_country, precision)
    compared = 0
    if whole or connection.execute("from identity.match_state").fetchall() != [(fingerprint,)]:
        connection.execute("delete from identity.match_state")
        normalise.normalise(connection, home_country)
        guards.watch(connection)
        deterministic.link(connection)
        probabilistic.take_frequencies(connection, model, taken_on, anew=taken_on == night)
        compared = probabilistic.score(connection, model, whole=whole)
        matching.match(connection)
        links.gather(connection, model, precision=precision, run_id=run_id)
        connection.execute("insert into identity.match_state values (?)", [fingerprint])
    history.renew(connection, night)
    return _matched(connection, compared)


def _fingerprint(connection: duckdb.DuckDBPyConnection, *told: object) -> str:
    """Of all that links follow from."""
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
