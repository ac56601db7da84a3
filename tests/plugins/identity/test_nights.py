"""Random nights: what is made of new, changed and vanished records alone is what would be made of all of them."""

from collections.abc import Iterator
from datetime import date, timedelta
from random import Random
from typing import Any

import duckdb
import pytest

from ckm.identity import MOVED, decisions, deterministic, guards, history, links, probabilistic, resolve
from ckm.identity.model import default
from ckm.identity.normalise import normalise
from ckm.identity.tables import prepare

from .people import complainant, customer, link_without_weights, reader, record

FIRST = date(2025, 7, 1)
SAID = {
    "first_name": ("Anna", "Ana", "Jan", "Dr. Bo", "Mia"),
    "last_name": ("Weber", "Webber", "Vos", "Ek", "unknown"),
    "email": (
        "anna.weber@example.org",
        "jan.vos1@example.org",
        "info@example.net",
        "x@example.org",
        "test@test",
    ),
    "phone": ("0441 123498", "0441 123499", "+49 30 5557771", "000000"),
    "postal_code": ("26123", "D-26123", "10115"),
    "city": ("Oldenburg", "Berlin"),
    "street": ("Am Markt 1", "Am Markt 2"),
    "birth_date": (date(1980, 5, 17), date(1981, 5, 17), date(2004, 1, 2), date(1900, 1, 1)),
}
"""Few of each, so that records meet."""
COMPANIES = {
    "company_name": ("Pumpen GmbH", "Pumpen AG", "Ventile KG"),
    "registration_number": ("HRB 1234", "HRB 1235"),
    "postal_code": ("26123", "10115"),
    "email": ("info@example.net", "x@example.org"),
    "phone": ("0441 123498", "+49 30 5557771"),
}
NUMBERS = range(1, 10)


def anybody(draw: Random) -> dict[str, Any]:
    """A record of any source that says some of what others say, too."""
    number = draw.choice(NUMBERS)
    stated = {"stated_ref": f"crm|customers|c{draw.choice(NUMBERS)}"} if draw.random() < 0.3 else {}
    who = draw.choice(
        (
            lambda: customer(number),
            lambda: customer(number, kind="company"),
            lambda: record(f"crm|contacts|k{number}", parent_ref=f"crm|customers|c{draw.choice(NUMBERS)}"),
            lambda: reader(number, **stated),
            lambda: complainant(number, **stated),
        )
    )()
    says = COMPANIES if who["kind"] == "company" else SAID
    who |= {field: draw.choice(values) for field, values in says.items() if draw.random() < 0.6}
    return who | {
        "known_on": date(2025, 1, draw.randint(1, 9)),
        "changed_on": date(2025, draw.choice((1, 3, 5)), 15),
    }


def nights(
    seed: int, number: int, *, start: int = 20
) -> Iterator[tuple[date, list[dict[str, Any]], list[tuple[str, str]]]]:
    """What stands in the evening: night, records and pairs that documents state; each adds, changes and takes away."""
    draw = Random(seed)
    standing: dict[str, dict[str, Any]] = {}
    stated: list[tuple[str, str]] = []
    for evening in range(number):
        for ref in draw.sample(sorted(standing), k=min(len(standing), draw.choice((0, 0, 1, 3)))):
            del standing[ref]
        for _ in range(draw.choice((1, 2, 4)) if standing else start):
            new = anybody(draw)
            standing[new["record_ref"]] = new
        if draw.random() < 0.5:
            stated = [(draw.choice(sorted(standing)), draw.choice(sorted(standing))) for _ in range(2)]
        yield FIRST + timedelta(evening), list(standing.values()), stated


def put(
    connection: duckdb.DuckDBPyConnection, records: list[dict[str, Any]], stated: list[tuple[str, str]]
) -> None:
    connection.execute("delete from identity.person_record")
    for row in records:
        connection.execute(
            f"insert into identity.person_record ({', '.join(row)}) values ({', '.join('?' * len(row))})",
            list(row.values()),
        )
    connection.execute("delete from identity.stated_pair")
    for pair in stated:
        connection.execute("insert into identity.stated_pair values (?, ?, 'order')", pair)


def empty() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    prepare(connection)
    return connection


def contents(connection: duckdb.DuckDBPyConnection, *tables: str) -> dict[str, list[tuple]]:
    return {table: connection.execute(f"from {table} order by all").fetchall() for table in tables}


def follow(connection: duckdb.DuckDBPyConnection) -> dict[str, list[tuple]]:
    """Take the steps that look at changed records alone."""
    normalise(connection, "DE")
    guards.watch(connection)
    deterministic.link(connection)
    probabilistic.comparable(connection)
    return contents(
        connection, "identity.normal", "identity.placeholder", "identity.shared_value", "identity.ruled_pair",
        "stated_link", "identity.comparable",
    )  # fmt: skip


@pytest.mark.parametrize("seed", [1, 2, 3])
def test_what_follows_from_records_is_the_same_night_by_night(seed):
    grown = empty()
    for _, records, stated in nights(seed, 10):
        alone = empty()
        for connection in (grown, alone):
            put(connection, records, stated)
        assert follow(grown) == follow(alone)


@pytest.mark.parametrize("seed", [5, 6])
def test_history_told_around_who_moved_is_that_of_all(seed):
    draw = Random(seed)
    around, whole = empty(), empty()
    for night, records, stated in nights(seed, 16):
        merges = [sorted(draw.sample([row["record_ref"] for row in records], 2)) for _ in range(3)]
        for connection, moved in ((around, MOVED), (whole, None)):
            put(connection, records, stated)
            follow(connection)
            decisions.load(connection, None)
            for pair in merges:
                connection.execute(
                    "insert into identity.decision values (?, ?, 'merge', null, '2025-07-01')", pair
                )
            link_without_weights(connection)
            history.renew(connection, night, moved)
        told = ("identity.component", "identity.cluster_change", "identity.cluster")
        assert contents(around, *told) == contents(whole, *told)


def test_nights_are_full_rematches(tmp_path):
    """Links, clusters and their history, with decisions that come and go, also after a night that was cut off."""
    draw = Random(0)
    grown, whole = empty(), empty()
    by_weight: set[tuple[str, str]] = set()
    for night, records, stated in nights(8, 8, start=70):
        pair = sorted(draw.sample([row["record_ref"] for row in records], 2))
        decided = tmp_path / "decisions.csv"
        decided.write_text(
            "left_ref,right_ref,decision,reason,decided_on\n"
            f"{','.join(pair)},{draw.choice(('merge', 'apart'))},they said so,2025-07-01\n"
        )
        if night == FIRST + timedelta(5):  # as a night that was cut off leaves it
            grown.execute("delete from identity.match_state")
            grown.execute("delete from identity.normal where hash(record_ref) % 2 = 0")
        found = []
        for connection in (grown, whole):
            put(connection, records, stated)
            resolve(
                connection, default(), night=night, home_country="DE", decided=decided,
                whole=connection is whole,
            )  # fmt: skip
            found.append(
                contents(
                    connection, "identity.scored_pair", "identity.link", "identity.component",
                    "identity.cluster_change", "identity.cluster",
                )
            )  # fmt: skip
        assert found[0] == found[1]
        by_weight |= {row[:2] for row in found[0]["identity.link"] if row[2:4] == (links.BY_WEIGHT, "made")}
    assert by_weight
