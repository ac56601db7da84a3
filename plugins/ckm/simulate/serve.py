"""The complaint system's JSON API, served from the store that `ckm simulate` writes.

POST /oauth/token                          client credentials → a token that expires
GET  /api/complaints?page=2                numbered pages   → {"data": […], "page": 2, "pages": 7, "total": 3120}
GET  /api/complaint-events?cursor=…        pages by cursor  → {"items": […], "paging": {"next": "…"}}
GET  /health                               the only page without a token

Rows come in the order of (updatedAt, id), with `updated_since` only those that changed at that time or later.
"""

import base64
import binascii
import hmac
import json
import secrets
import signal
import threading
import time
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from ckm.errors import ConfigurationError
from ckm.settings import expand_variables
from ckm.simulate.store import Slice, Store
from ckm.simulate.systems.mapping import CLIENT_ID, CLIENT_SECRET

_LARGEST_PAGE = 1000
_LARGEST_BODY = 10_000


class ComplaintServer(ThreadingHTTPServer):
    """The API of the company in `folder`; port 0 takes a free one.

    Args:
        token_seconds: how long a token is good.
        requests_per_second: how many requests are answered within a second; the others get 429.
        client_secret: what a client must know; default $CKM_COMPLAINTS_SECRET, else what every simulated
            `sources.yml` says.

    Raises:
        ConfigurationError: `folder` holds no simulated company, or the port is taken.
    """

    daemon_threads = True

    def __init__(
        self,
        folder: Path,
        host: str = "127.0.0.1",
        port: int = 8765,
        *,
        token_seconds: int = 300,
        requests_per_second: int = 20,
        client_secret: str | None = None,
    ) -> None:
        self.store = Store(folder)
        self.tokens = Tokens(token_seconds, client_secret or expand_variables(CLIENT_SECRET, "ckm serve"))
        self.pace = Pace(requests_per_second)
        try:
            super().__init__((host, port), _Handler)
        except OSError as error:
            raise ConfigurationError(f"cannot serve at {host}:{port}: {error.strerror}.") from error

    def serve_until(self, signals: tuple[signal.Signals, ...]) -> None:
        """Answer requests until one of the signals comes."""
        told: list[int] = []
        for number in signals:
            signal.signal(number, lambda number, _: told.append(number))
        threading.Thread(target=self.serve_forever, daemon=True).start()
        # no Event: a handler that interrupts its wait() may wait for ever for the lock that the wait holds
        while not told:
            time.sleep(0.1)
        self.shutdown()

    @property
    def url(self) -> str:
        """The address that the server really has, without a path."""
        host, port = self.server_address[:2]
        return f"http://{host}:{port}"


class Tokens:
    """The tokens given out, each good for some seconds."""

    def __init__(self, seconds: int, client_secret: str) -> None:
        self.seconds, self._secret = seconds, client_secret
        self._ends: dict[str, float] = {}
        self._lock = threading.Lock()

    def issue(self, client_id: str, client_secret: str) -> str | None:
        """A new token, or None where the credentials are wrong."""
        given = f"{client_id}\n{client_secret}".encode()
        if not hmac.compare_digest(given, f"{CLIENT_ID}\n{self._secret}".encode()):
            return None
        token, now = secrets.token_urlsafe(24), time.monotonic()
        with self._lock:
            self._ends = {known: end for known, end in self._ends.items() if end > now}
            self._ends[token] = now + self.seconds
        return token

    def are_good(self, token: str) -> bool:
        """Whether the token was given out and has not expired."""
        with self._lock:
            return self._ends.get(token, 0.0) > time.monotonic()


class Pace:
    """So many requests in any second."""

    def __init__(self, per_second: int) -> None:
        self.per_second = per_second
        self._answered: list[float] = []
        self._lock = threading.Lock()

    def allows(self) -> bool:
        """Whether one more may be answered now; it counts if so."""
        now = time.monotonic()
        with self._lock:
            self._answered = [at for at in self._answered if at > now - 1]
            if len(self._answered) >= self.per_second:
                return False
            self._answered.append(now)
            return True


@dataclass
class _Refusal(Exception):
    """An answer that is an error."""

    status: int
    error: str
    message: str
    headers: tuple[tuple[str, str], ...] = ()


