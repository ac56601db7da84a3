"""What the scheduler costs: three nights, an outage in the second, by Airflow and by `ckm run` alone.

    python -m benchmarks.scheduler /tmp/nights --customers 2000 --picture docs/images/airflow-grid.png

The company's PostgreSQL and complaint API really run. In the second night the API does not answer, so that Airflow
tries again (with waits, which are shown apart) and its objects are stale; the third takes in what was missed. Airflow
runs with the components and settings of `make up`; `ckm run` has a home of its own and Airflow is stopped by then.
"""

import argparse
import os
import shutil
import signal
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from datetime import date
from itertools import pairwise
from pathlib import Path
from typing import Any

from examples.nordlicht.systems import make_company, postgresql
from rich.console import Console
from rich.table import Table
from stack.local import Local
from stack.nights import DAG, moment, seconds, switch_on, tasks, trigger

from ckm.simulate.serve import ComplaintServer

NIGHTS = {"2025-12-29": "all answer", "2025-12-30": "complaint API down", "2025-12-31": "healed"}
OUTAGE = "2025-12-30"
API_PORT = 8799
NEVER = "2100-01-01"  # first night of the schedule: only what is triggered runs


@dataclass(frozen=True)
class Night:
    """One night as measured; all but the state in seconds.

    `wall` runs from the trigger (or the command's start) to the end of publication, `tasks` is the sum over the
    tasks, `waits` what Airflow waited before it tried an extraction again.
    """

    state: str
    wall: float
    tasks: float = 0.0
    waits: float = 0.0
    of_task: dict[str, float] | None = None


@contextmanager
def complaints(company: Path, night: str) -> Iterator[None]:
    """The complaint API at its port, or nobody there in the night of the outage."""
    if night == OUTAGE:
        yield
        return
    with ComplaintServer(company, port=API_PORT) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield
        server.shutdown()


def by_airflow(local: Local, company: Path) -> dict[str, Night]:
    """Trigger each night once the one before has ended."""
    measured = {}
    for night in NIGHTS:
        with complaints(company, night):
            run_id = trigger(local.rest, night)
            while (run := local.rest.get(f"{DAG}/dagRuns/{run_id}"))["state"] not in ("success", "failed"):
                local.watch()
                time.sleep(1)
        ended = tasks(local.rest, run_id)
        publish = next(task for task in ended if task["task_id"] == "publish")
        if publish["state"] != "success":
            raise SystemExit(f"The night of {night} was not published: see {local.logs}.")
        of_task: dict[str, float] = {}
        for task in ended:
            of_task[task["task_id"]] = of_task.get(task["task_id"], 0.0) + seconds(task)
        measured[night] = Night(
            run["state"],
            (moment(publish["end_date"]) - moment(run["queued_at"])).total_seconds(),
            sum(of_task.values()),
            sum(waited(local, run_id, task) for task in ended),
            of_task,
        )
    return measured


def waited(local: Local, run_id: str, task: dict[str, Any]) -> float:
    """Seconds between the tries of a task."""
    if task["try_number"] < 2:
        return 0.0
    path = f"{DAG}/dagRuns/{run_id}/taskInstances/{task['task_id']}/{task['map_index']}/tries"
    tries = sorted(local.rest.get(path)["task_instances"], key=lambda one: one["try_number"])
    return sum(
        (moment(after["start_date"]) - moment(before["end_date"])).total_seconds()
        for before, after in pairwise(tries)
    )


def alone(company: Path, home: Path, environment: dict[str, str]) -> dict[str, Night]:
    """The same nights by `ckm run`, each a process of its own."""
    measured = {}
    for night in NIGHTS:
        command = [sys.executable, "-m", "ckm.cli", "run", "--home", str(home), "--date", night]
        with complaints(company, night):
            began = time.monotonic()
            done = subprocess.run(command, env=environment, capture_output=True, text=True)
            took = time.monotonic() - began
        if done.returncode not in (0, 4):
            raise SystemExit(f"ckm run ended with {done.returncode}: {done.stderr}")
        measured[night] = Night("stale" if done.returncode else "published", took)
    return measured


