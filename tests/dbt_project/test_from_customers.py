"""What customers say, over two nights: complaints and their handling, surveys and their answers, observations."""

from datetime import date
from math import sqrt
from typing import Any

import pytest

from .conftest import NIGHT_1, NIGHT_2, Warehouse, at

pytestmark = pytest.mark.slow

State = dict[str, list[tuple[Any, ...]]]
BERLIN = {"time_zone": "Europe/Berlin"}
MODELS = ("+path:models/star/from_customers", "+complaint_handling", "+loyalty_monitor")
TABLES = (
    "from_customers.dim_complaint_category",
    "from_customers.dim_survey_question",
    "from_customers.fct_complaint",
    "from_customers.fct_complaint_event",
    "from_customers.fct_survey_invitation",
    "from_customers.fct_survey_response",
    "from_customers.fct_survey_answer",
    "from_customers.fct_observation",
    "marts.complaint_handling",
    "marts.loyalty_monitor",
)


def state(w: Warehouse) -> State:
    return {table: w.table(table) for table in TABLES}


def complaint(complaint_id: str, day: str, time: str = "10:00", **more: Any) -> dict[str, Any]:
    return {"complaint_id": complaint_id, "received_at": at(day, time), "category": "Delivery", **more}


def event(event_id: str, complaint_id: str, event_type: str, day: str, **more: Any) -> dict[str, Any]:
    values = {"event_id": event_id, "complaint_id": complaint_id, "event_type": event_type}
    return {**values, "occurred_at": at(day), **more}


def response(response_id: str, survey_id: str = "NPS", **more: Any) -> dict[str, Any]:
    return {"response_id": response_id, "survey_id": survey_id, "responded_at": at("2024-02-09"), **more}


def answer(response_id: str, question_id: str, value: float) -> dict[str, Any]:
    return {"response_id": response_id, "question_id": question_id, "answer_value": value}


def observation(day: str) -> dict[str, Any]:
    values = {"observation_id": "S1", "observation_type": "Field note", "employee_id": "E9"}
    return {**values, "customer_id": "C2", "observed_at": at(day)}


def first_night(w: Warehouse) -> None:
    w.insert("customers", NIGHT_1, {"customer_id": "C1", "segment": "gold"}, {"customer_id": "C2"})
    w.insert("orders", NIGHT_1, {"order_id": "O1", "customer_id": "C2", "ordered_at": at("2024-01-09")})
    first = complaint("B1", "2024-01-31", "23:30", complainant_id="P1", customer_id="C1")
    w.insert(
        "complaints",
        NIGHT_1,
        # half past midnight of the first of February in Berlin
        {**first, "status": "In Progress", "product_id": "P9", "channel": " Mail "},
        complaint("B2", "2024-02-09", complainant_id="P1", received_by_employee_id="E7",
                  resolved_by_employee_id="E7", first_action_at=at("2024-02-09", "10:30"),
                  resolved_at=at("2024-02-12", "09:00"), due_at=at("2024-02-16"), compensation_amount=12.5),
        complaint("B3", "2023-12-27", complainant_id="P2", category=None),
        source="complaints",
    )  # fmt: skip
    w.insert(
        "complaint_events",
        NIGHT_1,
        event("V1", "B2", "contacted", "2024-02-09", employee_id="E8", channel="phone"),
        event("V2", "B2", "resolved", "2024-02-12"),
        event("V3", "B9 unknown", "received", "2024-02-12"),
        source="complaints",
    )
    w.insert(
        "surveys", NIGHT_1, {"survey_id": "NPS", "survey_name": "Loyalty", "survey_type": "Relationship"},
        source="surveys",
    )  # fmt: skip
    w.insert(
        "questions", NIGHT_1, {"survey_id": "NPS", "question_id": "Q1", "construct": "NPS"},
        {"survey_id": "NPS", "question_id": "Q2", "construct": "ces", "scale_min": 1, "scale_max": 5,
         "is_reversed": True},
        source="surveys",
    )  # fmt: skip
    w.insert(
        "invitations", NIGHT_1,
        {"invitation_id": "I1", "survey_id": "NPS", "respondent_id": "R1", "customer_id": "C1",
         "invited_at": at("2024-01-31", "12:00")},
        {"invitation_id": "I2", "survey_id": "NPS", "respondent_id": "R2", "invited_at": at("2024-01-31")},
        source="surveys",
    )  # fmt: skip
    w.insert(
        "responses",
        NIGHT_1,
        response("A1", invitation_id="I1", is_complete=False),
        response("A2", order_id="O1"),
        response("A3", complaint_id="B2", respondent_id="R9"),
        response("A4", survey_id="Old"),
        source="surveys",
    )
    w.insert(
        "answers",
        NIGHT_1,
        answer("A1", "Q1", 9),
        answer("A1", "Q2", 2),
        answer("A2", "Q1", 11),
        answer("A3", "Q1", 6),
        answer("A3", "Q7 unlisted", 6),
        answer("A9 unknown", "Q1", 1),
        source="surveys",
    )
    w.insert("observations", NIGHT_1, observation("2024-02-01"), source="surveys")


