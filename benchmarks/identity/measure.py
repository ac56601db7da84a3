"""How right the engine is: pairs of records of two systems, against the simulator's truth."""

import duckdb

_TRUE_PAIRS = """
create or replace temp table true_pair as
with r as (
    select n.*, t.person_id, coalesce(c.component_ref, n.record_ref) as found_ref,
        n.record_ref in (from tellable) as tellable
    from identity.normal n join truth t using (record_ref) left join identity.component c using (record_ref)
),
pairs as (
    select l.record_ref as left_ref, r.record_ref as right_ref
    from r l join r on l.person_id = r.person_id and l.source < r.source
    union
    select l.record_ref, r.record_ref from r l join r on l.found_ref = r.found_ref and l.source < r.source
)
select l.record_ref as left_ref, r.record_ref as right_ref, l.source as left_source, r.source as right_source,
    l.person_id = r.person_id as is_true, l.found_ref = r.found_ref as is_found,
    coalesce(l.email = r.email, false) or coalesce(l.phone = r.phone, false)
        or coalesce(coalesce(l.stated_ref, l.record_ref) = coalesce(r.stated_ref, r.record_ref), false)
        or coalesce(l.registration_number = r.registration_number, false) as shares_identifier,
    l.tellable and r.tellable as tellable
from pairs join r l on l.record_ref = left_ref join r on r.record_ref = right_ref
"""

# A record can be told by what it says if, among all persons of the CRM, one alone has its number, unshared e-mail or
# phone, or one alone has its (true) name together with the postal code, birth year or employer that it states.
_TELLABLE = """
create or replace temp table tellable as
with person as (
    select n.*, t.person_id from identity.normal n join truth t using (record_ref)
    where n.source = 'crm' and n.kind = 'person'
),
outside as (select n.*, t.person_id from identity.normal n join truth t using (record_ref) where n.source <> 'crm'),
own as (
    select o.*, p.given_name as true_given, p.family_name as true_family
    from outside o join person p using (person_id)
),
named as (
    select own.record_ref from own
    join person p on p.given_name = true_given and p.family_name = true_family
        and (own.postal_code is null or p.postal_code = own.postal_code or p.person_id = own.person_id)
        and (own.birth_year is null or p.birth_year is null or p.birth_year = own.birth_year)
        and (own.employer_ref is null or p.employer_ref is not distinct from own.employer_ref)
    where own.family_name is not null
    group by own.record_ref having count(distinct p.person_id) = 1
)
select record_ref from person
union
select record_ref from named
union
select own.record_ref from own join person p using (person_id)
where own.stated_ref = p.record_ref
    or own.email = p.email and own.email not in (select value from identity.shared_value where field = 'email')
    or own.phone = p.phone and own.phone not in (select value from identity.shared_value where field = 'phone')
"""


def judge(connection: duckdb.DuckDBPyConnection) -> None:
    """Make the temporary table `true_pair`: a row per pair of two systems that is one person, or was found to be."""
    connection.execute(_TELLABLE)
    connection.execute(_TRUE_PAIRS)


COUNTS = {
    "pairs": "is_true", "found": "is_found", "right": "is_true and is_found",
    "bare": "is_true and not shares_identifier", "bare_right": "is_true and is_found and not shares_identifier",
    "tellable": "is_true and tellable", "tellable_right": "is_true and is_found and tellable",
    "tellable_bare": "is_true and tellable and not shares_identifier",
    "tellable_bare_right": "is_true and is_found and tellable and not shares_identifier",
}  # fmt: skip
"""Conditions of what is counted: a bare pair shares no exact identifier."""
RATES = {
    "precision": ("right", "found"), "recall": ("right", "pairs"), "recall_bare": ("bare_right", "bare"),
    "recall_tellable": ("tellable_right", "tellable"),
    "recall_tellable_bare": ("tellable_bare_right", "tellable_bare"),
}  # fmt: skip
ALL = "all"


def counts(connection: duckdb.DuckDBPyConnection) -> dict[str, dict[str, int]]:
    """`COUNTS` by pair of sources, and of all pairs."""
    counted = ", ".join(f"count(*) filter ({condition})" for condition in COUNTS.values())
    found = connection.execute(
        f"""from (select left_source || ' – ' || right_source as stratum, {counted} from true_pair group by all
            union all select '{ALL}', {counted} from true_pair)
        order by stratum = '{ALL}', stratum"""
    ).fetchall()
    return {stratum: dict(zip(COUNTS, values, strict=True)) for stratum, *values in found}


def rates(counted: dict[str, int]) -> dict[str, float | None]:
    """`RATES` of one stratum; None where there is nothing to divide by."""
    return {
        name: counted[part] / counted[whole] if counted[whole] else None
        for name, (part, whole) in RATES.items()
    }
