"""Who is who: which records of all sources stand for one person or company.

The way of a night: normalise → guards → deterministic → probabilistic (score, then matching) → links → clusters.
All of it are tables of the schema `identity` of the home's private file.
"""

from datetime import date
from pathlib import Path

import duckdb

from ckm.identity import clusters, decisions, deterministic, guards, links, matching, normalise, probabilistic
from ckm.identity.model import Model


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
) -> None:
    """Bring links and clusters to the state of a night, from `identity.person_record` and `identity.stated_pair`.

    Args:
        decided: CSV file of decisions.
        home_country: ISO 3166 alpha-2 code of the company's own country, in which phone numbers are read.
        precision: share of the links made that shall be right.
        whole: score all pairs again, not only those of records that have changed; the result is the same.
    """
    normalise.normalise(connection, home_country)
    guards.watch(connection)
    decisions.load(connection, decided)
    deterministic.link(connection)
    if not connection.execute(
        "from identity.term_frequency where model = ? limit 1", [model.version]
    ).fetchall():
        probabilistic.take_frequencies(connection, model)
    probabilistic.score(connection, model, whole=whole)
    matching.match(connection)
    links.gather(connection, model, precision=precision, run_id=run_id)
    clusters.renew(connection, night)
