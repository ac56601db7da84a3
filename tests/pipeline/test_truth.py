"""What the pipeline made of the simulated company, against the simulator's own record of it: every row, every
measure, every customer and every planted defect."""

from collections.abc import Iterator
from dataclasses import dataclass, field

import duckdb
import pytest
from tests.pipeline.conftest import BROKEN, HEALED, NIGHTS, Company, Later, rows
from tests.pipeline.fates import fates, set_aside_unplanted
from tests.pipeline.record import record_beside

pytestmark = pytest.mark.slow


@dataclass(frozen=True)
class Fact:
    """A fact whose rows are the object's `r`, joined with more of the record where it says so.

    `measures` are the fact's columns and what they are in the record; `person` is whom a row is about, as
    reference `<source>|<object>|<native id>`; `only` narrows the fact to the object's rows.
    """

    table: str
    object: str
    measures: dict[str, str] = field(default_factory=dict)
    person: str = "null"
    joins: str = ""
    only: str = "true"

    def __str__(self) -> str:
        return f"{self.table.partition('.')[2]} of {self.object.partition('.')[2]}"


def own(*columns: str, codes: tuple[str, ...] = (), **others: str) -> dict[str, str]:
    """Columns that are called alike in fact and record, codes that the star writes in small letters, and others."""
    small = {column: f"lower(trim(r.{column}))" for column in codes}
    return {column: f"r.{column}" for column in columns} | small | others


CUSTOMER, ORDERER = "'crm|customers|' || r.customer_id", "'crm|customers|' || o.customer_id"
PERSON = "coalesce('{0}|' || {1}, 'crm|customers|' || {2}.customer_id)"
RATE = (
    "asof left join crm.exchange_rates x "
    "on upper(trim(o.currency_code)) = x.from_currency and o.ordered_at::date >= x.rate_date"
)
IS_CANCELLED = "coalesce(lower(trim(o.status)) = 'cancelled', false)"
AMOUNT = "(r.quantity * r.unit_price - coalesce(r.discount_amount, 0))"
EVENTS = (
    "left join (select complaint_id, count(*) as events, count(*) filter (event_type = 'contacted') as contacts, "
    "count(*) filter (event_type = 'reopened') as reopened from complaints.complaint_events group by all) e "
    "using (complaint_id)"
)

