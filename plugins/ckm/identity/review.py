"""What a person should look at: pairs that may be one or may not, and values that nobody owns."""

from dataclasses import dataclass

import duckdb

from ckm.identity import guards
from ckm.identity.explain import Doubt, Shown, Tie, demand, ties
from ckm.identity.links import DECIDED_APART

_OPEN = f"""
status = 'doubtful' and reason <> '{DECIDED_APART}' and not exists (
    from identity.component l join identity.component r using (component_ref)
    where l.record_ref = left_ref and r.record_ref = right_ref)
"""
_WORST_FIRST = f"reason = '{guards.SHARED}', strength"


@dataclass(frozen=True)
class Review:
    """Doubtful pairs, how many there are of each reason, and values that say nothing of whose they are."""

    pairs: list[Tie]
    reasons: dict[str, int]
    shared: list[Doubt]
    shared_total: int
    placeholders: list[Doubt]


def review(connection: duckdb.DuckDBPyConnection, *, limit: int, reveal: bool = False) -> Review:
    """What waits for a person's decision: the strongest evidence that led to no link first, shared values last.

    A pair that is in one cluster by another way, or on which somebody has decided, waits for nothing.

    Raises:
        ConfigurationError: no night has matched this home's records.
    """
    demand(connection)
    shown = Shown(connection, reveal=reveal)
    reasons = dict(
        connection.execute(
            f"select reason, count(*) from identity.link where {_OPEN} group by all order by 2 desc, 1"
        ).fetchall()
    )
    (shared_total,) = connection.execute("select count(*) from identity.shared_value").fetchone()
    return Review(
        pairs=ties(connection, shown, _OPEN, _WORST_FIRST, limit),
        reasons=reasons,
        shared=_shared(connection, shown, limit),
        shared_total=shared_total,
        placeholders=_placeholders(connection, shown, limit),
    )


def _shared(connection: duckdb.DuckDBPyConnection, shown: Shown, limit: int) -> list[Doubt]:
    rows = connection.execute(
        f"""with users as (
            select 'email' as field, email as value, record_ref from identity.normal where email is not null
            union all select 'phone', phone, record_ref from identity.normal where phone is not null
        )
        select field, value, reason, count(*) as records, list(record_ref order by record_ref)[:3]
        from identity.shared_value join users using (field, value) group by all
        order by records desc, field, value limit {limit}"""
    ).fetchall()
    return [
        Doubt(name, shown.value(name, value), reason, records, tuple(map(shown.ref, refs)))
        for name, value, reason, records, refs in rows
    ]


def _placeholders(connection: duckdb.DuckDBPyConnection, shown: Shown, limit: int) -> list[Doubt]:
    rows = connection.execute(
        f"""select field, value, count(*) as records, list(record_ref order by record_ref)[:3]
        from identity.placeholder group by all order by records desc, field, value limit {limit}"""
    ).fetchall()
    return [
        Doubt(name, shown.value(name, value), "stands for no value", records, tuple(map(shown.ref, refs)))
        for name, value, records, refs in rows
    ]
