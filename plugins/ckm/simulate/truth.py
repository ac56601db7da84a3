"""The hidden truth: what the pipeline must find out or must not show, and never reads."""

import json
from collections.abc import Iterator
from dataclasses import asdict
from datetime import date
from pathlib import Path

import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet as pq

from ckm.contracts import object_contract
from ckm.simulate.accounts import OUTSIDE, SELF, person_ids
from ckm.simulate.columns import joined, label, moments
from ckm.simulate.company import Company
from ckm.simulate.complaint_rows import complaint_ids, complaint_numbers
from ckm.simulate.customers import contact_ids, customer_ids
from ckm.simulate.draws import Draws
from ckm.simulate.effects import effects
from ckm.simulate.life import Life, Objects
from ckm.simulate.staff import trust
from ckm.simulate.systems.shares import DEFECTS

_ACCOUNTS = {"complaints": "complainants", "surveys": "respondents", "knowledge": "readers",
             "community": "members"}  # fmt: skip
_KEYS = {"complaints": "complaint_id", "invitations": "invitation_id", "responses": "response_id",
         "observations": "observation_id", "deliveries": "delivery_id", "searches": "search_id",
         "members": "member_id", "contributions": "contribution_id"}  # fmt: skip


def write_truth(
    folder: Path,
    company: Company,
    draws: Draws,
    life: Life,
    defects: pa.Table,
    *,
    customers: int,
    until: date,
) -> None:
    """Write `truth/`; `defects` are those planted in the systems."""
    truth = folder / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    for name, table in hidden_tables(draws, life).items():
        pq.write_table(table, truth / f"{name}.parquet")
    pq.write_table(defects, truth / "defects.parquet")
    parameters = {
        "seed": draws.seed,
        "customers": customers,
        "until": until.isoformat(),
        "company": asdict(company) | {"start": company.start.isoformat()},
        "defects": {
            source: {name: [asdict(defect) for defect in kinds] for name, kinds in objects.items()}
            for source, objects in DEFECTS.items()
        },
    }
    for name, content in (("parameters", parameters), ("effects", effects(company))):
        text = json.dumps(content, indent=2, ensure_ascii=False)
        (truth / f"{name}.json").write_text(text + "\n", "utf-8")
    _write_lines(truth / "personal_values.txt", personal_values(life.objects, life.former_streets))


def hidden_tables(draws: Draws, life: Life) -> dict[str, pa.Table]:
    """Truths that are tables: who is who, who acted, and what is hidden of customers, employees, complaints
    and sales."""
    number = np.array([int(text[3:]) for text in life.objects["crm"]["employees"]["employee_id"].to_pylist()])
    is_over = life.handled.ended < life.clock.end
    attitudes = {f"attitude_{name}": values for name, values in life.attitudes.items()}
    return {
        "identity": pa.concat_tables(_identities(life)),
        "actors": pa.concat_tables(_actors(life)),
        "customers": pa.table(
            {
                "customer_id": customer_ids(life.who.ids),
                **vars(life.buyers),
                "left_at": moments(life.left, life.left < life.clock.end),
                **attitudes,
            }
        ),
        "employees": pa.table({"employee_id": label("MA-", number), "trust": trust(draws, number)}),
        "complaints": pa.table(
            {
                "complaint_id": complaint_ids(complaint_numbers(life.complaints)),
                "customer_id": customer_ids(life.complaints.customer),
                "person_id": person_ids(life.complaints.person),
                "is_badly_handled": pa.array(life.handled.is_bad, mask=~is_over),
                "makes_leave": pa.array(life.handled.leaves < life.clock.end, mask=~is_over),
                "ended_at": moments(life.handled.ended, is_over),
            }
        ),
        "sales": pa.table(
            {"order_id": label("A-", life.sale_numbers), "is_informed": pa.array(life.is_informed)}
        ),
    }


def _identities(life: Life) -> Iterator[pa.Table]:
    """Source, object, native id and person of every record of a person."""

    def table(source: str, name: str, native: pa.Array, person: pa.Array) -> pa.Table:
        count = len(native)
        return pa.table(
            {
                "source": pa.repeat(source, count),
                "object": pa.repeat(name, count),
                "native_id": native,
                "person_id": person,
            }
        )

    who = life.who
    firm = pa.array(who.is_company)
    person = pc.if_else(firm, label("O", who.ids), person_ids(who.ids * 10 + SELF))
    yield table("crm", "customers", customer_ids(who.ids), person)
    customer = np.repeat(who.ids, who.contacts)
    k = np.arange(customer.size) - np.repeat(np.cumsum(who.contacts) - who.contacts, who.contacts)
    yield table("crm", "contacts", contact_ids(customer, k), person_ids(customer * 10 + k))
    for source, accounts in life.accounts.items():
        yield table(source, _ACCOUNTS[source], accounts.ids, person_ids(accounts.person))


def _actors(life: Life) -> Iterator[pa.Table]:
    """Source, object, native id, customer and person of every record that somebody caused."""
    for (source, name), (customer, person) in life.actors.items():
        native = life.objects[source][name][_KEYS[name]]
        yield pa.table(
            {
                "source": pa.repeat(source, len(native)),
                "object": pa.repeat(name, len(native)),
                "native_id": native,
                "customer_id": customer_ids(customer),
                "person_id": person_ids(person),
                "is_outsider": pa.array(person >= OUTSIDE),
            }
        )


def personal_values(objects: Objects, *more: pa.Array) -> pa.Array:
    """Every value that names a person or is free text, sorted; first and family names as full names."""
    found = [pc.unique(values.drop_null()) for values in more]
    for source, rows in objects.items():
        for name, columns in rows.items():
            for column, declared in object_contract(source, name).columns.items():
                direct = declared.privacy in ("direct_identifier", "free_text")
                if direct and column in columns and column not in ("first_name", "last_name"):
                    found.append(pc.unique(columns[column].drop_null()))
            if "first_name" in columns:
                names = joined(columns["first_name"], " ", columns["last_name"])
                found.append(pc.unique(names.drop_null()))
    values = pc.unique(pa.concat_arrays(found))
    return values.take(pc.array_sort_indices(values))


def _write_lines(file: Path, values: pa.Array) -> None:
    """Write one text per line, no quoting (no value holds a line break)."""
    lines = joined(values, "\n")
    with file.open("wb") as out:
        for start in range(0, len(lines), 100_000):
            out.write("".join(lines[start : start + 100_000].to_pylist()).encode())
