"""The company's processes before any system shows them: stable pasts, sound references, ordered causes."""

from dataclasses import replace
from datetime import date, datetime, time

import numpy as np
import pyarrow as pa
import pytest
from tests.plugins.simulate.lives import SEED, UNTIL, database, lived, one, table

from ckm.clv import bg_nbd
from ckm.contracts import source_contracts
from ckm.simulate.clock import NEVER
from ckm.simulate.company import COMPANY
from ckm.simulate.draws import Draws
from ckm.simulate.life import live
from ckm.simulate.office import after
from ckm.simulate.truth import personal_values

SMALL, LARGE = 400, 6000
OBJECTS = [(source, name) for source, spec in source_contracts().items() for name in spec.objects]


def _spec(source: str, name: str):
    return source_contracts()[source].objects[name]


def _texts(columns: dict) -> list[tuple]:
    return list(zip(*(pa.array(values).to_pylist() for values in columns.values()), strict=True))


def test_same_seed_gives_the_same_rows_and_another_seed_others() -> None:
    first = lived(SMALL)
    again = live(COMPANY, Draws(SEED), customers=SMALL, until=UNTIL)
    other = lived(SMALL, seed=SEED + 1)
    for source, name in OBJECTS:
        rows = table(first.objects[source][name])
        assert rows.equals(table(again.objects[source][name])), name
    assert not table(first.objects["crm"]["orders"]).equals(table(other.objects["crm"]["orders"]))


@pytest.mark.parametrize(
    ("customers", "until", "later"),
    [
        (SMALL, date(2024, 2, 29), UNTIL),
        (SMALL, date(2025, 7, 13), UNTIL),
        (SMALL, date(2025, 12, 30), UNTIL),
        (SMALL, date(2025, 12, 31), date(2026, 9, 30)),
        (LARGE, date(2024, 6, 30), date(2024, 12, 31)),
    ],
    ids=str,
)
def test_past_is_unchanged_when_until_moves_on(customers: int, until: date, later: date) -> None:
    night = datetime.combine(until, time.max)
    for source, name in OBJECTS:
        spec = _spec(source, name)
        then, now = (lived(customers, day).objects[source][name] for day in (until, later))
        cursors = pa.array(now[spec.cursor]).to_pylist()
        assert all(moment <= night for moment in pa.array(then[spec.cursor]).to_pylist()), name
        shown, rows = set(_texts(then)), _texts(now)
        unchanged = {row for row, moment in zip(rows, cursors, strict=True) if moment <= night}
        assert not unchanged - shown, f"{name}: rows of the past that {until} did not show"
        key = [list(then).index(column) for column in spec.key if column in then]
        changed = {tuple(row[i] for i in key) for row, at in zip(rows, cursors, strict=True) if at > night}
        gone = {tuple(row[i] for i in key) for row in shown - unchanged} - changed
        assert not gone, f"{name}: rows that are gone"


@pytest.mark.parametrize(("source", "name"), OBJECTS)
def test_every_object_has_sound_rows(source: str, name: str) -> None:
    spec, columns = _spec(source, name), lived(SMALL).objects[source][name]
    rows = table(columns)
    assert rows.num_rows > 0
    assert set(columns) - {"_uid"} <= set(spec.columns)
    assert len(np.unique(columns["_uid"])) == rows.num_rows
    for column, declared in spec.columns.items():
        if column in columns and (declared.required or column in spec.key):
            assert rows[column].null_count == 0, column
    keys = [column for column in spec.key if column in columns]
    assert rows.group_by(keys).aggregate([]).num_rows == rows.num_rows


REFERENCES = [
    (name, column, declared.references)
    for source, name in OBJECTS
    for column, declared in _spec(source, name).columns.items()
    if declared.references
]


@pytest.mark.parametrize(("name", "column", "to"), REFERENCES)
def test_references_hold(name: str, column: str, to: str) -> None:
    parent, key = to.split(".")[-2:]
    sql = f"""
        select count({column}), count(*) filter (
            {column} is not null and {column} not in (select {key} from {parent} where {key} is not null))
        from {name}"""
    stated, orphans = one(database(LARGE), sql)
    assert stated > 0 and orphans == 0


def test_a_child_is_not_older_than_its_parent() -> None:
    pairs = {
        "complaint_events.complaint_id": "occurred_at >= received_at from {} join complaints",
        "deliveries.article_id": "delivered_at >= published_at and (retired_on is null or delivered_at"
        " <= retired_on + interval 7 hour) from {} join articles",
        "contributions.initiative_id": "contributed_at >= started_on and (ended_on is null or contributed_at"
        " < ended_on + interval 1 day) from {} join initiatives",
        "contributions.member_id": "contributed_at >= joined_at and (left_at is null or contributed_at <"
        " left_at) from {} join members",
        "responses.invitation_id": "responded_at >= invited_at from {} join invitations",
        "complaints.order_id": "received_at > ordered_at from {} join orders",
        "ip_shares.initiative_id": "granted_on > started_on from {} join initiatives",
    }
    for child, condition in pairs.items():
        name, key = child.split(".")
        rest = condition.format(name)
        sql = f"select count(*), count(*) filter (not ({rest.split(' from ')[0]})) from {rest.split(' from ')[1]}"
        count, wrong = one(database(LARGE), f"{sql} using ({key})")
        assert count > 0 and wrong == 0, child


