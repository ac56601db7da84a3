"""Three nights beside an API that is down, comes back, and shows a field that nobody maps."""

import json
from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
import yaml
from tests.conftest import Finished
from tests.pipeline.conftest import rows
from tests.plugins.extract.api import Api, serving

pytestmark = pytest.mark.prove


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api([])) as served:
        yield served


@pytest.fixture
def dead() -> str:
    """An address where nobody listens any more."""
    with serving(Api([])) as gone:
        return gone.url


def test_silent_source_is_stale_from_the_first_night_until_it_answers(
    tmp_path: Path, api: Api, dead: str, ckm: Callable[..., Finished]
) -> None:
    home, sources = tmp_path / "home", tmp_path / "sources.yml"
    (tmp_path / "products.csv").write_text("product_id,updated_at\nP1,2025-01-01 08:00:00\n")
    complaints = {
        "endpoint": "complaints",
        "records": "data",
        "page": {"style": "number", "parameter": "page"},
    }
    complaints["columns"] = {"complaint_id": "id", "received_at": "at"}
    document = {
        "company": {"name": "T"},
        "sources": {
            "crm": {"transport": "files", "path": ".", "objects": {"products": {"file": "products.csv"}}},
            "complaints": {
                "transport": "rest", "url": "${DESK}/api/", "attempts": 2, "backoff_seconds": 0.01,
                "objects": {"complaints": complaints},
            },
        },
    }  # fmt: skip
    sources.write_text(yaml.safe_dump(document, sort_keys=False))

    def night(date: str, desk: str) -> tuple[Finished, str, str]:
        """Run a night; what it, `ckm status` and the site say."""
        done = ckm("run", "--sources", sources, "--home", home, "--date", date, DESK=desk)
        assert "Traceback" not in done.err
        status = ckm("status", "--home", home)
        site = (home / "published" / "current" / "site" / "index.html").read_text("utf-8")
        return done, " ".join(status.out.split()), site.split("<h2>Last nights")[0]

    done, status, head = night("2025-01-01", dead)
    assert done.code == 4, done.err
    assert "Stale: complaints.complaints" in done.out
    assert "stale in run 2025-01-01.1" in status and "does not answer, after 2 attempts." in status
    assert "! Published with stale objects" in head and "complaints.complaints: never loaded." in head
    assert "all fresh" not in status and "All fresh" not in head

    api.records = [{"id": "C1", "at": "2025-01-01T10:00:00Z"}]
    done, status, head = night("2025-01-02", api.url)
    assert done.code == 0, done.err
    assert status.endswith("all fresh") and "All fresh." in head and "Stale" not in head

    api.records += [{"id": "C2", "at": "2025-01-02T10:00:00Z", "mood": "cross"}]
    done, status, _ = night("2025-01-03", api.url)
    assert done.code == 0, done.err
    assert "new columns: 1" in " ".join(done.out.split()) and "new columns of the sources" in status
    site = (home / "published" / "current" / "site" / "index.html").read_text("utf-8")
    assert "<h2>New columns</h2>" in site and ">mood</td>" in site
    said = json.loads(ckm("status", "--home", home, "--json").out)
    assert [run["run_id"] for run in said["runs"]] == [f"2025-01-0{n}.1" for n in (3, 2, 1)]
    assert (said["run_id"], said["stale"]) == ("2025-01-03.1", [])
    assert said["new_columns"] == [{"object": "complaints.complaints", "column": "mood", "is_mapped": False}]

    done, status, head = night("2025-01-05", dead)
    assert done.code == 4, done.err
    stale = json.loads(ckm("status", "--home", home, "--json").out)["stale"]
    assert [(s["object"], s["since"], s["days"]) for s in stale] == [
        ("complaints.complaints", "2025-01-03", 2)
    ]
    assert "as of 2025-01-03, 2 days ago." in head
    assert rows(home, "select is_new from audit.source_columns where column_name = 'mood'") == [(True,)]

    for limit, said in (
        ({"max_staleness_days": 3}, "was last loaded 5 days ago, more than the 3 allowed"),
        ({"required": True}, "complaints.complaints is required, so nothing is published"),
    ):
        document["sources"]["complaints"]["objects"]["complaints"] = complaints | limit
        sources.write_text(yaml.safe_dump(document, sort_keys=False))
        done = ckm("run", "--sources", sources, "--home", home, "--date", "2025-01-08", DESK=dead)
        assert done.code == 1 and said in done.err, done.err
        seen = ckm("status", "--home", home)
        assert "readers see 2025-01-05.1" in " ".join(seen.out.split())
