"""The company's systems: a database, an API's store and files, with their defects, and their map."""

from collections.abc import Iterator
from pathlib import Path

import pyarrow as pa

from ckm.contracts import object_contract
from ckm.simulate.clock import Clock
from ckm.simulate.company import Company
from ckm.simulate.draws import Draws
from ckm.simulate.systems.community import COMMUNITY
from ckm.simulate.systems.complaints import COMPLAINTS, write_store
from ckm.simulate.systems.crm import CRM
from ckm.simulate.systems.database import Filling, address, database_url, table, write_database
from ckm.simulate.systems.described import Described
from ckm.simulate.systems.drops import drop
from ckm.simulate.systems.knowledge import KNOWLEDGE
from ckm.simulate.systems.mapping import write_sources
from ckm.simulate.systems.shown import given, located, shown
from ckm.simulate.systems.surveys import SURVEYS

SYSTEMS: dict[str, dict[str, Described]] = {
    "crm": CRM,
    "complaints": COMPLAINTS,
    "surveys": SURVEYS,
    "knowledge": KNOWLEDGE,
    "community": COMMUNITY,
}
"""Every object of every source, in the order in which they are written."""

_IN_DATABASE = ("crm", "knowledge")
_IN_FILES = ("surveys", "community")


def deliver(
    folder: Path,
    draws: Draws,
    clock: Clock,
    objects: dict[str, dict[str, dict]],
    company: Company,
    database: str | None = None,
) -> pa.Table:
    """Write every system and `sources.yml` as they stand at the end of the clock.

    Args:
        folder: the company's folder.
        objects: source → object → canonical columns of equal length and `_uid`, a uint64 per row.
        database: SQLAlchemy address of the database for crm and knowledge; default `crm.db` in the folder.

    Returns:
        The defects: source, object, native_key, kind, place, row; `place` is the table, file or endpoint, and
        `row` the row's number in it, from 1, null for a late row that does not show yet.

    Raises:
        ConfigurationError: the database refuses.
    """
    folder.mkdir(parents=True, exist_ok=True)
    found: list[pa.Table] = []

    def fillings() -> Iterator[Filling]:
        for source in _IN_DATABASE:
            for name, columns in objects[source].items():
                described = SYSTEMS[source][name]
                yield Filling(
                    table=table(source, name, described, given(described, columns)),
                    batches=batches(source, name, columns),
                    cursor=described.columns[object_contract(source, name).cursor],
                )

    def batches(source: str, name: str, columns: dict) -> Iterator[pa.Table]:
        described = SYSTEMS[source][name]
        for part in shown(draws, clock, source, name, described, columns):
            found.append(located(source, name, described.place, part.defects))
            yield part.rows

    write_database(database_url(folder, database), fillings())
    found += write_store(folder, draws, clock, objects["complaints"], company.time_zone)
    for source in _IN_FILES:
        found += drop(folder, draws, clock, source, SYSTEMS[source], objects[source])
    write_sources(folder, company, SYSTEMS, objects, address(folder, database))
    return pa.concat_tables(found)
