"""Rows that were set aside and put back: readers then see what they would of systems that were right from the start,
but for the night from which a row is known."""

import json
import shutil
from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import PROJECT, Finished
from tests.pipeline.conftest import STAR_AND_MARTS, contents, rows

pytestmark = pytest.mark.prove

NIGHTS = ("2025-06-29", "2025-06-30")
OF_THE_NIGHT = ("known_on", "valid_from", "valid_to", "customer_version_key", "model_run_id")
# What is learned from past days only looks at rows that were known then, and so at the night they came in.
LEARNED_CHANCES = ("churn_probability_90d", "risk_band")
LEARNED = {"marts.churn_driver", "marts.churn_risk", "marts.model_backtest", "marts.model_drift"}
HEADERS = {
    "customers": "customer_id,customer_type,country,birth_date,created_at,updated_at",
    "products": "product_id,product_name,category,list_price,currency_code,updated_at",
    "orders": "order_id,customer_id,order_type,status,ordered_at,currency_code,updated_at",
    "order_lines": "order_id,line_number,product_id,quantity,unit_price,discount_amount,updated_at",
    "consents": "customer_id,purpose,is_granted,stated_at,updated_at",
}
# File and beginning of a line → what the system gives in its place.
WRONG = {
    ("customers", "C5,"): ("1980-12-31", "31.12.1980"),
    ("orders", "A47,"): ("completed,2", "completed,on the 2"),
    ("order_lines", "A49,1,"): (",P", ',"P'),
    ("order_lines", "A51,1,"): ("A51,", ","),
    ("order_lines", "A53,1,"): ("P4,3,", "P4,three,"),
}
# What a person does about them; vouchers are lines of a negative price, which the rule first knows nothing of.
REPLAYS = (
    ("crm.customers", "--set", "birth_date=1980-12-31"),
    ("crm.orders.ordered_at_is_readable", "--set", "ordered_at={A47}"),
    ("crm.order_lines.line_is_readable", "--line", "{A49,1}"),
    ("crm.order_lines.order_id_is_present", "--set", "order_id=A51"),
    ("crm.order_lines.quantity_is_readable", "--set", "quantity=3", "--reason", "asked the shop"),
    ("crm.order_lines.unit_price_is_not_negative",),
)


def shop(night: str) -> dict[str, list[str]]:
    """The lines of a shop's files on a night, all of it right: forty customers, most of whom come back."""
    files: dict[str, list[str]] = {name: [] for name in HEADERS}
    for n in range(5):
        files["products"].append(f"P{n},Product {n},c{n % 2},{15 + n},EUR,2024-01-01 09:00:00")
    for n in range(1, 41):
        files["customers"].append(
            f"C{n},person,{'DE' if n % 3 else 'FR'},1980-12-31,2024-01-01 09:00:00,2024-01-01 09:00:00"
        )
        files["consents"].append(f"C{n},profiling,true,2024-01-01 09:00:00,2024-01-01 09:00:00")
        for turn in range(1 + n % 5):
            placed = str(date(2024, 1, 2) + timedelta(days=(29 * n + 61 * turn) % 540))
            if turn == 4:
                placed = NIGHTS[n % 2]
            if placed > night:
                continue
            number, at = n + 40 * turn, f"{placed} 10:00:00"
            files["orders"].append(f"A{number},C{n},sale,completed,{at},EUR,{at}")
            for line in range(1, 3 + n % 2):
                files["order_lines"].append(
                    f"A{number},{line},P{(n + line) % 5},{1 + (n + line) % 3},{15 + (n + turn) % 20},0,{at}"
                )
            if n % 10 == 0:
                files["order_lines"].append(f"A{number},9,P1,1,-5,0,{at}")
    return files


@dataclass(frozen=True)
class Shop:
    """A shop's files, its home, and the project with whose rules it is loaded."""

    folder: Path
    ckm: Callable[..., Finished]

    @property
    def home(self) -> Path:
        return self.folder / "home"

    def open(self) -> "Shop":
        self.folder.mkdir()
        (self.folder / "project").mkdir()
        (self.folder / "project" / "dbt_project").symlink_to(PROJECT / "dbt_project")
        shutil.copytree(PROJECT / "expectations", self.folder / "project" / "expectations")
        document = {
            "company": {"name": "Shop", "time_zone": "Europe/Berlin"},
            "sources": {
                "crm": {
                    "transport": "files",
                    "path": ".",
                    "objects": {name: {"file": f"{name}.csv"} for name in HEADERS},
                }
            },
        }
        (self.folder / "sources.yml").write_text(yaml.safe_dump(document))
        return self

    def allow_vouchers(self) -> None:
        """Mend the rule about prices."""
        file = self.folder / "project" / "expectations" / "raw" / "crm" / "order_lines.json"
        suite = json.loads(file.read_text())
        price = next(r for r in suite["expectations"] if r["meta"]["rule"] == "unit_price_is_not_negative")
        price["kwargs"]["min_value"] = -5
        file.write_text(json.dumps(suite))

    def night(self, night: str, *, wrong: bool) -> None:
        for name, lines in shop(night).items():
            given = [_as_given(name, line) if wrong else line for line in lines]
            (self.folder / f"{name}.csv").write_text("\n".join([HEADERS[name], *given]) + "\n")
        done = self.run("run", "--date", night)
        assert done.code == 0, done.err

    def run(self, *words: Any) -> Finished:
        return self.ckm(
            *words, CKM_HOME=str(self.home), CKM_SOURCES=str(self.folder / "sources.yml"),
            CKM_PROJECT=str(self.folder / "project"), CKM_SECRET="a secret of both homes, of some length",
        )  # fmt: skip


