"""What a run was made of: the commit, the versions of what it runs on, and the rules that judged it."""

import hashlib
import os
import platform
import subprocess
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path

from ckm import contracts

CONTRACTS = Path(contracts.__file__).parent
LIBRARIES = ("duckdb", "dbt-core", "dbt-duckdb", "great-expectations", "dlt", "apache-airflow")
RULES = (
    "expectations/**/*.json",
    "dbt_project/dbt_project.yml",
    "dbt_project/models/**/*",
    "dbt_project/macros/**/*",
    "dbt_project/seeds/**/*",
    "dbt_project/tests/**/*",
)


def versions() -> dict[str, str]:
    """The versions of Python and of each library that is installed, by name."""
    found = {"python": platform.python_version()}
    for name in LIBRARIES:
        try:
            found[name] = version(name)
        except PackageNotFoundError:  # Airflow is an extra
            continue
    return found


def rules_hash(project: Path) -> str:
    """A hash of suites, dbt project and contracts: two nights with the same one were judged by the same rules."""
    digest = hashlib.sha256()
    files = [file for pattern in RULES for file in sorted(project.glob(pattern)) if file.is_file()]
    for file in [*files, *sorted(CONTRACTS.glob("*.yml"))]:
        name = file.relative_to(project if file.is_relative_to(project) else CONTRACTS)
        digest.update(f"{name.as_posix()}\n".encode() + hashlib.sha256(file.read_bytes()).digest())
    return digest.hexdigest()[:16]


def git_state(project: Path) -> tuple[str | None, bool | None]:
    """The commit that the project folder is checked out at and whether it differs from it.

    Both are null where git does not keep the folder or is not there; another repository around it does not count.
    """
    if not _git(project, "ls-files", "dbt_project/dbt_project.yml"):
        return None, None
    commit, changes = _git(project, "rev-parse", "HEAD"), _git(project, "status", "--porcelain", "--", ".")
    return commit or None, None if changes is None else changes != ""


def _git(project: Path, *arguments: str) -> str | None:
    """What a git command prints, or nothing where it fails; it must not wait for a lock, nor take one."""
    try:
        done = subprocess.run(
            ["git", "-C", str(project), *arguments],
            capture_output=True,
            text=True,
            timeout=30,
            env=os.environ | {"GIT_OPTIONAL_LOCKS": "0"},
        )
    except (OSError, subprocess.TimeoutExpired):
        return None
    return done.stdout.strip() if done.returncode == 0 else None
