"""What customers are given to know, over two nights: who read what, and how our service compares."""

from datetime import date
from typing import Any

import pytest

from .conftest import NIGHT_1, NIGHT_2, Warehouse, at

pytestmark = pytest.mark.slow

State = dict[str, list[tuple[Any, ...]]]
MODELS = ("+dim_expert", "+knowledge_reach", "+service_benchmark", "+fct_knowledge_search")
TABLES = (
    "for_customers.dim_article",
    "for_customers.dim_expert",
    "for_customers.fct_knowledge_delivery",
    "for_customers.fct_knowledge_search",
    "for_customers.fct_service_benchmark",
    "marts.knowledge_reach",
    "marts.service_benchmark",
)


def state(w: Warehouse) -> State:
    return {table: w.table(table) for table in TABLES}


def delivery(delivery_id: str, day: str, article_id: str = "A1", **more: Any) -> dict[str, Any]:
    values = {"delivery_id": delivery_id, "article_id": article_id, "delivered_at": at(day)}
    return {"delivery_mode": "search", **values, **more}


def benchmark(metric: str, peer: str, value: float, **more: Any) -> dict[str, Any]:
    values = {"metric": metric, "peer": peer, "month": date(2024, 2, 1), "benchmark_value": value}
    return {**values, "updated_at": at("2024-03-01"), **more}


def first_night(w: Warehouse) -> None:
    w.insert("customers", NIGHT_1, {"customer_id": "C1"}, {"customer_id": "C2"})
    articles = [
        {"article_id": "A1", "article_kind": "Expert advice", "expert_id": "X1", "product_id": "P9"},
        {"article_id": "A2", "article_kind": "service", "expert_id": "X2", "topic": "Invoice "},
    ]
    w.insert("articles", NIGHT_1, *articles, source="knowledge")
    expert = {"expert_id": "X1", "full_name": "Ada Lovelace", "employee_id": "E7"}
    w.insert("experts", NIGHT_1, expert, source="knowledge")
    w.insert(
        "deliveries",
        NIGHT_1,
        delivery("D1", "2024-02-05", reader_id="R1", customer_id="C1", is_helpful=True, is_solved=True),
        delivery("D2", "2024-02-06", reader_id="R1", delivery_mode=" PUSH ", is_helpful=False),
        delivery("D3", "2024-02-07", reader_id="R2", customer_id="C9 unknown", search_id="S1"),
        delivery("D4", "2024-02-08", customer_id="C2", delivery_mode="agent", employee_id="E8"),
        delivery("D5", "2023-12-08", article_id="A9 unknown"),
        source="knowledge",
    )
    w.insert(
        "searches",
        NIGHT_1,
        {"search_id": "S1", "reader_id": "R1", "searched_at": at("2024-02-07"), "result_count": 2,
         "clicked_article_id": "A8 unknown", "query_text": "where is my pump"},
        {"search_id": "S2", "searched_at": at("2024-02-07"), "result_count": 0},
        source="knowledge",
    )  # fmt: skip
    w.insert(
        "service_benchmarks",
        NIGHT_1,
        benchmark("helpful_rate", "Pump Union", 0.75),
        benchmark("Helpful_Rate", "Pump Union", 0.25, month=date(2024, 2, 15)),
        benchmark("nps", "Pump Union", 30),
        source="knowledge",
    )
    complaint = {"complaint_id": "K1", "customer_id": "C1", "received_at": at("2024-02-10")}
    w.insert("complaints", NIGHT_1, complaint, source="complaints")


def second_night(w: Warehouse) -> None:
    """A corrected day, a deletion, an account whose customer becomes known, a peer's corrected value."""
    w.insert("deliveries", NIGHT_2, delivery("D2", "2024-01-31", reader_id="R1"), source="knowledge")
    gone = delivery("D5", "2023-12-08", article_id="A9 unknown")
    w.insert("deliveries", NIGHT_2, gone, source="knowledge", is_deleted=True)
    found = delivery("D6", "2024-02-29", reader_id="R2", customer_id="C2")
    w.insert("deliveries", NIGHT_2, found, source="knowledge")
    corrected = benchmark("helpful_rate", "Pump Union", 0.5, unit="rate")
    w.insert("service_benchmarks", NIGHT_2, corrected, source="knowledge")


