"""`ckm check` and the look that a night takes: what is wrong is said, what is silent is left to the night."""

import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml
from tests.conftest import PROJECT, Finished
from tests.plugins.extract.api import Answer, Api, serving

from ckm.check import check
from ckm.errors import ConfigurationError

SUITES = PROJECT / "expectations"
COMPLAINTS = {
    "endpoint": "complaints",
    "records": "data",
    "columns": {"complaint_id": "id", "received_at": "at"},
}
EVENTS = {
    "endpoint": "events", "records": "data",
    "columns": {"event_id": "id", "complaint_id": "id", "event_type": "id", "occurred_at": "at"},
}  # fmt: skip


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api([{"id": "1", "at": "2025-07-01"}])) as served:
        yield served


@pytest.fixture
def sources(tmp_path: Path, api: Api) -> Path:
    (tmp_path / "products.csv").write_text("product_id\n1\n")
    api_source: dict[str, Any] = {"transport": "rest", "url": f"{api.url}/api/", "backoff_seconds": 0.01}
    api_source["objects"] = {"complaints": COMPLAINTS, "complaint_events": EVENTS}
    crm = {"transport": "files", "path": ".", "objects": {"products": {"file": "products.csv"}}}
    file = tmp_path / "sources.yml"
    document = {"company": {"name": "T"}, "sources": {"complaints": api_source, "crm": crm}}
    file.write_text(yaml.safe_dump(document, sort_keys=False))
    return file


def objects(found: list[Any]) -> list[str]:
    return [f"{c.source}.{c.object}" for c in found]


def test_all_that_is_there_is_found(sources: Path) -> None:
    expected = ["complaints.complaints", "complaints.complaint_events", "crm.products"]
    assert objects(check(sources, SUITES)[1]) == expected


def test_night_passes_over_a_dead_source_even_the_first_time(sources: Path, api: Api) -> None:
    api.stop()
    assert objects(check(sources, SUITES, seen_before=())[1]) == ["crm.products"]


def test_dead_source_is_looked_at_once(sources: Path, api: Api) -> None:
    api.reply = lambda asked: Answer({}, 500)
    assert objects(check(sources, SUITES, seen_before=())[1]) == ["crm.products"]
    assert {asked.path for asked in api.asked} == {
        "/api/complaints",
        "/api/events",
    }  # it is there, each may be well
    api.stop()
    sources.write_text(sources.read_text().replace("backoff_seconds: 0.01", "backoff_seconds: 2"))
    began = time.monotonic()
    check(sources, SUITES, seen_before=())
    assert 2 <= time.monotonic() - began < 4  # one pause between two attempts, and for one object only


def test_command_reports_a_dead_source(sources: Path, api: Api, ckm: Callable[..., Finished]) -> None:
    api.stop()
    done = ckm("check", "--sources", sources, "--home", sources.parent / "home")
    assert done.code == 2
    assert done.err == (
        f"ckm: {sources}: sources.complaints.objects.complaints: {api.url} does not answer, after 2 attempts. "
        "Start it, or correct url.\n"
    )


def test_night_refuses_a_wrong_configuration_until_it_has_loaded_the_object(sources: Path, api: Api) -> None:
    api.reply = lambda asked: Answer({}, 404) if asked.path == "/api/events" else None
    with pytest.raises(
        ConfigurationError,
        match=r"complaint_events: endpoint events page 1 answers 404\. Correct endpoint or url\.$",
    ):
        check(sources, SUITES, seen_before=())
    found = check(sources, SUITES, seen_before={("complaints", "complaint_events")})[1]
    assert objects(found) == ["complaints.complaints", "crm.products"]


def test_missing_column_names_those_that_are_there(sources: Path, api: Api) -> None:
    api.records = [{"id": "1", "when": "2025-07-01"}]
    with pytest.raises(
        ConfigurationError,
        match=r"column at \(mapped to received_at\) .* It has id, when: correct columns\.$",
    ):
        check(sources, SUITES)
