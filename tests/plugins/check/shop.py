"""A sound configuration, for tests to break, and `ckm check` on it as a user runs it."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from tests.conftest import PROJECT, Finished
from tests.plugins.extract.api import Api

from ckm.home import Home

SOUND = """\
company:
  name: Example Shop
  time_zone: Europe/Berlin
  reporting_currency: EUR
sources:
  crm:
    transport: files
    path: exports
    objects:
      products:
        file: products.csv
        columns: {product_id: sku, list_price: price}
        constants: {currency_code: EUR}
  knowledge:
    transport: sql
    url: sqlite:///knowledge.db
    objects:
      articles:
        table: articles
        columns: {article_id: id, article_kind: kind}
  complaints:
    transport: rest
    url: API
    backoff_seconds: 0.01
    objects:
      complaints:
        endpoint: complaints
        records: data
        columns: {complaint_id: id, received_at: at}
"""
COMPANY = SOUND.partition("sources:")[0]


@dataclass
class Shop:
    """A sound configuration in a folder, for a test to break; `check` looks at it as a user does."""

    folder: Path
    api: Api
    command: Callable[..., Finished]

    @property
    def sources(self) -> Path:
        return self.folder / "sources.yml"

    @property
    def home(self) -> Home:
        return Home(self.folder / "home")

    def write(self, old: str, new: str) -> None:
        text = self.sources.read_text()
        assert text.count(old) == 1, old
        self.sources.write_text(text.replace(old, new))

    def suite(self, name: str, change: Callable[[dict[str, Any]], Any]) -> Path:
        """Change a suite, in this shop's own copy of them."""
        project = self.folder / "project"
        if not project.exists():
            shutil.copytree(PROJECT / "expectations", project / "expectations")
            (project / "dbt_project").symlink_to(PROJECT / "dbt_project")
        file = project / "expectations" / f"{name}.json"
        suite = json.loads(file.read_text("utf-8"))
        change(suite)
        file.write_text(json.dumps(suite))
        return file

    def check(self, *arguments: Any, **environment: str) -> Finished:
        project = self.folder / "project"
        own = {"CKM_PROJECT": str(project)} if project.exists() else {}
        return self.command(
            "check", "--sources", self.sources, *arguments,
            **{"CKM_HOME": str(self.home.folder)} | own | environment,
        )  # fmt: skip

    def demand(self, done: Finished, *parts: str) -> str:
        """The command ended with one sentence that has all of these parts."""
        assert done.code == 2, done
        assert "Traceback" not in done.err + done.out
        [line] = done.err.splitlines()
        missing = [part for part in parts if part not in line]
        assert not missing, (missing, line)
        assert line.startswith("ckm: ") and line[-1] in ".?", line
        return line


def first(suite: dict[str, Any]) -> dict[str, Any]:
    """The first rule of a suite, `order_type_is_known` of the orders: one of rows, by a regular expression."""
    return suite["expectations"][0]


def add(suite: dict[str, Any], **rule: Any) -> None:
    suite["expectations"].append(
        {
            "severity": "warning",
            "description": "As it should be.",
            "meta": {"rule": "added", "aspect": "sum"},
            **rule,
        }
    )
