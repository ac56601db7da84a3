"""Four nights of late, corrected, moved and deleted rows: what must stand after them."""

import hashlib
import hmac
from datetime import date
from decimal import Decimal
from pathlib import Path

import pytest

from .conftest import FIRST_HALF, NIGHT_1, NIGHT_2, NIGHT_3, NIGHT_4, SECRET, Nights, state

pytestmark = pytest.mark.slow


def key_of(native_id: str, prefix: str = "") -> str:
    message = f"{prefix}crm|customers|{native_id}".encode()
    return hmac.new(SECRET, message, hashlib.sha256).hexdigest()[:32]


def test_keys_are_the_hmac_of_the_reference(nights: Nights) -> None:
    columns = "native_id, customer_key, identity_key"
    assert set(
        nights.warehouse.rows(f"select {columns} from identity.customer_identity where object = 'customers'")
    ) == {(native, key_of(native), key_of(native, "identity|")) for native in ("C1", "C2", "C3", "C4")}


def test_nights_one_by_one_equal_a_full_refresh(nights: Nights, tmp_path: Path) -> None:
    twin = nights.copy(tmp_path / "refreshed")
    twin.dbt("run", NIGHT_4, "--full-refresh", "--select", *FIRST_HALF)
    assert state(twin) == nights.states[NIGHT_4]
    twin.dbt("run", NIGHT_4, "--select", "marts")
    for mart in ("customer_360", "clv", "churn_risk"):
        assert twin.table(f"marts.{mart}") == nights.warehouse.table(f"marts.{mart}")


def test_an_earlier_date_sees_nothing_of_later_nights(nights: Nights, tmp_path: Path) -> None:
    twin = nights.copy(tmp_path / "earlier")
    twin.dbt("run", NIGHT_2, "--select", *FIRST_HALF)  # even over the tables of a later night
    assert state(twin) == nights.states[NIGHT_2]


def test_only_histories_of_whom_lines_changed_are_made_anew(nights: Nights, tmp_path: Path) -> None:
    twin = nights.copy(tmp_path / "kept")
    twin.dbt("run", NIGHT_4, "--select", *FIRST_HALF)
    assert twin.rows("select * from scores.history_change") == []
    with twin.connect() as connection:
        connection.execute(
            f"""update scores.rfm_history set gross_sales = gross_sales + 1000;
            update scores.purchase set purchase_cost = 7;
            delete from scores.rfm_history where customer_key = '{key_of("C4")}'"""
        )
    twin.dbt("run", NIGHT_4, "--select", *FIRST_HALF)
    marked = "select bool_and(gross_sales > 1000) from scores.rfm_state where customer_key {} '{}'"
    assert twin.rows(marked.format("=", key_of("C1"))) == [(True,)]
    assert twin.rows(marked.format("=", key_of("C4"))) == [(False,)]
    costs = "select distinct purchase_cost = 7 from scores.purchase where customer_key {} '{}'"
    assert twin.rows(costs.format("=", key_of("C1"))) == [(True,)]
    assert twin.rows(costs.format("=", key_of("C4"))) == [(False,)]
    twin.dbt("run", NIGHT_4, "--full-refresh", "--select", "purchase")
    twin.dbt(
        "run", NIGHT_4, "--full-refresh", "--select", "rfm_history", "rfm_state"
    )  # each alone makes all anew
    assert state(twin) == nights.states[NIGHT_4]


def test_a_night_that_ends_between_purchases_and_histories_is_mended_by_the_next(
    nights: Nights, tmp_path: Path
) -> None:
    twin = nights.copy(tmp_path / "between")
    facts = [layer for layer in FIRST_HALF if layer != "scores"]
    twin.dbt(
        "run", NIGHT_2, "--full-refresh", "--select", *facts, "history_change", "purchase"
    )  # and no further
    assert twin.table("scores.purchase") != nights.states[NIGHT_4]["scores.purchase"]
    twin.dbt("run", NIGHT_4, "--select", *FIRST_HALF)
    assert state(twin) == nights.states[NIGHT_4]
    twin.dbt("run", NIGHT_2, "--select", *facts, "history_change", "purchase")
    twin.dbt("run", NIGHT_4, "--select", *FIRST_HALF)
    assert state(twin) == nights.states[NIGHT_4]


def test_a_home_from_before_histories_were_kept_makes_all_anew(nights: Nights, tmp_path: Path) -> None:
    twin = nights.copy(tmp_path / "before")
    with twin.connect() as connection:
        connection.execute(
            """drop table scores.rfm_history; drop table scores.history_change;
            update scores.purchase set customer_key = 'long gone' where order_date < date '2023-12-01'"""
        )
    twin.dbt("run", NIGHT_4, "--select", *FIRST_HALF)
    assert state(twin) == nights.states[NIGHT_4]


def test_every_line_of_the_log_is_in_the_fact(nights: Nights) -> None:
    # 9 of the first night, 1 late, 1 of the repeated night, 1 to come, 2 deleted
    counts = "count(*), count(distinct order_line_key)"
    assert nights.warehouse.rows(f"select {counts} from about_customers.fct_order_line") == [(10, 10)]


def test_an_emptied_month_leaves_a_tombstone_that_the_fact_hides(nights: Nights) -> None:
    tombstones = nights.warehouse.rows(
        "select order_month from star_base.base_order_line where row_key is null order by all"
    )
    # October 2023 held only the line of O2, which is deleted; January 1900 the line whose header arrived
    assert [month for (month,) in tombstones] == [date(1900, 1, 1), date(2023, 10, 1), date(2024, 1, 1)]
    keys = nights.warehouse.rows("select order_line_key from about_customers.fct_order_line")
    assert (None,) not in keys


