"""A home moves on: from the release before, and by a backup to another place; its next night is as if it had not.

Real data where they are at hand (a shop's invoice lines of five weeks), else a small company of the simulator.
"""

import os
import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import duckdb
import pytest
from benchmarks.published import differences, tables_of
from tests.conftest import PROJECT, REAL_DATA, Finished
from tests.pipeline.conftest import rows, served

from ckm import warehouse
from ckm.home import Home

pytestmark = pytest.mark.slow

RELEASED_BEFORE = "a41237a"  # the last state whose homes kept no schema version
INVOICES = "online_retail_2009_2010.parquet"


@dataclass(frozen=True)
class Systems:
    """A company's systems on one night and on the next; `change` makes the next one's of them."""

    sources: Path
    nights: tuple[str, str]
    environment: dict[str, str]
    change: Callable[[], Any]


@contextmanager
def shop(folder: Path) -> Iterator[Systems]:
    """A real shop in its last five weeks; the file of the first night ends where the second begins."""
    nights = ("2010-12-08", "2010-12-09")

    def until(night: str) -> None:
        duckdb.sql(
            f"copy (from '{REAL_DATA / INVOICES}' "
            f"where InvoiceDate >= '2010-11-05' and InvoiceDate::date <= '{night}') "
            f"to '{folder / INVOICES}' (format parquet)"
        )

    until(nights[0])
    sources = PROJECT / "examples" / "online_retail" / "sources.yml"
    yield Systems(sources, nights, {"CKM_EXAMPLE_DATA": str(folder)}, lambda: until(nights[1]))


@contextmanager
def small_company(folder: Path, ckm: Callable[..., Finished]) -> Iterator[Systems]:
    """Sixty customers in all four dimensions."""
    nights = ("2025-12-30", "2025-12-31")
    made = ckm("simulate", folder, "--customers", 60, "--seed", 1, "--until", nights[1])
    assert made.code == 0, made.err
    with served(folder) as api:
        yield Systems(folder / "sources.yml", nights, {"CKM_COMPLAINTS_URL": api}, lambda: None)


def load(ckm: Callable[..., Finished], systems: Systems, home: Path, night: str, **environment: str) -> None:
    done = ckm(
        "run",
        "--sources",
        systems.sources,
        "--home",
        home,
        "--date",
        night,
        **systems.environment,
        **environment,
    )
    assert done.code == 0, done.err


@pytest.fixture(scope="module")
def homes(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> dict[str, Path]:
    """After the second night: `made_now`, `restored` from its backup, and `migrated` from the release before."""
    folder = tmp_path_factory.mktemp("life")
    (folder / "systems").mkdir()
    real = (REAL_DATA / INVOICES).exists()
    with shop(folder / "systems") if real else small_company(folder / "systems", ckm) as systems:
        first, second = systems.nights
        homes = {name: folder / name for name in ("made_now", "restored", "migrated")}
        load(ckm, systems, homes["made_now"], first)
        done = ckm("backup", folder / "home.ckm", "--home", homes["made_now"])
        assert done.code == 0, done.err
        done = ckm("restore", folder / "home.ckm", "--home", homes["restored"])
        assert done.code == 0, done.err
        is_released = _load_with_the_release_before(folder, systems, homes)
        systems.change()
        load(ckm, systems, homes["made_now"], second)
        load(ckm, systems, homes["restored"], second)
        if not is_released:
            del homes["migrated"]
            return homes
        refused = ckm(
            "run",
            "--sources",
            systems.sources,
            "--home",
            homes["migrated"],
            "--date",
            second,
            **systems.environment,
        )
        assert refused.code == 2 and "run ckm migrate" in refused.err
        done = ckm("migrate", "--home", homes["migrated"])
        assert done.code == 0, done.err
        load(ckm, systems, homes["migrated"], second)
    return homes


def _load_with_the_release_before(folder: Path, systems: Systems, homes: dict[str, Path]) -> bool:
    """Load the first night by the code of the release before, under the same key; False where the clone lacks it."""
    asked = ["git", "-C", str(PROJECT), "archive", RELEASED_BEFORE]
    archive = subprocess.run(asked, capture_output=True)
    if archive.returncode:
        return False
    released = folder / "released"
    released.mkdir()
    subprocess.run(["tar", "-x", "-C", str(released)], input=archive.stdout, check=True)
    Home(homes["migrated"]).make()
    (homes["migrated"] / "secret.key").write_bytes((homes["made_now"] / "secret.key").read_bytes())
    command = [
        "run",
        "--sources",
        str(systems.sources),
        "--home",
        str(homes["migrated"]),
        "--date",
        systems.nights[0],
    ]
    done = subprocess.run(
        [sys.executable, "-m", "ckm.cli", *command],
        cwd=released, capture_output=True, text=True, timeout=600,
        env=os.environ | systems.environment | {
            "PYTHONPATH": f"{released / 'plugins'}", "CKM_PROJECT": str(released), "PYTHONDONTWRITEBYTECODE": "1",
        },
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    with warehouse.connect(homes["migrated"] / "warehouse.duckdb", read_only=True) as connection:
        assert warehouse.schema_version(connection) == 1
    return True


def test_next_night_of_a_restored_home_is_as_if_it_had_never_been_away(homes: dict[str, Path]) -> None:
    assert tables_of(homes["made_now"]) > 40
    assert differences(homes["restored"], homes["made_now"]) == []
    assert accounts(homes["restored"]) == accounts(homes["made_now"])


def test_next_night_of_a_migrated_home_is_as_if_it_had_always_been_this_release(
    homes: dict[str, Path],
) -> None:
    if "migrated" not in homes:
        pytest.skip(f"{RELEASED_BEFORE}, the release before, is not in this clone")
    assert differences(homes["migrated"], homes["made_now"]) == []
    assert accounts(homes["migrated"]) == accounts(homes["made_now"])


def accounts(home: Path) -> list[tuple[Any, ...]]:
    """What became of the rows of both nights; never nothing."""
    found = rows(
        home,
        "select as_of_date, source, object, extracted, loaded, unchanged, duplicate, quarantined "
        "from audit.load_ledger order by all",
    )
    assert sum(row[4] for row in found if row[0] == max(r[0] for r in found)) > 0
    return found
