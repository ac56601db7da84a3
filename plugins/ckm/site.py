"""The site of a version: one offline page that says what a load did, with GX's Data Docs beside it."""

import html
import shutil
from datetime import date
from pathlib import Path
from typing import Any

import duckdb

from ckm import audit, standing
from ckm.gate.check import build_data_docs
from ckm.home import Home

STYLE = """
body { font: 15px/1.5 system-ui, sans-serif; margin: 2rem auto; max-width: 72rem; padding: 0 1rem; color: #1b2733; }
h1 { font-size: 1.6rem; margin-bottom: .2rem; } h2 { font-size: 1.15rem; margin-top: 2rem; }
table { border-collapse: collapse; min-width: 45%; } th, td { padding: .3rem .6rem; text-align: left; }
th { border-bottom: 2px solid #9aa7b4; } td { border-bottom: 1px solid #e3e8ed; }
th.n, td.n { text-align: right; font-variant-numeric: tabular-nums; }
.failed, .stale { color: #a61b1b; font-weight: 600; } .quarantined, .warned { color: #8a5a00; }
.passed, .fresh, .loaded { color: #1a6b3a; } .muted { color: #5c6b7a; }
"""


def write(
    connection: duckdb.DuckDBPyConnection, home: Home, folder: Path, *, company: str, night: date, run_id: str
) -> None:
    """Write `index.html` and `data_docs/` of one version."""
    folder.mkdir(parents=True)
    read = standing.standing(connection)  # a run that rebuilds from the raw log alone reads no source
    sections = [
        _section(
            "Rows in and out",
            "Every row that arrived is loaded, unchanged, a duplicate or in quarantine; the sum is checked.",
            connection.execute(
                """select source || '.' || object as object, extracted, loaded, unchanged, duplicate,
                quarantined, deleted, status from audit.load_ledger where run_id = ? order by 1""",
                [run_id],
            ),
        ),
        _section(
            "Freshness",
            "A stale object could not be taken in tonight; the marts show what was known of it before.",
            connection.execute(
                """select source || '.' || object as object, status, last_loaded_on, stale_days, message
                from audit.source_freshness where run_id = ? order by status desc, 1""",
                [read.run_id],
            ),
        ),
        *_new_columns(connection, run_id),
        _section(
            "Gates",
            "Rules that did not hold for every row. All rules are in audit.gate_results and the Data Docs.",
            connection.execute(
                """select boundary, object, rule, description, severity, outcome, failing_rows, evaluated_rows
                from audit.gate_results where run_id = ? and outcome <> 'passed' order by all""",
                [run_id],
            ),
        ),
        _section("Marts", "Rows of each mart.", _mart_counts(connection)),
        _section(
            "Models",
            "Parameters of the value models; times in days, values in the reporting currency.",
            connection.execute(
                """select model, parameter, round(parameter_value, 4) as parameter_value,
                round(standard_error, 4) as standard_error, is_identified, remark
                from audit.model_runs where run_id = ? order by all""",
                [run_id],
            ),
        ),
    ]
    rules = connection.execute(
        "select count(*), count(*) filter (outcome = 'passed') from audit.gate_results where run_id = ?",
        [run_id],
    ).fetchone()
    page = f"""<!doctype html>
<html lang="en"><head><meta charset="utf-8"><title>{html.escape(company)}: customer knowledge, {night}</title>
<style>{STYLE}</style></head><body>
<h1>{html.escape(company)}: customer knowledge</h1>
<p class="muted">As of {night}, run {html.escape(run_id)}. {rules[1]} of {rules[0]} gate rules hold for every row.
<a href="data_docs/index.html">Data Docs</a></p>
{_stale(read.stale)}
{"".join(sections)}
</body></html>
"""
    (folder / "index.html").write_text(page, "utf-8")
    shutil.copytree(build_data_docs(home.gx), folder / "data_docs")


def _stale(stale: list[standing.Stale]) -> str:
    """What a reader must know first: which objects are shown as they were on an earlier night, and why."""
    if not stale:
        return "<p class='fresh'>All fresh.</p>"
    lines = [
        f"<li>{html.escape(s.object)}: {f'as of {s.since}, {s.days} days ago' if s.since else 'never loaded'}. "
        f"{html.escape(s.why or '')}</li>"
        for s in stale
    ]
    return f"<div class='stale'><p>Stale:</p><ul>{''.join(lines)}</ul></div>"


def _new_columns(connection: duckdb.DuckDBPyConnection, run_id: str) -> list[str]:
    """A section on columns that the sources have new, where any is."""
    if not audit.new_columns(connection, run_id):
        return []
    return [
        _section(
            "New columns",
            "What the sources did not have before; what is not mapped is carried in the raw log's unmapped.",
            connection.execute(
                """select source || '.' || object as object, column_name, is_mapped
                from audit.source_columns where first_run_id = ? and is_new order by all""",
                [run_id],
            ),
        )
    ]


def _mart_counts(connection: duckdb.DuckDBPyConnection) -> duckdb.DuckDBPyConnection:
    marts = connection.execute(
        "select table_name from information_schema.tables where table_schema = 'marts' order by 1"
    ).fetchall()
    counts = " union all ".join(
        f"select '{m}' as mart, count(*) as row_count from marts.{m}" for (m,) in marts
    )
    return connection.execute(
        f"from ({counts or 'select null as mart, 0 as row_count where false'}) order by mart"
    )


def _section(title: str, text: str, result: duckdb.DuckDBPyConnection) -> str:
    names = [column[0] for column in result.description]
    rows = result.fetchall()
    if not rows:
        return f"<h2>{title}</h2><p class='muted'>{text}</p><p>None.</p>"
    numeric = [any(_is_number(row[index]) for row in rows) for index in range(len(names))]
    head = "".join(
        f"<th{' class=n' if is_numeric else ''}>{html.escape(name.replace('_', ' '))}</th>"
        for name, is_numeric in zip(names, numeric, strict=True)
    )
    body = "".join("<tr>" + "".join(_cell(value) for value in row) + "</tr>" for row in rows)
    return f"<h2>{title}</h2><p class='muted'>{text}</p><table><tr>{head}</tr>{body}</table>"


def _cell(value: Any) -> str:
    if value is None:
        return "<td></td>"
    if isinstance(value, bool):
        return f"<td>{'yes' if value else 'no'}</td>"
    if _is_number(value):
        return f"<td class='n'>{value:,}</td>"
    text = html.escape(str(value))
    return f"<td class='{text}'>{text}</td>" if text.isalpha() else f"<td>{text}</td>"


def _is_number(value: Any) -> bool:
    return isinstance(value, int | float) and not isinstance(value, bool)