class _Handler(BaseHTTPRequestHandler):
    server: ComplaintServer
    protocol_version = "HTTP/1.1"
    wbufsize = -1  # head and body in one packet, or the client's delayed acknowledgement costs 40 ms
    timeout = 60

    def do_GET(self) -> None:
        self._answer(self._get)

    def do_POST(self) -> None:
        self._answer(self._post)

    def log_message(self, format: str, *args: Any) -> None:
        """Say nothing: the access log would hold what people search for."""

    def send_error(self, code: int, message: str | None = None, explain: str | None = None) -> None:
        """Errors of HTTP itself, as JSON like all others."""
        self.close_connection = True
        phrase = self.responses[code][0]
        self._send(code, {"error": phrase.lower().replace(" ", "_"), "message": message or phrase})

    def _answer(self, work: Callable[[], dict[str, Any] | str]) -> None:
        try:
            self._send(200, work())
        except _Refusal as refusal:
            self._send(refusal.status, {"error": refusal.error, "message": refusal.message}, *refusal.headers)

    def _get(self) -> dict[str, Any] | str:
        address = urlsplit(self.path)
        if address.path == "/health":
            return {"status": "ok"}
        self._keep_pace()
        self._know_client()
        if address.path not in _PAGES:
            raise _Refusal(404, "not_found", f"there is no {address.path}; known are {', '.join(_PAGES)}")
        allowed, page = _PAGES[address.path]
        given = parse_qs(address.query, keep_blank_values=True)
        for name, values in given.items():
            if name not in allowed:
                raise _bad(f"there is no parameter {name}; known are {', '.join(allowed)}")
            if len(values) > 1:
                raise _bad(f"{name} is given more than once")
        return page(self.server.store, {name: value for name, (value,) in given.items()})

    def _post(self) -> dict[str, Any]:
        body = self._body()
        if urlsplit(self.path).path != "/oauth/token":
            raise _Refusal(404, "not_found", "POST is for /oauth/token only")
        self._keep_pace()
        if body.get("grant_type", "client_credentials") != "client_credentials":
            raise _Refusal(400, "unsupported_grant_type", "grant_type must be client_credentials")
        token = self.server.tokens.issue(body.get("client_id", ""), body.get("client_secret", ""))
        if token is None:
            raise _Refusal(401, "invalid_client", "client_id or client_secret is wrong")
        return {"access_token": token, "token_type": "Bearer", "expires_in": self.server.tokens.seconds}

    def _body(self) -> dict[str, str]:
        """The fields of a form or of a JSON object."""
        length = self.headers.get("Content-Length", "")
        if not length.isdecimal() or int(length) > _LARGEST_BODY:
            self.close_connection = True
            raise _bad(f"a body of at most {_LARGEST_BODY} bytes must come with its Content-Length")
        try:
            text = self.rfile.read(int(length)).decode()
            if self.headers.get_content_type() == "application/json":
                fields = json.loads(text)
                if not isinstance(fields, dict):
                    raise _bad("the body must be a JSON object")
            else:
                fields = {name: values[0] for name, values in parse_qs(text).items()}
        except ValueError as error:
            raise _bad("the body must be a form or a JSON object") from error
        return {name: str(value) for name, value in fields.items()}

    def _keep_pace(self) -> None:
        if not self.server.pace.allows():
            raise _Refusal(429, "too_many_requests", "wait a second", (("Retry-After", "1"),))

    def _know_client(self) -> None:
        scheme, _, token = self.headers.get("Authorization", "").partition(" ")
        if scheme.lower() != "bearer":
            raise _unknown_client("a bearer token is needed: POST /oauth/token gives one")
        if not self.server.tokens.are_good(token.strip()):
            raise _unknown_client("the token is unknown or has expired")

    def _send(self, status: int, body: dict[str, Any] | str, *headers: tuple[str, str]) -> None:
        content = (body if isinstance(body, str) else json.dumps(body)).encode()
        self.send_response(status)
        for name, value in (
            ("Content-Type", "application/json"),
            ("Content-Length", f"{len(content)}"),
            *headers,
        ):
            self.send_header(name, value)
        if self.close_connection:  # said, or the client's next request would meet a closed door
            self.send_header("Connection", "close")
        self.end_headers()
        self.wfile.write(content)


def _numbered(store: Store, given: dict[str, str]) -> str:
    page = _whole("page", given.get("page", "1"))
    size = _whole("page_size", given.get("page_size", "100"), _LARGEST_PAGE)
    total, first = store.changed("complaints", _since(given))
    records = store.records("complaints", first + (page - 1) * size, size)
    pages = -(-total // size)
    return f'{{"data": [{records}], "page": {page}, "pages": {pages}, "total": {total}}}'


def _by_cursor(store: Store, given: dict[str, str]) -> str:
    size = _whole("limit", given.get("limit", "100"), _LARGEST_PAGE)
    after = _read_cursor(given["cursor"]) if given.get("cursor") else None
    part: Slice = store.following("complaint_events", _since(given), after, size)
    cursor = json.dumps(None if part.last is None else _cursor(part.last))
    return f'{{"items": [{part.records}], "paging": {{"next": {cursor}}}}}'


_PAGES: dict[str, tuple[tuple[str, ...], Callable[[Store, dict[str, str]], str]]] = {
    "/api/complaints": (("updated_since", "page", "page_size"), _numbered),
    "/api/complaint-events": (("updated_since", "cursor", "limit"), _by_cursor),
}


def _since(given: dict[str, str]) -> datetime | None:
    """`updated_since` in UTC, without a zone; a time without an offset is in UTC."""
    if "updated_since" not in given:
        return None
    try:
        moment = datetime.fromisoformat(given["updated_since"])
    except ValueError as error:
        raise _bad(
            "updated_since must be an ISO time like 2025-12-31T00:00:00Z, its + written %2B"
        ) from error
    return moment if moment.tzinfo is None else moment.astimezone(UTC).replace(tzinfo=None)


def _whole(name: str, text: str, largest: int = 10**9) -> int:
    if not text.isdecimal() or not 1 <= int(text) <= largest:
        raise _bad(f"{name} must be a whole number from 1 to {largest}")
    return int(text)


def _cursor(last: list[Any]) -> str:
    return base64.urlsafe_b64encode(json.dumps(last).encode()).decode()


def _read_cursor(text: str) -> list[Any]:
    try:
        last = json.loads(base64.urlsafe_b64decode(text.encode("ascii")))
        changed, identifier, row = last
        datetime.fromisoformat(changed)
        return [changed, str(identifier), int(row)]
    except (ValueError, TypeError, binascii.Error) as error:
        raise _bad("cursor must be the one that the page before gave") from error


def _bad(message: str) -> _Refusal:
    return _Refusal(400, "bad_request", message)


def _unknown_client(message: str) -> _Refusal:
    return _Refusal(401, "invalid_token", message, (("WWW-Authenticate", "Bearer"),))
