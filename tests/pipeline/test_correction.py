"""A late correction changes the rows that depend on it and nothing else: one night of the company, with and without."""

import sqlite3
from dataclasses import dataclass, replace
from itertools import zip_longest
from pathlib import Path

import duckdb
import pytest
from benchmarks.published import OF_THE_RUN
from tests.pipeline.conftest import STAR_AND_MARTS, Company, contents, rows, served

pytestmark = pytest.mark.prove

NIGHT, NOON = "2026-01-01", "2026-01-01 12:00:00"
COMPLAINTS = "marts.complaint_handling"

# What the two corrections may change, in words and as (rows, columns).
OF_THE_LINE = {
    # the line with its price and what is computed from it, and that tonight is the first to know it so
    "about_customers.fct_order_line": (1, {"unit_price", "net_amount", "net_revenue", "known_on"}),
    # the order in its customer's story
    "marts.customer_timeline": (1, {"summary"}),
    # what the customer has bought, and is worth, tonight and as of the last month-ends
    "marts.customer_360": (1, {"net_revenue", "net_revenue_365d", "clv_365d"}),
    "marts.clv": (
        1, {"avg_order_value", "expected_order_value", "clv_90d", "clv_365d", "clv_365d_high", "clv_lifetime"}
    ),
    "marts.customer_score_history": (4, {"clv_365d"}),
    # what would be lost with the customer; BG/NBD alone says the chance, and it knows days and no money
    "marts.churn_risk": (1, {"value_at_stake", "expected_loss", "saving_is_worth", "worth_saving_from"}),
}  # fmt: skip
OF_THE_COMPLAINT = {
    # the complaint with what it is about, and that tonight is the first to know it so
    "from_customers.fct_complaint": (1, {"category", "subcategory", "category_key", "known_on"}),
    # the complaint in its customer's story
    "marts.customer_timeline": (1, {"summary"}),
    # its month: one complaint fewer of what it was thought to be about, one more of what it is about
    COMPLAINTS: (2, set()),
}
BORDERS = 3
OF_ALL_VALUE = {
    # a segment is a share of what all are worth, so whoever stands at the border of two may change sides; the models
    # are those of New Year's Eve, so nobody's value or risk moves
    "marts.clv": {"clv_segment"},
    "marts.customer_score_history": {"clv_segment"},
    "marts.churn_risk": {"loss_band"},
}


@dataclass(frozen=True)
class Corrected:
    """Two homes after the same night, the one with two corrections, and whom and what these were about."""

    before: Company
    as_it_was: Company
    corrected: Company
    buyer: str
    complainant: str
    line_month: str
    complaint_month: str
    categories: set[str]


@pytest.fixture(scope="module")
def both(company: Company, tmp_path_factory: pytest.TempPathFactory) -> Corrected:
    """A price of August that was too low, and a complaint about a delivery of some months ago that was about the
    goods; both are put right on New Year's Day."""
    folder = tmp_path_factory.mktemp("corrections")
    as_it_was, corrected = (company.copied(folder / name) for name in ("as_it_was", "corrected"))
    ((order, number, buyer, line_month),) = rows(
        company.home,
        """select order_id, line_number, customer_key, date_trunc('month', order_date)::date::varchar
        from about_customers.fct_order_line join marts.clv using (customer_key)
            join marts.customer_360 using (customer_key)
        where order_date between '2025-08-01' and '2025-08-31' and order_type = 'sale'
            and fct_order_line.currency_code = 'EUR'
            and order_date > customer_360.first_order_date
        order by all limit 1""",
    )
    ((complaint, complainant, complaint_month, category),) = rows(
        company.home,
        f"""select complaint_id, customer_key, date_trunc('month', received_date)::date::varchar, category
        from from_customers.fct_complaint
        where customer_key <> '{buyer}'
        qualify category = 'delivery' and received_date between '2025-06-01' and '2025-10-31'
            and count(*) over (partition by customer_key) = 1
        order by all limit 1""",
    )
    with sqlite3.connect(corrected.folder / "crm.db") as crm:
        done = crm.execute(
            "update AuftragPos set EinzelBetrag = EinzelBetrag + 100, LastChange = ? where AuftragNr = ? and PosNr = ?",
            [NOON, order, number],
        )
        assert done.rowcount == 1
    correct_complaint(corrected.folder / "complaints" / "complaints.parquet", complaint)
    for one in (as_it_was, corrected):
        with served(one.folder) as api:
            done = replace(one, api=api).run("--date", NIGHT)
        assert done.code == 0, done.err
    return Corrected(
        company, as_it_was, corrected, buyer, complainant, line_month, complaint_month,
        {category, "product_quality"},
    )  # fmt: skip


