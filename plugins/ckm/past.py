"""What a home has been through: the nights that were published, the objects that were loaded."""

from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ckm.home import Home
from ckm.sources import load_sources
from ckm.warehouse import connect


def published_nights(home: Home) -> set[date]:
    """The nights that have been published from this home."""
    rows = _recorded(home, "select distinct as_of_date from audit.runs where status like 'published%'", [])
    return {night for (night,) in rows}


def objects_seen(home: Home, sources_file: Path) -> set[tuple[str, str]]:
    """The (source, object) pairs that this home has loaded under the same sources.yml."""
    rows = _recorded(
        home,
        """select distinct source, object from audit.load_ledger join audit.runs using (run_id)
        where load_ledger.status = 'loaded' and configuration_hash = ?""",
        [load_sources(sources_file).configuration_hash],
    )
    return {(source, name) for source, name in rows}


def _recorded(home: Home, sql: str, arguments: list[Any]) -> list[tuple[Any, ...]]:
    """Rows of the audit, none where the home has not been used yet."""
    if not home.warehouse.exists():
        return []
    with connect(home.warehouse) as connection:
        try:
            return connection.execute(sql, arguments).fetchall()
        except duckdb.CatalogException:
            return []
