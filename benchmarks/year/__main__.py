"""Load a company's year night by night in one process, and write what it cost into docs/reliability.md.

    python -m benchmarks.year [--nights 365] [--customers 200] [--home var/year] [--until-clock 14:00]

The home stays, and what was measured of each night stands in `var/prove/year.jsonl`: a run that is broken off goes
on where it was. The machine may be busy with other things, so that seconds of work (of all threads) are told beside
those of the clock.
"""

import os
import warnings
from datetime import date, timedelta
from pathlib import Path
from typing import Annotated

import typer
from rich.console import Console

from benchmarks.year.measures import Measured, Watch, keep, measure, measured_in
from benchmarks.year.report import show, write
from benchmarks.year.systems import Systems
from ckm.settings import load_settings, set_tool_defaults

set_tool_defaults()

PROJECT = Path(__file__).resolve().parents[2]
BEFORE_THE_YEAR = date(2024, 12, 31)


def live(home: Path, file: Path, *, nights: int, customers: int, screen: Console) -> None:
    """Load the nights that were not measured yet, each once its day is over in the company's systems."""
    from ckm.home import Home
    from ckm.runner import run_nights

    done = len(measured_in(file))
    with Systems(home.with_name(f"{home.name}.company"), customers=customers, seed=1) as systems:
        settings = load_settings(home=home, sources=systems.sources)
        for number in range(done, nights + 1):
            night = BEFORE_THE_YEAR + timedelta(days=number)
            os.environ["CKM_COMPLAINTS_URL"] = systems.live_until(night)
            watch = Watch()
            with watch.over("night"), watch.over_steps():
                run_nights(settings, settings.sources, [night], full_refresh=False, as_json=True)
            found = measure(Home(home), night, number, watch)
            keep(found, file)
            screen.print(_line(found, nights), highlight=False)


def _line(night: Measured, nights: int) -> str:
    return (
        f"{night.number:>4} of {nights}: {night.seconds:5.1f} s, {night.cpu_seconds:5.1f} s of work, "
        f"{night.new_rows:,} new rows of {night.log_rows:,}, home {night.home_mb:,.0f} MB in {night.files:,} files, "
        f"memory {night.resident_mb:,.0f} MB, {night.descriptors} descriptors, {night.threads} threads"
    )


def main(
    nights: Annotated[int, typer.Option(min=1, help="Nights after the load of the history.")] = 365,
    customers: Annotated[
        int, typer.Option(min=50, help="Customers won in the company's first two years.")
    ] = 200,
    home: Annotated[Path, typer.Option(help="Home of the year, which stays.")] = PROJECT / "var/year",
    results: Annotated[Path, typer.Option(help="Where what was measured is kept.")] = PROJECT
    / "var/prove/year.jsonl",
    only_show: Annotated[bool, typer.Option("--only-show", help="Load nothing.")] = False,
) -> None:
    """Live what is left of the year, show it month by month, and write table and plot into docs/."""
    warnings.simplefilter("ignore")
    screen = Console(width=140)
    if not only_show:
        live(home.resolve(), results, nights=nights, customers=customers, screen=screen)
    year = measured_in(results)
    show(year, screen)
    write(year, PROJECT / "docs")


if __name__ == "__main__":
    typer.run(main)
