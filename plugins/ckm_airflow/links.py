"""Buttons on tasks that lead to the published site."""

from typing import Any

from airflow.sdk import BaseOperatorLink

from ckm.settings import load_settings


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
