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
_SHARES = "join identity.normal r on l.{field} = r.{field} and l.record_ref < r.record_ref"
_UNSHARED = "left join identity.shared_value s on s.field = '{field}' and s.value = l.{field}"

# Pairs by rule, as (left_ref, right_ref, reason for doubt that the rule itself has).
_PAIRS = {
    "customer number": """
        select l.record_ref, r.record_ref, null
        from identity.normal l join identity.normal r on l.stated_ref = r.record_ref
        where l.kind = 'person' and r.kind = 'person'""",
    "stated by a document": "select left_ref, right_ref, null from identity.stated_pair where left_ref <> right_ref",
    "e-mail and name": f"""
        select l.record_ref, r.record_ref, s.reason
        from identity.normal l {_SHARES.format(field="email")} {_UNSHARED.format(field="email")}
        where l.kind = r.kind and (s.reason is null or names_agree(
            l.given_name, l.family_name, r.given_name, r.family_name)) is not false""",
    "phone and name": f"""
        select l.record_ref, r.record_ref, s.reason
        from identity.normal l {_SHARES.format(field="phone")} {_UNSHARED.format(field="phone")}
        where l.kind = r.kind and l.family_name is not null and r.family_name is not null""",
    "registration number": f"""
        select l.record_ref, r.record_ref, null
        from identity.normal l {_SHARES.format(field="registration_number")}
        where l.country is not distinct from r.country or l.country is null or r.country is null""",
    "company name and place": f"""
        select l.record_ref, r.record_ref, null
        from identity.normal l {_SHARES.format(field="postal_code")}
        where l.kind = 'company' and r.kind = 'company'
            and jaro_winkler_similarity(l.company_name, r.company_name) >= {SAME_COMPANY}
            and not coalesce(l.registration_number <> r.registration_number, false)""",
    "employer and name": f"""
        select l.record_ref, r.record_ref, null
        from identity.normal l {_SHARES.format(field="employer_ref")}
        where (l.object = 'contacts') <> (r.object = 'contacts')
            and names_agree(l.given_name, l.family_name, r.given_name, r.family_name)""",
    "shared e-mail and name": f"""
        select l.record_ref, r.record_ref, null
        from identity.normal l {_SHARES.format(field="email")}
        join identity.shared_value s on s.field = 'email' and s.value = l.email
        where not l.address_name and not r.address_name and l.given_name is not null and r.given_name is not null
            and names_agree(l.given_name, l.family_name, r.given_name, r.family_name)""",
}

# Rules that need the name to tell who it is do so only where one record of the CRM fits.
_ONLY_ONE = ("employer and name", "shared e-mail and name")


def link(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `identity.stated_link`: left_ref, right_ref, rule, status (made | doubtful) and reason, a row per pair.

    Needs `identity.normal` and `guards.watch`. A pair that several rules find has the strongest rule that makes
    it, or else the strongest that doubts it.
    """
    pairs = " union all ".join(
        f"select least(a, b) as left_ref, greatest(a, b) as right_ref, {rank} as rank, doubt "
        f"from ({sql}) as found(a, b, doubt)"
        for rank, sql in enumerate(_PAIRS.values())
    )
    names = ", ".join(f"'{rule}'" for rule in RULES)
    only_one = ", ".join(str(RULES.index(rule)) for rule in _ONLY_ONE)
    connection.execute(
        f"""create or replace table identity.stated_link as
        with pairs as ({pairs}),
        judged as (
            select pairs.*, coalesce({guards.REASON}, doubt) as reason,
                case when l.source = 'crm' then right_ref when r.source = 'crm' then left_ref end as outside_ref
            from pairs
            join identity.normal l on l.record_ref = left_ref join identity.normal r on r.record_ref = right_ref
        ),
        weighed as (
            select *, case when rank in ({only_one}) and outside_ref is not null
                and count(*) filter (reason is null) over (partition by rank, outside_ref) > 1
                then 'several fit' else reason end as doubtful
            from judged
        )
        select left_ref, right_ref, [{names}][rank + 1] as rule,
            case when doubtful is null then 'made' else 'doubtful' end as status, doubtful as reason
        from weighed
        qualify row_number() over (
            partition by left_ref, right_ref order by doubtful is not null, rank, doubtful) = 1
        order by left_ref, right_ref"""
    )
