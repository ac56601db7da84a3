"""Writes the systems' files, `sources.yml` and the hidden truth."""

import json
from dataclasses import asdict
from datetime import date
from pathlib import Path

import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.csv as pacsv
import pyarrow.parquet as pq
import yaml

from ckm.contracts import object_contract
from ckm.simulate.columns import joined
from ckm.simulate.company import Company
from ckm.simulate.crm import CRM
from ckm.simulate.customers import Customers, customer_ids
from ckm.simulate.defects import DEFECTS, plant
from ckm.simulate.draws import Draws
from ckm.simulate.purchases import Buyers

_HEADER = "# The company's systems and what their columns mean: canonical column: the system's own column.\n"


def write_crm(folder: Path, draws: Draws, objects: dict[str, dict]) -> pa.Table:
    """Write `crm/<Name>.csv` for every object and return its defects: object, native_key, kind, file, line.

    `objects` holds per object the canonical columns and `_uid`, a uint64 per row.
    """
    (folder / "crm").mkdir(parents=True, exist_ok=True)
    found = []
    for name, described in CRM.items():
        columns = dict(objects[name])
        uid = columns.pop("_uid")
        rows = pa.table({canonical: columns[canonical] for canonical in described.columns})
        rows, defects = plant(draws, name, rows, uid, object_contract("crm", name).key)
        rows = rows.rename_columns(list(described.columns.values()))
        for column, value in described.unmapped.items():
            rows = rows.append_column(column, pa.repeat(value, rows.num_rows))
        pacsv.write_csv(rows, folder / "crm" / described.file, pacsv.WriteOptions(quoting_style="needed"))
        lines = defects["line"].size
        found.append(
            pa.table(
                {
                    "object": pa.repeat(name, lines),
                    "native_key": defects["native_key"],
                    "kind": defects["kind"],
                    "file": pa.repeat(f"crm/{described.file}", lines),
                    "line": defects["line"],
                }
            )
        )
    return pa.concat_tables(found)


def write_sources(folder: Path, company: Company) -> None:
    """Write `sources.yml`."""
    names = (
        "name",
        "time_zone",
        "reporting_currency",
        "week_start",
        "fiscal_year_start_month",
        "customer_type",
    )
    objects: dict[str, dict] = {}
    for name, described in CRM.items():
        objects[name] = {"file": described.file, "columns": described.columns}
        if described.constants:
            objects[name]["constants"] = described.constants
        if described.required:
            objects[name]["required"] = True
    crm = {
        "transport": "files",
        "path": "crm",
        "time_zone": company.time_zone,
        "lag_days": 2,
        "objects": objects,
    }
    document = {"company": {name: getattr(company, name) for name in names}, "sources": {"crm": crm}}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    (folder / "sources.yml").write_text(_HEADER + text, "utf-8")


def write_truth(
    folder: Path,
    company: Company,
    defects: pa.Table,
    who: Customers,
    buyers: Buyers,
    personal: list[pa.Array],
    *,
    seed: int,
    customers: int,
    until: date,
) -> None:
    """Write `truth/`: what the pipeline must find out or must not show, and never reads."""
    truth = folder / "truth"
    truth.mkdir(parents=True, exist_ok=True)
    pq.write_table(defects, truth / "defects.parquet")
    hidden = pa.table({"customer_id": customer_ids(who.ids), **vars(buyers)})
    pq.write_table(hidden, truth / "customers.parquet")
    parameters = {
        "seed": seed,
        "customers": customers,
        "until": until.isoformat(),
        "company": asdict(company) | {"start": company.start.isoformat()},
        "defect_shares": {name: [asdict(defect) for defect in kinds] for name, kinds in DEFECTS.items()},
    }
    text = json.dumps(parameters, indent=2, ensure_ascii=False)
    (truth / "parameters.json").write_text(text + "\n", "utf-8")
    values = pc.unique(pa.concat_arrays([column.drop_null() for column in personal]))
    values = values.take(pc.array_sort_indices(values))
    _write_lines(truth / "personal_values.txt", values)


def personal_values(objects: dict[str, dict]) -> list[pa.Array]:
    """Every value of the crm that names a person or is free text; first and family names as full names."""
    values = []
    for name, columns in objects.items():
        for column, declared in object_contract("crm", name).columns.items():
            direct = declared.privacy in ("direct_identifier", "free_text")
            if direct and column in columns and column not in ("first_name", "last_name"):
                values.append(columns[column])
        if "first_name" in columns:
            values.append(joined(columns["first_name"], " ", columns["last_name"]))
    return values


def _write_lines(file: Path, values: pa.Array) -> None:
    """Write one text per line, no quoting (no value holds a line break)."""
    lines = joined(values, "\n")
    with file.open("wb") as out:
        for start in range(0, len(lines), 100_000):
            out.write("".join(lines[start : start + 100_000].to_pylist()).encode())
