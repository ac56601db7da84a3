"""What the documents name exists, and what exists they name."""

import json
import re
from pathlib import Path

import pytest
import yaml
from typer.main import get_command

from ckm.cli import app
from ckm.fields import (
    Auth,
    Company,
    FilesSource,
    Identity,
    ObjectMapping,
    Page,
    RestSource,
    Retention,
    SqlSource,
)
from ckm.nightly import STEPS
from tests.conftest import PROJECT

README = (PROJECT / "README.md").read_text("utf-8")
TARGETS = set(
    re.findall(
        r"^([a-z-]+):.*##", (PROJECT / "Makefile").read_text() + (PROJECT / "airflow.mk").read_text(), re.M
    )
)
MARTS = {file.stem for file in (PROJECT / "dbt_project" / "models" / "marts").glob("*.sql")}


def test_documented_commands_exist_and_existing_commands_are_documented() -> None:
    commands = set(get_command(app).commands)
    assert set(re.findall(r"\bckm (?!\W)([a-z]+)\b(?=[ `])", README)) == commands


def test_documented_options_exist() -> None:
    commands = get_command(app).commands
    known = {
        option for command in commands.values() for parameter in command.params for option in parameter.opts
    }
    named = set(
        re.findall(r"(?<![\w-])(--[a-z][a-z-]+)", "\n".join(re.findall(r"ckm [a-z]+[^\n`]*", README)))
    )
    assert named - {"--help"} <= known


def test_documented_make_targets_exist() -> None:
    named = set(re.findall(r"(?:`|\$ )make ([a-z-]+)\b", README))
    assert named <= TARGETS
    assert {"run", "test", "up"} <= named


def test_every_mart_is_in_the_table_of_marts_and_the_reverse() -> None:
    table = README.split("## Marts", 1)[1].split("\n## ", 1)[0]
    assert set(re.findall(r"^\| `marts\.(\w+)` \|", table, re.M)) == MARTS


def test_every_mart_has_a_suite() -> None:
    assert {file.stem for file in (PROJECT / "expectations" / "marts").glob("*.json")} == MARTS


def test_every_folder_of_the_map_exists() -> None:
    table = README.split("## Folders", 1)[1].split("\n## ", 1)[0]
    for folder in re.findall(r"^\| `([\w/]+)/` \|", table, re.M):
        assert (PROJECT / folder).is_dir(), folder


def test_every_link_leads_somewhere() -> None:
    for document in [PROJECT / "README.md", *(PROJECT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\((?!#)([^)]+)\)", document.read_text("utf-8")):
            assert (document.parent / target.split("#")[0]).exists(), f"{document.name}: {target}"


def test_sources_reference_names_every_field() -> None:
    text = (PROJECT / "docs" / "sources.md").read_text("utf-8")
    for model in (
        Company,
        Retention,
        Identity,
        FilesSource,
        RestSource,
        SqlSource,
        Auth,
        Page,
        ObjectMapping,
    ):
        for field in model.model_fields:
            assert f"`{field}`" in text, f"{model.__name__}.{field}"


@pytest.mark.parametrize(
    "example", sorted((PROJECT / "examples").glob("*/sources.yml")), ids=lambda f: f.parent.name
)
def test_examples_are_sound(example: object, monkeypatch: pytest.MonkeyPatch) -> None:
    from ckm.sources import load_sources

    monkeypatch.setenv("CKM_EXAMPLE_DATA", "data")
    assert load_sources(example).sources


@pytest.mark.parametrize("document", ["README.md", "docs/sources.md"])
def test_documented_sources_are_sound(document: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from ckm.sources import load_sources

    for variable in ("CRM_PASSWORD", "DESK_TOKEN", "DESK_SECRET"):
        monkeypatch.setenv(variable, "x")
    blocks = re.findall(r"```yaml\n(company:.*?)```", (PROJECT / document).read_text("utf-8"), re.S)
    assert blocks
    for block in blocks:
        (tmp_path / "sources.yml").write_text(block)
        assert load_sources(tmp_path / "sources.yml").sources


def test_steps_are_in_the_documented_order() -> None:
    import ckm.nightly

    line = next(text for text in (ckm.nightly.__doc__ or "").splitlines() if "→" in text)
    assert [name.strip() for name in line.split("→")] == ["prepare", *(step.name for step in STEPS)]


def test_no_document_names_a_machine() -> None:
    for document in [PROJECT / "README.md", *(PROJECT / "docs").rglob("*.md")]:
        assert not re.search(r"(?<![\w.])/(home|root|Users)/", document.read_text("utf-8")), document


def test_published_marts_are_described_column_by_column() -> None:
    for file in (PROJECT / "dbt_project" / "models" / "marts").glob("*models.yml"):
        for model in yaml.safe_load(file.read_text("utf-8"))["models"]:
            assert model["description"].startswith(("One row per ", "{{")), model["name"]


def test_suites_speak_in_sentences() -> None:
    for file in (PROJECT / "expectations").rglob("*.json"):
        for item in json.loads(file.read_text())["expectations"]:
            assert item["description"][0].isalpha() and item["description"].endswith("."), file
