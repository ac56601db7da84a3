"""A defect of each kind is caught by the rule that is meant for it, and what is sound is not."""

from collections.abc import Iterator
from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import duckdb
import pytest
from tests.plugins.gate.tables import OBJECTS, SUITES, empty_candidates, fill, prepare_empty, table_of

from ckm.gate.check import gate_session
from ckm.gate.outcome import RuleResult
from ckm.gate.suite_files import parameters_asked, read_rules
from ckm.gate.suites import night_parameters, suite_of
from ckm.sources import Company

Row = dict[str, Any]
NIGHT = date(2025, 6, 30)
MORNING, EVENING = datetime(2025, 6, 30, 8), datetime(2025, 6, 30, 18)
DAY_BEFORE = EVENING - timedelta(days=1)
CANDIDATES = "gate.candidates"
HALF_AND_HALF = {"values": ["EUR", "CHF"], "weights": [0.5, 0.5]}


@dataclass(frozen=True)
class Case:
    """Tables in which a rule holds, those of them that a defect changes, and the outcome it must have."""

    suite: str
    rule: str
    outcome: str
    sound: dict[str, list[Row]]
    broken: dict[str, list[Row]]
    parameters: dict[str, Any] = field(default_factory=dict)


def raw(suite: str, rule: str, outcome: str, sound: list[Row], broken: list[Row], **parameters: Any) -> Case:
    return Case(f"raw/{suite}", rule, outcome, {CANDIDATES: sound}, {CANDIDATES: broken}, parameters)


def mart(name: str, rule: str, sound: dict[str, list[Row]], *broken: Row) -> Case:
    """A defect in the mart itself."""
    dated = {table: [_dated(table, row) for row in rows] for table, rows in sound.items()}
    table = f"marts.{name}"
    return Case(f"marts/{name}", rule, "failed", dated, {table: [_dated(table, row) for row in broken]})


def _dated(table: str, row: Row) -> Row:
    return {"as_of_date": NIGHT, **row} if table.startswith("marts.") else row