@pytest.fixture(scope="module")
def knowledge(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, State]:
    """The warehouse after both nights, and what the first one had given."""
    w = Warehouse(tmp_path_factory.mktemp("knowledge"))
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
        from for_customers.{fact} as fact
        left join identity.customer_identity as identity
            on identity.customer_key = fact.customer_key and identity.object = 'customers'
        order by all
        """
    )


def test_a_reader_is_the_customer_that_the_records_state(knowledge: tuple[Warehouse, State]) -> None:
    w, _ = knowledge
    assert customers_of(w, "delivery_id, reader_key is not null", "fct_knowledge_delivery") == [
        ("D1", True, "C1"),
        ("D2", True, "C1"),  # another record states who the reader is
        ("D3", True, None),  # a number that the CRM does not know, and another that it does: not certain
        ("D4", False, "C2"),
        ("D6", True, "C2"),
    ]
    assert customers_of(w, "search_id, has_click, is_without_result", "fct_knowledge_search") == [
        ("S1", True, False, "C1"),
        ("S2", False, True, None),
    ]


def test_a_corrected_delivery_moves_to_its_month_and_a_deleted_one_goes(
    knowledge: tuple[Warehouse, State],
) -> None:
    w, after_first = knowledge
    before = [(row[2], row[5], row[6]) for row in after_first["marts.knowledge_reach"]]
    assert before == [("A1", date(2024, 2, 1), 4), ("A9 unknown", date(2023, 12, 1), 1)]
    reach = w.rows("select article_id, month, deliveries, readers from marts.knowledge_reach order by all")
    assert reach == [
        ("A1", date(2024, 1, 1), 1, 1),
        ("A1", date(2024, 2, 1), 4, 3),  # C1, C2 twice, and an account of nobody certain
    ]
    tombstones = w.rows("select delivered_month from star_base.base_knowledge_delivery where row_key is null")
    assert tombstones == [(date(2023, 12, 1),)]


def test_codes_that_only_others_name_are_members_of_their_dimension(
    knowledge: tuple[Warehouse, State],
) -> None:
    w, after_first = knowledge
    articles = {(row[3], row[4]) for row in after_first["for_customers.dim_article"]}
    assert articles == {("A1", True), ("A2", True), ("A8 unknown", False), ("A9 unknown", False)}
    assert w.rows("select article_id, article_kind, topic from for_customers.dim_article order by all") == [
        ("A1", "expert_advice", None),
        ("A2", "service", "invoice"),
        ("A8 unknown", None, None),
    ]
    experts = (
        "select expert_id, is_listed, employee_key is not null from for_customers.dim_expert order by all"
    )
    assert w.rows(experts) == [("X1", True, True), ("X2", False, False)]


def test_own_rates_stand_beside_the_peers_latest_statement(knowledge: tuple[Warehouse, State]) -> None:
    w, after_first = knowledge
    columns = "metric, month, unit, actual, benchmark, gap, is_better"
    # of the answers of February only one is left
    assert w.rows(f"select {columns} from marts.service_benchmark order by all") == [
        ("helpful_rate", date(2024, 2, 1), "rate", 1.0, 0.5, 0.5, True),
        ("nps", date(2024, 2, 1), None, None, 30.0, None, False),
    ]
    assert len(after_first["marts.service_benchmark"]) == 2
    assert w.rows("select count(*) from for_customers.fct_service_benchmark") == [(3,)]


def test_a_complaint_after_knowledge_counts_for_each_delivery_before_it(
    knowledge: tuple[Warehouse, State],
) -> None:
    w, _ = knowledge
    # D1 came five days before the complaint, D2 ten
    assert w.rows("select month, complaints_after_7d from marts.knowledge_reach order by all") == [
        (date(2024, 1, 1), 0),
        (date(2024, 2, 1), 1),
    ]


def test_full_refresh_gives_what_the_nights_gave(knowledge: tuple[Warehouse, State]) -> None:
    w, _ = knowledge
    by_nights = state(w)
    w.match(NIGHT_2)
    w.dbt("run", NIGHT_2, "--full-refresh", "--select", *MODELS)
    assert state(w) == by_nights
    assert all(by_nights.values())
