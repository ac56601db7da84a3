"""Real data through the whole product, against figures that somebody else published or the file itself gives."""

from collections.abc import Callable
from decimal import Decimal
from pathlib import Path

import duckdb
import pytest
from tests.conftest import PROJECT, Finished
from tests.pipeline.conftest import published, rows

pytestmark = pytest.mark.slow


@pytest.fixture(scope="module")
def shop(
    tmp_path_factory: pytest.TempPathFactory, ckm: Callable[..., Finished], real_data: Callable[[str], Path]
) -> tuple[Path, Path]:
    """The home of the online shop after its one night, and its file."""
    file = real_data("online_retail_2009_2010.parquet")
    home = tmp_path_factory.mktemp("shop")
    sources = PROJECT / "examples" / "online_retail" / "sources.yml"
    done = ckm(
        "run", "--sources", sources, "--home", home, "--date", "2010-12-09", CKM_EXAMPLE_DATA=str(file.parent)
    )
    assert done.code == 0, done.err
    return home, file


class TestOnlineShop:
    def test_every_line_is_in_the_fact_or_set_aside_under_a_rule(self, shop: tuple[Path, Path]) -> None:
        home, _ = shop
        ((in_fact,),) = rows(home, "select count(*) from about_customers.fct_order_line")
        ((extracted, set_aside),) = rows(
            home, "select extracted, quarantined from audit.load_ledger where object = 'order_lines'"
        )
        assert in_fact + set_aside == extracted == 525_461
        assert set_aside == 0

    def test_identical_lines_stay(self, shop: tuple[Path, Path]) -> None:
        """6,865 lines repeat another to the letter; their revenue is 33,709."""
        home, file = shop
        again, revenue = duckdb.sql(
            f"select sum(copies - 1), sum((copies - 1) * Quantity * Price) from "
            f"(select *, count(*) as copies from '{file}' group by all)"
        ).fetchone()
        assert (again, round(revenue)) == (6_865, 33_709)
        in_fact, worth = rows(
            home,
            "select sum(copies - 1), round(sum((copies - 1) * net_amount)) "
            "from (select order_id, product_key, quantity, "
            "unit_price, net_amount, known_on, count(*) as copies from about_customers.fct_order_line group by all)",
        )[0]
        assert in_fact >= again and worth >= round(
            revenue
        )  # the fact leaves out what the shop wrote beside it
        ((lines, keys),) = rows(
            home, "select count(*), count(distinct order_line_key) from about_customers.fct_order_line"
        )
        assert lines == keys == 525_461

    def test_returns_and_stock_adjustments_are_told_apart(self, shop: tuple[Path, Path]) -> None:
        home, _ = shop
        negative = dict(
            rows(
                home,
                "select line_kind, count(*) from about_customers.fct_order_line where quantity < 0 group by 1",
            )
        )
        assert negative == {"return": 10_205, "adjustment": 2_121}
        assert rows(
            home,
            "select sum(net_revenue), count(customer_key) from about_customers.fct_order_line "
            "where line_kind = 'adjustment' and quantity < 0",
        ) == [(Decimal(0), 0)]

    def test_lines_without_a_customer_stay_with_a_null_key(self, shop: tuple[Path, Path]) -> None:
        home, _ = shop
        assert rows(
            home, "select count(*) from about_customers.fct_order_line where customer_key is null"
        ) == [(107_927,)]

    def test_net_revenue_is_the_sum_over_the_file(self, shop: tuple[Path, Path]) -> None:
        home, file = shop
        (direct,) = duckdb.sql(
            f"select sum(cast(Quantity as decimal(18, 0)) * cast(Price as decimal(18, 4))) from '{file}'"
        ).fetchone()
        assert rows(home, "select sum(net_revenue) from about_customers.fct_order_line") == [(direct,)]
        (known,) = duckdb.sql(
            f"select sum(cast(Quantity as decimal(18, 0)) * cast(Price as decimal(18, 4))) from '{file}' "
            'where "Customer ID" is not null'
        ).fetchone()
        assert rows(home, "select sum(net_revenue) from marts.customer_360") == [(known,)]

    def test_customers_known_and_with_a_sale(self, shop: tuple[Path, Path]) -> None:
        home, _ = shop
        assert rows(home, "select count(*), count(*) filter (order_count > 0) from marts.customer_360") == [
            (4_383, 4_314)
        ]

    def test_purchase_states_equal_a_second_computation_over_the_file(self, shop: tuple[Path, Path]) -> None:
        home, file = shop
        direct = duckdb.sql(
            f"""
            with days as (
                select "Customer ID" as customer, InvoiceDate::date as day, sum(Quantity * Price) as value
                from '{file}' where "Customer ID" is not null and Invoice not like 'C%' group by all
            ),
            customers as (
                select count(*) - 1 as x, date_diff('day', min(day), max(day)) as t_x,
                    date_diff('day', min(day), date '2010-12-09') as t from days where value > 0 group by customer
            )
            select x, t_x, t, count(*) from customers group by all order by all
            """
        ).fetchall()
        made = rows(
            home,
            "select frequency, first_to_last_order_days, age_days, count(*) from marts.clv group by all order by all",
        )
        assert made == direct

    def test_value_and_risk_are_ordered_as_they_must_be(self, shop: tuple[Path, Path]) -> None:
        home, _ = shop
        with published(home) as connection:
            assert connection.execute(
                """
                select count(*) filter (clv_365d_low > clv_365d or clv_365d > clv_365d_high
                    or expected_orders_90d > expected_orders_365d or clv_365d > clv_lifetime)
                from marts.clv
                """
            ).fetchone() == (0,)
            one_timers = connection.execute(
                "select min(churn_probability_90d) from marts.churn_risk join marts.clv using (customer_key) "
                "where frequency = 0 and days_since_last_order > 200"
            ).fetchone()[0]
        assert one_timers > 0.5  # 1 − P(alive) would call each of them safe


