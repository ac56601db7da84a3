"""Clusters under the guards, over nights of merging, splitting and deciding."""

from datetime import date
from itertools import pairwise

import pytest

from ckm.errors import ConfigurationError
from ckm.identity import clusters, decisions, guards, links
from ckm.identity.clusters import Link, Member, build

from .people import NIGHT, clustered, complainant, customer, holding, reader

ANNA = {"first_name": "Anna", "last_name": "Weber"}
MAIL = "anna.weber@example.org"


def chain(*refs: str) -> list[Link]:
    return [Link(*pair) for pair in pairwise(refs)]


def test_strong_links_are_kept_and_the_weakest_is_dropped_where_two_customers_would_meet():
    members = {"c1": Member(is_registered=True), "c2": Member(is_registered=True), "r": Member()}
    found, dropped = build([Link("c1", "r"), Link("r", "c2")], members)
    assert found == {"c1": "c1", "r": "c1", "c2": "c2"}
    assert dropped == {("r", "c2"): guards.TWO_CUSTOMERS}


def test_two_birth_dates_do_not_share_a_cluster():
    members = {"a": Member(birth_date=date(1980, 1, 2), birth_year=1980), "b": Member(),
               "c": Member(birth_date=date(1981, 1, 2), birth_year=1981)}  # fmt: skip
    assert build(chain("a", "b", "c"), members)[1] == {("b", "c"): guards.BIRTHS}


def test_birth_years_add_up_over_the_cluster():
    members = {"a": Member(birth_year=1980), "b": Member(birth_year=1981), "c": Member(birth_year=1982)}
    assert build(chain("a", "b", "c"), members)[1] == {("b", "c"): guards.BIRTHS}


def test_cluster_does_not_grow_beyond_its_size():
    refs = [f"m{number:02}" for number in range(clusters.MOST_MEMBERS + 2)]
    found, dropped = build(chain(*refs), dict.fromkeys(refs, Member()))
    assert list(dropped.values()) == [clusters.TOO_MANY]
    assert sorted(found.values()).count("m00") == clusters.MOST_MEMBERS


def test_decision_merges_two_customers_and_another_keeps_apart_whatever_links():
    members = {"c1": Member(is_registered=True), "c2": Member(is_registered=True), "r": Member()}
    found, _ = build([Link("c1", "c2", is_decision=True), Link("c2", "r")], members, apart=[("r", "c1")])
    assert found == {"c1": "c1", "c2": "c1", "r": "r"}


def test_cluster_is_named_by_its_oldest_member_in_the_crm_or_else_of_all():
    old = {"known_on": date(2024, 1, 1)}
    found = clustered(holding(customer(1, **ANNA, email=MAIL), reader(1, email=MAIL, **old)))
    assert found == {"c1": "c1", "r1": "c1"}
    found = clustered(holding(complainant(1, **ANNA, email=MAIL), reader(1, email=MAIL, **old)))
    assert found == {"b1": "r1", "r1": "r1"}


def history(connection):
    return connection.execute(
        "select split_part(record_ref, '|', 3), split_part(founder_ref, '|', 3), valid_from::varchar, "
        "valid_to::varchar from identity.cluster order by 1, 3"
    ).fetchall()


@pytest.fixture
def strangers():
    """A customer, an older reader and a complainant whom nothing links yet."""
    old = {"known_on": date(2024, 1, 1)}
    return holding(customer(1, **ANNA, email=MAIL), reader(1, email="r@example.org", **old), complainant(1))


def decide(connection, tmp_path, *rows):
    file = tmp_path / "decisions.csv"
    file.write_text("\n".join(("left_ref,right_ref,decision,reason,decided_on", *rows)) + "\n", "utf-8")
    decisions.load(connection, file)


MERGE = "knowledge|readers|r1,crm|customers|c1,merge,she told us,2025-07-01"


