"""What can be wrong with the environment and the home, and that all that is wrong anywhere is said."""

import json
from collections.abc import Callable
from pathlib import Path

import duckdb
import pytest
from tests.conftest import Finished
from tests.plugins.check.shop import Shop, first
from tests.plugins.extract.api import Answer

from ckm.check.home import GIB, disk_fault
from ckm.home import hmac_pads
from ckm.warehouse import connect, prepare


def test_sound_configuration_is_shown_as_a_table_and_leaves_nothing_behind(shop: Shop) -> None:
    before = sorted(shop.folder.rglob("*"))
    done = shop.check("--json")
    assert (done.code, done.err) == (0, "")
    assert [row["object"] for row in json.loads(done.out)] == [
        "crm.products", "knowledge.articles", "complaints.complaints",
    ]  # fmt: skip
    assert sorted(shop.folder.rglob("*")) == before


@pytest.mark.parametrize(
    ("variable", "value", "remedy"),
    [
        ("CKM_SECRET", "secretword", "give it 16 characters or more"),
        ("CKM_FIRST_NIGHT", "soon", "write a date such as 2025-12-31"),
        ("CKM_FIRST_NIGHT", "20251231", "write a date such as 2025-12-31"),
        ("CKM_PUBLISHED_BY", "half past six", "write an hour such as 06:30"),
        ("CKM_PUBLISHED_BY", "630", "write an hour such as 06:30"),
        ("CKM_MEMORY_LIMIT", "much", "write a size such as 4GB"),
        ("CKM_THREADS", "all", "write a number of cores such as 4"),
        ("CKM_THREADS", "0", "write a number of cores such as 4"),
        ("CKM_SITE_URL", "ckm.example.com", "write an address such as https://ckm.example.com"),
        ("CKM_ALERT_WEBHOOK", "chat/secretword", "must begin with http:// or https://"),
        ("CKM_SMTP_URL", "mail.example.com:secretword", "must begin with smtp:// or smtps://"),
        ("CKM_ALERT_EMAIL_TO", "ann", "write addresses such as ann@example.com"),
        ("CKM_ALERT_EMAIL_TO", "ann@example.com", "set CKM_SMTP_URL, too"),
        (
            "CKM_ALERT_EMAIL_FROM",
            "ckm@example.com",
            "CKM_ALERT_EMAIL_TO is not, so no mail is sent: set both or none",
        ),
        ("CKM_PUBLISHEDBY", "06:30", "did you mean CKM_PUBLISHED_BY?"),
    ],
)
def test_what_is_wrong_in_the_environment(shop: Shop, variable: str, value: str, remedy: str) -> None:
    line = shop.demand(shop.check(**{variable: value}), variable, remedy)
    assert "secretword" not in line


class TestHome:
    """What stands in the home, or where it should."""

    def built(self, shop: Shop, key: bytes = b"the key that this home was built with") -> None:
        shop.home.make()
        (shop.home.folder / "secret.key").write_bytes(key)
        with connect(shop.home.warehouse) as connection:
            prepare(connection, hmac_pads(key))

    def test_home_that_was_built_with_this_key_is_sound(self, shop: Shop) -> None:
        self.built(shop)
        assert shop.check().code == 0

    def test_folder_that_cannot_be_made(self, shop: Shop) -> None:
        file = shop.folder / "exports" / "products.csv"
        for place, why in (
            (file, "is a file"),
            (file / "below", "is a file"),
            (Path("/proc/ckm"), "cannot be written to"),
        ):
            done = shop.check("--home", place)
            shop.demand(done, f"{place} cannot be the home", why, "set CKM_HOME to a folder of your own")

    def test_another_key(self, shop: Shop) -> None:
        self.built(shop)
        wrong = "another secret of many characters"
        line = shop.demand(
            shop.check(CKM_SECRET=wrong), f"{shop.home.folder}: the key", "set CKM_SECRET, or restore"
        )
        assert wrong not in line
        (shop.home.folder / "secret.key").unlink()
        shop.demand(shop.check(), "the key behind customer_key", "restore secret.key")

    def test_key_that_is_none(self, shop: Shop) -> None:
        self.built(shop)
        (shop.home.folder / "secret.key").write_text("\n")
        shop.demand(shop.check(), "secret.key holds fewer than 16 characters", "restore it from your backup")

    def test_warehouse_of_another_program(self, shop: Shop) -> None:
        shop.home.make()
        with duckdb.connect(str(shop.home.warehouse)) as connection:
            connection.execute("create table theirs (a integer)")
        shop.demand(shop.check(), "warehouse.duckdb was written by another program", "set CKM_HOME")

    def test_warehouse_that_is_no_database(self, shop: Shop) -> None:
        shop.home.make()
        shop.home.warehouse.write_bytes(b"SQLite format 3\0" + bytes(5000))
        shop.demand(shop.check(), "warehouse.duckdb is no database", "move it away")

    def test_warehouse_that_another_program_holds_is_exit_code_3(
        self, shop: Shop, ckm_process: Callable[..., Finished]
    ) -> None:
        self.built(shop)
        with duckdb.connect(str(shop.home.warehouse)):
            done = ckm_process("check", "--sources", shop.sources, "--home", shop.home.folder)
        assert done.code == 3 and "is open in another program" in done.err and "Traceback" not in done.err

    def test_load_that_runs_is_exit_code_3_unless_something_is_wrong(self, shop: Shop) -> None:
        self.built(shop)
        with shop.home.lock():
            assert shop.check().code == 3
            shop.write("currency: EUR", "currency: euro")
            done = shop.check()
        assert done.code == 2 and "another load is running" in done.err.splitlines()[-1]

    def test_disk_that_is_too_small(self) -> None:
        assert disk_fault(Path("/home"), GIB, 0) is None
        assert disk_fault(Path("/home"), 6 * GIB, 3 * GIB) is None
        for free, warehouse, figures in (
            (GIB - 1, 0, "1.0 GiB free and a night may need 1.0 GiB"),
            (4 * GIB, 3 * GIB, "4.0 GiB free and a night may need 6.0 GiB"),
        ):
            fault = disk_fault(Path("/home"), free, warehouse)
            assert (
                fault and fault.startswith(f"/home has {figures}") and "make room, or set CKM_HOME" in fault
            )


def test_all_that_is_wrong_is_said_in_order_each_in_a_line(shop: Shop) -> None:
    shop.write("Europe/Berlin", "Europe/Berlen")
    shop.write("path: exports", "pth: exports")
    shop.suite("raw/crm/orders", lambda suite: first(suite).update(severity="bad"))
    shop.suite("marts/clv", lambda suite: first(suite)["meta"].update(aspect="bad"))
    done = shop.check("--home", shop.sources, CKM_SECRET="short")
    said = [
        "CKM_SECRET",
        "company.time_zone",
        "sources.crm.pth",
        "clv.json",
        "orders.json",
        "cannot be the home",
    ]
    lines = done.err.splitlines()
    assert done.code == 2 and len(lines) == len(said)
    for line, part in zip(lines, said, strict=True):
        assert part in line


def test_all_objects_that_are_not_there_are_said(shop: Shop) -> None:
    shop.write("path: exports", "path: export")
    shop.write("table: articles", "table: article")
    shop.api.reply = lambda asked: Answer({}, 404)
    lines = shop.check().err.splitlines()
    assert [line.split("objects.")[1].split(":")[0] for line in lines] == [
        "products",
        "articles",
        "complaints",
    ]
