"""Records that are one: connected by links that were made, as far as what the cluster holds can go together.

A cluster whose links contradict one another is built again from its strongest link to its weakest, and a link that
would bring together what cannot be is dropped and kept as doubtful.
"""

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field
from datetime import date

import duckdb
import numpy as np
import pyarrow as pa
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from ckm.identity import guards

MOST_MEMBERS = 12
"""A cluster of more records than this is a mistake rather than a person."""
TOO_MANY, APART = "the cluster would grow too large", "decided apart"


@dataclass(frozen=True)
class Link:
    left: str
    right: str
    is_decision: bool = False


@dataclass
class _Cluster:
    members: list[str]
    register: set[str]
    """Records of the CRM among the members."""
    births: set[date] = field(default_factory=set)
    years: set[int] = field(default_factory=set)


@dataclass(frozen=True)
class Member:
    """What of a record decides which others can share its cluster."""

    is_registered: bool = False
    birth_date: date | None = None
    birth_year: int | None = None


def build(
    links: Iterable[Link], members: Mapping[str, Member], apart: Iterable[tuple[str, str]] = ()
) -> tuple[dict[str, str], dict[tuple[str, str], str]]:
    """Clusters from links in the order of their strength, the strongest first; pure.

    A decision links whatever the guards say, but for another decision that keeps the two apart.

    Returns:
        (least reference of the cluster by member, reason by link that was dropped).
    """
    clusters = {
        ref: _Cluster([ref], {ref} if member.is_registered else set(),
                      {member.birth_date} - {None}, {member.birth_year} - {None})
        for ref, member in members.items()
    }  # fmt: skip
    forbidden: dict[str, set[str]] = {}
    for one, other in apart:
        forbidden.setdefault(one, set()).add(other)
        forbidden.setdefault(other, set()).add(one)
    dropped = {}
    for link in links:
        one, other = clusters[link.left], clusters[link.right]
        if one is other:
            continue
        if reason := _conflict(one, other, forbidden, is_decision=link.is_decision):
            dropped[link.left, link.right] = reason
            continue
        one.members += other.members
        one.register |= other.register
        one.births |= other.births
        one.years |= other.years
        for ref in other.members:
            clusters[ref] = one
    return {ref: min(cluster.members) for ref, cluster in clusters.items()}, dropped


def _conflict(
    one: _Cluster, other: _Cluster, forbidden: Mapping[str, set[str]], *, is_decision: bool
) -> str | None:
    if any(not forbidden.get(ref, set()).isdisjoint(other.members) for ref in one.members):
        return APART
    if is_decision:
        return None
    if one.register and other.register:
        return guards.TWO_CUSTOMERS
    births, years = one.births | other.births, one.years | other.years
    if len(births) > 1 or max(years, default=0) - min(years, default=0) > 1:
        return guards.BIRTHS
    return TOO_MANY if len(one.members) + len(other.members) > MOST_MEMBERS else None


def components(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `identity.component` (record_ref, component_ref, known_on), and mark the links that it drops as doubtful.

    The rows of `identity.normal` stand in the order of their references, so the first of a component is its least.

    Only components that cannot be one entity are taken apart link by link.
    """
    connection.execute(
        "create or replace temp table node as select record_ref, known_on, rowid as place from identity.normal"
    )
    (count,) = connection.execute("select count(*) from node").fetchone()
    edges = connection.execute(
        """select l.place as one, r.place as other from identity.link
        join node l on l.record_ref = left_ref join node r on r.record_ref = right_ref where status = 'made'"""
    ).fetchnumpy()
    graph = coo_array((np.ones(edges["one"].size, bool), (edges["one"], edges["other"])), (count, count))
    _, label = connected_components(graph, directed=False)
    _, first = np.unique(label, return_index=True)
    connection.register("found", pa.table({"place": np.arange(count), "first": first[label]}))
    connection.execute(
        """create or replace table identity.component as
        select node.record_ref, least_of.record_ref as component_ref, node.known_on
        from node join found using (place) join node as least_of on least_of.place = found.first
        order by node.record_ref"""
    )
    connection.unregister("found")
    connection.execute(_CONFLICTED)
    members = {
        ref: Member(is_registered, birth_date, birth_year)
        for ref, is_registered, birth_date, birth_year in connection.execute(
            """select record_ref, source = 'crm', birth_date, birth_year from identity.normal
            where record_ref in (select record_ref from conflicted) order by record_ref"""
        ).fetchall()
    }
    if not members:
        return
    links = [Link(*row) for row in connection.execute(
        """select left_ref, right_ref, rule = 'decision' from identity.link
        where status = 'made' and left_ref in (from conflicted) and right_ref in (from conflicted)
        order by strength, left_ref, right_ref"""
    ).fetchall()]  # fmt: skip
    apart = connection.execute(
        "select left_ref, right_ref from identity.decision where decision = 'apart' order by all"
    ).fetchall()
    parts, dropped = build(links, members, apart)
    connection.register("part", pa.table({"record_ref": list(parts), "component_ref": list(parts.values())}))
    connection.execute(
        "update identity.component c set component_ref = part.component_ref from part "
        "where part.record_ref = c.record_ref"
    )
    connection.unregister("part")
    if dropped:
        lefts, rights = zip(*dropped, strict=True)
        connection.register("gone", pa.table({"l": lefts, "r": rights, "reason": list(dropped.values())}))
        connection.execute(
            "update identity.link set status = 'doubtful', reason = gone.reason from gone "
            "where left_ref = gone.l and right_ref = gone.r"
        )
        connection.unregister("gone")


_CONFLICTED = f"""
create or replace temp table conflicted as
with judged as (
    select component_ref,
        count(*) > {MOST_MEMBERS} or count(*) filter (n.source = 'crm') > 1
            or count(distinct n.birth_date) > 1 or max(n.birth_year) - min(n.birth_year) > 1 as is_conflicted
    from identity.component join identity.normal n using (record_ref) group by component_ref
    union all
    select l.component_ref, true from identity.decision d
    join identity.component l on l.record_ref = d.left_ref join identity.component r on r.record_ref = d.right_ref
    where d.decision = 'apart' and l.component_ref = r.component_ref
)
select record_ref from identity.component
where component_ref in (select component_ref from judged where is_conflicted)
"""
