"""The account of a kind: where each of its records is now, found without asking the ledger.

records that were written  →  the raw log, the quarantine, what was refused whole  →  loaded, set aside, … or lost

A record counts as loaded only where a row of the raw log has its value in every column and nothing in the others,
so that a shifted column is a loss; and a row of the log that is no record's is a loss, too.
"""

import json
from collections import Counter
from collections.abc import Iterable
from dataclasses import dataclass, field
from datetime import datetime, time
from typing import Any

from benchmarks.reliability.bench import Bench, Loaded, bench
from benchmarks.reliability.records import Kind, Mending, Record
from ckm.contracts import object_contract
from ckm.warehouse import quoted


@dataclass
class Account:
    """What became of one kind: numbers of records, and a sentence for whatever is not as it should be.

    `rows = loaded + duplicate + quarantined + lost` after the nights, where `quarantined` holds what was set aside
    and what was refused whole; `replayed` of these stand in the warehouse after the mending. `met` is the rule or
    the sentence that met them.
    """

    what: str
    transport: str
    rows: int = 0
    loaded: int = 0
    duplicate: int = 0
    quarantined: int = 0
    replayed: int = 0
    lost: int = 0
    met: str = ""
    mended: str = ""
    wrong: list[str] = field(default_factory=list)


class _Kept:
    """What the warehouse holds of the kind's object: versions of rows, which of them stand, and what was set aside."""

    def __init__(self, bench: Bench) -> None:
        self._table, name = bench.kind.table, bench.name
        columns = object_contract("crm", name).columns
        log = bench.rows(
            f"""
            select row_key, is_deleted, unmapped, {", ".join(map(quoted, columns))},
                version_number = max(version_number) over (partition by row_key) as is_latest
            from raw_crm.{name} order by row_key, version_number
            """
        )
        contents = [(self._content(row, columns), row) for row in log]
        self.versions = Counter(content for content, row in contents if not row["is_deleted"])
        self.standing = Counter(
            content for content, row in contents if row["is_latest"] and not row["is_deleted"]
        )
        self._held = bench.rows(
            f"select rule, detail, status, content from quarantine.rows where source = 'crm' and object = '{name}'"
        )
        for row in self._held:
            row["cells"] = {
                column: text for column, text in json.loads(row["content"]).items() if text is not None
            }

    def content(self, record: Record) -> str:
        """A record as it must stand in the log."""
        cells = record.cells
        values = {**self._table.values(cells), **record.values}
        rest = {name: text for name, text in cells.items() if name not in self._table.columns and text}
        return self._text({**values, "unmapped": json.dumps(rest, sort_keys=True)})

    @property
    def statuses(self) -> set[str]:
        """The statuses of all that was set aside."""
        return {row["status"] for row in self._held}

    def set_aside(self, record: Record) -> dict[str, list[str]]:
        """By rule, why all that arrived of a record is kept as it was received, once for each time that it is."""
        if record.lines:
            kept = {row["cells"].get("_line"): row for row in self._held}
            rows = [kept[record.lines[0]]] if set(record.lines) <= set(kept) else []
        else:
            cells = {column: text for column, text in record.cells.items() if text}
            rows = [row for row in self._held if row["cells"] == cells]
        whys: dict[str, list[str]] = {}
        for row in rows:
            whys.setdefault(row["rule"], []).append(row["detail"] or row["rule"])
        return whys

    def _content(self, row: dict[str, Any], columns: Any) -> str:
        rest = json.dumps(json.loads(row["unmapped"] or "{}"), sort_keys=True)
        return self._text({**{column: row[column] for column in columns}, "unmapped": rest})

    def _text(self, values: dict[str, Any]) -> str:
        """Values by column as a text to compare by; what is empty is left out, numbers are told by their worth."""
        filled = {column: value for column, value in values.items() if value is not None}
        return repr(sorted((c, v.normalize() if hasattr(v, "normalize") else v) for c, v in filled.items()))


def account_of(kind: Kind) -> Account:
    """Try a kind and account for every record."""
    with bench(kind) as place:
        account = Account(kind.what, kind.transport)
        for day, state in kind.nights:
            account.wrong += _refused_otherwise(place.load(day, state))
        _count(account, place)
        if kind.mending:
            _mend(account, place, kind.mending)
        account.wrong += _ledger_is_otherwise(account, place)
    return account


