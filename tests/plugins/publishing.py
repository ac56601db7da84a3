"""A small home from which versions are really published, each with content of its own that a reader can tell apart."""

import json
import os
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

from ckm import publish, runs, warehouse
from ckm.home import Home
from ckm.publish import Published
from ckm.warehouse import connect

KEPT = 5


@dataclass
class Press:
    """The home, and what is needed to publish its nights; `keep` is how many versions stay."""

    home: Home
    keep: int = KEPT

    def open(self) -> "Press":
        self.home.make()
        with connect(self.home.warehouse) as connection:
            warehouse.prepare(connection)
            connection.execute("create schema core; create schema marts")
            connection.execute("create table core.dim_date (date_day date)")
            connection.execute("create table marts.clv (as_of_date date, customer_key varchar)")
        return self

    def begin(self, day: int) -> tuple[date, str]:
        """Open the run of a day in January and fill the mart: as many customers as the run's place among all runs."""
        night = date(2025, 1, day)
        with connect(self.home.warehouse) as connection:
            run_id = runs.start_run(
                connection, night, "c0ffee", driver="ckm run", full_refresh=False, project=self.home.folder
            )
            connection.execute("delete from marts.clv")
            connection.execute(
                "insert into marts.clv select ?, 'c' || range from range((select count(*) from audit.runs))",
                [night],
            )
        return night, run_id

    def night(self, day: int) -> Published:
        """Publish the night of a day in January, as its next run."""
        return publish.publish(self.home, *self.begin(day), "T", keep=self.keep)

    @property
    def seen(self) -> str:
        """The version that readers see."""
        return self.home.current.resolve().name

    @property
    def on_disk(self) -> list[str]:
        return sorted(path.name for path in self.home.versions.iterdir())

    def rows(self, sql: str) -> list[tuple[Any, ...]]:
        with connect(self.home.warehouse, read_only=True) as connection:
            return connection.execute(sql).fetchall()

    def statuses(self) -> dict[str, str]:
        return dict(self.rows("select run_id, status from audit.runs order by 1"))

    def shuffle_times(self) -> None:
        """Give the folders the times that a restored backup gives them: any, and in another order."""
        for n, folder in enumerate(sorted(self.home.versions.iterdir(), reverse=True)):
            os.utime(folder, (10**9 + n, 10**9 + n))

    def to_earlier_release(self) -> None:
        """Make the home what the first release left: no record of switches, and versions that say less."""
        with connect(self.home.warehouse) as connection:
            connection.execute("drop table audit.publications; drop table audit.schema_versions")
        for file in self.home.versions.glob("*/version.json"):
            said = json.loads(file.read_text())
            file.write_text(json.dumps({name: said[name] for name in ("version", "run_id", "as_of_date")}))


def opened(folder: Path, **options: Any) -> Press:
    """A home in a folder from which nothing has been published yet."""
    return Press(Home(folder / "home"), **options).open()
