"""What Airflow looks for outside the DAG's file: its secrets, the hour of publication, and the site's pages.

Airflow loads this file as a plugin. The package `ckm` beside it does not know Airflow.
"""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import structlog
from airflow.plugins_manager import AirflowPlugin
from airflow.sdk import BaseDeadlineReference, BaseOperatorLink, Connection, Variable
from airflow.sdk.exceptions import AirflowNotFoundException
from airflow.sdk.log import mask_secret
from asgiref.sync import sync_to_async

from ckm.settings import Vault, load_settings, look_up_also

log = structlog.get_logger("ckm.alert")
PASSWORD = "_PASSWORD"


def find_secret(name: str) -> str | None:
    """What Airflow keeps under the name of an environment variable; the task's log shows stars in its place.

    The variable `CRM_PASSWORD`, else the URI of the connection `crm_password`, else the password of `crm`.
    """
    found = Variable.get(name, default=None) or _of_connection(name.lower(), "uri")
    if found is None and name.endswith(PASSWORD):
        found = _of_connection(name.removesuffix(PASSWORD).lower(), "password")
    if found is not None:
        mask_secret(found)
    return found


def _of_connection(conn_id: str, part: str) -> str | None:
    try:
        connection = Connection.get(conn_id)
    except AirflowNotFoundException:
        return None
    if part == "password":
        return connection.password
    uri = connection.get_uri()
    return uri.replace(
        "postgres://", "postgresql://", 1
    )  # Airflow's name for it is one SQLAlchemy has dropped


def look_into_airflow() -> None:
    """Let this task find in Airflow's variables and connections what the environment does not hold."""
    look_up_also(Vault("Airflow", find_secret))


@dataclass(eq=False)
class PublishedBy(BaseDeadlineReference):
    """The hour `by` (HH:MM) in the company's zone of the morning after a night; none for a night long past.

    Counted from the logical date it would be an hour off on the two days on which clocks are changed, and nights
    that are caught up after an outage would all be late.
    """

    by: str = "00:00"
    zone: str = "UTC"
    required_kwargs: ClassVar[set[str]] = {"dag_id", "run_id"}

    def serialize_reference(self) -> dict[str, Any]:
        return {"reference_type": self.reference_name, "by": self.by, "zone": self.zone}

    @classmethod
    def deserialize_reference(cls, reference_data: dict[str, Any]) -> "PublishedBy":
        return cls(reference_data["by"], reference_data["zone"])

    def _evaluate_with(self, *, session: Any, dag_id: str, run_id: str) -> datetime | None:
        from airflow.models import DagRun
        from sqlalchemy import select

        interval_start = session.scalar(
            select(DagRun.data_interval_start).where(DagRun.dag_id == dag_id, DagRun.run_id == run_id)
        )
        return self.deadline(interval_start, datetime.now(UTC)) if interval_start else None

    def deadline(self, interval_start: datetime, now: datetime) -> datetime | None:
        """The moment of a night's deadline, or None if that was before today."""
        zone = ZoneInfo(self.zone)
        morning = interval_start.astimezone(zone).date() + timedelta(days=1)
        if morning < now.astimezone(zone).date():
            return None
        return datetime.combine(morning, time.fromisoformat(self.by), zone).astimezone(UTC)


async def tell_if_late(by: str, zone: str, context: dict[str, Any]) -> None:
    """What Airflow's triggerer calls when the hour has passed and the run has not succeeded.

    A callback that an executor runs would do without the triggerer, but may not read variables and connections.
    """
    await sync_to_async(_tell_if_late)(time.fromisoformat(by), ZoneInfo(zone), context["dag_run"])


def _tell_if_late(by: time, zone: ZoneInfo, run: dict[str, Any]) -> None:
    from ckm import alert
    from ckm.home import Home

    given, interval_start = (
        (run["conf"] or {}).get("date"),
        datetime.fromisoformat(run["data_interval_start"]),
    )
    night = date.fromisoformat(given) if given else interval_start.astimezone(zone).date()
    look_into_airflow()
    settings = load_settings()
    alert.tell_if_late(Home(settings.home.resolve()), settings.sources, night, by, zone, log.warning)


class SitePage(BaseOperatorLink):
    """A page of the published site, as a button on a task."""

    def __init__(self, name: str, page: str) -> None:
        self._name, self._page = name, page

    @property
    def name(self) -> str:
        return self._name

    @property
    def xcom_key(self) -> str:
        return f"_link_{self._page}"

    def get_link(self, operator: Any, *, ti_key: Any) -> str:
        return f"{load_settings().site_url.rstrip('/')}/{self._page}"


class CkmPlugin(AirflowPlugin):
    """Tells the scheduler which class reckons the hour of publication."""

    name = "ckm"
    deadline_references: ClassVar[list[Any]] = [PublishedBy]
