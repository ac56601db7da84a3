"""What was found, kept between runs for as long as the code stays the same, and the second table of the document.

var/prove/disturbance.jsonl, var/prove/airflow.jsonl  →  docs/reliability.md
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path
from typing import Any

from benchmarks.disturbance.chain import Found
from benchmarks.disturbance.ground import PROJECT

BEGIN, END = "<!-- make prove: disturbances -->", "<!-- until here: disturbances -->"
HEAD = ("fault", "where", "times", "nights run again", "tables compared", "differences")
OTHERS = "airflow.jsonl"  # of the same columns, by another harness


class Results:
    """What earlier runs found that still holds, by chain."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self._known = {
            (line["name"], line["key"]): [Found(**found) for found in line["found"]]
            for line in map(json.loads, lines)
        }

    def get(self, name: str) -> list[Found] | None:
        return self._known.get((name, fingerprint()))

    def add(self, name: str, found: list[Found]) -> None:
        """Keep what a chain found, unless something was wrong, which is to be tried again."""
        if any(one.wrong for one in found):
            return
        self.file.parent.mkdir(parents=True, exist_ok=True)
        line = {"name": name, "key": fingerprint(), "found": [asdict(one) for one in found]}
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")


@cache
def fingerprint() -> str:
    """The product, its models and rules, and the harness."""
    places = [
        PROJECT / name for name in ("plugins/ckm", "dbt_project", "expectations", "benchmarks/disturbance")
    ]
    files = sorted(
        file
        for place in places
        for file in place.rglob("*")
        if file.suffix in (".py", ".yml", ".sql", ".json", ".csv") and "target" not in file.parts
    )
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in files)).hexdigest()


def write_table(document: Path, found: Sequence[Found], others: Path) -> None:
    """Put the table into the document, between its two marks."""
    before, rest = document.read_text("utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    document.write_text(f"{before}{BEGIN}\n{table_of(found, others)}\n{END}{after}", "utf-8")


def table_of(found: Iterable[Found], others: Path) -> str:
    """Every fault with its places as a table of Markdown, and the sums."""
    rows: list[tuple[Any, ...]] = [
        (one.fault, ", ".join(f"{place} {times}" for place, times in one.kills.items()), sum(one.kills.values()),
         one.nights, one.tables, one.differences)
        for one in found
    ]  # fmt: skip
    rows += _of_others(others)
    sums = [sum(row[place] for row in rows) for place in range(2, 6)]
    lines = [HEAD, ("---", "---", *["---:"] * 4), *rows, (f"{len(rows)} kinds of fault", "", *sums)]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _of_others(file: Path) -> list[tuple[Any, ...]]:
    """Another harness's newest findings: those with the same code as its last one."""
    lines = [json.loads(line) for line in file.read_text("utf-8").splitlines()] if file.exists() else []
    names = ("fault", "moment", "times", "nights", "tables", "differences")
    return [tuple(line[n] for n in names) for line in lines if line.get("key") == lines[-1].get("key")]


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", r"\|")
