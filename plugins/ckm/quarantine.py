"""The quarantine: what was set aside, and what a person decides about it.

    open → queued → replayed            a person puts it back, as it came or mended; it is judged again
                  → open                and still breaks a rule
    open → discarded                    a person leaves it out, for a reason that stays on record
    open → released | replaced          the load itself: a rule no longer minds it, or a sound version came in

What is queued joins the next night that reads the sources (`ckm.gate.candidates.lay_out`).
"""

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

import duckdb

from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError, did_you_mean
from ckm.sources import Sources

OWN_FIELDS = ("_line", "_header")
MASK = "•••"
SHORTEST_ID = 4


@dataclass(frozen=True)
class Choice:
    """Rows of the quarantine: by object (`source.object`), rule (`source.object.rule`), the beginning of a row's id,
    the run that set them aside, or any of these together."""

    which: str | None = None
    run_id: str | None = None

    def condition(self) -> tuple[str, list[str]]:
        """The choice as SQL over `quarantine.rows`, with its parameters.

        Raises:
            ConfigurationError: it names no object that there is, or nothing at all.
        """
        terms, given = [], []
        parts = (self.which or "").split(".")
        if len(parts) in (2, 3):
            contracts = source_contracts()
            objects = [f"{s}.{o}" for s, contract in contracts.items() for o in contract.objects]
            place = ".".join(parts[:2])
            if place not in objects:
                raise ConfigurationError(f"{place} is no object{did_you_mean(place, objects)}")
            for column, part in zip(("source", "object", "rule"), parts, strict=False):
                terms.append(f"{column} = ?")
                given.append(part)
        elif self.which:
            if not re.fullmatch(f"[0-9a-f]{{{SHORTEST_ID},32}}", self.which):
                raise ConfigurationError(
                    f"{self.which!r} names no rows: give source.object, source.object.rule, or at least "
                    f"{SHORTEST_ID} characters of a row's id as `ckm quarantine show` prints it."
                )
            terms.append("starts_with(quarantine_id, ?)")
            given.append(self.which)
        if self.run_id:
            terms.append("first_run_id = ?")
            given.append(self.run_id)
        if not terms:
            raise ConfigurationError(
                "say which rows: source.object, source.object.rule, a row's id or --run."
            )
        return " and ".join(terms), given

    def __str__(self) -> str:
        return " of run ".join(part for part in (self.which or "", self.run_id) if part) or "the quarantine"


@dataclass(frozen=True)
class RuleCount:
    """One rule of one object: how many rows are in each state, and between which nights they were seen."""

    source: str
    object: str
    rule: str
    severity: str
    open: int
    queued: int
    replayed: int
    released: int
    replaced: int
    discarded: int
    first_seen_on: Any
    last_seen_on: Any


@dataclass(frozen=True)
class HeldRow:
    """One row as it was received; `cells` by the source's own column names, personal values masked."""

    quarantine_id: str
    source: str
    object: str
    rule: str
    other_rules: str | None
    severity: str
    description: str
    detail: str | None
    source_pointer: str
    first_seen_on: Any
    last_seen_on: Any
    first_run_id: str
    status: str
    reason: str | None
    cells: dict[str, Any]
    mended: dict[str, Any] | None


def counts(connection: duckdb.DuckDBPyConnection, *, everything: bool = False) -> list[RuleCount]:
    """Per object and rule the rows in each state, most open ones first; without `everything`, only where some wait."""
    states = ("open", "queued", "replayed", "released", "replaced", "discarded")
    filtered = ", ".join(f"count(*) filter (status = '{state}') as {state}" for state in states)
    having = "" if everything else "having count(*) filter (status in ('open', 'queued')) > 0"
    rows = connection.execute(
        f"""
        select source, object, rule, max(severity), {filtered}, min(first_seen_on), max(last_seen_on)
        from quarantine.rows group by source, object, rule {having} order by open desc, source, object, rule
        """
    ).fetchall()
    return [RuleCount(*row) for row in rows]


def rows(
    connection: duckdb.DuckDBPyConnection,
    sources: Sources | None,
    choice: Choice,
    *,
    limit: int,
    everything: bool = False,
    reveal: bool = False,
) -> tuple[int, list[HeldRow]]:
    """How many rows a choice names, and the newest of them.

    Args:
        sources: tells what a system's columns stand for, and so which are personal; without it only columns that
            bear a canonical name are shown.
        everything: also those that are settled.
        reveal: show personal values.
    """
    condition, given = choice.condition()
    if not everything:
        condition += " and status in ('open', 'queued')"
    total = connection.execute(f"select count(*) from quarantine.rows where {condition}", given).fetchone()[0]
    names = [name for name in HeldRow.__dataclass_fields__ if name not in ("cells", "mended")]
    found = connection.execute(
        f"""
        select {", ".join(names)}, content, mended from quarantine.rows where {condition}
        order by last_seen_on desc, source, object, rule, source_pointer limit ?
        """,
        [*given, limit],
    ).fetchall()
    shown = []
    for *values, content, mended in found:
        row = dict(zip(names, values, strict=True))
        plain = None if reveal else _plain_columns(sources, row["source"], row["object"])
        if not reveal:
            pointer = (
                row["source_pointer"] or ""
            )  # a value of its key may hold blanks, so all is masked that follows
            row["source_pointer"] = re.sub(r"( \S+?)=.*", rf"\1={MASK}", pointer, flags=re.DOTALL)
        shown.append(
            HeldRow(
                **row,
                cells=_masked(json.loads(content), plain),
                mended=None if mended is None else _masked(json.loads(mended), plain),
            )
        )
    return total, shown


