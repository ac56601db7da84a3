"""What keeps two records apart although something of them agrees; such links stay on record as doubtful.

A guard is about a value (a mailbox that several people read), about a pair (father and son) or about a cluster
(two customers of the CRM in one); those about clusters stand in `ckm.identity.cluster`.
"""

import duckdb

ROLE_LOCAL_PARTS = (
    "info", "office", "contact", "kontakt", "mail", "email", "post", "postmaster", "admin", "administrator",
    "support", "service", "kundenservice", "help", "sales", "vertrieb", "verkauf", "order", "orders",
    "bestellung", "einkauf", "purchasing", "rechnung", "invoice", "billing", "accounting", "buchhaltung", "hr",
    "jobs", "team", "hello", "hallo", "family", "familie", "home", "webmaster", "sekretariat", "empfang",
    "reception", "shop", "marketing", "press", "presse", "bureau", "accueil", "biuro", "kantoor",
)  # fmt: skip
MOST_USERS = 12
"""Records that may use one address or number before it counts as shared whatever their names."""
SAME_GIVEN = 0.85
"""Similarity of given names from which, with the same day of birth, another family name is one after a wedding."""
GENERATION_YEARS = 10
"""Birth years further apart than this at one address are two generations."""

SHARED, RECYCLED = "shared mailbox or number", "recycled phone number"
GENERATIONS, BIRTHS, NAMES = "two generations", "other birth date", "the names disagree"
NAMELESS = "no name to compare"
TWO_CUSTOMERS, KINDS = "two customers of the CRM", "a person and a company"

_MACROS = """
create or replace temp macro given_names_agree(one, other) as
    one is null or other is null
    or jaro_winkler_similarity(one, other) >= 0.85
    or starts_with(one, other) or starts_with(other, one)
    or (length(other) >= 4 and ends_with(one, other)) or (length(one) >= 4 and ends_with(other, one));
create or replace temp macro names_agree(given, family, other_given, other_family) as
    case when family is null or other_family is null then null
    else (jaro_winkler_similarity(family, other_family) >= 0.88 and given_names_agree(given, other_given))
        or (given is not null and other_given is not null
            and jaro_winkler_similarity(family, other_given) >= 0.92
            and jaro_winkler_similarity(given, other_family) >= 0.92)
    end;
"""

_REASON = f"""
case
    when l.kind <> r.kind then '{KINDS}'
    when l.source = 'crm' and r.source = 'crm' then '{TWO_CUSTOMERS}'
    when not names_agree(l.given_name, l.family_name, r.given_name, r.family_name)
        and not coalesce(l.birth_date = r.birth_date
            and jaro_winkler_similarity(l.given_name, r.given_name) >= {SAME_GIVEN}, false)
        and (own_address or not (l.address_name or r.address_name))
        then case when l.phone = r.phone and (l.changed_on < r.known_on or r.changed_on < l.known_on)
            then '{RECYCLED}' else '{NAMES}' end
    when abs(l.birth_year - r.birth_year) > {GENERATION_YEARS} then '{GENERATIONS}'
    when l.birth_date <> r.birth_date or abs(l.birth_year - r.birth_year) > 1 then '{BIRTHS}'
    when l.employer_ref is null and r.employer_ref is null and l.street = r.street and l.postal_code = r.postal_code
        and (l.birth_year is null) <> (r.birth_year is null) and l.email <> r.email then '{GENERATIONS}'
end
"""

REASON = _REASON.replace("own_address", "false")
"""SQL of the first reason for which the records l and r of a pair stay apart; null where there is none.

A name that only the e-mail address spells out is no name under which its reader disagrees with what is stated.
"""
REASON_BY_WEIGHT = _REASON.replace("own_address", "true").replace(
    "case", f"case when l.family_name is null or r.family_name is null then '{NAMELESS}'", 1
)
"""The same for a link by weight, which is nothing but what the records say: there, such a name is one, too."""


def watch(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `identity.shared_value`: field, value and reason of each address and number that is nobody's own.

    It also defines the macros with which `REASON` compares names.
    """
    connection.execute(_MACROS)
    roles = ", ".join(f"'{part}'" for part in ROLE_LOCAL_PARTS)
    connection.execute(
        "create or replace table identity.shared_value (field varchar, value varchar, reason varchar)"
    )
    for field in ("email", "phone"):
        connection.execute(
            f"""insert into identity.shared_value
            with users as (
                select {field} as value, count(*) as records, count(*) filter (source = 'crm') as registered,
                    bool_or(kind = 'company') and bool_or(kind = 'person') as both_kinds
                from identity.normal where {field} is not null group by all
            ),
            at_odds as (
                select distinct l.{field} as value,
                    bool_and(l.changed_on < r.known_on or r.changed_on < l.known_on) as apart_in_time
                from identity.normal l
                join identity.normal r on l.{field} = r.{field} and l.record_ref < r.record_ref
                join users on users.value = l.{field} and users.records <= {MOST_USERS}
                where not (l.address_name or r.address_name)
                    and not names_agree(l.given_name, l.family_name, r.given_name, r.family_name)
                group by all
            )
            select '{field}', value,
                case when apart_in_time and '{field}' = 'phone' then '{RECYCLED}' else '{SHARED}' end
            from users left join at_odds using (value)
            where records > {MOST_USERS} or registered > 1 or both_kinds or apart_in_time is not null
                or ('{field}' = 'email' and regexp_replace(split_part(value, '@', 1), '[0-9._-]+$', '') in ({roles}))
            order by value"""
        )
