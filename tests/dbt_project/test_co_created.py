"""What company and customers make together, over two nights: who took part, what came of it, what it paid."""

import csv
from datetime import date
from decimal import Decimal
from typing import Any

import pytest

from .conftest import NIGHT_1, NIGHT_2, PROJECT, Warehouse, at

pytestmark = pytest.mark.slow

State = dict[str, list[tuple[Any, ...]]]
MODELS = ("+cocreation_portfolio", "+dim_cocreation_style")
TABLES = (
    "co_created.dim_cocreation_style",
    "co_created.dim_initiative",
    "co_created.fct_contribution",
    "co_created.fct_release",
    "co_created.fct_initiative_outcome",
    "marts.cocreation_portfolio",
)
JANUARY, FEBRUARY = date(2024, 1, 1), date(2024, 2, 1)


def state(w: Warehouse) -> State:
    return {table: w.table(table) for table in TABLES}


def contribution(contribution_id: str, day: str, member_id: str | None, **more: Any) -> dict[str, Any]:
    values = {"contribution_id": contribution_id, "initiative_id": "I1", "contribution_type": "Test report"}
    return {**values, "member_id": member_id, "contributed_at": at(day), **more}


def share(ip_share_id: str, **more: Any) -> dict[str, Any]:
    values = {"ip_share_id": ip_share_id, "initiative_id": "I1", "ip_kind": "Know-how", "value_amount": 1000}
    return {**values, "member_share": 0.25, "granted_on": date(2024, 2, 20), **more}


def first_night(w: Warehouse) -> None:
    def community(name: str, *rows: dict[str, Any]) -> None:
        w.insert(name, NIGHT_1, *rows, source="community")

    w.insert("customers", NIGHT_1, {"customer_id": "C1"})
    rate = {"rate_date": date(2024, 1, 1), "from_currency": "USD", "to_currency": "EUR", "rate": 0.5}
    w.insert("exchange_rates", NIGHT_1, rate)
    community(
        "initiatives",
        {"initiative_id": "I1", "style": "Outsourcing to customers", "started_on": date(2023, 11, 1)},
        {"initiative_id": "I2", "style": "prosumerism", "started_on": JANUARY, "status": "planned"},
    )
    community(
        "members",
        {"member_id": "M1", "customer_id": "C1", "nickname": "pumper"},
        {"member_id": "M2", "customer_id": "C1"},
        {"member_id": "M3"},
    )
    community(
        "contributions",
        contribution("B1", "2024-01-05", "M1", status="Adopted"),
        contribution("B2", "2024-01-06", "M2", adopted_on=date(2024, 3, 1)),
        contribution("B3", "2024-02-07", "M3"),
        contribution("B4", "2023-10-08", "M3", initiative_id="I9 unknown"),
    )
    release = {"release_id": "L1", "initiative_id": "I1", "released_on": FEBRUARY, "product_id": "P9"}
    community("releases", release)
    community(
        "outcomes",
        {"initiative_id": "I1", "month": JANUARY, "outcome_kind": "Revenue", "amount": 900},
        {"initiative_id": "I1", "month": JANUARY, "outcome_kind": "satisfaction", "measured_value": 8.5},
    )
    cost = {"initiative_id": "I1", "month": FEBRUARY, "cost_kind": "staff", "amount": 400}
    community("initiative_costs", {**cost, "currency_code": "usd"})
    community("ip_shares", share("S1"), share("S2", member_share=0.5))


def second_night(w: Warehouse) -> None:
    """A contribution moves to another quarter, another goes, a cost is corrected, a share is withdrawn."""
    w.insert("contributions", NIGHT_2, contribution("B3", "2023-12-31", "M3"), source="community")
    gone = contribution("B4", "2023-10-08", "M3", initiative_id="I9 unknown")
    w.insert("contributions", NIGHT_2, gone, source="community", is_deleted=True)
    cost = {"initiative_id": "I1", "month": FEBRUARY, "cost_kind": "staff", "amount": 500}
    w.insert("initiative_costs", NIGHT_2, cost, source="community")
    w.insert("ip_shares", NIGHT_2, share("S1"), source="community", is_deleted=True)