ANNA, BERT = {"customer_key": "anna"}, {"customer_key": "bert"}
CURRENT = {"core.dim_customer_current": [
    {**ANNA, "is_deleted": False, "is_profiling_allowed": True},
    {**BERT, "is_deleted": False, "is_profiling_allowed": False},
]}  # fmt: skip
CASES = [
    raw("crm/orders", "status_is_known", "quarantined", [{"status": "Open"}], [{"status": "lost"}]),
    raw("crm/order_lines", "unit_price_is_not_negative", "quarantined", [{"unit_price": 0}], [{"unit_price": -1}]),
    raw(
        "complaints/complaints", "resolved_at_is_not_before_received_at", "quarantined",
        [{"received_at": MORNING, "resolved_at": EVENING}], [{"received_at": EVENING, "resolved_at": MORNING}],
    ),
    raw(
        "complaints/complaints", "received_at_is_plausible", "quarantined",
        [{"received_at": EVENING}], [{"received_at": EVENING + timedelta(days=1)}],
    ),
    raw(
        "crm/shipments", "delivered_shipments_have_a_moment", "warned",
        [{"status": "Delivered", "delivered_at": EVENING}] * 3, [{"status": "Delivered"}] * 3,
    ),
    raw(
        "crm/order_lines", "discount_is_not_above_the_lines_worth", "warned",
        [{"quantity": 2, "unit_price": 5, "discount_amount": 10}] * 3,
        [{"quantity": 2, "unit_price": 5, "discount_amount": 11}] * 3,
    ),
    raw(
        "crm/order_lines", "mean_unit_price_is_possible", "failed", [{"unit_price": 15}], [{"unit_price": 1500}],
        mean_of_unit_price_lowest=10, mean_of_unit_price_highest=20,
    ),
    raw(
        "crm/order_lines", "mean_quantity_is_usual", "warned", [{"quantity": 1}], [{"quantity": 2}],
        mean_of_quantity_low=0.5, mean_of_quantity_high=1.5,
    ),
    raw(
        "crm/orders", "row_count_is_possible", "failed", [{"order_id": "1"}] * 3, [{"order_id": "1"}] * 6,
        rows_lowest=1, rows_highest=5,
    ),
    raw(
        "crm/orders", "row_count_is_usual", "warned", [{"order_id": "1"}] * 3, [{"order_id": "1"}],
        rows_low=2, rows_high=4,
    ),
    raw(
        "crm/orders", "customer_id_is_not_suddenly_empty", "failed",
        [{"customer_id": "1"}, {"order_id": "2"}], [{"order_id": "1"}, {"order_id": "2"}],
        filled_of_customer_id_lowest=0.3,
    ),
    raw(
        "crm/orders", "mix_of_currency_code_is_usual", "warned",
        [{"currency_code": "EUR"}, {"currency_code": "CHF"}], [{"currency_code": "USD"}] * 2,
        partition_of_currency_code=HALF_AND_HALF, divergence_of_currency_code=0.1,
    ),
    raw(
        "crm/orders", "newest_updated_at_is_of_the_night", "warned",
        [{"updated_at": EVENING}], [{"updated_at": DAY_BEFORE}],
    ),
    raw(
        "crm/orders", "newest_order_is_as_new_as_its_changes", "warned",
        [{"ordered_at": EVENING, "updated_at": EVENING}] * 20,
        [{"ordered_at": DAY_BEFORE, "updated_at": EVENING}] * 20,
    ),
    raw(
        "community/ip_shares", "shares_of_a_property_are_at_most_the_whole", "warned",
        [{"initiative_id": "1", "member_share": 0.5}] * 2, [{"initiative_id": "1", "member_share": 0.6}] * 2,
    ),
    Case(
        "raw/crm/exchange_rates", "rate_is_near_the_day_before", "warned",
        {
            "raw_crm.exchange_rates": [{"rate_date": date(2025, 6, 29), "from_currency": "CHF", "to_currency": "EUR",
                                        "rate": 1.1, "row_key": "1", "version_number": 1, "content_hash": "1",
                                        "known_on": date(2025, 6, 29), "run_id": "1", "is_deleted": False}],
            CANDIDATES: [{"rate_date": NIGHT, "from_currency": "CHF", "to_currency": "EUR", "rate": 1.09}],
        },
        {CANDIDATES: [{"rate_date": NIGHT, "from_currency": "CHF", "to_currency": "EUR", "rate": 11}]},
    ),
    mart(
        "customer_360", "net_revenue_is_that_of_the_fact",
        CURRENT | {
            "about_customers.fct_order_line": [
                {**ANNA, "net_revenue": 10, "order_date": NIGHT}, {**BERT, "net_revenue": 5.5, "order_date": NIGHT},
                {**BERT, "net_revenue": 99, "order_date": date(2025, 7, 1)}, {"net_revenue": 7, "order_date": NIGHT},
            ],
            "marts.customer_360": [{**ANNA, "net_revenue": 10}, {**BERT, "net_revenue": 5.5}],
        },
        {**ANNA, "net_revenue": 10}, {**BERT, "net_revenue": 5.51},
    ),
    mart(
        "customer_360", "nobody_who_refused_profiling_is_scored",
        {"marts.customer_360": [{**BERT, "is_profiling_allowed": False}]},
        {**BERT, "is_profiling_allowed": False, "clv_365d": 1},
    ),
    mart(
        "clv", "nobody_who_refused_profiling_is_scored", CURRENT | {"marts.clv": [ANNA]}, ANNA, BERT,
    ),
    mart(
        "churn_risk", "higher_bands_have_higher_probabilities",
        {"marts.churn_risk": [
            {**ANNA, "risk_band": "high", "churn_probability_90d": 0.8},
            {**BERT, "risk_band": "low", "churn_probability_90d": 0.1},
        ]},
        {**ANNA, "risk_band": "high", "churn_probability_90d": 0.1},
        {**BERT, "risk_band": "low", "churn_probability_90d": 0.8},
    ),
    mart(
        "customer_timeline", "co_created_events_are_those_of_the_fact",
        CURRENT | {
            "co_created.fct_contribution": [{**ANNA, "contributed_date": NIGHT}],
            "marts.customer_timeline": [{**ANNA, "event_type": "contribution"}],
        },
    ),
    mart(
        "customer_workroom", "items_are_those_of_the_fact",
        CURRENT | {
            "about_customers.fct_workroom_item": [{**ANNA, "opened_date": NIGHT, "is_open": True}],
            "marts.customer_workroom": [{**ANNA, "items": 1, "open_items": 1}],
        },
        {**ANNA, "items": 1, "open_items": 0},
    ),
    mart(
        "complaint_handling", "complaints_are_those_of_the_fact",
        {
            "from_customers.fct_complaint": [{"received_date": NIGHT, "is_resolved": True, "net_compensation": 5}],
            "marts.complaint_handling": [{"category": "all", "opened": 1, "resolved": 1, "compensation": 5}],
        },
        {"category": "all", "opened": 1, "resolved": 1, "compensation": 5.01},
    ),
    mart(
        "loyalty_monitor", "segments_add_up_to_all",
        {"marts.loyalty_monitor": [
            {"survey_id": "1", "segment": segment, "invited": 2, "responses": 1, "nps_responses": 0}
            for segment in ("all", "regular")
        ]},
        {"survey_id": "1", "segment": "all", "invited": 2, "responses": 1, "nps_responses": 0},
        {"survey_id": "1", "segment": "regular", "invited": 2, "responses": 2, "nps_responses": 0},
    ),
    mart(
        "knowledge_reach", "modes_add_up_to_deliveries",
        {"marts.knowledge_reach": [{
            "deliveries": 4, "search_deliveries": 1, "push_deliveries": 1, "comparison_deliveries": 1,
            "agent_deliveries": 1,
        }]},
        {"deliveries": 5, "search_deliveries": 1, "push_deliveries": 1, "comparison_deliveries": 1,
         "agent_deliveries": 1},
    ),
    mart(
        "service_benchmark", "gap_is_our_value_less_the_peers",
        {"marts.service_benchmark": [{"actual": 0.7, "benchmark": 0.5, "gap": 0.2}]},
        {"actual": 0.7, "benchmark": 0.5, "gap": -0.2},
    ),
    mart(
        "cocreation_portfolio", "money_is_that_of_the_fact",
        {
            "co_created.fct_initiative_outcome": [{"outcome_kind": "cost", "net_amount": 3, "outcome_date": NIGHT}],
            "marts.cocreation_portfolio": [{"revenue": 0, "savings": 0, "cost": 3}],
        },
        {"revenue": 3, "savings": 0, "cost": 0},
    ),
]  # fmt: skip


