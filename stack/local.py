"""Airflow on this machine, for one person: its settings, its database and its processes."""

import os
import socket
import subprocess
import sys
import time
from contextlib import suppress
from dataclasses import dataclass, field
from importlib.metadata import version
from pathlib import Path

from stack.rest import Rest
from stack.sessions import start, stop

PROJECT = Path(__file__).resolve().parents[1]
POOL = "duckdb_writer"
POOL_PURPOSE = "DuckDB takes one writer at a time"
COMPONENTS = {
    "api-server": ("api-server",),
    "scheduler": ("scheduler", "--skip-serve-logs"),
    "dag-processor": ("dag-processor",),
    "triggerer": ("triggerer", "--skip-serve-logs"),
}
LONGEST_START = 300  # seconds
MOST_STARTS, STARTS_WITHIN = 5, 600  # what ends more often than this in so many seconds is not started again


class NotReady(Exception):
    """Airflow could not be set up or started; the message is one sentence for the person."""


@dataclass
class Local:
    """Airflow with everything of its own in `home`, its page at `port` and the site at the port after it."""

    home: Path
    port: int
    environment: dict[str, str] = field(default_factory=lambda: dict(os.environ))
    processes: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)
    started_again: list[tuple[float, str]] = field(default_factory=list)

    def __post_init__(self) -> None:
        self.home = self.home.resolve()
        for name, default in (("CKM_HOME", "var"), ("CKM_SOURCES", "sources.yml")):
            self.environment[name] = str(Path(self.environment.get(name) or default).resolve())
        self.environment = {"CKM_SITE_URL": self.site_url} | self.environment | self.settings()
        self.rest = Rest(self.url)

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}"

    @property
    def site_url(self) -> str:
        return f"http://127.0.0.1:{self.port + 1}"

    @property
    def logs(self) -> Path:
        return self.home / "logs"

    def settings(self) -> dict[str, str]:
        """What Airflow reads from the environment; few processes, because it shares the machine with the load."""
        return {
            "AIRFLOW_HOME": str(self.home),
            "AIRFLOW__API__BASE_URL": self.url,
            "AIRFLOW__API__HOST": "127.0.0.1",
            "AIRFLOW__API__PORT": str(self.port),
            "AIRFLOW__API__WORKERS": "1",
            "AIRFLOW__CORE__DAGS_FOLDER": str(PROJECT / "dags"),
            "AIRFLOW__CORE__EXECUTION_API_SERVER_URL": f"{self.url}/execution/",
            "AIRFLOW__CORE__EXECUTOR": "LocalExecutor",
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__CORE__PARALLELISM": "4",
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(PROJECT / "plugins"),
            "AIRFLOW__CORE__SIMPLE_AUTH_MANAGER_ALL_ADMINS": "True",
            "AIRFLOW__DAG_PROCESSOR__MIN_FILE_PROCESS_INTERVAL": "120",
            "AIRFLOW__DAG_PROCESSOR__PARSING_PROCESSES": "1",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "AIRFLOW__LOGGING__NAMESPACE_LEVELS": "task=INFO ckm=INFO",
            "AIRFLOW__SCHEDULER__ORPHANED_TASKS_CHECK_INTERVAL": "15",
            "AIRFLOW__SCHEDULER__TASK_INSTANCE_HEARTBEAT_TIMEOUT": "60",
            "AIRFLOW__USAGE_DATA_COLLECTION__ENABLED": "False",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRIES": "20",
            "AIRFLOW__WORKERS__EXECUTION_API_RETRY_WAIT_MAX": "15",
            "DO_NOT_TRACK": "1",
            "PYTHONWARNINGS": "ignore::UserWarning:multiprocessing.resource_tracker",
        }

    def set_up(self) -> None:
        """Make or upgrade Airflow's database and the pool, once per version of Airflow.

        Raises:
            NotReady: one of Airflow's commands failed.
        """
        self.logs.mkdir(parents=True, exist_ok=True)
        done, wanted = self.home / "migrated_to", version("apache-airflow")
        if done.exists() and done.read_text().strip() == wanted:
            return
        print(f"Setting up Airflow {wanted} in {self.home} …", flush=True)
        log = self.logs / "setup.log"
        with log.open("wb") as out:
            for command in (["db", "migrate"], ["pools", "set", POOL, "1", POOL_PURPOSE]):
                if self.airflow(command, stdout=out, stderr=out):
                    raise NotReady(f"Airflow could not be set up: see {log}.")
        done.write_text(f"{wanted}\n")

    def airflow(self, command: list[str], **options: object) -> int:
        """Run one of Airflow's own commands with these settings; returns its exit code."""
        return subprocess.call([sys.executable, "-m", "airflow", *command], env=self.environment, **options)

    def start(self) -> None:
        """Start the components and the site's server.

        Raises:
            NotReady: a port is taken.
        """
        for port in (self.port, self.port + 1):
            with socket.socket() as probe:
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
                try:
                    probe.bind(("127.0.0.1", port))
                except OSError:
                    raise NotReady(f"Port {port} is taken: choose another with make up PORT=8090.") from None
        for name in (*COMPONENTS, "site"):
            self.start_one(name)

    def start_one(self, name: str) -> None:
        """Start a component or the site's server, in a session of its own."""
        site = Path(self.environment["CKM_HOME"]) / "published" / "current" / "site"
        if name == "site":
            words = ["http.server", str(self.port + 1), "--bind", "127.0.0.1", "--directory", str(site)]
        else:
            words = ["airflow", *COMPONENTS[name]]
        command = [sys.executable, "-m", *words]
        self.processes[name] = start(command, self.logs / f"{name}.log", self.environment)

    def revive(self) -> list[str]:
        """Start again what has ended, without what it had started itself, and return its names.

        Raises:
            NotReady: it ends again and again.
        """
        ended = [name for name, process in self.processes.items() if process.poll() is not None]
        for name in ended:
            now = time.monotonic()
            self.started_again = [
                (when, who) for when, who in self.started_again if now - when < STARTS_WITHIN
            ]
            if [who for _, who in self.started_again].count(name) >= MOST_STARTS:
                raise NotReady(f"{name} ends again and again: see {self.logs / name}.log.")
            stop([self.processes[name].pid])
            self.start_one(name)
            self.started_again.append((now, name))
        return ended

    def watch(self) -> None:
        """Look whether all that was started still lives.

        Raises:
            NotReady: one of them has ended.
        """
        for name, process in self.processes.items():
            if process.poll() is not None:
                raise NotReady(f"{name} has ended: see {self.logs / name}.log.")

    def wait_until_ready(self) -> float:
        """Wait until every component is well and the DAG is known; returns the seconds that took.

        Raises:
            NotReady: it took too long, or one of them has ended.
        """
        began = time.monotonic()
        while missing := self.what_is_missing():
            self.watch()
            if time.monotonic() - began > LONGEST_START:
                raise NotReady(f"Airflow is not ready after 5 minutes ({missing}): see {self.logs}.")
            time.sleep(0.5)
        return time.monotonic() - began

    def what_is_missing(self) -> str | None:
        """What keeps a night from running, None where nothing does.

        The pool is looked at because tasks of a pool that does not exist wait for ever with only a warning.
        """
        try:
            health = self.rest.health()
            for part in ("metadatabase", "scheduler", "dag_processor", "triggerer"):
                if health[part]["status"] != "healthy":
                    return f"the {part} is not healthy"
            pools = {pool["name"]: pool["slots"] for pool in self.rest.get("/pools")["pools"]}
            if pools.get(POOL) != 1:
                return f"the pool {POOL} has not one slot: remove migrated_to in Airflow's home"
            self.rest.get("/dags/ckm_nightly")
        except OSError as error:
            return str(error)
        return None

    def stop(self) -> None:
        """End everything that was started, and what that has started."""
        stop(process.pid for process in self.processes.values())
        for process in self.processes.values():
            with suppress(subprocess.TimeoutExpired):
                process.wait(5)
        self.processes.clear()
