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
    is_by_weight: bool = False


@dataclass
class _Cluster:
    members: list[str]
    register: set[str]
    """Records of the CRM among the members."""
    births: set[date] = field(default_factory=set)
    years: set[int] = field(default_factory=set)
    customers: set[str] = field(default_factory=set)
    """Customers of the CRM that the members are, belong to or state."""


@dataclass(frozen=True)
class Member:
    """What of a record decides which others can share its cluster."""

    is_registered: bool = False
    birth_date: date | None = None
    birth_year: int | None = None
    customer_ref: str | None = None
    """The customer of the CRM that it is, belongs to or states."""


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
                      {member.birth_date} - {None}, {member.birth_year} - {None}, {member.customer_ref} - {None})
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
        if reason := _conflict(one, other, forbidden, link):
            dropped[link.left, link.right] = reason
            continue
        one.members += other.members
        one.register |= other.register
        one.births |= other.births
        one.years |= other.years
        one.customers |= other.customers
        for ref in other.members:
            clusters[ref] = one
    return {ref: min(cluster.members) for ref, cluster in clusters.items()}, dropped


def _conflict(one: _Cluster, other: _Cluster, forbidden: Mapping[str, set[str]], link: Link) -> str | None:
    if any(not forbidden.get(ref, set()).isdisjoint(other.members) for ref in one.members):
        return APART
    if link.is_decision:
        return None
    if one.register and other.register:
        return guards.TWO_CUSTOMERS
    if link.is_by_weight and one.customers and other.customers and one.customers.isdisjoint(other.customers):
        return guards.STATED
    births, years = one.births | other.births, one.years | other.years
    if len(births) > 1 or max(years, default=0) - min(years, default=0) > 1:
        return guards.BIRTHS
    return TOO_MANY if len(one.members) + len(other.members) > MOST_MEMBERS else None


def components(connection: duckdb.DuckDBPyConnection, among: str = "true") -> None:
    """Make the temporary table `tonight_component` (record_ref, component_ref); mark links that it drops as doubtful.

    Only components that cannot be one entity are taken apart link by link.

    Args:
        among: SQL condition on the records whose components are made again, for all records of each.
    """
    connection.execute(_NODES.format(among=among))
    (count,) = connection.execute("select count(*) from node").fetchone()
    edges = connection.execute(
        """select l.rowid as one, r.rowid as other from tonight_link
        join node l on l.record_ref = left_ref join node r on r.record_ref = right_ref where status = 'made'"""
    ).fetchnumpy()
    graph = coo_array((np.ones(edges["one"].size, bool), (edges["one"], edges["other"])), (count, count))
    _, label = connected_components(graph, directed=False)
    _, first = np.unique(label, return_index=True)
    connection.register("found", pa.table({"first": first[label]}))
    connection.execute(_COMPONENTS)
    connection.execute(_CONFLICTED)
    connection.unregister("found")
    members = {
        ref: Member(*said)
        for ref, *said in connection.execute(
            "from node where record_ref in (from conflicted) order by record_ref"
        ).fetchall()
    }
    if not members:
        return
    links = [Link(*row) for row in connection.execute(
        """select left_ref, right_ref, rule = 'decision', match_probability is not null from tonight_link
        where status = 'made' and left_ref in (from conflicted) and right_ref in (from conflicted)
        order by strength, left_ref, right_ref"""
    ).fetchall()]  # fmt: skip
    apart = connection.execute(
        "select left_ref, right_ref from identity.decision where decision = 'apart' order by all"
    ).fetchall()
    parts, dropped = build(links, members, apart)
    connection.register("part", pa.table({"record_ref": list(parts), "component_ref": list(parts.values())}))
    connection.execute(
        "update tonight_component c set component_ref = part.component_ref from part "
        "where part.record_ref = c.record_ref"
    )
    connection.unregister("part")
    if dropped:
        lefts, rights = zip(*dropped, strict=True)
        connection.register("gone", pa.table({"l": lefts, "r": rights, "reason": list(dropped.values())}))
        connection.execute(
            "update tonight_link set status = 'doubtful', reason = gone.reason from gone "
            "where left_ref = gone.l and right_ref = gone.r"
        )
        connection.unregister("gone")


# Nodes stand in the order of their references, so the first of a component is its least.
_NODES = """
create or replace temp table node as
select record_ref, source = 'crm' as is_registered, birth_date, birth_year,
    case when object = 'contacts' then parent_ref when source = 'crm' then record_ref else stated_ref end
        as customer_ref
from identity.normal where {among} order by record_ref
"""
_COMPONENTS = """
delete from tonight_component where record_ref in (select record_ref from node);
insert into tonight_component
with labelled as (select record_ref, first from node positional join found)
select labelled.record_ref, least_of.record_ref as component_ref
from labelled join node as least_of on least_of.rowid = labelled.first
"""
_CONFLICTED = f"""
create or replace temp table conflicted as
with labelled as (from node positional join found),
judged as (
    select first from labelled group by first
    having count(*) > {MOST_MEMBERS} or count(*) filter (is_registered) > 1
        or min(birth_date) <> max(birth_date) or max(birth_year) - min(birth_year) > 1
        or min(customer_ref) <> max(customer_ref)
    union all
    select l.first from identity.decision d
    join labelled l on l.record_ref = d.left_ref join labelled r on r.record_ref = d.right_ref
    where d.decision = 'apart' and l.first = r.first
)
select record_ref from labelled where first in (from judged)
"""
