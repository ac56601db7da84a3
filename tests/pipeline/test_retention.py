"""What readers see after old versions have left the raw log: all as before, but a customer's older history."""

from datetime import date

import pytest
from benchmarks.published import differences
from tests.pipeline.conftest import NIGHTS, Company, rows

from ckm import retention
from ckm.fields import Retention
from ckm.home import Home
from ckm.warehouse import connect

pytestmark = pytest.mark.slow

VERSIONS = """
    select customer_key, customer_type, country, segment, is_deleted, is_current, valid_to
    from core.dim_customer where coalesce(valid_to > date '{cutoff}', true) order by all
"""


def test_rebuilt_night_differs_only_in_what_customers_were_before_the_cutoff(copy_of: Company) -> None:
    """As hard as it can be: all is built anew from what is left of the log, on the very night."""
    before = copy_of.copied(copy_of.folder.with_name("before")).home
    night, cutoff = date.fromisoformat(NIGHTS[-1]), date.fromisoformat(NIGHTS[1])
    keep = Retention(raw_days=(night - cutoff).days)
    removed = retention.apply(Home(copy_of.home), keep, night, f"{night}.1")
    assert {"raw_crm.customers", "raw_crm.orders"} <= {one.what for one in removed}
    with copy_of.sources.open("a", encoding="utf-8") as sources:
        sources.write(f"retention: {{audit_days: 1, raw_days: {keep.raw_days}}}\n")
    done = copy_of.run("--date", NIGHTS[-1], "--full-refresh")
    assert done.code == 0, done.err
    found = differences(before, copy_of.home)
    assert {difference.table for difference in found} <= {
        "core.dim_customer", "core.dim_customer_current", "marts.loyalty_monitor",
    }, "\n".join(map(str, found))  # fmt: skip
    assert any(difference.table == "core.dim_customer" and difference.only_here for difference in found)
    # What was so on the cutoff date or since is as it was; the oldest version that is left stands from the beginning.
    assert rows(before, VERSIONS.format(cutoff=cutoff)) == rows(copy_of.home, VERSIONS.format(cutoff=cutoff))
    assert rows(
        copy_of.home, f"select count(*) from core.dim_customer where valid_to <= date '{cutoff}'"
    ) == [(0,)]
    with connect(Home(copy_of.home).warehouse, read_only=True) as connection:
        last = {one.what: one.cutoff for one in retention.removed_by(connection, f"{night}.2")}
        assert last["audit.gate_results"] == cutoff  # of the raw log nothing was left to remove
        assert not [what for what in last if what.startswith("raw_")]
    refused = copy_of.run("--date", NIGHTS[0])
    assert refused.code == 2 and f"{NIGHTS[0]} cannot be computed any more" in refused.err
