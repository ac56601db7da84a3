"""The simulated complaint system's API over a real socket: tokens, pages, pace, and what it refuses."""

import signal
import subprocess
import sys
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, date, datetime
from pathlib import Path
from typing import Any

import duckdb
import pytest
import requests
from tests.conftest import Finished
from tests.plugins.simulate.rows import UNTIL, delivered

from ckm.extract import extract_source
from ckm.extract.window import Window
from ckm.simulate.serve import ComplaintServer
from ckm.sources import load_sources

SECRET = "nordlicht-demo-secret"


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("company")
    delivered(folder, UNTIL)
    return folder


class Client(requests.Session):
    """A client of one server."""

    def __init__(self, server: ComplaintServer) -> None:
        super().__init__()
        self.server = server

    def ask(self, path: str, **parameters: Any) -> requests.Response:
        return self.get(f"{self.server.url}{path}", params=parameters, timeout=10)

    def log_in(self, secret: str = SECRET, **how: Any) -> requests.Response:
        """Fetch a token, by a form unless told otherwise, and use it from now on."""
        given = {"grant_type": "client_credentials", "client_id": "ckm", "client_secret": secret}
        answer = self.post(f"{self.server.url}/oauth/token", timeout=10, **(how or {"data": given}))
        if answer.ok:
            self.headers["Authorization"] = f"Bearer {answer.json()['access_token']}"
        return answer


@contextmanager
def served(folder: Path, **options: Any) -> Iterator[Client]:
    """A client of the company's API on a free port."""
    with ComplaintServer(folder, port=0, **{"requests_per_second": 10_000, **options}) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        with Client(server) as client:
            yield client
        server.shutdown()


@pytest.fixture
def client(company: Path) -> Iterator[Client]:
    with served(company) as client:
        assert client.log_in().ok
        yield client


def stored(company: Path, name: str, columns: str = "id", where: str = "true") -> list[Any]:
    """Rows of the store in its order."""
    file = company / "complaints" / f"{name}.parquet"
    return duckdb.sql(f"select {columns} from '{file}' where {where} order by _row").fetchall()


