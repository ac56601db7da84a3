"""The person records of a simulated company, straight from its systems: what a load would give the identity layer.

A record's fields are the latest that its source says of it. Beside the customer number that a source writes down,
its documents state whom they are about: an answer names an order, and the CRM knows whose order that is.
"""

import sqlite3
from pathlib import Path

import duckdb
import pyarrow as pa

from ckm.identity.tables import prepare

CRM_TABLES = ("Kunden", "Ansprechpartner", "Auftraege", "KB_Delivery", "KB_SearchLog")


def load(connection: duckdb.DuckDBPyConnection, systems: Path) -> None:
    """Fill `identity.person_record` and `identity.stated_pair` from the systems in a folder."""
    prepare(connection)
    for name in CRM_TABLES:
        connection.register(name, _table(systems / "crm.db", name))
    for name, sql in _FILES.items():
        connection.execute(f"create or replace temp view {name} as {sql.format(folder=systems)}")
    connection.execute(f"create or replace temp table said as {_SAID}")
    connection.execute(f"insert into identity.person_record by name {_RECORDS}")
    connection.execute(f"insert into identity.stated_pair by name {_PAIRS}")


def load_truth(connection: duckdb.DuckDBPyConnection, systems: Path) -> None:
    """Fill the temporary table `truth`: one row per record, with the person it stands for."""
    connection.execute(
        f"""create or replace temp table truth as
        select source || '|' || object || '|' || native_id as record_ref, any_value(person_id) as person_id
        from '{systems}/truth/identity.parquet' group by all"""
    )


def _table(database: Path, name: str) -> pa.Table:
    """A table of the CRM's database, every value as text: columns hold more than one type here and there."""
    with sqlite3.connect(database) as source:
        cursor = source.execute(f'select * from "{name}"')
        names = [column[0] for column in cursor.description]
        rows = cursor.fetchall()
    columns = zip(*rows, strict=True) if rows else [()] * len(names)
    texts = [pa.array([None if v is None else str(v) for v in values], pa.string()) for values in columns]
    return pa.table(dict(zip(names, texts, strict=True)))


_FILES = {
    "complaints": "select * from '{folder}/complaints/complaints.parquet'",
    "responses": "select * from read_csv('{folder}/surveys/responses_*.csv', delim=';', all_varchar=true)",
    "invitations": "select * from read_csv('{folder}/surveys/invitations_*.csv', delim=';', all_varchar=true)",
    "members": "select * from read_json('{folder}/community/members.jsonl', "
    "columns={{memberId: 'varchar', nick: 'varchar', realName: 'varchar', organisation: 'varchar', "
    "mail: 'varchar', shopCustomer: 'varchar', country: 'varchar', yearOfBirth: 'varchar', joined: 'varchar', "
    "changed: 'varchar'}})",
}

# One row per place in which a source names somebody.
_SAID = """
with orders as (
    select AuftragNr as order_id, any_value(CustomerNo) as customer_id from Auftraege group by all
    having count(distinct CustomerNo) = 1
),
said as (
    select 'crm' as source, 'customers' as object, CustomerNo as native_id,
        case when lower(Kundenart) like 'p%' then 'person' when Firma is not null then 'company' else 'person' end
            as kind,
        Vorname as first_name, Nachname as last_name, Firma as company_name, HandelsregNr as registration_number,
        EMail as email, Telefon as phone, Strasse as street, PLZ as postal_code, Ort as city, Land as country,
        try_cast(GebDatum as date) as birth_date,
        case when Konzern is not null then 'crm|customers|' || Konzern end as parent_ref,
        AngelegtAm as said_at
    from Kunden
    union all by name
    select 'crm' as source, 'contacts' as object, APNr as native_id, 'person' as kind, Vorname as first_name,
        Nachname as last_name, EMail as email, Durchwahl as phone,
        'crm|customers|' || CustomerNo as parent_ref, GeaendertAm as said_at
    from Ansprechpartner
    union all by name
    select 'complaints' as source, 'complainants' as object, "complainant.id" as native_id, 'person' as kind,
        "complainant.name" as full_name, "complainant.company" as company_name, "complainant.email" as email,
        "complainant.phone" as phone, "complainant.address.zip" as postal_code,
        "complainant.address.city" as city, "complainant.customerNumber" as customer_id,
        orderNumber as order_id, "receivedAt" as said_at
    from complaints
    union all by name
    select 'surveys' as source, 'respondents' as object, TeilnehmerNr as native_id, 'person' as kind,
        Name as full_name, EMail as email, KundenNr as customer_id, VersendetAm as said_at
    from invitations
    union all by name
    select 'surveys' as source, 'respondents' as object, TeilnehmerNr as native_id, 'person' as kind,
        Name as full_name, EMail as email, Telefon as phone, PLZ as postal_code, KundenNr as customer_id,
        AuftragNr as order_id, ReklamationNr as complaint_id, AusgefuelltAm as said_at
    from responses
    union all by name
    select 'knowledge' as source, 'readers' as object, ReaderNo as native_id, 'person' as kind,
        ShownAs as full_name, AccountMail as email, CustomerNo as customer_id, TicketNo as complaint_id,
        DeliveredAt as said_at
    from KB_Delivery
    union all by name
    select 'knowledge' as source, 'readers' as object, ReaderNo as native_id, 'person' as kind,
        ShownAs as full_name, CustomerNo as customer_id, LoggedAt as said_at
    from KB_SearchLog
    union all by name
    select 'community' as source, 'members' as object, memberId as native_id, 'person' as kind,
        realName as full_name, organisation as company_name, mail as email, shopCustomer as customer_id, country,
        try_cast(yearOfBirth as integer) as birth_year, joined as said_at
    from members
)
select said.* exclude (customer_id, order_id),
    source || '|' || object || '|' || native_id as record_ref,
    'crm|customers|' || coalesce(said.customer_id, orders.customer_id) as stated_ref
from said
left join orders on said.order_id = orders.order_id
where native_id is not null
"""

_LATEST = ("kind", "first_name", "last_name", "full_name", "company_name", "registration_number", "email", "phone",
           "street", "postal_code", "city", "country", "birth_date", "birth_year", "parent_ref")  # fmt: skip

_RECORDS = f"""
select record_ref, source, object, native_id,
    {", ".join(f"arg_max({name}, (said_at, {name}::varchar)) as {name}" for name in _LATEST)},
    case when count(distinct stated_ref) = 1 then max(stated_ref) end as stated_ref,
    coalesce(min(try_cast(said_at as timestamp))::date, date '1900-01-01') as known_on,
    coalesce(max(try_cast(said_at as timestamp))::date, date '1900-01-01') as changed_on
from said group by all
"""

# Who answers about a complaint, or is handed an article on it, is who complained.
_PAIRS = """
select distinct said.record_ref as left_ref,
    'complaints|complainants|' || complaints."complainant.id" as right_ref, 'complaint' as basis
from said join complaints on said.complaint_id = complaints.id
where complaints."complainant.id" is not null
"""
