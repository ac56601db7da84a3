"""What the tests of the raw gate share."""

from pathlib import Path
from typing import Any

import pytest
from tests.plugins.gate.loading import Gate

from ckm import warehouse


@pytest.fixture
def gate(tmp_path: Path) -> Any:
    with warehouse.connect(tmp_path / "warehouse.duckdb") as connection:
        warehouse.prepare(connection)
        yield Gate(tmp_path, connection)