def test_lines_follow_their_order_s_header(nights: Nights) -> None:
    lines = nights.warehouse.rows(
        """
        select order_id, line_number, order_date, customer_key, is_cancelled, line_kind, net_revenue, known_on
        from about_customers.fct_order_line order by all
        """
    )
    c1, c4 = key_of("C1"), key_of("C4")
    february = date(2024, 2, 20)
    assert lines == [
        ("O1", "1", february, None, False, "sale", Decimal(21), NIGHT_1),  # its header was deleted
        ("O1", "2", february, None, False, "sale", Decimal(8), NIGHT_2),
        ("O4", "1", date(2024, 2, 11), None, False, "adjustment", Decimal(0), NIGHT_1),
        ("O4", "2", date(2024, 2, 11), None, False, "sale", Decimal(10), NIGHT_3),
        ("O5", "1", date(2023, 11, 11), c1, False, "sale", Decimal(99), NIGHT_1),
        ("O5", "2", date(2023, 11, 11), c1, False, "sale", Decimal(5), NIGHT_2),
        ("O6", "1", date(2024, 2, 12), c4, False, "sale", Decimal(10), NIGHT_3),
        ("O7", "1", date(2024, 4, 1), c4, False, "sale", Decimal(10), NIGHT_4),
        ("no header", "1", date(2023, 1, 15), c1, False, "sale", Decimal(10), NIGHT_3),
        ("no header", "2", date(2023, 1, 15), c1, False, "sale", Decimal(10), NIGHT_3),
    ]


def test_days_are_those_of_the_company_s_zone_and_rates_those_of_the_day(nights: Nights) -> None:
    def lines_of(order_id: str, night: date) -> list[tuple[date, Decimal | None]]:
        columns = nights.columns["about_customers.fct_order_line"]
        rows = [dict(zip(columns, row, strict=True)) for row in nights.states[night][
            "about_customers.fct_order_line"]]  # fmt: skip
        return [(row["order_date"], row["net_revenue"]) for row in rows if row["order_id"] == order_id]

    # 01:30 UTC on 1 February was still 31 January there; 10 dollars at 1.25 for a euro
    assert lines_of("O2", NIGHT_1) == [(date(2024, 1, 31), Decimal(8))]
    # the order's new day lies before the first rate: no figure is invented
    assert lines_of("O2", NIGHT_2) == [(date(2023, 10, 5), None)]
    # the rate of that time became known
    assert lines_of("O2", NIGHT_3) == [(date(2023, 10, 5), Decimal(9))]


def test_customer_versions_follow_the_nights(nights: Nights) -> None:
    versions = nights.warehouse.rows(
        f"""
        select segment, valid_from, valid_to, is_current, is_deleted
        from core.dim_customer where customer_key = '{key_of("C3")}' order by valid_from
        """
    )
    assert versions == [
        ("new", date(1900, 1, 1), NIGHT_2, False, False),
        ("regular", NIGHT_2, NIGHT_4, False, False),
        ("regular", NIGHT_4, None, True, True),
    ]


def test_what_is_published_of_a_customer_is_generalised(nights: Nights) -> None:
    customers = nights.warehouse.rows(
        """
        select
            customer_key, customer_type, parent_customer_key, birth_decade, postal_area, is_profiling_allowed
        from core.dim_customer_current
        """
    )
    assert set(customers) == {
        (key_of("C1"), "person", None, None, None, True),
        (key_of("C2"), "company", None, None, None, False),
        (key_of("C3"), "person", None, None, None, True),
        (key_of("C4"), "person", key_of("C2"), 1990, None, True),
    }


def test_a_contact_person_leads_to_the_company(nights: Nights) -> None:
    # the person changed companies; the other contact was deleted
    columns = "interaction_id, customer_key"
    contacts = nights.warehouse.rows(f"select {columns} from about_customers.fct_interaction")
    assert contacts == [("I1", key_of("C1"))]


def test_codes_that_only_facts_know_are_members_of_their_dimension(nights: Nights) -> None:
    assert nights.warehouse.rows("select product_id, is_listed from core.dim_product order by all") == [
        ("P1", True),
        ("P3", True),
    ]
    assert ("P2", False) in {row[1:4:2] for row in nights.states[NIGHT_2]["core.dim_product"]}
    assert nights.warehouse.rows("select employee_id, is_listed from core.dim_employee") == [("E9", False)]


def test_marts_hold_current_customers_and_respect_a_refusal(nights: Nights) -> None:
    rows = nights.warehouse.rows(
        """
        select
            customer_key, last_order_date, order_count, net_revenue, clv_365d is null, churn_probability_90d
        from marts.customer_360
        """
    )
    assert set(rows) == {
        (key_of("C1"), date(2023, 11, 11), 2, Decimal(124), False, 0.75),
        (key_of("C2"), None, 0, Decimal(0), True, None),
        (key_of("C4"), date(2024, 2, 12), 1, Decimal(10), False, 0.75),  # the order to come is not counted
    }
    assert nights.warehouse.rows("select customer_key, frequency, clv_segment from marts.clv order by 2") == [
        (key_of("C4"), 0, "develop"),
        (key_of("C1"), 1, "key"),
    ]
    risks = nights.warehouse.rows("select customer_key, risk_band, driver_1 from marts.churn_risk")
    assert sorted(risks, key=lambda row: row[2] or "~") == [
        (key_of("C4"), "high", "only one order so far"),
        (key_of("C1"), "high", None),
    ]