def test_merge_and_split_leave_a_history_in_which_only_who_moves_is_renamed(strangers, tmp_path):
    assert clustered(strangers) == {"c1": "c1", "r1": "r1", "b1": "b1"}
    decide(strangers, tmp_path, MERGE)
    assert clustered(strangers, date(2025, 7, 1)) == {"c1": "c1", "r1": "c1", "b1": "b1"}
    decide(strangers, tmp_path)
    assert clustered(strangers, date(2025, 7, 5)) == {"c1": "c1", "r1": "r1", "b1": "b1"}
    assert history(strangers) == [
        ("b1", "b1", "1900-01-01", None),
        ("c1", "c1", "1900-01-01", None),  # whoever comes and goes, the customer's name stays
        ("r1", "r1", "1900-01-01", "2025-07-01"),
        ("r1", "c1", "2025-07-01", "2025-07-05"),
        ("r1", "r1", "2025-07-05", None),
    ]


def test_night_that_runs_again_leaves_the_same_history(strangers, tmp_path):
    clustered(strangers)
    decide(strangers, tmp_path, MERGE)
    clustered(strangers, date(2025, 7, 1))
    once = history(strangers)
    clustered(strangers, date(2025, 7, 1))
    assert history(strangers) == once


def test_night_that_runs_again_on_other_decisions_leaves_nothing_of_the_first_time(strangers, tmp_path):
    clustered(strangers)
    before = history(strangers)
    decide(strangers, tmp_path, MERGE)
    clustered(strangers, date(2025, 7, 1))
    decide(strangers, tmp_path)
    clustered(strangers, date(2025, 7, 1))
    assert history(strangers) == before


def test_decision_apart_wins_over_a_rule_and_is_on_record(tmp_path):
    connection = holding(customer(1, **ANNA, email=MAIL), reader(1, email=MAIL))
    assert clustered(connection) == {"c1": "c1", "r1": "c1"}
    decide(connection, tmp_path, "knowledge|readers|r1,crm|customers|c1,apart,her mother reads,2025-07-01")
    assert clustered(connection, date(2025, 7, 1)) == {"c1": "c1", "r1": "r1"}
    assert connection.execute("select status, reason from identity.link").fetchall() == [
        ("doubtful", links.DECIDED_APART)
    ]


def test_decision_apart_holds_over_a_third_record(tmp_path):
    connection = holding(customer(1, **ANNA, email=MAIL), reader(1, email=MAIL), complainant(1, email=MAIL))
    decide(connection, tmp_path, "knowledge|readers|r1,crm|customers|c1,apart,her mother reads,2025-07-01")
    found = clustered(connection)
    assert found["r1"] != found["c1"]


def test_later_decision_on_a_pair_replaces_the_earlier_in_either_order(strangers, tmp_path):
    decide(strangers, tmp_path, MERGE, "crm|customers|c1,knowledge|readers|r1,apart,she did not,2025-07-02")
    assert clustered(strangers) == {"c1": "c1", "r1": "r1", "b1": "b1"}


def test_decision_on_a_record_that_is_not_there_waits_for_it(strangers, tmp_path):
    decide(strangers, tmp_path, "knowledge|readers|r9,crm|customers|c1,merge,she told us,2025-07-01")
    assert clustered(strangers) == {"c1": "c1", "r1": "r1", "b1": "b1"}
    assert strangers.execute("select status, reason from identity.link").fetchall() == [
        ("doubtful", links.UNKNOWN)
    ]


@pytest.mark.parametrize(
    ("row", "says"),
    [
        ("a,b,join,,2025-07-01", "line 2: decision 'join'"),
        ("a,a,merge,,2025-07-01", "line 2"),
        ("a,b,merge,,tomorrow", "on 'tomorrow'"),
    ],
)
def test_wrong_decision_is_refused_in_one_sentence(strangers, tmp_path, row, says):
    with pytest.raises(ConfigurationError, match=says):
        decide(strangers, tmp_path, row)


def test_same_night_twice_is_the_same():
    records = (customer(1, **ANNA, email=MAIL), reader(1, email=MAIL), complainant(1, email=MAIL))
    one, other = holding(*records), holding(*reversed(records))
    assert clustered(one, NIGHT) == clustered(other, NIGHT)