def take_picture(local: Local, file: Path, size: str) -> None:
    """The DAG's grid as Chromium draws it."""
    browser = shutil.which("chromium") or shutil.which("google-chrome")
    if browser is None:
        raise SystemExit("--picture needs Chromium.")
    options = [
        "--headless=new",
        "--no-sandbox",
        "--disable-gpu",
        "--disable-dev-shm-usage",
        "--hide-scrollbars",
    ]
    options += [f"--window-size={size}", "--virtual-time-budget=20000", f"--screenshot={file.resolve()}"]
    options += [f"--user-data-dir={local.home / 'browser'}"]
    subprocess.run([browser, *options, f"{local.url}/dags/ckm_nightly"], check=True, capture_output=True)


def show(airflow: dict[str, Night], run: dict[str, Night], ready: float) -> None:
    """Print what was measured as two tables."""
    screen = Console(width=120)
    table = Table(title=f"Trigger to published, in seconds; Airflow was ready after {ready:.0f} s")
    for name in ("night", "case", "Airflow", "of it waits", "ckm run", "ratio without waits"):
        table.add_column(name, justify="left" if name in ("night", "case") else "right")
    for night, case in NIGHTS.items():
        one, other = airflow[night], run[night]
        working = one.wall - one.waits
        ratio = f"{working / other.wall:.2f}"
        table.add_row(night, case, f"{one.wall:.1f}", f"{one.waits:.1f}", f"{other.wall:.1f}", ratio)
    screen.print(table)
    table = Table(title="Seconds in Airflow's tasks, over the sources where there are several")
    table.add_column("task")
    for night in NIGHTS:
        table.add_column(night, justify="right")
    for name in airflow[OUTAGE].of_task or {}:
        row = [(airflow[night].of_task or {}).get(name, 0.0) for night in NIGHTS]
        table.add_row(name, *(f"{value:.1f}" for value in row))
    screen.print(table)


def main() -> None:
    """Entry point."""
    parser = argparse.ArgumentParser(description="Three nights by the scheduler and by ckm run alone.")
    parser.add_argument("folder", type=Path, help="scratch folder; what a former run left in it is removed")
    parser.add_argument("--customers", type=int, default=2000)
    parser.add_argument(
        "--port", type=int, default=8280, help="port of Airflow's page; the site has the next"
    )
    parser.add_argument("--picture", type=Path, help="where to put a screenshot of the grid")
    parser.add_argument("--size", default="1900,760", help="width and height of the screenshot")
    given = parser.parse_args()
    signal.signal(
        signal.SIGTERM, signal.default_int_handler
    )  # so that whoever ends it leaves nothing running
    folder, company = given.folder.resolve(), given.folder.resolve() / "company"
    for name in ("airflow", "by_airflow", "alone"):
        shutil.rmtree(folder / name, ignore_errors=True)
    company.mkdir(parents=True, exist_ok=True)
    environment = dict(os.environ) | {
        "CKM_SOURCES": str(company / "sources.yml"),
        "CKM_COMPLAINTS_URL": f"http://127.0.0.1:{API_PORT}",
        "CKM_HOME": str(folder / "by_airflow"),
        "CKM_FIRST_NIGHT": NEVER,
    }
    with postgresql(company / "postgresql") as database:
        until = date.fromisoformat(max(NIGHTS))
        make_company(company, database, customers=given.customers, seed=1, until=until)
        local = Local(folder / "airflow", given.port, environment)
        local.set_up()
        try:
            local.start()
            ready = local.wait_until_ready()
            switch_on(local.rest)
            airflow = by_airflow(local, company)
            if given.picture:
                take_picture(local, given.picture, given.size)
        finally:
            local.stop()
        show(airflow, alone(company, folder / "alone", environment), ready)


if __name__ == "__main__":
    main()
