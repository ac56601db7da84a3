"""The pages of a night say what is on record, to anybody, from a file, and nothing else."""

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pytest
from tests.plugins.records import SECRET_ROW, Recorded, recorded

from ckm import nightly, site
from ckm.errors import GateFailed
from ckm.home import Home
from ckm.site import tool_docs
from ckm.warehouse import connect

VOID = {"meta", "input", "link", "br", "img", "polyline", "circle", "rect"}


class Page(HTMLParser):
    """A page's words, and what is wrong with its tags."""

    def __init__(self, text: str) -> None:
        super().__init__()
        self.open: list[str] = []
        self.wrong: list[str] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.said: list[str] = []
        self.feed(text)
        self.close()
        self.words = " ".join(" ".join(self.said).split())

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.open += [] if tag in VOID else [tag]
        self.ids += [given["id"]] if given.get("id") else []
        self.links += [given["href"]] if given.get("href") else []
        if tag == "th" and "scope" not in given:
            self.wrong.append("th without scope")
        if tag == "svg" and not given.get("aria-label"):
            self.wrong.append("picture without words")

    def handle_endtag(self, tag: str) -> None:
        if tag in VOID:
            return
        if not self.open or self.open.pop() != tag:
            self.wrong.append(f"</{tag}> closes nothing")

    def handle_data(self, data: str) -> None:
        if not {"style", "script"} & set(self.open):
            self.said.append(data)


@pytest.fixture(scope="module")
def night(tmp_path_factory: pytest.TempPathFactory) -> Recorded:
    return recorded(tmp_path_factory.mktemp("night"))