def second_night(w: Warehouse) -> None:
    """A resolution, a complaint known late, an invitation answered twice, a deletion, a scale, a mended day."""
    solved = complaint("B1", "2024-01-31", "23:30", complainant_id="P1", customer_id="C1", product_id="P9",
                       channel=" Mail ", resolved_at=at("2024-03-01", "15:00"))  # fmt: skip
    w.insert("complaints", NIGHT_2, solved, complaint("B9 unknown", "2024-01-02"), source="complaints")
    w.insert("complaints", NIGHT_2, complaint("B3", "2023-12-27"), source="complaints", is_deleted=True)
    w.insert("complaint_events", NIGHT_2, event("V4", "B2", "reopened", "2024-03-01"), source="complaints")
    w.insert("responses", NIGHT_2, response("A5", invitation_id="I1"), source="surveys")
    w.insert("answers", NIGHT_2, answer("A5", "Q1", 3), source="surveys")
    w.insert("answers", NIGHT_2, answer("A9 unknown", "Q1", 1), source="surveys", is_deleted=True)
    listed = {"survey_id": "NPS", "question_id": "Q7 unlisted", "scale_min": 1, "scale_max": 11}
    w.insert("questions", NIGHT_2, listed, source="surveys")
    w.insert("observations", NIGHT_2, observation("2023-11-01"), source="surveys")


@pytest.fixture(scope="module")
def said(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, State]:
    """The warehouse after both nights, and what the first one had given."""
    w = Warehouse(tmp_path_factory.mktemp("said"), BERLIN)
    first_night(w)
    w.match(NIGHT_1)
    w.dbt("run", NIGHT_1, "--select", *MODELS)
    after_first = state(w)
    second_night(w)
    w.match(NIGHT_2)
    w.dbt("build", NIGHT_2, "--select", *MODELS, "--exclude-resource-type", "unit_test")
    return w, after_first


def customers_of(w: Warehouse, columns: str, fact: str) -> list[tuple[Any, ...]]:
    """Rows of a fact with the CRM's id in place of customer_key."""
    return w.rows(
        f"""
        select {columns}, identity.native_id
        from from_customers.{fact} as fact
        left join identity.customer_identity as identity
            on identity.customer_key = fact.customer_key and identity.object = 'customers'
        order by all
        """
    )


