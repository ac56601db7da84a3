"""Why records are one, why others are not, and since when: the answer to a question about one reference or key."""

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import duckdb

from ckm.errors import ConfigurationError
from ckm.identity import masks
from ckm.identity.history import ALWAYS

MOST_NAMED = 5
"""References that a sentence about an ambiguous one names at most."""


@dataclass(frozen=True)
class Record:
    """A record as its source has it, personal values masked unless they were asked for."""

    ref: str
    name: str | None
    email: str | None
    phone: str | None
    place: str | None
    birth: str | None
    company: str | None
    known_on: date
    valid_from: date | None
    """Night since which it belongs to this cluster; None where it always has."""


@dataclass(frozen=True)
class Tie:
    """A link between two records, made or not, with what speaks for it."""

    left: str
    right: str
    rule: str
    status: str
    reason: str | None
    remark: str | None
    """What the person who decided wrote down."""
    probability: float | None
    weight: float | None
    """Match weight without the prior: each point doubles the odds."""
    weights: dict[str, float] = field(default_factory=dict)
    """Match weight by field, the strongest first."""
    model: str | None = None
    run_id: str | None = None


@dataclass(frozen=True)
class Doubt:
    """A value that is nobody's own, and the records that state it."""

    field: str
    value: str
    reason: str
    records: int
    refs: tuple[str, ...]


@dataclass(frozen=True)
class Spell:
    """A record's time in one cluster, half open; None is open."""

    ref: str
    founder: str
    valid_from: date | None
    valid_to: date | None


@dataclass(frozen=True)
class Explained:
    """One cluster: its key and founder, its records, and all that made it or did not."""

    customer_key: str | None
    """Key of the customer for whom the records stand; None where they stand for none."""
    customer: str | None
    """Oldest record of that customer: the founder's own, or that of the company for which the person acts."""
    person_key: str | None
    """Key of the cluster itself."""
    founder: str
    records: list[Record]
    links: list[Tie]
    apart: list[Tie]
    values: list[Doubt]
    history: list[Spell]


class Shown:
    """What of a home's values may be seen."""

    def __init__(self, connection: duckdb.DuckDBPyConnection, *, reveal: bool) -> None:
        self.reveal = reveal
        self._common = frozenset()
        if not reveal:
            self._common = frozenset(domain for (domain,) in connection.execute(
                """select split_part(email, '@', 2) from identity.normal where email is not null
                group by all having count(*) >= ?""", [masks.FEWEST_USERS]).fetchall())  # fmt: skip

    def value(self, name: str, value: Any) -> str | None:
        """A value of the field `name`, such as `email`."""
        if value is None or self.reveal:
            return None if value is None else str(value)
        text = str(value)
        match name:
            case "email":
                return masks.email(text, self._common)
            case "phone":
                return masks.phone(text)
            case "birth_date" | "postal_code" | "registration_number":
                return masks.ending(text)
        return masks.words(text)

    def ref(self, ref: str) -> str:
        return ref if self.reveal else masks.reference(ref)

    def remark(self, text: str | None) -> str | None:
        """What somebody wrote freely may name anybody."""
        return text if self.reveal or text is None else "(shown with --reveal)"


def demand(connection: duckdb.DuckDBPyConnection) -> None:
    """Refuse a home of which nothing can be said yet.

    Raises:
        ConfigurationError: no night of this home has matched its records.
    """
    tables = {name for (name,) in connection.execute(
        "select table_name from duckdb_tables() where schema_name = 'identity'").fetchall()}  # fmt: skip
    if not {"cluster", "component", "link", "normal", "shared_value", "placeholder"} <= tables:
        raise ConfigurationError("no night of this home has matched its records yet: run ckm run first.")


def find(connection: duckdb.DuckDBPyConnection, which: str) -> str:
    """Reference of a record of the cluster that a reference, a native id or a customer key (or its start) names.

    Raises:
        ConfigurationError: nothing has it, or several do.
    """
    found = [ref for (ref,) in connection.execute(
        "select record_ref from identity.component where record_ref = ?", [which]).fetchall()]  # fmt: skip
    by_id = "select record_ref from identity.person_record where native_id = ? order by 1"
    found = found or [ref for (ref,) in connection.execute(by_id, [which]).fetchall()]
    found = found or [founder for founder, _ in _keys(connection, which)]
    if not found:
        raise ConfigurationError(
            f"no record, native id or customer_key is {which!r}: give one such as 'crm|customers|4711', its id in "
            "its system, or the customer_key of a mart."
        )
    if len(found) > 1 and len(_clusters(connection, found)) > 1:
        named = ", ".join(f"'{masks.reference(ref)}'" for ref in found[:MOST_NAMED])
        raise ConfigurationError(
            f"{len(found):,} records go by {which!r}: say which one, {named}"
            f"{' or another' if len(found) > MOST_NAMED else ''}."
        )
    return found[0]


def _clusters(connection: duckdb.DuckDBPyConnection, refs: Sequence[str]) -> set[str]:
    rows = connection.execute(
        "select distinct component_ref from identity.component where list_contains(?, record_ref)",
        [list(refs)],
    ).fetchall()
    return {ref for (ref,) in rows}


_KEYS = """
select founder_ref, substr(sha256(unhex(outer_pad) || unhex(sha256(unhex(inner_pad) || founder_ref::blob))), 1, 32)
    as customer_key
from (select founder_ref from identity.cluster union select customer_ref from identity.cluster)
cross join secrets.customer_key_pads where founder_ref is not null
"""


def _keys(connection: duckdb.DuckDBPyConnection, start: str) -> list[tuple[str, str]]:
    """(founder, customer_key) of every cluster, of today or before, whose key starts with a text of some length."""
    if len(start) < 6 or not _has_pads(connection):
        return []
    return connection.execute(
        f"select * from ({_KEYS}) where starts_with(customer_key, lower(?)) order by all", [start]
    ).fetchall()