def by_number(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    records, page = [], 1
    while found := client.ask("/api/complaints", page=page, **parameters).json()["data"]:
        records, page = records + found, page + 1
    return records


def by_cursor(client: Client, **parameters: Any) -> list[dict[str, Any]]:
    body = client.ask("/api/complaint-events", **parameters).json()
    records = body["items"]
    while body["paging"]["next"]:
        body = client.ask("/api/complaint-events", cursor=body["paging"]["next"], **parameters).json()
        records += body["items"]
    return records


def test_numbered_pages_give_every_complaint_once_and_in_order(company: Path, client: Client) -> None:
    first = client.ask("/api/complaints", page_size=200).json()
    ids = [(record["id"],) for record in by_number(client, page_size=200)]
    assert ids == stored(company, "complaints")
    assert (first["page"], first["pages"], first["total"]) == (1, -(-len(ids) // 200), len(ids))
    assert len(first["data"]) == 200


def test_cursor_pages_give_every_event_once_and_in_order(company: Path, client: Client) -> None:
    records = by_cursor(client, limit=77)
    assert [(record["id"],) for record in records] == stored(company, "complaint_events")
    assert None in [record["id"] for record in records]  # a defect, and no end of the pages


@pytest.mark.parametrize(
    "since", ["2024-10-01T00:00:00+02:00", "2024-09-30T22:00:00Z", "2024-09-30T22:00:00"]
)
def test_updated_since_takes_any_offset_and_utc_where_there_is_none(
    company: Path, client: Client, since: str
) -> None:
    where = "_updated_at >= timestamp '2024-09-30 22:00:00'"
    for read, name in ((by_number, "complaints"), (by_cursor, "complaint_events")):
        expected = stored(company, name, where=where)
        assert [(record["id"],) for record in read(client, updated_since=since)] == expected
        assert 100 < len(expected) < 1000


def test_records_are_nested_and_times_bear_the_companys_offset(company: Path, client: Client) -> None:
    columns = 'id, "complainant.email", "complainant.address.city"'
    record = client.ask("/api/complaints", updated_since="2024-07-01").json()["data"][0]
    expected = stored(company, "complaints", columns, "_updated_at >= timestamp '2024-07-01'")[0]
    complainant = record["complainant"]
    assert (record["id"], complainant["email"], complainant["address"]["city"]) == expected
    assert record["updatedAt"].startswith("2024-07-01T10:") and record["updatedAt"].endswith("+02:00")
    winter = client.ask("/api/complaints").json()["data"][0]
    assert winter["updatedAt"].endswith("+01:00")
    assert not any(name.startswith("_") for name in record)


def test_token_is_needed_and_expires(company: Path) -> None:
    with served(company, token_seconds=1) as client:
        assert client.ask("/health").json() == {"status": "ok"}
        assert client.ask("/api/complaints").status_code == 401
        answer = client.log_in().json()
        assert (answer["token_type"], answer["expires_in"]) == ("Bearer", 1)
        assert client.ask("/api/complaints").status_code == 200
        time.sleep(1.1)
        refused = client.ask("/api/complaints")
        assert (refused.status_code, refused.json()["error"]) == (401, "invalid_token")
        client.headers["Authorization"] = "Bearer made-up"
        assert client.ask("/api/complaints").status_code == 401


def test_token_is_given_for_json_too_and_for_the_right_secret_only(company: Path) -> None:
    with served(company) as client:
        wrong = client.log_in("guess")
        assert (wrong.status_code, wrong.json()["error"]) == (401, "invalid_client")
        assert client.log_in(json={"client_id": "ckm", "client_secret": SECRET}).ok
        assert client.ask("/api/complaints").ok
        for body in ({"json": ["ckm"]}, {"data": b"\xff", "headers": {"Content-Type": "application/json"}}):
            assert client.log_in(**body).json()["error"] == "bad_request"
        assert client.log_in(data={"grant_type": "password"}).json()["error"] == "unsupported_grant_type"


def test_too_many_requests_are_told_when_to_come_back(company: Path) -> None:
    with served(company, requests_per_second=5) as client:
        client.log_in()
        answers = [client.ask("/api/complaints", page_size=1) for _ in range(6)]
        refused = [answer for answer in answers if answer.status_code == 429]
        assert refused and refused[0].headers["Retry-After"] == "1"
        assert client.ask("/health").ok
        time.sleep(1.1)
        assert client.ask("/api/complaints").ok


@pytest.mark.parametrize(
    ("path", "status"),
    [
        ("/api/nothing", 404),
        ("/api/complaints?page=0", 400),
        ("/api/complaints?page=two", 400),
        ("/api/complaints?page=1&page=2", 400),
        ("/api/complaints?page_size=100000", 400),
        ("/api/complaints?updated_since=yesterday", 400),
        ("/api/complaints?cursor=x", 400),
        ("/api/complaint-events?cursor=x", 400),
        ("/api/complaint-events?cursor=WyJhIiwgImIiLCAxXQ==", 400),
    ],
)
def test_what_cannot_be_answered_is_an_error_in_json(client: Client, path: str, status: int) -> None:
    answer = client.ask(path)
    assert answer.status_code == status
    assert answer.json()["error"] and answer.json()["message"]


def test_other_methods_and_other_posts_are_errors_in_json(client: Client) -> None:
    assert client.put(f"{client.server.url}/api/complaints").json()["error"] == "not_implemented"
    assert client.post(f"{client.server.url}/api/complaints", data={}).json()["error"] == "not_found"


def test_store_that_was_replaced_is_served_at_once(tmp_path: Path) -> None:
    delivered(tmp_path, date(2024, 3, 31))
    with served(tmp_path) as client:
        client.log_in()
        before = client.ask("/api/complaints").json()["total"]
        delivered(tmp_path, date(2024, 4, 1))
        assert client.ask("/api/complaints").json()["total"] > before


def test_pipeline_reads_the_api_as_the_sources_file_says(
    company: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    with served(company, requests_per_second=20, token_seconds=60) as client:
        monkeypatch.setenv("CKM_COMPLAINTS_URL", client.server.url)
        sources = load_sources(company / "sources.yml")
        windows = dict.fromkeys(
            ("complaints", "complaint_events"), Window(None, datetime(2030, 1, 1, tzinfo=UTC))
        )
        landed = extract_source(sources, "complaints", windows, tmp_path)
    assert [item.failure for item in landed] == [None, None]
    columns = {
        "complaints": 'id, "complainant.address.city", "compensation.amount", "receivedAt"',
        "complaint_events": 'id, "staff.id", note, "occurredAt"',
    }
    for name, own in columns.items():
        parquet = tmp_path / "complaints" / "objects" / name / "*.parquet"
        found = duckdb.sql(f"select {own} from '{parquet}' order by _row").fetchall()
        assert found == stored(company, name, own)


def test_command_serves_until_it_is_told_to_stop(company: Path) -> None:
    command = [sys.executable, "-m", "ckm.cli", "serve", str(company), "--port", "0"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdout is not None
        line = process.stdout.readline()
        address = next(word for word in line.split() if word.startswith("http"))
        assert requests.get(address.replace("/api/", "/health"), timeout=10).ok
        process.send_signal(signal.SIGTERM)
        assert process.wait(timeout=20) == 0


def test_folder_without_a_company_is_refused_in_a_sentence(
    tmp_path: Path, ckm: Callable[..., Finished]
) -> None:
    done = ckm("serve", tmp_path)
    assert done.code == 2
    assert "holds no complaint system: run ckm simulate first." in done.err
