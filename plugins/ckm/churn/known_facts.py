"""Facts of the star with the day since when each row is known, as temporary tables that features read.

A row counts as known from the date that first saw it; what came with the first load of an object counts as known when
it happened, as nobody can tell any more.
"""

from dataclasses import dataclass

import duckdb

_LONG_AGO = "date '0001-01-01'"

# Name of the temporary table → (fact, its rows as the blocks want them, the raw log that says when one was first seen).
_FACTS: dict[str, tuple[str, str, str | None]] = {
    "churn_line": (
        "about_customers.fct_order_line",
        """select customer_key, order_date as day, line_kind as kind, sum(net_revenue) as value, {known} as known_from
        from {fact} where line_kind in ('sale', 'return') and not is_cancelled and {sample} group by all""",
        "order_line",
    ),
    "churn_shipment": (
        "about_customers.fct_shipment",
        """select customer_key, is_failed, case when not is_failed and delivered_date is not null then days_late end
            as days_late, greatest(coalesce(delivered_date, shipment_date), case when is_failed then promised_on end)
            as happened_on, {known} as known_from from {fact} where {sample}""",
        None,
    ),
    "churn_interaction": (
        "about_customers.fct_interaction",
        """select fact.customer_key, interaction_key, employee_key, employee.left_on, channel, started_at,
            case mood when 'negative' then -1 when 'neutral' then 0 when 'positive' then 1 end as mood,
            started_date as happened_on, {known} as known_from
        from {fact} left join core.dim_employee as employee using (employee_key) where {sample}""",
        None,
    ),
    "churn_usage": (
        "about_customers.fct_usage",
        "select customer_key, used_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
    "churn_subscription": (
        "about_customers.fct_subscription",
        """select customer_key, subscription_key, started_on,
            least(cancelled_on, ends_on + 1, date '9999-12-31') as over_from, {known} as known_from
        from {fact}
        where {sample} and (cancelled_on is not null or ends_on is not null
            or coalesce(status not in ('cancelled', 'canceled', 'lapsed'), true))""",
        "subscriptions",
    ),
    "churn_delivery": (
        "for_customers.fct_knowledge_delivery",
        "select customer_key, delivered_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
    "churn_search": (
        "for_customers.fct_knowledge_search",
        """select customer_key, is_without_result, searched_date as happened_on, {known} as known_from
        from {fact} where {sample}""",
        None,
    ),
    "churn_complaint": (
        "from_customers.fct_complaint",
        """select customer_key, complaint_key, received_date as happened_on, due_at, due_date, first_action_date,
            minutes_to_first_action, is_sla_breached, is_disputed, is_open,
            coalesce(resolved_date, closed_date) as ended_on, {known} as known_from
        from {fact} where {sample}""",
        "complaints",
    ),
    "churn_complaint_event": (
        "from_customers.fct_complaint_event",
        """select complaint_key, event_type, occurred_at, greatest(occurred_date, {known}) as happened_on
        from {fact} where event_type in ('resolved', 'closed', 'reopened') and {sample}""",
        None,
    ),
    "churn_nps": (
        "from_customers.fct_survey_answer",
        """select fact.customer_key, answer_key, answer_value::double as score, responded_date as happened_on,
            {known} as known_from
        from {fact} join from_customers.dim_survey_question as question using (question_key)
        where construct = 'nps' and answer_value is not null and {sample}""",
        None,
    ),
    "churn_invitation": (
        "from_customers.fct_survey_invitation",
        """select fact.customer_key, invited_date as happened_on, answers.answered_on, {known} as known_from
        from {fact} left join (
            select invitation_key, min(responded_date) as answered_on from from_customers.fct_survey_response
            group by all
        ) as answers using (invitation_key)
        where {sample}""",
        None,
    ),
    "churn_contribution": (
        "co_created.fct_contribution",
        "select customer_key, contributed_date as happened_on, {known} as known_from from {fact} where {sample}",
        None,
    ),
}  # fmt: skip

_EMPTY: dict[str, str] = {
    "churn_subscription": """select null::varchar as customer_key, null::varchar as subscription_key,
        null::date as started_on, null::date as over_from, null::date as known_from where false""",
    "churn_complaint_event": """select null::varchar as complaint_key, null::varchar as event_type,
        null::timestamp as occurred_at, null::date as happened_on where false""",
}
"""Of a star without some facts: what the population and the blocks on other facts still read."""


def make(connection: duckdb.DuckDBPyConnection, sample: str) -> None:
    """Make one table per kind of fact, empty where the star has none; `sample` is a condition on `fact`."""
    for table, (fact, sql, log) in _FACTS.items():
        if has_rows(connection, fact):
            known = _known(connection, fact, log)
            text = sql.format(fact=known.source, known=known.expression, sample=sample)
        else:
            text = sql.format(fact=f"{fact} as fact", known="fact.known_on", sample="false")
            if not exists(connection, fact):
                if table in _EMPTY:
                    connection.execute(f"create or replace temp table {table} as {_EMPTY[table]}")
                continue
        connection.execute(f"create or replace temp table {table} as {text}")
    _make_contract_ends(connection)


def exists(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether there is such a table."""
    return bool(
        connection.execute(
            "select 1 from information_schema.tables where table_schema || '.' || table_name = ?", [table]
        ).fetchone()
    )


def has_rows(connection: duckdb.DuckDBPyConnection, table: str) -> bool:
    """Whether there is such a table, and anything in it."""
    return exists(connection, table) and bool(connection.execute(f"select 1 from {table} limit 1").fetchone())


def _make_contract_ends(connection: duckdb.DuckDBPyConnection) -> None:
    """Make `churn_contract_end`: what was said of the end of each subscription, and since when.

    A contract that is renewed is given another end; read back, it would tell on the cut that it was going to be. So
    an end counts from the day that the log first saw it, also what came with the first load.
    """
    fact = "about_customers.fct_subscription"
    if not exists(connection, fact):
        return
    if exists(connection, "raw_crm.subscriptions"):
        said = """select md5('crm|subscriptions|' || row_key) as subscription_key, ends_on, known_on as said_on
            from raw_crm.subscriptions"""
    else:
        said = f"select subscription_key, ends_on, known_on as said_on from {fact}"
    connection.execute(f"create or replace temp table churn_contract_end as {said}")


@dataclass(frozen=True)
class _Known:
    source: str
    expression: str


def _known(connection: duckdb.DuckDBPyConnection, fact: str, log: str | None) -> _Known:
    """The fact, aliased `fact`, joined to what its raw log says, and since when a row of it counts as known."""
    (first,) = connection.execute(f"select min(known_on) from {fact}").fetchone()
    source, later = f"{fact} as fact", "fact.known_on"
    if log and exists(connection, "raw_crm.orders"):
        if log == "order_line":
            source += f""" left join (
                select md5('crm|order_lines|' || row_key) as order_line_key, min(known_on) as seen_on
                from raw_crm.order_lines group by row_key having max(known_on) > date '{first}'
            ) as line using (order_line_key)
            left join (
                select trim(order_id) as order_id, min(known_on) as seen_on
                from raw_crm.orders group by trim(order_id)
            ) as header using (order_id)"""
            later = "coalesce(greatest(line.seen_on, header.seen_on), fact.known_on)"
        else:
            schema, key = (
                ("raw_complaints", "complaint_key")
                if log == "complaints"
                else ("raw_crm", "subscription_key")
            )
            source += f""" left join (
                select md5('{schema[4:]}|{log}|' || row_key) as {key}, min(known_on) as seen_on
                from {schema}.{log} group by row_key having max(known_on) > date '{first}'
            ) as log using ({key})"""
            later = "coalesce(log.seen_on, fact.known_on)"
    expression = (
        f"case when fact.known_on <= date '{first}' then {_LONG_AGO} "
        f"when {later} <= date '{first}' then {_LONG_AGO} else {later} end"
    )
    return _Known(source, expression)
