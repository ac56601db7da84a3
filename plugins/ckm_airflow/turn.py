"""Whose turn it is in the home: one load at a time, and none that another has overtaken."""

import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta

from ckm.errors import CkmError, LoadRunning
from ckm.home import Home
from ckm.night import Night
from ckm.nightly import Step
from ckm.warehouse import connect

LOCK_PATIENCE = timedelta(minutes=5)  # somebody's `ckm status` holds the home for a moment


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Hold the home's lock, waiting for whoever has it now for a while.

    Raises:
        LoadRunning: it was held all the time.
    """
    deadline = time.monotonic() + LOCK_PATIENCE.total_seconds()
    while True:
        lock = home.lock()
        try:
            lock.__enter__()
            break
        except LoadRunning:
            if time.monotonic() > deadline:
                raise
            time.sleep(2)
    try:
        yield
    finally:
        lock.__exit__(None, None, None)


def refuse_if_overtaken(night: Night, step: Step) -> None:
    """A cleared task must not go on where its run has no longer a say.

    Raises:
        CkmError: a later run has begun in this home, or the raw gates have already judged this run.
    """
    with connect(night.home.warehouse, read_only=True) as connection:
        status, overtaken = connection.execute(
            """
            select own.status,
                exists (select 1 from audit.runs as later where later.started_at > own.started_at)
            from audit.runs as own where own.run_id = ?
            """,
            [night.run_id],
        ).fetchone()
    if overtaken:
        raise CkmError(
            f"another load has begun since run {night.run_id}: clear from prepare to run it again."
        )
    if step.per_source and status != "running":
        raise CkmError(f"run {night.run_id} is over ({status}): clear from prepare.")
