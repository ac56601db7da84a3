"""A night on which half of the company's systems break, and one on which they are whole again: what failed is stale,
a bad cell is set aside, and everything else is published."""

import re

import duckdb
import pytest
from tests.pipeline.conftest import BROKEN, HEALED, NIGHTS, Later, published, rows

pytestmark = pytest.mark.prove

# object → what must be said of it; a connection that dies while it is tried again may be refused or broken off
FAILED = {
    "crm.shipments": r"column SendStatus \(mapped to status\) is not in table Sendungen",
    "crm.service_costs": "rule amount_is_readable",
    "complaints.complaints": "is text/html, not JSON",
    "complaints.complaint_events": "(breaks off before its end|does not answer), after 2 attempts",
}


def test_night_is_published_with_what_failed_stale(later: Later) -> None:
    assert later.broken.code == 4, later.broken.err
    said = " ".join(later.broken.out.split())
    assert "Traceback" not in later.broken.err
    stale = rows(
        later.company.home,
        "select source || '.' || object, stale_days, message from audit.source_freshness "
        f"where run_id = '{BROKEN}.1' and status <> 'fresh'",
    )
    assert {name: days for name, days, _ in stale} == dict.fromkeys(FAILED, 9)
    for name, _, message in stale:
        assert re.search(FAILED[name], message) and name in said
    with published(later.company.home, f"{BROKEN}.1") as version:
        for mart in ("clv", "customer_360", "complaint_handling", "loyalty_monitor"):
            dates = version.execute(f"select distinct as_of_date::varchar from marts.{mart}").fetchall()
            assert dates == [(BROKEN,)]
        newest = version.execute(
            "select max(ordered_at)::date::varchar, (select max(received_date)::varchar from "
            "from_customers.fct_complaint) from about_customers.fct_order_line"
        ).fetchone()
    assert newest[0] > NIGHTS[-1] >= newest[1]


def test_status_says_what_is_stale_and_since_when(later: Later) -> None:
    assert later.status["run_id"] == f"{BROKEN}.1"
    assert {item["object"]: (item["since"], item["days"]) for item in later.status["stale"]} == dict.fromkeys(
        FAILED, (NIGHTS[-1], 9)
    )


def test_check_names_the_first_system_that_is_not_as_the_file_says(later: Later) -> None:
    assert later.checked.code == 2
    assert "sources.crm.objects.shipments: column SendStatus (mapped to status)" in later.checked.err


def test_nothing_of_a_failed_object_is_lost_or_taken_in(later: Later) -> None:
    ledger = rows(
        later.company.home,
        "select source || '.' || object, extracted, loaded, quarantined from audit.load_ledger "
        f"where run_id = '{BROKEN}.1' and status = 'failed'",
    )
    assert {name for name, *_ in ledger} == set(FAILED)
    assert all((loaded, quarantined) == (0, extracted) for _, extracted, loaded, quarantined in ledger)
    assert max(extracted for name, extracted, *_ in ledger if name == "crm.service_costs") > 10


def test_one_word_for_a_number_sets_its_row_aside_until_it_is_put_right(later: Later) -> None:
    with duckdb.connect(str(later.company.home / "warehouse.duckdb"), read_only=True) as warehouse:
        aside = warehouse.execute(
            "select rule, content ->> 'Menge', first_seen_on::varchar from quarantine.rows "
            "where object = 'order_lines' and row_key = ?",
            [later.spoilt_line],
        ).fetchall()
        taken_in = warehouse.execute(
            "select known_on::varchar, quantity::integer from raw_crm.order_lines where row_key = ?",
            [later.spoilt_line],
        ).fetchall()
    assert aside == [("quantity_is_readable", "zwölf", BROKEN)]
    assert taken_in == [(HEALED, 1)]


def test_token_that_expires_between_two_pages_is_renewed_and_the_night_is_whole(later: Later) -> None:
    """That nothing is missing of it: test_truth compares every row of both endpoints."""
    assert len(later.tokens) > 2 and len(set(later.tokens[1:])) == 2
    assert rows(
        later.company.home,
        f"select count(*) from audit.source_freshness where run_id = '{HEALED}.1' and status <> 'fresh'",
    ) == [(0,)]