@pytest.fixture(scope="module")
def community(tmp_path_factory: pytest.TempPathFactory) -> tuple[Warehouse, State]:
    """The warehouse after both nights, and what the first one had given."""
    w = Warehouse(tmp_path_factory.mktemp("community"))
    first_night(w)
    w.match(NIGHT_1)
    w.dbt("build", NIGHT_1, "--select", *MODELS, "--exclude-resource-type", "unit_test")
    after_first = state(w)
    second_night(w)
    w.match(NIGHT_2)
    w.dbt("build", NIGHT_2, "--select", *MODELS, "--exclude-resource-type", "unit_test")
    return w, after_first


def test_styles_are_the_seven_of_the_seed_with_empty_cells_left_null(
    community: tuple[Warehouse, State],
) -> None:
    w, _ = community
    with (PROJECT / "seeds" / "cocreation_style.csv").open(encoding="utf-8") as file:
        header, *rows = csv.reader(file)
    styles = w.rows(f"select {', '.join(header)} from co_created.dim_cocreation_style")
    assert sorted(styles) == sorted(tuple(cell or None for cell in row) for row in rows)
    assert len(styles) == 7
    empty = "select style from co_created.dim_cocreation_style where goal is null or process is null"
    assert w.rows(empty) == [("team_based_co_learning",)]


def test_a_contribution_is_its_member_s_and_so_its_customer_s(community: tuple[Warehouse, State]) -> None:
    w, _ = community
    contributions = w.rows(
        """
        select contribution_id, contribution_type, is_adopted, member.native_id, customer.native_id
        from co_created.fct_contribution as fact
        left join identity.customer_identity as member
            on member.identity_key = fact.member_key and member.object = 'members'
        left join identity.customer_identity as customer
            on customer.customer_key = fact.customer_key and customer.object = 'customers'
        order by all
        """
    )
    assert contributions == [
        ("B1", "test_report", True, "M1", "C1"),
        ("B2", "test_report", True, "M2", "C1"),
        ("B3", "test_report", False, "M3", None),
    ]


def test_an_initiative_that_only_others_name_is_not_listed(community: tuple[Warehouse, State]) -> None:
    w, after_first = community
    columns = "initiative_id, style, is_listed"
    before = [(row[4], row[7], row[5]) for row in after_first["co_created.dim_initiative"]]
    after = w.rows(f"select {columns} from co_created.dim_initiative order by all")
    listed = [("I1", "outsourcing_to_customers", True), ("I2", "prosumerism", True)]
    assert after == listed
    assert sorted(before) == [*listed, ("I9 unknown", None, False)]


def portfolio(rows: list[tuple[Any, ...]]) -> list[tuple[Any, ...]]:
    """Style, quarter and all that is counted or summed."""
    return [tuple(float(v) if isinstance(v, Decimal) else v for v in row[1:-1]) for row in rows]


def test_a_quarter_adds_up_what_was_made_together(community: tuple[Warehouse, State]) -> None:
    w, after_first = community
    own, autumn, winter = "outsourcing_to_customers", date(2023, 10, 1), JANUARY
    # style, quarter, initiatives, contributors, contributions, adopted, adoption_rate, releases,
    # revenue, savings, ip_value, cost, roi: both shares are shares in one property, 400 dollars are 200 euros
    assert portfolio(after_first["marts.cocreation_portfolio"]) == [
        (own, autumn, 1, 0, 0, 0, None, 0, 0, 0, 0, 0, None),
        (own, winter, 1, 2, 3, 2, 2 / 3, 1, 900, 0, 1000, 200, 8.5),
        ("unknown", autumn, 0, 1, 1, 0, 0, 0, 0, 0, 0, 0, None),
    ]
    assert portfolio(w.table("marts.cocreation_portfolio")) == [
        (own, autumn, 1, 1, 1, 0, 0, 0, 0, 0, 0, 0, None),
        (own, winter, 1, 1, 2, 2, 1, 1, 900, 0, 1000, 500, 2.8),
    ]


def test_full_refresh_gives_what_the_nights_gave(community: tuple[Warehouse, State]) -> None:
    w, _ = community
    by_nights = state(w)
    w.match(NIGHT_2)
    w.dbt("build", NIGHT_2, "--full-refresh", "--select", *MODELS, "--exclude-resource-type", "unit_test")
    assert state(w) == by_nights
    assert all(by_nights.values())
