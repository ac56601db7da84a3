"""The commands `ckm quarantine list | show | replay | discard`."""

from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import asdict
from typing import Annotated

import duckdb
import typer

from ckm.errors import ConfigurationError
from ckm.options import HomeOption, JsonOption, SourcesOption, print_json, settings_of

app = typer.Typer(
    help="Look at rows that were set aside, put them back or leave them out.", no_args_is_help=True
)

WhichArgument = Annotated[
    str | None,
    typer.Argument(help="source.object, source.object.rule, or the beginning of a row's id."),
]
RunOption = Annotated[str | None, typer.Option("--run", help="Only rows that this run set aside.")]
AllOption = Annotated[
    bool, typer.Option("--all", help="Also what is settled: replayed, replaced, discarded.")
]


@app.command("list")
def list_rules(home: HomeOption = None, everything: AllOption = False, as_json: JsonOption = False) -> None:
    """Show the rules that hold rows back, and how many."""
    from ckm import quarantine
    from ckm.console import console, table

    with _warehouse(home) as connection:
        found = quarantine.counts(connection, everything=everything)
    if as_json:
        print_json([asdict(count) for count in found])
        return
    if not found:
        console().print("The quarantine holds no row" + (" and never has." if everything else " that waits."))
        return
    states = (
        ("open", "queued", "replayed", "released", "replaced", "discarded")
        if everything
        else ("open", "queued")
    )
    seen = (
        ("last_seen_on",) if everything else ("first_seen_on", "last_seen_on")
    )  # a rule's name needs the room
    columns = (*states, *seen)
    rows = [(f"{c.source}.{c.object}.{c.rule}", *(getattr(c, column) for column in columns)) for c in found]
    titles = [column.removesuffix("_on").replace("_", " ") for column in columns]
    console().print(table("Quarantine", ("rule …", *titles), rows))
    console().print("Rows of one: ckm quarantine show RULE")


@app.command()
def show(
    which: WhichArgument = None,
    run_id: RunOption = None,
    limit: Annotated[int, typer.Option("--limit", min=1, help="At most so many rows.")] = 10,
    reveal: Annotated[bool, typer.Option("--reveal", help="Show personal values, too.")] = False,
    everything: AllOption = False,
    sources: SourcesOption = None,
    home: HomeOption = None,
    as_json: JsonOption = False,
) -> None:
    """Show rows as they were received; personal values are masked."""
    from ckm import quarantine
    from ckm.console import console, table
    from ckm.sources import load_sources

    _, file = settings_of(sources, home)
    company = load_sources(file) if file.is_file() else None
    with _warehouse(home) as connection:
        total, found = quarantine.rows(
            connection,
            company,
            quarantine.Choice(which, run_id),
            limit=limit,
            everything=everything,
            reveal=reveal,
        )
    if as_json:
        print_json([asdict(row) for row in found])
        return
    screen = console()
    if not found:
        screen.print("No such row waits." if not everything else "No such row.")
        return
    for row in found:
        why = f"{row.source}.{row.object}.{row.rule}: {row.detail or row.description}"
        title = (
            f"{row.quarantine_id[:12]}  {row.source_pointer}  ({row.status}, first seen {row.first_seen_on})"
        )
        columns = ("column", "as received") if row.mended is None else ("column", "as received", "mended")
        names = list(dict.fromkeys([*row.cells, *(row.mended or {})]))
        cells = [
            (name, *(_cell(side, name) for side in (row.cells, row.mended) if side is not None))
            for name in names
        ]
        screen.print(title, why, *([f"Reason: {row.reason}"] if row.reason else []), sep="\n")
        screen.print(table("", columns, cells))
    screen.print(f"{len(found):,} of {total:,} rows; --reveal shows personal values.")
    screen.print("To put rows back: ckm quarantine replay; to leave them out: ckm quarantine discard.")


@app.command()
def replay(
    which: WhichArgument = None,
    run_id: RunOption = None,
    mend: Annotated[
        list[str] | None,
        typer.Option("--set", help="column=text to put into every row chosen. Can be given several times."),
    ] = None,
    line: Annotated[
        str | None, typer.Option("--line", help="What a line that could not be read should have been.")
    ] = None,
    reason: Annotated[str | None, typer.Option("--reason", help="Why, for the record.")] = None,
    sources: SourcesOption = None,
    home: HomeOption = None,
) -> None:
    """Put rows back: the next night judges them again, as they came or mended."""
    from ckm import quarantine
    from ckm.console import console
    from ckm.sources import load_sources

    changes = dict(_assignment(text) for text in mend or [])
    _, file = settings_of(sources, home)
    company = load_sources(file) if file.is_file() else None
    choice = quarantine.Choice(which, run_id)
    with _warehouse(home) as connection:
        number = quarantine.queue(connection, company, choice, mend=changes, line=line, reason=reason)
        newest = connection.execute("select max(as_of_date) from audit.load_ledger").fetchone()[0]
    console().print(
        f"{number:,} row{'s' if number > 1 else ''} of {choice} will be judged again with the next night.\n"
        f"To do it now: ckm run --date {newest}",
        soft_wrap=True,
    )


@app.command()
def discard(
    which: WhichArgument = None,
    run_id: RunOption = None,
    reason: Annotated[str, typer.Option("--reason", help="Why, for the record.")] = "",
    home: HomeOption = None,
) -> None:
    """Leave rows out for good; they stay on record with the reason."""
    from ckm import quarantine
    from ckm.console import console

    choice = quarantine.Choice(which, run_id)
    with _warehouse(home) as connection:
        number = quarantine.discard(connection, choice, reason)
    console().print(
        f"{number:,} row{'s' if number > 1 else ''} of {choice} left out: {reason}", soft_wrap=True
    )


@contextmanager
def _warehouse(home: HomeOption) -> Iterator[duckdb.DuckDBPyConnection]:
    from ckm.home import Home
    from ckm.warehouse import connect, prepare

    settings, _ = settings_of(None, home)
    place = Home(settings.home.resolve())
    if not place.warehouse.exists():
        raise ConfigurationError(f"{place.folder} holds no warehouse yet: run ckm run first.")
    with place.lock(), connect(place.warehouse) as connection:
        prepare(connection)  # refuses a home of another release, which lacks what a decision is written into
        yield connection


def _assignment(text: str) -> tuple[str, str]:
    column, equals, value = text.partition("=")
    if not equals or not column.strip():
        raise ConfigurationError(f"--set must be column=text, not {text!r}.")
    return column.strip(), value


def _cell(cells: dict[str, object], name: str) -> str:
    value = cells.get(name)
    return "" if value is None else str(value)
