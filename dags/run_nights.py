"""Run nights of the DAG `ckm_nightly` in this process, one after the other, without a scheduler.

    python dags/run_nights.py --from 2025-12-30 --to 2025-12-31

It prints a line per task and the end of the run as `ckm run` does, with the same exit codes; what the tasks
log goes to `logs/nights.log` in Airflow's home. Nights that are already published are passed over. Airflow
keeps its notes on these nights in a database of their own, `nights.db`, so that a scheduler that runs at the
same time does not take them for its own work.
"""

import argparse
import contextlib
import os
import sys
from collections.abc import Iterator
from datetime import UTC, date, datetime, time, timedelta
from pathlib import Path
from typing import Any
from zoneinfo import ZoneInfo

from ckm.settings import set_tool_defaults

set_tool_defaults()

from ckm.errors import CkmError, ConfigurationError, ObjectFailed  # noqa: E402

PROJECT = Path(__file__).resolve().parents[1]


class Progress:
    """Airflow's listener: a line on the screen for every task that ends, and the first failure."""

    def __init__(self, screen: Any, sources: list[str]) -> None:
        self.screen = screen
        self.sources = sources
        self.failure: dict[str, Any] | None = None
        self.night: dict[str, Any] | None = None
        self.published: dict[str, Any] | None = None

    def succeeded(self, ti: Any) -> None:
        """A task ended well: show what it returned, and keep what the end of the run needs."""
        if ti.task_id == "prepare":
            self.night = ti.xcom_pull(task_ids="prepare", key="night")
        if ti.task_id == "publish":
            self.published = ti.xcom_pull(task_ids="publish", key="published")
        said = ti.xcom_pull(task_ids=ti.task_id, map_indexes=ti.map_index)
        self._line(ti, said if isinstance(said, str) else "")

    def failed(self, ti: Any, error: Any) -> None:
        """A task failed: keep its own sentence where it left one."""
        said = ti.xcom_pull(task_ids=ti.task_id, key="failure", map_indexes=ti.map_index)
        if isinstance(error, KeyboardInterrupt):
            said = {"sentence": f"interrupted in {ti.task_id}", "exit_code": 130}
        if self.failure is None:
            self.failure = said or {"sentence": f"{ti.task_id} did not end well: {error}", "exit_code": 1}
        self._line(ti, "failed")

    def _line(self, ti: Any, text: str) -> None:
        source = f" {self.sources[ti.map_index]}" if ti.map_index >= 0 else ""
        seconds = (ti.end_date - ti.start_date).total_seconds()
        self.screen.print(f"  {ti.task_id + source:<20} {seconds:6.1f} s  {text}")


def run(first: date, last: date) -> int:
    """Run the nights from first to last; returns 0, 4 where objects are stale, or the failed night's code.

    Raises:
        CkmError: the configuration is wrong, or another load holds the home.
    """
    from ckm.console import console, show_published
    from ckm.home import Home
    from ckm.past import published_nights
    from ckm.settings import load_settings
    from ckm.sources import load_sources

    if last < first:
        raise ConfigurationError(f"--to {last} is before --from {first}.")
    screen, settings = console(), load_settings()
    home = Home(settings.home.resolve())
    sources = load_sources(settings.sources)
    with home.lock():
        done = published_nights(home) if first != last else set()
    nights = [first + timedelta(days=n) for n in range((last - first).days + 1)]
    for night in nights:
        if night in done:
            screen.print(f"{night} is already published.")
    nights = [night for night in nights if night not in done]
    if not nights:
        screen.print("Nothing to do.")
        show_published(screen, home)
        return 0
    screen.file = sys.stdout  # this one, also while `quiet_airflow` puts a file in its place
    progress = Progress(screen, list(sources.sources))
    with quiet_airflow() as log:
        dag = load_dag()
        listen(progress)
        for night in nights:
            screen.rule(f"[bold]{sources.company.name}, night of {night}")
            dag.test(
                logical_date=logical_date(night, sources.company.zone), run_conf={"date": night.isoformat()}
            )
            if progress.failure:
                print(f"ckm: {progress.failure['sentence']}\nThe tasks' log: {log}", file=sys.__stderr__)
                return int(progress.failure["exit_code"])
    return close(home, progress)


@contextlib.contextmanager
def quiet_airflow() -> Iterator[Path]:
    """Airflow's environment, with all that it and the tasks print in a file; yields the file."""
    home = Path(os.environ.get("AIRFLOW_HOME", PROJECT / ".airflow")).resolve()
    os.environ |= {
        "AIRFLOW_HOME": str(home),
        "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
        "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
        "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
        "AIRFLOW__DATABASE__SQL_ALCHEMY_CONN": f"sqlite:///{home / 'nights.db'}",
        "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
        "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "task=INFO ckm=INFO",
    }
    log = home / "logs" / "nights.log"
    log.parent.mkdir(parents=True, exist_ok=True)
    with log.open("w", buffering=1) as out, contextlib.redirect_stdout(out), contextlib.redirect_stderr(out):
        yield log


def load_dag() -> Any:
    """The DAG as a scheduler loads it, but for any night at once: no retries, no first night, no past."""
    from airflow.dag_processing.dagbag import DagBag
    from airflow.utils.db import initdb

    initdb()
    dag = DagBag(PROJECT / "dags").dags["ckm_nightly"]
    dag.start_date = None
    for operator in dag.tasks:
        operator.start_date = None
        operator.retries = 0
        operator.depends_on_past = False
    return dag


def listen(progress: Progress) -> None:
    """Tell Airflow whom to call when a task ends."""
    from airflow.listeners import hookimpl
    from airflow.sdk.listener import get_listener_manager

    class Listener:
        @hookimpl
        def on_task_instance_success(self, task_instance: Any) -> None:
            progress.succeeded(task_instance)

        @hookimpl
        def on_task_instance_failed(self, task_instance: Any, error: Any) -> None:
            progress.failed(task_instance, error)

    get_listener_manager().add_listener(Listener())


def logical_date(night: date, zone: ZoneInfo) -> datetime:
    """A moment whose data interval is the night, but which no scheduled run bears; never in the future."""
    after = datetime.combine(night + timedelta(days=1), time(0, 0, 1), zone).astimezone(UTC)
    return min(after, datetime.now(UTC))


def close(home: Any, progress: Progress) -> int:
    """Show where everything ended, as `ckm run` does."""
    from ckm.console import show_published

    if progress.night is None or progress.published is None:
        raise CkmError("Airflow ran no task of the night: see the tasks' log.")
    if progress.published["status"] != "computed":
        show_published(progress.screen, home)
    stale = progress.published["stale"]
    if stale:
        progress.screen.print(f"Stale: {', '.join(stale)}; the marts show what was known of them before.")
        return ObjectFailed.exit_code
    return 0


def main() -> None:
    """Entry point: expected failures are one sentence and an exit code."""
    parser = argparse.ArgumentParser(description="Run nights of ckm_nightly without a scheduler.")
    parser.add_argument("--from", dest="first", type=date.fromisoformat, required=True, help="first night")
    parser.add_argument("--to", dest="last", type=date.fromisoformat, required=True, help="last night")
    nights = parser.parse_args()
    try:
        sys.exit(run(nights.first, nights.last))
    except CkmError as error:
        print(f"ckm: {error}", file=sys.stderr)
        sys.exit(error.exit_code)


if __name__ == "__main__":
    main()
