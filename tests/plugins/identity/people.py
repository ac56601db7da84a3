"""Person records written by hand, and what the engine makes of them."""

from datetime import date
from typing import Any

import duckdb

from ckm.identity import decisions, deterministic, guards, history, links
from ckm.identity.model import default
from ckm.identity.normalise import normalise
from ckm.identity.tables import prepare

NIGHT = date(2025, 6, 30)


def record(ref: str, **fields: Any) -> dict[str, Any]:
    """A record `source|object|native id`, known since the start of 2025."""
    source, object_, native_id = ref.split("|")
    return {
        "record_ref": ref, "source": source, "object": object_, "native_id": native_id, "kind": "person",
        "known_on": date(2025, 1, 1), "changed_on": date(2025, 1, 31),
    } | fields  # fmt: skip


def customer(number: int, **fields: Any) -> dict[str, Any]:
    return record(f"crm|customers|c{number}", **fields)


def reader(number: int, **fields: Any) -> dict[str, Any]:
    return record(f"knowledge|readers|r{number}", **fields)


def complainant(number: int, **fields: Any) -> dict[str, Any]:
    return record(f"complaints|complainants|b{number}", **fields)


def holding(*records: dict[str, Any]) -> duckdb.DuckDBPyConnection:
    """A database with these records in normal form and its guards up."""
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    prepare(connection)
    for row in records:
        names = ", ".join(row)
        connection.execute(
            f"insert into identity.person_record ({names}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    normalise(connection, "DE")
    guards.watch(connection)
    decisions.load(connection, None)
    return connection


def stated(*records: dict[str, Any]) -> dict[tuple[str, str], tuple[str, str | None]]:
    """(rule, reason for doubt) by the native ids of each pair that a rule finds."""
    connection = holding(*records)
    deterministic.link(connection)
    return {
        (left.split("|")[2], right.split("|")[2]): (rule, reason)
        for left, right, rule, reason in connection.execute(
            "select left_ref, right_ref, rule, reason from identity.stated_link"
        ).fetchall()
    }


def clustered(connection: duckdb.DuckDBPyConnection, night: date = NIGHT) -> dict[str, str]:
    """Founder by record after a night that links by rules and decisions alone, by their native ids."""
    deterministic.link(connection)
    connection.execute(
        "create or replace table identity.candidate (left_ref varchar, right_ref varchar, probability double, "
        "match_weight double, field_weights map(varchar, double), model varchar, reason varchar)"
    )
    links.gather(connection, default())
    history.renew(connection, night)
    return {
        ref.split("|")[2]: founder.split("|")[2]
        for ref, founder in connection.execute(
            "select record_ref, founder_ref from identity.cluster where valid_to is null"
        ).fetchall()
    }
