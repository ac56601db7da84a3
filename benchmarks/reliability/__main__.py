"""Try every kind of bad input and write what became of each row into docs/reliability.md.

    python -m benchmarks.reliability [--short] [--only quote]

What was tried before with the same code is not tried again, so a run that is broken off goes on where it was. Exits 1
when a row is lost, a column shifted, or something else than expected came of a row.
"""

import logging
import warnings
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console
from rich.progress import track

from benchmarks.reliability.account import account_of
from benchmarks.reliability.kinds import KINDS
from benchmarks.reliability.results import PROJECT, Results, sentences, write_table

DOCUMENT = PROJECT / "docs" / "reliability.md"


def main(
    short: Annotated[bool, typer.Option(help="Try a few of each transport and write no table.")] = False,
    only: Annotated[
        str, typer.Option(help="Try only kinds whose words contain this, and write no table.")
    ] = "",
    results: Annotated[Path, typer.Option(help="Where accounts are kept.")] = PROJECT
    / "var/prove/results.jsonl",
) -> None:
    """Try what has not been tried with this code, say what is wrong, and write the table."""
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    screen, known = Console(width=120), Results(results)
    kinds = [kind for kind in KINDS if (kind.is_short or not short) and only in kind.what]
    accounts = []
    for kind in track(kinds, "kinds of bad input", console=screen):
        account = known.get(kind)
        if account is None:
            account = account_of(kind)
            known.add(kind, account)
        accounts.append(account)
    for sentence in sentences(accounts):
        screen.print(f"[red]✗[/red] {sentence}", markup=True, highlight=False)
    rows, lost = sum(a.rows for a in accounts), sum(a.lost for a in accounts)
    screen.print(f"{len(accounts)} kinds of bad input, {rows:,} rows in, {lost:,} lost.", highlight=False)
    if any(account.wrong for account in accounts):
        raise typer.Exit(1)
    if len(kinds) == len(KINDS):
        write_table(DOCUMENT, accounts)
        screen.print(f"Written: {DOCUMENT.relative_to(PROJECT)}")


if __name__ == "__main__":
    typer.run(main)
