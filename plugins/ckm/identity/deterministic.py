"""Links that follow from what the sources state or share exactly, each by a rule with a name.

Who is one: a customer of kind person is one person in all systems. A customer of kind company is an entity of its
own, and so is each of its contact persons: who acts for a company in another system is the contact, belongs to the
company (`employer_ref`), and is not it. Companies that another source names, and those that the CRM has twice, are
found by registration number, or by name and place. A contact who also buys privately stays two entities until a
decision says otherwise, as nothing in the sources tells that from two bearers of one name.
"""

import duckdb

from ckm.identity import guards

RULES = (
    "customer number", "stated by a document", "e-mail and name", "phone and name", "registration number",
    "company name and place", "employer and name", "shared e-mail and name",
)  # fmt: skip
"""From the strongest to the weakest, which is the order in which conflicting links are kept."""

SAME_COMPANY = 0.93
"""Jaro-Winkler similarity of two names of companies, without their legal forms, at one postal code."""
_SHARES = "join near r on l.{field} = r.{field} and l.record_ref < r.record_ref"
_UNSHARED = "left join identity.shared_value s on s.field = '{field}' and s.value = l.{field}"

# Pairs by rule, as (left_ref, right_ref, reason for doubt that the rule itself has).
_PAIRS = {
    "customer number": """
        select l.record_ref, r.record_ref, null
        from near l join near r on l.stated_ref = r.record_ref
        where l.kind = 'person' and r.kind = 'person'""",
    "stated by a document": "select left_ref, right_ref, null from identity.stated_pair where left_ref <> right_ref",
    "e-mail and name": f"""
        select l.record_ref, r.record_ref, s.reason
        from near l {_SHARES.format(field="email")} {_UNSHARED.format(field="email")}
        where l.kind = r.kind and (s.reason is null or names_agree(
            l.given_name, l.family_name, r.given_name, r.family_name)) is not false""",
    "phone and name": f"""
        select l.record_ref, r.record_ref, s.reason
        from near l {_SHARES.format(field="phone")} {_UNSHARED.format(field="phone")}
        where l.kind = r.kind and l.family_name is not null and r.family_name is not null""",
    "registration number": f"""
        select l.record_ref, r.record_ref, null
        from near l {_SHARES.format(field="registration_number")}
        where l.country is not distinct from r.country or l.country is null or r.country is null""",
    "company name and place": f"""
        select l.record_ref, r.record_ref, null
        from near l {_SHARES.format(field="postal_code")}
        where l.kind = 'company' and r.kind = 'company'
            and jaro_winkler_similarity(l.company_name, r.company_name) >= {SAME_COMPANY}
            and not coalesce(l.registration_number <> r.registration_number, false)""",
    "employer and name": f"""
        select l.record_ref, r.record_ref, null
        from near l {_SHARES.format(field="employer_ref")}
        where (l.object = 'contacts') <> (r.object = 'contacts')
            and names_agree(l.given_name, l.family_name, r.given_name, r.family_name)""",
    "shared e-mail and name": f"""
        select l.record_ref, r.record_ref, null
        from near l {_SHARES.format(field="email")}
        join identity.shared_value s on s.field = 'email' and s.value = l.email
        where not l.address_name and not r.address_name and l.given_name is not null and r.given_name is not null
            and names_agree(l.given_name, l.family_name, r.given_name, r.family_name)""",
}

# Rules that need the name to tell who it is do so only where one record of the CRM fits.
_ONLY_ONE = ("employer and name", "shared e-mail and name")


def link(connection: duckdb.DuckDBPyConnection) -> None:
    """Make temporary `stated_link`: left_ref, right_ref, rule, status (made | doubtful), reason; a row per pair.

    Needs `identity.normal` and `guards.watch`. A pair that several rules find has the strongest rule that makes
    it, or else the strongest that doubts it.

    What a rule says of a pair (`identity.ruled_pair`) follows from the two records and their shared addresses, so it is
    said again only for pairs of touched records.
    """
    pairs = " union all ".join(
        f"select least(a, b) as left_ref, greatest(a, b) as right_ref, {rank} as rank, doubt "
        f"from ({sql}) as found(a, b, doubt)"
        for rank, sql in enumerate(_PAIRS.values())
    )
    connection.execute(_NEAR)
    connection.execute(
        f"""delete from identity.ruled_pair where left_ref in (from touched) or right_ref in (from touched);
        insert into identity.ruled_pair
        select distinct left_ref, right_ref, rank, coalesce({guards.REASON}, doubt) as reason,
            case when l.source = 'crm' then right_ref when r.source = 'crm' then left_ref end as outside_ref
        from ({pairs}) as pairs
        join near l on l.record_ref = left_ref join near r on r.record_ref = right_ref
        where left_ref in (from touched) or right_ref in (from touched)"""
    )
    names = ", ".join(f"'{rule}'" for rule in RULES)
    only_one = ", ".join(str(RULES.index(rule)) for rule in _ONLY_ONE)
    connection.execute(
        f"""create or replace temp table stated_link as
        with several as (
            select rank, outside_ref from identity.ruled_pair
            where rank in ({only_one}) and reason is null and outside_ref is not null
            group by all having count(*) > 1
        ),
        weighed as (
            select ruled_pair.* replace (case when several.rank is null then reason else 'several fit' end as reason)
            from identity.ruled_pair left join several using (rank, outside_ref)
        )
        select left_ref, right_ref, [{names}][rank + 1] as rule,
            case when reason is null then 'made' else 'doubtful' end as status, reason
        from weighed
        qualify row_number() over (
            partition by left_ref, right_ref order by reason is not null, rank, reason) = 1"""
    )


# What a rule can join with touched records: those, and who shares with them what a rule asks for. Documents that
# state a pair, or no longer do, touch its records.
_NEAR = f"""
create table if not exists identity.ruled_pair
    (left_ref varchar, right_ref varchar, rank integer, reason varchar, outside_ref varchar);
create or replace temp table stated_otherwise as
with said as (
    select distinct least(left_ref, right_ref) as left_ref, greatest(left_ref, right_ref) as right_ref
    from identity.stated_pair
    where left_ref <> right_ref and left_ref in (select record_ref from identity.normal)
        and right_ref in (select record_ref from identity.normal)
),
known as (
    select left_ref, right_ref from identity.ruled_pair where rank = {RULES.index("stated by a document")}
)
(from said except from known) union all (from known except from said);
insert into touched
(select left_ref from stated_otherwise union select right_ref from stated_otherwise) except from touched;
create or replace temp table near as
with seen as (from identity.normal where record_ref in (from touched))
from identity.normal
where record_ref in (from touched)
    or record_ref in (select stated_ref from seen) or stated_ref in (from touched)
    or record_ref in (select right_ref from identity.stated_pair where left_ref in (from touched))
    or record_ref in (select left_ref from identity.stated_pair where right_ref in (from touched))
    or email in (select email from seen) or phone in (select phone from seen)
    or registration_number in (select registration_number from seen) or employer_ref in (select employer_ref from seen)
    or (kind = 'company' and postal_code in (select postal_code from seen where kind = 'company'));
"""
