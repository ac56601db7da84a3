"""What a night finds stays what it found, whichever nights run again; and for which customer a record stands."""

from datetime import date

from .people import clustered, complainant, customer, holding, reader, record

FIRST, SECOND, THIRD = date(2025, 7, 1), date(2025, 7, 2), date(2025, 7, 3)
ANNA = {"first_name": "Anna", "last_name": "Weber"}


def decide(connection, *decisions):
    connection.execute("delete from identity.decision")
    for left, right, decision in decisions:
        connection.execute(
            "insert into identity.decision values (least($1, $2), greatest($1, $2), $3, null, '2025-07-01')",
            [left, right, decision],
        )


def history(connection):
    return connection.execute(
        "select split_part(record_ref, '|', 3), split_part(founder_ref, '|', 3), "
        "split_part(customer_ref, '|', 3), valid_from::varchar, valid_to::varchar from identity.cluster order by 1, 4"
    ).fetchall()


def standing(connection):
    """Customer by record, by their native ids."""
    return {
        ref: customer_ref for ref, _, customer_ref, _, valid_to in history(connection) if valid_to is None
    }


def three_nights():
    """A reader who is nobody's, is the customer's for a night, and is nobody's again."""
    connection = holding(customer(1, **ANNA), reader(1))
    clustered(connection, FIRST)
    decide(connection, ("crm|customers|c1", "knowledge|readers|r1", "merge"))
    clustered(connection, SECOND)
    decide(connection)
    clustered(connection, THIRD)
    return connection


def test_nights_tell_when_a_reader_was_whose():
    assert history(three_nights()) == [
        ("c1", "c1", "c1", "1900-01-01", None),
        ("r1", "r1", None, "1900-01-01", "2025-07-02"),
        ("r1", "c1", "c1", "2025-07-02", "2025-07-03"),
        ("r1", "r1", None, "2025-07-03", None),
    ]


def test_old_night_that_runs_again_takes_nothing_from_the_later_ones():
    connection = three_nights()
    whole = history(connection)
    clustered(connection, FIRST)
    assert history(connection) == [
        ("c1", "c1", "c1", "1900-01-01", None),
        ("r1", "r1", None, "1900-01-01", None),
    ]
    clustered(connection, THIRD)
    assert history(connection) == whole


def test_old_night_that_finds_something_else_now_changes_its_own_part_only():
    connection = three_nights()
    clustered(connection, SECOND)  # without the decision
    clustered(connection, THIRD)
    assert history(connection) == [
        ("c1", "c1", "c1", "1900-01-01", None),
        ("r1", "r1", None, "1900-01-01", None),
    ]
    decide(connection, ("crm|customers|c1", "knowledge|readers|r1", "merge"))
    clustered(connection, FIRST)
    decide(connection)
    clustered(connection, THIRD)
    assert history(connection) == [
        ("c1", "c1", "c1", "1900-01-01", None),
        ("r1", "c1", "c1", "1900-01-01", "2025-07-02"),
        ("r1", "r1", None, "2025-07-02", None),
    ]


def test_record_that_leaves_its_source_leaves_its_cluster():
    connection = three_nights()
    connection.execute("delete from identity.normal where object = 'readers'")
    clustered(connection, date(2025, 7, 4))
    assert history(connection)[-1] == ("r1", "r1", None, "2025-07-03", "2025-07-04")


def test_founder_stays_the_oldest_when_retention_takes_its_oldest_versions():
    connection = holding(
        customer(1, known_on=FIRST), complainant(1, known_on=FIRST), reader(1, known_on=SECOND)
    )
    decide(connection, ("crm|customers|c1", "knowledge|readers|r1", "merge"))
    assert clustered(connection, SECOND)["r1"] == "c1"
    connection.execute("update identity.normal set known_on = '2026-01-01' where source = 'crm'")
    assert clustered(connection, THIRD)["r1"] == "c1"


def test_person_of_a_company_stands_for_it_and_one_of_two_companies_for_none():
    company = {"kind": "company", "company_name": "Pumpen GmbH"}
    connection = holding(
        customer(1, **company), customer(2, **(company | {"company_name": "Ventile AG"})), customer(3, **ANNA),
        record("crm|contacts|k1", parent_ref="crm|customers|c1", **ANNA),
        record("crm|contacts|k2", parent_ref="crm|customers|c2", first_name="Bo", last_name="Ek"),
        reader(1), reader(2, stated_ref="crm|customers|c2"), reader(3), reader(4, stated_ref="crm|customers|c9"),
    )  # fmt: skip
    decide(
        connection,
        ("crm|contacts|k1", "knowledge|readers|r1", "merge"),
        ("crm|customers|c3", "knowledge|readers|r3", "merge"),
    )
    found = clustered(connection, FIRST)
    assert standing(connection) == {
        "c1": "c1", "c2": "c2", "c3": "c3", "k1": "c1", "k2": "c2", "r1": "c1", "r2": "c2", "r3": "c3", "r4": None,
    }  # fmt: skip
    assert found["r1"] == "k1", "the contact is a person of her own"
    decide(connection, ("crm|contacts|k1", "crm|contacts|k2", "merge"))
    clustered(connection, SECOND)
    assert standing(connection)["k1"] is standing(connection)["k2"] is None


def test_customers_that_a_decision_makes_one_have_the_key_of_the_older():
    connection = holding(customer(1, **ANNA), customer(2, known_on=date(2024, 1, 1)))
    decide(connection, ("crm|customers|c1", "crm|customers|c2", "merge"))
    clustered(connection, FIRST)
    assert standing(connection) == {"c1": "c2", "c2": "c2"}