def _count(account: Account, place: Bench) -> None:
    """Count the records of all nights by where they are; each must be where its fault says."""
    kept = _Kept(place)
    written: Counter[Record] = Counter()
    for night in place.nights:
        written |= Counter(night.state.records)
    was_read = [night.state for night in place.nights if not night.state.refused]
    taken = {record for state in was_read for record in state.records}
    met = [f"refused: {night.state.refused}" for night in place.nights if night.state.refused]
    for record, times in written.items():
        account.rows += times
        found = kept.set_aside(record)
        loaded = 0 if record.fault else min(times, kept.versions[kept.content(record)])
        if loaded:
            account.loaded += loaded
            account.duplicate += times - loaded
        elif record not in taken:
            account.quarantined += times
        elif record.fault in found:
            whys = found[record.fault]
            account.quarantined += min(times, len(whys))
            account.duplicate += max(times - len(whys), 0)
            met += whys
        else:
            account.lost += times
            where = f"set aside by {', '.join(sorted(found))}" if found else "nowhere"
            account.wrong.append(f"{record.lines or record.line()} is {where}")
    account.met = ", ".join(dict.fromkeys(met))
    _demand_truth(account, kept, written)
    if was_read:
        standing = {record for record in was_read[-1].records if not record.fault} | set(place.kind.stays)
        _demand_standing(account, kept, standing, "after the nights")


def _mend(account: Account, place: Bench, mending: Mending) -> None:
    """Mend, load once more, and count what now stands; what was set aside must stay on record as it came."""
    account.mended, was_set_aside = mending.what, [n.state for n in place.nights if not n.state.refused]
    night = place.load_after_mending()
    account.wrong += _refused_otherwise(night)
    kept = _Kept(place)
    account.replayed = sum(1 for record in mending.records if kept.standing[kept.content(record)])
    if not len(mending.records) == account.replayed <= account.quarantined:
        account.wrong.append(
            f"{account.replayed} of {len(mending.records)} mended records stand, of {account.quarantined} that waited"
        )
    records = {record for n in place.nights for record in n.state.records} | set(mending.records)
    _demand_truth(account, kept, records)
    standing = {record for record in night.state.records if not record.fault} | set(mending.records)
    _demand_standing(account, kept, standing, "after mending")
    for record in {r for state in was_set_aside for r in state.records if r.fault}:
        if not kept.set_aside(record):
            account.lost += 1
            account.wrong.append(f"{record.lines or record.line()} is nowhere after mending")
    if mending.leaves and kept.statuses != {mending.leaves}:
        account.wrong.append(f"what was set aside should be {mending.leaves}, and is {kept.statuses}")


def _refused_otherwise(night: Loaded) -> list[str]:
    """A night is refused whole if and only if it should be, with the sentence that it should be."""
    expected, failure = night.state.refused, night.ledger.message
    if (night.ledger.status != "loaded") != bool(expected):
        return [f"refused should be {expected!r}, and is {failure!r}"]
    if expected and expected not in (failure or ""):
        return [f"the sentence should hold {expected!r}: {failure}"]
    return ["rows of an object that was refused were loaded"] if expected and night.ledger.loaded else []


def _demand_truth(account: Account, kept: _Kept, records: Iterable[Record]) -> None:
    """Every row of the log is a record's, column by column."""
    true = {kept.content(record) for record in records if not record.fault}
    for content in kept.versions:
        if content not in true:
            account.lost += 1
            account.wrong.append(f"a row of the warehouse is no record of the source: {content}")


def _demand_standing(account: Account, kept: _Kept, records: set[Record], when: str) -> None:
    """What stands in the warehouse is what the source has, no more and no less."""
    true = {kept.content(record) for record in records}
    account.wrong += [f"{when} there is no {content}" for content in sorted(true - set(kept.standing))]
    account.wrong += [f"{when} there still is {content}" for content in sorted(set(kept.standing) - true)]


def _ledger_is_otherwise(account: Account, place: Bench) -> list[str]:
    """The ledger balances, and counts as many rows as the source gave and the account has found."""
    wrong = []
    for night, row in zip(
        place.nights, place.rows("select * from audit.load_ledger order by run_id"), strict=True
    ):
        into = row["extracted"] + row["replayed"]
        out = sum(row[part] for part in ("loaded", "unchanged", "duplicate", "quarantined", "suppressed"))
        end = datetime.combine(row["as_of_date"], time.max)
        given = sum(len(r.lines) or 1 for r in night.state.records if not place.kind.table.waits(r, end))
        if into != out:
            wrong.append(f"the ledger of {row['as_of_date']} does not balance: {into} in, {out} out")
        if row["is_whole"] and not night.state.refused and row["extracted"] != given:
            wrong.append(f"the ledger of {row['as_of_date']} counts {row['extracted']} rows of {given}")
    counted = max(night.ledger.duplicate for night in place.nights[: len(place.kind.nights)])
    if counted != account.duplicate:
        wrong.append(f"the ledger counts {counted} duplicates of {account.duplicate}")
    return wrong