FACTS = (
    Fact(
        "about_customers.fct_order_line", "crm.order_lines",
        own(
            "quantity", "unit_price", "discount_amount", net_amount=AMOUNT,
            order_date="coalesce(o.ordered_at, r.updated_at)::date",
            is_cancelled=IS_CANCELLED,
            net_revenue=f"case when {IS_CANCELLED} then 0 when upper(trim(coalesce(o.currency_code, 'EUR'))) = 'EUR' "
            f"then {AMOUNT} else ({AMOUNT}::decimal(18, 4) * x.rate::decimal(20, 12))::decimal(18, 4) end",
        ),
        ORDERER, f"left join crm.orders o using (order_id) {RATE}",
    ),
    Fact(
        "about_customers.fct_shipment", "crm.shipments",
        own(
            "failed_attempts", is_failed="lower(trim(r.status)) = 'failed'", delivered_date="r.delivered_at::date",
            days_late="date_diff('day', coalesce(r.promised_on, o.promised_on), r.delivered_at::date)",
        ),
        ORDERER, "left join crm.orders o using (order_id)",
    ),
    Fact("about_customers.fct_usage", "crm.usage_events", own("quantity", used_date="r.used_at::date"), CUSTOMER),
    Fact(
        "about_customers.fct_interaction", "crm.interactions",
        own("duration_seconds", codes=("direction",), started_date="r.started_at::date"), CUSTOMER,
    ),
    Fact(
        "about_customers.fct_subscription", "crm.subscriptions",
        own("monthly_fee", "started_on", "ends_on", "cancelled_on", codes=("status",)), CUSTOMER,
    ),
    Fact(
        "about_customers.fct_workroom_item", "crm.workroom_items",
        own("ends_on", codes=("item_type",), opened_date="r.opened_at::date", closed_date="r.closed_at::date"),
        CUSTOMER,
    ),
    Fact(
        "about_customers.fct_service_cost", "crm.service_costs",
        own("amount", "month", codes=("cost_kind",), net_cost="r.amount"), CUSTOMER,
    ),
    Fact(
        "for_customers.fct_knowledge_delivery", "knowledge.deliveries",
        own("read_seconds", "is_helpful", "is_solved", codes=("delivery_mode",), delivered_date="r.delivered_at::date"),
        PERSON.format("knowledge|readers", "r.reader_id", "r"),
    ),
    Fact(
        "for_customers.fct_knowledge_search", "knowledge.searches",
        own("result_count", has_click="r.clicked_article_id is not null", searched_date="r.searched_at::date"),
        PERSON.format("knowledge|readers", "r.reader_id", "r"),
    ),
    Fact(
        "for_customers.fct_service_benchmark", "knowledge.service_benchmarks",
        own("benchmark_value", "metric", "peer", "month"),
    ),
    Fact(
        "from_customers.fct_complaint", "complaints.complaints",
        own(
            "compensation_amount", "is_disputed", codes=("category", "status"), received_date="r.received_at::date",
            resolved_date="r.resolved_at::date", event_count="coalesce(events, 0)",
            contact_count="coalesce(contacts, 0)", reopened_count="coalesce(reopened, 0)",
        ),
        PERSON.format("complaints|complainants", "r.complainant_id", "r"), EVENTS,
    ),
    Fact(
        "from_customers.fct_complaint_event", "complaints.complaint_events",
        own(codes=("event_type",), occurred_date="r.occurred_at::date"),
        PERSON.format("complaints|complainants", "c.complainant_id", "c"),
        "left join complaints.complaints c using (complaint_id)",
    ),
    Fact(
        "from_customers.fct_survey_invitation", "surveys.invitations",
        own("survey_id", invited_date="r.invited_at::date", reminded_date="r.reminded_at::date"),
        PERSON.format("surveys|respondents", "r.respondent_id", "r"),
    ),
    Fact(
        "from_customers.fct_survey_response", "surveys.responses",
        own("survey_id", "is_complete", responded_date="r.responded_at::date"),
        PERSON.format("surveys|respondents", "r.respondent_id", "r"),
    ),
    Fact(
        "from_customers.fct_survey_answer", "surveys.answers",
        own("answer_value", "question_id", survey_id="a.survey_id"),
        PERSON.format("surveys|respondents", "a.respondent_id", "a"),
        "left join surveys.responses a using (response_id)",
    ),
    Fact(
        "from_customers.fct_observation", "surveys.observations",
        own(codes=("observation_type", "theme"), observed_date="r.observed_at::date"), CUSTOMER,
    ),
    Fact(
        "co_created.fct_contribution", "community.contributions",
        own(
            "votes", "hours", "adopted_on", codes=("contribution_type",), contributed_date="r.contributed_at::date",
            is_adopted="r.adopted_on is not null",
        ),
        "'community|members|' || r.member_id",
    ),
    Fact("co_created.fct_release", "community.releases", own("release_name", "released_on", codes=("release_kind",))),
    *(
        Fact("co_created.fct_initiative_outcome", f"community.{name}", measures, only=f"object = '{name}'")
        for name, measures in {
            "outcomes": own("amount", "measured_value", "month", codes=("outcome_kind",)),
            "initiative_costs": own("amount", "month", codes=("cost_kind",)),
            "ip_shares": own("member_share", amount="r.value_amount", outcome_date="r.granted_on"),
        }.items()
    ),
)  # fmt: skip


@pytest.fixture(scope="module", params=[NIGHTS[-1], pytest.param(HEALED, marks=pytest.mark.prove)])
def record(request: pytest.FixtureRequest, company: Company) -> Iterator[duckdb.DuckDBPyConnection]:
    """The record beside the home: after three nights, and after a bad and a good night in January."""
    lived = company if request.param == NIGHTS[-1] else request.getfixturevalue("later").company
    with record_beside(lived.folder, lived.home) as connection:
        yield connection


