"""Airflow's REST interface, as far as a person's commands need it."""

import json
import urllib.error
import urllib.request
from typing import Any


class Rest:
    """The API server at `url`. Without a name it must be one that lets everybody in.

    Every call returns the answer's JSON, and raises OSError where the server does not answer, or not well.
    """

    def __init__(self, url: str, name: str | None = None, password: str | None = None) -> None:
        self.url = url
        self._login = {"username": name, "password": password} if name else None
        self._token: str | None = None

    def health(self) -> dict[str, Any]:
        """The state of each component; asked without a login."""
        return self._call("GET", "/api/v2/monitor/health")

    def get(self, path: str) -> Any:
        return self._known("GET", path, None)

    def post(self, path: str, body: dict[str, Any]) -> Any:
        return self._known("POST", path, body)

    def patch(self, path: str, body: dict[str, Any]) -> Any:
        return self._known("PATCH", path, body)

    def _known(self, method: str, path: str, body: dict[str, Any] | None) -> Any:
        """Call as one who has logged in, and log in again where that has run out."""
        if self._token is None:
            self._log_in()
        try:
            return self._call(method, f"/api/v2{path}", body, self._token)
        except urllib.error.HTTPError as error:
            if error.code != 401:
                raise
        self._log_in()
        return self._call(method, f"/api/v2{path}", body, self._token)

    def _log_in(self) -> None:
        answer = self._call("POST" if self._login else "GET", "/auth/token", self._login)
        self._token = answer["access_token"]

    def _call(
        self, method: str, path: str, body: dict[str, Any] | None = None, token: str | None = None
    ) -> Any:
        request = urllib.request.Request(
            self.url + path,
            method=method,
            data=None if body is None else json.dumps(body).encode(),
            headers={"Content-Type": "application/json"}
            | ({"Authorization": f"Bearer {token}"} if token else {}),
        )
        with urllib.request.urlopen(request, timeout=10) as answer:
            return json.load(answer)