@pytest.fixture(scope="module")
def connection(tmp_path_factory: pytest.TempPathFactory) -> Iterator[duckdb.DuckDBPyConnection]:
    with prepare_empty(tmp_path_factory.mktemp("defects") / "warehouse.duckdb") as connection:
        yield connection


def verdict(connection: duckdb.DuckDBPyConnection, case: Case, gx_store: Path) -> RuleResult:
    rules = [rule for rule in read_rules(SUITES, case.suite) if rule["meta"]["rule"] == case.rule]
    company = Company(name="Test", time_zone="Europe/Berlin")
    night = night_parameters(parameters_asked(rules), NIGHT, company)
    suite = suite_of(SUITES, case.suite, rules, night | case.parameters)
    with gate_session(connection, gx_store) as session:
        (result,) = session.run(suite.expectations, *table_of(case.suite))
    return result


@pytest.mark.parametrize("case", CASES, ids=lambda case: f"{case.suite.split('/')[-1]}-{case.rule}")
def test_planted_defect_is_caught_by_its_rule(
    connection: duckdb.DuckDBPyConnection, case: Case, tmp_path: Path
) -> None:
    if case.suite in OBJECTS:
        empty_candidates(connection, case.suite)
    for table, rows in case.sound.items():
        fill(connection, table, rows)
    assert (verdict(connection, case, tmp_path).outcome, case.rule) == ("passed", case.rule)
    for table, rows in case.broken.items():
        fill(connection, table, rows)
    caught = verdict(connection, case, tmp_path)
    assert (caught.outcome, caught.message) == (case.outcome, None)
    for table in {*case.sound, *case.broken} - {CANDIDATES}:
        fill(connection, table, [])


def test_defect_of_one_object_does_not_touch_the_verdict_on_the_next(
    connection: duckdb.DuckDBPyConnection, tmp_path: Path
) -> None:
    """Each object's candidates stand in the same table, one after the other, within one session."""
    by_rule = {case.rule: case for case in CASES}
    first, second = (
        by_rule["delivered_shipments_have_a_moment"],
        by_rule["discount_is_not_above_the_lines_worth"],
    )
    outcomes = []
    with gate_session(connection, tmp_path) as session:
        for case, rows in ((first, first.broken), (second, second.sound)):
            empty_candidates(connection, case.suite)
            fill(connection, CANDIDATES, rows[CANDIDATES])
            rules = [rule for rule in read_rules(SUITES, case.suite) if rule["meta"]["rule"] == case.rule]
            (result,) = session.run(
                suite_of(SUITES, case.suite, rules, {}).expectations, *table_of(case.suite)
            )
            outcomes.append((result.outcome, result.message))
    assert outcomes == [("warned", None), ("passed", None)]


def test_column_without_a_single_cell_is_judged_by_how_full_it_should_be() -> None:
    rules = read_rules(SUITES, "raw/crm/orders")
    rules = [rule for rule in rules if rule["meta"]["rule"] == "customer_id_is_not_suddenly_empty"]
    parameters = {"filled_of_customer_id_lowest": 0.5}
    suite = suite_of(SUITES, "raw/crm/orders", rules, parameters, {}, {"customer_id": 0})
    assert [rule.meta["rule"] for rule in suite.expectations.expectations] == [
        "customer_id_is_not_suddenly_empty"
    ]
