"""Kill the nightly load more than two hundred times and write what it left into docs/reliability.md.

    python -m benchmarks.disturbance [--short] [--only star]

Chains that were tried before with the same code are not tried again. Exits 1 when a night that was run again differs
from the undisturbed one, readers saw half a version, or something was left behind.
"""

import logging
import os
import tempfile
import time
import warnings
from collections.abc import Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor, as_completed
from contextlib import ExitStack, closing
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.disturbance.chain import Found
from benchmarks.disturbance.chains import CHAINS, SHORT, Run, Work, undisturbed
from benchmarks.disturbance.faults import FAULTS
from benchmarks.disturbance.forks import Forks
from benchmarks.disturbance.ground import PROJECT, ground
from benchmarks.disturbance.results import OTHERS, Results, write_table
from ckm.settings import set_tool_defaults

ALL = CHAINS | FAULTS
DOCUMENT = PROJECT / "docs" / "reliability.md"


def main(
    short: Annotated[bool, typer.Option(help="Try one short chain and write no table.")] = False,
    only: Annotated[
        str, typer.Option(help="Try only chains whose names contain this, and write no table.")
    ] = "",
    results: Annotated[Path, typer.Option(help="Where findings are kept.")] = PROJECT
    / "var/prove/disturbance.jsonl",
    seed: Annotated[int, typer.Option(help="Of the random moments.")] = 1,
    folder: Annotated[
        Path | None,
        typer.Option(help="Where homes stand and stay, the undisturbed nights for the next time."),
    ] = None,
    at_once: Annotated[int, typer.Option(help="How many chains run at the same time.")] = 2,
) -> None:
    """Try what has not been tried with this code, say what is wrong, and write the table."""
    set_tool_defaults()
    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)
    screen, known = Console(width=120), Results(results)
    chains = {name: run for name, run in (SHORT if short else ALL).items() if only in name}
    found = {name: earlier for name in chains if (earlier := known.get(name)) is not None}
    untried = {name: run for name, run in chains.items() if name not in found}
    for name, one in tried(untried, seed, at_once, folder, screen):
        found[name] = one
        known.add(name, one)
    ordered: list[Found] = [one for name in chains for one in found[name]]
    for sentence in [wrong for one in ordered for wrong in one.wrong]:
        screen.print(f"[red]✗[/red] {sentence}", highlight=False)
    kills, nights = sum(sum(one.kills.values()) for one in ordered), sum(one.nights for one in ordered)
    screen.print(
        f"{kills:,} times disturbed, {nights:,} nights run again, "
        f"{sum(one.tables for one in ordered):,} tables compared, "
        f"{sum(one.differences for one in ordered):,} of them differ.",
        highlight=False,
    )
    if any(one.wrong for one in ordered):
        raise typer.Exit(1)
    if chains.keys() == ALL.keys():
        write_table(DOCUMENT, ordered, results.with_name(OTHERS))
        screen.print(f"Written: {DOCUMENT.relative_to(PROJECT)}")


def tried(
    chains: Mapping[str, Run], seed: int, at_once: int, folder: Path | None, screen: Console
) -> Iterator[tuple[str, list[Found]]]:
    """Run chains beside each other, each with a process of its own that forks; yields what each found as it ends."""
    if not chains:
        return
    with ExitStack() as stack:
        place = stack.enter_context(
            ground(folder or Path(stack.enter_context(tempfile.TemporaryDirectory())))
        )

        forks = stack.enter_context(closing(Forks(place.environment)))

        def say(name: str, began: float, found: list[Found]) -> list[Found]:
            times = sum(sum(one.kills.values()) for one in found)
            screen.print(f"  {name}: {times} times in {time.monotonic() - began:.0f} s", highlight=False)
            for words in [m for one in found for m in one.missed]:
                screen.print(f"    ended before it was disturbed: {words}", highlight=False)
            for words in [w for one in found for w in one.wrong]:
                screen.print(f"    [red]✗[/red] {words}", highlight=False)
            return found

        def one(name: str) -> list[Found]:
            began = time.monotonic()
            return say(name, began, chains[name](Work(place, forks, seed, nights)))

        pool = stack.enter_context(ThreadPoolExecutor(at_once))
        only_first = not chains.keys() - SHORT.keys()
        nights = pool.submit(undisturbed, place, forks, only_first=only_first)
        running = {pool.submit(one, name): name for name in chains}
        for done in as_completed(running):
            yield running[done], done.result()


if __name__ == "__main__":
    os.environ.setdefault("PYTHONDONTWRITEBYTECODE", "1")
    typer.run(main)
