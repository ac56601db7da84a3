"""The person records of a company of any size, straight from its people and their accounts, without its sales.

The people, their names and how they write themselves down are the simulator's; who has an account where is drawn in the
shares that a simulated company of 10,000 customers has.
"""

from datetime import date

import duckdb
import numpy as np
import pyarrow as pa

from ckm.identity.tables import prepare
from ckm.simulate import staff
from ckm.simulate.accounts import Accounts, acting
from ckm.simulate.clock import Clock
from ckm.simulate.company import COMPANY
from ckm.simulate.customers import Customers, arrive, contact_rows
from ckm.simulate.draws import Draws

UNTIL = date(2025, 12, 31)
SHARES = {"complaints": 0.155, "surveys": 0.78, "knowledge": 0.655, "community": 0.067}
RECORDS_PER_CUSTOMER = 2.79
_OBJECTS = {
    "complaints": "complainants",
    "surveys": "respondents",
    "knowledge": "readers",
    "community": "members",
}
_SAID = {
    "complaints": ("full_name", "company_name", "email", "phone", "postal_code", "city", "stated"),
    "surveys": ("full_name", "email", "phone", "postal_code", "stated"),
    "knowledge": ("full_name", "email", "stated"),
    "community": ("full_name", "company_name", "email", "country", "birth_year", "stated"),
}
_LEFT_OUT = {"phone": 0.5, "postal_code": 0.4, "city": 0.4}
"""Shares of the accounts that leave out what they could say."""


def fill(connection: duckdb.DuckDBPyConnection, *, customers: int, seed: int) -> None:
    """Fill `identity.person_record` with the records of a company of so many customers."""
    prepare(connection)
    draws = Draws(seed)
    clock = Clock(COMPANY, UNTIL)
    team, _ = staff.hire(COMPANY, draws, clock, customers)
    who, rows, _ = arrive(COMPANY, draws, clock, team, customers)
    _insert(connection, "customers", rows, _CUSTOMERS)
    _insert(connection, "contacts", contact_rows(COMPANY, draws, clock, who), _CONTACTS)
    for system, share in SHARES.items():
        here = who.ids[draws.happens(f"in {system}", share, who.ids)]
        person = acting(draws, who, system, here, here)
        _insert(connection, "accounts", _account_rows(draws, clock, who, system, person), _ACCOUNTS.format(
            source=system, object=_OBJECTS[system]))  # fmt: skip


def _account_rows(
    draws: Draws, clock: Clock, who: Customers, system: str, person: np.ndarray
) -> dict[str, pa.Array]:
    accounts = Accounts(COMPANY, draws, clock, who, system, person)
    columns = {
        "full_name": accounts.display_names if system in ("surveys", "knowledge") else accounts.full_names,
        "company_name": accounts.company_names, "email": accounts.emails, "phone": accounts.phones,
        "postal_code": accounts.addresses["postal_code"], "city": accounts.addresses["city"],
        "country": accounts.countries, "birth_year": accounts.birth_years, "stated": accounts.customer_ids,
    }  # fmt: skip
    rows = {"native_id": accounts.ids}
    for name, column in columns.items():
        says = np.full(accounts.person.size, name in _SAID[system])
        says &= ~draws.happens(f"{system}.{name} left out", _LEFT_OUT.get(name, 0.0), accounts.person)
        rows[name] = pa.compute.if_else(pa.array(says), column, pa.scalar(None, column.type))
    return rows


def _insert(connection: duckdb.DuckDBPyConnection, name: str, rows: dict, sql: str) -> None:
    columns = {key: column for key, column in rows.items() if not key.startswith("_")}
    connection.register(name, pa.table(columns))
    connection.execute(f"insert into identity.person_record by name {sql}")
    connection.unregister(name)


_CUSTOMERS = """
select 'crm|customers|' || customer_id as record_ref, 'crm' as source, 'customers' as object,
    customer_id as native_id, case when company_name is null then 'person' else 'company' end as kind,
    first_name, last_name, company_name, registration_number, email, phone, street, postal_code, city,
    upper(country) as country, birth_date, 'crm|customers|' || parent_customer_id as parent_ref,
    created_at::date as known_on, updated_at::date as changed_on
from customers
"""
_CONTACTS = """
select 'crm|contacts|' || contact_id as record_ref, 'crm' as source, 'contacts' as object, contact_id as native_id,
    'person' as kind, first_name, last_name, email, phone, 'crm|customers|' || customer_id as parent_ref,
    updated_at::date as known_on, updated_at::date as changed_on
from contacts
"""
_ACCOUNTS = """
select '{source}|{object}|' || native_id as record_ref, '{source}' as source, '{object}' as object, native_id,
    'person' as kind, full_name, company_name, email, phone, postal_code, city, country, birth_year,
    'crm|customers|' || stated as stated_ref, date '2025-01-31' as known_on, date '2025-01-31' as changed_on
from accounts
"""
