"""A shop whose configuration is sound: files, a SQLite database and an API, all of them there."""

import sqlite3
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from tests.conftest import Finished
from tests.plugins.check.shop import SOUND, Shop
from tests.plugins.extract.api import Api, serving


@pytest.fixture
def shop(tmp_path: Path, ckm: Callable[..., Finished]) -> Iterator[Shop]:
    (tmp_path / "exports").mkdir()
    (tmp_path / "exports" / "products.csv").write_text("sku,price\nA1,9.90\n")
    with sqlite3.connect(tmp_path / "knowledge.db") as database:
        database.execute("create table articles (id text, kind text)")
    with serving(Api([{"id": "1", "at": "2025-07-01"}])) as api:
        (tmp_path / "sources.yml").write_text(SOUND.replace("API", f"{api.url}/api/"))
        yield Shop(tmp_path, api, ckm)
