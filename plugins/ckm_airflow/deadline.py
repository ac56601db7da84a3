"""The hour at which readers rely on a night, and what is told when it has passed."""

from dataclasses import dataclass
from datetime import UTC, date, datetime, time, timedelta
from typing import Any, ClassVar
from zoneinfo import ZoneInfo

import structlog
from airflow.sdk import BaseDeadlineReference
from asgiref.sync import sync_to_async

from ckm.settings import load_settings
from ckm_airflow.secrets import look_into_airflow

log = structlog.get_logger("ckm.alert")


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

    given = (run["conf"] or {}).get("date")
    interval_start = datetime.fromisoformat(run["data_interval_start"])
    night = date.fromisoformat(given) if given else interval_start.astimezone(zone).date()
    look_into_airflow()
    settings = load_settings()
    alert.tell_if_late(Home(settings.home.resolve()), settings.sources, night, by, zone, log.warning)
