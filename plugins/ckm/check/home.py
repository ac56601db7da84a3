"""The home that a night writes to: its folder, its disk, its key and its warehouse."""

import shutil
import tempfile
from collections.abc import Iterator
from pathlib import Path

import duckdb

from ckm.errors import CkmError, ConfigurationError, LoadRunning, safe_reason
from ckm.home import Home, hmac_pads
from ckm.settings import Settings
from ckm.warehouse import OTHER_KEY, connect, has_other_key, schema_fault

GIB = 1 << 30
LEAST_FREE = GIB
# A night writes a whole new version, as a database and as Parquet, before it lets go of an old one.
FREE_PER_WAREHOUSE = 2


def home_faults(settings: Settings) -> Iterator[CkmError]:
    """What would stop a night in its home, without changing anything there."""
    home = Home(settings.home.resolve())
    standing = next(folder for folder in (home.folder, *home.folder.parents) if folder.exists())
    try:
        with tempfile.TemporaryFile(dir=standing):
            pass
    except OSError as error:
        why = "is a file" if standing.is_file() else f"cannot be written to ({error.strerror})"
        yield ConfigurationError(
            f"{home.folder} cannot be the home, as {standing} {why}: set CKM_HOME to a folder of your own."
        )
        return
    size = home.warehouse.stat().st_size if home.warehouse.is_file() else 0
    if fault := disk_fault(home.folder, shutil.disk_usage(standing).free, size):
        yield ConfigurationError(fault)
    if home.warehouse.exists():
        yield from _warehouse_faults(home, settings.secret)


def disk_fault(folder: Path, free: int, warehouse: int) -> str | None:
    """What is wrong where fewer bytes are free than a night may need beside a warehouse of so many bytes."""
    needed = max(LEAST_FREE, FREE_PER_WAREHOUSE * warehouse)
    if free >= needed:
        return None
    return (
        f"{folder} has {free / GIB:.1f} GiB free and a night may need {needed / GIB:.1f} GiB, twice the warehouse and "
        "at least one: make room, or set CKM_HOME to a folder on a larger disk."
    )


def _warehouse_faults(home: Home, secret: str | None) -> Iterator[CkmError]:
    try:
        key = home.kept_secret(secret)
        with home.lock(), connect(home.warehouse, read_only=True) as connection:
            tables = {f"{schema}.{name}" for schema, name in connection.execute(
                "select schema_name, table_name from duckdb_tables()").fetchall()}  # fmt: skip
            if tables and "audit.runs" not in tables:
                yield ConfigurationError(
                    f"{home.warehouse} was written by another program: set CKM_HOME to a folder of your own."
                )
            elif fault := schema_fault(connection):
                yield ConfigurationError(f"{home.folder}: {fault}")
            elif "secrets.customer_key_pads" in tables and has_other_key(
                connection, hmac_pads(key) if key else None
            ):
                yield ConfigurationError(f"{home.folder}: {OTHER_KEY}")
    except (LoadRunning, ConfigurationError) as error:
        yield error
    except duckdb.Error as error:
        yield ConfigurationError(
            f"{home.warehouse} is no database that DuckDB {duckdb.__version__} opens ({safe_reason(error)}): "
            "move it away and run the nights again, or set CKM_HOME to another folder."
        )
