"""The site of a version: what a load did, for whoever opens it by a file or over http, without anything from outside.

index.html   the night at a glance         dbt_docs/    dbt's own pages on models, columns and lineage
gates.html   every rule with its verdict   data_docs/   GX's own pages on the suites of the night
value.html   how good the value model is
churn.html   the churn model and whom to save, where a model has scored the night
"""

import shutil
from datetime import date
from pathlib import Path

import duckdb

from ckm.home import Home
from ckm.site import churn, front, gates, tool_docs, value
from ckm.site.pages import render


def write(
    connection: duckdb.DuckDBPyConnection,
    home: Home,
    folder: Path,
    *,
    company: str,
    night: date,
    run_id: str,
    status: str,
    version: str,
) -> None:
    """Write the site of a version; `status` is how its run ends once readers have been switched to it."""
    folder.mkdir(parents=True)
    nodes = tool_docs.nodes(home)
    links = [("gates.html", "Gates")]
    has_value = _has(connection, "clv", "model_backtest", "model_calibration")
    if has_value:
        links.append(("value.html", "Value"))
    risks = churn.facts(connection) if _has(connection, "churn_risk", "churn_driver") else None
    if risks:
        links.append(("churn.html", "Churn risk"))
    suites = tool_docs.copy_data_docs(home, folder / "data_docs")
    if suites:
        links.append(("data_docs/index.html", "Data Docs"))
    if tool_docs.copy_dbt_docs(home, folder / "dbt_docs"):
        links.append(("dbt_docs/index.html", "dbt docs"))
    about = {"company": company, "night": night, "run_id": run_id, "version": version, "links": links}
    page = render("index.html", **about, **front.facts(connection, run_id, status, version, nodes))
    (folder / "index.html").write_text(page, "utf-8")
    links = [("index.html", "Overview"), *links[1:]]
    page = render("gates.html", **about | {"links": links}, **gates.facts(connection, run_id, nodes))
    (folder / "gates.html").write_text(page, "utf-8")
    if has_value:
        others = [link for link in links if link[0] != "value.html"]
        page = render("value.html", **about | {"links": others}, **value.facts(connection))
        (folder / "value.html").write_text(page, "utf-8")
    if risks:
        own = [link for link in links if link[0] != "churn.html"]
        page = render("churn.html", **about | {"links": [own[0], ("gates.html", "Gates"), *own[1:]]}, **risks)
        (folder / "churn.html").write_text(page, "utf-8")
    if suites:
        back = {"links": [("../index.html", "Overview"), ("../gates.html", "Gates")]}
        page = render("data_docs.html", **about | back, suites=suites)
        (folder / "data_docs" / "index.html").write_text(page, "utf-8")
    home.report.mkdir(exist_ok=True)
    shutil.copyfile(folder / "gates.html", home.gate_page)


def _has(connection: duckdb.DuckDBPyConnection, *marts: str) -> bool:
    """Whether the night has made all of these marts."""
    (found,) = connection.execute(
        "select count(*) from duckdb_tables() where schema_name = 'marts' and table_name in (select unnest(?))",
        [list(marts)],
    ).fetchone()
    return found == len(marts)


def write_gate_page(
    connection: duckdb.DuckDBPyConnection, home: Home, *, company: str, night: date, run_id: str
) -> None:
    """Write the gate page of a run that publishes nothing into the home, which only its owner may enter."""
    home.report.mkdir(exist_ok=True)
    page = render(
        "gates.html",
        company=company,
        night=night,
        run_id=run_id,
        version=None,
        links=[],
        **gates.facts(connection, run_id, tool_docs.nodes(home)),
    )
    home.gate_page.write_text(page, "utf-8")
