"""`ckm run`: the steps of the night one after the other in this process, with progress."""

import json
import time
from collections.abc import Collection, Iterator
from contextlib import contextmanager
from datetime import date
from pathlib import Path
from typing import Any

import duckdb
from rich.console import Console

from ckm import nightly
from ckm.alert import MEND_AND_RUN_AGAIN, Failure, tell
from ckm.check import check
from ckm.console import console, show_published
from ckm.errors import (
    ConfigurationError,
    GateFailed,
    LoadRunning,
    ObjectFailed,
    disk_failure,
    disk_told,
    sentence_of,
)
from ckm.home import Home
from ckm.night import Night
from ckm.nightly import STEPS
from ckm.past import objects_seen, published_nights
from ckm.publish import Published
from ckm.results import brief
from ckm.settings import Settings


def run_nights(
    settings: Settings,
    sources_file: Path,
    nights: list[date],
    *,
    full_refresh: bool,
    as_json: bool,
    accept: Collection[str] = (),
) -> int:
    """Run nights in order; returns the exit code of the last, 0 or 4.

    Of several nights, those already published are passed over, so that the same range can be given again.

    Raises:
        CkmError: the first night that fails ends the range.
    """
    if not settings.dbt_project.is_dir():
        raise ConfigurationError(
            f"{settings.dbt_project} does not exist: set CKM_PROJECT to the folder that holds dbt_project/."
        )
    screen = console(stderr=as_json)
    home = Home(settings.home.resolve())
    with disk_told(home.folder), home.lock():
        with _told(screen, home, sources_file, nights[0]):
            sources, _ = check(
                sources_file, settings.expectations, seen_before=objects_seen(home, sources_file)
            )
        done = published_nights(home) if len(nights) > 1 and not full_refresh else set()
        for night in nights:
            if night in done:
                screen.print(f"{night} is already published.")
        published: Published | None = None
        ran: Night | None = None
        for night in [n for n in nights if n not in done]:
            screen.rule(f"[bold]{sources.company.name}, night of {night}")
            with _told(screen, home, sources_file, night):
                ran = nightly.prepare(settings, sources_file, night, full_refresh=full_refresh, accept=accept)
            published = _run_night(ran, list(sources.sources), screen)
        if ran is not None:  # of several nights the last one's alerts say all: each has its first bad night
            tell(home, ran.sources_file, ran.as_of_date, ran.run_id, None, screen.out)
        return _close(home, ran, published, screen, as_json)


def _run_night(night: Night, sources: list[str], screen: Console) -> Published:
    """Every step of one night; a failure is put on record before it goes on up."""
    result: Any = None
    try:
        for step in STEPS:
            for source in sources if step.per_source else [None]:
                label = f"{step.name} {source}" if source else step.name
                began = time.monotonic()
                told = _told(
                    screen, night.home, night.sources_file, night.as_of_date, night.run_id, step.on_failure
                )
                with told, screen.status(f"{label} …"):
                    result = nightly.run_step(step, night, source)
                screen.print(f"  {label:<20} {time.monotonic() - began:6.1f} s  {brief(result)}")
    except BaseException as error:
        try:
            nightly.finish(night, error)
        except LoadRunning as running:  # what ended the night is what is to be told
            screen.print(f"The end of the run is not on record: {running}")
        except (
            OSError,
            duckdb.Error,
        ) as unsaid:  # a disk that is full takes no record: the next run makes it
            if disk_failure(unsaid, night.home_folder) is None:
                raise
        if isinstance(error, GateFailed):
            screen.print(f"Every rule with what it found: {night.home.gate_page}")
        raise
    return result


@contextmanager
def _told(
    screen: Console,
    home: Home,
    sources_file: Path,
    night: date,
    run_id: str | None = None,
    what_to_do: str = MEND_AND_RUN_AGAIN,
) -> Iterator[None]:
    """Send an alert of what fails inside, which the command then says itself; whoever interrupts a run knows it."""
    try:
        yield
    except Exception as error:
        failed = Failure(sentence_of(error), what_to_do)
        tell(home, sources_file, night, run_id, failed, screen.out, in_log=False)
        raise


def _close(
    home: Home, night: Night | None, published: Published | None, screen: Console, as_json: bool
) -> int:
    """Show where everything ended and say so in the exit code."""
    if night is None or published is None:
        screen.print("Nothing to do.")
    if as_json:
        print(json.dumps(None if night is None or published is None else _as_json(night, published)))
    elif published is None or published.version is not None:
        show_published(screen, home)
    if published is not None and published.stale:
        screen.print(f"Stale: {', '.join(published.stale)}; the marts show what was known of them before.")
        return ObjectFailed.exit_code
    return 0


def _as_json(night: Night, published: Published) -> dict[str, Any]:
    return {
        "run_id": night.run_id,
        "as_of_date": night.as_of_date.isoformat(),
        "status": published.status,
        "stale": list(published.stale),
    }
