"""What was measured, kept between runs: an account stands for as long as the code that it was measured with.

var/prove/results.jsonl, a line an account  →  the first table of docs/reliability.md
"""

import hashlib
import json
from collections.abc import Iterable, Sequence
from dataclasses import asdict
from functools import cache
from pathlib import Path

from benchmarks.reliability.account import Account
from benchmarks.reliability.kinds import MODULES, module_of
from benchmarks.reliability.records import Kind

PROJECT = Path(__file__).resolve().parents[2]
BEGIN, END = "<!-- make prove -->", "<!-- until here -->"
HEAD = ("kind of bad input", "transport", "rows in", "loaded", "duplicate", "quarantined", "replayed", "lost",
        "what meets it", "mended")  # fmt: skip


class Results:
    """The accounts of earlier runs that still hold."""

    def __init__(self, file: Path) -> None:
        self.file = file
        lines = file.read_text("utf-8").splitlines() if file.exists() else []
        self._known = {line["key"]: Account(**line["account"]) for line in map(json.loads, lines)}

    def get(self, kind: Kind) -> Account | None:
        """The account of a kind, if nothing that it depends on has changed since."""
        return self._known.get(_key(kind))

    def add(self, kind: Kind, account: Account) -> None:
        """Keep an account at once, so that a run that is broken off loses none; one that is wrong is tried again."""
        if account.wrong or account.lost:
            return
        self._known[_key(kind)] = account
        self.file.parent.mkdir(parents=True, exist_ok=True)
        with self.file.open("a", encoding="utf-8") as file:
            file.write(json.dumps({"key": _key(kind), "account": asdict(account)}, ensure_ascii=False) + "\n")


def write_table(document: Path, accounts: Sequence[Account]) -> None:
    """Put the table into the document, between its two marks."""
    before, rest = document.read_text("utf-8").split(BEGIN, 1)
    _, after = rest.split(END, 1)
    document.write_text(f"{before}{BEGIN}\n{table_of(accounts)}\n{END}{after}", "utf-8")


def table_of(accounts: Sequence[Account]) -> str:
    """The accounts as a table of Markdown, with their sums."""
    rows = [
        (
            a.what,
            a.transport,
            a.rows,
            a.loaded,
            a.duplicate,
            a.quarantined,
            a.replayed,
            a.lost,
            a.met,
            a.mended,
        )
        for a in accounts
    ]
    sums = [sum(int(row[place]) for row in rows) for place in range(2, 8)]
    lines = [
        HEAD,
        ("---", "---", *["---:"] * 6, "---", "---"),
        *rows,
        (f"{len(rows)} kinds", "", *sums, "", ""),
    ]
    return "\n".join(f"| {' | '.join(map(_cell, line))} |" for line in lines)


def _cell(value: object) -> str:
    return f"{value:,}" if isinstance(value, int) else str(value).replace("|", r"\|")


def _key(kind: Kind) -> str:
    return hashlib.sha256(
        f"{kind.what}|{kind.transport}|{_digest(module_of(kind))}|{_common()}".encode()
    ).hexdigest()


@cache
def _common() -> str:
    """The product, its rules and the harness, but for the kinds."""
    own = set(Path(__file__).parent.glob("*.py")) - {Path(str(module.__file__)) for module in MODULES}
    shared = [PROJECT / "tests/plugins/extract/api.py", PROJECT / "tests/plugins/gate/loading.py"]
    product = [*(PROJECT / "plugins/ckm").rglob("*.py"), *(PROJECT / "plugins/ckm/contracts").glob("*.yml")]
    return _digest(*own, *shared, *product, *(PROJECT / "expectations/raw/crm").glob("*.json"))


@cache
def _digest(*files: Path) -> str:
    return hashlib.sha256(b"\0".join(file.read_bytes() for file in sorted(files))).hexdigest()


def sentences(accounts: Iterable[Account]) -> list[str]:
    """What is not as it should be, a sentence each."""
    return [f"{a.what} ({a.transport}): {wrong}" for a in accounts for wrong in a.wrong]
