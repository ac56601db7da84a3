"""What every test may use: a small company's files, its sources.yml, and the command `ckm`."""

import io
import os
import subprocess
import sys
from collections.abc import Callable
from contextlib import redirect_stderr, redirect_stdout
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest
import yaml
from xdist.scheduler import LoadScopeScheduling

from ckm.settings import set_tool_defaults

set_tool_defaults()

PROJECT = Path(__file__).resolve().parents[1]
LOOK_AT_THE_COMPANY = {f"tests/pipeline/test_{name}.py" for name in ("company", "failures", "same", "truth")}
REAL_DATA = Path(os.environ.get("CKM_EXAMPLE_DATA", PROJECT.parent / "shared" / "data"))


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    """Keep a file in one process, and in one process all that look at the company, which takes minutes to make."""
    return ByFileAndCompany(config, log)


class ByFileAndCompany(LoadScopeScheduling):
    """Gives a process whole files, and one of them all files that use the fixture `company`."""

    def _split_scope(self, nodeid: str) -> str:
        file = nodeid.split("::", 1)[0]
        return "company" if file in LOOK_AT_THE_COMPANY else file


@dataclass(frozen=True)
class Finished:
    """A command that has ended."""

    code: int
    out: str
    err: str


@pytest.fixture(scope="session")
def ckm() -> Callable[..., Finished]:
    """Run `ckm` as a user does, but in this process: its libraries take ten seconds to load."""
    from ckm.cli import main

    def run(*arguments: Any, **environment: str) -> Finished:
        out, err = io.StringIO(), io.StringIO()
        with pytest.MonkeyPatch.context() as patch, redirect_stdout(out), redirect_stderr(err):
            patch.setattr(sys, "argv", ["ckm", *(str(a) for a in arguments)])
            for name, value in environment.items():
                patch.setenv(name, value)
            try:
                main()
                code = 0
            except SystemExit as stop:
                code = int(stop.code or 0)
        return Finished(code, out.getvalue(), err.getvalue())

    return run


@pytest.fixture(scope="session")
def ckm_process() -> Callable[..., Finished]:
    """Run `ckm` in a process of its own."""

    def run(*arguments: Any) -> Finished:
        command = [sys.executable, "-m", "ckm.cli", *(str(a) for a in arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=600)
        return Finished(done.returncode, done.stdout, done.stderr)

    return run


@pytest.fixture(scope="session")
def real_data() -> Callable[[str], Path]:
    """The path of a file of real data; skips where it is not on this machine."""

    def path(name: str) -> Path:
        file = REAL_DATA / name
        if not file.exists():
            pytest.skip(f"{name} is not in CKM_EXAMPLE_DATA ({REAL_DATA})")
        return file

    return path


@pytest.fixture
def write_sources(tmp_path: Path) -> Callable[..., Path]:
    """Write a sources.yml with a crm source of files in `tmp_path`."""

    def write(objects: dict[str, Any], *, company: dict[str, Any] | None = None, **source: Any) -> Path:
        document = {
            "company": {"name": "Test", "time_zone": "Europe/Berlin", **(company or {})},
            "sources": {"crm": {"transport": "files", "path": ".", "objects": objects, **source}},
        }
        file = tmp_path / "sources.yml"
        file.write_text(yaml.safe_dump(document, sort_keys=False))
        return file

    return write
