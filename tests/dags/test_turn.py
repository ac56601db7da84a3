"""Whose turn it is, tried with processes that hold a home and lose whoever watches over them."""

import json
import os
import socket
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from queue import Empty, SimpleQueue

import pytest

from ckm.errors import CkmError, LoadRunning
from ckm.home import Home
from ckm.night import Night
from ckm_airflow.turn import hold_landing

HOLDING = """
import json, sys, time
from pathlib import Path
from ckm.home import Home
from ckm.night import Night
from ckm_airflow.turn import hold, hold_landing
night = Night.from_json(json.loads(sys.argv[1]))
print("ready", flush=True)
with hold(night.home) if len(sys.argv) == 2 else hold_landing(night, sys.argv[2]):
    print("held", flush=True)
    time.sleep(60)
"""


@pytest.fixture
def night(tmp_path: Path) -> Night:
    """A run with its landing, as `prepare` leaves it."""
    night = Night("2025-12-31.1", date(2025, 12, 31), tmp_path, tmp_path / "home", tmp_path, False, True)
    night.landing.mkdir(parents=True)
    return night


@dataclass(frozen=True)
class Task:
    """A task's process as Airflow starts it, its supervisor's end of it, and what it says, line by line."""

    process: subprocess.Popen[str]
    supervisor: socket.socket
    said: SimpleQueue[str]

    def holds(self, seconds: float = 30) -> bool:
        """Whether it holds what it wants within so many seconds."""
        try:
            return self.said.get(timeout=seconds) == "held\n"
        except Empty:
            return False


@contextmanager
def task(night: Night, *source: str) -> Iterator[Task]:
    """A task that wants the home, or what a source lands."""
    ours, its = socket.socketpair()
    command = [sys.executable, "-c", HOLDING, json.dumps(night.to_json()), *source]
    environment = os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}
    with ours:
        process = subprocess.Popen(
            command, stdin=its, stdout=subprocess.PIPE, text=True, env=environment, process_group=0
        )
        its.close()
        said: SimpleQueue[str] = SimpleQueue()
        assert process.stdout is not None
        reader = threading.Thread(
            target=lambda lines: [said.put(line) for line in lines], args=[process.stdout]
        )
        reader.start()
        try:
            assert said.get(timeout=60) == "ready\n"
            yield Task(process, ours, said)
        finally:
            process.kill()
            reader.join()
            process.wait()
            process.stdout.close()


def test_a_task_lets_go_of_the_home_when_its_supervisor_dies(night: Night) -> None:
    with task(night) as held:
        assert held.holds()
        with pytest.raises(LoadRunning), night.home.lock():
            pass
        held.supervisor.close()
        held.process.wait(10)
        with night.home.lock():
            pass


def test_a_second_try_waits_until_the_first_has_let_go_of_its_landing(night: Night) -> None:
    with task(night, "crm") as first:
        assert first.holds()
        with task(night, "crm") as second:
            assert not second.holds(1)
            first.supervisor.close()
            assert second.holds()


def test_sources_do_not_wait_for_each_other(night: Night) -> None:
    with task(night, "crm") as one, task(night, "surveys") as other:
        assert one.holds() and other.holds()


def test_a_task_whose_landing_another_run_has_taken_away_says_so(night: Night) -> None:
    night.landing.rmdir()
    with pytest.raises(CkmError) as refused, hold_landing(night, "crm"):
        pass
    assert str(refused.value).startswith("another load has begun since run 2025-12-31.1: clear from prepare")


def test_runs_of_one_night_do_not_share_a_landing(tmp_path: Path) -> None:
    home = Home(tmp_path)
    assert home.landing("2025-12-31.1") != home.landing("2025-12-31.2")