def correct_complaint(store: Path, complaint: str) -> None:
    """Let the API's store say what a complaint was really about; it keeps records in the order of their changes."""
    now = {
        "category": "'product_quality'",
        "subcategory": "'defective'",
        '"updatedAt"': "'2026-01-01T12:00:00+01:00'",
        "_updated_at": "timestamp '2026-01-01 11:00:00'",
    }
    changed = ", ".join(f"if(id = ?, {value}, {column}) as {column}" for column, value in now.items())
    order = "_updated_at, id, _row"
    duckdb.execute(
        f"""copy (
            select * replace (row_number() over (order by {order}) as _row)
            from (select * replace ({changed}) from '{store}') order by {order}
        ) to '{store}.new' (format parquet)""",
        [complaint] * len(now),
    )
    Path(f"{store}.new").rename(store)


def changes(both: Corrected, customers: str = "true") -> dict[str, tuple[int, set[str]]]:
    """Of each published table that differs: how many rows of the corrected home are other ones, in which columns.

    Args:
        customers: a condition on `customer_key`; rows without one are of no customer.
    """
    found = {}
    with duckdb.connect() as connection:
        for side, one in (("was", both.as_it_was), ("now", both.corrected)):
            file = one.home / "published" / "current" / "ckm.duckdb"
            connection.execute(f"attach '{file}' as {side} (read_only)")
        for table in contents(both.corrected.home, STAR_AND_MARTS):
            kinds = {
                name: str(kind)
                for name, kind, *_ in connection.execute(f"describe now.{table}").fetchall()
                if name not in OF_THE_RUN
            }
            if customers != "true" and "customer_key" not in kinds:
                continue
            cells = ", ".join(
                f"round({name}, 6) as {name}" if kind == "DOUBLE" else name for name, kind in kinds.items()
            )
            for side, other in (("was", "now"), ("now", "was")):
                connection.execute(
                    f"create or replace temp table only_{side} as "
                    f"(select {cells} from {side}.{table} where {customers}) except all "
                    f"(select {cells} from {other}.{table} where {customers})"
                )
            count, columns = connection.execute("select count(*) from only_now").fetchone()[0], set()
            for name in kinds:
                lists = f"(select list({name} order by {name}) from only_{{}})"
                (is_same,) = connection.execute(
                    f"select {lists.format('was')} is not distinct from {lists.format('now')}"
                ).fetchone()
                columns |= set() if is_same else {name}
            if count or columns:
                found[table] = (count, columns)
    return found