@pytest.fixture(scope="module")
def folder(night: Recorded, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The site of the last night."""
    made = tmp_path_factory.mktemp("version") / "site"
    with connect(night.home.warehouse) as connection:
        site.write(
            connection, night.home, made, company="Sturm & <b>Drang</b>", night=night.night.as_of_date,
            run_id=night.night.run_id, status="published", version=night.night.run_id,
        )  # fmt: skip
    return made


@pytest.fixture(scope="module")
def texts(folder: Path) -> dict[str, str]:
    return {name: (folder / name).read_text("utf-8") for name in ("index.html", "gates.html")}


@pytest.fixture(scope="module")
def pages(texts: dict[str, str]) -> dict[str, Page]:
    return {name: Page(text) for name, text in texts.items()}


@pytest.mark.parametrize("name", ["index.html", "gates.html"])
def test_page_is_whole_and_names_its_rows_and_pictures(pages: dict[str, Page], name: str) -> None:
    page = pages[name]
    assert page.wrong == [] and page.open == []
    assert len(set(page.ids)) == len(page.ids)


@pytest.mark.parametrize("name", ["index.html", "gates.html"])
def test_page_fetches_nothing(texts: dict[str, str], name: str) -> None:
    assert re.findall(r"https?:|//[a-z]|@import|url\(|src=", texts[name]) == []
    assert "default-src 'none'" in texts[name]


def test_every_link_leads_somewhere(folder: Path, pages: dict[str, Page]) -> None:
    for page in pages.values():
        for link in page.links:
            target, _, part = link.partition("#")
            assert (folder / target).exists()
            assert not part or part in page.ids


def test_names_are_text_not_markup(pages: dict[str, Page]) -> None:
    assert "Sturm & <b>Drang</b>" in pages["index.html"].words
    assert "Sturm & <b>Drang</b>" in pages["gates.html"].words


def test_first_page_says_how_the_night_ended_and_what_did_not_hold(pages: dict[str, Page]) -> None:
    words = pages["index.html"].words
    assert "! Published, 2 rules did not hold" in words and "All fresh." in words
    assert "crm.orders: The orders are as many as usual." in words
    assert "dbt marts: one_row_per_customer (3 rows)" in words
    assert "2025-01-03.1 ✓ published" in words and "2025-01-02.1 ! published with stale objects" in words


def test_freshness_shows_the_night_on_which_a_source_was_stale(texts: dict[str, str]) -> None:
    complaints = re.search(r">complaints</th>.*?</tr>", texts["index.html"], re.DOTALL).group()
    assert "✓ fresh" in complaints and "2025-01-02 stale" in complaints
    assert complaints.count("class=hollow") == 1


def test_column_that_a_source_has_new_is_named(pages: dict[str, Page]) -> None:
    assert "New columns" in pages["index.html"].words and "crm.orders mood no" in pages["index.html"].words


def test_marts_show_their_rows_and_how_they_grew(texts: dict[str, str]) -> None:
    clv = re.search(r">clv</th>.*?</tr>", texts["index.html"], re.DOTALL).group()
    assert ">102<" in clv and ">+1<" in clv
    assert "100 rows on 2025-01-01, 102 on 2025-01-03" in clv
    assert "dim_date" not in texts["index.html"]


def test_gate_page_says_of_every_rule_what_it_guards_and_found(pages: dict[str, Page]) -> None:
    words = pages["gates.html"].words
    assert "The order id is present. order_id_is_present completeness stops the load ✓ hold 10 0" in words
    assert (
        "The price is positive. price_is_positive range warns sets rows aside ▣ rows set aside 10 2 2 2 new"
        in words
    )
    assert "volume warns ! warned 12 20 to 40" in words
    assert "one_row_per_customer marts ! warned 3" in words


def test_gate_page_counts_rows_in_quarantine_and_shows_none(texts: dict[str, str]) -> None:
    assert "Mustermann" in SECRET_ROW
    assert all("Mustermann" not in text for text in texts.values())


def test_history_shows_only_rules_that_did_not_always_hold(texts: dict[str, str]) -> None:
    history = texts["gates.html"].split("<h2>Rules that did not always hold")[1].split("<h2>")[0]
    assert "price_is_positive" in history and "orders_are_as_many_as_usual" in history
    assert "order_id_is_present" not in history
    assert history.count("○") == 2  # not yet judged on the first two nights


def test_gate_that_stops_a_night_leaves_its_page_in_the_home(tmp_path: Path) -> None:
    stopped = recorded(tmp_path)
    nightly.finish(stopped.night, GateFailed("crm.orders: half the usual rows."))
    page = Page(stopped.home.gate_page.read_text("utf-8"))
    assert page.wrong == []
    assert "stopped at a gate Nothing was published; readers see the version before." in page.words
    assert "crm.orders: half the usual rows." in page.words
    assert [link for link in page.links if not link.startswith("#")] == []


def test_night_that_fails_elsewhere_leaves_no_page(tmp_path: Path) -> None:
    broken = recorded(tmp_path)
    nightly.finish(broken.night, ValueError("no"))
    assert not broken.home.gate_page.exists()


def test_dbt_page_names_no_folder_of_the_machine_and_may_fetch_nothing(tmp_path: Path) -> None:
    home = Home(tmp_path / "home")
    home.dbt_docs.parent.mkdir(parents=True)
    manifest = {"root_path": "/srv/secret/dbt_project", "compiled_path": f"{home.folder}/dbt/target/a.sql"}
    home.dbt_docs.write_text(f"<html><head></head><script>n = [{json.dumps(manifest)}]</script></html>")
    assert tool_docs.copy_dbt_docs(home, tmp_path / "docs")
    page = (tmp_path / "docs" / "index.html").read_text("utf-8")
    assert "/srv" not in page and str(tmp_path) not in page
    assert '"dbt_project"' in page and '"home/dbt/target/a.sql"' in page
    assert "Content-Security-Policy" in page


def test_manifest_that_dbt_was_killed_in_writing_is_as_good_as_none(tmp_path: Path) -> None:
    home = Home(tmp_path)
    (home.dbt / "target").mkdir(parents=True)
    (home.dbt / "target" / "manifest.json").write_text('{"nodes": {"model.ckm.clv": {"na')
    assert tool_docs.nodes(home) == {}
