"""Whose turn it is in the home: one load at a time, none that another has overtaken, none that nobody waits for."""

import fcntl
import os
import select
import signal
import stat
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager, suppress
from datetime import timedelta
from functools import cache

from ckm.errors import CkmError, LoadRunning
from ckm.home import Home
from ckm.night import Night
from ckm.nightly import Step
from ckm.warehouse import connect, patience

LOCK_PATIENCE = timedelta(minutes=5)  # somebody's `ckm status` holds the home for a moment


@contextmanager
def hold(home: Home) -> Iterator[None]:
    """Hold the home's lock, waiting for whoever has it now for a while; inside, for whoever has the warehouse open.

    Raises:
        LoadRunning: it was held all the time.
    """
    end_with_supervisor()
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
        with patience(LOCK_PATIENCE):
            yield
    finally:
        lock.__exit__(None, None, None)


@contextmanager
def hold_landing(night: Night, source: str) -> Iterator[None]:
    """Hold what one source lands: an earlier try of the task may live on for some seconds after it was given up.

    Raises:
        CkmError: another run has taken the landing away.
    """
    end_with_supervisor()
    try:
        file = (night.landing / f"{source}.lock").open("w")
    except FileNotFoundError:
        raise overtaken(night) from None
    with file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


@cache
def end_with_supervisor() -> None:
    """From now on this task's process dies with the process that started it, which alone reports how it ends.

    Otherwise it would hold the home, for hours perhaps, against the next try of the same task. It is killed, not
    asked: a load may be killed anywhere. Where a night runs without a scheduler nothing supervises it.
    """
    if _is_supervised():  # the supervisor has the other end of standard input, which is closed when it dies
        end = select.poll()
        end.register(0, select.POLLHUP)

        def wait() -> None:
            end.poll()
            os.kill(os.getpid(), signal.SIGKILL)

        threading.Thread(target=wait, daemon=True, name="end with supervisor").start()


def _is_supervised() -> bool:
    with suppress(OSError):  # there may be no standard input
        return stat.S_ISSOCK(os.fstat(0).st_mode) and os.getpgrp() == os.getpid()
    return False


def refuse_if_overtaken(night: Night, step: Step) -> None:
    """A cleared task must not go on where its run has no longer a say.

    Raises:
        CkmError: a later run has begun in this home, or the raw gates have already judged this run.
    """
    with connect(night.home.warehouse, read_only=True) as connection:
        status, is_overtaken = connection.execute(
            """
            select own.status,
                exists (select 1 from audit.runs as later where later.started_at > own.started_at)
            from audit.runs as own where own.run_id = ?
            """,
            [night.run_id],
        ).fetchone()
    if is_overtaken:
        raise overtaken(night)
    if step.per_source and status != "running":
        raise CkmError(f"run {night.run_id} is over ({status}): clear from prepare.")


def overtaken(night: Night) -> CkmError:
    """What a task says when the home belongs to another run by now."""
    return CkmError(f"another load has begun since run {night.run_id}: clear from prepare to run it again.")
