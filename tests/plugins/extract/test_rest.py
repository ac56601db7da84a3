"""Transport `rest`: an object of an API lands whole or not at all, and what is wrong with the API is said."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any, ClassVar

import duckdb
import pytest
import yaml
from tests.plugins.extract.api import Answer, Api, Asked, serving

from ckm.errors import ObjectFailed, SourceDown
from ckm.extract import Landed, extract_source, probe_object
from ckm.extract.window import Window
from ckm.sources import Sources, load_sources

ALL = Window(None, datetime(2030, 1, 1, tzinfo=UTC))
SINCE = Window(datetime(2025, 6, 1, 12, 30, tzinfo=UTC), datetime(2030, 1, 1, tzinfo=UTC))
NUMBER = {"style": "number", "parameter": "page", "size_parameter": "page_size", "size": 10}
COLUMNS = {
    "complaint_id": "id",
    "received_at": "at",
    "email": "complainant.email",
    "compensation_amount": "paid",
    "updated_at": "at",
}
COMPLAINTS = {
    "endpoint": "complaints", "records": "data", "updated_since": "updated_since", "page": NUMBER,
    "columns": COLUMNS,
}  # fmt: skip
SECRET = "s3cret-value"
OAUTH = {"token_url": "{url}/oauth/token", "client_id": "ckm", "client_secret": SECRET}


def records(count: int) -> list[dict[str, Any]]:
    return [
        {
            "id": f"C{n}",
            "at": "2025-07-01T10:00:00Z",
            "complainant": {"email": f"p{n}@example.com"},
            "paid": 1.5,
        }
        for n in range(1, count + 1)
    ]


@pytest.fixture
def api() -> Iterator[Api]:
    with serving(Api(records(25))) as served:
        yield served


def written(tmp_path: Path, api: Api, objects: dict[str, Any] | None = None, **source: Any) -> Sources:
    source = {
        "transport": "rest", "url": f"{api.url}/api/", "attempts": 3, "timeout_seconds": 2,
        "backoff_seconds": 0.01, **source, "objects": objects or {"complaints": COMPLAINTS},
    }  # fmt: skip
    text = yaml.safe_dump({"company": {"name": "T"}, "sources": {"complaints": source}}, sort_keys=False)
    file = tmp_path / "sources.yml"
    file.write_text(text.replace("{url}", api.url))
    return load_sources(file)


def land(
    tmp_path: Path, api: Api, objects: dict[str, Any] | None = None, window: Window = ALL, **source: Any
) -> list[Landed]:
    sources = written(tmp_path, api, objects, **source)
    windows = dict.fromkeys(sources.sources["complaints"].objects, window)
    return extract_source(sources, "complaints", windows, tmp_path / "landing")


def rows_of(tmp_path: Path, columns: str, name: str = "complaints") -> list[tuple[Any, ...]]:
    files = tmp_path / "landing" / "complaints" / "objects" / name / "*.parquet"
    return duckdb.sql(
        f"select {columns} from read_parquet('{files}', union_by_name = true) order by _row"
    ).fetchall()


def failure(landed: list[Landed]) -> str:
    """The sentence of an object that failed, of which nothing may have landed."""
    assert landed[0].failure is not None
    assert landed[0].rows == 0
    assert SECRET not in landed[0].failure and "@" not in landed[0].failure
    return landed[0].failure.removeprefix("complaints.complaints: ")


def test_pages_land_as_text_with_dotted_names_and_pointers(tmp_path: Path, api: Api) -> None:
    api.records[16] |= {"tags": ["a", {"b": 2.50}], "flag": True, "note": None}
    (landed,) = land(tmp_path, api)
    assert (landed.rows, landed.failure) == (25, None)
    assert set(landed.columns) == {*COLUMNS.values(), "tags", "flag"}
    assert rows_of(tmp_path, 'id, "complainant.email", paid, tags, flag, _pointer')[16] == (
        "C17", "p17@example.com", '1.5', '["a", {"b": 2.5}]', "true", "complaints page 2 record 7 id=C17",
    )  # fmt: skip
    assert [a.query for a in api.paths()] == [{"page": str(n), "page_size": "10"} for n in (1, 2, 3, 4)]


def test_numbers_land_as_they_are_written(tmp_path: Path, api: Api) -> None:
    written = ["12345678901234567.890", "0.10", "1e3", "12345678901234567890123"]
    body = ", ".join(f'{{"id": "C{n}", "at": "x", "paid": {text}}}' for n, text in enumerate(written))
    api.reply = lambda asked: Answer(f'{{"data": [{body if asked.page == 1 else ""}]}}')
    assert land(tmp_path, api)[0].failure is None
    assert [paid for (paid,) in rows_of(tmp_path, "paid")] == written


def test_window_start_is_asked_for_in_utc(tmp_path: Path, api: Api) -> None:
    land(tmp_path, api, {"complaints": COMPLAINTS | {"parameters": {"state": "all"}}}, SINCE)
    assert {(a.query["updated_since"], a.query["state"]) for a in api.paths()} == {
        ("2025-06-01T12:30:00Z", "all")
    }


def test_quiet_night_lands_nothing_and_is_no_failure(tmp_path: Path, api: Api) -> None:
    api.records = []
    (landed,) = land(tmp_path, api, window=SINCE)
    assert (landed.rows, landed.failure, landed.columns) == (0, None, tuple(dict.fromkeys(COLUMNS.values())))
    assert rows_of(tmp_path, "id, _pointer") == []


class TestPaging:
    """Every style reads all there is."""

    @staticmethod
    def ids(tmp_path: Path, api: Api, page: dict[str, Any], **mapping: Any) -> list[str]:
        objects = {"complaints": COMPLAINTS | {"page": page} | mapping}
        (landed,) = land(tmp_path, api, objects)
        assert landed.failure is None
        return [identity for (identity,) in rows_of(tmp_path, "id")]

    EXPECTED = [f"C{n}" for n in range(1, 26)]  # noqa: RUF012 - not changed

    def test_number_from_zero_until_its_total(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer({"data": api.rows(asked.page + 1), "pages": 3})
        page = NUMBER | {"first": 0, "total": "pages"}
        assert self.ids(tmp_path, api, page) == self.EXPECTED
        assert [a.page for a in api.paths()] == [0, 1, 2]

    def test_number_where_the_server_gives_fewer_than_asked(self, tmp_path: Path, api: Api) -> None:
        assert self.ids(tmp_path, api, NUMBER | {"size": 500}) == self.EXPECTED

    @pytest.mark.parametrize("size", [10, 500])
    def test_offset(self, tmp_path: Path, api: Api, size: int) -> None:
        def reply(asked: Asked) -> Answer:
            start = int(asked.query["offset"])
            return Answer({"data": api.records[start : start + 10]})

        api.reply = reply
        page = {"style": "offset", "parameter": "offset", "size_parameter": "limit", "size": size}
        assert self.ids(tmp_path, api, page) == self.EXPECTED

    def test_cursor(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer:
            n = int(asked.query.get("after", "c1")[1:])
            return Answer({"data": api.rows(n), "meta": {"next": f"c{n + 1}" if n < 3 else None}})

        api.reply = reply
        assert (
            self.ids(tmp_path, api, {"style": "cursor", "parameter": "after", "next": "meta.next"})
            == self.EXPECTED
        )

    @pytest.mark.parametrize("last", [None, "", ...])
    def test_link(self, tmp_path: Path, api: Api, last: Any) -> None:
        def reply(asked: Asked) -> Answer:
            onward = f"/api/complaints?page={asked.page + 1}" if asked.page < 3 else last
            return Answer({"data": api.rows(asked.page)} | ({} if onward is ... else {"next": onward}))

        api.reply = reply
        assert self.ids(tmp_path, api, {"style": "link", "next": "next"}) == self.EXPECTED

    def test_link_header_and_a_list_as_the_body(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer:
            link = f'<{api.url}/api/complaints?page={asked.page + 1}>; rel="next"'
            return Answer(api.rows(asked.page), headers={"Link": link} if asked.page < 3 else {})

        api.reply = reply
        assert self.ids(tmp_path, api, {"style": "header"}, records=None) == self.EXPECTED

    def test_single_page_whose_list_is_found(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer({"meta": {"x": 1}, "items": api.records})
        assert self.ids(tmp_path, api, {"style": "single"}, records=None) == self.EXPECTED

    def test_link_to_another_server_is_not_followed(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer(
            {"data": api.rows(1), "next": "http://127.0.0.1:1/api/complaints?page=2"}
        )
        objects = {"complaints": COMPLAINTS | {"page": {"style": "link", "next": "next"}}}
        said = failure(land(tmp_path, api, objects, auth={"token": SECRET}))
        assert said == "endpoint complaints page 1 names a next page on another server."

    @pytest.mark.parametrize("style", ["cursor", "link"])
    def test_full_first_page_that_does_not_say_how_to_go_on_is_not_the_last(
        self, tmp_path: Path, api: Api, style: str
    ) -> None:
        api.reply = lambda asked: Answer(
            {"data": api.rows(1), "meta": {"next_page": "/api/complaints?page=2"}}
        )
        page = {"style": style, "next": "meta.next", "size_parameter": "page_size", "size": 10}
        page |= {"parameter": "after"} if style == "cursor" else {}
        assert failure(land(tmp_path, api, {"complaints": COMPLAINTS | {"page": page}})) == (
            "endpoint complaints page 1 is full and has nothing at meta.next that says how to go on: correct page.next."
        )

    def test_rows_that_overlap_land_as_often_as_they_come(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer(
            {"data": api.records[(asked.page - 1) * 9 : (asked.page - 1) * 9 + 10]}
        )
        (landed,) = land(tmp_path, api)
        assert (landed.rows, landed.failure) == (27, None)
        assert rows_of(tmp_path, "count(distinct id) over ()")[0] == (25,)

    OFFSET: ClassVar = {
        "style": "offset", "parameter": "offset", "size_parameter": "limit", "size": 10, "total": "meta.total",
    }  # fmt: skip

    @staticmethod
    def shrinking(api: Api, readings: int) -> None:
        """Let one record of the first page be deleted while the second is asked for, in so many readings."""

        def reply(asked: Asked) -> Answer:
            start = int(asked.query["offset"])
            if start == 10 and len(api.records) > 25 - readings:
                del api.records[0]
            return Answer({"data": api.records[start : start + 10], "meta": {"total": len(api.records)}})

        api.reply = reply

    def test_record_skipped_by_a_deletion_is_found_by_reading_once_more(
        self, tmp_path: Path, api: Api
    ) -> None:
        self.shrinking(api, readings=1)
        assert self.ids(tmp_path, api, self.OFFSET) == [f"C{n}" for n in range(2, 26)]
        assert len(api.paths()) == 6

    def test_object_that_changes_in_every_reading_fails_with_both_numbers(
        self, tmp_path: Path, api: Api
    ) -> None:
        self.shrinking(api, readings=2)
        assert failure(land(tmp_path, api, {"complaints": COMPLAINTS | {"page": self.OFFSET}})) == (
            "endpoint complaints stated 24 records at first and 23 in the end, so it was being changed while it was "
            "read."
        )
        assert len(api.paths()) == 6

    @pytest.mark.parametrize(
        ("page", "meta", "said"),
        [
            (OFFSET, {"total": 30}, "stated 30 records and gave 25"),
            (NUMBER | {"total": "meta.pages"}, {"pages": 4}, "stated 4 pages and gave 3"),
        ],
    )
    def test_other_number_than_stated_is_read_once_more_and_fails(
        self, tmp_path: Path, api: Api, page: dict[str, Any], meta: dict[str, int], said: str
    ) -> None:
        def reply(asked: Asked) -> Answer:
            start = int(asked.query.get("offset", (asked.page - 1) * 10))
            return Answer({"data": api.records[start : start + 10], "meta": meta})

        api.reply = reply
        assert failure(land(tmp_path, api, {"complaints": COMPLAINTS | {"page": page}})) == (
            f"endpoint complaints {said}, so it was being changed while it was read."
        )
        assert len(api.paths()) == 8

    def test_records_that_are_added_while_reading_are_read_too(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer:
            start = int(asked.query["offset"])
            if start == 10:
                api.records += [record | {"id": "new"} for record in records(1)]
            return Answer({"data": api.records[start : start + 10], "meta": {"total": len(api.records)}})

        api.reply = reply
        assert self.ids(tmp_path, api, self.OFFSET) == [*self.EXPECTED, "new"]

    @pytest.mark.parametrize("pages", [0, 1])
    def test_nothing_is_no_other_number_than_stated(self, tmp_path: Path, api: Api, pages: int) -> None:
        api.reply = lambda asked: Answer({"data": [], "meta": {"pages": pages}})
        assert self.ids(tmp_path, api, NUMBER | {"total": "meta.pages"}) == []

    def test_server_that_repeats_a_page_is_not_asked_for_ever(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer({"data": api.rows(min(asked.page, 2)), "meta": {"page": asked.page}})
        assert failure(land(tmp_path, api)) == (
            "endpoint complaints page 3 is page 2 again, so reading would never end."
        )

    def test_cursor_that_stands_still_is_not_asked_for_ever(self, tmp_path: Path, api: Api) -> None:
        api.reply = lambda asked: Answer({"data": [], "next": "same"})
        objects = {
            "complaints": COMPLAINTS | {"page": {"style": "cursor", "parameter": "after", "next": "next"}}
        }
        assert "page 3 is page 2 again" in failure(land(tmp_path, api, objects))


class TestAuth:
    """Credentials reach the API and nothing else."""

    @pytest.mark.parametrize(
        ("auth", "header", "value"),
        [
            ({"token": SECRET}, "Authorization", f"Bearer {SECRET}"),
            ({"user": "u", "password": SECRET}, "Authorization", "Basic dTpzM2NyZXQtdmFsdWU="),
            ({"header": "X-Api-Key", "key": SECRET}, "X-Api-Key", SECRET),
            (OAUTH, "Authorization", "Bearer token-1"),
        ],
        ids=["token", "basic", "header", "client credentials"],
    )
    def test_every_kind(
        self, tmp_path: Path, api: Api, auth: dict[str, str], header: str, value: str
    ) -> None:
        (landed,) = land(tmp_path, api, auth=auth, headers={"Accept-Language": "de"})
        assert landed.failure is None
        assert {a.headers[header] for a in api.paths()} == {value}
        assert {a.headers["Accept-Language"] for a in api.paths()} == {"de"}
        tokens = api.paths("/oauth/token")
        assert len(tokens) == (auth is OAUTH) and all(SECRET in a.body for a in tokens)

    def test_token_that_expires_early_is_renewed_once(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer | None:
            old = asked.headers.get("Authorization") == "Bearer token-1" and asked.page == 3
            return Answer({"error": "expired"}, 401) if old else None

        api.reply = reply
        (landed,) = land(tmp_path, api, auth=OAUTH)
        assert (landed.rows, landed.failure) == (25, None)
        assert len(api.paths("/oauth/token")) == 2

    def test_token_is_fetched_anew_after_the_seconds_it_holds(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer | None:
            return Answer({"access_token": "t", "expires_in": "0"}) if asked.path == "/oauth/token" else None

        api.reply = reply
        assert land(tmp_path, api, auth=OAUTH)[0].failure is None
        assert len(api.paths("/oauth/token")) == len(api.paths()) == 4

    @pytest.mark.parametrize("auth", [OAUTH, {"token": SECRET}])
    def test_second_refusal_is_a_failure(self, tmp_path: Path, api: Api, auth: dict[str, str]) -> None:
        api.reply = lambda asked: Answer({"error": SECRET}, 401) if asked.path != "/oauth/token" else None
        assert failure(land(tmp_path, api, auth=auth)) == (
            "endpoint complaints page 1 answers 401: it does not accept the credentials under auth."
        )
        assert len(api.paths("/oauth/token")) == (2 if auth is OAUTH else 0)

    @pytest.mark.parametrize(
        ("answer", "said"),
        [
            (Answer({"error": SECRET}, 400), "the token's address /oauth/token answers 400."),
            (Answer({}, 503), "the token's address /oauth/token answers 503, after 3 attempts."),
            (Answer({"token": SECRET}), "the token's address /oauth/token gives no access_token."),
            (Answer("<html>", kind="text/html"), "the token's address /oauth/token is text/html, not JSON."),
        ],
    )  # fmt: skip
    def test_no_token(self, tmp_path: Path, api: Api, answer: Answer, said: str) -> None:
        api.reply = lambda asked: answer if asked.path == "/oauth/token" else None
        assert failure(land(tmp_path, api, auth=OAUTH)) == said


class TestTrouble:
    """What may heal is tried again; what does not fails the whole object."""

    @pytest.mark.parametrize(
        "trouble",
        [
            Answer({}, 429, headers={"Retry-After": "1"}),
            Answer({}, 503),
            Answer(records(10), cut=40),
            Answer('{"data": [{"id": "C1', kind="application/json; charset=utf-8"),
            Answer({}, wait=3),
        ],
        ids=["429", "503", "truncated", "cut short in the text", "timeout"],
    )
    def test_passing_trouble_in_the_middle_loses_and_doubles_nothing(
        self, tmp_path: Path, api: Api, trouble: Answer
    ) -> None:
        pages: list[int] = []

        def reply(asked: Asked) -> Answer | None:
            pages.append(asked.page)
            return trouble if pages == [1, 2] else None

        api.reply = reply
        (landed,) = land(tmp_path, api)
        assert (landed.rows, landed.failure) == (25, None)
        assert pages == [1, 2, 2, 3, 4]
        assert rows_of(tmp_path, "count(distinct id) over ()")[0] == (25,)

    @pytest.mark.parametrize(
        ("trouble", "attempts", "said"),
        [
            (Answer({}, 500), 3, "answers 500, after 3 attempts."),
            (Answer({}, 429), 3, "answers 429, after 3 attempts."),
            (Answer(records(10), cut=40), 3, "breaks off before its end, after 3 attempts."),
            (
                Answer('{"data": [', kind="application/json"),
                3,
                "breaks off before its end, after 3 attempts.",
            ),
            (Answer({}, wait=0.6), 3, "takes more than 0.2 seconds, after 3 attempts."),
            (Answer("<html>down</html>", kind="text/html; charset=utf-8"), 1, "is text/html, not JSON."),
            (Answer("all well", kind="text/plain"), 1, "is text/plain, not JSON."),
            (Answer({"error": SECRET}, 404), 1, "answers 404."),
            (Answer({"error": SECRET}, 403), 1, "answers 403."),
            (Answer({"message": SECRET}), 1, "has no list at data."),
            (Answer({"data": {"id": SECRET}}), 1, "has no list at data."),
        ],
    )
    def test_lasting_trouble_in_the_middle_fails_the_object_and_lands_nothing(
        self, tmp_path: Path, api: Api, trouble: Answer, attempts: int, said: str
    ) -> None:
        api.reply = lambda asked: trouble if asked.page == 2 else None
        mapping = COMPLAINTS | {"parameters": {"key": SECRET}}
        landed = land(tmp_path, api, {"complaints": mapping}, timeout_seconds=0.2 if trouble.wait else 2)
        assert failure(landed) == f"endpoint complaints page 2 {said}"
        assert len(api.paths()) == 1 + attempts

    def test_server_that_dies_in_the_middle_leaves_what_was_whole(self, tmp_path: Path, api: Api) -> None:
        def reply(asked: Asked) -> Answer | None:
            if asked.path == "/api/events" and asked.page == 2:
                api.stop()
                return Answer(records(10), cut=40)
            return None

        api.reply = reply
        events = {"endpoint": "events", "records": "data", "page": NUMBER}
        events |= {
            "columns": {"event_id": "id", "complaint_id": "id", "event_type": "id", "occurred_at": "at"}
        }
        first, second = land(tmp_path, api, {"complaints": COMPLAINTS, "complaint_events": events})
        assert (first.rows, first.failure) == (25, None)
        assert (second.rows, second.failure) == (
            0, f"complaints.complaint_events: {api.url} does not answer, after 3 attempts.",
        )  # fmt: skip

    def test_dead_source_is_tried_for_one_object_only(self, tmp_path: Path, api: Api) -> None:
        api.stop()
        names = ("event_id", "complaint_id", "event_type", "occurred_at", "updated_at")
        other = COMPLAINTS | {"columns": dict.fromkeys(names, "id")}
        objects = {"complaints": COMPLAINTS, "complaint_events": other}
        began = datetime.now(UTC)
        both = land(tmp_path, api, objects, attempts=2, backoff_seconds=2)
        assert [item.failure for item in both] == [
            f"complaints.{o}: {api.url} does not answer, after 2 attempts." for o in objects
        ]
        assert (datetime.now(UTC) - began).total_seconds() < 4


class TestColumns:
    """A column is missing when enough records lack it, not when it is null."""

    def test_null_fields_left_out_are_null(self, tmp_path: Path, api: Api) -> None:
        for n, record in enumerate(api.records):
            if n != 20:
                del record["paid"]
        del api.records[3]["complainant"]
        api.records[4]["complainant"] = None
        assert land(tmp_path, api)[0].failure is None
        found = rows_of(tmp_path, 'paid, "complainant.email"')
        assert [n for n, (paid, _) in enumerate(found) if paid] == [20]
        assert [n for n, (_, email) in enumerate(found) if email is None] == [3, 4]

    def test_dropped_field_fails_the_object(self, tmp_path: Path, api: Api) -> None:
        for record in api.records:
            del record["complainant"]["email"]
        assert failure(land(tmp_path, api)) == (
            "column complainant.email (mapped to email) is not in endpoint complaints."
        )

    def test_dropped_field_of_a_delta_is_looked_for_in_the_rest(self, tmp_path: Path, api: Api) -> None:
        rest = records(10)
        delta = [{k: v for k, v in record.items() if k != "paid"} for record in records(12)]

        def reply(asked: Asked) -> Answer:
            page = delta if "updated_since" in asked.query else rest
            return Answer({"data": page if asked.page == 1 else []})

        api.reply = reply
        assert land(tmp_path, api, window=SINCE)[0].failure is None
        assert rows_of(tmp_path, "count(paid) over (), count(*) over ()")[0] == (0, 12)
        rest = [{k: v for k, v in record.items() if k != "paid"} for record in rest]
        assert failure(land(tmp_path, api, window=SINCE)) == (
            "column paid (mapped to compensation_amount) is not in endpoint complaints."
        )

    @pytest.mark.parametrize(
        ("count", "dropped", "fails"), [(9, "paid", False), (10, "paid", True), (1, "id", True)]
    )
    def test_few_records_are_no_evidence_but_for_a_required_column(
        self, tmp_path: Path, api: Api, count: int, dropped: str, fails: bool
    ) -> None:
        api.records = [{k: v for k, v in record.items() if k != dropped} for record in records(count)]
        (landed,) = land(tmp_path, api)
        assert (landed.failure is not None) == fails
        assert landed.rows == (0 if fails else count)

    def test_text_in_a_number_lands_as_it_is(self, tmp_path: Path, api: Api) -> None:
        api.records[0]["paid"] = "twelve"
        assert land(tmp_path, api)[0].failure is None
        assert rows_of(tmp_path, "paid")[:2] == [("twelve",), ("1.5",)]


def test_record_that_is_no_object_lands_as_its_json_beside_the_others(tmp_path: Path, api: Api) -> None:
    api.records[11] = ["C12", 1.5]  # type: ignore[call-overload]
    api.records[12] = "Fehler"  # type: ignore[call-overload]
    (landed,) = land(tmp_path, api)
    assert (landed.rows, landed.failure, set(landed.columns)) == (25, None, set(COLUMNS.values()))
    broken = "complaints page 2 record {}", "is no JSON object", '{"format": "json"}', None
    assert rows_of(tmp_path, "_line, _pointer, _fault, _header, id")[10:13] == [
        (None, "complaints page 2 record 1 id=C11", None, None, "C11"),
        ('["C12", 1.5]', broken[0].format(2), *broken[1:]),
        ('"Fehler"', broken[0].format(3), *broken[1:]),
    ]


class TestProbing:
    """`ckm check` looks at the first page, briefly."""

    def test_first_page_tells_the_columns(self, tmp_path: Path, api: Api) -> None:
        place, columns = probe_object(written(tmp_path, api), "complaints", "complaints")
        assert (place, columns) == ("endpoint complaints", ["id", "at", "complainant.email", "paid"])
        assert len(api.paths()) == 1

    @pytest.mark.parametrize(
        ("trouble", "is_down"),
        [
            (Answer({}, 500), True), (Answer({}, 429), True), (Answer({}, wait=1), True),
            (Answer({}, 404), False), (Answer({}, 401), False), (Answer("x", kind="text/html"), False),
        ],
    )  # fmt: skip
    def test_silence_is_told_from_a_wrong_configuration(
        self, tmp_path: Path, api: Api, trouble: Answer, is_down: bool
    ) -> None:
        api.reply = lambda asked: trouble
        with pytest.raises(ObjectFailed) as raised:
            probe_object(
                written(tmp_path, api, timeout_seconds=0.3 if trouble.wait else 2), "complaints", "complaints"
            )
        assert isinstance(raised.value, SourceDown) == is_down
        assert not getattr(raised.value, "reaches_nothing", False)
        assert len(api.paths()) == (2 if is_down else 1)

    def test_nobody_there_means_no_object_can_be_read(self, tmp_path: Path, api: Api) -> None:
        api.stop()
        with pytest.raises(SourceDown, match=f"^{api.url} does not answer") as raised:
            probe_object(written(tmp_path, api), "complaints", "complaints")
        assert raised.value.reaches_nothing


def test_what_is_landed_is_on_record_without_secrets(tmp_path: Path, api: Api) -> None:
    land(tmp_path, api, {"complaints": COMPLAINTS | {"parameters": {"key": SECRET}}}, auth=OAUTH)
    note = (tmp_path / "landing" / "complaints" / "landed.json").read_text()
    assert json.loads(note)[0]["rows"] == 25 and SECRET not in note
