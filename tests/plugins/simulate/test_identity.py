"""People appear in several systems, and are hard to link."""

from tests.plugins.simulate.lives import database, one

CUSTOMERS = 20_000

PLACES = (  # source, object, native id, table, columns that identify
    ("crm", "customers", "customer_id", "customers", ("customer_id", "email", "phone")),
    ("crm", "contacts", "contact_id", "contacts", ("customer_id", "email", "phone")),
    ("complaints", "complainants", "complainant_id", "complaints", ("customer_id", "email", "phone")),
    ("surveys", "respondents", "respondent_id", "responses", ("customer_id", "email", "phone")),
    ("surveys", "respondents", "respondent_id", "invitations", ("customer_id", "email")),
    ("knowledge", "readers", "reader_id", "deliveries", ("customer_id", "email")),
    ("knowledge", "readers", "reader_id", "searches", ("customer_id",)),
    ("community", "members", "member_id", "members", ("customer_id", "email")),
)
EXACT = {
    "customer_id": "customer_id",
    "email": "lower(email)",
    "phone": "regexp_replace(phone, '[^0-9]', '', 'g')",
}


def _facts() -> str:
    """Every exact identifier of every record of a person."""
    return " union ".join(
        f"""select '{source}' as source, '{name}' as object, {native} as native_id, '{column}' as kind,
            {EXACT[column]} as fact from {place} where {column} is not null and {native} is not null"""
        for source, name, native, place, columns in PLACES
        for column in columns
    )


def test_many_pairs_share_no_exact_identifier() -> None:
    sql = f"""
        with fact as ({_facts()}),
        pair as (
            select a.object as o1, a.native_id as i1, b.object as o2, b.native_id as i2
            from truth_identity a join truth_identity b on a.person_id = b.person_id and a.source < b.source),
        shared as (
            select distinct a.object as o1, a.native_id as i1, b.object as o2, b.native_id as i2
            from fact a join fact b on a.kind = b.kind and a.fact = b.fact and a.source < b.source)
        select count(*), avg((shared.i1 is null)::int) from pair left join shared using (o1, i1, o2, i2)"""
    count, share = one(database(CUSTOMERS), sql)
    assert count > CUSTOMERS and 0.30 <= share <= 0.70


def test_some_addresses_are_shared() -> None:
    sql = f"""
        select avg((persons > 1)::int) from (
            select fact, count(distinct person_id) as persons
            from ({_facts()}) join truth_identity using (source, object, native_id)
            where kind = 'email' and left(person_id, 1) = 'P' group by fact)"""
    assert 0.05 <= one(database(CUSTOMERS), sql)[0] <= 0.15


def test_identity_names_every_record_of_a_person_once() -> None:
    for source, name, native, place, _ in PLACES:
        sql = f"""select count(distinct {native}), count(distinct {native}) filter ({native} not in (
            select native_id from truth_identity where source = '{source}' and object = '{name}'))
            from {place} where {native} is not null"""
        count, unknown = one(database(CUSTOMERS), sql)
        assert count > 0 and unknown == 0, place
    sql = "select count(*) - count(distinct (source, object, native_id)) from truth_identity"
    assert one(database(CUSTOMERS), sql) == (0,)
    outsiders = """select count(*) from truth_actors where is_outsider and customer_id is null
        group by object having count(*) > 0"""
    assert len(database(CUSTOMERS).execute(outsiders).fetchall()) >= 5