def queue(
    connection: duckdb.DuckDBPyConnection,
    sources: Sources | None,
    choice: Choice,
    *,
    mend: Mapping[str, str] | None = None,
    line: str | None = None,
    reason: str | None = None,
) -> int:
    """Put rows down for the next night, as they came or mended; returns their number.

    Args:
        mend: column → text to put in its place, under the system's name or the canonical one; empty text empties it.
        line: what a line that could not be read should have been.

    Raises:
        ConfigurationError: no row is open under the choice, a column is unknown, or a line does not read.
    """
    condition, given = choice.condition()
    waiting = connection.execute(
        f"select quarantine_id, source, object, coalesce(mended, content) from quarantine.rows "
        f"where {condition} and status in ('open', 'queued')",
        given,
    ).fetchall() if mend or line is not None else []  # fmt: skip
    if line is not None and len(waiting) != 1:
        raise ConfigurationError(
            f"--line mends one row, but {choice} names {len(waiting):,}: give the id of one."
        )
    mended = []
    for quarantine_id, source, name, content in waiting:
        cells = json.loads(content)
        if line is not None:
            cells = _read_again(cells, line, choice)
        mended.append(
            [json.dumps(_set(cells, mend or {}, sources, source, name), ensure_ascii=False), quarantine_id]
        )
    if mended:
        connection.executemany("update quarantine.rows set mended = ? where quarantine_id = ?", mended)
    return _decide(connection, choice, "queued", reason)


def discard(connection: duckdb.DuckDBPyConnection, choice: Choice, reason: str) -> int:
    """Leave rows out for good; they stay on record with the reason. Returns their number.

    Raises:
        ConfigurationError: no row is open under the choice, or the reason is empty.
    """
    if not reason.strip():
        raise ConfigurationError("--reason must say why the rows are left out.")
    return _decide(connection, choice, "discarded", reason)


def _decide(connection: duckdb.DuckDBPyConnection, choice: Choice, status: str, reason: str | None) -> int:
    condition, given = choice.condition()
    changed = connection.execute(
        f"""
        update quarantine.rows set status = ?, reason = coalesce(?, reason), decided_at = ?,
            settled_on = case when ? = 'discarded' then (select max(as_of_date) from audit.load_ledger) end
        where {condition} and status in ('open', 'queued')
        """,
        [status, reason, datetime.now(UTC).replace(tzinfo=None, microsecond=0), status, *given],
    ).fetchone()[0]
    if not changed:
        raise ConfigurationError(f"no row of {choice} is open: see `ckm quarantine list --all`.")
    return changed


def _read_again(cells: dict[str, Any], line: str, choice: Choice) -> dict[str, Any]:
    """The cells of a line that was mended."""
    if "_line" not in cells:
        raise ConfigurationError(f"{choice} is no line that could not be read: mend its columns with --set.")
    from ckm.extract.files import read_line

    return read_line(cells["_header"], line)


def _set(
    cells: dict[str, Any], mend: Mapping[str, str], sources: Sources | None, source: str, name: str
) -> dict[str, Any]:
    mapped = _mapped(sources, source, name)
    changed = dict(cells)
    for column, text in mend.items():
        own = mapped.get(column, column)
        if own not in cells:
            known = [column for column in cells if column not in OWN_FIELDS]
            raise ConfigurationError(f"{column} is no column of {source}.{name}{did_you_mean(column, known)}")
        changed[own] = text or None
    return changed


def _mapped(sources: Sources | None, source: str, name: str) -> dict[str, str]:
    """Canonical column → the system's, where `sources.yml` says."""
    if sources is None or source not in sources.sources or name not in sources.sources[source].objects:
        return {}
    return dict(sources.sources[source].objects[name].columns or {})


def _plain_columns(sources: Sources | None, source: str, name: str) -> set[str]:
    """The system's columns that hold nothing personal."""
    contract = source_contracts()[source].objects[name]
    plain = [column for column, spec in contract.columns.items() if spec.privacy == "none"]
    mapped = _mapped(sources, source, name)
    return {mapped[column] for column in plain if column in mapped} | ({*plain} if not mapped else set())


def _masked(cells: dict[str, Any], plain: set[str] | None) -> dict[str, Any]:
    return {
        column: value
        if plain is None or value is None or column in plain or column == "_header"
        else f"{MASK} ({len(str(value))} characters)"
        for column, value in cells.items()
    }
