"""What a person sees on the terminal and in the task log: tables, never raw logs."""

import json
from collections.abc import Iterable, Sequence
from decimal import Decimal
from pathlib import Path
from typing import Any

import duckdb
from rich.box import SIMPLE_HEAD
from rich.console import Console
from rich.table import Table

from ckm.home import Home
from ckm.warehouse import connect

WIDTH = 120

KNOWLEDGE = """
    with loyalty as (
        from marts.loyalty_monitor where segment = 'all' and month < date_trunc('month', as_of_date)
    ),
    figures as (
        select 1 as place, 'from' as dimension, 'recommendation (NPS), ' || survey_name as figure, month,
            format('{:.0f}', nps) as reading,
            format('{:.0f} to {:.0f} at 95 %, {:,} answers', nps_low, nps_high, nps_responses) as remark
        from loyalty where nps_responses > 0
        qualify row_number() over (partition by survey_name order by month desc) = 1
        union all (
            select 2, 'from', 'invitations answered', month,
                format('{:.0f} %', 100 * sum(invited_responses) / sum(invited)),
                format('of {:,}', sum(invited)::bigint)
            from loyalty where invited > 0 group by month order by month desc limit 1)
        union all (
            select 3, 'from', 'complaints', month, format('{:,}', opened),
                concat_ws(', ', format('{:,} still open', still_open),
                    format('{:.0f} % too late', 100 * sla_breach_rate),
                    format('{:.0f} % solved at first contact', 100 * first_contact_resolution_rate))
            from marts.complaint_handling where category = 'all' and month < date_trunc('month', as_of_date)
            order by month desc limit 1)
        union all (
            select 4, 'for', 'articles handed on', month, format('{:,}', sum(deliveries)::bigint),
                concat_ws(', ', format('{:,} articles', count(*)),
                    format('{:.0f} % helpful', 100 * sum(helpful) / nullif(sum(helpful_answers), 0)))
            from marts.knowledge_reach where month < date_trunc('month', as_of_date)
            group by month order by month desc limit 1)
        union all (
            select 5, 'for', 'benchmarks met or beaten', month,
                format('{:,} of {:,}', count(*) filter (is_better), count(*)), 'metrics and peers'
            from marts.service_benchmark
            where month < date_trunc('month', as_of_date) and actual is not null
            group by month order by month desc limit 1)
        union all
        select 6, 'co-created', 'contributions so far', max(quarter),
            format('{:,}', sum(contributions)::bigint), format('{:,} adopted', sum(adopted)::bigint)
        from marts.cocreation_portfolio having sum(contributions) > 0
    )
    select dimension, figure, strftime(month, '%Y-%m'), reading, remark
    from figures order by place, figure
"""


def console(*, stderr: bool = False) -> Console:
    """A console that is as wide in a log as on a screen."""
    made = Console(stderr=stderr, highlight=False)
    return made if made.is_terminal else Console(stderr=stderr, width=WIDTH, highlight=False, no_color=True)


def table(title: str, columns: Sequence[str], rows: Iterable[Sequence[Any]]) -> Table:
    """A table with numbers to the right; a name that ends in `…` may be folded."""
    rows = list(rows)
    made = Table(title=title, title_justify="left", title_style="bold", box=SIMPLE_HEAD)
    for index, name in enumerate(columns):
        numeric = any(isinstance(row[index], int | float | Decimal) for row in rows)
        made.add_column(name, justify="right" if numeric else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_text(value) for value in row))
    return made


def show_published(screen: Console, home: Home) -> None:
    """Print what readers see now: rows in and out of its run, gates, marts, whom to save, where it all is."""
    version = home.current / "version.json"
    if version.exists():
        run_id = json.loads(version.read_text("utf-8"))["run_id"]
        with connect(home.current / "ckm.duckdb", read_only=True) as connection:
            screen.print(*summary(home, run_id, connection), sep="\n")


def summary(home: Home, run_id: str, connection: duckdb.DuckDBPyConnection) -> list[Any]:
    """The end of a run: rows, gates, marts, whom to save, and where everything is.

    Args:
        connection: the published version, open read-only.
    """
    rows = connection.execute(
        """select source || '.' || object, extracted, loaded, unchanged, duplicate, quarantined, status
        from audit.load_ledger where run_id = ? order by 1""",
        [run_id],
    ).fetchall()
    gates = connection.execute(
        """select boundary, count(*), count(*) filter (outcome = 'passed'),
            count(*) filter (outcome = 'quarantined'), count(*) filter (outcome = 'warned'),
            count(*) filter (outcome in ('failed', 'object_failed')), count(*) filter (outcome = 'skipped')
        from audit.gate_results where run_id = ? group by 1 order by 1 desc""",
        [run_id],
    ).fetchall()
    marts = [
        (mart, connection.execute(f"select count(*) from marts.{mart}").fetchone()[0])
        for (mart,) in connection.execute(
            "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
        ).fetchall()
    ]
    save = connection.execute(
        """
        select left(risk.customer_key, 12) as customer, clv.clv_segment,
            risk.churn_probability_90d::decimal(4, 2), clv.clv_365d::decimal(18, 2), clv.currency_code,
            (risk.churn_probability_90d * clv.clv_365d)::decimal(18, 2) as at_stake,
            coalesce(risk.driver_1, 'within the usual rhythm')
        from marts.churn_risk as risk
        join marts.clv as clv using (customer_key)
        where risk.churn_probability_90d is not null
        order by at_stake desc nulls last, risk.customer_key
        limit 10
        """
    ).fetchall()
    return [
        table(
            "Rows in and out",
            ("object", "extracted", "loaded", "unchanged", "duplicate", "quarantined", "status"),
            rows,
        ),
        table(
            "Gates",
            ("boundary", "rules", "passed", "rows set aside", "warned", "failed", "not yet judged"),
            gates,
        ),
        table("Marts", ("mart", "rows"), marts),
        *knowledge_tables(connection),
        table(
            "Ten customers most worth saving (chance of no order in 90 days × value of the next 365 days)",
            ("customer_key", "segment", "churn 90d", "CLV 365d", "", "at stake", "why"),
            save,
        ),
        f"Published: {_from_here(home.current / 'ckm.duckdb')}",
        f"Parquet:   {_from_here(home.current / 'parquet')}",
        f"Site:      {_from_here(home.current / 'site' / 'index.html')}",
    ]


def knowledge_tables(connection: duckdb.DuckDBPyConnection) -> list[Table]:
    """What is known for, from and together with customers, in the last whole month; nothing where nothing is."""
    figures = connection.execute(KNOWLEDGE).fetchall()
    columns = ("dimension", "figure", "month", "reading", "")
    return [table("What customers tell, learn and make with us", columns, figures)] if figures else []


def _from_here(path: Path) -> Path:
    """A path as a person in this folder would write it."""
    return path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path


def _text(value: Any) -> str:
    match value:
        case None:
            return ""
        case bool():
            return "yes" if value else "no"
        case int():
            return f"{value:,}"
        case Decimal():
            return f"{value:,.2f}"
        case float():
            return f"{value:,.4g}" if abs(value) < 1 else f"{value:,.2f}"
        case _:
            return str(value)
