"""A system's order lines, what may happen to them between two nights, and what a person may do about rows set aside."""

import json
import sqlite3
from dataclasses import dataclass, field
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import yaml
from tests.plugins.gate.loading import Gate
from tests.plugins.gate.naive import FULL_COMPARISON_DAYS, LAG_DAYS, Book, Row, key_of, moment, waits

from ckm import quarantine
from ckm.audit import LedgerRow
from ckm.quarantine import Choice
from ckm.sources import load_sources

COLUMNS = ("order_id", "line_number", "quantity", "unit_price", "updated_at")
KEYS = (("A1", "1"), ("A1", "2"), ("A2", "1"), ("A3", "1"))

# By the rule that a row breaks, what a person puts into it.
MENDS = {
    "quantity_is_readable": {"quantity": "7"},
    "updated_at_is_readable": {"updated_at": "2025-07-01 12:00:00"},
    "updated_at_is_not_far_ahead": {"updated_at": "2025-07-01 13:00:00"},
    "order_id_is_present": {"order_id": "A9"},
    "one_content_per_key": {"updated_at": "2025-07-01 14:00:00"},
    "unit_price_is_not_negative": {"unit_price": "8"},
}


@dataclass
class Table:
    """The system's order lines, and how each key once stood."""

    rows: list[Row] = field(default_factory=list)
    before: dict[Any, list[list[Row]]] = field(default_factory=dict)

    def change(self, day: date, what: str, key: Any, *how: Any) -> None:
        if what == "nameless":
            self.rows = [row for row in self.rows if row["order_id"]]
            if key:
                self.rows.append(dict(zip(COLUMNS, (None, "1", "9", "9", f"{day} 09:00:00"), strict=True)))
            return
        mine = [row for row in self.rows if key_of(row) == key]
        self.before.setdefault(key, []).append(mine)
        match what:
            case "put":
                new = [self._row(day, key, mine, *how)]
            case "beside":
                new = [*mine, self._row(day, key, mine, *how)]
            case "copy":
                new = [*mine, *mine[:1]]
            case "delete":
                new = []
            case "restore":
                new = self.before[key][how[0] % len(self.before[key])]
        self.rows = [row for row in self.rows if key_of(row) != key] + new

    @staticmethod
    def _row(day: date, key: Any, mine: list[Row], quantity: str, price: str, stamp: str) -> Row:
        changed: str | None
        match stamp:
            case "none":
                changed = None
            case "unreadable":
                changed = "yesterday"
            case "same" if mine:
                changed = mine[0]["updated_at"]
            case "same":
                changed = f"{day} 10:00:00"
            case _ if ":" in stamp:
                changed = f"{day} {stamp}"
            case _:
                changed = f"{day - timedelta(days=int(stamp))} 10:00:00"
        return dict(zip(COLUMNS, (*key, quantity, price, changed), strict=True))


