"""A warehouse that one source of files is loaded into, night by night, up to the raw log."""

import json
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from tests.conftest import PROJECT

from ckm import raw
from ckm.audit import LedgerRow
from ckm.extract import extract_source
from ckm.gate.admit import admit_source
from ckm.sources import load_sources


class Gate:
    """A warehouse with one source of files, loaded night by night."""

    def __init__(self, folder: Path, connection: duckdb.DuckDBPyConnection) -> None:
        self.folder, self.connection, self.runs = folder, connection, 0
        self.suites = PROJECT / "expectations"

    def mend_suite(self, name: str, suite: dict[str, Any]) -> None:
        """From now on judge by a copy of the suites in which one is another."""
        copy = self.folder / "expectations"
        if not copy.exists():
            shutil.copytree(self.suites, copy)
        self.suites = copy
        (copy / f"{name}.json").write_text(json.dumps(suite))

    def load(
        self, sources_file: Path, night: str, files: dict[str, str], accept: tuple[str, ...] = ()
    ) -> dict[str, LedgerRow]:
        """Put files in place, extract and admit; returns the ledger by object."""
        for name, text in files.items():
            (self.folder / name).write_text(text)
        sources, day = load_sources(sources_file), date.fromisoformat(night)
        self.runs += 1
        landing = self.folder / "landing"
        extract_source(sources, "crm", raw.windows(self.connection, sources, "crm", day), landing)
        admitted = admit_source(
            self.connection, sources, "crm", landing=landing, suites=self.suites,
            gx_store=self.folder / "gx", night=day, run_id=f"run-{self.runs}", accept=accept,
        )  # fmt: skip
        self.new_columns = admitted.new_columns
        return {row.object: row for row in admitted.ledger}

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        return self.connection.execute(sql).fetchall()

    def outcomes(self, rule: str) -> list[str]:
        return [
            o
            for (o,) in self.rows(
                f"select outcome from audit.gate_results where rule = '{rule}' order by run_id"
            )
        ]
