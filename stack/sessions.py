"""Processes in sessions of their own, and their end.

A task of Airflow puts itself into a process group of its own, so ending the parents or their groups would leave it
behind; its session it keeps.
"""

import contextlib
import os
import subprocess
import time
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any

import psutil

STOPS = ((15, "terminate", "leaders"), (5, "terminate", "members"), (10, "kill", "members"))
"""Seconds to wait after doing what to whom: whoever leads a session is asked first, and may end its own."""


def start(
    command: list[str], log: Path, environment: dict[str, str], **options: Any
) -> subprocess.Popen[bytes]:
    """Start a command as the leader of a new session; what it prints is added to `log`."""
    with log.open("ab") as out:
        return subprocess.Popen(
            command,
            stdin=subprocess.DEVNULL,
            stdout=out,
            stderr=out,
            env=environment,
            start_new_session=True,
            **options,
        )


def started(pid: int) -> float | None:
    """When the process began, None where there is none: a process id may be given again, but not this pair."""
    try:
        return psutil.Process(pid).create_time()
    except psutil.Error:
        return None


def members(sessions: set[int]) -> list[psutil.Process]:
    """The living processes of these sessions, their leaders included."""
    found = []
    for process in psutil.process_iter():
        with contextlib.suppress(OSError, psutil.Error):
            if os.getsid(process.pid) in sessions and process.status() != psutil.STATUS_ZOMBIE:
                found.append(process)
    return found


def stop(sessions: Iterable[int]) -> None:
    """End these sessions, in peace where that takes seconds, else by force."""
    led = set(sessions)
    of: dict[str, Callable[[], list[psutil.Process]]] = {
        "leaders": lambda: [process for process in members(led) if process.pid in led],
        "members": lambda: members(led),
    }
    for seconds, what, whom in STOPS:
        for process in of[whom]():
            with contextlib.suppress(psutil.NoSuchProcess):
                getattr(process, what)()
        end = time.monotonic() + seconds
        while members(led) and time.monotonic() < end:
            time.sleep(0.2)
