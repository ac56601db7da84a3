"""The `sources.yml` of the simulated company."""

from pathlib import Path
from typing import Any

import yaml

from ckm.simulate.company import Company
from ckm.simulate.systems.described import Described
from ckm.simulate.systems.shown import given

API = "${CKM_COMPLAINTS_URL:-http://127.0.0.1:8765}"
CLIENT_ID = "ckm"
CLIENT_SECRET = "${CKM_COMPLAINTS_SECRET:-nordlicht-demo-secret}"
"""The default is what `ckm serve` asks for, too. It hides nothing: the company is fictitious."""

_HEADER = "# The company's systems and what their columns mean: canonical column: the system's own column.\n"
_COMPANY = (
    "name",
    "time_zone",
    "reporting_currency",
    "week_start",
    "fiscal_year_start_month",
    "customer_type",
)


def write_sources(
    folder: Path,
    company: Company,
    systems: dict[str, dict[str, Described]],
    objects: dict[str, dict[str, dict]],
    address: str,
) -> None:
    """Write `sources.yml`; `address` is that of the database behind crm and knowledge."""
    transports: dict[str, dict[str, Any]] = {
        "crm": {"transport": "sql", "url": address},
        "complaints": {
            "transport": "rest",
            "url": f"{API}/api/",
            "auth": {
                "token_url": f"{API}/oauth/token",
                "client_id": CLIENT_ID,
                "client_secret": CLIENT_SECRET,
            },
        },
        "surveys": {"transport": "files", "path": "surveys"},
        "knowledge": {"transport": "sql", "url": address},
        "community": {"transport": "files", "path": "community"},
    }
    places = {"sql": "table", "rest": "endpoint", "files": "file"}
    sources = {}
    for source, rows in objects.items():
        at = transports[source]
        place = places[at["transport"]]
        sources[source] = {
            **at,
            "time_zone": company.time_zone,
            "lag_days": 2,
            "objects": {
                name: _object(place, systems[source][name], columns) for name, columns in rows.items()
            },
        }
    document = {"company": {name: getattr(company, name) for name in _COMPANY}, "sources": sources}
    text = yaml.safe_dump(document, sort_keys=False, allow_unicode=True, width=110)
    new = folder / "sources.yml.new"
    new.write_text(_HEADER + text, "utf-8")
    new.replace(folder / "sources.yml")


def _object(place: str, described: Described, columns: dict) -> dict[str, Any]:
    mapped: dict[str, Any] = {place: described.place, **described.settings}
    if place == "endpoint":
        mapped["updated_since"] = "updated_since"
    mapped["columns"] = given(described, columns)
    if described.constants:
        mapped["constants"] = dict(described.constants)
    return mapped