@pytest.mark.parametrize("fact", FACTS, ids=str)
def test_fact_is_the_simulators_own_record(record: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    key, source, name = key_of(record, fact), *fact.object.split(".")
    record.execute(
        f"""
        create or replace temp table told as
        select md5('{source}|{name}|' || r.row_key) as {key},
            {", ".join(f"{told} as {column}" for column, told in fact.measures.items())}
        from {fact.object} r {fact.joins}
        """
    )
    record.execute(
        f"create or replace temp table made as "
        f"select {key}, {', '.join(fact.measures)} from public.{fact.table} where {fact.only}"
    )
    numbers = [
        column
        for column, kind in zip(record.table("made").columns, record.table("made").types, strict=True)
        if kind.id in ("decimal", "bigint")
    ]
    totals = ", ".join(["count(*)", f"count(distinct {key})", *(f"sum({column})" for column in numbers)])
    in_record, in_fact = (
        record.execute(f"select {totals} from {table}").fetchone() for table in ("told", "made")
    )
    assert in_fact == in_record
    assert in_fact[0] == in_fact[1] > 0
    for there, here in (("told", "made"), ("made", "told")):
        keys = f"select {key} from {there} except select {key} from {here}"
        assert record.execute(keys).fetchall() == [], f"keys of {there} that {here} lacks"
        assert record.execute(f"from {there} except from {here}").fetchall() == [], f"{there}, not {here}"


OF_PERSONS = [fact for fact in FACTS if fact.person != "null"]
RIGHT = 0.99
"""Share of the persons whom the match gives to a customer that must be his."""


def give(record: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """Make `given`: of each row whom it names, whether the CRM knows that reference, the customer it has, if right."""
    key, source, name = key_of(record, fact), *fact.object.split(".")
    record.execute(
        f"""
        create or replace temp table given as
        with told as (
            select md5('{source}|{name}|' || r.row_key) as {key}, {fact.person} as reference
            from {fact.object} r {fact.joins}
        ),
        customers as (
            select native_id, customer_key from warehouse.identity.customer_identity
            where source = 'crm' and object = 'customers'
        )
        select told.reference, customers.native_id as customer_id,
            exists (from customers where told.reference = 'crm|customers|' || native_id) as is_named,
            exists (from truth.customers c
                where (c.reference, c.customer_id) = (told.reference, customers.native_id)) as is_right
        from public.{fact.table} as fact
        join told using ({key})
        left join customers on fact.customer_key = customers.customer_key
        """
    )


@pytest.mark.parametrize("fact", OF_PERSONS, ids=str)
def test_whom_the_crm_names_is_never_lost_or_another(record: duckdb.DuckDBPyConnection, fact: Fact) -> None:
    """A company's contact stands for the company."""
    give(record, fact)
    assert record.execute(
        "select count(*) filter (customer_id is null), count(*) filter (customer_id is not null and not is_right) "
        "from given where is_named"
    ).fetchone() == (0, 0)
    assert record.execute("select count(customer_id) > 0 from given").fetchone() == (True,)


def test_whom_other_sources_name_is_given_to_his_customer_as_often_as_promised(
    record: duckdb.DuckDBPyConnection,
) -> None:
    """See it with -s: persons that are given to a customer, those of them who are his, persons who are somebody's."""
    record.execute(
        "create or replace temp table persons (reference varchar, is_given boolean, is_right boolean)"
    )
    for fact in OF_PERSONS:
        give(record, fact)
        record.execute(
            "insert into persons select distinct reference, customer_id is not null, is_right from given "
            "where not is_named and reference is not null"
        )
    given, right, of_a_customer = record.execute(
        """select count(*) filter (is_given), count(*) filter (is_given and is_right),
            count(*) filter (reference in (select reference from truth.customers))
        from (select reference, bool_or(is_given) as is_given,
            bool_and(is_right) filter (is_given) as is_right from persons group by reference)"""
    ).fetchone()
    print("", f"{given} of {of_a_customer} given, {right} right", sep="\n")
    assert right / given >= RIGHT
    assert given / of_a_customer >= 0.6


def key_of(record: duckdb.DuckDBPyConnection, fact: Fact) -> str:
    """The fact's own key, its first column."""
    return record.table(f"public.{fact.table}").columns[0]


def test_every_fact_is_compared(company: Company) -> None:
    published = rows(
        company.home,
        "select schema_name || '.' || table_name from duckdb_tables() where table_name like 'fct_%'",
    )
    assert {fact.table for fact in FACTS} == {table for (table,) in published}


@pytest.mark.prove
def test_no_planted_defect_vanishes(company: Company, later: Later) -> None:
    """Each is set aside under a fitting rule, a copy, put right in the star, late, or accepted; see it with -s."""
    table = fates(company.folder, company.home, (later.company.folder, later.company.home))
    print("", "kind, source, planted, quarantined, duplicate, corrected, late, accepted", *table, sep="\n")
    assert {
        (kind, source): planted for kind, source, planted, *became in table if sum(became) != planted
    } == {}
    assert len({kind for kind, *_ in table}) == 11 and len({source for _, source, *_ in table}) == 5


def test_every_copy_is_counted(company: Company, caught_up: Company) -> None:
    planted = duckdb.execute(
        f"select source, object, count(*) from '{company.folder}/truth/defects.parquet' "
        "where kind = 'duplicate_row' group by all order by all"
    ).fetchall()
    counted = rows(
        caught_up.home,
        "select source, object, duplicate from audit.load_ledger where duplicate > 0 order by all",
    )
    assert counted == planted


def test_nothing_sound_is_set_aside(company: Company) -> None:
    assert set_aside_unplanted(company.folder, company.home) == []


@pytest.mark.prove
def test_late_row_is_taken_in_by_a_later_night(later: Later) -> None:
    """The row's cursor says the day of the bad night, whose systems did not show it yet."""
    seen = rows(
        later.company.home,
        f"select usage_id, known_on::text from about_customers.fct_usage where used_date = '{BROKEN}' "
        f"and known_on > '{BROKEN}'",
    )
    late = duckdb.execute(
        f"select native_key from '{later.company.folder}/truth/defects.parquet' "
        "where kind = 'late_row' and object = 'usage_events'"
    ).fetchall()
    assert seen and set(seen) <= {(key, HEALED) for (key,) in late}


def test_unknown_products_are_kept_and_said_to_be_unlisted(company: Company) -> None:
    products = rows(
        company.home,
        "select distinct is_listed from core.dim_product where product_id in "
        "('XX-9999', 'TEST', 'P-0000', 'ALT-0815')",
    )
    assert products == [(False,)]
