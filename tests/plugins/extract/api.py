"""A JSON API on loopback that behaves, or misbehaves as a test tells it to."""

import json
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any
from urllib.parse import parse_qs, urlsplit


@dataclass
class Answer:
    """What the server sends; `cut` breaks the connection so many bytes before the end, `wait` delays it."""

    body: Any = None
    status: int = 200
    kind: str = "application/json"
    headers: dict[str, str] = field(default_factory=dict)
    cut: int = 0
    wait: float = 0


@dataclass(frozen=True)
class Asked:
    """One request: `number` counts those of the path from 1, `page` is the query's."""

    number: int
    path: str
    query: dict[str, str]
    headers: dict[str, str]
    body: str

    @property
    def page(self) -> int:
        return int(self.query.get("page", 1))


class Api:
    """Records in pages of `size` under any path below /api/, and tokens at /oauth/token.

    `reply`, where a test sets it, is asked first; None lets the API answer as it would.
    """

    def __init__(self, records: list[dict[str, Any]], size: int = 10) -> None:
        self.records, self.size = records, size
        self.asked: list[Asked] = []
        self.reply: Callable[[Asked], Answer | None] = lambda asked: None
        self.url = ""
        self.stop: Callable[[], None] = lambda: None

    def paths(self, path: str = "/api/complaints") -> list[Asked]:
        return [asked for asked in self.asked if asked.path == path]

    def rows(self, page: int) -> list[dict[str, Any]]:
        return self.records[(page - 1) * self.size : page * self.size]

    def answer(self, asked: Asked) -> Answer:
        special = self.reply(asked)
        if special is not None:
            return special
        if asked.path == "/oauth/token":
            return Answer({"access_token": f"token-{asked.number}", "expires_in": 3600})
        return Answer({"data": self.rows(asked.page), "meta": {"page": asked.page}})


@contextmanager
def serving(api: Api) -> Iterator[Api]:
    """Serve an API on a free port of loopback."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            parts = urlsplit(self.path)
            query = {name: values[-1] for name, values in parse_qs(parts.query).items()}
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))).decode()
            asked = Asked(len(api.paths(parts.path)) + 1, parts.path, query, dict(self.headers), body)
            api.asked.append(asked)
            answer = api.answer(asked)
            time.sleep(answer.wait)
            text = answer.body if isinstance(answer.body, str) else json.dumps(answer.body)
            content = text.encode()
            self.send_response(answer.status)
            for name, value in {"Content-Type": answer.kind, **answer.headers}.items():
                self.send_header(name, value)
            if "Content-Length" not in answer.headers:
                self.send_header("Content-Length", str(len(content)))
            self.end_headers()
            self.wfile.write(content[: len(content) - answer.cut])
            if answer.cut:
                self.wfile.flush()
                self.connection.shutdown(2)
                self.close_connection = True

        do_POST = do_GET

        def log_message(self, *_: Any) -> None:
            pass

    class Server(ThreadingHTTPServer):
        daemon_threads = True

        def handle_error(self, *_: Any) -> None:
            """A client that has gone is no news here."""

    server = Server(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=server.serve_forever, args=(0.02,), daemon=True)
    thread.start()
    api.url = f"http://127.0.0.1:{server.server_address[1]}"
    api.stop = server.server_close
    try:
        yield api
    finally:
        server.shutdown()
        server.server_close()
        thread.join()