@dataclass
class Loaded:
    """A warehouse that the table is loaded into, and the book that must agree with it."""

    gate: Gate
    sources: Path
    table: Table = field(default_factory=Table)
    book: Book = field(default_factory=Book)
    day: date = date(2025, 7, 1)

    def decide(self, how: str, number: int) -> None:
        """A person decides about one of the rows that wait, or mends the rule about prices."""
        if how == "rule":
            suite = json.loads((self.gate.suites / "raw/crm/order_lines.json").read_text())
            price = next(
                r for r in suite["expectations"] if r["meta"]["rule"] == "unit_price_is_not_negative"
            )
            price["kwargs"]["min_value"] = -10
            self.gate.mend_suite("raw/crm/order_lines", suite)
            self.book.prices_may_be_negative = True
            return
        one = self.book.waiting(number)
        if one is None:
            return
        (found,) = [
            quarantine_id
            for quarantine_id, content in self.gate.rows(
                "select quarantine_id, content from quarantine.rows where status = 'open'"
            )
            if json.loads(content) == one.row
        ]
        if how == "discard":
            quarantine.discard(self.gate.connection, Choice(found), "a test")
            one.status = "discarded"
            return
        mend = MENDS[one.rule] if how == "mended" else {}
        quarantine.queue(self.gate.connection, load_sources(self.sources), Choice(found), mend=mend)
        one.status = "queued"
        if mend:
            one.mended = one.again | mend

    def give(self) -> None:
        """Let the system hold the table."""
        with sqlite3.connect(self.gate.folder / "crm.db") as database:
            database.execute("delete from order_lines")
            database.executemany(
                "insert into order_lines values (?, ?, ?, ?, ?)",
                [tuple(row.values()) for row in self.table.rows],
            )

    def compare(self, ledger: LedgerRow, run_id: str) -> None:
        """See that the night that was just loaded is as the book says, and that every row of it is accounted for."""
        seen = self.book.night(self.day, self.table.rows)
        assert ledger.status == "loaded" and ledger.balances
        assert (ledger.extracted, ledger.replayed, ledger.is_whole) == seen
        assert self.standing() == {key: cells(row) for key, row in self.book.standing.items()}
        assert self.aside() == sorted((str(one.row), one.status) for one in self.book.aside)
        versions = ledger.loaded + ledger.renewed + ledger.deleted
        assert self.counted(run_id) == (versions, ledger.quarantined)
        if ledger.is_whole:
            self.see_that_what_is_shown_stands()

    def see_that_what_is_shown_stands(self) -> None:
        """What the system shows once and no person has to do with stands as it is, whatever was before."""
        shown, standing = self.table.rows, self.standing()
        touched = {key_of(row) for one in self.book.aside for row in (one.row, one.again)}
        for row in shown:
            is_alone = [key_of(other) for other in shown].count(key_of(row)) == 1
            if is_alone and key_of(row) not in touched and not waits(row, self.day):
                assert standing[key_of(row)] == cells(row)
        assert set(standing) <= {key_of(row) for row in shown} | touched or None in touched

    def counted(self, run_id: str) -> tuple[int, int]:
        """How many versions a run has put into the log, and how many rows of it wait."""
        (found,) = self.gate.rows(
            f"select (select count(*) from raw_crm.order_lines where run_id = '{run_id}'), "
            f"(select count(*) from quarantine.rows where last_run_id = '{run_id}' and status = 'open')"
        )
        return found

    def standing(self) -> dict[Any, Any]:
        """The current version of every line that is not deleted."""
        found = self.gate.rows(
            f"select {', '.join(COLUMNS)} from raw_crm.order_lines "
            "qualify row_number() over (partition by row_key order by version_number desc) = 1 and not is_deleted"
        )
        return {(order, line): (int(q), int(p), changed) for order, line, q, p, changed in found}

    def aside(self) -> list[tuple[str, str]]:
        return sorted(
            (str(json.loads(content)), "closed" if status in ("released", "replaced") else status)
            for content, status in self.gate.rows("select content, status from quarantine.rows")
        )


def sources_of(folder: Path, **objects: Any) -> Path:
    """Write the sources.yml of a system that holds order lines, and others, in SQLite; and make its empty tables."""
    tables = {"order_lines": COLUMNS, **objects}
    with sqlite3.connect(folder / "crm.db") as database:
        for name, columns in tables.items():
            database.execute(f"create table {name} ({', '.join(f'{c} text' for c in columns)})")
    crm = {
        "transport": "sql", "url": "sqlite:///crm.db",
        "lag_days": LAG_DAYS, "full_comparison_days": FULL_COMPARISON_DAYS,
        "objects": {n: {"table": n, "columns": dict(zip(c, c, strict=True))} for n, c in tables.items()},
    }  # fmt: skip
    document = {"company": {"name": "T", "time_zone": "UTC"}, "sources": {"crm": crm}}
    (folder / "sources.yml").write_text(yaml.safe_dump(document))
    return folder / "sources.yml"


def cells(row: Row) -> tuple[Any, ...]:
    """What a line says of itself, in the types of the contract."""
    return int(row["quantity"]), int(row["unit_price"]), moment(row)
