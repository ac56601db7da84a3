"""What Airflow loads as a plugin: this file alone, see .airflowignore."""

from typing import Any, ClassVar

from airflow.plugins_manager import AirflowPlugin

from ckm_airflow.deadline import PublishedBy


class CkmPlugin(AirflowPlugin):
    """Tells the scheduler which class reckons the hour of publication."""

    name = "ckm"
    deadline_references: ClassVar[list[Any]] = [PublishedBy]