def _has_pads(connection: duckdb.DuckDBPyConnection) -> bool:
    tables = "from duckdb_tables() where schema_name = 'secrets' and table_name = 'customer_key_pads'"
    return bool(connection.execute(tables).fetchall())


def explain(connection: duckdb.DuckDBPyConnection, which: str, *, reveal: bool = False) -> Explained:
    """Everything about the cluster that `which` names.

    Args:
        which: `source|object|native id`, a native id alone, or a customer_key or its first characters.
        reveal: show personal values; else they are masked.

    Raises:
        ConfigurationError: nothing has this name, several do, or no night has matched this home's records.
    """
    demand(connection)
    ref = find(connection, which)
    shown = Shown(connection, reveal=reveal)
    connection.execute(
        """create or replace temp table asked as select record_ref from identity.component
        where component_ref = (select component_ref from identity.component where record_ref = ?)""",
        [ref],
    )
    founder, customer = connection.execute(
        "select founder_ref, customer_ref from identity.cluster where record_ref = ? and valid_to is null",
        [ref],
    ).fetchone()
    keys = {}
    if _has_pads(connection):
        keys = dict(
            connection.execute(f"from ({_KEYS}) where founder_ref in (?, ?)", [founder, customer]).fetchall()
        )
    inside = "left_ref in (from asked) and right_ref in (from asked)"
    return Explained(
        customer_key=keys.get(customer),
        customer=customer and shown.ref(customer),
        person_key=keys.get(founder),
        founder=shown.ref(founder),
        records=_records(connection, shown),
        links=ties(connection, shown, f"status = 'made' and {inside}"),
        apart=ties(connection, shown, f"status <> 'made' and ({inside.replace(' and ', ' or ')})"),
        values=_values(connection, shown),
        history=_history(connection, shown),
    )


def _records(connection: duckdb.DuckDBPyConnection, shown: Shown) -> list[Record]:
    rows = connection.execute(
        """select record_ref, coalesce(nullif(concat_ws(' ', first_name, last_name), ''), full_name), email, phone,
            postal_code, city, coalesce(birth_date::varchar, birth_year::varchar), company_name,
            p.known_on, nullif(valid_from, ?)
        from identity.person_record p join identity.cluster c using (record_ref)
        where record_ref in (from asked) and valid_to is null
        order by not starts_with(record_ref, 'crm|'), p.known_on, record_ref""",
        [ALWAYS],
    ).fetchall()
    return [
        Record(
            shown.ref(ref), shown.value("name", name), shown.value("email", email), shown.value("phone", phone),
            " ".join(filter(None, (shown.value("postal_code", code), shown.value("city", city)))) or None,
            shown.value("birth_date", birth), shown.value("company_name", company), known_on, since,
        )
        for ref, name, email, phone, code, city, birth, company, known_on, since in rows
    ]  # fmt: skip


def ties(
    connection: duckdb.DuckDBPyConnection,
    shown: Shown,
    condition: str,
    order: str = "strength",
    limit: int | None = None,
) -> list[Tie]:
    """Links of which an SQL condition over `identity.link` holds, in an order of its columns."""
    rows = connection.execute(
        f"""select left_ref, right_ref, rule, status, reason, remark, match_probability, match_weight, field_weights,
            model, run_id
        from identity.link where {condition} order by {order}, left_ref, right_ref
        limit {2**31 if limit is None else limit}"""
    ).fetchall()
    return [
        Tie(
            shown.ref(left), shown.ref(right), rule, status, reason, shown.remark(remark), probability, weight,
            dict(sorted((weights or {}).items(), key=lambda item: (-item[1], item[0]))), model, run_id,
        )
        for left, right, rule, status, reason, remark, probability, weight, weights, model, run_id in rows
    ]  # fmt: skip


def _values(connection: duckdb.DuckDBPyConnection, shown: Shown) -> list[Doubt]:
    """Shared and meaningless values that the cluster's records state."""
    rows = connection.execute(
        """with own as (
            select record_ref, unnest(['email', 'phone']) as field, unnest([email, phone]) as value
            from identity.normal where record_ref in (from asked)
        ),
        users as (
            select 'email' as field, email as value, count(*) as records from identity.normal
            where email in (select value from own where field = 'email') group by all
            union all
            select 'phone', phone, count(*) from identity.normal
            where phone in (select value from own where field = 'phone') group by all
        )
        select s.field, s.value, s.reason, any_value(records), list(record_ref order by record_ref)
        from own join identity.shared_value s using (field, value) join users using (field, value) group by all
        union all
        select field, value, 'stands for no value', count(*), list(record_ref order by record_ref)
        from identity.placeholder where record_ref in (from asked) group by all
        order by all"""
    ).fetchall()
    return [
        Doubt(name, shown.value(name, value), reason, records, tuple(map(shown.ref, refs)))
        for name, value, reason, records, refs in rows
    ]


def _history(connection: duckdb.DuckDBPyConnection, shown: Shown) -> list[Spell]:
    """Every cluster to which the records of this one have belonged, and every record that has left it."""
    rows = connection.execute(
        """select record_ref, founder_ref, nullif(valid_from, ?), valid_to from identity.cluster
        where record_ref in (from asked) or founder_ref in (
            select founder_ref from identity.cluster where record_ref in (from asked) and valid_to is null)
        order by valid_from, record_ref, valid_to nulls last""",
        [ALWAYS],
    ).fetchall()
    return [Spell(shown.ref(ref), shown.ref(founder), start, end) for ref, founder, start, end in rows]