def _as_given(name: str, line: str) -> str:
    for (file, beginning), (right, wrong) in WRONG.items():
        if file == name and line.startswith(beginning):
            assert right in line
            return line.replace(right, wrong, 1)
    return line


def _right(word: str) -> str:
    """A word of `REPLAYS` with what is right filled in."""
    files = shop(NIGHTS[0])
    placed = next(line.split(",")[4] for line in files["orders"] if line.startswith("A47,"))
    line = next(line for line in files["order_lines"] if line.startswith("A49,1,"))
    return word.replace("{A47}", placed).replace("{A49,1}", line)


@pytest.fixture(scope="module")
def shops(tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished]) -> tuple[Shop, Shop]:
    """Two shops after two nights: one whose files and rules were right, one in which a person has mended what was
    set aside on the first night, while its files go on being wrong."""
    folder = tmp_path_factory.mktemp("shops")
    right, wrong = Shop(folder / "right", ckm).open(), Shop(folder / "wrong", ckm).open()
    right.allow_vouchers()
    for night in NIGHTS:
        right.night(night, wrong=False)
    wrong.night(NIGHTS[0], wrong=True)
    wrong.allow_vouchers()
    for which, *how in REPLAYS:
        done = wrong.run("quarantine", "replay", which, *map(_right, how))
        assert done.code == 0, done.err
    wrong.night(NIGHTS[1], wrong=True)
    return right, wrong


def test_what_is_wrong_in_the_files_is_set_aside_on_the_first_night(shops: tuple[Shop, Shop]) -> None:
    _, wrong = shops
    held = rows(
        wrong.home,
        f"select object, quarantined from audit.load_ledger where as_of_date = '{NIGHTS[0]}' and quarantined > 0 "
        "order by all",
    )
    vouchers = sum(",9,P1,1,-5," in line for line in shop(NIGHTS[0])["order_lines"])
    assert held == [("customers", 1), ("order_lines", 3 + vouchers), ("orders", 1)] and vouchers > 3


def test_readers_see_what_they_would_of_systems_that_were_right_from_the_start(
    shops: tuple[Shop, Shop],
) -> None:
    without = OF_THE_NIGHT + LEARNED_CHANCES
    right, wrong = (contents(one.home, STAR_AND_MARTS, without=without) for one in shops)
    assert {name for name, lines in right.items() if lines != wrong[name]} <= LEARNED
    assert [len(right[name]) for name in sorted(LEARNED)] == [len(wrong[name]) for name in sorted(LEARNED)]
    assert sum(map(len, right.values())) > 1000


def test_lines_in_the_star_are_those_of_the_files(shops: tuple[Shop, Shop]) -> None:
    given = [line.split(",") for line in shop(NIGHTS[1])["order_lines"]]
    expected = sorted((o, n, int(q), int(p), int(q) * int(p)) for o, n, _, q, p, *_ in given)
    for one in shops:
        found = rows(
            one.home,
            "select order_id, line_number, quantity::int, unit_price::int, net_revenue::int "
            "from about_customers.fct_order_line order by all",
        )
        assert found == expected


def test_quarantine_says_that_every_row_is_back(shops: tuple[Shop, Shop]) -> None:
    _, wrong = shops
    assert "holds no row that waits" in wrong.run("quarantine", "list").out
    counts = json.loads(wrong.run("quarantine", "list", "--all", "--json").out)
    assert {count["rule"]: count["replayed"] for count in counts} == {
        "birth_date_is_readable": 1, "ordered_at_is_readable": 1, "line_is_readable": 1, "order_id_is_present": 1,
        "quantity_is_readable": 1,
        "unit_price_is_not_negative": sum(",9,P1,1,-5," in line for line in shop(NIGHTS[0])["order_lines"]),
    }  # fmt: skip
