"""Airflow in processes of its own: its settings are global, and must neither see nor touch the user's."""

import json
import os
import subprocess
import sys
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

PROJECT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def in_airflow(tmp_path_factory: pytest.TempPathFactory) -> Callable[..., Any]:
    """Run a script where Airflow is at home; what it writes to `answer(...)` comes back.

    Every call is a fresh process; those of one module share Airflow's database.
    """
    folder = tmp_path_factory.mktemp("airflow")

    def run(script: str, *, project: Path = PROJECT, **environment: str) -> Any:
        answer = folder / "answer.json"
        answer.unlink(missing_ok=True)
        preamble = (
            "import json, os, sys\nfrom pathlib import Path\n"
            f"def answer(value): Path({str(answer)!r}).write_text(json.dumps(value, default=str))\n"
        )
        kept = {name: value for name, value in os.environ.items() if not name.startswith(("CKM_", "AIRFLOW"))}
        settings = {
            "AIRFLOW_HOME": str(folder),
            "AIRFLOW__CORE__DAGS_FOLDER": str(project / "dags"),
            "AIRFLOW__CORE__PLUGINS_FOLDER": str(project / "plugins"),
            "AIRFLOW__CORE__LOAD_EXAMPLES": "False",
            "AIRFLOW__LOGGING__LOGGING_LEVEL": "ERROR",
            "CKM_HOME": str(folder / "home"),
        }
        done = subprocess.run(
            [sys.executable, "-c", preamble + script],
            capture_output=True,
            text=True,
            cwd=folder,
            env=kept | settings | environment,
            timeout=600,
        )
        assert done.returncode == 0, done.stdout[-3000:] + done.stderr[-3000:]
        return json.loads(answer.read_text()) | {"log": done.stdout}

    return run
