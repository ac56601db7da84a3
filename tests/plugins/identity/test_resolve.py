"""A simulated company's records: right against its truth, the same each time, and the same night by night."""

from datetime import date
from pathlib import Path

import duckdb
import pytest
from benchmarks.identity import measure
from benchmarks.identity.records import load, load_truth

from ckm.errors import ConfigurationError
from ckm.identity import guards, matching, model, probabilistic, resolve
from ckm.identity.tables import prepare
from ckm.simulate import simulate

NIGHT = date(2024, 12, 31)


@pytest.fixture(scope="module")
def systems(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("identity") / "company"
    simulate(folder, customers=2000, seed=5, until=NIGHT)
    return folder


def loaded(systems: Path) -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("set threads = 1")
    load(connection, systems)
    load_truth(connection, systems)
    return connection


@pytest.fixture(scope="module")
def resolved(systems: Path) -> duckdb.DuckDBPyConnection:
    connection = loaded(systems)
    resolve(connection, model.default(), night=NIGHT, home_country="DE", run_id="r1")
    return connection


def pairs(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute("from identity.scored_pair order by left_ref, right_ref").fetchall()


def links(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "select * exclude (run_id) from identity.link order by left_ref, right_ref"
    ).fetchall()


def held(connection: duckdb.DuckDBPyConnection) -> list[tuple]:
    return connection.execute(
        "select record_ref, component_ref from identity.component order by 1"
    ).fetchall()


def test_links_are_right_and_find_what_can_be_told(resolved):
    measure.judge(resolved)
    found = measure.rates(measure.counts(resolved)[measure.ALL])
    assert found["precision"] >= 0.99
    assert found["recall_tellable"] >= 0.90
    assert found["recall_tellable_bare"] >= 0.80


def test_every_link_by_weight_says_what_speaks_for_it(resolved):
    found = resolved.execute(
        """select count(*), count(*) filter (match_probability between 0.9 and 1 and model is not null
            and run_id = 'r1' and abs(list_sum(map_values(field_weights)) - match_weight) < 1e-3)
        from identity.link where rule = 'match weight' and status = 'made'"""
    ).fetchone()
    assert found[0] > 0
    assert found[0] == found[1]


def test_every_link_not_made_has_a_reason(resolved):
    assert resolved.execute(
        "select count(*) from identity.link where (status = 'doubtful') <> (reason is not null)"
    ).fetchone() == (0,)


def test_two_runs_are_equal(systems, resolved):
    again = loaded(systems)
    resolve(again, model.default(), night=NIGHT, home_country="DE")
    assert pairs(again) == pairs(resolved)
    assert links(again) == links(resolved)
    assert held(again) == held(resolved)


def test_night_by_night_is_a_full_rematch(systems, resolved):
    """Half of the records, names as common as among all, then the others and some that have changed."""
    grown = loaded(systems)
    prepare(grown)
    grown.execute("attach ':memory:' as whole")
    grown.execute("create table whole.record as from identity.person_record")
    grown.register("taken", resolved.execute("from identity.term_frequency").fetch_arrow_table())
    grown.execute(
        "insert into identity.term_frequency select * replace (date '2024-12-01' as taken_on) from taken"
    )
    grown.execute("delete from identity.person_record where hash(record_ref) % 2 = 0")
    grown.execute(
        "update identity.person_record set email = null, postal_code = null where hash(record_ref) % 7 = 0"
    )
    resolve(grown, model.default(), night=date(2024, 12, 30), home_country="DE")
    assert 0 < len(pairs(grown)) < len(pairs(resolved))
    grown.execute("delete from identity.person_record")
    grown.execute("insert into identity.person_record from whole.record")
    resolve(grown, model.default(), night=NIGHT, home_country="DE")
    assert pairs(grown) == pairs(resolved)
    assert links(grown) == links(resolved)
    assert held(grown) == held(resolved)
    compared = probabilistic.score(grown, model.default())
    assert compared == 0


def test_training_twice_gives_one_model(resolved, tmp_path):
    one, other = (
        probabilistic.train(resolved, seed=7, version="t", trained_on="2025-01-01") for _ in range(2)
    )
    assert one.settings["comparisons"] == other.settings["comparisons"]
    one.write(tmp_path / "model.json")
    assert model.read(tmp_path / "model.json") == one


def test_model_of_another_format_is_refused(tmp_path):
    (tmp_path / "model.json").write_text('{"format": 0}', "utf-8")
    with pytest.raises(ConfigurationError, match="train again"):
        model.read(tmp_path / "model.json")


def test_chart_needs_no_network(tmp_path):
    probabilistic.chart(model.default(), tmp_path / "weights.html")
    page = (tmp_path / "weights.html").read_text("utf-8")
    assert "match_weight" in page.lower() or "match weight" in page.lower()
    assert 'src="http' not in page


def test_certain_links_leave_fewer_to_be():
    """Two customers of one name, two readers of it: once a rule has linked one pair, the other pair is likelier."""

    def chance(*made):
        connection = duckdb.connect()
        prepare(connection)
        refs = [
            ("crm|customers|1",),
            ("crm|customers|2",),
            ("knowledge|readers|1",),
            ("knowledge|readers|2",),
        ]
        connection.execute("create table identity.normal (record_ref varchar, source varchar, kind varchar, "
                           "given_name varchar, family_name varchar, phone varchar, email varchar, street varchar, "
                           "postal_code varchar, birth_date date, birth_year integer, address_name boolean, "
                           "employer_ref varchar, known_on date, changed_on date)")  # fmt: skip
        connection.executemany(
            "insert into identity.normal (record_ref, source, kind, family_name) "
            "select $1, split_part($1, '|', 1), 'person', 'weber'", refs,
        )  # fmt: skip
        connection.execute("create table identity.comparable as from identity.normal")
        connection.execute(f"create table identity.scored_pair ({probabilistic.PAIR_COLUMNS})")
        connection.executemany(
            "insert into identity.scored_pair values (?, ?, 12, map {}, 'm')",
            [(c, r) for (c,) in refs[:2] for (r,) in refs[2:]],
        )
        connection.execute(
            "create table identity.stated_link (left_ref varchar, right_ref varchar, status varchar)"
        )
        if made:
            connection.execute("insert into identity.stated_link values (?, ?, 'made')", made)
        guards.watch(connection)
        matching.match(connection)
        return connection.execute(
            "select probability from identity.candidate where right_ref = 'knowledge|readers|2' "
            "and left_ref = 'crm|customers|2'"
        ).fetchone()[0]

    assert chance() == pytest.approx(0.5, abs=0.03)
    assert chance("crm|customers|1", "knowledge|readers|1") > 0.98
