"""Nights under a real scheduler that are disturbed while a task is at work, and that nobody mends."""

import os
import shutil
import subprocess
import sys
import time
from collections.abc import Callable
from contextlib import suppress
from dataclasses import dataclass
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import psutil
from stack.local import Local
from stack.nights import DAG, ENDED, moment, tasks, trigger
from stack.sessions import stop

from benchmarks.airflow_kills.faults import FAULTS, Missed
from ckm.warehouse import connect

LONGEST_NIGHT = 1800  # seconds; far more than a disturbed night takes, because others may share the machine


@dataclass(frozen=True)
class Kill:
    """What is killed, while which task is at work, and how far in its work, as a share of what it usually takes."""

    fault: str
    moment: str
    share: float = 0.5


@dataclass(frozen=True)
class Ran:
    """How a night ended: its state, how long it took, and by moment of a kill the seconds until it went on.

    A task that ended before it was killed is not among the moments. `tries` are those of tasks that needed several.
    """

    state: str
    seconds: float
    went_on_after: dict[str, float]
    tries: dict[str, int]


@dataclass
class Scene:
    """One Airflow, and a night that begins in a copy of the home `before`; `pace` is each step's seconds of work."""

    local: Local
    before: Path
    night: str
    pace: dict[str, float]

    @property
    def home(self) -> Path:
        return Path(self.local.environment["CKM_HOME"])

    def run(self, *kills: Kill) -> Ran:
        """Run the night, and do on the way what is to be done to it."""
        shutil.rmtree(self.home, ignore_errors=True)
        shutil.copytree(self.before, self.home, symlinks=True)
        began = time.monotonic()
        run_id = trigger(self.local.rest, self.night)
        killed: list[tuple[dict[str, Any], datetime]] = []
        left: list[int] = []
        try:
            for kill in kills:
                with suppress(Missed):
                    task = self._at_work(run_id, kill.moment)
                    time.sleep(kill.share * self.pace.get(kill.moment, 0.0))
                    left += FAULTS[kill.fault](self.local, task["pid"])
                    killed.append((task, datetime.now(UTC)))
            state = self._wait(run_id, lambda: self._ended(run_id))
        finally:
            stop(left)
        took, ended = time.monotonic() - began, tasks(self.local.rest, run_id)
        tries = {task["task_id"]: task["try_number"] for task in ended if task["try_number"] > 1}
        waits = {task["task_id"]: round(self._went_on(run_id, task, when), 1) for task, when in killed}
        return Ran(state, round(took, 1), {name: wait for name, wait in waits.items() if wait}, tries)

    def _ended(self, run_id: str) -> str | None:
        state = self.local.rest.get(f"{DAG}/dagRuns/{run_id}")["state"]
        return state if state in ENDED else None

    def _at_work(self, run_id: str, name: str) -> dict[str, Any]:
        """The first task of this name that holds the home or its source's landing."""

        def found() -> dict[str, Any] | None:
            named = [task for task in tasks(self.local.rest, run_id) if task["task_id"] == name]
            if named and all(task["state"] in (*ENDED, "upstream_failed") for task in named):
                raise Missed(name)
            return next(
                (task for task in named if task["state"] == "running" and self._holds(task["pid"])), None
            )

        return self._wait(run_id, found, every=0.3)

    def _holds(self, pid: int) -> bool:
        with suppress(psutil.Error):
            opened = [Path(file.path) for file in psutil.Process(pid).open_files()]
            return any(file.name.endswith(".lock") and self.home in file.parents for file in opened)
        return False

    def _wait(self, run_id: str, asked: Callable[[], Any], every: float = 1.0) -> Any:
        """Ask until there is an answer, also while the server is away."""
        end = time.monotonic() + LONGEST_NIGHT
        while time.monotonic() < end:
            with suppress(OSError):
                if answer := asked():
                    return answer
            time.sleep(every)
        stands = [
            (task["task_id"], task["state"], task["try_number"]) for task in tasks(self.local.rest, run_id)
        ]
        raise SystemExit(f"Run {run_id} does not go on: {stands}; see {self.local.logs}.")

    def _went_on(self, run_id: str, task: dict[str, Any], when: datetime) -> float:
        """Seconds from a kill until its task was tried again, or, where it ended well, until the next one began.

        0 where its task ended as if it had not been killed.
        """
        path = f"{DAG}/dagRuns/{run_id}/taskInstances/{task['task_id']}"
        path += f"/{task['map_index']}/tries" if task["map_index"] >= 0 else "/tries"
        tries = self.local.rest.get(path)["task_instances"]
        again = [one for one in tries if one["try_number"] > task["try_number"]]
        others = tasks(self.local.rest, run_id)
        later = [moment(one["start_date"]) for one in again or others if one["start_date"]]
        return min(((begun - when).total_seconds() for begun in later if begun > when), default=0.0)


def pace_of(home: Path) -> dict[str, float]:
    """How long each step of the newest run worked, in seconds; one that runs per source, for the quickest of them."""
    with connect(home / "warehouse.duckdb", read_only=True) as connection:
        rows = connection.execute(
            """select step, min(seconds) from audit.run_steps
            where run_id = (select max_by(run_id, started_at) from audit.runs) group by step"""
        ).fetchall()
    return dict(rows)


def run_alone(night: date, environment: dict[str, str]) -> None:
    """Load a night by `ckm run`.

    Raises:
        SystemExit: it was not published.
    """
    command = [sys.executable, "-m", "ckm.cli", "run", "--date", night.isoformat()]
    done = subprocess.run(command, env=environment, capture_output=True, text=True)
    if done.returncode:
        raise SystemExit(f"ckm run ended with {done.returncode}: {done.stderr}")


def environment_for(sources: Path, home: Path) -> dict[str, str]:
    """What Airflow and `ckm` are told, and nothing that the caller's own installation is told."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("CKM_", "AIRFLOW"))}
    return kept | {
        "CKM_SOURCES": str(sources),
        "CKM_HOME": str(home),
        "CKM_FIRST_NIGHT": "2100-01-01",  # only what is triggered runs
    }