CDNOW = """
company: {name: CDNOW, time_zone: UTC, reporting_currency: USD, zero_value_orders: counted}
sources:
  crm:
    transport: files
    path: .
    objects:
      customers:
        query: select distinct id as customer_id from 'cdnow.csv' order by 1
      orders:
        query: >
          select id || '.' || row_number() over () as order_id, id as customer_id, day as ordered_at,
                 day as updated_at from 'cdnow.csv'
      order_lines:
        query: >
          select id || '.' || row_number() over () as order_id, 1 as quantity, dollars as unit_price,
                 day as updated_at from 'cdnow.csv'
"""


def test_cdnow_gives_the_published_fit_of_the_model_that_is_chosen(
    tmp_path: Path, ckm: Callable[..., Finished], real_data: Callable[[str], Path]
) -> None:
    """Fader, Hardie and Lee 2005: 2,357 customers, 39 weeks; times here are days, so alpha is seven times theirs.

    The published data count an order worth nothing as an order, hence `zero_value_orders: counted`.
    """
    lines = [line.split() for line in real_data("cdnow_sample.txt").read_text().splitlines() if line.strip()]
    csv = ["id,day,dollars"] + [f"{i},{d[:4]}-{d[4:6]}-{d[6:]},{value}" for _, i, d, _, value in lines]
    (tmp_path / "cdnow.csv").write_text("\n".join(csv) + "\n")
    (tmp_path / "sources.yml").write_text(CDNOW)
    done = ckm(
        "run", "--sources", tmp_path / "sources.yml", "--home", tmp_path / "home", "--date", "1997-09-30"
    )
    assert done.code == 0, done.err
    fitted = dict(
        rows(tmp_path / "home", "select model || '.' || parameter, parameter_value from audit.model_runs")
    )
    published_fits = {
        "bg_nbd": {"r": 0.2426, "alpha": 7 * 4.4135, "a": 0.7929, "b": 2.4259},
        "mbg_nbd": {"r": 0.5248, "alpha": 7 * 6.1831, "a": 0.8914, "b": 1.6140},
        "pareto_nbd": {"r": 0.5533, "alpha": 7 * 10.5777, "s": 0.6062, "beta": 7 * 11.6687},
    }
    ((chosen, deviance),) = rows(
        tmp_path / "home",
        "select model, metric_value from marts.model_backtest where is_chosen and metric = 'deviance'",
    )
    for parameter, figure in published_fits[chosen].items():
        assert fitted[f"{chosen}.{parameter}"] == pytest.approx(figure, rel=1e-3)
    best = rows(
        tmp_path / "home", "select min(metric_value) from marts.model_backtest where metric = 'deviance'"
    )
    assert deviance == pytest.approx(best[0][0], rel=0.01)
    assert fitted["gamma_gamma.p"] == pytest.approx(6.25, rel=0.01)
    assert fitted["gamma_gamma.q"] == pytest.approx(3.74, rel=0.01)
    assert rows(tmp_path / "home", "select count(*), max(age_days) from marts.clv") == [(2_357, 272)]
