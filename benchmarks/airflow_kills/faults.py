"""What can die under a night: a task, the worker that watches over it, the scheduler, the API server."""

import os
import signal
from collections.abc import Callable
from contextlib import suppress

import psutil
from stack.local import Local
from stack.sessions import members


class Missed(Exception):
    """The task ended before it was killed."""


def kill_task(local: Local, pid: int) -> list[int]:
    """Kill a task's process with all that it has started."""
    try:
        os.killpg(pid, signal.SIGKILL)
    except ProcessLookupError:
        raise Missed(str(pid)) from None
    return []


def kill_worker(local: Local, pid: int) -> list[int]:
    """Kill the process that watches over a task, and not the task."""
    with suppress(psutil.Error):
        psutil.Process(pid).parent().kill()
        return []
    raise Missed(str(pid))


def kill_scheduler(local: Local, pid: int) -> list[int]:
    """Kill the scheduler alone and start another one; its workers live on."""
    scheduler = local.processes["scheduler"]
    scheduler.kill()
    scheduler.wait()
    local.start_one("scheduler")
    return [scheduler.pid]


def hang_and_kill_scheduler(local: Local, pid: int) -> list[int]:
    """Let the task stand still with the home in its hands, and kill the scheduler alone."""
    os.killpg(pid, signal.SIGSTOP)
    return kill_scheduler(local, pid)


def kill_session(name: str) -> Callable[[Local, int], list[int]]:
    """Kill a component with all that it has started, as when its container ends, and have it revived."""

    def kill(local: Local, pid: int) -> list[int]:
        killed = local.processes[name]
        for process in members({killed.pid}):
            with suppress(psutil.Error):
                process.kill()
        killed.wait()
        local.revive()
        return []

    return kill


FAULTS: dict[str, Callable[[Local, int], list[int]]] = {
    "task killed": kill_task,
    "worker killed, its task left alone": kill_worker,
    "scheduler killed with its workers": kill_session("scheduler"),
    "scheduler killed, its workers live on": kill_scheduler,
    "scheduler killed, its worker lives on with a task that hangs": hang_and_kill_scheduler,
    "API server killed": kill_session("api-server"),
}
"""What each does, given the process of a task at work; each returns the sessions of which something lives on."""