class TestPublished:
    """What readers see."""

    def test_rows_of_the_buyer_are_those_of_the_line(self, both: Corrected) -> None:
        assert changes(both, f"customer_key = '{both.buyer}'") == OF_THE_LINE

    def test_rows_of_the_complainant_are_those_of_the_complaint(self, both: Corrected) -> None:
        found = changes(both, f"customer_key = '{both.complainant}'")
        assert {table for table in found if table not in OF_ALL_VALUE} == set(OF_THE_COMPLAINT) - {COMPLAINTS}
        for table, change in OF_THE_COMPLAINT.items():
            assert table == COMPLAINTS or found[table] == change

    def test_others_change_only_in_what_compares_them_with_all(self, both: Corrected) -> None:
        found = changes(both, f"customer_key not in ('{both.buyer}', '{both.complainant}')")
        for table, (count, columns) in found.items():
            assert columns <= OF_ALL_VALUE[table]
            if "clv_segment" in columns:
                assert count <= BORDERS * (4 if table == "marts.customer_score_history" else 1)

    def test_tables_without_a_customer_have_the_complaints_month_only(self, both: Corrected) -> None:
        found = changes(both)
        assert {*found} == {*OF_THE_LINE, *OF_THE_COMPLAINT}
        assert found[COMPLAINTS][0] == 2
        was, now = (
            set(rows(one.home, f"select month::varchar, category, opened from {COMPLAINTS}"))
            for one in (both.as_it_was, both.corrected)
        )
        assert {(month, category) for month, category, _ in was ^ now} == {
            (both.complaint_month, category) for category in both.categories
        }
        assert sum(opened for *_, opened in was) == sum(opened for *_, opened in now)

    def test_the_model_of_the_last_month_end_stays(self, both: Corrected) -> None:
        was, now = (
            set(
                rows(
                    one.home,
                    "select model_run_id, parameter, parameter_value from audit.model_runs "
                    f"where as_of_date = '{NIGHT}'",
                )
            )
            for one in (both.as_it_was, both.corrected)
        )
        assert was == now and {run.rpartition(".")[2] for run, *_ in was} == {"2025-12-31"}


class TestWarehouse:
    """What is written for it, in the private file."""

    def test_only_the_months_of_the_corrections_are_written_again(self, both: Corrected) -> None:
        written = {
            table: months
            for table, before in facts(both.before).items()
            if (months := months_written(before, facts(both.corrected)[table]))
        }
        assert written == {"base_order_line": {both.line_month}, "base_complaint": {both.complaint_month}}

    def test_without_a_correction_no_month_is(self, both: Corrected) -> None:
        assert facts(both.as_it_was) == facts(both.before)

    def test_log_has_one_more_version_of_each(self, both: Corrected) -> None:
        for log in ("raw_crm.order_lines", "raw_complaints.complaints"):
            was, now = (
                _warehouse(one, f"select row_key, version_number, content_hash from {log}")
                for one in (both.as_it_was, both.corrected)
            )
            ((key, number, _),) = set(now) - set(was)
            assert set(was) < set(now) and number == 1 + max(n for k, n, _ in was if k == key)


Rows = list[tuple[str, str]]


def facts(one: Company) -> dict[str, Rows]:
    """(month, key) of the rows of each fact that is kept from night to night, in the order in which they lie there."""
    tables = _warehouse(
        one, "select table_name from duckdb_tables() where schema_name = 'star_base' order by 1"
    )
    found = {}
    for (table,) in tables:
        columns = [name for name, *_ in _warehouse(one, f"describe star_base.{table}")]
        if "row_key" in columns:  # which leaves out the exchange rates, made anew each night
            found[table] = _warehouse(
                one, f"select {columns[0]}::varchar, row_key from star_base.{table} order by rowid"
            )
    return found


def months_written(before: Rows, after: Rows) -> set[str]:
    """The months that lie elsewhere than before: what a month is written with comes behind all that is there."""
    months: set[str] = set()
    while True:
        kept = [row for row in before if row[0] not in months]
        moved = [was for was, now in zip_longest(kept, after[: len(kept)]) if was != now]
        if not moved:
            return months | {month for month, _ in after[len(kept) :]}
        months.add(moved[0][0])


def _warehouse(one: Company, sql: str) -> list[tuple]:
    with duckdb.connect(str(one.home / "warehouse.duckdb"), read_only=True) as warehouse:
        return warehouse.execute(sql).fetchall()