def test_events_agree_with_their_complaint() -> None:
    sql = """
        with seen as (
            select complaint_id,
                min(occurred_at) filter (event_type = 'received') as received,
                min(occurred_at) filter (event_type in ('acted', 'contacted')) as acted,
                max(occurred_at) filter (event_type = 'resolved') as resolved,
                max(occurred_at) filter (event_type = 'reopened') as reopened,
                max(occurred_at) filter (event_type = 'closed') as closed,
                max(occurred_at) as newest,
                arg_min(employee_id, occurred_at) as receiver,
                arg_max(employee_id, occurred_at) filter (event_type = 'resolved') as resolver
            from complaint_events group by complaint_id)
        select count(*),
            count(*) filter (received is distinct from received_at),
            count(*) filter (acted is distinct from first_action_at),
            count(*) filter (case when reopened > resolved then null else resolved end
                is distinct from resolved_at),
            count(*) filter (closed is distinct from closed_at),
            count(*) filter (newest is distinct from updated_at),
            count(*) filter (receiver is distinct from received_by_employee_id),
            count(*) filter (resolved_at is not null and resolver is distinct from resolved_by_employee_id)
        from complaints left join seen using (complaint_id)"""
    count, *wrong = one(database(LARGE), sql)
    assert count > 500 and wrong == [0] * 7
    statuses = """
        select count(*) from complaints where status <> case
            when resolved_at is not null and resolution = 'rejection' then 'rejected'
            when closed_at is not null then 'closed' when resolved_at is not null then 'resolved'
            when first_action_at is not null then 'in_progress' else 'open' end"""
    assert one(database(LARGE), statuses) == (0,)


def test_business_hours_leave_out_nights_and_weekends() -> None:
    friday = np.array([np.datetime64("2025-12-05T16:00:00").astype(np.int64)])
    for hours, then in ((0.5, "2025-12-05T16:30"), (2, "2025-12-08T10:00"), (41, "2025-12-15T09:00")):
        assert after(friday, hours).astype("datetime64[s]")[0] == np.datetime64(then)
    saturday = np.array([np.datetime64("2025-12-06T11:00:00").astype(np.int64)])
    assert after(saturday, 1.0).astype("datetime64[s]")[0] == np.datetime64("2025-12-08T10:00")


def test_who_leaves_does_nothing_any_more() -> None:
    connection = database(LARGE)
    connection.execute(
        "create or replace temp view leaver as select * from truth_customers where left_at is not null"
    )
    (count,) = one(connection, "select count(*) from leaver")
    assert count > 10
    later = {
        "orders": "orders join leaver using (customer_id) where lower(trim(order_type)) = 'sale' and ordered_at",
        "subscriptions": "subscriptions join leaver using (customer_id) where started_on",
        "searches": _acted("searches", "search_id") + "searched_at",
        "contributions": _acted("contributions", "contribution_id") + "contributed_at",
    }
    for name, rows in later.items():
        assert one(connection, f"select count(*) from {rows} > left_at") == (0,), name
    cause = """select count(distinct customer_id) from leaver join truth_complaints using (customer_id)
        where ended_at = left_at and is_badly_handled and makes_leave"""
    assert one(connection, cause) == (count,)
    assert one(connection, "select count(*) from leaver where alive") == (0,)


def _acted(name: str, key: str) -> str:
    """The rows of an object that leavers caused, up to a condition."""
    return f"""{name} join truth_actors a on a.object = '{name}' and a.native_id = {key}
        join leaver on leaver.customer_id = a.customer_id where """


def test_some_leavers_would_have_ordered_again() -> None:
    """The leaving must bite: without it there are more sales, and all others are the same."""
    gentle = replace(COMPANY, complaining=replace(COMPANY.complaining, leave_rate=0.0))
    patient = live(gentle, Draws(SEED), customers=LARGE, until=UNTIL)
    assert (patient.left == NEVER).all()
    stays, all_of_them = (set(life.objects["crm"]["orders"]["_uid"]) for life in (lived(LARGE), patient))
    assert stays < all_of_them


def test_purchases_follow_bg_nbd_with_the_company_s_parameters() -> None:
    customers = 20_000
    sql = """
        select count(*) - 1 as frequency,
            epoch(max(ordered_at) - min(ordered_at)) / 86400 as recency,
            epoch(timestamp '2026-01-01' - min(ordered_at)) / 86400 as age
        from orders where customer_id is not null and lower(trim(order_type)) = 'sale'
            and lower(trim(status)) <> 'cancelled'
        group by customer_id"""
    states = database(customers).execute(sql).fetchnumpy()
    found = bg_nbd.fit(states["frequency"], states["recency"], states["age"])
    for name in ("r", "alpha", "a", "b"):
        estimate, error = getattr(found.parameters, name), getattr(found.standard_errors, name)
        truth = getattr(COMPANY, f"bgnbd_{name}")
        assert abs(estimate - truth) < 4 * error + 0.06 * truth, (name, estimate, error)


def test_personal_values_hold_every_identifier_and_free_text() -> None:
    life = lived(SMALL)
    personal = set(personal_values(life.objects, life.former_streets).to_pylist())
    assert "" not in personal and None not in personal
    for source, name in OBJECTS:
        for column, declared in _spec(source, name).columns.items():
            columns = life.objects[source][name]
            direct = declared.privacy in ("direct_identifier", "free_text")
            if direct and column in columns and column not in ("first_name", "last_name"):
                values = set(columns[column].drop_null().to_pylist())
                assert values <= personal and values, (name, column)


@pytest.mark.parametrize("until", [date(2024, 1, 1), date(2024, 1, 20), date(2024, 5, 1)], ids=str)
@pytest.mark.parametrize("customers", [1, 7])
def test_a_young_and_small_company_lives(customers: int, until: date) -> None:
    life = lived(customers, until)
    assert set(life.objects) == set(source_contracts())
    for source, name in OBJECTS:
        assert set(table(life.objects[source][name]).column_names) >= set(_spec(source, name).key) - {
            "to_currency"
        }