def test_a_complaint_belongs_to_the_customer_of_its_complainant(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    assert customers_of(w, "complaint_id, is_recurrence", "fct_complaint") == [
        ("B1", False, "C1"),
        ("B2", True, "C1"),  # states no customer, but its complainant is known from B1
        ("B9 unknown", None, None),
    ]


def test_a_step_finds_its_complaint_when_that_is_known_later(said: tuple[Warehouse, State]) -> None:
    w, after_first = said
    facts = w.rows(
        "select event_id, complaint_key is not null from from_customers.fct_complaint_event order by all"
    )
    assert facts == [("V1", True), ("V2", True), ("V3", True), ("V4", True)]
    assert len(after_first["from_customers.fct_complaint_event"]) == 3


def test_a_complaint_takes_its_days_from_the_companys_zone(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    (found,) = w.rows(
        "select received_date, received_date_key, resolved_date, status, channel, business_hours_to_resolve "
        "from from_customers.fct_complaint where complaint_id = 'B1'"
    )
    # Thursday, 1 February to Friday, 1 March, 16:00: 21 days and seven hours
    assert found == (date(2024, 2, 1), 20240201, date(2024, 3, 1), "resolved", "mail", 21 * 8 + 7)


def test_complaint_handling_follows_a_complaint_through_the_nights(said: tuple[Warehouse, State]) -> None:
    w, after_first = said
    months = w.rows(
        "select month, opened, resolved, resolved_with_events, first_contact_resolutions, compensation "
        "from marts.complaint_handling where category = 'all' order by month"
    )
    # the complaint of December was deleted, February's was reopened by the second night
    assert months == [(date(2024, 1, 1), 1, 0, 0, 0, 0), (date(2024, 2, 1), 2, 2, 1, 0, 12.5)]
    assert sorted({(row[1], row[2], row[3]) for row in after_first["marts.complaint_handling"]}) == [
        (date(2023, 12, 1), "all", 1),
        (date(2023, 12, 1), "unknown", 1),
        (date(2024, 2, 1), "all", 2),
        (date(2024, 2, 1), "delivery", 2),
    ]


def test_a_response_belongs_to_the_customer_of_what_it_is_about(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    assert customers_of(w, "response_id", "fct_survey_response") == [
        ("A1", "C1"),  # of the invitation
        ("A2", "C2"),  # of the order
        ("A3", "C1"),  # of the complaint
        ("A4", None),
        ("A5", "C1"),
    ]


def test_answers_stand_on_the_scale_of_their_question(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    assert w.rows(
        "select response_id, question_id, scaled_value from from_customers.fct_survey_answer order by all"
    ) == [
        ("A1", "Q1", 0.9),
        ("A1", "Q2", 0.75),
        ("A2", "Q1", None),
        ("A3", "Q1", 0.6),
        ("A3", "Q7 unlisted", 0.5),
        ("A5", "Q1", 0.3),
    ]


def test_loyalty_monitor_counts_one_response_to_an_invitation(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    rows = w.rows(
        "select month, survey_id, segment, invited, responses, invited_responses, promoters, detractors "
        "from marts.loyalty_monitor order by all"
    )
    january, february = date(2024, 1, 1), date(2024, 2, 1)
    assert rows == [
        (january, "NPS", "all", 2, 1, 1, 0, 1),  # A5, the complete one, takes the place of A1
        (january, "NPS", "gold", 1, 1, 1, 0, 1),
        (january, "NPS", "unknown", 1, 0, 0, 0, 0),
        (february, "NPS", "all", 0, 2, 0, 0, 1),
        (february, "NPS", "gold", 0, 1, 0, 0, 1),
        (february, "NPS", "unknown", 0, 1, 0, 0, 0),
        (february, "Old", "all", 0, 1, 0, 0, 0),
        (february, "Old", "unknown", 0, 1, 0, 0, 0),
    ]


def test_the_interval_of_nps_is_that_of_three_answers_more(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    rows = w.rows(
        "select promoters, detractors, nps_responses, nps, nps_low, nps_high from marts.loyalty_monitor "
        "where nps is not null"
    )
    assert rows
    for promoters, detractors, answers, nps, low, high in rows:
        p, d = (promoters + 0.75) / (answers + 3), (detractors + 0.75) / (answers + 3)
        half = 1.96 * sqrt((p + d - (p - d) ** 2) / (answers + 3))
        assert nps == pytest.approx(100 * (promoters - detractors) / answers)
        assert (low, high) == pytest.approx((max(100 * (p - d - half), -100), min(100 * (p - d + half), 100)))


def test_codes_that_only_these_facts_know_are_rows_of_their_dimensions(said: tuple[Warehouse, State]) -> None:
    w, _ = said
    assert w.rows("select product_id, is_listed from core.dim_product") == [("P9", False)]
    assert w.rows("select employee_id, is_listed from core.dim_employee order by all") == [
        ("E7", False),
        ("E8", False),
        ("E9", False),
    ]
    assert w.rows("select channel from core.dim_channel order by all") == [("mail",), ("phone",)]


def test_two_nights_equal_a_full_refresh(said: tuple[Warehouse, State]) -> None:
    w, after_first = said
    nightly = state(w)
    w.match(NIGHT_2)
    w.dbt("run", NIGHT_2, "--full-refresh", "--select", *MODELS)
    assert state(w) == nightly
    assert nightly != after_first


def test_a_night_again_as_of_the_first_one_sees_nothing_of_the_second(said: tuple[Warehouse, State]) -> None:
    w, after_first = said
    w.match(NIGHT_1)
    w.dbt("run", NIGHT_1, "--select", *MODELS)
    again = state(w)
    w.match(NIGHT_2)
    w.dbt("run", NIGHT_2, "--select", *MODELS)
    assert again == after_first
