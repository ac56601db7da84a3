"""The page of the value model, made from marts as a night leaves them."""

import re
import xml.etree.ElementTree as xml

import duckdb
import pytest

from ckm.site import value
from ckm.site.pages import render


@pytest.fixture
def marts() -> duckdb.DuckDBPyConnection:
    connection = duckdb.connect()
    connection.execute("create schema marts")
    connection.execute(
        """
        create table marts.model_calibration as
        select 'tracking' as kind, n as bin, date '2025-01-01' + 7 * n::int as bin_date, date '2025-10-01' as cut_date,
            10.0 * n as predicted, 9.0 * n as actual from range(1, 53) as weeks(n)
        union all
        select 'calibration', n, null, date '2025-10-01', n / 10, n / 9 from range(1, 11) as tenths(n)
        union all
        select 'gain', n, null, date '2025-10-01', sqrt(n / 20), n / 20 from range(1, 21) as parts(n)
        """
    )
    connection.execute(
        """create table marts.model_backtest as select 'bg_nbd' as model, date '2025-10-01' as cut_date,
            90 as horizon_days, true as is_chosen, 'mae' as metric, 0.5 as metric_value, 'rfm' as baseline,
            0.75 as baseline_value"""
    )
    connection.execute(
        """create table marts.clv as select 'c' || n as customer_key, n::decimal(18, 4) as clv_365d,
            'revenue' as value_basis, 'EUR' as currency_code from range(100) as customers(n)"""
    )
    return connection


def test_four_pictures_lie_where_the_figures_say(marts: duckdb.DuckDBPyConnection) -> None:
    pictures = value.pictures(marts)
    assert [picture.title for picture in pictures] == [
        "Cumulative repeat purchases", "Calibration", "Gain", "Distribution of value",
    ]  # fmt: skip
    for picture in pictures:
        assert xml.fromstring(str(picture.svg)).tag.endswith("svg")
    tracking = xml.fromstring(str(pictures[0].svg))
    lines = [line.get("points") for line in tracking.iter("{http://www.w3.org/2000/svg}polyline")]
    (expected, actual) = ([float(p.split(",")[1]) for p in line.split()] for line in lines)
    height = value.HEIGHT - value.BOTTOM
    assert expected[-1] == value.TOP and actual[-1] == pytest.approx(
        height - 0.9 * (height - value.TOP), abs=0.1
    )
    (dashed,) = re.findall(r'x1="([0-9.]+)"[^/]*stroke-dasharray', str(pictures[0].svg))
    share = (float(dashed) - value.LEFT) / (value.WIDTH - value.LEFT - value.RIGHT)
    assert share == pytest.approx(39 / 52, abs=0.01)
    distribution = pictures[3].curves[1].points
    assert distribution[24] == (0.48, pytest.approx(sum(range(48)) / sum(range(100)), abs=1e-9))


def test_page_names_the_metrics_and_survives_a_company_without_values(
    marts: duckdb.DuckDBPyConnection,
) -> None:
    about = {"company": "A & B", "night": "2025-12-31", "run_id": "r", "version": "v", "links": []}
    page = render("value.html", **about, **value.facts(marts))
    assert page.count("<svg") == 4 and "rfm" in page and "100" in page
    for table in ("clv", "model_backtest", "model_calibration"):
        marts.execute(f"delete from marts.{table}")
    empty = render("value.html", **about, **value.facts(marts))
    assert "<svg" not in empty and "Nobody has a value yet" in empty
